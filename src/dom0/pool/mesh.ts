/** One channel to each other host of a pool, for a service that all have: made when a host comes, and again where it was lost while that is there. */
import type { Later } from '../host/index.ts';
import type { ByteChannel } from '../host/nbd/index.ts';
import type { Service } from './neighbours.ts';
import type { Pool } from './pool.ts';

/** Before a host that did not answer, or sent what it must not, is tried again. */
const AGAIN_MS = 2000;

/** This end of a channel. */
export interface MeshEnd {
  close(): void;
}

export interface MeshParts {
  pool: Pool;
  later: Later;
  /** A sentence for the task log begins so: `xenbr0 does not reach`. */
  doing: string;
  say(sentence: string): void;
  /** Takes a channel to a host to which no one listens yet; `ended` is called once it is no more. `why`: a sentence about what was wrong. */
  attach(name: string, channel: ByteChannel, ended: (why?: string) => void): MeshEnd;
}

export class Mesh {
  private readonly service: Service;
  private readonly parts: MeshParts;
  private readonly ends = new Map<string, MeshEnd>();
  private readonly connecting = new Set<string>();
  /** Hosts whose failure somebody has heard of. */
  private readonly failedOnce = new Set<string>();

  constructor(service: Service, parts: MeshParts) {
    this.service = service;
    this.parts = parts;
    parts.pool.serve(service, (channel, from) => this.attach(from, channel));
    parts.pool.onChange(() => this.settle());
    this.settle();
  }

  /** Of two hosts the one whose name comes first connects. */
  private settle(): void {
    const { pool } = this.parts;
    for (const { name } of pool.hosts)
      if (pool.me < name && pool.reaches(name, this.service) && !this.ends.has(name) && !this.connecting.has(name))
        void this.connect(name);
  }

  private isThere(name: string): boolean {
    return this.parts.pool.hosts.some(host => host.name === name);
  }

  private async connect(name: string): Promise<void> {
    const { pool, later, say, doing } = this.parts;
    this.connecting.add(name);
    try {
      this.attach(name, await pool.connect(name, this.service));
    } catch (error) {
      if (!this.isThere(name)) return;
      // A host that has just joined may not serve it yet.
      if (this.failedOnce.has(name)) say(`${doing} ${name}: ${(error as Error).message}`);
      if (!this.failedOnce.delete(name)) this.failedOnce.add(name);
      later(AGAIN_MS, () => this.settle());
    } finally {
      this.connecting.delete(name);
    }
  }

  private attach(name: string, channel: ByteChannel): void {
    this.ends.get(name)?.close();
    let isOver = false;
    const end = this.parts.attach(name, channel, why => {
      if (isOver) return;
      isOver = true;
      if (this.ends.get(name) === end) this.ends.delete(name);
      if (why === undefined || !this.isThere(name)) return;
      this.parts.say(`${this.parts.doing} ${name} any more: ${why}`);
      this.parts.later(AGAIN_MS, () => this.settle());
    });
    if (!isOver) this.ends.set(name, end);
  }
}
