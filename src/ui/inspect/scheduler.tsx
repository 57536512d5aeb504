/** The credit scheduler: who had which pCPU when, with which priority, what each has left, and why each switch was made. */

import { signal } from '@preact/signals';
import type { Decision, MachineView, Unit } from '../../hypervisor/view/index.ts';
import { sharedMs } from '../../hypervisor/worker/index.ts';
import { asTask, domains, host } from '../host.ts';
import { Chip, ownerClass } from '../parts/marks.tsx';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { type Run, runsOf } from './runs.ts';

/** What Xen keeps the credit of who is accounted for within: CSCHED_CREDITS_PER_ACCT. */
const MOST_CREDIT = 300;
const words = {
  nothing: 'Nobody has had a processor yet.', pcpu: (n: number) => `pCPU ${n}`, idle: 'idle', weight: 'weight', cap: 'cap', none: 'none', at: 'At, ms ago', where: 'Where', change: 'Switch', priority: 'Priority', credit: 'Credit', reason: 'Why this one', left: 'Why not the one before', waited: 'Waited, ms', span: 'Length of the picture',
  shares: 'Weight and cap', sharesHint: 'They act at once, as xl sched-credit. The bar is what it ran in the picture; the mark is its part by weight of those that ran or waited.', log: 'Decisions', newest: 'newest first; the line in the picture is at the marked one', runnable: 'runnable, waits', legend: ['BOOST', 'UNDER', 'OVER'], creditLine: `credit, ±${MOST_CREDIT}`, ago: 'ms ago', now: 'now',
  caption: 'The line below a lane is its credit at each switch and each look; past ±300 it is drawn at the edge.',
  whys: { IDLE: 'nobody could use the slot', ALONE: 'nobody else waited', PRIORITY: 'best priority in the queue', TURN: 'first in the queue of equals', WOKEN: 'woken onto an idle slot', STOLEN: 'taken from another queue for its priority', RATELIMIT: 'began too short a time ago to be preempted', PREFERRED: 'its soft affinity names this slot' } as Record<string, string>,
};
const EVERY_MS = 250,
  KEPT = 6000,
  /** Looks at credits that are kept: more than the longest picture has. */
  LOOKS = 60,
  SPANS = [120, 1000, 10_000],
  TICKS = 6,
  /** What a lane takes, where there are few and where there are many. */
  LANE = 54,
  LANE_LOW = 47,
  FEW = 5,
  /** Of the highest slice in a lane; of a credit of 300. */
  SLICE = 18,
  SWING = 10,
  LEFT = 118,
  /** What stands behind a credit line. */
  RIGHT = 46,
  NARROWEST = 1.4,
  WIDE = 760,
  ROWS = 16,
  /** Decisions above the marked one in the table. */
  ABOVE = 3,
  /** Of a letter in a slice. */
  LETTER_WIDE = 6.6;
const PRIORITIES: Readonly<Record<number, string>> = { 0: 'BOOST', [-1]: 'UNDER', [-2]: 'OVER', [-64]: 'IDLE' };

const spanMs = signal(120);

interface Credit { ns: number; credit: number }
interface Data {
  decisions: Decision[];
  units: (Unit & { id: number; name: string })[];
  nowNs: number;
  pcpus: number;
  credits: ReadonlyMap<number, Credit[]>;
  /** What each unit ran and waited within the picture, nanoseconds. */
  ran: ReadonlyMap<number, number>;
}

function idOf(machine: MachineView, unit: number): number {
  return unit === 0 ? 0 : (machine.at(unit)?.id ?? -1);
}
const nameOf = (id: number): string => (id === 0 ? 'Domain-0' : id < 0 ? '?' : (domains.value.find(domain => domain.id === id)?.name ?? `domain ${id}`));

function open({ machine }: Target) {
  let decisions: Decision[] = [];
  const seen = new Map<number, Credit[]>();
  return {
    look(): Data | undefined {
      if (!machine) return undefined;
      const { scheduler } = machine, nowNs = scheduler.timeNs(sharedMs());
      const lastNs = decisions.at(-1)?.timeNs ?? -1;
      decisions = [...decisions, ...scheduler.decisions().filter(({ timeNs }) => timeNs > lastNs)].slice(-KEPT);
      // Who has crashed has no part in it.
      const units = scheduler.units().map(unit => { const id = idOf(machine, unit.unit); return { ...unit, id, name: nameOf(id) }; }).filter(({ id }) => domains.value.find(domain => domain.id === id)?.state !== 'c');
      for (const { unit, credit } of units) seen.set(unit, [...(seen.get(unit) ?? []), { ns: nowNs, credit }].slice(-LOOKS));
      const fromNs = nowNs - spanMs.value * 1e6, credits = new Map(units.map(({ unit }) => [unit, creditsOf(decisions, unit, fromNs, seen.get(unit) ?? [])])), ran = new Map<number, number>();
      for (const run of runsOf(decisions, fromNs, nowNs)) ran.set(run.unit, (ran.get(run.unit) ?? 0) + run.toNs - run.fromNs);
      return decisions.length === 0 ? undefined : { decisions, units, nowNs, pcpus: scheduler.pcpus, credits, ran };
    },
  };
}

/** A unit's credit whenever it was given a slot and whenever it was looked at; from the last time before the picture on. */
function creditsOf(decisions: readonly Decision[], unit: number, fromNs: number, looks: readonly Credit[]): Credit[] {
  const all = [...decisions.filter(({ to }) => to === unit).map(({ timeNs, credit }) => ({ ns: timeNs, credit })), ...looks].sort((one, other) => one.ns - other.ns), first = all.findIndex(({ ns }) => ns >= fromNs);
  return first < 0 ? all.slice(-1) : all.slice(Math.max(0, first - 1));
}

/** The decision of which the table and the line in the picture are: the chosen one, or the one in the picture that was waited for longest. */
function pickedOf({ data: { decisions, nowNs }, chosen }: Shown<Data>): Decision | undefined {
  const fromNs = nowNs - spanMs.value * 1e6, kept = decisions.find(each => keyOf(each) === chosen);
  return kept ?? decisions.filter(({ timeNs, to }) => timeNs >= fromNs && to >= 0).reduce<Decision | undefined>((longest, each) => (longest && longest.waitedNs > each.waitedNs ? longest : each), undefined);
}

/** Of one that goes on with the same priority is one slice, whatever was decided meanwhile. */
function merged(runs: readonly Run[]): Run[] {
  const slices: Run[] = [], last = new Map<number, Run>();
  for (const run of runs) {
    const before = last.get(run.pcpu);
    if (before && before.toNs === run.fromNs && before.unit === run.unit && before.priority === run.priority) { before.toNs = run.toNs; continue; }
    const slice = { ...run };
    slices.push(slice);
    last.set(run.pcpu, slice);
  }
  return slices;
}

function Figure(shown: Shown<Data>) {
  const { data, choose } = shown, { decisions, units, nowNs, pcpus, credits } = data, span = spanMs.value * 1e6, fromNs = nowNs - span;
  const x = (ns: number): number => LEFT + (Math.max(0, ns - fromNs) / span) * (WIDE - LEFT - RIGHT);
  const runs = merged(runsOf(decisions, fromNs, nowNs)), laneHigh = units.length > FEW ? LANE_LOW : LANE, lane = new Map(units.map(({ unit }, i) => [unit, pcpus * 30 + 30 + i * laneHigh]));
  const height = pcpus * 30 + 30 + units.length * laneHigh, ticks = Array.from({ length: TICKS + 1 }, (_, i) => i / TICKS);
  const creditAt = laneHigh - SWING - 8;
  const picked = pickedOf(shown), pickedKey = picked && keyOf(picked), newest = [...decisions].reverse(), first = Math.max(0, newest.findIndex(each => each === picked) - ABOVE), recent = newest.slice(first, first + ROWS);
  const unitClass = (unit: number): string => ownerClass(Math.max(0, units.find(each => each.unit === unit)?.id ?? 0));
  const nameAt = (unit: number): string => (unit < 0 ? words.idle : (units.find(each => each.unit === unit)?.name ?? '?'));
  return <div class="col sch fit">
    <div class="row"><div class="seg" role="group" aria-label={words.span}>{SPANS.map(each => <button key={each} aria-pressed={each === spanMs.value} onClick={() => { spanMs.value = each; }}>{each < 1000 ? `${each} ms` : `${each / 1000} s`}</button>)}</div>
      <div class="legend">{words.legend.map((name, i) => <span key={name}><i class={`pri p${i}`} />{name}</span>)}<span><i class="pri dots" />{words.runnable}</span><span><i class="pri line" />{words.creditLine}</span></div></div>
    <figure class="schw" tabIndex={0}><svg viewBox={`0 0 ${WIDE} ${height}`} width="100%" role="img" aria-label={`${words.pcpu(0)}: ${units.map(({ name, unit }) => `${name} ${Math.round((100 * (data.ran.get(unit) ?? 0)) / span)} %`).join(', ')}`}>
      {ticks.map(part => <g key={part}><path d={`M${x(fromNs + part * span)} 16V${height}`} stroke="var(--line)" /><text x={x(fromNs + part * span)} y="11" text-anchor="middle" class="m">{part === 1 ? words.now : `−${Math.round((1 - part) * spanMs.value)}`}</text></g>)}
      <text x="0" y="11">{words.ago}</text>
      {Array.from({ length: pcpus }, (_, pcpu) => <text key={pcpu} x="0" y={38 + pcpu * 30} class="lb">{words.pcpu(pcpu)}</text>)}
      {runs.map(run => { const left = x(run.fromNs), width = Math.max(0.6, x(run.toNs) - left); return <g key={`${run.pcpu} ${run.fromNs}`} class={`slice ${unitClass(run.unit)}`} onClick={() => choose(keyOf({ timeNs: run.fromNs, pcpu: run.pcpu, to: run.unit }))}>
        <rect x={left} y={22 + run.pcpu * 30} width={width} height="22" fill="var(--c-tint)" stroke="var(--c)" stroke-width={width > 3 ? 1 : 0.5} />{width > 2 * LETTER_WIDE + 5 && <text x={left + width / 2} y={37 + run.pcpu * 30} text-anchor="middle" class="lb">{nameAt(run.unit).length * LETTER_WIDE + 5 < width ? nameAt(run.unit) : nameAt(run.unit).slice(0, 2)}</text>}</g>; })}
      {units.map(({ unit, id, name, weight, cap }) => { const y = lane.get(unit)!; return <g key={unit} class={ownerClass(Math.max(0, id))}>
        <rect x="0" y={y + 1} width="10" height="10" rx="2" fill="var(--c-fill)" stroke="var(--c)" /><text x="15" y={y + 10} class="lb">{name.slice(0, 14)}</text><text x="15" y={y + 23}>{words.weight} {weight}{cap > 0 ? `, ${words.cap} ${cap}` : ''}</text>
        <pattern id={`over-${unit}`} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="5" height="5" fill="var(--c-tint)" /><path d="M0 0v5" stroke="var(--c)" stroke-width="2.4" /></pattern>
        <path d={`M${LEFT} ${y + SLICE}H${WIDE - RIGHT}`} stroke="var(--line)" />
        {runs.filter(run => run.unit === unit).map(run => { const left = x(run.fromNs), width = Math.max(NARROWEST, x(run.toNs) - left), isBoost = run.priority === 0, top = y + (isBoost ? 2 : 5); return <g key={run.fromNs}>
          {run.waitedNs > 0 && <path d={`M${x(run.fromNs - run.waitedNs)} ${y + SLICE}H${left}`} stroke="var(--c)" stroke-width="1.8" stroke-dasharray="1.5 2.5" />}
          <rect x={left} y={top} width={width} height={y + SLICE - top} fill={run.priority === -2 ? `url(#over-${unit})` : 'var(--c-fill)'} stroke="var(--c)" stroke-width={width > 3 ? 0.8 : 0} />{isBoost && <rect x={left} y={y - 3} width={Math.max(width, 3)} height="3" fill="var(--hv)" />}</g>; })}
        <path d={`M${LEFT} ${y + creditAt}H${WIDE - RIGHT}`} stroke="var(--line)" stroke-dasharray="2 3" />
        <CreditLine of={credits.get(unit) ?? []} x={x} y={y + creditAt} /></g>; })}
      {picked && picked.timeNs > fromNs && <path d={`M${x(picked.timeNs)} 14V${height}`} stroke="var(--text)" stroke-width="1.6" />}{picked && picked.timeNs > fromNs && <path d={`M${x(picked.timeNs) - 5} 12h10l-5 7z`} fill="var(--text)" />}
    </svg></figure>
    <p class="cap-t">{words.caption}</p>
    <div class="ph"><h3>{words.log}</h3><span class="sec">{words.newest}</span></div>
    <div class="rest"><div class="wide rows"><table class="pad picks decided"><thead><tr><th class="num">{words.at}</th><th>{words.where}</th><th>{words.change}</th><th>{words.priority}</th><th class="num">{words.credit}</th><th>{words.reason}</th></tr></thead><tbody>
      {recent.map(each => { const key = keyOf(each); return <tr key={key} class={key === pickedKey ? 'sel' : ''} onClick={() => choose(key)}><td class="m num">{((nowNs - each.timeNs) / 1e6).toFixed(1)}</td><td class="nw">{words.pcpu(each.pcpu)}</td><td class="nw"><button class="pickrow" aria-pressed={key === pickedKey} onClick={() => choose(key)}><span class={each.from < 0 ? 'sec' : `dom ${unitClass(each.from)}`}>{nameAt(each.from)}</span> → <span class={each.to < 0 ? 'sec' : `dom ${unitClass(each.to)}`}>{nameAt(each.to)}</span></button></td><td class="nw">{each.to < 0 ? '–' : <><i class="mk">{PRIORITIES[each.priority]?.[0]}</i> {PRIORITIES[each.priority]}</>}</td><td class="m num">{each.to < 0 ? '–' : signed(each.credit)}</td><td class="sec cut" title={words.whys[each.why]}>{words.whys[each.why]}</td></tr>; })}</tbody></table></div></div>
  </div>;
}

/** A credit from edge to edge: what was known last holds until it is known anew. */
function CreditLine({ of, x, y }: { of: readonly Credit[]; x: (ns: number) => number; y: number }) {
  const at = (credit: number): string => (y - (Math.max(-MOST_CREDIT, Math.min(MOST_CREDIT, credit)) * SWING) / MOST_CREDIT).toFixed(1), [first] = of, last = of.at(-1);
  if (!first || !last) return null;
  return <><polyline fill="none" stroke="var(--text)" stroke-width="1.2" points={[`${LEFT},${at(first.credit)}`, ...of.map(({ ns, credit }) => `${x(ns).toFixed(1)},${at(credit)}`), `${WIDE - RIGHT},${at(last.credit)}`].join(' ')} />
    <text x={WIDE} y={y + 4} text-anchor="end" class="m">{signed(last.credit)}</text></>;
}
const signed = (n: number): string => (n > 0 ? `+${n}` : String(n).replace('-', '−'));
const keyOf = ({ timeNs, pcpu, to }: Pick<Decision, 'timeNs' | 'pcpu' | 'to'>): string => `${timeNs} ${pcpu} ${to}`;

function Detail({ data }: Shown<Data>) {
  const { units, ran, pcpus } = data, span = spanMs.value * 1e6, wanting = units.filter(({ unit }) => (ran.get(unit) ?? 0) > 0), all = wanting.reduce((sum, { weight }) => sum + weight, 0);
  const set = (id: number, name: string, what: 'weight' | 'cap', to: number) => void asTask(`xl sched-credit -d ${name} -${what[0]} ${to}`, () => host['sched-credit']({ domain: id, [what]: to }));
  return <section class="shr"><h3>{words.shares}</h3><p class="cap-t">{words.sharesHint}</p>{units.filter(({ id }) => id >= 0).map(({ unit, id, name, weight, cap }) => {
    const part = (ran.get(unit) ?? 0) / span, predicted = all > 0 && (ran.get(unit) ?? 0) > 0 ? Math.min(1, (pcpus * weight) / all) : 0;
    return <div key={unit} class={`one ${ownerClass(id)}`}><div class="row"><b class="dom"><Chip id={id} /> {name}</b><span class="grow" /><span class="m">{Math.round(100 * part)} %</span></div>
      <div class="set">{(['weight', 'cap'] as const).map(what => <label key={what} class="sl2"><span>{words[what]}</span><input type="range" aria-label={`${words[what]} ${name}`} min={what === 'weight' ? 1 : 0} max={what === 'weight' ? 1024 : 100} value={what === 'weight' ? weight : cap} style={`--part:${what === 'weight' ? weight / 10.24 : cap}%`} onChange={event => set(id, name, what, Number(event.currentTarget.value))} /><span class="m">{what === 'cap' && cap === 0 ? words.none : what === 'cap' ? cap : weight}</span></label>)}</div>
      <div class="bar pred"><i style={`width:${100 * part}%`} />{predicted > 0 && <u style={`left:${100 * predicted}%`} />}</div></div>; })}</section>;
}

function why(shown: Shown<Data>): Why {
  const { data } = shown, picked = pickedOf(shown), source = 'xen/common/sched/credit.c';
  const name = picked && picked.to >= 0 ? (data.units.find(({ unit }) => unit === picked.to)?.name ?? '?') : words.idle;
  if (!picked) return { question: 'Why credits?', answer: 'Every 30 ms Xen hands out 300 credits for each processor, by weight; running costs 100 in 10 ms. Who has some left is UNDER and goes before those that are OVER. Only those get any whom a tick, each 10 ms, found running.', source };
  if (picked.to < 0) return { question: 'Why idle?', answer: 'When the slot was asked for, no domain that may use it was runnable.', source };
  if (picked.priority === 0) return { question: 'Why BOOST?', answer: `${name} woke with ${signed(picked.credit)} credits and waited ${(picked.waitedNs / 1e6).toFixed(2)} ms. Who wakes with some left goes before all others until a tick, each 10 ms, finds it running, or the accounting comes. So interrupts are answered fast.`, source };
  return { question: `Why ${name}?`, answer: `It was ${PRIORITIES[picked.priority]} with ${signed(picked.credit)} credits, and ${words.whys[picked.why]}; ${picked.waiting} other${picked.waiting === 1 ? '' : 's'} waited in this queue. It had waited ${(picked.waitedNs / 1e6).toFixed(2)} ms.`, source };
}

export const SchedulerPart = inspector<Data>({
  everyMs: EVERY_MS, needsMemory: true, nothing: words.nothing, open, Figure, Detail, why,
  tables: ({ decisions, units, nowNs }) => [
    { name: 'Domains', columns: ['Domain', words.weight, words.cap, words.priority, words.credit, 'Times dispatched'], rows: units.map(({ name, weight, cap, priority, credit, dispatches }) => [name, weight, cap, PRIORITIES[priority] ?? priority, credit, dispatches]) },
    { name: words.log, columns: [words.at, words.where, 'From', 'To', words.priority, words.credit, words.reason, words.waited], rows: [...decisions].reverse().map(each => [Number(((nowNs - each.timeNs) / 1e6).toFixed(3)), each.pcpu, units.find(({ unit }) => unit === each.from)?.name ?? words.idle, units.find(({ unit }) => unit === each.to)?.name ?? words.idle, PRIORITIES[each.priority] ?? '', each.credit, words.whys[each.why] ?? '', Number((each.waitedNs / 1e6).toFixed(3))]) },
  ],
});
