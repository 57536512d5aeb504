import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestClock } from './testing.ts';
import { cyclesAt, nsOfCycle, TimerQueue } from './timers.ts';

describe('timer queue', () => {
  it('fires what is due in order of deadline, once', () => {
    const clock = new TestClock();
    const queue = new TimerQueue(clock);
    const fired: string[] = [];
    const a = queue.create('a', () => fired.push('a'));
    const b = queue.create('b', () => fired.push('b'));
    a.set(200);
    b.set(100);
    expect(queue.nextDeadlineNs).toBe(100);
    clock.ns = 99;
    queue.run();
    expect(fired).toEqual([]);
    clock.ns = 300;
    queue.run();
    queue.run();
    expect(fired).toEqual(['b', 'a']);
    expect(queue.nextDeadlineNs).toBe(Infinity);
  });

  it('lets a callback set a new deadline and cancel another', () => {
    const clock = new TestClock();
    const queue = new TimerQueue(clock);
    let count = 0;
    const b = queue.create('b', () => {
      throw new Error('was cancelled');
    });
    const a = queue.create('a', () => {
      count++;
      a.set(clock.ns + 10);
      b.cancel();
    });
    a.set(1);
    b.set(2);
    clock.ns = 5;
    queue.run();
    expect(count).toBe(1);
    expect(queue.nextDeadlineNs).toBe(15);
  });
});

describe('cycles and nanoseconds', () => {
  it('nsOfCycle is the first nanosecond at which that cycle is there', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 8e6 }),
        fc.nat(),
        fc.constantFrom(1193182, 3579545, 32768),
        (seconds, part, hz) => {
          // 2^53 ns are 104 days.
          const cycle = seconds * hz + (part % hz);
          const ns = nsOfCycle(cycle, hz);
          return cyclesAt(ns, hz) >= cycle && (ns === 0 || cyclesAt(ns - 1, hz) < cycle);
        },
      ),
    );
  });
});

describe('slack', () => {
  it('says how late an idle machine may wake, and changes nothing for one that is awake', () => {
    const clock = new TestClock();
    const timers = new TimerQueue(clock);
    const fired: string[] = [];
    const late = timers.create('late', () => fired.push('late')),
      exact = timers.create('exact', () => fired.push('exact'));
    late.set(100, 1000);
    expect([timers.nextDeadlineNs, timers.latestNs]).toEqual([100, 1100]);
    exact.set(500);
    expect([timers.nextDeadlineNs, timers.latestNs]).toEqual([100, 500]);
    clock.ns = 100;
    timers.run();
    expect(fired).toEqual(['late']);
    // A deadline that is set again has no slack of the one before.
    late.set(600);
    exact.cancel();
    expect(timers.latestNs).toBe(600);
  });
});
