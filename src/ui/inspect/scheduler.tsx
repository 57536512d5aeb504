/** The credit scheduler: who had which pCPU when, with which priority, what each has left, why each switch was made, and what the weights have to do with it. */

import { signal } from '@preact/signals';
import type { Accounting, Decision, MachineView, Unit } from '../../hypervisor/view/index.ts';
import { sharedMs } from '../../hypervisor/worker/index.ts';
import { asTask, domains, host } from '../host.ts';
import { Chip, ownerClass } from '../parts/marks.tsx';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import { ACCOUNTING_NS, byPriority, type Credit, creditOf, joined, lineFrom, type Run, runsOf, sharesByWeight, TICK_NS } from './runs.ts';

/** What Xen keeps the credit of who is accounted for within: CSCHED_CREDITS_PER_ACCT. */
const MOST_CREDIT = 300;
const words = {
  nothing: 'Nobody has had a processor yet.', pcpu: (n: number) => `pCPU ${n}`, idle: 'idle', weight: 'weight', cap: 'cap', none: 'none', at: 'At, ms', where: 'Where', change: 'Switch', priority: 'Priority', credit: 'Credit', reason: 'Why this one', waited: 'Waited, ms', span: 'Length of the picture', accountings: 'Accountings', ms: 'ms', previous: '‹ Prev', next: 'Next switch ›',
  shares: 'Weight and cap', sharesHint: 'They act at once, as xl sched-credit. The bar is what it had of one processor in the last second; the mark is what the weights give to those that always have work.', log: 'Decisions', newest: 'the line in the picture is at the marked one', legend: ['BOOST', 'UNDER', 'OVER'], runnable: 'runnable, waits', creditLine: `credit, ±${MOST_CREDIT}`, ticks: 'tick every 10 ms; strong line: credit is handed out, every 30 ms', noSwitch: 'No switch in this picture.',
  whys: { IDLE: 'nobody was runnable', ALONE: 'nobody else waited', PRIORITY: 'best priority in the queue', TURN: 'first in line of equals', WOKEN: 'woke, and the processor was idle', STOLEN: 'had credit left, and waited for the other processor', RATELIMIT: 'began too short a time ago to be preempted', PREFERRED: 'its soft affinity names this processor' } as Record<string, string>,
  boosted: 'woke as UNDER: BOOST goes first',
  lefts: { BLOCKED: (who: string) => `${who} sleeps`, SLICE: (who: string) => `${who}’s slice is over`, YIELDED: (who: string) => `${who} yields`, PARKED: (who: string) => `${who}’s cap is used up`, PAUSED: (who: string) => `${who} was paused`, DESTROYED: (who: string) => `${who} was destroyed`, AFFINITY: (who: string) => `${who} may not run here` } as Record<string, (who: string) => string>,
};
const EVERY_MS = 250,
  KEPT = 6000,
  KEPT_ACCOUNTINGS = 400,
  SPANS = [60, 120, 1000, 10_000],
  /** Longer pictures have no lines of ticks and accountings: they would be grey. */
  FINEST = 240,
  SHARES_NS = 1e9,
  /** Of decisions before the picture: who runs is looked at anew each 30 ms. */
  BEFORE_NS = 200e6,
  /** Who has run or wanted to for so much of the time always has work. */
  ALWAYS = 0.85,
  /** What a lane takes, where there are few and where there are many. */
  LANE = 56,
  LANE_LOW = 47,
  FEW = 5,
  /** Of the highest slice in a lane; of a credit of 300. */
  SLICE = 20,
  SWING = 11,
  LEFT = 118,
  /** What stands behind a credit line. */
  RIGHT = 46,
  NARROWEST = 1.4,
  WIDE = 760,
  ROWS = 60,
  /** Decisions above the marked one in the table. */
  ABOVE = 1,
  /** Of a letter in a slice. */
  LETTER_WIDE = 6.6,
  SOURCE = 'xen/common/sched/credit.c';
const PRIORITIES: Readonly<Record<number, string>> = { 0: 'BOOST', [-1]: 'UNDER', [-2]: 'OVER', [-64]: 'IDLE' };

const spanMs = signal(60);

/** Of a moment: nanoseconds that a unit has run and waited for a processor, ever. */
interface Look { ns: number; running: number; runnable: number }
interface Share {
  /** Of one processor in the last second. */
  ran: number;
  /** It always had work. */
  isHungry: boolean;
  /** What the weights give it, of those that always have work; undefined: it takes what it needs. */
  byWeight?: number;
}
interface Data {
  decisions: Decision[];
  accountings: Accounting[];
  units: (Unit & { id: number; name: string })[];
  /** The picture begins and ends at accountings, where there are any. */
  fromNs: number;
  toNs: number;
  pcpus: number;
  shares: ReadonlyMap<number, Share>;
}

function idOf(machine: MachineView, unit: number): number {
  return unit === 0 ? 0 : (machine.at(unit)?.id ?? -1);
}
const nameOf = (id: number): string => (id === 0 ? 'Domain-0' : id < 0 ? '?' : (domains.value.find(domain => domain.id === id)?.name ?? `domain ${id}`));

function open({ machine }: Target) {
  let decisions: Decision[] = [], accountings: Accounting[] = [];
  const looks = new Map<number, Look[]>();
  const sharesOf = (units: Data['units'], pcpus: number): Map<number, Share> => {
    const shares = new Map(units.map(({ unit }): [number, Share] => {
      const seen = looks.get(unit) ?? [], last = seen.at(-1)!, first = seen.findLast(({ ns }) => last.ns - ns >= SHARES_NS) ?? seen[0]!, ns = Math.max(1, last.ns - first.ns);
      const ran = (last.running - first.running) / ns;
      return [unit, { ran, isHungry: ran + (last.runnable - first.runnable) / ns > ALWAYS }];
    }));
    const hungry = units.filter(({ unit }) => shares.get(unit)!.isHungry), others = units.reduce((sum, { unit }) => sum + (shares.get(unit)!.isHungry ? 0 : shares.get(unit)!.ran), 0);
    const byWeight = sharesByWeight(hungry.map(({ unit, weight, cap }) => ({ unit, weight, most: cap > 0 ? Math.min(1, cap / 100) : 1 })), pcpus - others);
    for (const [unit, share] of byWeight) shares.get(unit)!.byWeight = share;
    return shares;
  };
  return {
    look(): Data | undefined {
      if (!machine) return undefined;
      const { scheduler } = machine, nowNs = scheduler.timeNs(sharedMs());
      const lastNs = decisions.at(-1)?.timeNs ?? -1, lastAccountingNs = accountings.at(-1)?.timeNs ?? -1;
      decisions = [...decisions, ...scheduler.decisions().filter(({ timeNs }) => timeNs > lastNs)].slice(-KEPT);
      accountings = [...accountings, ...scheduler.accountings().filter(({ timeNs }) => timeNs > lastAccountingNs)].slice(-KEPT_ACCOUNTINGS);
      // Who has crashed has no part in it.
      const units = scheduler.units().map(unit => { const id = idOf(machine, unit.unit); return { ...unit, id, name: nameOf(id) }; }).filter(({ id }) => domains.value.find(domain => domain.id === id)?.state !== 'c');
      for (const { unit } of units) {
        const { running, runnable } = scheduler.runstates(unit, nowNs);
        looks.set(unit, [...(looks.get(unit) ?? []), { ns: nowNs, running, runnable }].filter(({ ns }) => nowNs - ns < 2 * SHARES_NS));
      }
      const toNs = accountings.at(-1)?.timeNs ?? nowNs, { pcpus } = scheduler;
      return decisions.length === 0 ? undefined : { decisions, accountings, units, fromNs: toNs - spanMs.value * 1e6, toNs, pcpus, shares: sharesOf(units, pcpus) };
    },
  };
}

/** What can be chosen: switches within the picture, oldest first. */
const switchesOf = ({ decisions, fromNs, toNs }: Data): Decision[] => decisions.filter(({ timeNs, from, to }) => from !== to && timeNs >= fromNs && timeNs <= toNs);

/** The decision of which the table and the line in the picture are: the chosen one, or one in the middle that put a woken unit before another. */
function pickedOf({ data, chosen }: Shown<Data>): Decision | undefined {
  const kept = data.decisions.find(each => keyOf(each) === chosen);
  if (kept) return kept;
  const all = switchesOf(data), telling = all.filter(({ priority, from, to }) => priority === 0 && from >= 0 && to >= 0), middleNs = (data.fromNs + data.toNs) / 2;
  const off = ({ timeNs }: Decision): number => Math.abs(timeNs - middleNs);
  return (telling.length > 0 ? telling : all).reduce<Decision | undefined>((nearest, each) => (nearest && off(nearest) <= off(each) ? nearest : each), undefined);
}

function reasonOf({ why, left, priority, from, to }: Decision, nameAt: (unit: number) => string): string {
  const because = from >= 0 ? words.lefts[left]?.(nameAt(from)) : undefined, chosen = to >= 0 && priority === 0 && why !== 'WOKEN' ? words.boosted : words.whys[why];
  return [because, chosen].filter(Boolean).join('; ');
}

function Figure(shown: Shown<Data>) {
  const { data, choose } = shown, { decisions, accountings, units, fromNs, toNs, pcpus, shares } = data, span = toNs - fromNs, isFine = span <= FINEST * 1e6;
  const x = (ns: number): number => LEFT + (Math.min(span, Math.max(0, ns - fromNs)) / span) * (WIDE - LEFT - RIGHT), told = decisions.filter(({ timeNs }) => timeNs >= fromNs - BEFORE_NS), all = runsOf(told, 0, toNs), inPicture = runsOf(told, fromNs, toNs), runs = byPriority(inPicture, accountings);
  const laneHigh = units.length > FEW ? LANE_LOW : LANE, top = pcpus * 30 + 34, lane = new Map(units.map(({ unit }, i) => [unit, top + i * laneHigh]));
  const height = top + units.length * laneHigh, stepNs = isFine ? TICK_NS : span / 6, lines = Array.from({ length: Math.round(span / stepNs) + 1 }, (_, i) => i * stepNs), creditAt = laneHigh - SWING - 6;
  const picked = pickedOf(shown), pickedKey = picked && keyOf(picked), switches = switchesOf(data), at = switches.findIndex(each => each === picked), first = Math.max(0, at - ABOVE), rows = switches.slice(first, first + ROWS);
  const unitClass = (unit: number): string => ownerClass(Math.max(0, units.find(each => each.unit === unit)?.id ?? 0)), nameAt = (unit: number): string => (unit < 0 ? words.idle : (units.find(each => each.unit === unit)?.name ?? '?'));
  const label = (name: string, width: number): string => (name.length * LETTER_WIDE + 5 < width ? name : width > 2 * LETTER_WIDE + 3 ? name.slice(0, 2) : '');
  const isTicked = isFine && accountings.length > 0;
  const Step = ({ to, says }: { to: Decision | undefined; says: string }) => <button class="btn sm" disabled={!to} onClick={() => to && choose(keyOf(to))}>{says}</button>;
  return <div class="col sch fit">
    <div class="row"><div class="seg" role="group" aria-label={words.span}>{SPANS.map(each => <button key={each} aria-pressed={each === spanMs.value} onClick={() => { spanMs.value = each; }}>{each < 1000 ? `${each} ms` : `${each / 1000} s`}</button>)}</div>
      <div class="legend">{words.legend.map((name, i) => <span key={name}><i class={`pri p${i}`} />{name}</span>)}<span><i class="pri dots" />{words.runnable}</span><span><i class="pri line" />{words.creditLine}</span></div></div>
    <figure class="schw" tabIndex={0}><svg viewBox={`0 0 ${WIDE} ${height}`} width="100%" role="img" aria-label={`${words.pcpu(0)}: ${units.map(({ name, unit }) => `${name} ${Math.round(100 * (shares.get(unit)?.ran ?? 0))} %`).join(', ')}`}>
      {lines.map(ns => { const isStrong = isTicked && ns % ACCOUNTING_NS === 0; return <g key={ns}><path d={`M${x(fromNs + ns)} 16V${height}`} stroke={isStrong ? 'var(--text-3)' : 'var(--line)'} /><text x={x(fromNs + ns)} y="11" text-anchor="middle" class="m">{Math.round(ns / 1e6)}</text></g>; })}
      <text x="0" y="11">{words.ms}</text>
      {Array.from({ length: pcpus }, (_, pcpu) => <text key={pcpu} x="0" y={38 + pcpu * 30} class="lb b">{words.pcpu(pcpu)}</text>)}
      {joined(inPicture).map(run => { const left = x(run.fromNs), width = Math.max(0.6, x(run.toNs) - left), name = label(nameAt(run.unit), width); return <g key={`${run.pcpu} ${run.fromNs}`} class={`slice ${unitClass(run.unit)}`} onClick={() => choose(keyOf({ timeNs: run.fromNs, pcpu: run.pcpu, to: run.unit }))}>
        <rect x={left} y={22 + run.pcpu * 30} width={width} height="23" rx={width > 6 ? 2 : 0} fill="var(--c-tint)" stroke="var(--c)" stroke-width={width > 3 ? 1 : 0.5} />{name && <text x={left + width / 2} y={38 + run.pcpu * 30} text-anchor="middle" class="lb">{name}</text>}</g>; })}
      {units.map(({ unit, id, name, weight, cap }) => { const y = lane.get(unit)!; return <g key={unit} class={ownerClass(Math.max(0, id))}>
        <rect x="0" y={y + 1} width="10" height="10" rx="2" fill="var(--c-fill)" stroke="var(--c)" /><text x="15" y={y + 10} class="lb">{name.slice(0, 14)}</text><text x="15" y={y + 24}>{words.weight} {weight}{cap > 0 ? `, ${words.cap} ${cap}` : ''}</text>
        <pattern id={`over-${unit}`} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="5" height="5" fill="var(--c-tint)" /><path d="M0 0v5" stroke="var(--c)" stroke-width="2.4" /></pattern>
        <path d={`M${LEFT} ${y + SLICE}H${WIDE - RIGHT}`} stroke="var(--line)" />
        {runs.filter(run => run.unit === unit).map(run => <Slice key={run.fromNs} run={run} x={x} y={y} />)}
        <path d={`M${LEFT} ${y + creditAt}H${WIDE - RIGHT}`} stroke="var(--line)" />
        <CreditLine of={lineFrom(creditOf(unit, all, accountings, toNs), fromNs)} x={x} y={y + creditAt} /></g>; })}
      {picked && picked.timeNs >= fromNs && <g><path d={`M${x(picked.timeNs)} 14V${height}`} stroke="var(--text)" stroke-width="1.6" /><path d={`M${x(picked.timeNs) - 5} 13h10l-5 7z`} fill="var(--text)" /></g>}
    </svg></figure>
    {isTicked && <p class="cap-t">{words.ticks}</p>}
    <div class="ph"><h3>{words.log}</h3><span class="sec">{words.newest}</span><span class="grow" /><Step to={switches[at - 1]} says={words.previous} /><Step to={switches[at + 1]} says={words.next} /></div>
    {rows.length === 0 ? <p class="hint">{words.noSwitch}</p> : <div class="rest"><div class="wide rows"><table class="pad picks decided"><thead><tr><th class="num">{words.at}</th><th>{words.where}</th><th>{words.change}</th><th>{words.priority}</th><th class="num">{words.credit}</th><th>{words.reason}</th></tr></thead><tbody>
      {rows.map(each => { const key = keyOf(each), reason = reasonOf(each, nameAt); return <tr key={key} class={key === pickedKey ? 'sel' : ''} onClick={() => choose(key)}><td class="m num">{((each.timeNs - fromNs) / 1e6).toFixed(1)}</td><td class="nw">{words.pcpu(each.pcpu)}</td><td class="nw"><button class="pickrow" aria-pressed={key === pickedKey} onClick={() => choose(key)}><span class={each.from < 0 ? 'sec' : `dom ${unitClass(each.from)}`}>{nameAt(each.from)}</span> → <span class={each.to < 0 ? 'sec' : `dom ${unitClass(each.to)}`}>{nameAt(each.to)}</span></button></td><td class="nw">{each.to < 0 ? '–' : <><i class="mk">{PRIORITIES[each.priority]?.[0]}</i> {PRIORITIES[each.priority]}</>}</td><td class="m num">{each.to < 0 ? '–' : signed(each.credit)}</td><td class="sec cut" title={reason}>{reason}</td></tr>; })}</tbody></table></div></div>}
  </div>;
}

/** A slice in its lane, as high as its priority; before it a dotted line for as long as it waited. */
function Slice({ run, x, y }: { run: Run; x: (ns: number) => number; y: number }) {
  const left = x(run.fromNs), width = Math.max(NARROWEST, x(run.toNs) - left), isBoost = run.priority === 0, top = y + (isBoost ? 2 : 5), waitedFrom = x(run.fromNs - run.waitedNs);
  return <g>{run.waitedNs > 0 && waitedFrom < left && <path d={`M${waitedFrom} ${y + SLICE}H${left}`} stroke="var(--c)" stroke-width="1.8" stroke-dasharray="1.5 2.5" />}
    <rect x={left} y={top} width={width} height={y + SLICE - top} fill={run.priority === -2 ? `url(#over-${run.unit})` : 'var(--c-fill)'} stroke="var(--c)" stroke-width={width > 3 ? 0.8 : 0} />{isBoost && <rect x={left} y={y - 3} width={Math.max(width, 3)} height="3" fill="var(--hv)" />}</g>;
}

function CreditLine({ of, x, y }: { of: readonly Credit[]; x: (ns: number) => number; y: number }) {
  const at = (credit: number): string => (y - (Math.max(-MOST_CREDIT, Math.min(MOST_CREDIT, credit)) * SWING) / MOST_CREDIT).toFixed(1), last = of.at(-1);
  if (!last) return null;
  return <><polyline fill="none" stroke="var(--text)" stroke-width="1.2" points={of.map(({ ns, credit }) => `${x(ns).toFixed(1)},${at(credit)}`).join(' ')} />
    <text x={WIDE} y={y + 4} text-anchor="end" class="m">{signed(Math.round(last.credit))}</text></>;
}
const signed = (n: number): string => (n > 0 ? `+${n}` : String(n).replace('-', '−'));
const percent = (part: number): string => String(Math.round(100 * part));
const keyOf = ({ timeNs, pcpu, to }: Pick<Decision, 'timeNs' | 'pcpu' | 'to'>): string => `${timeNs} ${pcpu} ${to}`;

function Detail({ data }: Shown<Data>) {
  const { units, shares } = data;
  const set = (id: number, name: string, what: 'weight' | 'cap', to: number) => void asTask(`xl sched-credit -d ${name} -${what[0]} ${to}`, () => host['sched-credit']({ domain: id, [what]: to }));
  return <section class="shr"><h3>{words.shares}</h3><p class="cap-t">{words.sharesHint}</p>{units.filter(({ id }) => id >= 0).map(({ unit, id, name, weight, cap }) => {
    const { ran, byWeight } = shares.get(unit)!;
    return <div key={unit} class={`one ${ownerClass(id)}`}><div class="row"><b class="dom"><Chip id={id} /> {name}</b><span class="grow" /><span class="m">{percent(ran)} %</span></div>
      <div class="set">{(['weight', 'cap'] as const).map(what => <label key={what} class="sl2"><span>{words[what]}</span><input type="range" aria-label={`${words[what]} ${name}`} min={what === 'weight' ? 1 : 0} max={what === 'weight' ? 1024 : 100} value={what === 'weight' ? weight : cap} style={`--part:${what === 'weight' ? weight / 10.24 : cap}%`} onChange={event => set(id, name, what, Number(event.currentTarget.value))} /><span class="m">{what === 'cap' && cap === 0 ? words.none : what === 'cap' ? cap : weight}</span></label>)}</div>
      <div class="bar pred"><i style={`width:${Math.min(100, 100 * ran)}%`} />{byWeight !== undefined && <u style={`left:${100 * byWeight}%`} />}</div></div>; })}</section>;
}

const list = (items: readonly (string | number)[]): string => (items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`);

/** The measured shares by weights and caps, in numbers. */
function sharesWhy({ units, shares, pcpus }: Data): Why {
  const of = (unit: number): Share => shares.get(unit)!, hungry = units.filter(({ unit }) => of(unit).isHungry), others = units.filter(({ unit }) => !of(unit).isHungry && of(unit).ran >= 0.005), theirs = others.reduce((sum, { unit }) => sum + of(unit).ran, 0);
  const [first] = [...hungry].sort((a, b) => b.weight - a.weight);
  const took = others.length === 0 ? '' : `${list(others.map(({ name }) => name))} took ${percent(theirs)} % first: who is UNDER and wakes has BOOST.`;
  if (!first) return { question: 'Why no marks?', answer: `Nobody always had work in the last second, so nobody was short of a processor, and weights decided little. ${took}`.trim(), source: SOURCE };
  const capped = hungry.filter(({ cap }) => cap > 0), by = hungry.map(({ unit }) => percent(of(unit).byWeight ?? 0));
  return {
    question: `Why has ${first.name} ${percent(of(first.unit).ran)} %?`, source: SOURCE,
    answer: hungry.length <= pcpus && capped.length === 0 ? `Only ${list(hungry.map(({ name }) => name))} always ${hungry.length > 1 ? 'have' : 'has'} work, and there are ${pcpus} processors: each can have a whole one, whatever the weights. ${took}`
      : `${took} The other ${percent(pcpus - theirs)} % ${hungry.length > 1 ? `are shared by ${list(hungry.map(({ name }) => name))}, which always have work: weights ${list(hungry.map(({ weight }) => weight))} give` : `are for ${first.name} alone:`} ${list(by)} %${capped.length > 0 ? `, since ${list(capped.map(({ name, cap }) => `the cap of ${name} is ${cap} %`))}` : by.some(each => each === '100') ? ', since none can have more than a whole processor' : ''}. Measured: ${list(hungry.map(({ unit }) => percent(of(unit).ran)))} %.`,
  };
}

function why(shown: Shown<Data>): Why {
  const { data, chosen } = shown, picked = chosen ? pickedOf(shown) : undefined;
  if (!picked) return sharesWhy(data);
  const name = picked.to >= 0 ? (data.units.find(({ unit }) => unit === picked.to)?.name ?? '?') : words.idle;
  if (picked.to < 0) return { question: 'Why idle?', answer: 'When the slot was asked for, no domain that may use it was runnable.', source: SOURCE };
  if (picked.priority === 0) return { question: 'Why BOOST?', answer: `${name} woke with ${signed(picked.credit)} credits and waited ${(picked.waitedNs / 1e6).toFixed(2)} ms. Who is UNDER when it wakes goes before all others until a tick, each 10 ms, finds it running, or the accounting comes. So interrupts are answered fast.`, source: SOURCE };
  return { question: `Why ${name}?`, answer: `It was ${PRIORITIES[picked.priority]} with ${signed(picked.credit)} credits, and ${words.whys[picked.why]}; ${picked.waiting} other${picked.waiting === 1 ? '' : 's'} waited in this queue. It had waited ${(picked.waitedNs / 1e6).toFixed(2)} ms.`, source: SOURCE };
}

export const SchedulerPart = inspector<Data>({
  everyMs: EVERY_MS, needsMemory: true, nothing: words.nothing, open, Figure, Detail, why,
  tables: ({ decisions, accountings, units, shares, fromNs }) => [
    { name: 'Domains', columns: ['Domain', words.weight, words.cap, words.priority, words.credit, 'Of one processor, %', 'By weight, %', 'Times dispatched'], rows: units.map(({ unit, name, weight, cap, priority, credit, dispatches }) => { const { ran, byWeight } = shares.get(unit)!; return [name, weight, cap, PRIORITIES[priority] ?? priority, credit, Number((100 * ran).toFixed(1)), byWeight === undefined ? '' : Number((100 * byWeight).toFixed(1)), dispatches]; }) },
    { name: words.log, columns: [words.at, words.where, 'From', 'To', words.priority, words.credit, words.reason, words.waited], rows: [...decisions].reverse().map(each => [Number(((each.timeNs - fromNs) / 1e6).toFixed(3)), each.pcpu, units.find(({ unit }) => unit === each.from)?.name ?? words.idle, units.find(({ unit }) => unit === each.to)?.name ?? words.idle, PRIORITIES[each.priority] ?? '', each.credit, words.whys[each.why] ?? '', Number((each.waitedNs / 1e6).toFixed(3))]) },
    { name: words.accountings, columns: [words.at, ...units.map(({ name }) => name)], rows: [...accountings].reverse().map(({ timeNs, credits }) => [Number(((timeNs - fromNs) / 1e6).toFixed(3)), ...units.map(({ unit }) => credits[unit] ?? '')]) },
  ],
});
