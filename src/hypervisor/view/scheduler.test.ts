/** The run queue as readers have it, against what the scheduler was told and did. Shares over time: ../scheduler/scheduler.test.ts, which reads through this, too. */
import { expect, it } from 'vitest';
import { XENHEAP } from '../layout/layout.ts';
import { Machine } from '../memory/machine.ts';
import { ACCOUNTS, BLOCKED, OFFLINE, PRIORITY, RUNNABLE, RUNNING, SCHED, TRACE_ENTRIES } from '../scheduler/block.ts';
import { queueClock } from '../scheduler/queue-clock.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { SchedulerView } from './scheduler.ts';

const MS = 1e6;

function make(pcpus: number) {
  const machine = Machine.create(new SharedArrayBuffer(2 ** 20));
  const clock = { nowNs: 0 };
  const scheduler = new Scheduler(machine, () => clock.nowNs);
  scheduler.configure({ pcpus });
  const add = (slot: number, options = {}): void =>
    scheduler.add({ index: slot, vcpus: slot }, { doorbell: 1000 + slot, ...options });
  return { machine, clock, scheduler, add, view: new SchedulerView(machine.memory) };
}

it('has slots, who holds them and who waits, with all that decides about them', () => {
  const { clock, scheduler, add, view } = make(1);
  expect([view.pcpus, view.slots, view.units()]).toEqual([1, [-1], []]);
  add(1, { weight: 512, cap: 50 });
  add(2, { hardAffinity: 3, softAffinity: 1 });
  scheduler.wake(1);
  clock.nowNs = 5 * MS;
  scheduler.wake(2);
  expect(view.slots).toEqual([1]);
  expect(view.units()).toMatchObject([
    {
      unit: 1,
      state: RUNNING,
      pcpu: 0,
      weight: 512,
      cap: 50,
      parked: false,
      hardAffinity: [-1],
      lastPcpus: [0],
      vcpus: 1,
      dispatches: 1,
      torn: false,
    },
    {
      unit: 2,
      state: RUNNABLE,
      weight: 256,
      cap: 0,
      hardAffinity: [3, 3],
      softAffinity: [1, 1],
      vcpus: 2,
      dispatches: 0,
    },
  ]);
  expect(view.units()[1].priority).toBeLessThanOrEqual(PRIORITY.BOOST);
  scheduler.pause(2);
  scheduler.block(1);
  expect(view.units().map(({ state }) => state)).toEqual([BLOCKED, OFFLINE]);
  scheduler.remove(1);
  expect(view.units().map(({ unit }) => unit)).toEqual([2]);
});

it('has times in each state, the one under way where it is told the time', () => {
  const { clock, scheduler, add, view } = make(1);
  add(1);
  clock.nowNs = 3 * MS;
  scheduler.wake(1);
  clock.nowNs = 10 * MS;
  const none = { running: 0, runnable: 0, blocked: 0, offline: 0, torn: false };
  expect(view.runstates(1, clock.nowNs)).toEqual({ ...none, state: RUNNING, running: 7 * MS, blocked: 3 * MS });
  expect(view.runstates(1)).toEqual({ ...none, state: RUNNING, blocked: 3 * MS });
  scheduler.pause(1);
  clock.nowNs = 15 * MS;
  expect(view.runstates(1, clock.nowNs)).toEqual({
    ...none,
    state: OFFLINE,
    running: 7 * MS,
    blocked: 3 * MS,
    offline: 5 * MS,
  });
  expect(view.runstates(2)).toEqual({ ...none, state: -1 });
  expect(view.runstates(1000)).toMatchObject({ state: -1, torn: true });
});

it("has the last decisions with their reasons, past the ring's end and past 2^31 of them", () => {
  const { machine, clock, scheduler, add, view } = make(1);
  expect(view.decisions()).toEqual([]);
  add(1);
  add(2);
  clock.nowNs = MS;
  scheduler.wake(1);
  scheduler.wake(2);
  clock.nowNs = 4 * MS;
  scheduler.block(1);
  expect(view.decisions()).toMatchObject([
    { timeNs: MS, pcpu: 0, why: 'WOKEN', left: 'NOBODY', from: -1, to: 1, waitedNs: 0 },
    { timeNs: 4 * MS, pcpu: 0, why: 'TURN', left: 'BLOCKED', from: 1, to: 2, waitedNs: 3 * MS, waiting: 0 },
  ]);
  const at = (machine.words[XENHEAP.SCHEDULER] >>> 2) + SCHED.TRACED;
  for (const start of [2, 0x7fffff80]) {
    machine.words[at] = start;
    for (let i = 0; i < (TRACE_ENTRIES * 2) / 3; i++) {
      clock.nowNs += MS;
      scheduler.block(2);
      clock.nowNs += MS;
      scheduler.wake(2);
    }
    const decisions = view.decisions();
    // The oldest may be overwritten while it is read.
    expect(decisions).toHaveLength(TRACE_ENTRIES - 1);
    expect(decisions.at(-1)).toMatchObject({ timeNs: clock.nowNs, to: 2, why: 'WOKEN' });
    expect(decisions.every(({ timeNs }, i) => i === 0 || timeNs === decisions[i - 1].timeNs + MS)).toBe(true);
  }
});

it("knows the queue's time by the clock that all workers share", () => {
  const machine = Machine.create(new SharedArrayBuffer(2 ** 20));
  const view = new SchedulerView(machine.memory);
  expect(view.timeNs(1000)).toBe(0);
  let sharedMs = 1000;
  const clock = queueClock(machine, () => sharedMs);
  sharedMs = 1250;
  expect(view.timeNs(sharedMs)).toBe(clock());
  expect(view.timeNs(sharedMs)).toBe(250 * MS);
});

it('has the last accountings, with the credit that each unit has after it', () => {
  const { clock, scheduler, add, view } = make(1);
  expect(view.accountings()).toEqual([]);
  add(1, { weight: 512 });
  add(2);
  scheduler.wake(1);
  scheduler.wake(2);
  for (clock.nowNs = MS; clock.nowNs <= 30 * (ACCOUNTS + 2) * MS; clock.nowNs += MS) {
    scheduler.check(1);
    scheduler.check(2);
  }
  const accountings = view.accountings(),
    last = accountings.at(-1)!;
  // The ring is copied next to its writer: of a full one the oldest may be on its way out.
  expect(accountings.length).toBeGreaterThanOrEqual(ACCOUNTS - 1);
  expect(accountings.map(({ timeNs }) => timeNs / MS).slice(-3)).toEqual([
    30 * ACCOUNTS,
    30 * (ACCOUNTS + 1),
    30 * (ACCOUNTS + 2),
  ]);
  expect([last.credits[1], last.credits[2]]).toEqual(
    [1, 2].map(unit => view.units().find(each => each.unit === unit)!.credit),
  );
  // 300 credits a period by weight, 100 to the third.
  expect(Math.abs(last.credits[1] + last.credits[2])).toBeLessThanOrEqual(2);
});
