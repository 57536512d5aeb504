import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Move } from './decisions.ts';
import { plan } from './plan.ts';
import { guest, host, MIB } from './pool.test-support.ts';
import { brokenPairs } from './rules.ts';
import { busyOf, freeOf, type GuestView, type HostView } from './samples.ts';
import { DEFAULTS, type Settings } from './settings.ts';

const NOW_MS = 1_000_000;
const names = fc.subarray(['red', 'blue'] as const);
const someGuest = fc.record({
  slots: fc.double({ min: 0, max: 3, noNaN: true }),
  memoryBytes: fc.integer({ min: 8, max: 600 }).map(mebibytes => mebibytes * MIB),
  dirtyBytesPerSecond: fc.integer({ min: 0, max: 40 * MIB }),
  together: names,
  apart: names,
  pinned: fc.option(fc.constantFrom('h0', 'h1', 'h9'), { freq: 8 }),
  restsUntilMs: fc.constantFrom(0, 0, 0, NOW_MS + 1),
});
const someHost = fc.record({
  slots: fc.integer({ min: 1, max: 8 }),
  spareBytes: fc.integer({ min: 0, max: 1024 }).map(mebibytes => mebibytes * MIB),
  recent: fc.constantFrom(1, 1, 1, 0.5, 1.5),
  bytesPerSecond: fc.integer({ min: MIB, max: 200 * MIB }),
  isMoving: fc.constantFrom(false, false, false, true),
  receives: fc.constantFrom(true, true, true, false),
  aside: fc.constantFrom(undefined, undefined, undefined, 'it leaves'),
  guests: fc.array(someGuest, { maxLength: 6 }),
});
const pools = fc.array(someHost, { minLength: 1, maxLength: 8 }).map(hosts =>
  hosts.map(({ guests, spareBytes, recent, aside, ...more }, index): HostView => {
    const views = guests.map(({ together, apart, pinned, slots, ...rest }, at) =>
      guest(`g${index}-${at}`, slots, {
        ...rest,
        rules: { together, apart, ...(pinned === null ? {} : { pinned }) },
      }),
    );
    const bare = host(`h${index}`, views, { ...more, isCoordinator: index === 0, ...(aside ? { aside } : {}) });
    const taken = bare.totalBytes - bare.freeBytes;
    return { ...bare, totalBytes: taken + spareBytes + 1, freeBytes: spareBytes, recentSlots: bare.busySlots * recent };
  }),
);
const modes = fc.constantFrom('performance', 'density');
const decide = (hosts: HostView[], settings: Partial<Settings>, relieving: string[] = []) =>
  plan({ nowMs: NOW_MS, hosts }, { ...DEFAULTS, ...settings }, new Set(relieving)).decisions;
const movesOf = (...of: Parameters<typeof decide>): Move[] =>
  decide(...of).filter((decision): decision is Move => decision.kind === 'move');

/** The pool after moves, each host's load and memory as its guests make it. */
function after(hosts: readonly HostView[], moves: readonly Move[]): HostView[] {
  const moved = hosts.map(each => ({ ...each, guests: [...each.guests] }));
  for (const { guest: name, from, to } of moves) {
    const source = moved.find(each => each.host === from.host)!;
    const target = moved.find(each => each.host === to.host)!;
    const at = source.guests.findIndex(each => each.guest === name);
    expect(at).toBeGreaterThanOrEqual(0);
    const [view] = source.guests.splice(at, 1) as [GuestView];
    target.guests.push(view);
    source.freeBytes += view.memoryBytes;
    target.freeBytes -= view.memoryBytes;
    source.busySlots -= view.slots;
    target.busySlots += view.slots;
  }
  return moved;
}

describe('whatever the pool, a plan', () => {
  it('breaks no rule more than it was, by any of its moves', () => {
    fc.assert(
      fc.property(pools, modes, (hosts, mode) => {
        const moves = movesOf(hosts, { mode });
        for (let count = 1; count <= moves.length; count++)
          expect(brokenPairs(after(hosts, moves.slice(0, count)))).toBeLessThanOrEqual(
            brokenPairs(after(hosts, moves.slice(0, count - 1))),
          );
      }),
      { numRuns: 400 },
    );
  });

  it("overfills nobody's memory, and makes nobody critical", () => {
    fc.assert(
      fc.property(pools, modes, fc.subarray(['h0', 'h1', 'h2']), (hosts, mode, relieving) => {
        const moves = movesOf(hosts, { mode }, relieving);
        const taking = new Set(moves.map(({ to }) => to.host));
        for (const each of after(hosts, moves).filter(({ host: name }) => taking.has(name))) {
          expect(freeOf(each)).toBeGreaterThan(DEFAULTS.free.critical);
          expect(busyOf(each)).toBeLessThan(DEFAULTS.busy.critical);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('has one move of a host, and none of a guest that rests, or of a host that stands aside or moves one', () => {
    fc.assert(
      fc.property(pools, modes, (hosts, mode) => {
        const moves = movesOf(hosts, { mode });
        const ends = moves.flatMap(({ from, to }) => [from.host, to.host]);
        expect(new Set(ends).size).toBe(ends.length);
        for (const each of hosts.filter(({ host: name }) => ends.includes(name))) {
          expect(each.aside).toBeUndefined();
          expect(each.isMoving).toBe(false);
        }
        const all = hosts.flatMap(({ guests }) => guests);
        for (const move of moves) {
          expect(all.find(each => each.guest === move.guest)?.restsUntilMs).toBe(0);
          expect(hosts.find(each => each.host === move.to.host)?.receives).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('tells what its moves come to', () => {
    fc.assert(
      fc.property(pools, modes, (hosts, mode) => {
        const moves = movesOf(hosts, { mode });
        const moved = after(hosts, moves);
        for (const { from, to } of moves)
          for (const end of [from, to]) {
            const each = moved.find(({ host: name }) => name === end.host)!;
            expect(end.busyAfter).toBeCloseTo(busyOf(each));
            expect(end.freeBytesAfter).toBe(each.freeBytes);
          }
      }),
    );
  });

  it('is the same for the same pool', () => {
    fc.assert(
      fc.property(pools, modes, (hosts, mode) => {
        expect(decide(structuredClone(hosts), { mode })).toEqual(decide(hosts, { mode }));
      }),
    );
  });

  it('leaves a calm pool alone', () => {
    const calm = (hosts: HostView[]): HostView[] =>
      hosts.map(each => ({
        ...each,
        guests: each.guests.map(view => ({ ...view, rules: {} })),
        slots: Math.max(each.slots, Math.ceil(each.busySlots / DEFAULTS.busy.high) + 1),
        freeBytes: Math.max(each.freeBytes, DEFAULTS.free.high * each.totalBytes + 1),
      }));
    fc.assert(
      fc.property(pools.map(calm), hosts => {
        expect(decide(hosts, { mode: 'performance' })).toEqual([]);
      }),
    );
  });
});
