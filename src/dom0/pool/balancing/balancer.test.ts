import { describe, expect, it } from 'vitest';
import { Balancer } from './balancer.ts';
import { energyOf } from './energy.ts';
import type { GuestSample, HostSample } from './samples.ts';
import { guest, host, MIB } from './pool.test-support.ts';
import { energyWords } from './words.ts';

const told = (name: string, busySlots: number): GuestSample => ({
  guest: name,
  busySlots,
  memoryBytes: 64 * MIB,
  dirtyBytesPerSecond: 0,
});
const sample = (name: string, atMs: number, guests: GuestSample[], own = 0): HostSample => ({
  host: name,
  atMs,
  slots: 4,
  busy: (own + guests.reduce((sum, { busySlots }) => sum + busySlots, 0)) / 4,
  totalBytes: 1024 * MIB,
  freeBytes: 1024 * MIB - 64 * MIB * guests.length,
  bytesPerSecond: 20 * MIB,
  guests,
});
const SECOND = 1000;

describe('the balancer', () => {
  it('weighs the last 10 s thrice as much as the last 60 s', () => {
    const balancer = new Balancer();
    for (let s = 2; s <= 60; s += 2) balancer.take(sample('a', s * SECOND, [told('g', s > 50 ? 2 : 1)], 0.4));
    const [{ busySlots, recentSlots }] = balancer.view(60 * SECOND).hosts;
    expect(recentSlots).toBeCloseTo(2.4);
    // (25 × 1 + 5 × 2) / 30
    expect(busySlots).toBeCloseTo(0.4 + 0.75 * 2 + 0.25 * (35 / 30));
  });

  it('decides nothing of hosts that it has watched for less than 10 s', () => {
    const balancer = new Balancer();
    for (const s of [0, 2, 4, 6, 8]) {
      balancer.take(sample('a', s * SECOND, [told('g', 2), told('h', 2)]));
      balancer.take(sample('b', s * SECOND, []));
    }
    expect(balancer.decide(8 * SECOND)).toEqual([]);
    expect(balancer.decide(10 * SECOND - 1)).toEqual([]);
    expect(balancer.decide(10 * SECOND)).toHaveLength(1);
  });

  it('takes what a guest has done with it to where it is', () => {
    const balancer = new Balancer();
    for (let s = 0; s <= 30; s += 2) {
      balancer.take(sample('a', s * SECOND, s < 28 ? [told('g', 2), told('h', 1)] : [told('h', 1)]));
      balancer.take(sample('b', s * SECOND, s < 28 ? [] : [told('g', 2)]));
    }
    const { hosts } = balancer.view(30 * SECOND);
    expect(hosts.map(({ busySlots }) => busySlots)).toEqual([1, 2]);
  });

  it('keeps what it knows of a guest that its host has given away and nobody has told of yet', () => {
    const balancer = new Balancer();
    for (let s = 0; s <= 30; s += 2) balancer.take(sample('a', s * SECOND, [told('g', 2)]));
    balancer.begun('g', 'a', 'b');
    balancer.ended('g', 31 * SECOND);
    balancer.take(sample('a', 32 * SECOND, []));
    balancer.take(sample('b', 32 * SECOND, [told('g', 1)]));
    const [g] = balancer.view(32 * SECOND).hosts[1].guests;
    expect(g.restsUntilMs).toBe(91 * SECOND);
    expect(g.recentSlots).toBeCloseTo((4 * 2 + 1) / 5);
  });

  it('leaves two hosts alone until both have told how they are after a move, and the guest for 60 s', () => {
    const balancer = new Balancer({ automatic: true });
    const tell = (s: number): void => {
      balancer.take(sample('a', s * SECOND, [told('g', 1.9), told('h', 1.9)]));
      balancer.take(sample('b', s * SECOND, []));
    };
    for (let s = 0; s <= 10; s += 2) tell(s);
    expect(balancer.decide(10 * SECOND)).toMatchObject([{ kind: 'move', guest: 'g', isAutomatic: true }]);
    balancer.begun('g', 'a', 'b');
    expect(balancer.decide(10 * SECOND)).toEqual([]);
    balancer.ended('g', 11 * SECOND);
    expect(balancer.decide(11 * SECOND)).toEqual([]);
    tell(12);
    // The move failed: g is still there, and rests.
    expect(balancer.decide(12 * SECOND)).toMatchObject([{ kind: 'move', guest: 'h' }]);
  });

  it('forgets a host that is not heard any more', () => {
    const balancer = new Balancer();
    balancer.take(sample('a', 0, [told('g', 2)]));
    expect(balancer.view(9 * SECOND).hosts).toHaveLength(1);
    expect(balancer.view(10 * SECOND).hosts).toEqual([]);
  });
});

describe('the model of power', () => {
  it('counts what empty hosts would not take if they were off', () => {
    const hosts = [host('a', [guest('g', 2)]), host('b'), host('c', [], { isCoordinator: true })];
    const energy = energyOf(hosts, { idleWatts: 100, busyWatts: 200 });
    expect(energy).toEqual({ watts: 350, savedWatts: 100, emptyHosts: 1 });
    expect(energyWords(energy)).toBe(
      'By the model the pool takes 350 W. Switching off the empty host would save 100 W.',
    );
  });

  it('switches off no host that is the last one', () => {
    const alone = energyOf([host('a')]);
    expect(alone).toEqual({ watts: 100, savedWatts: 0, emptyHosts: 0 });
    expect(energyWords(alone)).toBe('By the model the pool takes 100 W. No host can be switched off.');
    expect(energyOf([host('a'), host('b')])).toEqual({ watts: 200, savedWatts: 100, emptyHosts: 1 });
  });
});
