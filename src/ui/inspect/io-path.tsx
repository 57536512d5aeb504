/** Disk requests and packets of a guest on their way: each place that one has passed, from the driver to the sector or the bridge. */

import { useSignal } from '@preact/signals';
import type { FollowedRequest } from '../../dom0/index.ts';
import { host } from '../host.ts';
import { Tag } from '../parts/marks.tsx';
import { ownerClass } from '../parts/marks.tsx';
import type { DomainSession } from '../sessions.ts';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';

const words = {
  nothing: 'The guest is gone.', title: 'No request yet', waits: 'Requests are followed while this view is open: have the guest read, write or send something. These are the places that one passes.', make: 'Make one now', line: 'A line for the guest’s console', send: 'Send', sent: (line: string) => `Sent to its console: ${line}`, request: 'Request', first: 'Begins with', took: 'Answered after', data: 'Data, KiB', done: 'answered', open: 'under way', number: (n: number) => `Request ${n}`,
  exits: 'VM exits', places: 'Places passed', size: 'Data', until: 'Answered after', sofar: 'Under way since', hint: 'newest first; bar, share and time: until the next place; each worker counts its own time', us: (us: number) => `+${us.toFixed(0)} µs`, share: (part: number) => `${part.toFixed(0)} %`, end: 'end', same: 'at once', lasts: (us: number) => `${us.toFixed(0)} µs`, missed: (n: number) => `${n} records were overwritten before they were read.`, table: 'Requests', columns: ['Request', 'Place', 'What', 'µs', 'Written by domain'],
};
const EVERY_MS = 250,
  KEPT = 60;

/** The places of a request in their order, before one has passed them. */
const PATHS: readonly { name: string; types: readonly string[]; places: readonly (readonly [place: string, what: string])[] }[] = [
  { name: 'A write to a paravirtual disk', types: ['hvm', 'pv', 'pvh'], places: [['exit', 'an event tells of it'], ['front end', 'a slot of its ring'], ['back end', 'takes it from there'], ['guest disk', 'sectors of the guest'], ['volume', 'an extent'], ['partition', 'sectors of it'], ['controller', 'a command'], ['disk', 'sectors of the host'], ['stored', 'a place in the file'], ['answer', 'back to the guest']] },
  { name: 'A write to an emulated drive', types: ['hvm'], places: [['exit', 'an access to a port'], ['device model', 'the drive’s registers'], ['guest disk', 'sectors of the guest'], ['volume', 'an extent'], ['partition', 'sectors of it'], ['controller', 'a command'], ['disk', 'sectors of the host'], ['stored', 'a place in the file'], ['answer', 'back to the guest']] },
  { name: 'A packet that it sends', types: ['hvm', 'pv', 'pvh'], places: [['exit', 'an event tells of it'], ['front end', 'a slot of its ring'], ['back end', 'from the guest'], ['bridge', 'in by its port'], ['bridge', 'out by another']] },
  { name: 'A packet that it gets', types: ['hvm', 'pv', 'pvh'], places: [['bridge', 'in by a port'], ['bridge', 'out by its own'], ['back end', 'to the guest'], ['front end', 'a slot of its ring']] },
];

/** What makes a request, by the prompt that it is typed at. The gateway's address: docs/network.md. */
const MAKERS: readonly { prompt: RegExp; at: string; line: string; makes: string }[] = [
  { prompt: /minipv> *$/, at: 'minipv', line: 'dhcp', makes: 'asks the network for an address: packets' },
  { prompt: /[#$] *$/, at: 'Linux', line: 'ping -c 1 10.0.2.2', makes: 'packets to the gateway and back' },
  { prompt: /[#$] *$/, at: 'Linux', line: 'echo 1 > /proc/sys/vm/drop_caches; ls / > /dev/null', makes: 'reads from its disk what was kept in memory' },
];

interface Data { requests: FollowedRequest[]; missed: number; id: number }

/** Whose colour a place has: the guest's, Xen's, Domain-0's, or that of the host's own disk. */
const OWNERS: Readonly<Record<string, 'guest' | 'c-hv' | 'c-d0' | 'c-hw'>> = { 'front end': 'guest', 'guest disk': 'guest', exit: 'c-hv', 'back end': 'c-d0', 'device model': 'c-d0', volume: 'c-d0', image: 'c-d0', bridge: 'c-d0', card: 'guest', partition: 'c-hw', disk: 'c-hw', controller: 'c-hw', stored: 'c-hw', answer: 'c-d0' };

/** What each place does. Sources: docs/disks.md, docs/network.md. */
const SAYS: Readonly<Record<string, string>> = {
  exit: 'The guest leaves for Xen.', 'front end': 'Its driver fills a slot of the ring that both see.', 'back end': 'Domain-0 reaches the pages by their grants.', 'device model': 'The registers of a drive that is not there.',
  'guest disk': 'What the guest calls its disk.', image: 'A file of Domain-0.', volume: 'The volume map says where that is.', partition: 'The volumes lie in a partition.', controller: 'Domain-0’s driver commands its disk.', disk: 'A place on the whole disk.',
  stored: 'Where this browser keeps it.', answer: 'A response and an event go back.', bridge: 'From port to port, by the address.', card: 'A network card that is not there.',
};

function open({ session }: Target) {
  let kept: FollowedRequest[] = [], missed = 0;
  return {
    async look(): Promise<Data | undefined> {
      if (!session) return undefined;
      const seen = await host.inspect('path', session.id);
      missed += seen.missed;
      kept = [...[...seen.requests].reverse(), ...kept].slice(0, KEPT);
      return { requests: kept, missed, id: session.id };
    },
  };
}

const chosenOf = ({ data: { requests }, chosen }: Shown<Data>): FollowedRequest | undefined => requests.find(({ number }) => String(number) === chosen) ?? requests.find(({ isDone }) => isDone) ?? requests[0];

function Figure(shown: Shown<Data>) {
  const { data, choose } = shown, picked = chosenOf(shown), lastUs = lastOf(picked?.steps ?? []);
  if (data.requests.length === 0) return <Empty session={shown.target.session!} />;
  return <div class="col iop">
    {picked && <section><div class="ph"><h3>{words.number(picked.number)}</h3>{!picked.steps.some(({ place }) => place === 'bridge') && <Tag kind={picked.isDone ? 'done' : 'running'}>{picked.isDone ? words.done : words.open}</Tag>}</div>
      <dl class="sums">{sumsOf(picked).map(([name, value, unit]) => <div key={name}><dt>{name}</dt><dd><b>{value}</b> {unit}</dd></div>)}</dl>
      <ol class="hops">{picked.steps.map(({ place, what, us }, i, steps) => { const untilUs = steps[i + 1]?.us ?? us; const owner = OWNERS[place] ?? 'c-hw'; return <li key={i} class={owner === 'guest' ? ownerClass(data.id) : owner}><b>{place}</b><span>{what}</span><small>{SAYS[place]}</small><u aria-hidden="true"><s style={`left:${part(us, lastUs)}%;width:${part(untilUs - us, lastUs)}%`} /></u><b class="m">{i + 1 === steps.length ? words.end : part(untilUs - us, lastUs) < 1 ? '' : words.share(part(untilUs - us, lastUs))}</b><i class="m">{i + 1 === steps.length ? words.us(us) : untilUs - us < 0.5 ? words.same : words.lasts(untilUs - us)}</i></li>; })}</ol></section>}
    <div class="ph"><h3>{words.table}</h3><span class="sec">{words.hint}</span></div>
    <div class="wide"><table class="pad picks"><thead><tr><th class="num">{words.request}</th><th>{words.first}</th><th class="num">{words.data}</th><th class="num">{words.took}</th></tr></thead><tbody>
      {data.requests.map(({ number, steps, isDone }) => <tr key={number} class={number === picked?.number ? 'sel' : ''} onClick={() => choose(String(number))}><td class="m num">{number}</td><td><button class="pickrow" aria-pressed={number === picked?.number} onClick={() => choose(String(number))}>{steps.find(({ place }) => /end|model|card/.test(place))?.what ?? steps[0]?.what}</button></td><td class="m num">{kibOf(steps) ?? '–'}</td><td class="m num nw">{isDone ? timeText(lastOf(steps)).join(' ') : words.open}</td></tr>)}</tbody></table></div>
    {data.missed > 0 && <p class="cap-t">{words.missed(data.missed)}</p>}
  </div>;
}

type Steps = FollowedRequest['steps'];
const part = (us: number, ofUs: number): number => (ofUs > 0 ? Math.max(0, Math.min(100, (100 * us) / ofUs)) : 0);
const lastOf = (steps: Steps): number => Math.max(0, ...steps.map(({ us }) => us));
const timeText = (us: number): [number: string, unit: string] => (us < 1000 ? [us.toFixed(0), 'µs'] : [(us / 1000).toFixed(1), 'ms']);
function kibOf(steps: Steps): number | undefined {
  const sectors = /(\d+) sectors/.exec(steps.find(({ place }) => place === 'guest disk')?.what ?? '')?.[1];
  return sectors === undefined ? undefined : Number(sectors) / 2;
}

/** What it cost, as far as its records say. */
function sumsOf({ steps, isDone }: FollowedRequest): [name: string, value: string, unit: string][] {
  const size = kibOf(steps);
  return [
    [words.exits, String(steps.filter(({ place }) => place === 'exit').length), ''],
    [words.places, String(steps.length), ''],
    ...(size ? [[words.size, String(size), 'KiB'] as [string, string, string]] : []),
    [isDone ? words.until : words.sofar, ...timeText(lastOf(steps))],
  ];
}

/** Where a request will pass, and what makes one. */
function Empty({ session }: { session: DomainSession }) {
  const line = useSignal(''), sent = useSignal('');
  const { id, type } = session.info.value, prompt = session.terminal.lines().findLast(each => each.trim() !== '') ?? '';
  const known = MAKERS.filter(maker => maker.prompt.test(prompt));
  const send = (text: string): void => {
    if (text === '' || session.over) return;
    session.terminal.type(`${text}\r`);
    sent.value = text;
  };
  return <div class="col iop">
    <div><h3>{words.title}</h3><p class="sec">{words.waits}</p></div>
    {PATHS.filter(({ types }) => types.includes(type)).map(({ name, places }) => <section key={name}><h4>{name}</h4>
      <ol class="stations">{places.map(([place, what], i) => { const owner = OWNERS[place] ?? 'c-hw'; return <li key={i} class={owner === 'guest' ? ownerClass(id) : owner}><b>{place}</b><span>{what}</span></li>; })}</ol></section>)}
    <section><h3>{words.make}</h3>
      <ul class="makers">{(known.length > 0 ? known : MAKERS).map(({ at, line: text, makes }, i) => <li key={text}><button class={`btn${i === 0 && known.length > 0 ? ' primary' : ''}`} onClick={() => send(text)}>{words.send}</button><code>{text}</code><span class="sec">{at}: {makes}</span></li>)}
        <li><form class="row" onSubmit={event => { event.preventDefault(); send(line.value.trim()); line.value = ''; }}><button class="btn" type="submit">{words.send}</button><input class="in" aria-label={words.line} placeholder={words.line} value={line.value} onInput={event => { line.value = event.currentTarget.value; }} /></form></li></ul>
      {sent.value && <p class="cap-t" role="status">{words.sent(sent.value)}</p>}</section>
  </div>;
}

function why(shown: Shown<Data>): Why | undefined {
  const picked = chosenOf(shown), places = new Set(picked?.steps.map(({ place }) => place));
  if (!picked) return { question: 'Why nothing from before?', answer: 'Each place that a request passes writes a record of it, and that takes time. So the workers write them only while somebody looks.', source: 'docs/disks.md' };
  if (places.has('front end')) return { question: 'Why one exit at most?', answer: 'The driver writes the request into a ring that Domain-0 has mapped. Only the event that announces it needs Xen, and one event may announce many.', source: 'xen/include/public/io/ring.h' };
  if (places.has('device model')) return { question: 'Why so many exits?', answer: 'An emulated drive is driven by registers: each access to a port leaves the guest, and the device model answers before the guest goes on.', source: 'Intel SDM vol. 3, table 28-5' };
  return { question: 'Why through Domain-0?', answer: 'A packet has no way of its own to the wire: Domain-0’s bridge takes it from one port and gives it to another, by the station’s address.', source: 'docs/network.md' };
}

export const IoPath = inspector<Data>({
  everyMs: EVERY_MS, nothing: words.nothing, open, Figure, why,
  tables: ({ requests }) => [{ name: words.table, columns: words.columns, rows: requests.flatMap(({ number, steps }) => steps.map(({ place, what, us, writer }) => [number, place, what, Number(us.toFixed(1)), writer])) }],
});
