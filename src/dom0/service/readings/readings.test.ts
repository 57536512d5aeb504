import { describe, expect, it } from 'vitest';
import { testHost } from '../host.test-support.ts';
import type { DomainInfo } from '../../toolstack/index.ts';
import type { Counters } from '../counters.ts';
import { noteReading, ownsMemory, thinned } from './readings.ts';

const port = (name: string, rxBytes: number, txBytes: number) => ({
  name,
  rxBytes,
  txBytes,
  rxPackets: 0,
  txPackets: 0,
  dropped: 0,
});
const look = (
  atMs: number,
  ports: ReturnType<typeof port>[] = [],
  runNs: Record<number, number> = {},
  domain0Ns = 0,
): Counters => ({
  atMs,
  upSeconds: 0,
  hasVt: true,
  scheduler: 'credit',
  domain0: { memoryMiB: 10, vcpus: 1, runNs: domain0Ns },
  runNs,
  disks: {},
  upSecondsOf: {},
  addresses: {},
  bridge: { name: 'xenbr0', ports, stations: [] },
});
const guest: DomainInfo = { id: 1, name: 'web', state: 'r', type: 'pv', memoryMiB: 32, vcpus: 1, definition: '' };
const between = (before: Counters, seen: Counters) => noteReading([], before, seen, [guest], 5)[0]!;

describe('a reading of the host', () => {
  it('divides by the time between the two looks', () => {
    const reading = between(
      look(1000, [port('vif1.0', 100, 0)], { 1: 0 }),
      look(3000, [port('vif1.0', 4196, 2048)], { 1: 1e9 }, 5e8),
    );
    expect(reading).toMatchObject({
      atMs: 3000,
      overMs: 2000,
      sentPerSecond: 2048,
      gotPerSecond: 1024,
      cpuPercent: { 0: 25, 1: 50 },
      memoryMiB: { 0: 10, 1: 32 },
      freeMiB: 5,
    });
  });

  it('gives shares of each guest’s own time in virtual time, where the host’s is that of all together', () => {
    const before = { ...look(1000, [], { 1: 0, 2: 0 }), ownNs: { 1: 0, 2: 0 } },
      seen = { ...look(1200, [], { 1: 100e6, 2: 0 }, 20e6), ownNs: { 1: 100e6, 2: 100e6 } };
    expect(between(before, seen).cpuPercent).toEqual({ 0: 10, 1: 100, 2: 0 });
    // Time represents one of them.
    expect(between(before, { ...seen, ownNs: { 1: 100e6, 2: 0 } }).cpuPercent).toMatchObject({ 2: 0 });
  });

  it('is gone where its host went back to before it', () => {
    const first = noteReading([], look(0), look(1000), [guest], 5),
      second = noteReading(first, look(1000), look(2000), [guest], 5);
    expect(noteReading(second, look(2000), look(1500), [guest], 5)).toEqual(first);
    expect(noteReading(second, look(2000), look(2000), [guest], 5)).toEqual(second);
  });

  it('knows no share of a domain that was not there at the look before', () => {
    expect(between(look(1000), look(2000, [], { 1: 5e8 })).cpuPercent).toEqual({ 0: 0 });
  });

  it('differences each port: one that has gone takes nothing from the others, one that begins anew counts from 0, and the uplink is no guest', () => {
    const before = look(0, [
      port('eth0', 0, 0),
      port('vif1.0', 9000, 0),
      port('vif2.0', 100, 0),
      port('vif3.0', 500, 0),
    ]);
    const seen = look(1000, [
      port('eth0', 7777, 0),
      port('vif2.0', 300, 0),
      port('vif3.0', 40, 0),
      port('vif4.0', 5, 0),
    ]);
    expect(between(before, seen).sentPerSecond).toBe(245);
  });

  it('knows what each guest sent, got, read and wrote', () => {
    const before = look(0, [port('vif1.0', 100, 0), port('vif11.0', 100, 0)]),
      seen = look(2000, [port('vif1.0', 4196, 2048), port('vif11.0', 100, 0)]);
    const reading = between(
      { ...before, disks: { 1: { read: 1000, written: 8000 } } },
      { ...seen, disks: { 1: { read: 3000, written: 0 } } },
    );
    expect([reading.network, reading.disks]).toEqual([
      { 1: { sent: 2048, got: 1024 } },
      { 1: { read: 1000, written: 0 } },
    ]);
  });

  it('leaves a gap where nobody looked, and drops what is older than an hour', () => {
    const first = noteReading([], look(0), look(1000), [], 5);
    const gap = noteReading(first, look(1000), look(40_000), [], 5);
    expect(gap.map(({ atMs, freeMiB }) => [atMs, freeMiB])).toEqual([
      [1000, 5],
      [40_000, undefined],
    ]);
    expect(gap[1]!.sentPerSecond).toBeUndefined();
    expect(noteReading(gap, look(3_600_500), look(3_601_500), [], 5).map(({ atMs }) => atMs)).toEqual([
      40_000, 3_601_500,
    ]);
  });

  it('gives no memory to a guest that an earlier Domain 0 took along', () => {
    expect(
      [
        guest,
        { ...guest, state: 'c' as const },
        { ...guest, state: 'c' as const, lost: true },
        { ...guest, state: 's' as const },
      ].map(ownsMemory),
    ).toEqual([true, true, false, false]);
  });
});

describe('an hour of readings', () => {
  const point = (atMs: number, percent: number, overMs = 1000) => ({ atMs, overMs, cpuPercent: { 1: percent } });
  /** A reading a second, each thinned as it comes. */
  const after = (seconds: number, percent: (second: number) => number) => {
    let all: readonly ReturnType<typeof point>[] = [];
    for (let second = 1; second <= seconds; second++)
      all = thinned([...all, point(second * 1000, percent(second))], second * 1000);
    return all;
  };

  it('is as fine as it was read for two minutes, coarser where it is older, and no more of it is kept', () => {
    const all = after(2 * 3600, () => 50),
      ages = all.map(({ atMs }) => 7_200_000 - atMs);
    expect(all.length).toBeLessThan(340);
    expect([
      ages.filter(age => age <= 120_000).length,
      Math.max(...ages) <= 3_600_000,
      Math.max(...ages) > 3_560_000,
    ]).toEqual([121, true, true]);
    // What represents what time stays true.
    expect(all.slice(1).every(({ atMs, overMs }, i) => atMs - overMs === all[i]!.atMs)).toBe(true);
  });

  it('keeps the average of what it makes coarser', () => {
    const all = after(1800, second => (second <= 900 ? 100 : 0));
    const mean =
      all.reduce((sum, { overMs, cpuPercent }) => sum + overMs * cpuPercent[1], 0) /
      all.reduce((sum, { overMs }) => sum + overMs, 0);
    expect(mean).toBeCloseTo(50, 6);
  });

  it('leaves a gap where nothing was known, and takes what one of two does not know from the other', () => {
    const old = [
      point(1000, 10),
      { atMs: 2000, overMs: 0, cpuPercent: {} },
      { atMs: 3000, overMs: 1000, cpuPercent: { 2: 7 } },
      { atMs: 4000, overMs: 1000, cpuPercent: { 1: 3, 2: 9 } },
    ];
    expect(thinned(old, 200_000)).toEqual([
      point(1000, 10),
      { atMs: 2000, overMs: 0, cpuPercent: {} },
      { atMs: 4000, overMs: 2000, cpuPercent: { 1: 3, 2: 8 } },
    ]);
  });
});

describe('the last hour of a host', () => {
  it('goes on while nobody looks, and is told from where it was left', async () => {
    let nowMs = 0;
    const waiting: (() => void)[] = [];
    const host = testHost({
      hostMs: () => nowMs,
      later: (_, callback) => {
        waiting.push(callback);
        return () => {};
      },
    });
    const pass = (ms: number): void => {
      nowMs += ms;
      for (const callback of waiting.splice(0)) callback();
    };
    expect((await host.inventory(false, -Infinity)).readings).toEqual([]);
    for (let i = 0; i < 20; i++) pass(3000);
    nowMs += 1000;
    const { readings, atMs } = await host.inventory(false, 6000);
    expect(readings.map(({ atMs }) => atMs)).toEqual([
      ...Array.from({ length: 18 }, (_, i) => 9000 + 3000 * i),
      61_000,
    ]);
    expect(readings.every(({ overMs }) => overMs > 0)).toBe(true);
    // Whoever has just looked needs no other look.
    pass(3000);
    expect((await host.inventory(false, atMs)).readings.map(({ overMs }) => overMs)).toEqual([3000]);
  });
});
