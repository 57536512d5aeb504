import { describe, expect, it } from 'vitest';
import { HostClock, VIRTUAL_NS_PER_INSTRUCTION, VirtualClock } from './clock.ts';

describe('virtual time', () => {
  it('is instructions retired, and a deadline falls on one of them', () => {
    let retired = 0;
    const clock = new VirtualClock(() => retired);
    expect(clock.instructionsUntil(1001, 0)).toBe(Math.ceil(1001 / VIRTUAL_NS_PER_INSTRUCTION));
    retired = clock.instructionsUntil(1001, 0);
    expect(clock.nowNs()).toBeGreaterThanOrEqual(1001);
    expect(clock.nowNs()).toBeLessThan(1001 + VIRTUAL_NS_PER_INSTRUCTION);
  });

  it('jumps when the processor idles, never backwards, and feeds a 64-bit TSC', () => {
    const clock = new VirtualClock(() => 0);
    clock.idleTo(5e9);
    clock.idleTo(1);
    clock.idleTo(Infinity);
    expect(clock.nowNs()).toBe(5e9);
    expect(clock.tsc(0) >>> 0).toBe(5e9 % 2 ** 32);
    expect(clock.tscHigh).toBe(1);
  });
});

describe('host time', () => {
  it('follows the host, advances between readings and never goes back', () => {
    let ms = 100,
      retired = 0;
    const clock = new HostClock(
      () => retired,
      () => ms,
    );
    const seen: number[] = [];
    for (let i = 0; i < 2000; i++) {
      retired += 100;
      // A clock with a grain of 1 ms, as browsers have without isolation.
      ms = 100 + Math.floor((retired * 10) / 1e6);
      seen.push(i % 3 === 0 ? clock.nowNs() : (clock.tsc(retired) >>> 0) + clock.tscHigh * 2 ** 32);
    }
    for (let i = 1; i < seen.length; i++) expect(seen[i]).toBeGreaterThanOrEqual(seen[i - 1]);
    const distinct = new Set(seen).size;
    expect(distinct).toBeGreaterThan(100);
    expect(Math.abs(clock.nowNs() - retired * 10)).toBeLessThan(2e6);
  });

  it('keeps up with the host where instructions are slow, as stores to devices are', () => {
    let ms = 0,
      retired = 0;
    const clock = new HostClock(
      () => retired,
      () => ms,
    );
    // 2 microseconds an instruction, and the clock read at every tenth of them.
    for (let i = 0; i < 50_000; i++) {
      retired += 10;
      ms += 0.02;
      clock.nowNs();
    }
    expect(ms * 1e6 - clock.nowNs()).toBeLessThan(1e6);
    expect(clock.instructionsUntil(clock.nowNs() + 20e6, retired)).toBeLessThan(20_000);
  });

  it('spreads a pause of our process over what comes next instead of jumping', () => {
    let ms = 0,
      retired = 0;
    const clock = new HostClock(
      () => retired,
      () => ms,
    );
    const work = (instructions: number): number => {
      const before = clock.nowNs();
      retired += instructions;
      ms += (instructions * 10) / 1e6;
      return clock.nowNs() - before;
    };
    for (let i = 0; i < 100; i++) work(100_000);
    ms += 50;
    const behind = (): number => ms * 1e6 - clock.nowNs();
    for (let i = 0; i < 30; i++) expect(work(100_000)).toBeLessThan(2.5e6);
    for (let i = 0; i < 40; i++) work(100_000);
    expect(behind()).toBeLessThan(50_000);
    // A loop that polls a timer sees small steps too.
    ms += 50;
    for (let i = 0; i < 100; i++) expect(work(10)).toBeLessThan(30_000);
    // Idle time catches up from deadline to deadline.
    const deadline = clock.nowNs() + 4e6;
    clock.idleTo(deadline);
    expect(clock.estimateNs(retired)).toBe(deadline);
    clock.idleTo(Infinity);
    expect(behind()).toBeLessThan(1);
  });

  it('keeps a minute a minute for a guest that gets every eighth millisecond only', () => {
    let ms = 0,
      retired = 0;
    const clock = new HostClock(
      () => retired,
      () => ms,
    );
    const TICK_NS = 4e6;
    let ticks = 0,
      lost = 0,
      next = TICK_NS;
    let settledNs = 0;
    for (let slice = 5; ms < 70_000; ) {
      if (settledNs === 0 && ms > 10_000) settledNs = ms * 1e6 - clock.nowNs();
      const instructions = clock.instructionsUntil(next, retired);
      retired += instructions;
      ms += instructions / 100_000;
      slice -= instructions / 100_000;
      if (slice <= 0) {
        // Others run.
        ms += 35;
        slice = 5;
      }
      if (clock.nowNs() < next) continue;
      ticks++;
      lost += Math.floor((clock.nowNs() - next) / TICK_NS);
      next = TICK_NS * (Math.floor(clock.nowNs() / TICK_NS) + 1);
    }
    expect(Math.abs(ms * 1e6 - clock.nowNs() - settledNs)).toBeLessThan(0.6e9);
    expect(ms * 1e6 - clock.nowNs()).toBeLessThan(2e9);
    expect(lost / ticks).toBeLessThan(0.05);
  });

  it('stands still while it is stopped and continues from there', () => {
    let ms = 0;
    const clock = new HostClock(
      () => 0,
      () => ms,
    );
    ms = 5;
    clock.idleTo(Infinity);
    clock.stop();
    ms = 1000;
    expect(clock.nowNs()).toBe(5e6);
    clock.start();
    ms = 1000.003;
    expect(clock.nowNs()).toBeCloseTo(5.003e6, -1);
    clock.set(70e6);
    ms += 0.003;
    expect(clock.nowNs()).toBeCloseTo(70.003e6, -1);
  });
});
