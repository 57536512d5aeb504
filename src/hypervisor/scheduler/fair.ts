/**
 * A fair scheduler as Linux 6.1 has it for threads (CFS: kernel/sched/fair.c; Documentation/scheduler/sched-design-CFS.rst, sched-bwc.rst), for a host whose
 * guests are processes of a cgroup each. A unit's virtual runtime is what it has run, the slower the more shares it has; the unit with the least comes
 * next. One that has used up the quota of its period is parked until the next one, and owes what it ran beyond.
 *
 * All slots share one queue: Linux has one for each processor, and balances them. So that one queue is fair, nobody weighs more than makes a whole slot
 * (Chandra et al., Surplus Fair Scheduling, OSDI 2000).
 */
import { FLAG, LEFT, PRIORITY, RUNNABLE, RUNNING, SCHED, UNIT, WHY } from './block.ts';
import { isEarlier, type Policy, type SchedulerBlock } from './policy.ts';
import { DEFAULT_PERIOD_US } from './shares.ts';

/** NICE_0_LOAD, and what cpu.shares is of a cgroup that nobody has given another. */
const NICE_0_LOAD = 1024;
/** sysctl_sched_latency for one processor; sched_nr_latency: beyond this many a turn of all takes longer, so that nobody has less than an eighth of it. */
const LATENCY_US = 6000,
  LATENCY_UNITS = 8;
/** sysctl_sched_wakeup_granularity as a part of the latency: 1 ms of 6. */
const WAKEUP_PART = 6;
/** A tick of Debian's kernels (CONFIG_HZ=250). */
const TICK_NS = 4e6;
/** What a worker may run beyond its slice until it looks. */
const LATE_NS = 10e6;

const latencyNs = (block: SchedulerBlock): number => block.words[SCHED.TSLICE_US] * 1e3;

/** Has something to do, and may do it. */
function competes(block: SchedulerBlock, unit: number): boolean {
  const state = block.get(unit, UNIT.STATE) - 1;
  return state === RUNNING || (state === RUNNABLE && !block.has(unit, FLAG.PARKED));
}

/** Weights of those that compete, the heaviest first, and of `unit`, which may be none of them yet. */
function weights(block: SchedulerBlock, unit: number): number[] {
  const all: number[] = [];
  for (let other = 0; other < block.words[SCHED.UNITS]; other++)
    if (other === unit || competes(block, other)) all.push(block.get(other, UNIT.WEIGHT));
  return all.sort((a, b) => b - a);
}

/** What its shares count for next to the others: no more than makes a whole slot. `part`: of a slot. `units`: it and those that compete. */
function weightOf(block: SchedulerBlock, unit: number): { weight: number; part: number; units: number } {
  const all = weights(block, unit),
    own = block.get(unit, UNIT.WEIGHT);
  const { pcpus } = block;
  if (all.length <= pcpus) return { weight: NICE_0_LOAD, part: 1, units: all.length };
  let rest = all.reduce((sum, weight) => sum + weight, 0),
    whole = 0;
  while (whole < pcpus && all[whole] * (pcpus - whole) > rest) rest -= all[whole++];
  const most = rest / (pcpus - whole);
  const weight = Math.min(own, most);
  return { weight, part: weight / most, units: all.length };
}

/** What it may use of a period; undefined: as much as there is. A cap is a quota in per cent. */
function quotaNs(block: SchedulerBlock, unit: number): number | undefined {
  const quotaUs = block.get(unit, UNIT.QUOTA_US),
    cap = block.get(unit, UNIT.CAP);
  if (quotaUs <= 0 && cap <= 0) return undefined;
  return Math.min(quotaUs > 0 ? quotaUs * 1e3 : Infinity, cap > 0 ? (cap * periodNs(block, unit)) / 100 : Infinity);
}

const periodNs = (block: SchedulerBlock, unit: number): number => block.get(unit, UNIT.PERIOD_US) * 1e3;

/** Virtual runtime for a time on a slot. */
const virtual = (ns: number, weight: number): number => (ns * NICE_0_LOAD) / weight;

/** MIN_VRUNTIME as of now. */
function minimum(block: SchedulerBlock): number {
  let least = Infinity;
  for (let unit = 0; unit < block.words[SCHED.UNITS]; unit++)
    if (competes(block, unit)) least = Math.min(least, block.unitTime(unit, UNIT.VRUNTIME));
  const before = block.time(SCHED.MIN_VRUNTIME);
  if (least === Infinity || least <= before) return before;
  block.setTime(SCHED.MIN_VRUNTIME, least);
  return least;
}

/** One that had nothing to do, or was parked, comes back: half a latency before the others at most (place_entity, GENTLE_FAIR_SLEEPERS). */
function place(block: SchedulerBlock, unit: number): void {
  const least = minimum(block) - latencyNs(block) / 2;
  if (block.unitTime(unit, UNIT.VRUNTIME) < least) block.setUnitTime(unit, UNIT.VRUNTIME, least);
}

/** A new period, if there is a quota and one is over. */
function refill(block: SchedulerBlock, unit: number, nowNs: number): void {
  const quota = quotaNs(block, unit),
    end = block.unitTime(unit, UNIT.PERIOD_END),
    period = periodNs(block, unit);
  if (quota === undefined || nowNs < end) return;
  block.setUnitTime(unit, UNIT.PERIOD_END, end + (Math.floor((nowNs - end) / period) + 1) * period);
  const left = Math.min(quota, block.unitTime(unit, UNIT.RUNTIME_LEFT) + quota);
  block.setUnitTime(unit, UNIT.RUNTIME_LEFT, left);
  if (left <= 0 || !block.has(unit, FLAG.PARKED)) return;
  place(block, unit);
  block.flag(unit, FLAG.PARKED, false);
}

/** What it ran is taken off its quota. */
function take(block: SchedulerBlock, unit: number, ranNs: number): void {
  if (quotaNs(block, unit) === undefined) return;
  const left = block.unitTime(unit, UNIT.RUNTIME_LEFT) - ranNs;
  block.setUnitTime(unit, UNIT.RUNTIME_LEFT, left);
  if (left <= 0) block.flag(unit, FLAG.PARKED, true);
}

/** With what is not charged yet of one that runs. */
function vruntimeAt(block: SchedulerBlock, running: number, nowNs: number): number {
  const ran = Math.max(0, nowNs - block.unitTime(running, UNIT.CHARGED));
  return block.unitTime(running, UNIT.VRUNTIME) + virtual(ran, weightOf(block, running).weight);
}

export const fair: Policy = {
  name: 'fair',
  ofXen: false,
  weight: NICE_0_LOAD,
  queue: 'host',
  // SCHED_TUNABLESCALING_LOG: 1 + log2 of the processors, of eight at most.
  defaults: pcpus => ({ tsliceUs: LATENCY_US * (1 + Math.floor(Math.log2(Math.min(8, pcpus)))), ratelimitUs: 0 }),
  tickNs: () => TICK_NS,

  accountingNs(block, fromNs) {
    let next = fromNs + DEFAULT_PERIOD_US * 1e3;
    for (let unit = 0; unit < block.words[SCHED.UNITS]; unit++) {
      const end = block.unitTime(unit, UNIT.PERIOD_END);
      if (block.get(unit, UNIT.STATE) !== 0 && quotaNs(block, unit) !== undefined && end > fromNs)
        next = Math.min(next, end);
    }
    return next - fromNs;
  },

  added(block, unit, nowNs) {
    block.set(unit, UNIT.PRIORITY, PRIORITY.UNDER);
    block.setUnitTime(unit, UNIT.VRUNTIME, minimum(block));
    fair.limited(block, unit, nowNs);
  },

  limited(block, unit, nowNs) {
    const quota = quotaNs(block, unit);
    if (quota === undefined) return block.flag(unit, FLAG.PARKED, false);
    // As where a quota is written (tg_set_cfs_bandwidth): a period begins with all of it.
    const end = nowNs + periodNs(block, unit);
    block.setUnitTime(unit, UNIT.RUNTIME_LEFT, quota);
    block.setUnitTime(unit, UNIT.PERIOD_END, end);
    block.flag(unit, FLAG.PARKED, false);
    block.setTime(SCHED.NEXT_ACCOUNTING, Math.min(block.time(SCHED.NEXT_ACCOUNTING), end));
  },

  removed: (block, unit) => block.set(unit, UNIT.FLAGS, 0),
  woken: place,

  precedes(block, unit, other) {
    const ahead = block.unitTime(unit, UNIT.VRUNTIME) - block.unitTime(other, UNIT.VRUNTIME);
    return ahead < 0 || (ahead === 0 && isEarlier(block, unit, other));
  },

  /** check_preempt_wakeup: by a granularity, so that two do not take turns for each bit; check_preempt_tick: by a whole slice. */
  preempts(block, waiting, running, nowNs, woken) {
    const behind = vruntimeAt(block, running, nowNs) - block.unitTime(waiting, UNIT.VRUNTIME);
    return (
      behind >
      (woken ? virtual(latencyNs(block) / WAKEUP_PART, weightOf(block, waiting).weight) : fair.sliceNs(block, running))
    );
  },

  relieves: (block, waiting, running) =>
    block.unitTime(waiting, UNIT.VRUNTIME) < block.unitTime(running, UNIT.VRUNTIME),

  reasons: (block, _chosen, running, nowNs) => ({
    why: WHY.LEAST,
    left: running >= 0 && nowNs < block.unitTime(running, UNIT.SLICE_END) ? LEFT.PREEMPTED : LEFT.SLICE,
  }),

  /** sched_slice: its share of a turn of all. */
  sliceNs(block, unit) {
    const { part, units } = weightOf(block, unit),
      onSlot = Math.ceil(units / block.pcpus),
      least = latencyNs(block) / LATENCY_UNITS;
    const turn = onSlot > LATENCY_UNITS ? onSlot * least : latencyNs(block);
    return Math.max(least, turn * part);
  },

  charge(block, unit, nowNs) {
    const ran = nowNs - block.unitTime(unit, UNIT.CHARGED);
    if (ran <= 0) return;
    block.setUnitTime(unit, UNIT.CHARGED, nowNs);
    const { weight } = weightOf(block, unit);
    // A unit that runs where the others may not (hard affinity) runs ahead of them without taking anything from them.
    const most = minimum(block) + virtual(2 * fair.sliceNs(block, unit) + LATE_NS, weight);
    const vruntime = block.unitTime(unit, UNIT.VRUNTIME);
    block.setUnitTime(unit, UNIT.VRUNTIME, Math.max(vruntime, Math.min(vruntime + virtual(ran, weight), most)));
    take(block, unit, ran);
  },

  tick: (block, unit, nowNs) => fair.charge(block, unit, nowNs),

  account(block, nowNs) {
    for (let unit = 0; unit < block.words[SCHED.UNITS]; unit++)
      if (block.get(unit, UNIT.STATE) !== 0) refill(block, unit, nowNs);
  },
};
