/** VM exits and hypercalls: how many of each, the last one of each kind explained, and a log of them as they happen. */

import { useSignal } from '@preact/signals';
import { ExitReason } from '../../cpu/architecture/index.ts';
import { TRACE_KIND } from '../../hypervisor/tracing/index.ts';
import { type DomainView, exitTitle, type LastExit, reasonOf, type TraceEntry, vectorOf, type VcpuState } from '../../hypervisor/view/index.ts';
import { hypercallName } from '../../hypervisor/xen/index.ts';
import { domains } from '../host.ts';
import { Chip } from '../parts/marks.tsx';
import { hex8, whole } from '../units.ts';
import { Code } from './code.tsx';
import { explainExit, explainHypercall, wayOf } from './explain.ts';
import { inspector } from './frame.tsx';
import type { Shown, Target } from './inspector.ts';

const words = {
  number: 'No.', reason: 'Reason', exits: 'Exits', share: 'Share', time: 'Time in Xen', log: 'Log', newest: 'newest first; what follows itself stands in one row', clock: 'seconds on the clock that all guests’ workers share', times: (n: number) => `× ${n}`, group: 'Count by', byReason: 'Exit reason', kept: (n: number) => `exit ${n}`,
  at: 'When', vcpu: 'vCPU', rip: 'Guest EIP', detail: 'Detail', hypercalls: 'Hypercalls', calls: 'Calls', call: 'Hypercall', none: 'No exit has been counted yet.', quiet: 'Nothing since this view was opened.', noCalls: 'No hypercall has been counted yet.',
  last: 'its last of this kind', noLast: 'None of its kind is among those that are kept. The next one is.', codeNow: 'Code as memory is now; before the marked line as it decodes from further back.', way: 'What happens',
  qualification: (value: number) => `Qualification 0x${hex8(value)}`, cost: 'Cost of one', mean: (n: number) => `Means of what was timed, one exit in 64: ${n} of this kind.`, noCost: 'None of its kind has been timed yet (one exit in 64 is).',
  ofThis: 'this kind', ofAll: 'all kinds', rare: (n: number) => `${n} rarer`, estimated: (n: number) => `${whole(n)} exits; time: the mean of those that were timed, times all`, missed: (n: number) => `${n} were overwritten unread`, exit: 'exits', hypercall: (name: string, first: number, result: number) => `${name}, first argument 0x${(first >>> 0).toString(16)}, result ${result}`,
};
const LOG = 600,
  SHOWN = 40,
  /** Kinds that are shown before the rare ones are asked for. */
  FEW = 8,
  EVERY_MS = 500;
const ms = (ns: number): string => (ns >= 1e8 ? `${(ns / 1e9).toFixed(2)} s` : `${(ns / 1e6).toFixed(ns < 1e6 ? 2 : 1)} ms`);

interface Reason { key: string; reason: number; count: number; meanNs: number; timed: number }
/** The last exit of a kind that is known, and whose it was. */
interface Last { domain: number; vcpu: number; exit: Omit<LastExit, 'detail'> & { detail?: number } }
/** An exit that a vCPU had kept when this view was opened. */
interface Kept extends Last { key: string }
interface Line {
  key: string;
  domain: number;
  entry: TraceEntry;
  /** When, on the clock that all workers share: guests' own clocks do not compare. */
  hostNs: number;
}
/** The newest of `count` lines that are alike, one after the other. */
interface Group { line: Line; count: number }
interface Data {
  all: number;
  reasons: Reason[];
  hypercalls: { key: string; number: number; count: number }[];
  lasts: ReadonlyMap<number, Last>;
  log: Line[];
  kept: readonly Kept[];
  missed: number;
  isHost: boolean;
}

const domainsOf = ({ session, machine }: Target): DomainView[] => (machine?.domains() ?? []).filter(({ id }) => id > 0 && (!session || id === session.id));

function open(target: Target) {
  const readers = new Map<number, ReturnType<DomainView['watch']>>();
  const lasts = new Map<number, Last>();
  let log: Line[] = [], kept: Kept[] = [], missed = 0;
  const take = (domain: DomainView): void => {
    let reader = readers.get(domain.id);
    if (!reader) {
      readers.set(domain.id, reader = domain.watch());
      kept = [...kept, ...domain.vcpus().flatMap(vcpu => vcpu.lastExits().exits.map((exit): Kept => ({ key: `k${domain.id}.${vcpu.id}.${exit.number}`, domain: domain.id, vcpu: vcpu.id, exit })).reverse())];
    }
    const taken = reader.take();
    missed += taken.missed;
    const { hostUs, nowNs } = domain.counters(), ahead = 1000 * hostUs - nowNs;
    for (const entry of taken.entries) {
      if (entry.kind !== TRACE_KIND.EXIT && entry.kind !== TRACE_KIND.HYPERCALL) continue;
      log.push({ key: `l${domain.id}.${entry.sequence}`, domain: domain.id, entry, hostNs: ahead + entry.ns });
      const [reason, eip, qualification] = entry.details;
      if (entry.kind === TRACE_KIND.EXIT) lasts.set(reason, { domain: domain.id, vcpu: entry.vcpu, exit: { number: -1, reason, qualification, eip: eip >>> 0 } });
    }
    // With what the exit was about, where that is kept.
    for (const vcpu of domain.vcpus()) for (const exit of vcpu.lastExits().exits) lasts.set(exit.reason, { domain: domain.id, vcpu: vcpu.id, exit });
  };
  return {
    look(): Data | undefined {
      const seen = domainsOf(target);
      if (seen.length === 0) return undefined;
      const counts = new Map<number, Reason>(), calls = new Map<number, number>();
      for (const domain of seen) {
        take(domain);
        const { byReason, samples, sampleNs, hypercalls } = domain.counters();
        byReason.forEach((count, i) => {
          if (count === 0) return;
          const reason = reasonOf(i), before = counts.get(reason);
          const timed = (before?.timed ?? 0) + samples[i]!, ns = (before ? before.meanNs * before.timed : 0) + sampleNs[i]!;
          counts.set(reason, { key: `r${reason}`, reason, count: (before?.count ?? 0) + count, timed, meanNs: timed > 0 ? ns / timed : 0 });
        });
        hypercalls.forEach((count, number) => { if (count > 0) calls.set(number, (calls.get(number) ?? 0) + count); });
      }
      log = log.sort((a, b) => a.hostNs - b.hostNs).slice(-LOG);
      const reasons = [...counts.values()].sort((a, b) => b.count - a.count);
      return {
        all: reasons.reduce((sum, { count }) => sum + count, 0), reasons, lasts: new Map(lasts), log: [...log].reverse(), kept, missed, isHost: !target.session,
        hypercalls: [...calls].map(([number, count]) => ({ key: `h${number}`, number, count })).sort((a, b) => b.count - a.count),
      };
    },
    close(): void { for (const reader of readers.values()) reader.close(); },
  };
}

const nameOf = (id: number): string => domains.value.find(domain => domain.id === id)?.name ?? `domain ${id}`;
const numberOf = (reason: number): string => (vectorOf(reason) >= 0 ? `v${vectorOf(reason)}` : String(reason));
const chosenKey = ({ chosen, data }: Shown<Data>): string => chosen || data.reasons[0]?.key || '';

/** What the qualification says in a few words; of most reasons it says nothing (SDM vol. 3, 28.2.1). */
function detailText(reason: number, qualification: number): string {
  const { fields } = explainExit({ reason, qualification });
  if (reason === ExitReason.IO) return `${qualification & 8 ? 'in' : 'out'} 0x${(qualification >>> 16).toString(16)}, ${fields.at(-1)![2].replace('size: ', '')}`;
  if (reason === ExitReason.EPT_VIOLATION) return qualification & 2 ? 'a write' : qualification & 4 ? 'a fetch' : 'a read';
  return fields.length === 0 || vectorOf(reason) >= 0 ? '' : hex8(qualification);
}
function entryText({ kind, details: [a, b, c] }: TraceEntry): { no: string; what: string; eip: string; detail: string } {
  if (kind === TRACE_KIND.HYPERCALL) return { no: String(a), what: hypercallName(a), eip: '', detail: `result ${c}` };
  return { no: numberOf(a), what: exitTitle(a), eip: hex8(b), detail: detailText(a, c) };
}
const isAlike = (a: Line, b: Line): boolean => a.domain === b.domain && a.entry.vcpu === b.entry.vcpu && a.entry.kind === b.entry.kind && a.entry.details[0] === b.entry.details[0];
function grouped(log: readonly Line[]): Group[] {
  const groups: Group[] = [];
  for (const line of log) {
    const last = groups.at(-1);
    if (last && isAlike(last.line, line)) last.count++;
    else groups.push({ line, count: 1 });
  }
  return groups;
}
/** Seconds and microseconds of a minute. */
const stamp = (ns: number): string => (Math.floor(ns / 1000) % 6e7 / 1e6).toFixed(6).padStart(9, '0').replace(/(...)$/, ' $1');

/** What would be 0.0 is more than nothing. */
const shareText = (count: number, all: number): string => (count < 0.0005 * all ? '<0.1 %' : `${((100 * count) / all).toFixed(1)} %`);
/** Below a pixel or so a bar is a speck: the number says it. */
const Bar = ({ part, isOpen = false }: { part: number; isOpen?: boolean }) => (part < 0.005 ? null : <i class={`hb${isOpen ? ' open' : ''}`} style={`width:${100 * part}%`} />);
const Columns = () => <colgroup><col class="w-no" /><col /><col class="w-n" /><col class="w-bar" /><col class="w-pc" /><col class="w-time" /><col class="w-ms" /></colgroup>;

function Figure(shown: Shown<Data>) {
  const more = useSignal(false), calls = useSignal(false);
  const { data } = shown, rare = Math.max(0, (calls.value ? data.hypercalls : data.reasons).length - FEW), few = more.value ? undefined : FEW;
  return <div class="col exi fit">
    <div class="row exh"><div class="seg" role="group" aria-label={words.group}><button aria-pressed={!calls.value} onClick={() => { calls.value = false; }}>{words.byReason}</button><button aria-pressed={calls.value} onClick={() => { calls.value = true; }}>{words.call}</button></div>
      <span class="sec cut grow">{words.estimated(data.all)}</span>{rare > 0 && <button class="btn quiet sm" aria-pressed={more.value} onClick={() => { more.value = !more.value; }}>{words.rare(rare)}</button>}</div>
    {calls.value ? <Hypercalls shown={shown} few={few} /> : <Reasons shown={shown} few={few} />}
    <Log {...shown} />
  </div>;
}

interface Counted { shown: Shown<Data>; few: number | undefined }

function Reasons({ shown, few }: Counted) {
  const { data, choose } = shown, key = chosenKey(shown);
  const most = Math.max(1, ...data.reasons.map(({ count }) => count)), longest = Math.max(1, ...data.reasons.map(({ count, meanNs }) => count * meanNs));
  if (data.reasons.length === 0) return <p class="hint">{words.none}</p>;
  return <table class="pad picks counted"><Columns />
    <thead><tr><th class="num">{words.number}</th><th>{words.reason}</th><th class="num">{words.exits}</th><th>{words.share}</th><th /><th>{words.time}</th><th /></tr></thead>
    <tbody>{data.reasons.slice(0, few).map(({ key: row, reason, count, meanNs }) => <tr key={row} class={row === key ? 'sel' : ''} onClick={() => choose(row)}>
      <td class="m num w36">{numberOf(reason)}</td><td class="nw"><button class="pickrow" aria-pressed={row === key} onClick={() => choose(row)}>{exitTitle(reason)}</button></td><td class="m num">{count}</td>
      <td class="wbar"><Bar part={count / most} /></td><td class="m num nw">{shareText(count, data.all)}</td>
      <td class="wbar narrow"><Bar part={(count * meanNs) / longest} isOpen /></td><td class="m num nw">{meanNs > 0 ? ms(count * meanNs) : '–'}</td>
    </tr>)}</tbody></table>;
}

function Hypercalls({ shown, few }: Counted) {
  const { data: { hypercalls }, choose } = shown, key = chosenKey(shown);
  const most = Math.max(1, ...hypercalls.map(({ count }) => count)), all = hypercalls.reduce((sum, { count }) => sum + count, 0);
  if (hypercalls.length === 0) return <p class="hint">{words.noCalls}</p>;
  return <table class="pad picks counted"><Columns />
    <thead><tr><th class="num">{words.number}</th><th>{words.call}</th><th class="num">{words.calls}</th><th>{words.share}</th><th /><th /><th /></tr></thead>
    <tbody>{hypercalls.slice(0, few).map(({ key: row, number, count }) => <tr key={row} class={row === key ? 'sel' : ''} onClick={() => choose(row)}>
      <td class="m num w36">{number}</td><td class="nw"><button class="pickrow" aria-pressed={row === key} onClick={() => choose(row)}>{hypercallName(number)}</button></td><td class="m num">{count}</td>
      <td class="wbar"><Bar part={count / most} /></td><td class="m num nw">{shareText(count, all)}</td><td /><td /></tr>)}</tbody></table>;
}

/** What happened, newest first: one row for what follows itself. The one that is explained is marked. */
function Log(shown: Shown<Data>) {
  const { data, choose, chosen } = shown, { last } = choiceOf(shown), groups = grouped(data.log).slice(0, SHOWN);
  const marked = /^[lk]/.test(chosen) ? chosen : groups.find(({ line: { domain, entry: { kind, vcpu, details } } }) => kind === TRACE_KIND.EXIT && last?.domain === domain && last.vcpu === vcpu && details[0] === last.exit.reason)?.line.key;
  const row = (key: string, when: string, whose: { domain: number; vcpu: number }, text: ReturnType<typeof entryText>, count: number) => <tr key={key} class={key === marked ? 'sel' : ''} onClick={() => choose(key)}>
    <td class="m dim nw">{when}</td><td class="nw cut"><Chip id={whose.domain} /> {data.isHost ? `${nameOf(whose.domain)} ` : ''}v{whose.vcpu}</td><td class="m num">{text.no}</td>
    <td class="nw cut"><button class="pickrow" aria-pressed={key === marked} onClick={() => choose(key)}>{text.what}</button></td><td class="m num dim">{count > 1 && words.times(count)}</td><td class="m">{text.eip}</td><td class="cut sec" title={text.detail}>{text.detail}</td></tr>;
  return <section class="logged rest"><div class="ph"><h3>{words.log}</h3><span class="sec cut" title={words.clock}>{words.newest}</span>{data.missed > 0 && <span class="sec num grow">{words.missed(data.missed)}</span>}</div>
    {data.log.length + data.kept.length === 0 ? <p class="hint">{words.quiet}</p> : <div class="rest"><div class="rows"><table class="pad picks elog"><colgroup>{['w-at', 'w-who', 'w-no', 'w-what', 'w-times', 'w-eip', ''].map((name, i) => <col key={i} class={name} />)}</colgroup>
      <thead><tr><th>{words.at}</th><th>{words.vcpu}</th><th class="num">{words.number}</th><th>{words.reason}</th><th /><th>{words.rip}</th><th>{words.detail}</th></tr></thead>
      <tbody>{groups.map(({ line: { key, domain, entry, hostNs }, count }) => row(key, stamp(hostNs), { domain, vcpu: entry.vcpu }, entryText(entry), count))}
        {data.kept.slice(0, SHOWN).map(each => row(each.key, words.kept(each.exit.number), each, { no: numberOf(each.exit.reason), what: exitTitle(each.exit.reason), eip: hex8(each.exit.eip), detail: detailText(each.exit.reason, each.exit.qualification) }, 1))}</tbody></table></div></div>}</section>;
}

/** What was chosen: a hypercall, or an exit with whose it was. */
function choiceOf(shown: Shown<Data>): { hypercall?: number; line?: Line; reason?: number; last?: Last } {
  const key = chosenKey(shown), { data } = shown;
  if (key.startsWith('h')) return { hypercall: Number(key.slice(1)) };
  const kept = key.startsWith('k') ? data.kept.find(each => each.key === key) : undefined;
  if (kept) return { reason: kept.exit.reason, last: kept };
  const line = key.startsWith('l') ? data.log.find(each => each.key === key) : undefined;
  if (line?.entry.kind === TRACE_KIND.HYPERCALL) return { hypercall: line.entry.details[0], line };
  if (line) {
    const [reason, eip, qualification] = line.entry.details, kept = data.lasts.get(reason);
    const same = kept && kept.domain === line.domain && kept.exit.eip === eip >>> 0 && kept.exit.qualification === qualification ? kept : undefined;
    return { line, reason, last: same ?? { domain: line.domain, vcpu: line.entry.vcpu, exit: { number: -1, reason, qualification, eip: eip >>> 0 } } };
  }
  const reason = Number(key.slice(1)), last = data.lasts.get(reason);
  return { reason, ...(last ? { last } : {}) };
}

function Detail(shown: Shown<Data>) {
  const { hypercall, line, reason, last } = choiceOf(shown), { target } = shown;
  if (hypercall !== undefined) return <><div><h3>{hypercallName(hypercall)}</h3><p class="sec">{words.hypercalls} {hypercall}</p></div>
    {line && <p class="m sec">{words.hypercall(hypercallName(hypercall), line.entry.details[1], line.entry.details[2])}</p>}</>;
  if (reason === undefined) return null;
  return <><ExitCard reason={reason} last={last} target={target} name={last ? nameOf(last.domain) : ''} withWay /><Cost shown={shown} reason={reason} /></>;
}

/** What one exit of the chosen kind costs. */
function Cost({ shown, reason }: { shown: Shown<Data>; reason: number }) {
  const { reasons } = shown.data, counted = reasons.find(each => each.reason === reason);
  return <section><h4>{words.cost}</h4>{counted && counted.timed > 0 ? <><Costs of={counted} among={reasons} /><p class="cap-t">{words.mean(counted.timed)}</p></> : <p class="cap-t">{words.noCost}</p>}</section>;
}

/** What one of its kind costs beside the mean of all that were timed, and beside the dearest kind. */
function Costs({ of, among }: { of: Reason; among: readonly Reason[] }) {
  const timed = among.filter(each => each.timed > 0), dearest = timed.reduce((most, each) => (each.meanNs > most.meanNs ? each : most), of);
  const mean = timed.reduce((sum, each) => sum + each.meanNs * each.timed, 0) / timed.reduce((sum, each) => sum + each.timed, 0);
  const bars: [name: string, ns: number, isThis: boolean][] = [[words.ofThis, of.meanNs, true], [words.ofAll, mean, false], ...(dearest === of ? [] : [[exitTitle(dearest.reason), dearest.meanNs, false] as [string, number, boolean]])];
  return <div class="costs">{bars.map(([name, ns, isThis]) => <><span>{name}</span><i class={`hb${isThis ? '' : ' open'}`} style={`width:${(100 * ns) / dearest.meanNs}%`} /><span class="m num">{(ns / 1e3).toFixed(1)} µs</span></>)}</div>;
}

/** An exit: whose it was, its code, its qualification bit by bit; `withWay`: who handles it, one after the other. */
export function ExitCard({ reason, last, target, name, withWay = false }: { reason: number; last: Last | undefined; target: Target; name: string; withWay?: boolean }) {
  const domain = last && target.machine?.domain(last.domain), vcpu = domain?.vcpus()[last!.vcpu];
  const state: VcpuState | undefined = vcpu?.look();
  const told = { reason, qualification: last?.exit.qualification ?? 0, ...(last?.exit.detail === undefined ? {} : { detail: last.exit.detail }) }, { fields } = explainExit(told);
  return <>
    <div><h3>{numberOf(reason)} {exitTitle(reason)}</h3>{last ? <p class="sec"><Chip id={last.domain} /> <b>{name}</b> v{last.vcpu} {words.last}</p> : <p class="sec">{words.noLast}</p>}</div>
    {last && state && <div title={words.codeNow}><Code state={state} eip={last.exit.eip} says={words.exit} before={withWay ? 2 : 3} after={withWay ? 2 : 3} />{!withWay && <p class="cap-t under">{words.codeNow}</p>}</div>}
    {last && fields.length > 0 && <section><h4>{words.qualification(last.exit.qualification)}</h4><table class="bitst"><tbody>{fields.map(([bits, value, meaning]) => <tr key={bits}><td class="m">{bits}</td><td class="m b">{value}</td><td class="sec">{meaning}</td></tr>)}</tbody></table></section>}
    {withWay && last && <section><h4>{words.way}</h4><ol class="hway">{wayOf(told, domain?.model().where).map(([who, does]) => <li key={does}><b>{who}</b> {does}</li>)}</ol></section>}
  </>;
}

export const Exits = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.none,
  open,
  Figure,
  Detail,
  tables: ({ reasons, hypercalls, log, all }) => [
    { name: words.exits, columns: [words.reason, words.number, words.exits, 'Share, %', 'Mean, µs', 'Timed'], rows: reasons.map(({ reason, count, meanNs, timed }) => [exitTitle(reason), numberOf(reason), count, Number(((100 * count) / all).toFixed(2)), Number((meanNs / 1e3).toFixed(2)), timed]) },
    { name: words.hypercalls, columns: ['Hypercall', words.number, words.calls], rows: hypercalls.map(({ number, count }) => [hypercallName(number), number, count]) },
    { name: words.log, columns: ['Virtual time, ns', 'Domain', words.vcpu, words.number, words.reason, words.rip, words.detail], rows: log.map(({ domain, entry }) => { const { no, what, eip, detail } = entryText(entry); return [entry.ns, nameOf(domain), entry.vcpu, no, what, eip, detail]; }) },
  ],
  why(shown) {
    const { hypercall, reason, last } = choiceOf(shown);
    if (hypercall !== undefined) return explainHypercall(hypercallName(hypercall));
    return reason === undefined ? undefined : explainExit({ reason, qualification: last?.exit.qualification ?? 0, ...(last?.exit.detail === undefined ? {} : { detail: last.exit.detail }) }).why;
  },
});
