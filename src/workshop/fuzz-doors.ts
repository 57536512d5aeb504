/**
 * npm run -s fuzz:doors -- [--messages N] [--seed S] [--within SECONDS]
 *
 * Strangers at every server: N connections (100,000 by default) to the page, the hub, NBD, RFB, gdb, libvirt's socket and a forwarded port. Each sends first
 * bytes that are right, nearly right, half or none, in one piece or several, and then ends, resets, or stays and is silent. It passes if nothing is thrown, no
 * server fails, well-behaved clients are served meanwhile, and memory does not grow.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Door, openDoors } from './fuzz/doors/doors.ts';
import { fuzzClient, HostileClient, turn } from './fuzz/hostile-client.ts';
import { type Pick, picker } from './harness/pick.ts';

const CONNECTIONS = 100_000;
/** Strangers at a time, and those of them that stay. */
const BATCH = 24,
  MOST_SILENT = 40;
/** Connections between two looks whether all doors serve. */
const LOOK = 2_400;
/** A server hangs up on a stranger within this, or the stranger does. */
const PATIENCE_MS = 20;

class Strangers extends HostileClient {
  private doors: Door[] | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'ringside-doors-'));
  private readonly silent: Socket[] = [];
  private readonly pick: Pick;
  private connections = 0;
  private answeredBytes = 0;
  private wrong: string | undefined;
  private readonly onThrown = (error: Error): void => {
    this.wrong ??= `an error that nobody caught: ${error.stack}`;
  };

  constructor(seed: number) {
    super(seed);
    this.pick = picker(seed);
    process.on('uncaughtException', this.onThrown);
  }

  /** One connection, to its end or until it is left open. */
  private knock({ at, greeting, isFailure, name }: Door): Promise<void> {
    const { pick } = this;
    const bytes = greeting(pick);
    const [cut, end] = [pick(3) === 0 ? pick(bytes.length + 1) : bytes.length, pick(5)];
    const number = ++this.connections;
    return new Promise(resolve => {
      const socket = createConnection({ ...at, allowHalfOpen: pick(2) === 0 } as never);
      const late = setTimeout(() => socket.destroy(), PATIENCE_MS);
      const over = (): void => (clearTimeout(late), resolve());
      socket.on('error', () => {}).on('close', over);
      socket.on('end', () => socket.end());
      socket.on('data', answer => {
        this.answeredBytes += answer.length;
        if (isFailure?.(answer))
          this.wrong ??= `${name} failed at connection ${number}: ${JSON.stringify(Buffer.from(bytes).toString('latin1').slice(0, 300))}`;
      });
      socket.on('connect', () => {
        socket.write(bytes.subarray(0, cut));
        // A UNIX socket has no reset.
        if (end === 0) return void ('path' in at ? socket.destroy() : socket.resetAndDestroy());
        setImmediate(() => {
          if (pick(2) === 0) socket.write(bytes.subarray(cut));
          if (end === 1) socket.end();
          else if (end === 2) setImmediate(() => socket.destroy());
          else if (end === 3 && this.silent.length < MOST_SILENT) {
            this.silent.push(socket);
            over();
          }
        });
      });
    });
  }

  async round(messages: number): Promise<void> {
    for (let sent = 0; sent < messages && this.wrong === undefined; sent += BATCH) {
      await this.freshGuest();
      this.doors ??= await openDoors(this.host, () => this.guest, join(this.folder, 'libvirt-sock'));
      const { doors } = this;
      const some = Array.from({ length: Math.min(BATCH, messages - sent) }, () => doors[this.pick(doors.length)]!);
      await Promise.all(some.map(door => this.knock(door)));
      await turn();
      if (this.silent.length >= MOST_SILENT) for (const socket of this.silent.splice(0)) socket.destroy();
      if (sent % LOOK === 0 || sent + BATCH >= messages) await this.look(doors);
    }
  }

  private async look(doors: readonly Door[]): Promise<void> {
    for (const socket of this.silent.splice(0)) socket.destroy();
    for (const door of doors) {
      let isServed = false;
      // Those that have just gone may have its last places yet.
      for (let i = 0; i < 100 && !isServed; i++) {
        isServed = await door.serves().catch(() => false);
        if (!isServed) await turn();
      }
      if (!isServed) this.wrong ??= `${door.name} serves nobody after connection ${this.connections}`;
    }
  }

  problem(): string | undefined {
    return this.wrong;
  }

  summary(): { text: string; answers: number } {
    const text = `${this.connections} connections to ${this.doors?.length ?? 0} servers, ${this.answeredBytes} bytes answered`;
    return { text, answers: this.answeredBytes };
  }

  leave(): void {
    for (const socket of this.silent.splice(0)) socket.destroy();
    for (const door of this.doors ?? []) door.close();
    process.off('uncaughtException', this.onThrown);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const main = fuzzClient('doors', seed => new Strangers(seed), CONNECTIONS);
