/**
 * Snapshots of guests by schedule, each on another host (`replicate` of a definition; Xen Orchestra calls it continuous replication). What is lost with a host is
 * what came after the last one: the next begins so early that it is there in time.
 */
import type { Later } from '../../host/index.ts';
import type { CommandHost, Guest } from '../../toolstack/index.ts';
import type { Pool } from '../pool.ts';
import { Checkpointing } from './checkpointing.ts';
import { localDisks } from './guarded.ts';

const LOOK_MS = 250;
/** After one that failed. */
const AGAIN_MS = 5000;

export interface ReplicationParts {
  host: CommandHost;
  pool: Pool;
  later: Later;
}

/** A guest whose snapshots go to another host. */
interface Going {
  guest: Guest;
  to: string;
  everyMs: number;
  keep: number;
  line?: Checkpointing;
  /** By the host's clock: when it was paused for the last one, and when the next one begins. */
  lastMs?: number;
  nextMs: number;
  isBusy: boolean;
  said?: string;
}

export class Replication {
  private readonly parts: ReplicationParts;
  private readonly going = new Map<string, Going>();

  constructor(parts: ReplicationParts) {
    this.parts = parts;
    this.look();
  }

  private look(): void {
    const { host, pool, later } = this.parts;
    if (pool.left !== undefined) return;
    for (const guest of host.toolstack.members.values()) {
      const { replicate } = guest.blueprint.definition;
      if (!replicate || guest.ending || this.going.has(guest.uuid)) continue;
      const { everySeconds, to, keep } = replicate;
      // It may have come from there.
      if (to === pool.me) continue;
      this.going.set(guest.uuid, { guest, to, keep, everyMs: 1000 * everySeconds, nextMs: 0, isBusy: false });
    }
    for (const [uuid, each] of this.going) {
      if (host.toolstack.ownerOf(uuid) !== each.guest) this.end(uuid, each);
      else if (!each.isBusy && !each.guest.paused && host.clock.hostMs() >= each.nextMs) void this.snapshot(each);
    }
    later(LOOK_MS, () => this.look());
  }

  private end(uuid: string, { line, isBusy }: Going): void {
    if (isBusy) return;
    this.going.delete(uuid);
    void line?.end();
  }

  private async snapshot(each: Going): Promise<void> {
    const { host, pool } = this.parts;
    const { guest, to, keep, everyMs } = each;
    each.isBusy = true;
    const begunMs = host.clock.hostMs();
    try {
      const [disk] = localDisks(guest);
      if (disk !== undefined)
        throw new Error(`Its disk ${disk} lies on this host alone. Serve it with qemu-nbd, and name it nbd://….`);
      each.line ??= await Checkpointing.open({ host, neighbours: pool }, guest, to, keep);
      let atMs = begunMs;
      const { line } = each;
      await host.toolstack.jobs.run(guest.name, 'Snapshot', ({ signal }) =>
        line.take(signal, () => void (atMs = host.clock.hostMs())),
      );
      const nowMs = host.clock.hostMs();
      if (each.lastMs !== undefined && nowMs - each.lastMs > everyMs)
        this.say(
          each,
          `The previous snapshot was ${seconds(nowMs - each.lastMs)} s old when this one had come to ${to}, and ${seconds(everyMs)} s are wanted.`,
        );
      else delete each.said;
      each.lastMs = atMs;
      // The next one is there, and counts, before this one is too old.
      each.nextMs = Math.max(nowMs, atMs + everyMs - 2 * (nowMs - begunMs) - LOOK_MS);
    } catch (error) {
      delete each.line;
      each.nextMs = host.clock.hostMs() + Math.min(AGAIN_MS, everyMs);
      this.say(each, `No snapshot of it is on ${to}: ${(error as Error).message}`);
    } finally {
      each.isBusy = false;
    }
  }

  /** Once. */
  private say(each: Going, sentence: string): void {
    const kind = sentence.replace(/[\d.]+/g, '');
    if (each.said === kind) return;
    each.said = kind;
    this.parts.host.tasks.note(`replicate ${each.guest.name} ${each.to}`, 'failed', sentence);
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
