/** The credit scheduler: who had which pCPU when, with which priority, what each has left, why each switch was made, and what the weights have to do with it. */

import { signal } from '@preact/signals';
import type { Accounting, Decision, Unit } from '../../hypervisor/view/index.ts';
import { sharedMs } from '../../hypervisor/worker/index.ts';
import { asTask, domains, host, nameOf } from '../host.ts';
import { mediaSignal, PHONE } from '../media.ts';
import { Chip, ownerClass } from '../parts/marks.tsx';
import { signed } from '../units.ts';
import { inspector } from './frame.tsx';
import type { Shown, Target, Why } from './inspector.ts';
import {
  ACCOUNTING_NS,
  byPriority,
  creditOf,
  lineFrom,
  PRIORITIES,
  runsOf,
  sharesByWeight,
  TICK_NS,
  timesOf,
  withNewer,
} from './runs.ts';
import { creditScale, Schedule } from './schedule.tsx';

const words = {
  nothing: 'Nobody has had a processor yet.',
  pcpu: (n: number) => `pCPU ${n}`,
  idle: 'idle',
  weight: 'weight',
  cap: 'cap',
  none: 'none',
  at: 'At, ms',
  where: 'Where',
  change: 'Switch',
  priority: 'Priority',
  credit: 'Credit',
  reason: 'Why this one',
  waited: 'Waited, ms',
  span: 'Length of the picture',
  accountings: 'Accountings',
  previous: '‹ Prev',
  next: 'Next switch ›',
  shares: 'Weight and cap',
  sharesHint: 'Bar: its time in the picture. Mark: what the weights give.',
  log: 'Decisions',
  newest: 'the line in the picture stands at the marked one',
  legend: ['BOOST', 'UNDER', 'OVER'],
  runnable: 'runnable, waits',
  creditLine: ({ least, most }: { least: number; most: number }) =>
    `credit, ${signed(Math.round(least))} to ${signed(Math.round(most))}`,
  handed: 'credit is handed out',
  noSwitch: 'No switch in this picture.',
  whys: {
    IDLE: 'nobody was runnable',
    ALONE: 'nobody else waited',
    PRIORITY: 'best priority in line',
    TURN: 'first in line of equals',
    WOKEN: 'woke, and the processor was idle',
    STOLEN: 'had credit; taken from the other pCPU',
    RATELIMIT: 'began too short a time ago to be preempted',
    PREFERRED: 'its soft affinity names this pCPU',
  } as Record<string, string>,
  boosted: 'woke: BOOST goes first',
  lefts: {
    BLOCKED: (who: string) => `${who} sleeps`,
    SLICE: (who: string) => `${who}’s slice is over`,
    YIELDED: (who: string) => `${who} yields`,
    PARKED: (who: string) => `${who}’s cap is used up`,
    PAUSED: (who: string) => `${who} was paused`,
    DESTROYED: (who: string) => `${who} was destroyed`,
    AFFINITY: (who: string) => `${who} may not run here`,
  } as Record<string, (who: string) => string>,
};
const EVERY_MS = 250,
  KEPT = 6000,
  KEPT_ACCOUNTINGS = 400,
  SPANS = [60, 120, 1000, 10_000],
  /** Longer pictures have no lines of ticks and accountings: they would be grey. */
  FINEST = 240,
  /** So long a time decides who always has work. */
  LOOK_NS = 1e9,
  /** Of decisions before the picture: who runs is looked at anew each 30 ms. */
  BEFORE_NS = 200e6,
  /** Who has run or wanted to for so much of the time always has work. */
  ALWAYS = 0.85,
  /** Where in the picture the decision is looked for that is explained at first: between two accountings of the shorter ones. */
  TELLING = 0.38,
  /** The same is of a slice that can be seen: of so much of the picture at least. */
  SEEN = 1 / 60,
  ROWS = 60,
  /** Decisions above the marked one in the table. */
  ABOVE = 1,
  SOURCE = 'xen/common/sched/credit.c';

const spanMs = signal(120);
/** There the picture has its lengths above it. */
const phone = mediaSignal(PHONE);

/** Of a moment: nanoseconds that a unit has run and waited for a processor, ever. */
interface Look {
  ns: number;
  running: number;
  runnable: number;
}
/** Of the picture, in nanoseconds. */
interface Share {
  /** It had a processor. */
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

function open({ machine }: Target) {
  let decisions: Decision[] = [],
    accountings: Accounting[] = [];
  const looks = new Map<number, Look[]>();
  const isHungry = (unit: number): boolean => {
    const seen = looks.get(unit) ?? [],
      last = seen.at(-1)!,
      first = seen.findLast(({ ns }) => last.ns - ns >= LOOK_NS) ?? seen[0]!;
    return last.running - first.running + last.runnable - first.runnable > ALWAYS * Math.max(1, last.ns - first.ns);
  };
  const sharesOf = (units: Data['units'], fromNs: number, toNs: number, pcpus: number): Map<number, Share> => {
    const times = timesOf(
        runsOf(
          decisions.filter(({ timeNs }) => timeNs >= fromNs - BEFORE_NS),
          fromNs,
          toNs,
        ),
      ),
      span = toNs - fromNs;
    const shares = new Map(
      units.map(({ unit }): [number, Share] => [unit, { ran: times.get(unit) ?? 0, isHungry: isHungry(unit) }]),
    );
    const hungry = units.filter(({ unit }) => shares.get(unit)!.isHungry),
      others = units.reduce((sum, { unit }) => sum + (shares.get(unit)!.isHungry ? 0 : shares.get(unit)!.ran), 0);
    const byWeight = sharesByWeight(
      hungry.map(({ unit, weight, cap }) => ({
        unit,
        weight,
        most: cap > 0 ? Math.min(span, (span * cap) / 100) : span,
      })),
      pcpus * span - others,
    );
    for (const [unit, share] of byWeight) shares.get(unit)!.byWeight = share;
    return shares;
  };
  return {
    look(): Data | undefined {
      if (!machine) return undefined;
      const { scheduler } = machine,
        nowNs = scheduler.timeNs(sharedMs());
      const lastAccountingNs = accountings.at(-1)?.timeNs ?? -1;
      decisions = withNewer(decisions, scheduler.decisions(), scheduler.pcpus).slice(-KEPT);
      accountings = [
        ...accountings,
        ...scheduler.accountings().filter(({ timeNs }) => timeNs > lastAccountingNs),
      ].slice(-KEPT_ACCOUNTINGS);
      // Who has crashed has no part in it.
      const units = scheduler
        .units()
        .map(unit => {
          const id = machine.idOf(unit.unit);
          return { ...unit, id, name: id < 0 ? '?' : nameOf(id) };
        })
        .filter(({ id }) => domains.value.find(domain => domain.id === id)?.state !== 'c');
      for (const { unit } of units) {
        const { running, runnable } = scheduler.runstates(unit, nowNs);
        looks.set(
          unit,
          [...(looks.get(unit) ?? []), { ns: nowNs, running, runnable }].filter(({ ns }) => nowNs - ns < 2 * LOOK_NS),
        );
      }
      const toNs = accountings.at(-1)?.timeNs ?? nowNs,
        fromNs = toNs - spanMs.value * 1e6,
        { pcpus } = scheduler;
      return decisions.length === 0
        ? undefined
        : { decisions, accountings, units, fromNs, toNs, pcpus, shares: sharesOf(units, fromNs, toNs, pcpus) };
    },
  };
}

/** What can be chosen: switches within the picture, oldest first. */
const switchesOf = ({ decisions, fromNs, toNs }: Data): Decision[] =>
  decisions.filter(({ timeNs, from, to }) => from !== to && timeNs >= fromNs && timeNs <= toNs);

/** The decision of which the table and the line in the picture are: the chosen one, or one that put a woken unit before another. */
function pickedOf({ data, chosen }: Shown<Data>): Decision | undefined {
  const kept = data.decisions.find(each => keyOf(each) === chosen);
  if (kept) return kept;
  const { decisions, fromNs, toNs } = data,
    all = switchesOf(data),
    telling = all.filter(({ priority, from, to }) => priority === 0 && from >= 0 && to >= 0),
    aimNs = fromNs + TELLING * (toNs - fromNs);
  const lastsNs = ({ pcpu, timeNs }: Decision): number =>
      (decisions.find(next => next.pcpu === pcpu && next.timeNs > timeNs)?.timeNs ?? toNs) - timeNs,
    off = ({ timeNs }: Decision): number => Math.abs(timeNs - aimNs);
  const among =
    [telling.filter(each => lastsNs(each) >= SEEN * (toNs - fromNs)), telling, all].find(some => some.length > 0) ?? [];
  return among.reduce<Decision | undefined>(
    (nearest, each) => (nearest && off(nearest) <= off(each) ? nearest : each),
    undefined,
  );
}

function reasonOf({ why, left, priority, from, to }: Decision, nameAt: (unit: number) => string): string {
  const because = from >= 0 ? words.lefts[left]?.(nameAt(from)) : undefined,
    chosen = to >= 0 && priority === 0 && why !== 'WOKEN' ? words.boosted : words.whys[why];
  return [because, chosen].filter(Boolean).join('; ');
}

/** How long a time the picture is of. */
const Spans = () => (
  <div class="seg" role="group" aria-label={words.span}>
    {SPANS.map(each => (
      <button
        key={each}
        aria-pressed={each === spanMs.value}
        onClick={() => {
          spanMs.value = each;
        }}
      >
        {lengthText(each * 1e6)}
      </button>
    ))}
  </div>
);

function Figure(shown: Shown<Data>) {
  const { data, choose } = shown,
    { decisions, accountings, units, fromNs, toNs, pcpus, shares } = data,
    span = toNs - fromNs,
    isFine = span <= FINEST * 1e6;
  const told = decisions.filter(({ timeNs }) => timeNs >= fromNs - BEFORE_NS),
    all = runsOf(told, 0, toNs),
    inPicture = runsOf(told, fromNs, toNs),
    runs = byPriority(inPicture, accountings);
  const stepNs = isFine ? TICK_NS : span / 6,
    isTicked = isFine && accountings.length > 0;
  const picked = pickedOf(shown),
    pickedKey = picked && keyOf(picked),
    switches = switchesOf(data),
    at = picked ? switches.indexOf(picked) : -1,
    first = Math.max(0, at - ABOVE),
    rows = switches.slice(first, first + ROWS);
  const unitClass = (unit: number): string => ownerClass(Math.max(0, units.find(each => each.unit === unit)?.id ?? 0)),
    nameAt = (unit: number): string => (unit < 0 ? words.idle : (units.find(each => each.unit === unit)?.name ?? '?'));
  const lanes = units.map(({ unit, id, name, weight, cap }) => ({
    unit,
    id,
    name,
    says: `${words.weight} ${weight}${cap > 0 ? `, ${words.cap} ${cap}` : ''}`,
    runs: runs.filter(run => run.unit === unit),
    credit: lineFrom(creditOf(unit, all, accountings, toNs), fromNs),
  }));
  const Step = ({ to, says }: { to: Decision | undefined; says: string }) => (
    <button class="btn sm" disabled={!to} onClick={() => to && choose(keyOf(to))}>
      {says}
    </button>
  );
  return (
    <div class="col sch fit">
      {phone.value && <Spans />}
      <Schedule
        label={units.map(({ name, unit }) => `${name} ${lengthText(shares.get(unit)?.ran ?? 0)}`).join(', ')}
        fromNs={fromNs}
        toNs={toNs}
        pcpus={pcpus}
        runs={inPicture}
        at={picked}
        choose={run => choose(keyOf({ timeNs: run.fromNs, pcpu: run.pcpu, to: run.unit }))}
        marks={Array.from({ length: Math.round(span / stepNs) + 1 }, (_, i) => ({
          ns: fromNs + i * stepNs,
          label: String(Math.round((i * stepNs) / 1e6)),
          isStrong: isTicked && (i * stepNs) % ACCOUNTING_NS === 0,
        }))}
        lanes={lanes}
      />
      <div class="legend">
        {words.legend.map((name, i) => (
          <span key={name}>
            <i class={`pri p${i}`} />
            {name}
          </span>
        ))}
        <span>
          <i class="pri dots" />
          {words.runnable}
        </span>
        <span>
          <svg class="saw" viewBox="0 0 22 11" aria-hidden="true">
            <path d="M1 9L9 3V9L21 2" />
          </svg>
          {words.creditLine(creditScale(lanes))}
        </span>
        {isTicked && (
          <span>
            <i class="pri at" />
            {words.handed}
          </span>
        )}
      </div>
      <div class="ph">
        <h3>{words.log}</h3>
        <span class="sec">{words.newest}</span>
        <span class="grow" />
        <Step to={switches[at - 1]} says={words.previous} />
        <Step to={switches[at + 1]} says={words.next} />
      </div>
      {rows.length === 0 ? (
        <p class="hint">{words.noSwitch}</p>
      ) : (
        <div class="rest">
          <div class="wide rows">
            <table class="pad picks decided">
              <thead>
                <tr>
                  <th class="num">{words.at}</th>
                  <th>{words.where}</th>
                  <th>{words.change}</th>
                  <th>{words.priority}</th>
                  <th class="num">{words.credit}</th>
                  <th>{words.reason}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(each => {
                  const key = keyOf(each);
                  return (
                    <tr key={key} class={key === pickedKey ? 'sel' : ''} onClick={() => choose(key)}>
                      <td class="m num">{((each.timeNs - fromNs) / 1e6).toFixed(1)}</td>
                      <td class="nw">{words.pcpu(each.pcpu)}</td>
                      <td class="nw">
                        <button class="pickrow" aria-pressed={key === pickedKey} onClick={() => choose(key)}>
                          <span class={each.from < 0 ? 'sec' : `dom ${unitClass(each.from)}`}>{nameAt(each.from)}</span>{' '}
                          → <span class={each.to < 0 ? 'sec' : `dom ${unitClass(each.to)}`}>{nameAt(each.to)}</span>
                        </button>
                      </td>
                      <td class="nw">
                        {each.to < 0 ? (
                          '–'
                        ) : (
                          <>
                            <i class="mk">{PRIORITIES[each.priority]?.[0]}</i> {PRIORITIES[each.priority]}
                          </>
                        )}
                      </td>
                      <td class="m num">{each.to < 0 ? '–' : signed(each.credit)}</td>
                      <td class="sec why-td">{reasonOf(each, nameAt)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        </div>
      )}
    </div>
  );
}

const inMs = (ns: number): string => (ns / 1e6).toFixed(ns > 0 && ns < 9.5e6 ? 1 : 0);
/** A time of the picture, as it is told beside its span. */
const lengthText = (ns: number): string => (ns < 1e9 ? `${inMs(ns)} ms` : `${Number((ns / 1e9).toFixed(2))} s`);
const keyOf = ({ timeNs, pcpu, to }: Pick<Decision, 'timeNs' | 'pcpu' | 'to'>): string => `${timeNs} ${pcpu} ${to}`;

function Detail({ data }: Shown<Data>) {
  const { units, shares, fromNs, toNs } = data,
    span = toNs - fromNs;
  const set = (id: number, name: string, what: 'weight' | 'cap', to: number) =>
    void asTask(`xl sched-credit -d ${name} -${what[0]} ${to}`, () => host['sched-credit']({ domain: id, [what]: to }));
  return (
    <section class="shr">
      <h3>{words.shares}</h3>
      <p class="cap-t">{words.sharesHint}</p>
      {units
        .filter(({ id }) => id >= 0)
        .map(({ unit, id, name, weight, cap }) => {
          const { ran, byWeight } = shares.get(unit)!;
          return (
            <div key={unit} class={`one ${ownerClass(id)}`}>
              <div class="row">
                <b class="dom">
                  <Chip id={id} /> {name}
                </b>
                <span class="grow" />
                <span class="m">{lengthText(ran)}</span>
              </div>
              <div class="set">
                {(['weight', 'cap'] as const).map(what => (
                  <label key={what} class="sl2">
                    <span>{words[what]}</span>
                    <input
                      type="range"
                      aria-label={`${words[what]} ${name}`}
                      min={what === 'weight' ? 1 : 0}
                      max={what === 'weight' ? 1024 : 100}
                      value={what === 'weight' ? weight : cap}
                      style={`--part:${what === 'weight' ? weight / 10.24 : cap}%`}
                      onChange={event => set(id, name, what, Number(event.currentTarget.value))}
                    />
                    <span class="m">{what === 'cap' && cap === 0 ? words.none : what === 'cap' ? cap : weight}</span>
                  </label>
                ))}
              </div>
              <div class="bar pred">
                <i style={`width:${(100 * ran) / span}%`} />
                {byWeight !== undefined && <u style={`left:${(100 * byWeight) / span}%`} />}
              </div>
            </div>
          );
        })}
    </section>
  );
}

const list = (items: readonly (string | number)[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** The measured shares by weights and caps, in numbers. */
function sharesWhy({ units, shares, pcpus, fromNs, toNs }: Data): Why {
  const of = (unit: number): Share => shares.get(unit)!,
    span = toNs - fromNs,
    hungry = units.filter(({ unit }) => of(unit).isHungry),
    others = units.filter(({ unit }) => !of(unit).isHungry && of(unit).ran > 0),
    theirs = others.reduce((sum, { unit }) => sum + of(unit).ran, 0);
  const [first] = [...hungry].sort((a, b) => b.weight - a.weight);
  const took =
    others.length === 0
      ? ''
      : `${list(others.map(({ name }) => name))} woke with BOOST and took ${lengthText(theirs)} first.`;
  if (!first)
    return {
      question: 'Why no marks?',
      answer:
        `Nobody always had work in the last second, so nobody was short of a processor, and weights decided little. ${took}`.trim(),
      source: SOURCE,
    };
  const capped = hungry.filter(({ cap }) => cap > 0),
    by = hungry.map(({ unit }) => of(unit).byWeight ?? 0),
    names = list(hungry.map(({ name }) => name)),
    question = `Why has ${first.name} ${lengthText(of(first.unit).ran)} of ${lengthText(span)}?`;
  if (hungry.length <= pcpus && capped.length === 0)
    return {
      question,
      answer: `Only ${names} always ${hungry.length > 1 ? 'have' : 'has'} work, and there are ${pcpus} processors: each can have a whole one, whatever the weights. ${took}`,
      source: SOURCE,
    };
  const limit =
    capped.length > 0
      ? ` (the cap of ${list(capped.map(({ name, cap }) => `${name} is ${cap} %`))})`
      : by.some(share => share === span)
        ? ' (none can have more than one processor)'
        : '';
  return {
    question,
    source: SOURCE,
    answer:
      `${took} The other ${lengthText(pcpus * span - theirs)} of ${pcpus} processors go by weight to those that always have work: ${list(by.map(inMs))} ms to ${names}${limit}. Measured: ${list(hungry.map(({ unit }) => inMs(of(unit).ran)))} ms.`.trim(),
  };
}

function why(shown: Shown<Data>): Why {
  const { data, chosen } = shown,
    picked = chosen ? pickedOf(shown) : undefined;
  if (!picked) return sharesWhy(data);
  const name = picked.to >= 0 ? (data.units.find(({ unit }) => unit === picked.to)?.name ?? '?') : words.idle;
  if (picked.to < 0)
    return {
      question: 'Why idle?',
      answer: 'When the slot was asked for, no domain that may use it was runnable.',
      source: SOURCE,
    };
  // It had nobody to go before.
  if (picked.priority === 0 && picked.why === 'WOKEN')
    return {
      question: 'Why BOOST?',
      answer: `${name} woke with ${signed(picked.credit)} credits while ${words.pcpu(picked.pcpu)} was idle, and got it after ${(picked.waitedNs / 1e6).toFixed(2)} ms. Who is UNDER when it wakes is BOOSTed whether anybody else waits or not; here it had nobody to go before. It is UNDER again when a tick, each 10 ms, finds it running, or the accounting comes.`,
      source: SOURCE,
    };
  if (picked.priority === 0)
    return {
      question: 'Why BOOST?',
      answer: `${name} woke with ${signed(picked.credit)} credits and waited ${(picked.waitedNs / 1e6).toFixed(2)} ms. Who is UNDER when it wakes goes before all others until a tick, each 10 ms, finds it running, or the accounting comes. So interrupts are answered fast.`,
      source: SOURCE,
    };
  return {
    question: `Why ${name}?`,
    answer: `It was ${PRIORITIES[picked.priority]} with ${signed(picked.credit)} credits, and ${words.whys[picked.why]}; ${picked.waiting} other${picked.waiting === 1 ? '' : 's'} waited in this queue. It had waited ${(picked.waitedNs / 1e6).toFixed(2)} ms.`,
    source: SOURCE,
  };
}

export const SchedulerPart = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  Tools: Spans,
  Detail,
  why,
  tables: ({ decisions, accountings, units, shares, fromNs }) => [
    {
      name: 'Domains',
      columns: [
        'Domain',
        words.weight,
        words.cap,
        words.priority,
        words.credit,
        'In the picture, ms',
        'By weight, ms',
        'Times dispatched',
      ],
      rows: units.map(({ unit, name, weight, cap, priority, credit, dispatches }) => {
        const { ran, byWeight } = shares.get(unit)!;
        return [
          name,
          weight,
          cap,
          PRIORITIES[priority] ?? priority,
          credit,
          Number((ran / 1e6).toFixed(2)),
          byWeight === undefined ? '' : Number((byWeight / 1e6).toFixed(2)),
          dispatches,
        ];
      }),
    },
    {
      name: words.log,
      columns: [words.at, words.where, 'From', 'To', words.priority, words.credit, words.reason, words.waited],
      rows: [...decisions]
        .reverse()
        .map(each => [
          Number(((each.timeNs - fromNs) / 1e6).toFixed(3)),
          each.pcpu,
          units.find(({ unit }) => unit === each.from)?.name ?? words.idle,
          units.find(({ unit }) => unit === each.to)?.name ?? words.idle,
          PRIORITIES[each.priority] ?? '',
          each.credit,
          words.whys[each.why] ?? '',
          Number((each.waitedNs / 1e6).toFixed(3)),
        ]),
    },
    {
      name: words.accountings,
      columns: [words.at, ...units.map(({ name }) => name)],
      rows: [...accountings]
        .reverse()
        .map(({ timeNs, credits }) => [
          Number(((timeNs - fromNs) / 1e6).toFixed(3)),
          ...units.map(({ unit }) => credits[unit] ?? ''),
        ]),
    },
  ],
});
