/**
 * *Idea.* Xen's credit scheduler (credit1, xen/common/sched/credit.c): processor time is bought with credits. A unit pays 10 credits for each
 * millisecond on a slot. Once in a time slice (30 ms) the active units share out what a slot costs in that time, in proportion to their weights and
 * limited by their caps. A unit with credits is UNDER, one without is OVER, and UNDER runs first: that gives weights. A unit that wakes with credits
 * is BOOSTed before both, since it probably slept for I/O and wants little: that gives latency. BOOST ends when a tick finds the unit on a slot, or
 * at the next accounting if it is active. A tick also makes the unit that it finds active.
 */
import { FLAG, MAX_UNITS, PRIORITY, SCHED, UNIT } from './block.ts';
import { byPriority, type Policy, type SchedulerBlock } from './policy.ts';
import { DEFAULT_WEIGHT, XEN_PARAMETERS } from './shares.ts';

const CREDITS_PER_MS = 10;
/** CSCHED_TICKS_PER_TSLICE; a slice of fewer milliseconds has one tick. */
const TICKS_PER_SLICE = 3;
const MS = 1e6;

/** What follows from the time slice (__csched_set_tslice): times from a tick to the next and from an accounting to the next, and what that hands out a slot. */
export function periodsOf(tsliceUs: number): { tickNs: number; accountingNs: number; credits: number } {
  const ticks = tsliceUs < 1000 * TICKS_PER_SLICE ? 1 : TICKS_PER_SLICE;
  return {
    tickNs: Math.floor(tsliceUs / ticks) * 1000,
    accountingNs: tsliceUs * 1000,
    credits: Math.floor((tsliceUs * CREDITS_PER_MS) / 1000),
  };
}

export const credit: Policy = {
  ...byPriority,
  name: 'credit',
  ofXen: true,
  weight: DEFAULT_WEIGHT,
  defaults: () => XEN_PARAMETERS,
  tickNs: block => periodsOf(block.words[SCHED.TSLICE_US]).tickNs,
  accountingNs: block => periodsOf(block.words[SCHED.TSLICE_US]).accountingNs,

  added(block, unit) {
    block.set(unit, UNIT.CREDIT, 0);
    block.set(unit, UNIT.PRIORITY, PRIORITY.UNDER);
  },

  limited(block, unit) {
    if (block.get(unit, UNIT.CAP) === 0) block.flag(unit, FLAG.PARKED, false);
  },

  removed(block, unit) {
    block.set(unit, UNIT.FLAGS, 0);
  },

  woken(block, unit) {
    if (block.get(unit, UNIT.PRIORITY) === PRIORITY.UNDER && !block.has(unit, FLAG.PARKED))
      block.set(unit, UNIT.PRIORITY, PRIORITY.BOOST);
  },

  charge(block, unit, nowNs) {
    const from = block.unitTime(unit, UNIT.CHARGED);
    const credits = Math.floor(((nowNs - from) * CREDITS_PER_MS + MS / 2) / MS);
    if (credits <= 0) return;
    block.set(unit, UNIT.CREDIT, block.get(unit, UNIT.CREDIT) - credits);
    // Rounding is carried along.
    block.setUnitTime(unit, UNIT.CHARGED, from + (credits * MS) / CREDITS_PER_MS);
  },

  tick(block, unit, nowNs) {
    if (block.get(unit, UNIT.PRIORITY) === PRIORITY.BOOST) block.set(unit, UNIT.PRIORITY, PRIORITY.UNDER);
    credit.charge(block, unit, nowNs);
    block.flag(unit, FLAG.ACTIVE, true);
  },

  account(block) {
    const { words } = block,
      { credits } = periodsOf(words[SCHED.TSLICE_US]);
    const active: { unit: number; weight: number; capped: number; peak: number }[] = [];
    const owed = Math.max(0, -words[SCHED.BALANCE]);
    let weightTotal = 0;
    for (let unit = 0; unit < MAX_UNITS; unit++) {
      if (block.get(unit, UNIT.STATE) === 0 || !block.has(unit, FLAG.ACTIVE)) continue;
      const weight = block.get(unit, UNIT.WEIGHT),
        cap = block.get(unit, UNIT.CAP);
      active.push({ unit, weight, capped: cap > 0 ? Math.ceil((cap * credits) / 100) : Infinity, peak: 0 });
      weightTotal += weight;
    }
    for (const one of active) one.peak = Math.min(credits + Math.ceil((owed * one.weight) / weightTotal), one.capped);
    // Whose share is too large for it comes first, so that all others get of what it leaves. Xen moves such domains to its list's head one by one (credit_xtra).
    active.sort((a, b) => a.peak / a.weight - b.peak / b.weight);
    // What was spent and not had flows back, so that the sum of all credits returns to 0.
    let total = block.pcpus * credits + owed;
    let weightLeft = weightTotal,
      balance = 0;
    for (const { unit, weight, capped, peak } of active) {
      weightLeft -= weight;
      let fair = Math.ceil((total * weight) / weightTotal);
      if (fair > peak) {
        // Others may share what this one cannot use.
        if (weightLeft > 0) total += Math.ceil(((fair - peak) * weightTotal) / weightLeft);
        fair = peak;
      }
      balance += share(block, unit, { fair, capped, most: credits });
    }
    words[SCHED.BALANCE] = balance;
  },
};

/** Gives a unit its credit of one period; returns what it has then. `capped`: what its cap lets it have. `most`: afterwards it has no more, and owes no more. */
function share(
  block: SchedulerBlock,
  unit: number,
  { fair, capped, most }: { fair: number; capped: number; most: number },
): number {
  let has = block.get(unit, UNIT.CREDIT) + fair;
  if (has < 0) {
    block.set(unit, UNIT.PRIORITY, PRIORITY.OVER);
    if (has < -capped) block.flag(unit, FLAG.PARKED, true);
    has = Math.max(has, -most);
  } else {
    block.set(unit, UNIT.PRIORITY, PRIORITY.UNDER);
    block.flag(unit, FLAG.PARKED, false);
    if (has > most) {
      // It does not use its share: it earns nothing until it runs at a tick again.
      block.flag(unit, FLAG.ACTIVE, false);
      has >>= 1;
    }
  }
  block.set(unit, UNIT.CREDIT, has);
  return has;
}
