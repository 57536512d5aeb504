/** Disk requests and packets of a guest on their way: each place that one has passed, from the driver to the sector or the bridge. */

import { signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { FollowedRequest } from '../../dom0/service/index.ts';
import { exitTitle } from '../../hypervisor/view/index.ts';
import { domains, host } from '../host.ts';
import { ModeBadge, ownerClass, Tag } from '../parts/marks.tsx';
import type { DomainSession } from '../sessions.ts';
import { inspector, WhyBox } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { OnDisk } from './on-disk.tsx';

const words = {
  nothing: 'The guest is gone.',
  title: 'No request yet',
  waits:
    'Requests are followed while this view is open: have the guest read, write or send something. These are the places that one passes.',
  make: 'Make one now',
  line: 'A line for the guest’s console',
  send: 'Send',
  sent: (line: string) => `Sent to its console: ${line}`,
  done: 'answered',
  open: 'under way',
  number: (n: number) => `request ${n}`,
  compare: 'Beside a request of',
  none: 'no other guest',
  waitsFor: (name: string) => `Nothing of ${name} yet: have it read, write or send something.`,
  twoWays: (kib: number, what: string) => `One ${what} of ${kib} KiB, two ways`,
  requestsOf: (names: readonly string[]) => `Requests of ${names.join(' and ')}`,
  ways: {
    ring: 'paravirtual: a ring',
    drive: 'emulated IDE drive',
    card: 'emulated network card',
    other: 'through the bridge',
  },
  of: (what: string, kib: number | undefined) => (kib ? `${what}, ${kib} KiB` : what),
  lanes: {
    guest: ['Guest driver', 'in the guest'],
    crossing: ['Crossing', 'VM exits, one a square'],
    xen: ['Xen', 'root mode'],
    dom0: ['Domain-0', 'serves it'],
    where: ['Host disk', 'as each layer calls it'],
    time: ['Time', 'until the answer'],
  } as const,
  slot: 'Fills a slot of the ring',
  registers: 'Commands a drive by its registers',
  cardSends: 'Commands a network card',
  gets: 'Gets a packet',
  slotSays: (n: string) =>
    `Slot ${n} names the sectors and the granted pages; then req_prod moves. No port is touched.`,
  toPorts: (ports: string, data: string) => `Sector, count and command go to ${ports}${data}.`,
  through: (size: string, port: string) => `; ${size} go through ${port}`,
  asks: (sectors: string, command: string) => `asks Domain-0’s own disk for ${sectors}: ${command}.`,
  modelAsks: 'It reads the drive’s registers as the guest has set them, and',
  backAsks: 'It takes the pages that the slot grants, and',
  noSlot: 'no exit',
  ports: (n: number) => `${n} port${n === 1 ? '' : 's'}`,
  oneSlot: '1 slot',
  missed: (n: number) => `${n} records were overwritten before they were read: some requests may be missing.`,
  uncounted: 'not counted: records were overwritten before they were read',
  exit: (n: number) => (n === 1 ? 'exit' : 'exits'),
  noExit: 'the back end was at work, and found the slot by itself',
  port: (port: number) => `port 0x${port.toString(16)}`,
  more: (n: number) => `${n} more squares`,
  model: 'The device model answers for a drive',
  back: 'The back end takes it from the ring',
  bridge: 'The bridge passes it on',
  controller: 'Domain-0’s own disk',
  atOnce: 'at once',
  largest: (place: string, part: number) => `${place} ${part.toFixed(0)} %`,
  perKib: 'VM exits per KiB',
  perRequest: 'VM exits per request',
  exits: 'VM exits',
  copied: 'Copied through ports',
  answered: 'Answered after (median)',
  earlier: (name: string) => `Earlier request of ${name}`,
  later: (name: string) => `Later request of ${name}`,
  against: 'against',
  mean: (of: readonly number[]) => `Means of the last ${of.join(' and ')} requests that were answered and counted.`,
  inMean: (exits: readonly string[], of: readonly number[]) =>
    `The last ${of.join(' and ')} requests took ${exits.join(' and ')} exits in the mean.`,
  decodes: 'Decodes each access, hands it to the device model',
  rings: 'Sets a pending bit, wakes Domain-0',
  asleep: 'Is not asked',
  decoded: 'The vCPU waits at each one until the device model has answered.',
  bell: (told: string) => `${told || 'EVTCHNOP_send'}. No data passes here.`,
  noBell: 'No event, no work: the guest and Domain-0 share the page.',
  accesses: (n: number) => `${n} access${n === 1 ? '' : 'es'}`,
  events: (n: number) => `${n} event${n === 1 ? '' : 's'}`,
  serves: (n: number) => `${figure(n)} requests an exit`,
  took: (times: readonly string[], shares: readonly number[]) =>
    `The two above were answered after ${[...new Set(times)].join(' and ')}, of which the host’s own disk took ${[...new Set(shares.map(share => `${share.toFixed(0)} %`))].join(' and ')}.`,
  table: 'Requests',
  columns: ['Domain', 'Request', 'Place', 'What', 'µs', 'Written by domain'],
  exitsTable: 'VM exits since the request before',
  exitColumns: ['Domain', 'Request', 'Reason', 'Port', 'Count'],
};
const EVERY_MS = 250,
  KEPT = 60,
  /** The typical request is one of the last so many. */
  RECENT = 40,
  SECTOR_BYTES = 512,
  MOST_SQUARES = 165,
  /** So many stand in a line at their full width. */
  ONE_LINE = 30,
  /** A segment of the time bar that is so long beside the longest bar has its name in it. */
  NAMED = 0.2;
/** What is shown beside this guest's: a domain's id; 0: nothing. */
const beside = signal(0);

/** The places of a request in their order, before one has passed them. */
const PATHS: readonly {
  name: string;
  types: readonly string[];
  places: readonly (readonly [place: string, what: string])[];
}[] = [
  {
    name: 'A write to a paravirtual disk',
    types: ['hvm', 'pv', 'pvh'],
    places: [
      ['exit', 'an event tells of it'],
      ['front end', 'a slot of its ring'],
      ['back end', 'takes it from there'],
      ['guest disk', 'sectors of the guest'],
      ['volume', 'an extent'],
      ['partition', 'sectors of it'],
      ['controller', 'a command'],
      ['disk', 'sectors of the host'],
      ['stored', 'a place in the file'],
      ['answer', 'back to the guest'],
    ],
  },
  {
    name: 'A write to an emulated drive',
    types: ['hvm'],
    places: [
      ['exit', 'an access to a port'],
      ['device model', 'the drive’s registers'],
      ['guest disk', 'sectors of the guest'],
      ['volume', 'an extent'],
      ['partition', 'sectors of it'],
      ['controller', 'a command'],
      ['disk', 'sectors of the host'],
      ['stored', 'a place in the file'],
      ['answer', 'back to the guest'],
    ],
  },
  {
    name: 'A packet that it sends',
    types: ['hvm', 'pv', 'pvh'],
    places: [
      ['exit', 'an event tells of it'],
      ['front end', 'a slot of its ring'],
      ['back end', 'from the guest'],
      ['bridge', 'in by its port'],
      ['bridge', 'out by another'],
    ],
  },
  {
    name: 'A packet that it gets',
    types: ['hvm', 'pv', 'pvh'],
    places: [
      ['bridge', 'in by a port'],
      ['bridge', 'out by its own'],
      ['back end', 'to the guest'],
      ['front end', 'a slot of its ring'],
    ],
  },
];

/** What makes a request, by the prompt that it is typed at. The gateway's address: docs/network.md. */
const MAKERS: readonly { prompt: RegExp; at: string; line: string; makes: string }[] = [
  { prompt: /minipv> *$/, at: 'minipv', line: 'dhcp', makes: 'asks the network for an address: packets' },
  { prompt: /[#$] *$/, at: 'Linux', line: 'ping -c 1 10.0.2.2', makes: 'packets to the gateway and back' },
  {
    prompt: /[#$] *$/,
    at: 'Linux',
    line: 'echo 1 > /proc/sys/vm/drop_caches; ls / > /dev/null',
    makes: 'reads from its disk what was kept in memory',
  },
];

/** A guest's requests, newest first. */
interface Side {
  id: number;
  name: string;
  type: string;
  requests: FollowedRequest[] /** Records of the last look that were overwritten before they were read. */;
  missed: number;
}
interface Data {
  own: Side;
  other?: Side;
}

/** Whose colour a place has: the guest's, Xen's, Domain-0's, or that of the host's own disk. */
const OWNERS: Readonly<Record<string, 'guest' | 'c-hv' | 'c-d0' | 'c-hw'>> = {
  'front end': 'guest',
  'guest disk': 'guest',
  exit: 'c-hv',
  'back end': 'c-d0',
  'device model': 'c-d0',
  volume: 'c-d0',
  image: 'c-d0',
  bridge: 'c-d0',
  card: 'guest',
  partition: 'c-hw',
  disk: 'c-hw',
  controller: 'c-hw',
  stored: 'c-hw',
  answer: 'c-d0',
};
const ownerOf = (place: string, id: number): string => {
  const owner = OWNERS[place] ?? 'c-hw';
  return owner === 'guest' ? ownerClass(id) : owner;
};

function open({ session }: Target) {
  const kept = new Map<number, FollowedRequest[]>();
  const sideOf = async (id: number): Promise<Side | undefined> => {
    const domain = domains.value.find(each => each.id === id);
    if (!domain) return undefined;
    const seen = await host.inspect('path', id);
    const requests = [...[...seen.requests].reverse(), ...(kept.get(id) ?? [])].slice(0, KEPT);
    kept.set(id, requests);
    return { id, name: domain.name, type: domain.type, requests, missed: seen.missed };
  };
  return {
    async look(): Promise<Data | undefined> {
      if (!session) return undefined;
      // The other one may end meanwhile.
      const [own, other] = await Promise.all([
        sideOf(session.id),
        beside.value > 0 && beside.value !== session.id ? sideOf(beside.value).catch(() => undefined) : undefined,
      ]);
      return own && { own, ...(other ? { other } : {}) };
    },
  };
}

/** The one whose exits are nearest to the mean, as the sums below tell it; of several the one in the middle by its time. */
function meanOf(requests: readonly FollowedRequest[]): FollowedRequest | undefined {
  const mean = sum(requests, ({ exits }) => countOf(exits)) / requests.length,
    apart = ({ exits }: FollowedRequest): number => Math.abs(countOf(exits) - mean),
    least = Math.min(...requests.map(apart));
  return typicalOf(requests.filter(each => apart(each) === least));
}
/** The one in the middle by its time: the last one may be one that waited for something else. */
const typicalOf = (requests: readonly FollowedRequest[]): FollowedRequest | undefined =>
  [...requests].sort((a, b) => lastOf(a.steps) - lastOf(b.steps))[requests.length >> 1];
/** The chosen request of a side; unless one is chosen, a typical one of the last that were answered, whose exits are known, and that took some. */
function chosenOf({ requests }: Side, chosen: string): FollowedRequest | undefined {
  const done = requests.slice(0, RECENT).filter(({ isDone }) => isDone);
  return (
    requests.find(({ number }) => String(number) === chosen) ??
    meanOf(done.filter(({ exits }) => exits && exits.length > 0)) ??
    done[0] ??
    requests[0]
  );
}

type Steps = FollowedRequest['steps'];
type Way = 'ring' | 'drive' | 'card' | 'other';
const wayOf = ({ steps }: FollowedRequest): Way => {
  const places = new Set(steps.map(({ place }) => place));
  return places.has('front end')
    ? 'ring'
    : places.has('device model')
      ? 'drive'
      : places.has('card')
        ? 'card'
        : 'other';
};
const lastOf = (steps: Steps): number => Math.max(0, ...steps.map(({ us }) => us));
const timeText = (us: number): string =>
  us < 0.5 ? words.atOnce : us < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(1)} ms`;
const bytesOf = (exits: FollowedRequest['exits'] = []): number => exits.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
const countOf = (exits: readonly { count: number }[] = []): number => exits.reduce((sum, { count }) => sum + count, 0);
const kibOf = (steps: Steps): number | undefined => {
  const sectors = /(\d+) sectors?/.exec(steps.find(({ place }) => place === 'guest disk')?.what ?? '')?.[1];
  return sectors === undefined ? undefined : Number(sectors) / 2;
};
const whatOf = (steps: Steps): string =>
  /: (\w+)$/.exec(steps.find(({ place }) => /back end|model/.test(place))?.what ?? '')?.[1] ?? '';
/** Percent of its time. */
const shareOf = (where: string, steps: Steps): number =>
  (100 * lasts(steps).reduce((sum, us, i) => sum + (steps[i]!.place === where ? us : 0), 0)) /
  Math.max(1, lastOf(steps));
/** Time at a place: until the next one was reached. */
const lasts = (steps: Steps): number[] => steps.map(({ us }, i) => Math.max(0, (steps[i + 1]?.us ?? us) - us));

function Figure(shown: Shown<Data>) {
  const {
    data: { own, other },
    chosen,
    choose,
    target,
  } = shown;
  if (own.requests.length === 0 && !other) return <Empty session={target.session!} />;
  const sides = [own, ...(other ? [other] : [])],
    [first, second] = chosen.split(' '),
    picked = sides.map((side, i) => chosenOf(side, (i === 0 ? first : second) ?? ''));
  const mostUs = Math.max(1, ...picked.map(each => lastOf(each?.steps ?? [])));
  const counted = sides.map(countedOf),
    counts = counted.map(({ length }) => length),
    reason = why(shown),
    shares = picked.map(each => (each ? shareOf('controller', each.steps) : 0));
  const pick = (i: number, number: number): void =>
    choose(sides.map((_, each) => (each === i ? number : (picked[each]?.number ?? ''))).join(' '));
  const others = domains.value.filter(({ id, state }) => id > 0 && id !== own.id && state !== 'c');
  const lane = (
    key: keyof typeof words.lanes,
    of: (request: FollowedRequest, side: Side, i: number) => ComponentChildren,
  ) => (
    <>
      <div class="lane-n">
        <b>{words.lanes[key][0]}</b>
        <small>{words.lanes[key][1]}</small>
      </div>
      {sides.map((side, i) => {
        const request = picked[i];
        return (
          <div key={side.id} class={`lane-c ${ownerClass(side.id)}`}>
            {request && of(request, side, i)}
          </div>
        );
      })}
    </>
  );
  const [one, two] = picked,
    kib = one && kibOf(one.steps),
    same =
      one &&
      two &&
      kib &&
      kib === kibOf(two.steps) &&
      whatOf(one.steps) === whatOf(two.steps) &&
      wayOf(one) !== wayOf(two);
  // Two that are alike and were counted stand for themselves. Else means: one request alone may be the one that rang for all others.
  const isPair = Boolean(same && one.exits && two.exits);
  return (
    <div class={`col iop${other ? ' two' : ''}`}>
      <div class="row ioph">
        <h3 class="grow">
          {same ? words.twoWays(kib, whatOf(one.steps)) : words.requestsOf(sides.map(({ name }) => name))}
        </h3>
        <label class="row cmp">
          <span class="sec">{words.compare}</span>
          <select
            class="in"
            value={beside.value}
            onChange={event => {
              beside.value = Number(event.currentTarget.value);
            }}
          >
            <option value={0}>{words.none}</option>
            {others.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="lanes">
        <div class="lane-n none" />
        {sides.map((side, i) => {
          const request = picked[i];
          return (
            <div key={side.id} class={`lane-h ${ownerClass(side.id)}`}>
              <h3>
                <span class="dom">{side.name}</span> <ModeBadge type={side.type} />{' '}
                {request && words.ways[wayOf(request)]}
              </h3>
              {request ? (
                <h4>
                  {!same && whatOf(request.steps) && words.of(whatOf(request.steps), kibOf(request.steps))}{' '}
                  <Tag kind={request.isDone ? 'done' : 'running'}>{request.isDone ? words.done : words.open}</Tag>
                  <Neighbours side={side} picked={request} pick={number => pick(i, number)} />
                </h4>
              ) : (
                <p class="sec">{words.waitsFor(side.name)}</p>
              )}
              {side.missed > 0 && <p class="sec">{words.missed(side.missed)}</p>}
            </div>
          );
        })}
        {lane('guest', request => (
          <Card {...guestCard(request)} />
        ))}
        {lane('crossing', request => (
          <Crossing exits={request.exits} told={request.steps.find(({ place }) => place === 'exit')?.what ?? ''} />
        ))}
        {lane('xen', (request, side) => (
          <div class="c-hv">
            <Card {...xenCard(request, side)} />
          </div>
        ))}
        {lane('dom0', request => (
          <div class="c-d0">
            <Card {...dom0Card(request)} />
          </div>
        ))}
        {picked.some(each => each && each.steps.some(({ place }) => WHERE.has(place))) && (
          <>
            {lane('where', (request, side) => (
              <Where steps={request.steps} id={side.id} />
            ))}
            <OnDisk sides={sides.map(({ id }, i) => ({ id, steps: picked[i]?.steps ?? [] }))} />
          </>
        )}
        {!other && lane('time', (request, side) => <Times steps={request.steps} id={side.id} mostUs={mostUs} />)}
      </div>
      <div class="iopend">
        <div>
          <dl class="sums">
            {sumsOf(isPair ? picked.map(each => [each!]) : counted).map(([name, values]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  {values.map((value, i) => (
                    <span key={i}>
                      {i > 0 && <em>{words.against}</em>}
                      <b class={`dom ${ownerClass(sides[i]!.id)}`}>{value}</b>
                    </span>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
          <p class="cap-t">
            {isPair ? words.inMean(counted.map(meanExits), counts) : words.mean(counts)}
            {shares.length > 1 &&
              shares.every(share => share > 0) &&
              ` ${words.took(
                picked.map(each => timeText(lastOf(each!.steps))),
                shares,
              )}`}
          </p>
        </div>
        {reason && <WhyBox why={reason} />}
      </div>
    </div>
  );
}

const Card = ({ title, figure, text }: { title: string; figure: string; text: string }) => (
  <div class="lcard">
    <b>{title}</b>
    <b class="fig">{figure}</b>
    <span>{text}</span>
  </div>
);

function guestCard(request: FollowedRequest): Parameters<typeof Card>[0] {
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

/** What an exit makes Xen do. */
function xenCard(request: FollowedRequest, side: Side): Parameters<typeof Card>[0] {
  const { exits, steps } = request,
    way = wayOf(request),
    count = countOf(exits),
    told = /EVTCHNOP.*/.exec(steps.find(({ place }) => place === 'exit')?.what ?? '')?.[0] ?? '';
  if (way === 'drive' || way === 'card')
    return {
      title: words.decodes,
      figure: exits ? words.accesses(countOf(exits.filter(({ port }) => port !== undefined))) : '',
      text: words.decoded,
    };
  if (exits && count === 0) return { title: words.asleep, figure: words.events(0), text: words.noBell };
  // One that rang stands for those that Domain-0 found with it: the mean tells how many.
  const known = countedOf(side),
    all = known.reduce((sum, each) => sum + countOf(each.exits), 0);
  return {
    title: words.rings,
    figure: all > 0 && known.length > all ? words.serves(known.length / all) : '',
    text: words.bell(told),
  };
}

function dom0Card({ steps }: FollowedRequest): Parameters<typeof Card>[0] {
  const took = lasts(steps),
    at = steps.findIndex(({ place }) => /back end|device model|bridge/.test(place)),
    bridges = steps.filter(({ place }) => place === 'bridge').map(({ what }) => what),
    command = steps.findIndex(({ place }) => place === 'controller');
  const place = steps[at]?.place,
    title = place === 'device model' ? words.model : place === 'back end' ? words.back : words.bridge;
  const asked = /^(command \w+), (\d+ sectors?)$/.exec(steps[command]?.what ?? ''),
    figure = command >= 0 ? `${words.controller}: ${timeText(took[command]!)}` : at >= 0 ? timeText(took[at]!) : '';
  if (asked && place !== 'bridge')
    return {
      title,
      figure,
      text: `${place === 'device model' ? words.modelAsks : words.backAsks} ${words.asks(asked[2]!, asked[1]!)}`,
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

/** A square for each exit, and what they were. */
function Crossing({ exits, told }: { exits: FollowedRequest['exits']; told: string }) {
  if (!exits)
    return (
      <div class="cross">
        <p class="sec">{words.uncounted}</p>
      </div>
    );
  const count = countOf(exits),
    hypercall = /EVTCHNOP.*/.exec(told)?.[0],
    byReason = new Map<number, typeof exits>();
  for (const each of exits) byReason.set(each.reason, [...(byReason.get(each.reason) ?? []), each]);
  return (
    <div class="cross">
      <div class={`sqs${count > ONE_LINE ? ' many' : ''}`} aria-hidden="true">
        {Array.from({ length: Math.min(count, MOST_SQUARES) }, (_, i) => (
          <i key={i} />
        ))}
        {count > MOST_SQUARES && <small>{words.more(count - MOST_SQUARES)}</small>}
      </div>
      <p>
        <b class="big">{count}</b> {words.exit(count)}
        {count === 0 ? (
          <span class="sec">: {words.noExit}</span>
        ) : (
          [...byReason].map(([reason, same], i) => (
            <span key={reason}>
              {i > 0 ? ', ' : ': '}
              {byReason.size > 1 && `${countOf(same)} `}
              {exitTitle(reason)}
              {same.some(({ port }) => port !== undefined) && (
                <span class="sec">
                  {' '}
                  (
                  {same
                    .slice(0, 3)
                    .map(({ port, count: n }) => `${n} × 0x${port!.toString(16)}`)
                    .join(', ')}
                  {same.length > 3 && ' …'})
                </span>
              )}
            </span>
          ))
        )}
        {hypercall && count > 0 && <span class="sec">, {hypercall}</span>}
      </p>
    </div>
  );
}

const WHERE: ReadonlySet<string> = new Set(['guest disk', 'volume', 'image', 'partition', 'disk', 'stored']);

/** The same sectors as each layer calls them. */
const Where = ({ steps, id }: { steps: Steps; id: number }) => (
  <ol class="where">
    {steps
      .filter(({ place, what }) => WHERE.has(place) && !what.startsWith('nowhere'))
      .map(({ place, what }) => {
        const [device, ...rest] = what
          .replace(/, \d+ sectors?$/, '')
          .replace('logical extent', 'extent')
          .split(', ');
        return (
          <li key={place} class={ownerOf(place, id)}>
            <small>
              {place}
              {rest.length > 0 && ` ${device}`}
            </small>
            <span>{rest.length > 0 ? rest.join(', ') : device}</span>
          </li>
        );
      })}
  </ol>
);

/** Where its time went: as long as it is beside the longest one here. */
function Times({ steps, id, mostUs }: { steps: Steps; id: number; mostUs: number }) {
  const took = lasts(steps),
    all = lastOf(steps),
    top = took.indexOf(Math.max(...took));
  return (
    <div class="times">
      <div class="tbar" style={`width:${Math.max(0.6, (100 * all) / mostUs)}%`}>
        {steps.map(
          ({ place }, i) =>
            took[i]! > 0 && (
              <i
                key={i}
                class={ownerOf(place, id)}
                style={`flex-grow:${took[i]}`}
                title={`${place}: ${timeText(took[i]!)}`}
              >
                {took[i]! > mostUs * NAMED && <span>{place}</span>}
              </i>
            ),
        )}
      </div>
      <p>
        <b class="big">{timeText(all)}</b>
        {all > 0 && (
          <span class="sec">
            {' '}
            {words.largest(steps[top]!.place, (100 * took[top]!) / all)};{' '}
            {took
              .map((us, i) => ({ us, place: steps[i]!.place }))
              .filter(({ us }, i) => us >= 0.5 && i !== top)
              .sort((one, other) => other.us - one.us)
              .slice(0, 3)
              .map(({ us, place }) => `${place} ${timeText(us).replace(' ', '\u00a0')}`)
              .join(', ')}
          </span>
        )}
      </p>
    </div>
  );
}

/** To the requests before and after it. */
function Neighbours({ side, picked, pick }: { side: Side; picked: FollowedRequest; pick: (number: number) => void }) {
  const at = side.requests.findIndex(({ number }) => number === picked.number),
    button = (label: string, text: string, to: number) => {
      const request = side.requests[to];
      return (
        <button
          class="btn"
          aria-label={label}
          title={label}
          disabled={!request}
          onClick={() => request && pick(request.number)}
        >
          {text}
        </button>
      );
    };
  return (
    <span class="near">
      {button(words.earlier(side.name), '‹', at + 1)}
      <span class="sec nw">{words.number(picked.number)}</span>
      {button(words.later(side.name), '›', at - 1)}
    </span>
  );
}

const sizeText = (bytes: number): string =>
  bytes < 1 ? '0' : bytes < 1000 ? `${figure(bytes)} B` : `${figure(bytes / 1024)} KiB`;

/** A decimal where it says something. */
const figure = (n: number): string =>
  (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)).replace(/\.0+$/, '');

const countedOf = ({ requests }: Side): FollowedRequest[] => requests.filter(({ exits, isDone }) => exits && isDone);

const sum = (requests: readonly FollowedRequest[], of: (request: FollowedRequest) => number): number =>
  requests.reduce((total, request) => total + of(request), 0);
const meanExits = (requests: readonly FollowedRequest[]): string =>
  figure(sum(requests, ({ exits }) => countOf(exits)) / requests.length);

/** Means of each side's requests. */
function sumsOf(counted: readonly (readonly FollowedRequest[])[]): [name: string, values: string[]][] {
  const exits = counted.map(requests => sum(requests, ({ exits: each }) => countOf(each))),
    kib = counted.map(requests => sum(requests, ({ steps }) => kibOf(steps) ?? 0));
  const values = (of: (i: number) => number, text: (n: number) => string): string[] =>
    counted.map((_, i) => (Number.isFinite(of(i)) ? text(of(i)) : '–'));
  return [
    [
      counted.every(({ length }) => length === 1) ? words.exits : words.perRequest,
      values(i => exits[i]! / counted[i]!.length, figure),
    ],
    ...(kib.every(each => each > 0)
      ? [[words.perKib, values(i => exits[i]! / kib[i]!, figure)] as [string, string[]]]
      : []),
    // Where a driver moves the data itself that is what tells the ways apart; the times have a lane of their own.
    counted.some(requests => requests.some(request => wayOf(request) === 'drive'))
      ? [words.copied, values(i => sum(counted[i]!, ({ exits: each }) => bytesOf(each)) / counted[i]!.length, sizeText)]
      : [words.answered, values(i => lastOf(typicalOf(counted[i]!)?.steps ?? []) || NaN, timeText)],
  ];
}

/** Where a request will pass, and what makes one. */
function Empty({ session }: { session: DomainSession }) {
  const line = useSignal(''),
    sent = useSignal('');
  const { id, type } = session.info.value,
    prompt = session.terminal.lines().findLast(each => each.trim() !== '') ?? '';
  const known = MAKERS.filter(maker => maker.prompt.test(prompt));
  const send = (text: string): void => {
    if (text === '' || session.over) return;
    session.terminal.type(`${text}\r`);
    sent.value = text;
  };
  return (
    <div class="col iop">
      <div>
        <h3>{words.title}</h3>
        <p class="sec">{words.waits}</p>
      </div>
      {PATHS.filter(({ types }) => types.includes(type)).map(({ name, places }) => (
        <section key={name}>
          <h4>{name}</h4>
          <ol class="stations">
            {places.map(([place, what], i) => {
              const owner = OWNERS[place] ?? 'c-hw';
              return (
                <li key={i} class={owner === 'guest' ? ownerClass(id) : owner}>
                  <b>{place}</b>
                  <span>{what}</span>
                </li>
              );
            })}
          </ol>
        </section>
      ))}
      <section>
        <h3>{words.make}</h3>
        <ul class="makers">
          {(known.length > 0 ? known : MAKERS).map(({ at, line: text, makes }, i) => (
            <li key={text}>
              <button class={`btn${i === 0 && known.length > 0 ? ' primary' : ''}`} onClick={() => send(text)}>
                {words.send}
              </button>
              <code>{text}</code>
              <span class="sec">
                {at}: {makes}
              </span>
            </li>
          ))}
          <li>
            <form
              class="row"
              onSubmit={event => {
                event.preventDefault();
                send(line.value.trim());
                line.value = '';
              }}
            >
              <button class="btn" type="submit">
                {words.send}
              </button>
              <input
                class="in"
                aria-label={words.line}
                placeholder={words.line}
                value={line.value}
                onInput={event => {
                  line.value = event.currentTarget.value;
                }}
              />
            </form>
          </li>
        </ul>
        {sent.value && (
          <p class="cap-t" role="status">
            {words.sent(sent.value)}
          </p>
        )}
      </section>
    </div>
  );
}

function why({ data: { own, other }, chosen }: Shown<Data>): Why | undefined {
  const [first, second] = chosen.split(' '),
    picked = chosenOf(own, first ?? ''),
    ways = [picked, other && chosenOf(other, second ?? '')].flatMap(each => (each ? [wayOf(each)] : []));
  if (!picked)
    return {
      question: 'Why nothing from before?',
      answer:
        'Each place that a request passes writes a record of it, and that takes time. So the workers write them only while somebody looks.',
      source: 'docs/disks.md',
    };
  if (ways.includes('ring') && ways.includes('drive'))
    return {
      question: 'Why so many?',
      answer:
        'Each access to a port traps, and the device model answers before the guest goes on. A slot of the ring describes a whole request, and one event announces many.',
      source: 'xen/include/public/io/ring.h; Intel SDM vol. 3, table 28-5',
    };
  if (ways[0] === 'ring')
    return {
      question: 'Why so few?',
      answer:
        'The driver writes the request into a ring that Domain-0 has mapped. Only the event that announces it needs Xen, and one event may announce many.',
      source: 'xen/include/public/io/ring.h',
    };
  if (ways[0] === 'drive')
    return {
      question: 'Why so many exits?',
      answer:
        'An emulated drive is driven by registers: each access to a port leaves the guest, and the device model answers before the guest goes on.',
      source: 'Intel SDM vol. 3, table 28-5',
    };
  return {
    question: 'Why through Domain-0?',
    answer:
      'A packet has no way of its own to the wire: Domain-0’s bridge takes it from one port and gives it to another, by the station’s address.',
    source: 'docs/network.md',
  };
}

const rowsOf = (
  data: Data,
  of: (side: Side, request: FollowedRequest) => (string | number)[][],
): (string | number)[][] =>
  [data.own, ...(data.other ? [data.other] : [])].flatMap(side => side.requests.flatMap(request => of(side, request)));

export const IoPath = inspector<Data>({
  everyMs: EVERY_MS,
  nothing: words.nothing,
  open,
  Figure,
  why: shown => (shown.data.own.requests.length === 0 && !shown.data.other ? why(shown) : undefined),
  tables: data => [
    {
      name: words.table,
      columns: words.columns,
      rows: rowsOf(data, ({ name }, { number, steps }) =>
        steps.map(({ place, what, us, writer }) => [name, number, place, what, Number(us.toFixed(1)), writer]),
      ),
    },
    {
      name: words.exitsTable,
      columns: words.exitColumns,
      rows: rowsOf(data, ({ name }, { number, exits = [] }) =>
        exits.map(({ reason, port, count }) => [
          name,
          number,
          exitTitle(reason),
          port === undefined ? '' : `0x${port.toString(16)}`,
          count,
        ]),
      ),
    },
  ],
});
