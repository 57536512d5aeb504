/**
 * The balancer of a pool at work. Each host hears how busy all are and knows what should be done; the coordinator alone decides, and writes the moves of hosts that want
 * that where all see them. The guest's own host makes a move and takes it away when it has ended.
 */
import type { Later } from '../host/index.ts';
import {
  Balancer,
  type Decision,
  DEFAULTS,
  type Energy,
  energyOf,
  type HostSample,
  type Staying,
  wordsOf,
} from './balancing/index.ts';
import type { Pool } from './pool.ts';
import type { SharedMove, SharedState, SharedWish } from './shared-state.ts';

const LOOK_MS = 2000;
/** What a hub carried from one host to another (docs/migration.md); links are not measured. */
const LINK_BYTES = 20 * 2 ** 20;
const ADVICE: SharedWish = { mode: 'performance', automatic: false };

export interface PoolBalancingParts {
  pool: Pool;
  state: SharedState;
  later: Later;
  hostMs(): number;
  /** Of a guest of this host. @throws Error with a sentence */
  migrate(guest: string, to: string): Promise<unknown>;
  /** For the task log: what was decided, and what went wrong. */
  note(sentence: string): void;
  say(sentence: string): void;
}

export class PoolBalancing {
  private readonly parts: PoolBalancingParts;
  private readonly balancer = new Balancer();
  private readonly going = new Map<string, SharedMove>();
  private decidedMs: number;
  /** The last that was decided, or would be; guests by their names. */
  decisions: readonly Decision[] = [];

  constructor(parts: PoolBalancingParts) {
    this.parts = parts;
    this.decidedMs = parts.hostMs();
    parts.state.onChange(() => this.follow());
    this.follow();
    this.look();
  }

  /** The coordinator's, for all. */
  get wish(): SharedWish {
    const { state } = this.parts;
    return state.wishes.get(state.coordinator?.name ?? '') ?? ADVICE;
  }

  get energy(): Energy {
    return energyOf(this.balancer.view(this.parts.hostMs()).hosts);
  }

  private look(): void {
    const { pool, later, hostMs } = this.parts;
    if (pool.left !== undefined) return;
    const nowMs = hostMs();
    for (const sample of this.samples(nowMs)) this.balancer.take(sample);
    if (nowMs - this.decidedMs >= DEFAULTS.recentMs) this.decide(nowMs);
    later(LOOK_MS, () => this.look());
  }

  private samples(nowMs: number): HostSample[] {
    const { pool, state } = this.parts;
    const there = new Set(pool.taking);
    const receives = new Map(state.hosts.map(host => [host.name, host.receives]));
    return [...state.loads]
      .filter(([host]) => there.has(host))
      .map(([host, load]) => ({
        ...load,
        host,
        atMs: nowMs,
        bytesPerSecond: LINK_BYTES,
        isCoordinator: host === state.coordinator?.name,
        receives: receives.get(host),
        guests: load.guests.map(guest => ({ ...guest, dirtyBytesPerSecond: 0 })),
      }));
  }

  private decide(nowMs: number): void {
    const { pool, state, note } = this.parts;
    const { mode, automatic } = this.wish;
    const isCoordinator = state.coordinator?.name === pool.me;
    this.decidedMs = nowMs;
    this.balancer.set(mode, automatic);
    const wishes = state.wishes;
    const isAutomatic = (host: string): boolean => automatic && wishes.get(host)?.automatic === true;
    const decisions = this.balancer
      .decide(nowMs)
      .map(each =>
        each.kind === 'move'
          ? { ...each, isAutomatic: isAutomatic(each.from.host) && isAutomatic(each.to.host) }
          : each,
      );
    this.decisions = decisions.map(each => this.named(each));
    if (!isCoordinator) return;
    for (const each of decisions) {
      if (each.kind === 'stay' || !each.isAutomatic) continue;
      note(wordsOf(this.named(each)));
      state.setMove(each.guest, { from: each.from.host, to: each.to.host });
    }
    // Nobody makes a move of a host that is gone.
    for (const [guest, { from }] of state.moves) if (!pool.inOrder.includes(from)) state.setMove(guest, undefined);
  }

  /** Guests have UUIDs, people call them by names. */
  private named(decision: Decision): Decision {
    const names = new Map(this.parts.state.guests.map(({ uuid, name }) => [uuid, name]));
    const named = <Each extends { guest: string }>(each: Each): Each => ({
      ...each,
      guest: names.get(each.guest) ?? each.guest,
    });
    return decision.kind === 'move'
      ? named(decision)
      : { ...decision, guests: decision.guests.map((each): Staying => named(each)) };
  }

  /** Moves that are written, and those that are not any more. */
  private follow(): void {
    const { pool, state, hostMs } = this.parts;
    const { moves } = state;
    for (const [guest, move] of moves) {
      if (this.going.has(guest)) continue;
      this.going.set(guest, move);
      this.balancer.begun(guest, move.from, move.to);
      if (move.from === pool.me) void this.make(guest, move);
    }
    for (const guest of [...this.going.keys()]) {
      if (moves.has(guest)) continue;
      this.going.delete(guest);
      this.balancer.ended(guest, hostMs());
    }
  }

  private async make(guest: string, { to }: SharedMove): Promise<void> {
    const { migrate, pool, state, say } = this.parts;
    try {
      // The coordinator may have decided it before it heard what this host wants now.
      if (state.wishes.get(pool.me)?.automatic) await migrate(guest, to);
    } catch (error) {
      say((error as Error).message);
    } finally {
      state.setMove(guest, undefined);
    }
  }
}
