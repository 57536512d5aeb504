/** The policies in virtual time, against what Xen's documentation promises of them (docs/misc/sched-credit, xl.1: sched-credit). */
import { describe, expect, it } from 'vitest';
import { BLOCKED, OFFLINE, PRIORITY, RUNNABLE, RUNNING } from './block.ts';
import { Slot } from './slot.ts';
import { HOG, Host, MS } from './time-users.test-support.ts';

describe.each([1, 2])('credit scheduler, %i slots', pcpus => {
  it('gives weights 256 and 512 time as 1 to 2', () => {
    const host = new Host({ pcpus });
    // As many of each as there are slots, so that there is something to share.
    const light = Array.from({ length: pcpus }, () => host.add(HOG, { weight: 256 }));
    const heavy = Array.from({ length: pcpus }, () => host.add(HOG, { weight: 512 }));
    host.run(10_000 * MS);
    const sum = (slots: number[]): number => slots.reduce((total, slot) => total + host.share(slot), 0);
    expect(sum(heavy) / sum(light)).toBeGreaterThan(2 * 0.97);
    expect(sum(heavy) / sum(light)).toBeLessThan(2 * 1.03);
    expect(sum(heavy) + sum(light)).toBeCloseTo(pcpus, 2);
  });

  it.each([25, 50])('holds a cap of %i %', cap => {
    const host = new Host({ pcpus });
    const capped = host.add(HOG, { cap });
    const alone = host.add(HOG, { cap: 0 });
    host.run(10_000 * MS);
    expect(Math.abs(100 * host.share(capped) - cap)).toBeLessThanOrEqual(2);
    expect(100 * host.share(alone)).toBeGreaterThan(pcpus === 1 ? 98 - cap : 99);
  });

  it('shares evenly between equals, also when they are more than slots', () => {
    const host = new Host({ pcpus });
    const slots = Array.from({ length: 3 }, () => host.add(HOG));
    host.run(10_000 * MS);
    for (const slot of slots) expect(host.share(slot)).toBeCloseTo(pcpus / 3, 1);
  });

  it('wakes one that sleeps most of its time within 2 ms beside four hogs', () => {
    const host = new Host({ pcpus });
    for (let i = 0; i < 4; i++) host.add(HOG);
    const sleeper = host.add({ workNs: 0.5 * MS, sleepNs: 10 * MS });
    host.run(10_000 * MS);
    expect(host.latencies.get(sleeper)?.length).toBeGreaterThan(500);
    expect(host.median(sleeper)).toBeLessThanOrEqual(2 * MS);
  });
});

/** csched_tick, csched_unit_acct and csched_acct of xen/common/sched/credit.c. */
describe('ticks and accounting', () => {
  it('meet also those whose slices all end by halting: no boost for long, a share by weight, credit that is accounted', () => {
    const host = new Host({ pcpus: 1 });
    const hog = host.add(HOG);
    const busy = host.add({ workNs: 4 * MS, sleepNs: 1.25 * MS, silent: true });
    let least = 0;
    for (let i = 0; i < 1000; i++) {
      host.run(10 * MS);
      least = Math.min(least, host.unit(busy).credit);
    }
    // -300 after an accounting, and less what runs until the next.
    expect(least).toBeGreaterThanOrEqual(-600);
    expect(host.share(hog)).toBeGreaterThan(0.47);
    expect(host.share(busy)).toBeGreaterThan(0.4);
  });

  it('take the boost from whoever has its slot at a tick, though nobody asks', () => {
    const host = new Host({ pcpus: 2 });
    const { scheduler } = host;
    for (const unit of [1, 2]) scheduler.add({ index: unit, vcpus: 1 }, { doorbell: 1000 + unit });
    scheduler.wake(1);
    expect(host.unit(1).priority).toBe(PRIORITY.BOOST);
    host.nowNs = 9 * MS;
    scheduler.wake(2);
    expect(host.unit(1).priority).toBe(PRIORITY.BOOST);
    // Of the other slot: whoever takes the lock next sees that a tick has passed.
    host.nowNs = 11 * MS;
    scheduler.block(2);
    expect(host.unit(1).priority).toBe(PRIORITY.UNDER);
    expect(host.unit(1).credit).toBe(-100);
  });

  it('pass by whoever has no slot at the tick', () => {
    const host = new Host({ pcpus: 1 });
    const { scheduler } = host;
    scheduler.add({ index: 1, vcpus: 1 }, { doorbell: 1001 });
    scheduler.wake(1);
    host.nowNs = 5 * MS;
    scheduler.block(1);
    host.nowNs = 12 * MS;
    scheduler.wake(1);
    host.nowNs = 13 * MS;
    scheduler.check(1);
    expect(host.unit(1)).toMatchObject({ priority: PRIORITY.BOOST, credit: -60 });
  });

  it('end a boost at the accounting, too', () => {
    const host = new Host({ pcpus: 1 });
    const { scheduler } = host;
    for (const unit of [1, 2]) scheduler.add({ index: unit, vcpus: 1 }, { doorbell: 1000 + unit });
    scheduler.wake(1);
    host.nowNs = 11 * MS;
    scheduler.block(1);
    scheduler.wake(2);
    // Boosted again, it waits: no tick meets it.
    scheduler.wake(1);
    expect(host.unit(1)).toMatchObject({ priority: PRIORITY.BOOST, credit: -110, state: RUNNABLE });
    host.nowNs = 30 * MS;
    scheduler.check(1);
    // Two share the 300 of the period: the other was met by the tick at 20 ms.
    expect(host.unit(1)).toMatchObject({ priority: PRIORITY.UNDER, credit: 40 });
  });

  it('come once in a slice, with as many credits and three ticks; another slice counts from the next accounting on', () => {
    const host = new Host({ pcpus: 1 });
    const { scheduler, view } = host;
    scheduler.setParameters({ tsliceUs: 6000, ratelimitUs: 1000 });
    const hog = host.add(HOG, { weight: 512 }),
      other = host.add(HOG);
    host.run(60 * MS);
    expect(view.periods).toEqual({ tickNs: 2 * MS, accountingNs: 6 * MS, credits: 60 });
    expect(view.accountings().map(({ timeNs }) => timeNs / MS)).toEqual([30, 36, 42, 48, 54]);
    host.run(3000 * MS);
    for (const { credits } of view.accountings())
      for (const unit of [hog, other]) expect(Math.abs(credits[unit]!)).toBeLessThanOrEqual(60);
    expect(host.share(hog)).toBeCloseTo(2 / 3, 1);
    // Two milliseconds are too short for three ticks.
    scheduler.setParameters({ tsliceUs: 2000 });
    expect(view.periods.tickNs).toBe(2 * MS);
  });

  it('give what one cannot use to the others by their weights, wherever it stands among them', () => {
    const host = new Host({ pcpus: 2 });
    const [light, middle, heavy] = [256, 512, 8192].map(weight => host.add(HOG, { weight }));
    host.run(10_000 * MS);
    // No unit has more than one slot: the heavy one has its own, the two others share one as 1 to 2.
    expect(host.share(heavy)).toBeGreaterThan(0.97);
    expect(host.share(middle) / host.share(light)).toBeGreaterThan(2 * 0.95);
    expect(host.share(middle) / host.share(light)).toBeLessThan(2 * 1.05);
  });
});

describe('credit scheduler', () => {
  it('holds a cap also where nobody else wants the slot', () => {
    const host = new Host({ pcpus: 1 });
    const capped = host.add(HOG, { cap: 25 });
    host.run(10_000 * MS);
    expect(Math.abs(100 * host.share(capped) - 25)).toBeLessThanOrEqual(2);
    const { running, runnable, blocked } = host.runstates(capped);
    expect(running + runnable + blocked).toBeCloseTo(host.nowNs, -6);
  });

  it('lets one go on at once whose cap is taken away', () => {
    const host = new Host({ pcpus: 1 });
    const capped = host.add(HOG, { cap: 5 });
    while (!host.unit(capped).parked) host.run(MS);
    host.scheduler.adjust(capped, { cap: 0 });
    expect(host.scheduler.runs(capped)).toBe(true);
  });

  it('runs a slice of 30 ms before an equal gets its turn', () => {
    const host = new Host({ pcpus: 1 });
    host.add(HOG);
    host.add(HOG);
    host.run(3000 * MS);
    const switches = host.view.decisions().filter(({ from, to }) => from !== to);
    const gaps = switches.slice(1).map(({ timeNs }, i) => (timeNs - switches[i].timeNs) / MS);
    for (const gap of gaps) expect(gap).toBeLessThanOrEqual(30 + 3);
    expect(gaps.reduce((a, b) => a + b, 0) / gaps.length).toBeGreaterThan(25);
  });

  it('preempts nobody that began less than the rate limit ago', () => {
    const host = new Host({ pcpus: 1, ratelimitUs: 5000 });
    for (let i = 0; i < 2; i++) host.add(HOG);
    const sleeper = host.add({ workNs: 0.5 * MS, sleepNs: 3 * MS });
    host.run(3000 * MS);
    expect(host.view.decisions().some(({ why }) => why === 'RATELIMIT')).toBe(true);
    expect(Math.max(...(host.latencies.get(sleeper) ?? []))).toBeGreaterThan(3 * MS);
  });

  it('keeps to hard affinity, and steals for an idle slot where that allows it', () => {
    const host = new Host({ pcpus: 2 });
    const pinned = [host.add(HOG, { hardAffinity: 1 }), host.add(HOG, { hardAffinity: 1 })];
    const free = host.add(HOG);
    host.run(6000 * MS);
    expect(host.share(free)).toBeGreaterThan(0.95);
    for (const slot of pinned) expect(host.share(slot)).toBeCloseTo(0.5, 1);
  });

  it('moves a running one to a slot that it may use as soon as its hard affinity changes (xl vcpu-pin)', () => {
    const host = new Host({ pcpus: 2 });
    const one = host.add(HOG, { hardAffinity: 1 });
    const { scheduler } = host;
    const slotOf = (): number | undefined => host.view.decisions().findLast(({ to }) => to === one)?.pcpu;
    host.run(50 * MS);
    expect(slotOf()).toBe(0);
    scheduler.adjust(one, { hardAffinity: 2 });
    host.run(50 * MS);
    expect([slotOf(), scheduler.runs(one)]).toEqual([1, true]);
    expect(host.view.decisions().find(({ left }) => left === 'AFFINITY')).toMatchObject({ pcpu: 0, from: one });
    expect(host.share(one)).toBeGreaterThan(0.95);
    // The slot is held by another now: it waits there, and nowhere else.
    const other = host.add(HOG, { hardAffinity: 1 });
    scheduler.adjust(one, { hardAffinity: 1 });
    host.run(4000 * MS);
    expect(host.share(other)).toBeCloseTo(0.5, 1);
    expect(host.view.decisions().every(({ timeNs, pcpu, to }) => timeNs < 200 * MS || pcpu === 0 || to < 0)).toBe(true);
  });

  it('prefers the slots of soft affinity while they are free, and uses others rather than wait', () => {
    const host = new Host({ pcpus: 3 });
    host.add(HOG, { hardAffinity: 1 });
    const guest = host.add({ workNs: 2 * MS, sleepNs: 5 * MS }, { softAffinity: 4 });
    host.run(300 * MS);
    const mine = host.view.decisions().filter(({ to, from }) => to === guest && from !== guest);
    expect(mine.length).toBeGreaterThan(20);
    expect(mine.every(({ pcpu }) => pcpu === 2)).toBe(true);
    host.add(HOG, { hardAffinity: 4 });
    host.run(300 * MS);
    expect(
      host.view
        .decisions()
        .filter(({ to, from }) => to === guest && from !== guest)
        .some(({ pcpu }) => pcpu === 1),
    ).toBe(true);
  });

  it('says of each change why the one before does not go on', () => {
    const host = new Host({ pcpus: 1 });
    const { scheduler } = host;
    const hogs = [host.add(HOG), host.add(HOG), host.add(HOG, { cap: 20 })];
    host.add({ workNs: 0.5 * MS, sleepNs: 50 * MS });
    host.run(900 * MS);
    const holder = (): number => hogs.find(hog => scheduler.runs(hog)) ?? -1;
    scheduler.yield(holder());
    scheduler.pause(holder());
    const left = new Set(host.view.decisions().map(decision => decision.left));
    expect([...left]).toEqual(expect.arrayContaining(['BLOCKED', 'PREEMPTED', 'SLICE', 'PARKED', 'YIELDED', 'PAUSED']));
  });

  it('keeps a paused one off its slot, and what came meanwhile until it goes on', () => {
    const host = new Host({ pcpus: 1 });
    const one = host.add(HOG),
      { scheduler } = host;
    host.run(100 * MS);
    scheduler.pause(one);
    expect(host.runstates(one).state).toBe(OFFLINE);
    host.run(100 * MS);
    expect(host.runstates(one)).toMatchObject({ offline: 100 * MS });
    scheduler.unpause(one);
    expect(host.runstates(one).state).toBe(RUNNING);
    scheduler.block(one);
    scheduler.pause(one);
    scheduler.unpause(one);
    expect(host.runstates(one).state).toBe(BLOCKED);
    scheduler.pause(one);
    scheduler.wake(one);
    scheduler.unpause(one);
    expect(host.runstates(one).state).toBe(RUNNING);
  });

  it('gets its slot back from Domain 0 though what woke it is done already when its turn comes', () => {
    const host = new Host({ pcpus: 1 });
    const { scheduler } = host;
    scheduler.add({ index: 0, vcpus: 1 }, { doorbell: 999 });
    const hog = host.add(HOG);
    const dom0 = new Slot(scheduler, 0);
    let served = 0;
    const work = (): boolean => ++served > 0;
    host.run(2 * MS);
    // The rate limit is over, but the hog has not looked yet.
    expect(dom0.serve(true, work)).toBe(false);
    host.run(10 * MS);
    expect([scheduler.runs(0), scheduler.runs(hog), served]).toEqual([true, false, 0]);
    dom0.serve(false, work);
    expect([scheduler.runs(0), scheduler.runs(hog), served]).toEqual([false, true, 1]);
  });

  it('gives the slot of one that is removed to the next', () => {
    const host = new Host({ pcpus: 1 });
    const [one, two] = [host.add(HOG), host.add(HOG)];
    expect([host.runstates(one).state, host.runstates(two).state]).toEqual([RUNNING, RUNNABLE]);
    host.scheduler.remove(one);
    expect(host.scheduler.runs(two)).toBe(true);
  });

  it('says of each choice why it was made', () => {
    const host = new Host({ pcpus: 1 });
    for (let i = 0; i < 2; i++) host.add(HOG);
    host.add({ workNs: 0.5 * MS, sleepNs: 7 * MS });
    host.run(500 * MS);
    const why = new Set(host.view.decisions().map(decision => decision.why));
    expect([...why].sort()).toEqual(expect.arrayContaining(['PRIORITY', 'TURN']));
  });
});

describe('round robin', () => {
  it('gives everyone the same, whatever the weights', () => {
    const host = new Host({ pcpus: 1, policy: 'rr', tsliceUs: 10_000 });
    const slots = [host.add(HOG, { weight: 256 }), host.add(HOG, { weight: 512 })];
    host.run(10_000 * MS);
    for (const slot of slots) expect(host.share(slot)).toBeCloseTo(0.5, 1);
  });
});
