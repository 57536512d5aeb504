/** The fair policy against what Linux says of its own (sched-design-CFS.rst, sched-bwc.rst; cgroup-v1/cgroups.rst: cpu.shares). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOG, Host, MS, STEP_NS } from './time-users.test-support.ts';

/** A worker looks after a slice of its own; what it runs until then is over the line. */
const WORKERS_SLICE_NS = 2 * MS + 2 * STEP_NS;
const fairHost = (pcpus: number): Host => new Host({ pcpus, policy: 'fair' });
const RUNS = { numRuns: 25, seed: 46 };

/** By shares, but nobody has more than a slot: what that leaves goes to the others by theirs. */
function fairShares(weights: number[], pcpus: number): number[] {
  const shares = weights.map(() => 0);
  let left = weights.map((_, i) => i),
    slots = pcpus;
  for (;;) {
    const total = left.reduce((sum, i) => sum + weights[i]!, 0);
    const whole = left.filter(i => (weights[i]! * slots) / total > 1);
    if (whole.length === 0 || left.length <= slots) {
      for (const i of left) shares[i] = Math.min(1, (weights[i]! * slots) / total);
      if (left.length <= slots) for (const i of left) shares[i] = 1;
      return shares;
    }
    for (const i of whole) shares[i] = 1;
    slots -= whole.length;
    left = left.filter(i => !whole.includes(i));
  }
}

describe('fair scheduler', () => {
  it('shares the slots by cpu.shares, within 3 of a hundred parts of a slot', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 256, max: 8192 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        (weights, pcpus) => {
          const host = fairHost(pcpus);
          const units = weights.map(weight => host.add(HOG, { weight }));
          host.run(6000 * MS);
          const wanted = fairShares(weights, pcpus);
          for (const [i, unit] of units.entries()) expect(Math.abs(host.share(unit) - wanted[i]!)).toBeLessThan(0.03);
        },
      ),
      RUNS,
    );
  });

  it('lets nobody run beyond its quota by more than a slice, however often it sleeps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 90 }),
        fc.integer({ min: 10, max: 200 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 10 }),
        fc.boolean(),
        (percent, periodMs, workMs, sleepMs, crowded) => {
          const host = fairHost(2);
          const quotaNs = Math.max(1, Math.floor((periodMs * percent) / 100)) * MS;
          const habit = sleepMs === 0 ? HOG : { workNs: workMs * MS, sleepNs: sleepMs * MS };
          const unit = host.add(habit, { quotaUs: quotaNs / 1e3, periodUs: periodMs * 1e3 });
          if (crowded) for (let i = 0; i < 3; i++) host.add(HOG);
          for (let i = 0; i < 100; i++) {
            host.run(15 * MS);
            const periods = Math.floor(host.nowNs / (periodMs * MS)) + 1;
            expect(host.runstates(unit).running).toBeLessThanOrEqual(periods * quotaNs + WORKERS_SLICE_NS);
          }
          // Nobody keeps it from its quota: a hog that is alone gets all of it.
          if (!crowded && sleepMs === 0)
            expect(host.share(unit)).toBeGreaterThan((quotaNs / (periodMs * MS)) * 0.95 - (2 * MS) / (periodMs * MS));
        },
      ),
      RUNS,
    );
  });

  it('starves nobody: beside hogs and sleepers each that has something to do comes on within a second', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            weight: fc.integer({ min: 64, max: 4096 }),
            workMs: fc.integer({ min: 1, max: 20 }),
            sleepMs: fc.integer({ min: 0, max: 20 }),
          }),
          { minLength: 2, maxLength: 8 },
        ),
        fc.integer({ min: 1, max: 2 }),
        (guests, pcpus) => {
          const host = fairHost(pcpus);
          const units = guests.map(({ weight, workMs, sleepMs }) =>
            host.add(sleepMs === 0 ? HOG : { workNs: workMs * MS, sleepNs: sleepMs * MS }, { weight }),
          );
          const had = units.map(() => 0);
          for (let second = 0; second < 4; second++) {
            host.run(1000 * MS);
            for (const [i, unit] of units.entries()) {
              const { running } = host.runstates(unit);
              expect(running).toBeGreaterThan(had[i]!);
              had[i] = running;
            }
          }
        },
      ),
      RUNS,
    );
  });

  it('wakes one that sleeps most of its time within 3 ms beside four hogs', () => {
    const host = fairHost(1);
    for (let i = 0; i < 4; i++) host.add(HOG);
    const sleeper = host.add({ workNs: 0.5 * MS, sleepNs: 10 * MS });
    host.run(5000 * MS);
    expect(host.latencies.get(sleeper)?.length).toBeGreaterThan(300);
    expect(host.median(sleeper)).toBeLessThanOrEqual(3 * MS);
  });

  it('lets who has slept for long make up for half a latency and no more', () => {
    const host = fairHost(1);
    const hog = host.add(HOG),
      sleeper = host.add({ workNs: Infinity, sleepNs: 0 });
    host.scheduler.block(sleeper);
    host.run(5000 * MS);
    const before = host.runstates(hog).running;
    host.scheduler.wake(sleeper);
    host.run(40 * MS);
    expect(host.runstates(hog).running - before).toBeGreaterThan(10 * MS);
  });

  it('leaves one that may run nowhere else a share of its slot, and another the slot of its own', () => {
    const host = fairHost(2);
    const pinned = [host.add(HOG, { hardAffinity: 1 }), host.add(HOG, { hardAffinity: 1 })];
    const free = host.add(HOG);
    host.run(4000 * MS);
    for (const unit of pinned) expect(host.share(unit)).toBeCloseTo(0.5, 1);
    expect(host.share(free)).toBeGreaterThan(0.95);
    // It has run ahead of the others, and is no worse off for it next to one that comes.
    const before = host.runstates(free).running;
    host.add(HOG, { hardAffinity: 2 });
    host.run(400 * MS);
    expect(host.runstates(free).running - before).toBeGreaterThan(150 * MS);
  });

  it('gives no slot to one that wakes while its quota is used up', () => {
    const host = fairHost(1);
    const unit = host.add({ workNs: MS, sleepNs: 0.5 * MS }, { quotaUs: 10_000 });
    host.run(95 * MS);
    expect(host.runstates(unit).running).toBeLessThanOrEqual(10 * MS + WORKERS_SLICE_NS);
  });

  it('takes a cap for a quota, and gives both back when they are taken away', () => {
    const host = fairHost(1);
    const unit = host.add(HOG, { cap: 20 });
    host.run(2000 * MS);
    expect(host.share(unit)).toBeCloseTo(0.2, 1);
    host.scheduler.adjust(unit, { cap: 0 });
    const before = host.runstates(unit).running;
    host.run(1000 * MS);
    expect(host.runstates(unit).running - before).toBeGreaterThan(990 * MS);
    host.scheduler.adjust(unit, { quotaUs: 50_000 });
    host.run(1000 * MS);
    expect(host.runstates(unit).running - before).toBeLessThan(1600 * MS);
  });

  it('is no scheduler of Xen’s, and says of each choice that it has run least', () => {
    const host = fairHost(1);
    for (let i = 0; i < 3; i++) host.add(HOG);
    host.run(500 * MS);
    const told = host.view.decisions().filter(({ from, to }) => from >= 0 && from !== to);
    expect(told.length).toBeGreaterThan(50);
    expect(new Set(told.map(({ why }) => why))).toEqual(new Set(['LEAST']));
    // A turn of all is a latency of 6 ms.
    const gaps = told.slice(1).map(({ timeNs }, i) => timeNs - told[i]!.timeNs);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * MS + WORKERS_SLICE_NS);
  });
});
