import { describe, expect, it } from 'vitest';
import { until } from '../service/host.test-support.ts';
import type { Pool } from './pool.ts';
import { PoolBalancing } from './pool-balancing.ts';
import { enter, random, TestRoom } from './rooms.test-support.ts';
import { SharedState } from './shared-state.ts';

const MIB = 2 ** 20;
/** Time goes so much faster here. */
const FAST = 50;
const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms / FAST);
  return () => clearTimeout(timer);
};
const hostMs = (): number => performance.now() * FAST;

/** A host of four slots whose guests are as busy as they are said to be. */
class TestHost {
  readonly guests = new Map<string, number>();
  readonly notes: string[] = [];
  readonly said: string[] = [];
  readonly moved: string[] = [];
  readonly state: SharedState;
  readonly balancing: PoolBalancing;
  readonly pool: Pool;
  fails = false;

  constructor(pool: Pool, hosts: Map<string, TestHost>) {
    this.pool = pool;
    const say = (sentence: string): void => void this.said.push(sentence);
    this.state = new SharedState({ pool, id: pool.me, later, hostMs, random, say });
    if (pool.hosts.length === 0) this.state.setCoordinator(pool.me, 1);
    this.balancing = new PoolBalancing({
      pool,
      state: this.state,
      later,
      hostMs,
      note: sentence => void this.notes.push(sentence),
      say,
      migrate: async (guest, to) => {
        this.moved.push(`${guest} ${to}`);
        if (this.fails) throw new Error(`${to} is full.`);
        hosts.get(to)!.guests.set(guest, this.guests.get(guest)!);
        this.guests.delete(guest);
      },
    });
    this.tell();
  }

  private tell(): void {
    if (this.pool.left !== undefined) return;
    const busySlots = [...this.guests.values()].reduce((sum, slots) => sum + slots, 0);
    this.state.setLoad({
      slots: 4,
      busy: busySlots / 4,
      totalBytes: 1024 * MIB,
      freeBytes: (1024 - 64 * this.guests.size) * MIB,
      guests: [...this.guests].map(([guest, slots]) => ({ guest, busySlots: slots, memoryBytes: 64 * MIB })),
    });
    later(1000, () => this.tell());
  }
}

async function meet(...names: string[]): Promise<TestHost[]> {
  const room = new TestRoom();
  const hosts = new Map<string, TestHost>();
  for (const name of names) hosts.set(name, new TestHost(await enter(room.enter(), name), hosts));
  return [...hosts.values()];
}

async function pair(): Promise<TestHost[]> {
  const [alfa, bravo] = await meet('alfa', 'bravo');
  bravo.guests.set('web', 1.8).set('db', 1.8);
  await until(() => alfa.state.loads.get('bravo') && bravo.state.loads.get('alfa'));
  return [alfa, bravo];
}

describe('a pool', () => {
  it('is told what should move, and moves nothing', async () => {
    const [alfa, bravo] = await pair();
    await until(() => bravo.balancing.decisions.length > 0);
    expect(bravo.balancing.decisions).toMatchObject([
      { kind: 'move', isAutomatic: false, from: { host: 'bravo' }, to: { host: 'alfa' } },
    ]);
    expect([...alfa.moved, ...bravo.moved]).toEqual([]);
    for (const { pool } of [alfa, bravo]) pool.leave();
  });

  it('moves a guest of a busy host where all three want that: coordinator, giver and taker', async () => {
    const [alfa, bravo] = await pair();
    alfa.state.setWish({ mode: 'performance', automatic: true });
    await until(() => alfa.balancing.decisions.length > 0);
    expect(bravo.moved).toEqual([]);
    bravo.state.setWish({ mode: 'performance', automatic: true });
    await until(() => alfa.guests.size > 0);
    expect(alfa.notes[0]).toMatch(/^(web|db) moves from bravo to alfa: bravo is 90 % busy/);
    await until(() => alfa.state.moves.size === 0);
    expect(alfa.guests.size + bravo.guests.size).toBe(2);
    for (const { pool } of [alfa, bravo]) pool.leave();
  });

  it('passes by a host that takes no guests, and asks the next one', async () => {
    const [alfa, bravo, charlie] = await meet('alfa', 'bravo', 'charlie');
    const card = { name: 'alfa', version: 'test', memoryMiB: 1024, slots: 4, vt: true, station: 1 };
    alfa.state.setHost({ ...card, receives: false });
    bravo.guests.set('web', 1.8).set('db', 1.8);
    charlie.guests.set('idle', 0.1);
    await until(() => alfa.balancing.decisions.some(({ kind }) => kind === 'move'));
    expect(alfa.balancing.decisions).toMatchObject([
      { kind: 'move', from: { host: 'bravo' }, to: { host: 'charlie' } },
    ]);
    for (const { pool } of [alfa, bravo, charlie]) pool.leave();
  });

  it('forgets a move of a host that wants none by the time that it hears of it', async () => {
    const [alfa, bravo] = await pair();
    alfa.state.setMove('web', { from: 'bravo', to: 'alfa' });
    await until(() => alfa.state.moves.size === 0);
    expect(bravo.moved).toEqual([]);
    for (const { pool } of [alfa, bravo]) pool.leave();
  });

  it('says why a move failed, and goes on', async () => {
    const [alfa, bravo] = await pair();
    bravo.fails = true;
    for (const { state } of [alfa, bravo]) state.setWish({ mode: 'performance', automatic: true });
    await until(() => bravo.said.length > 0);
    expect(bravo.said[0]).toBe('alfa is full.');
    bravo.fails = false;
    await until(() => alfa.guests.size > 0);
    // The other one: a guest that was to move rests.
    expect(new Set(bravo.moved).size).toBe(2);
    for (const { pool } of [alfa, bravo]) pool.leave();
  });
});
