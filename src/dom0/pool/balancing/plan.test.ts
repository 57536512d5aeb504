import { describe, expect, it } from 'vitest';
import type { Decision, Move, Stay } from './decisions.ts';
import { plan } from './plan.ts';
import type { HostView } from './samples.ts';
import { DEFAULTS, type Settings } from './settings.ts';
import { guest, host, MIB } from './pool.test-support.ts';
import { wordsOf } from './words.ts';

const decide = (hosts: HostView[], settings: Partial<Settings> = {}, relieving: string[] = []): Decision[] =>
  plan({ nowMs: 100_000, hosts }, { ...DEFAULTS, ...settings }, new Set(relieving)).decisions;
const isMove = (decision: Decision): decision is Move => decision.kind === 'move';
const moves = (...of: Parameters<typeof decide>): string[] =>
  decide(...of)
    .filter(isMove)
    .map(({ guest, from, to }) => `${guest}: ${from.host} to ${to.host}`);
const stays = (...of: Parameters<typeof decide>): Stay[] =>
  decide(...of).filter(decision => decision.kind === 'stay') as Stay[];

// What Xen Orchestra's balancer decides of the same pools, by its source (packages/xo-server-load-balancer/src at 9ef53890; shares of 100 there). Its limits are
// 90 % for critical, 76.5 % for high and 58.5 % for low, which is `calm` here.
describe("Xen Orchestra's plan of performance", () => {
  it('does nothing while no host is above 76.5 % (performance-plan.js, _checkResourcesThresholds)', () => {
    expect(moves([host('a', [guest('g', 3)]), host('b')])).toEqual([]);
    expect(moves([host('a', [guest('g', 1.9), guest('h', 1.2)]), host('b')])).toHaveLength(1);
  });

  it('asks both the last average and the weighed one (plan.js, _getHostStatsAverages)', () => {
    const burst = host('a', [guest('g', 2), guest('h', 2)], { busySlots: 3 });
    const over = host('a', [guest('g', 2), guest('h', 2)], { recentSlots: 3 });
    expect(moves([burst, host('b')])).toEqual([]);
    expect(moves([over, host('b')])).toEqual([]);
  });

  it('takes the least busy host (performance-plan.js, _sortHosts)', () => {
    const hosts = [host('a', [guest('g', 2), guest('h', 1.5)]), host('b', [guest('i', 0.2)]), host('c'), host('d')];
    hosts[2].freeBytes -= MIB;
    expect(moves(hosts)).toEqual(['g: a to d']);
  });

  it('takes a host that is short of memory last (performance-plan.js, _sortHosts)', () => {
    const hosts = [host('a', [guest('g', 2), guest('h', 1.5)]), host('b', [guest('i', 0.2)]), host('c')];
    hosts[2].freeBytes = 64 * MIB;
    expect(moves(hosts)).toEqual(['g: a to b']);
  });

  it('makes nobody busier than 58.5 % to relieve another (performance-plan.js, _optimize)', () => {
    const source = host('a', [guest('g', 2), guest('h', 2)]);
    expect(moves([source, host('b', [guest('i', 0.4)])])).toEqual([]);
    expect(moves([source, host('b', [guest('i', 0.3)])])).toHaveLength(1);
  });

  it('relieves the busiest host first (performance-plan.js, execute)', () => {
    const hosts = [
      host('a', [guest('g', 1.6), guest('h', 1.6)]),
      host('b', [guest('i', 2), guest('j', 1.9)]),
      host('c', [guest('k', 0.1)]),
    ];
    expect(moves(hosts)).toEqual(['i: b to c']);
  });

  it('counts a host that is short of memory as one to be relieved (performance-plan.js, _checkResourcesThresholds)', () => {
    const short = host('a', [guest('g', 0.1, { memoryBytes: 500 * MIB }), guest('h', 0.1)], { freeBytes: 16 * MIB });
    expect(moves([short, host('b', [guest('i', 0.1)])])).toHaveLength(1);
  });

  it('lets a guest rest that was just moved (plan.js, _isVmInCooldown)', () => {
    const guests = [guest('g', 2, { restsUntilMs: 100_001 }), guest('h', 1.5)];
    expect(moves([host('a', guests), host('b')])).toEqual(['h: a to b']);
  });

  it('brings together what is to be together where most are (plan.js, _processAffinityTag)', () => {
    const rules = { together: ['shop'] };
    const hosts = [
      host('a', [guest('g', 0.1, { rules })]),
      host('b', [guest('h', 0.1, { rules }), guest('i', 0.1, { rules })]),
    ];
    expect(moves(hosts)).toEqual(['g: a to b']);
  });

  it('parts what is to be apart, to where fewest are (plan.js, _processAntiAffinityTag)', () => {
    const rules = { apart: ['dns'] };
    const two = host('a', [guest('g', 0.1, { rules }), guest('h', 0.1, { rules })]);
    expect(moves([two, host('b', [guest('i', 0.1, { rules })]), host('c')])).toEqual(['g: a to c']);
    expect(moves([two, host('b', [guest('i', 0.1, { rules })])])).toEqual([]);
  });
});

describe("Xen Orchestra's plan of density", () => {
  const dense = { mode: 'density' } as const;

  it('empties a host whose guests all find a place, and not the master (density-plan.js, execute)', () => {
    const hosts = [host('a', [guest('g', 0.1)], { isCoordinator: true }), host('b', [guest('h', 0.1)])];
    expect(moves(hosts, dense)).toEqual(['h: b to a']);
  });

  it('leaves a host alone of which one guest finds none (density-plan.js, _simulate)', () => {
    const big = guest('big', 0.1, { memoryBytes: 600 * MIB });
    const full = host('b', [guest('i', 0.1, { memoryBytes: 600 * MIB })], { isCoordinator: true });
    expect(moves([host('a', [big, guest('h', 0.1)]), full], dense)).toEqual([]);
  });

  it('moves the largest first, to the host with the least memory that has room (density-plan.js, _testMigration)', () => {
    const hosts = [
      host('a', [guest('g', 0.1), guest('h', 0.1, { memoryBytes: 100 * MIB })]),
      host('b', [guest('i', 1, { memoryBytes: 800 * MIB })]),
      host('c', [guest('j', 1, { memoryBytes: 950 * MIB })]),
      host('d', [guest('k', 1, { memoryBytes: 400 * MIB })]),
    ];
    expect(moves(hosts, dense)).toEqual(['h: a to b']);
  });
});

describe('the plan', () => {
  it('gives away the guest that gains most for its cost', () => {
    const large = guest('large', 1.7, { memoryBytes: 500 * MIB, dirtyBytesPerSecond: 15 * MIB });
    expect(moves([host('a', [large, guest('small', 1.6)]), host('b')], { longestStopMs: 1e6 })).toEqual([
      'small: a to b',
    ]);
  });

  it('leaves what costs more than it gains, and says both', () => {
    const heavy = guest('heavy', 1.6, { memoryBytes: 400 * MIB });
    const slow = host('a', [heavy, guest('big', 1.6, { memoryBytes: 500 * MIB })], { bytesPerSecond: MIB });
    const [{ guests }] = stays([slow, host('b')]);
    expect(guests.map(({ why }) => why)).toEqual(['cost', 'cost']);
    expect(wordsOf(stays([slow, host('b')])[0])).toBe(
      'a is 80 % busy, and nothing moves: heavy could go to b, but at 1.0 MiB/s, while heavy writes 0.0 MiB/s, the copy takes 400.0 s and stops it for 0 ms: ' +
        '200.0 s of a slot, for 51.6 s that are gained; big could go to b, but at 1.0 MiB/s, while big writes 0.0 MiB/s, the copy takes 500.0 s and stops it ' +
        'for 0 ms: 250.0 s of a slot, for 51.6 s that are gained.',
    );
  });

  it('leaves a guest that writes faster than the link carries', () => {
    const writer = guest('w', 2, { dirtyBytesPerSecond: 40 * MIB });
    const [{ guests }] = stays([host('a', [writer, guest('p', 2, { rules: { pinned: 'a' } })]), host('b')]);
    expect(guests.map(({ why }) => why)).toEqual(['stop', 'pinned']);
  });

  it('says of a move what it is made for', () => {
    const [move] = decide([host('a', [guest('g', 2), guest('h', 1.5)]), host('b')]);
    expect(wordsOf(move)).toBe(
      'g should move from a to b: a is 88 % busy. a goes from 88 % to 38 %, b from 0 % to 50 % with 960 MiB left. It has 64 MiB; at 20.0 MiB/s, while g writes ' +
        '0.0 MiB/s, the copy takes 3.2 s and stops it for 0 ms: 1.6 s of a slot, for 69.6 s that are gained.',
    );
  });

  it('goes on with a host until it is calm, and does not turn two hosts round', () => {
    const hosts = [host('a', [guest('g', 1.5), guest('h', 1)]), host('b')];
    expect(moves(hosts)).toEqual([]);
    expect(moves(hosts, {}, ['a'])).toEqual(['h: a to b']);
    expect(moves([host('a', [guest('g', 2.5)]), host('b', [guest('h', 1)])], {}, ['a'])).toEqual([]);
  });

  it('moves one guest of a host at a time', () => {
    const hosts = [host('a', [guest('g', 2), guest('h', 1.5)]), host('b', [], { isMoving: true })];
    expect(decide(hosts)).toMatchObject([{ kind: 'stay', guests: [{ why: 'nobody' }, { why: 'nobody' }] }]);
    expect(decide([host('a', hosts[0].guests, { isMoving: true }), host('b')])).toEqual([]);
  });

  it('moves a guest to where it is pinned, and none from there', () => {
    const rules = { pinned: 'b' };
    expect(moves([host('a', [guest('g', 0.1, { rules })]), host('b')])).toEqual(['g: a to b']);
    expect(moves([host('b', [guest('g', 4, { rules })]), host('c')])).toEqual([]);
  });

  it('leaves a group that shares a host there, whatever the load', () => {
    const rules = { together: ['shop'] };
    const hosts = [host('a', [guest('g', 2, { rules }), guest('h', 2, { rules })]), host('b')];
    expect(stays(hosts)[0].guests.map(({ why }) => why)).toEqual(['together', 'together']);
  });

  it('leaves hosts alone that stand aside or take nobody', () => {
    const busy = host('a', [guest('g', 2), guest('h', 2)]);
    expect(moves([busy, host('b', [], { aside: 'its clock is virtual' })])).toEqual([]);
    expect(moves([busy, host('b', [], { receives: false })])).toEqual([]);
  });

  it('of density relieves a host that is critical, into hosts that are on', () => {
    const hosts = [host('a', [guest('g', 1.9), guest('h', 1.9)]), host('b'), host('c', [guest('i', 1)])];
    expect(moves(hosts, { mode: 'density' })).toEqual(['g: a to c']);
  });

  it('that is off decides nothing', () => {
    expect(decide([host('a', [guest('g', 2), guest('h', 2)]), host('b')], { mode: 'off' })).toEqual([]);
  });
});
