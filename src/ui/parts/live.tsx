/** The first view's part that lives: who has had a processor of late, and what just happened, in sentences from the run queue and the guests' trace rings. Loaded after the view. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Decision, exitTitle, type MachineView, type TraceEntry } from '../../hypervisor/view/index.ts';
import { TRACE_KIND } from '../../hypervisor/tracing/index.ts';
import { sharedMs } from '../../hypervisor/worker/index.ts';
import { hypercallName, operationName } from '../../hypervisor/xen/index.ts';
import { domains } from '../host.ts';
import { useMachine } from '../inspect/machine.ts';
import { type Run, runsOf } from '../inspect/runs.ts';
import { speaking } from '../sessions.ts';
import { go } from '../state.ts';
import { Chip, ownerClass } from './marks.tsx';
import { SerialWindow } from './serial.tsx';

const words = {
  label: 'Who had a processor', pcpu: (n: number) => `pCPU ${n}`, now: 'now', idle: 'blank: idle', title: 'What just happened', from: 'Seconds since the host started. A click on a line opens its inspector.',
  gave: (pcpu: number, why: string, isBoosted: boolean, waited: string) => `got pCPU ${pcpu}${isBoosted ? ' with BOOST' : ''}: ${why}${waited}`, waited: (us: number) => `, ${us < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(1)} ms`} after it woke`, call: 'called', event: (port: number, to: string) => `sent an event on port ${port}${to}`, exit: (what: string) => `left for Xen: ${what}`, upcall: 'was told that events are pending', times: (n: number) => ` × ${n}`,
  whys: { ALONE: 'nobody else waited', PRIORITY: 'best priority', TURN: 'its turn', WOKEN: 'it was woken', STOLEN: 'from another queue', RATELIMIT: 'too early to preempt', PREFERRED: 'its soft affinity', IDLE: 'nobody else' } as Record<string, string>,
};
const EVERY_MS = 500,
  SPAN_MS = 300,
  ROWS = 6,
  /** Of all lines, for those that say the same. */
  LOOKED_AT = 240,
  /** PRIORITY.BOOST of the run queue (scheduler/block.ts). */
  BOOST = 0,
  WIDE = 350,
  LEFT = 52,
  LANE = 32;

/** `kind`: what says the same but for its figures. */
interface Line { atNs: number; id: number; kind: string; text: string; code?: string; view: 'exits' | 'scheduler' }
interface Seen { nowNs: number; spanMs: number; pcpus: number; runs: Run[]; ids: ReadonlyMap<number, number>; decisions: Decision[] }

const nameOf = (id: number): string => (id === 0 ? 'Domain-0' : (domains.value.find(domain => domain.id === id)?.name ?? `domain ${id}`));
const idOf = (machine: MachineView, unit: number): number => (unit === 0 ? 0 : (machine.at(unit)?.id ?? -1));

/** Looks at the machine while it is shown; undefined: this browser does not share its memory. */
function useLook<Data>(look: (machine: MachineView) => Data, end?: () => void): Data | undefined {
  const machine = useMachine().value?.view, seen = useSignal<Data | undefined>(undefined);
  useEffect(() => {
    if (!machine) return;
    const read = () => { if (!document.hidden) seen.value = look(machine); };
    read();
    const timer = setInterval(read, EVERY_MS);
    return () => { clearInterval(timer); end?.(); };
  }, [machine]);
  return seen.value;
}

/** The last 300 ms of each processor, or as much of it as the run queue's record holds. */
export function PcpuStrip() {
  const seen = useLook((machine): Seen => {
    const nowNs = machine.scheduler.timeNs(sharedMs()), decisions = machine.scheduler.decisions();
    const keptMs = decisions.length > 0 ? (nowNs - Math.min(...decisions.map(({ timeNs }) => timeNs))) / 1e6 : SPAN_MS;
    const spanMs = Math.max(3, Math.min(SPAN_MS, 3 * Math.floor(keptMs / 3))), runs = runsOf(decisions, nowNs - spanMs * 1e6, nowNs);
    return { nowNs, spanMs, pcpus: machine.scheduler.pcpus, runs, ids: new Map(runs.map(({ unit }) => [unit, idOf(machine, unit)])), decisions };
  });
  // Before the first guest nobody had one.
  if (!seen || seen.decisions.length === 0) return null;
  const { spanMs } = seen, fromNs = seen.nowNs - spanMs * 1e6, x = (ns: number): number => LEFT + ((ns - fromNs) / (spanMs * 1e6)) * (WIDE - LEFT);
  const high = seen.pcpus * LANE, shown = [...new Set(seen.ids.values())].filter(id => id >= 0).slice(0, 3);
  return <figure class="pstrip" aria-label={words.label}>
    <svg viewBox={`0 0 ${WIDE} ${high + 16}`} width="100%" role="img" aria-label={words.label}>
      {Array.from({ length: seen.pcpus }, (_, pcpu) => <g key={pcpu}><text x="0" y={pcpu * LANE + 20}>{words.pcpu(pcpu)}</text><path d={`M${LEFT} ${pcpu * LANE + 26.5}H${WIDE}`} stroke="var(--line)" /></g>)}
      {seen.runs.map(({ pcpu, unit, fromNs: from, toNs }, i) => <rect key={i} class={ownerClass(Math.max(0, seen.ids.get(unit) ?? 0))} x={x(from)} y={pcpu * LANE + 5} width={Math.max(1.2, x(toNs) - x(from))} height="21" fill="var(--c-fill)" stroke="var(--c)" stroke-width=".6" />)}
      {[0, 1, 2].map(i => <text key={i} class="m" x={LEFT + (i / 3) * (WIDE - LEFT)} y={high + 12}>{i === 0 ? `-${spanMs} ms` : `-${Math.round(spanMs * (1 - i / 3))}`}</text>)}<text class="m" x={WIDE} y={high + 12} text-anchor="end">{words.now}</text>
    </svg>
    <figcaption>{shown.map(id => <span key={id}><Chip id={id} /> {nameOf(id)}</span>)}<span>{words.idle}</span></figcaption>
  </figure>;
}

function lineOf(id: number, { kind, details: [a, b] }: TraceEntry): Omit<Line, 'atNs'> | undefined {
  if (kind === TRACE_KIND.HYPERCALL) return { id, kind: `call ${a} ${b}`, text: words.call, code: callText(a, b), view: 'exits' };
  if (kind === TRACE_KIND.EVENT) return { id, kind: `event ${a}`, text: words.event(a, b >= 0 ? ` to ${nameOf(b)}` : ''), view: 'exits' };
  // A hypercall's own line follows its exit.
  if (kind === TRACE_KIND.EXIT) return /hypercall|vmcall/i.test(exitTitle(a)) ? undefined : { id, kind: `exit ${a}`, text: words.exit(exitTitle(a)), view: 'exits' };
  return kind === TRACE_KIND.UPCALL ? { id, kind: 'upcall', text: words.upcall, view: 'exits' } : undefined;
}

const callText = (number: number, first: number): string => { const name = operationName(number, first); return `${hypercallName(number)}${name ? `(${name})` : ''}`; };

/** The console of the newest guest that has written on it. */
export function LiveConsole() {
  const session = speaking();
  return session ? <SerialWindow key={session.id} session={session} first={false} /> : null;
}

/** The newest lines, each kind once with its number, of all kinds before more of one; oldest first. */
function newest(lines: readonly Line[]): (Line & { times: number })[] {
  const shown: (Line & { times: number })[] = [];
  for (const line of [...lines].sort((a, b) => b.atNs - a.atNs).slice(0, LOOKED_AT)) {
    const same = shown.find(other => other.id === line.id && other.kind === line.kind);
    if (same) same.times++;
    else shown.push({ ...line, times: 1 });
  }
  const sort = ({ id, kind }: Line): string => `${id} ${kind.split(' ')[0]}`;
  const first = shown.filter((line, i) => shown.findIndex(other => sort(other) === sort(line)) === i);
  return [...first, ...shown.filter(line => !first.includes(line))].slice(0, ROWS).sort((a, b) => a.atNs - b.atNs);
}

/** Sentences of what the run queue decided and guests did since the view was opened. */
export function JustHappened() {
  const readers = useSignal(new Map<number, { take(): { entries: readonly TraceEntry[] }; close(): void }>()).peek(), log = useSignal<Line[]>([]);
  const lines = useLook(machine => {
    for (const domain of machine.domains()) {
      if (domain.id === 0) continue;
      let reader = readers.get(domain.id);
      if (!reader) readers.set(domain.id, (reader = domain.watch()));
      // A guest's own clock, as the clock that all workers share.
      const { hostUs, nowNs } = domain.counters(), ahead = 1000 * hostUs - nowNs + (machine.scheduler.timeNs(sharedMs()) - sharedMs() * 1e6);
      const fresh = reader.take().entries.flatMap((entry): Line[] => { const line = lineOf(domain.id, entry); return line ? [{ ...line, atNs: entry.ns + ahead }] : []; });
      log.value = [...log.peek(), ...fresh].slice(-200);
    }
    // Who got a processor is told; that it was left again stands in the strip.
    const decided = machine.scheduler.decisions().slice(-40).filter(({ to }) => to >= 0)
      .map(({ timeNs, to, pcpu, why, priority, waitedNs }): Line => ({ atNs: timeNs, id: idOf(machine, to), kind: `run ${pcpu} ${why} ${priority}`, text: words.gave(pcpu, words.whys[why] ?? why.toLowerCase(), priority === BOOST, why === 'WOKEN' && waitedNs > 500 ? words.waited(waitedNs / 1e3) : ''), view: 'scheduler' }));
    return newest([...log.peek(), ...decided].filter(({ id }) => id >= 0));
  }, () => { for (const reader of readers.values()) reader.close(); readers.clear(); });
  if (!lines || lines.length === 0) return null;
  return <section class="justh"><h3>{words.title}</h3>
    <ol>{lines.map(({ atNs, id, text, code, times, view }, i) => <li key={i}><button onClick={() => go({ kind: 'home', tab: 'inspect', name: view })}>
      <span class="m dim">{(atNs / 1e9).toFixed(6).replace(/(...)$/, ' $1')}</span><span><b class={`dom ${ownerClass(id)}`}>{nameOf(id)}</b> {text}{code && <> <code>{code}</code></>}{times > 1 && words.times(times)}</span></button></li>)}</ol>
    <p class="cap-t">{words.from}</p></section>;
}
