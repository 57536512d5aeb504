/**
 * Guests with `ha = 1`: their host writes where all see it what starting them needs, and where it is lost another host does. The host that gets the guest's lease starts
 * it, so that one does; a host that is cut off holds its guests still before anybody can have their leases (ownership.ts). A guest that ended on a host that
 * is there, or moved, is left alone.
 */
import type { Later } from '../../host/index.ts';
import { judgeDefinition } from '../../definitions/config/index.ts';
import { COMMANDS } from '../../toolstack/commands/index.ts';
import { type CommandHost, type Guest, timeOf } from '../../toolstack/index.ts';
import type { Ownership } from '../ownership.ts';
import type { Pool } from '../pool.ts';
import { type Guarded, MOST_DEFINITION_LETTERS, type SharedState } from '../shared-state.ts';
import type { Point, Replica } from './replica.ts';
import type { Replicas } from './replicas.ts';
import { filesHere, guardedAs, isGuarded, localDisks } from './guarded.ts';

/** Part of the time until a lost guest runs again. */
const LOOK_MS = 500;
/** Where this host has lost its room, and with it all others at once, they have this long to come again: less than any of their leases has then. */
const COME_AGAIN_MS = 8000;

export interface FailoverParts {
  host: CommandHost;
  pool: Pool;
  state: SharedState;
  ownership: Pick<Ownership, 'holds' | 'take' | 'takeCopy' | 'takeCopyOf' | 'begun'>;
  /** Snapshots of others' guests. */
  replicas: Replicas;
  later: Later;
}

export class Failover {
  private readonly parts: FailoverParts;
  /** Guests of this host that others would start. */
  private readonly mine = new Map<string, string>();
  /** Guests of hosts that are gone, as those wrote last: one that comes back begins again. */
  private readonly lost = new Map<string, Guarded & { host: string }>();
  private there: readonly string[];
  /** What was said of guests that nobody can start, or not this host. */
  private readonly said = new Map<string, string>();
  private isOver = false;
  /** All others have vanished at once, which is the hub's fault or this host's, and may not all be back. */
  private areAllGone = false;

  constructor(parts: FailoverParts) {
    this.parts = parts;
    const { pool, state } = parts;
    this.there = pool.inOrder;
    // Also of one that ends there right after it has begun.
    state.onChange(() => this.forgetThoseThatRun());
    pool.onChange(() => {
      for (const host of this.there) if (!pool.inOrder.includes(host)) this.lose(host);
      this.there = pool.inOrder;
      this.noteRoom();
    });
    parts.replicas.onLost = (uuid, replica, from) => void this.takeUp(uuid, replica, from);
    void this.look();
  }

  /** This host leaves in order: its guests are its own from now on. */
  leave(): void {
    this.isOver = true;
    for (const guest of this.mine.keys()) this.parts.state.setGuarded(guest, undefined);
  }

  private async look(): Promise<void> {
    const { pool, later } = this.parts;
    if (pool.left !== undefined || this.isOver) return;
    await this.guard();
    this.forgetThoseThatRun();
    if (!this.areAllGone) for (const [guest, lost] of this.lost) await this.startAgain(guest, lost);
    later(LOOK_MS, () => void this.look());
  }

  // ---- guests of this host

  private async guard(): Promise<void> {
    const { host, state, pool, ownership } = this.parts;
    for (const member of host.toolstack.members.values()) {
      if (member.ending || member.blueprint.definition.ha !== true) continue;
      if (!isGuarded(member))
        this.say(member.uuid, member.name, `Its disk ${localDisks(member)[0]} lies on ${pool.me} alone. ${SERVE_IT}`);
      else if (ownership.holds(member.uuid)) await this.guardOne(member);
    }
    for (const guest of this.mine.keys()) {
      if (host.toolstack.ownerOf(guest)) continue;
      this.mine.delete(guest);
      state.setGuarded(guest, undefined);
    }
  }

  private async guardOne(member: Guest): Promise<void> {
    const { host, state } = this.parts;
    const { uuid, name } = member;
    if (this.mine.get(uuid) === name) return;
    try {
      const guarded = await guardedAs(host, member);
      if (guarded.definition.length > MOST_DEFINITION_LETTERS) throw new Error('Its definition is too long.');
      if (host.toolstack.ownerOf(uuid) !== member) return;
      this.mine.set(uuid, name);
      state.setGuarded(uuid, guarded);
    } catch (error) {
      this.say(uuid, name, (error as Error).message);
    }
  }

  // ---- guests of hosts that are lost

  private noteRoom(): void {
    const { pool, later } = this.parts;
    if (pool.away !== undefined) this.areAllGone = true;
    else if (this.areAllGone)
      later(COME_AGAIN_MS, () => {
        if (pool.away === undefined) this.areAllGone = false;
      });
  }

  /** What of a host others can start, as long as it was that host's. */
  private lose(host: string): void {
    const { state } = this.parts;
    const { leases } = state;
    for (const [guest, guarded] of state.guardedOf(host))
      if (leases.get(guest)?.owner === host) this.lost.set(guest, { ...guarded, host });
  }

  /** On a host that is there. */
  private forgetThoseThatRun(): void {
    const { pool, state } = this.parts;
    if (this.lost.size === 0) return;
    for (const host of pool.inOrder) for (const guest of state.guardedOf(host).keys()) this.lost.delete(guest);
  }

  private async startAgain(guest: string, lost: Guarded & { host: string }): Promise<void> {
    const { host, state, pool, ownership } = this.parts;
    const { name, host: from, ...guarded } = lost;
    // It takes no guests of others.
    if (!pool.receives) return;
    // It goes on from its last checkpoint (takeUp).
    if (this.parts.replicas.find(guest)?.[1].epoch !== undefined) return;
    try {
      // The host with its snapshots starts it from them, as long as that host is there.
      const keeper = replicaHost(guarded.definition);
      if (keeper !== undefined && keeper !== pool.me && pool.inOrder.includes(keeper)) return;
      const how = this.parts.replicas.find(guest) ? () => this.goOn(guest) : await this.fromDisks(lost);
      // Its host may still be about to hold it still.
      if (!(await ownership.take(guest))) return;
      try {
        const begins = await how();
        this.lost.delete(guest);
        this.mine.set(guest, name);
        state.setGuarded(guest, { name, ...guarded });
        host.tasks.note(`ha-start ${name}`, 'done', `${from} is lost, where ${name} ran. ${begins}`);
      } finally {
        ownership.begun(guest);
      }
    } catch (error) {
      this.say(guest, name, `${from} is lost, and ${pool.me} cannot start it: ${(error as Error).message}`);
    }
  }

  private async fromDisks(lost: Guarded): Promise<() => Promise<string>> {
    const { host } = this.parts;
    const files = await filesHere(host, lost);
    return async () => `It starts here as domain ${(await COMMANDS.create.run(host, files)).id}.`;
  }

  /** As it was at a snapshot. What is said of it. @throws Error with a sentence */
  private async goOn(uuid: string, atMs?: number): Promise<string> {
    const { guest, point } = await this.parts.replicas.restore(uuid, atMs);
    return `It goes on here as domain ${guest.record.id}, as it was at ${timeOf(point.atMs)}.`;
  }

  /** The host of a guest that Remus protects is lost, or this one does not hear it: it goes on here once its lease is this host's. */
  private async takeUp(uuid: string, replica: Replica, from: string): Promise<void> {
    const { host, ownership, replicas, pool } = this.parts;
    const { name, epoch } = replica;
    const command = `remus ${name}`;
    // It is protected no more, or by another copy.
    if (!(await ownership.takeCopyOf(uuid, { from, epoch: epoch! }, wantsHa(replica.at()!))))
      return replicas.forget(uuid, replica);
    try {
      const begins = await this.goOn(uuid);
      replicas.forget(uuid, replica);
      host.tasks.note(command, 'done', `${from} is lost, where ${name} ran. ${begins}`);
    } catch (error) {
      // Somebody may fix what it lacks, and have it go on by pool restore.
      replica.epoch = undefined;
      const why = (error as Error).message;
      host.tasks.note(command, 'failed', `${from} is lost, and ${pool.me} cannot go on with ${name}: ${why}`);
    } finally {
      ownership.begun(uuid);
    }
  }

  /** By hand: a guest as it was at a snapshot (`atMs`, since 1970: at the last that is not later). What is said of it. @throws Error with a sentence */
  async restore(word: string, atMs?: number): Promise<string> {
    const { host, ownership, replicas } = this.parts;
    const found = replicas.find(word);
    if (!found) throw new Error(`Nothing is kept here of ${word}. pool replicas lists what is.`);
    const [uuid, replica] = found;
    if (replica.epoch !== undefined)
      throw new Error(`${replica.name} goes on here by itself where its host is lost: it is protected by xl remus.`);
    const point = replica.at(atMs);
    if (!point) throw new Error(`The first snapshot of ${replica.name} is from ${timeOf(replica.points[0]!.atMs)}.`);
    return host.tasks.run(`pool restore ${replica.name}`, async task => {
      if (!(await ownership.takeCopy(uuid, wantsHa(point))))
        throw new Error(`${replica.name} runs elsewhere. xl migrate brings it here.`);
      try {
        const said = await this.goOn(uuid, atMs);
        this.lost.delete(uuid);
        return (task.message = said);
      } finally {
        ownership.begun(uuid);
      }
    });
  }

  /** Once. */
  private say(guest: string, name: string, sentence: string): void {
    if (this.said.get(guest) === sentence) return;
    this.said.set(guest, sentence);
    this.parts.host.tasks.note(`ha-start ${name}`, 'failed', sentence);
  }
}

const wantsHa = ({ head }: Point): boolean => judgeDefinition('', head.about.definition).definition.ha === true;

const replicaHost = (definition: string): string | undefined =>
  judgeDefinition('', definition).definition.replicate?.to;

const SERVE_IT = 'Serve it with qemu-nbd, and name it nbd://…: then another host can start the guest.';
