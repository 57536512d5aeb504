/** The first view's part that lives: which domain had a processor of late, and what just happened, in sentences from the run queue and the guests' trace rings. Loaded after the view. */

import { useSignal } from '@preact/signals';
import { type Decision, exitTitle, type MachineView, type TraceEntry } from '../../hypervisor/view/index.ts';
import { ExitReason } from '../../cpu/architecture/index.ts';
import { TRACE_KIND } from '../../hypervisor/tracing/index.ts';
import { sharedMs } from '../../hypervisor/worker/index.ts';
import { hypercallName, operationName } from '../../hypervisor/interfaces/xen/index.ts';
import { nameOf } from '../host.ts';
import { hypervisorName, ofHost, type OfEach } from '../hypervisors/of-host.ts';
import { kvmCallName } from '../inspect/explained/kvm-calls.ts';
import { useLook } from '../inspect/machine.ts';
import { type Run, runsOf } from '../inspect/runs.ts';
import { schedulerWords } from '../inspect/scheduler/words.ts';
import { later } from '../units.ts';
import { speaking } from '../sessions.ts';
import { go } from '../navigation.ts';
import { Chip, ownerClass } from './marks.tsx';
import { SerialWindow } from './serial.tsx';

const words = {
  label: 'Who had a processor',
  pcpu: (n: number) => `pCPU ${n}`,
  now: 'now',
  idle: 'blank: idle',
  title: 'What just happened',
  from: 'From run queue and trace, since the first line. A click opens its inspector.',
  boosted: (pcpu: number, waited: string) => `woke with BOOST and got pCPU ${pcpu}${waited}`,
  gave: (pcpu: number, why: string) => `got pCPU ${pcpu}: ${why}`,
  waited: (us: number) => ` after ${us < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(1)} ms`}`,
  idles: (pcpu: number) => `found nobody who waits: pCPU ${pcpu} is idle`,
  call: 'called',
  on: (port: number, to: string) => `${to} on port ${port}`,
  to: (name: string) => ` to ${name}`,
  sleeps: ': it sleeps until an event',
  exit: (what: string) => `left for ${hypervisorName()}: ${what}`,
  upcall: 'was notified that an event is pending',
};
/** What gives processors to guests, and what a hypercall is called. */
const OF_EACH: OfEach<{ scheduler: string; callName(number: number, operation: number): string }> = {
  xen: { scheduler: 'Xen', callName: (number, operation) => operationName(number, operation) ?? hypercallName(number) },
  kvm: { scheduler: 'Linux', callName: kvmCallName },
};
const EVERY_MS = 500,
  /** The longest that the decisions kept fill is shown: each third of it is a round figure. */
  SPANS_MS = [300, 240, 180, 150, 120, 90, 60, 30, 15, 6, 3],
  ROWS = 6,
  /** Lines that a story has at least, and how long it is at most. */
  LEAST = 4,
  STORY_NS = 20e6,
  /** Who decides. */
  SCHEDULER = -2,
  /** Decisions, of which the newest are looked at. */
  LOOKED_AT = 120,
  /** PRIORITY.BOOST of the run queue (scheduler/block.ts). */
  BOOST = 0,
  WIDE = 350,
  LEFT = 52,
  LANE = 32;

/** `kind`: what says the same but for its figures; `wakes`: the domain that it is for. */
interface Line {
  atNs: number;
  id: number;
  kind: string;
  text: string;
  code?: string;
  after?: string;
  wakes?: number;
  view: 'exits' | 'scheduler';
}
interface Seen {
  nowNs: number;
  spanMs: number;
  pcpus: number;
  runs: Run[];
  ids: ReadonlyMap<number, number>;
  decisions: Decision[];
}

/** The last 300 ms of each processor, or as much of it as the run queue's record holds. */
export function PcpuStrip() {
  const seen = useLook(EVERY_MS, (machine): Seen => {
    const nowNs = machine.scheduler.timeNs(sharedMs()),
      decisions = machine.scheduler.decisions();
    const keptMs =
      decisions.length > 0 ? (nowNs - Math.min(...decisions.map(({ timeNs }) => timeNs))) / 1e6 : SPANS_MS[0]!;
    const spanMs = SPANS_MS.find(each => each <= keptMs) ?? SPANS_MS.at(-1)!,
      runs = runsOf(decisions, nowNs - spanMs * 1e6, nowNs);
    return {
      nowNs,
      spanMs,
      pcpus: machine.scheduler.pcpus,
      runs,
      ids: new Map(runs.map(({ unit }) => [unit, machine.idOf(unit)])),
      decisions,
    };
  });
  // Before the first guest nobody had one.
  if (!seen || seen.decisions.length === 0) return null;
  const { spanMs } = seen,
    fromNs = seen.nowNs - spanMs * 1e6,
    x = (ns: number): number => LEFT + ((ns - fromNs) / (spanMs * 1e6)) * (WIDE - LEFT);
  const high = seen.pcpus * LANE,
    shown = [...new Set(seen.ids.values())].filter(id => id >= 0).slice(0, 3);
  return (
    <figure class="pstrip" aria-label={words.label}>
      <svg viewBox={`0 0 ${WIDE} ${high + 16}`} width="100%" role="img" aria-label={words.label}>
        {Array.from({ length: seen.pcpus }, (_, pcpu) => (
          <g key={pcpu}>
            <text x="0" y={pcpu * LANE + 20}>
              {words.pcpu(pcpu)}
            </text>
            <path d={`M${LEFT} ${pcpu * LANE + 26.5}H${WIDE}`} stroke="var(--line)" />
          </g>
        ))}
        {seen.runs.map(({ pcpu, unit, fromNs: from, toNs }, i) => (
          <rect
            key={i}
            class={ownerClass(Math.max(0, seen.ids.get(unit) ?? 0))}
            x={x(from)}
            y={pcpu * LANE + 5}
            width={Math.max(1.2, x(toNs) - x(from))}
            height="21"
            fill="var(--c-fill)"
            stroke="var(--c)"
            stroke-width=".6"
          />
        ))}
        {[0, 1, 2].map(i => (
          <text key={i} class="m" x={LEFT + (i / 3) * (WIDE - LEFT)} y={high + 12}>
            {i === 0 ? `-${spanMs} ms` : `-${Math.round(spanMs * (1 - i / 3))}`}
          </text>
        ))}
        <text class="m" x={WIDE} y={high + 12} text-anchor="end">
          {words.now}
        </text>
      </svg>
      <figcaption>
        {shown.map(id => (
          <span key={id}>
            <Chip id={id} /> {nameOf(id)}
          </span>
        ))}
        <span>{words.idle}</span>
      </figcaption>
    </figure>
  );
}

/** Exits that say nothing of what a guest does: its slice ended, or something else wanted the processor. */
const SILENT: ReadonlySet<number> = new Set([
  ExitReason.PREEMPTION_TIMER,
  ExitReason.EXTERNAL_INTERRUPT,
  ExitReason.INTERRUPT_WINDOW,
]);

function lineOf(id: number, { kind, details: [a, b] }: TraceEntry): Omit<Line, 'atNs'> | undefined {
  if (kind === TRACE_KIND.HYPERCALL) {
    const operation = ofHost(OF_EACH).callName(a, b);
    // The event's own line says it.
    if (/send$/i.test(operation)) return undefined;
    return {
      id,
      kind: `call ${a} ${b}`,
      text: words.call,
      code: operation,
      ...(/_(block|poll)$/i.test(operation) ? { after: words.sleeps } : {}),
      view: 'exits',
    };
  }
  if (kind === TRACE_KIND.EVENT)
    return {
      id,
      kind: `event ${a}`,
      text: words.call,
      code: 'EVTCHNOP_send',
      after: words.on(a, b >= 0 ? words.to(nameOf(b)) : ''),
      ...(b >= 0 ? { wakes: b } : {}),
      view: 'exits',
    };
  // A hypercall's own line follows its exit.
  if (kind === TRACE_KIND.EXIT)
    return SILENT.has(a) || /hypercall|vmcall/i.test(exitTitle(a))
      ? undefined
      : { id, kind: `exit ${a}`, text: words.exit(exitTitle(a)), view: 'exits' };
  return kind === TRACE_KIND.UPCALL ? { id, kind: 'upcall', text: words.upcall, view: 'exits' } : undefined;
}

/** What the run queue decided. */
function decided({ timeNs, to, pcpu, why, priority, waitedNs }: Decision, machine: MachineView): Line {
  const line = { atNs: timeNs, kind: `run ${pcpu} ${why}`, view: 'scheduler' } as const;
  if (to < 0) return { ...line, id: SCHEDULER, text: words.idles(pcpu) };
  return {
    ...line,
    id: machine.idOf(to),
    text:
      schedulerWords().hasCredit && priority === BOOST && why === 'WOKEN'
        ? words.boosted(pcpu, waitedNs > 500 ? words.waited(waitedNs / 1e3) : '')
        : words.gave(pcpu, schedulerWords().whys[why] ?? why.toLowerCase()),
  };
}

/** The console of the newest guest that has written on it. */
export function LiveConsole() {
  const session = speaking();
  return session ? <SerialWindow key={session.id} session={session} first={false} /> : null;
}

/** The newest story: from an event that one domain sends another, step by step; where there is none, the last steps. What says the same as a step before it is left out. */
function story(lines: readonly Line[]): Line[] {
  const all = [...lines].sort((a, b) => a.atNs - b.atNs);
  const steps = (from: number, toNs: number): Line[] =>
    all
      .slice(from)
      .filter(({ atNs }) => atNs <= toNs)
      .filter(({ id, kind }, i, lines) => lines.findIndex(line => line.id === id && line.kind === kind) === i);
  for (let i = all.length - 1; i >= 0; i--) {
    const { wakes, atNs } = all[i]!,
      story = wakes === undefined ? [] : steps(i, atNs + STORY_NS).slice(0, ROWS);
    // The domain that it was for is in it.
    if (story.length >= LEAST && story.some(({ id }) => id === wakes)) return story;
  }
  return steps(Math.max(0, all.length - 4 * ROWS), Infinity).slice(-ROWS);
}

/** Sentences of what the run queue decided and guests did since the view was opened. */
export function JustHappened() {
  const readers = useSignal(new Map<number, { take(): { entries: readonly TraceEntry[] }; close(): void }>()).peek(),
    log = useSignal<Line[]>([]);
  const lines = useLook(
    EVERY_MS,
    machine => {
      for (const domain of machine.domains()) {
        if (domain.id === 0) continue;
        let reader = readers.get(domain.id);
        if (!reader) readers.set(domain.id, (reader = domain.watch()));
        // A guest's own clock, as the clock that all workers share.
        const { hostUs, nowNs } = domain.counters(),
          ahead = 1000 * hostUs - nowNs + (machine.scheduler.timeNs(sharedMs()) - sharedMs() * 1e6);
        // A hypercall is recorded when it has its result: it began with the exit before.
        let exitNs: number | undefined;
        const fresh = reader.take().entries.flatMap((entry): Line[] => {
          const line = lineOf(domain.id, entry),
            atNs = entry.kind === TRACE_KIND.HYPERCALL ? (exitNs ?? entry.ns) : entry.ns;
          exitNs = entry.kind === TRACE_KIND.EXIT ? entry.ns : entry.kind === TRACE_KIND.HYPERCALL ? undefined : exitNs;
          return line ? [{ ...line, atNs: atNs + ahead }] : [];
        });
        log.value = [...log.peek(), ...fresh].slice(-200);
      }
      return story(
        [
          ...log.peek(),
          ...machine.scheduler
            .decisions()
            .slice(-LOOKED_AT)
            .map(each => decided(each, machine)),
        ].filter(({ id }) => id >= 0 || id === SCHEDULER),
      );
    },
    () => {
      for (const reader of readers.values()) reader.close();
      readers.clear();
    },
  );
  if (!lines || lines.length === 0) return null;
  return (
    <section class="justh">
      <h3>{words.title}</h3>
      <ol>
        {lines.map(({ atNs, id, text, code, after, view }, i) => (
          <li key={i}>
            <button onClick={() => go({ kind: 'home', tab: 'inspect', name: view })}>
              <span class="m dim">{later(atNs - lines[0]!.atNs)}</span>
              <span>
                <b class={`dom ${id === SCHEDULER ? 'c-hv' : ownerClass(id)}`}>
                  {id === SCHEDULER ? ofHost(OF_EACH).scheduler : nameOf(id)}
                </b>{' '}
                {text}
                {code && (
                  <>
                    {' '}
                    <code>{code}</code>
                  </>
                )}
                {after}
              </span>
            </button>
          </li>
        ))}
      </ol>
      <p class="cap-t">{words.from}</p>
    </section>
  );
}
