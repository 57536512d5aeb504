/** What the guest, the hypervisor and the host's system do about a request: a title, a figure and a sentence each. */

import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { bytesOf, countedOf, countOf, lasts, type Side, wayOf } from './facts.ts';
import { ioPathWords, sizeText, timeText, words } from './words.ts';

const SECTOR_BYTES = 512;

export interface CardText {
  title: string;
  figure: string;
  text: string;
}

export function guestCard(request: FollowedRequest): CardText {
  const { steps, exits = [] } = request,
    way = wayOf(request),
    at = steps.find(({ place }) => place === 'front end' || place === 'card' || place === 'device model');
  const ports = [...new Set(exits.flatMap(({ port }) => (port === undefined ? [] : [port])))].sort((a, b) => a - b);
  const slot = /slot (\d+)/.exec(at?.what ?? '')?.[1];
  if (way === 'ring')
    return {
      title: words.slot,
      figure: words.oneSlot,
      text:
        slot && steps.some(({ place }) => place === 'guest disk')
          ? words.slotSays(slot)
          : `${at?.what ?? ''}: ${words.noSlot}`,
    };
  if (way === 'virtqueue') {
    const [, place = '', head = ''] =
      /place (\d+) .* descriptor (\d+)/.exec(steps.find(each => each.place === 'virtqueue')?.what ?? '') ?? [];
    return { title: words.chain, figure: words.oneChain, text: place && words.chainSays(place, head) };
  }
  if (way === 'other') return { title: words.gets, figure: '', text: '' };
  // Through one port go more bytes than through all others: its data, where no DMA moves them.
  const most = exits.reduce<(typeof exits)[number] | undefined>(
      (best, each) => ((each.bytes ?? 0) > (best?.bytes ?? 0) ? each : best),
      undefined,
    ),
    data = most && 2 * most.bytes! > bytesOf(exits) && most.bytes! >= SECTOR_BYTES ? most : undefined,
    others = ports.filter(port => port !== data?.port);
  if (way === 'drive' && others.length > 1)
    return {
      title: words.registers,
      figure: words.ports(ports.length),
      text: words.toPorts(
        `0x${others[0]!.toString(16)}–0x${others.at(-1)!.toString(16)}`,
        data ? words.through(sizeText(data.bytes!), `0x${data.port!.toString(16)}`) : '',
      ),
    };
  return {
    title: way === 'card' ? words.cardSends : words.registers,
    figure: ports.length > 0 ? words.ports(ports.length) : '',
    text: [at?.what, ports.map(port => `0x${port.toString(16)}`).join(', ')].filter(Boolean).join(': '),
  };
}

/** What an exit makes the hypervisor do. */
export function hypervisorCard(request: FollowedRequest, side: Side): CardText {
  const { exits, steps } = request,
    way = wayOf(request),
    count = countOf(exits),
    told = /EVTCHNOP.*/.exec(steps.find(({ place }) => place === 'exit')?.what ?? '')?.[0] ?? '';
  if (way === 'drive' || way === 'card')
    return {
      title: ioPathWords().decodes,
      figure: exits ? words.accesses(countOf(exits.filter(({ port }) => port !== undefined))) : '',
      text: ioPathWords().decoded,
    };
  if (way === 'virtqueue')
    return exits && count === 0
      ? { title: words.asleep, figure: words.events(0), text: words.noKick }
      : { title: words.kicked, figure: '', text: ioPathWords().kick };
  if (exits && count === 0) return { title: words.asleep, figure: words.events(0), text: words.noBell };
  // One that rang represents those that Domain-0 found with it: the mean tells how many.
  const known = countedOf(side),
    all = known.reduce((sum, each) => sum + countOf(each.exits), 0);
  return {
    title: words.rings,
    figure: all > 0 && known.length > all ? words.serves(known.length / all) : '',
    text: words.bell(told),
  };
}

export function hostCard({ steps }: FollowedRequest): CardText {
  const took = lasts(steps),
    at = steps.findIndex(({ place }) => /back end|device model|bridge/.test(place)),
    bridges = steps.filter(({ place }) => place === 'bridge').map(({ what }) => what),
    command = steps.findIndex(({ place }) => place === 'controller');
  const place = steps[at]?.place,
    title = steps.some(step => step.place === 'virtqueue')
      ? words.takes
      : place === 'device model'
        ? ioPathWords().model
        : place === 'back end'
          ? words.back
          : words.bridge;
  const asked = /^(command \w+), (\d+ sectors?)$/.exec(steps[command]?.what ?? ''),
    figure =
      command >= 0 ? `${ioPathWords().controller}: ${timeText(took[command]!)}` : at >= 0 ? timeText(took[at]!) : '';
  if (asked && place !== 'bridge')
    return {
      title,
      figure,
      text: `${place === 'device model' ? words.modelAsks : words.backAsks} ${ioPathWords().asks(asked[2]!, asked[1]!)}`,
    };
  return {
    title,
    figure,
    text: [
      place === 'bridge' ? '' : steps[at]?.what,
      ...bridges,
      command >= 0 ? `controller: ${steps[command]!.what}` : '',
    ]
      .filter(Boolean)
      .join('; '),
  };
}
