/**
 * One network for all hosts of a pool: their bridges are joined, each to each. The host that is there longest has the gateway, with DHCP and DNS; the others' own
 * are off the bridge meanwhile. Frames travel as { u16 length, bytes }*, several at once.
 */
import { HEADER_BYTES, MAX_FRAME } from '../../devices/net/index.ts';
import type { Later } from '../host/index.ts';
import type { ByteChannel } from '../host/nbd/index.ts';
import type { Network } from '../host/network/index.ts';
import type { Pool } from './pool.ts';

/** A batch leaves when it is so large, or so old. */
const BATCH_BYTES = 16 * 1024,
  BATCH_MS = 1;
/** Before a host that did not answer, or sent what it must not, is tried again. */
const AGAIN_MS = 2000;
/** A wire that is so far behind loses frames, as a busy one does. */
const MOST_WAITING_BYTES = 256 * 1024;

export interface OneNetworkParts {
  pool: Pool;
  network: Network;
  later: Later;
  say(sentence: string): void;
}

export class OneNetwork {
  private readonly parts: OneNetworkParts;
  private readonly wires = new Map<string, Wire>();
  private readonly connecting = new Set<string>();
  /** Hosts whose failure somebody has heard of. */
  private readonly told = new Set<string>();

  constructor(parts: OneNetworkParts) {
    this.parts = parts;
    const { pool } = parts;
    pool.serve('frames', (channel, from) => this.attach(from, channel));
    pool.onChange(() => this.settle());
    this.settle();
  }

  /** Of two hosts the one whose name comes first connects. */
  private settle(): void {
    const { pool, network } = this.parts;
    network.hasGateway = pool.left !== undefined || pool.first === pool.me;
    for (const { name } of pool.hosts)
      if (pool.me < name && !this.wires.has(name) && !this.connecting.has(name)) void this.connect(name);
  }

  private async connect(name: string): Promise<void> {
    const { pool, later, say } = this.parts;
    this.connecting.add(name);
    try {
      this.attach(name, await pool.connect(name, 'frames'));
    } catch (error) {
      if (!pool.hosts.some(host => host.name === name)) return;
      if (!this.told.has(name)) say(`xenbr0 does not reach ${name}: ${(error as Error).message}`);
      this.told.add(name);
      later(AGAIN_MS, () => this.settle());
    } finally {
      this.connecting.delete(name);
    }
  }

  private attach(name: string, channel: ByteChannel): void {
    this.wires.get(name)?.close();
    const wire = new Wire(name, channel, this.parts, why => {
      if (this.wires.get(name) === wire) this.wires.delete(name);
      if (why === undefined || !this.parts.pool.hosts.some(host => host.name === name)) return;
      this.parts.say(`xenbr0 does not reach ${name} any more: ${why}`);
      this.parts.later(AGAIN_MS, () => this.settle());
    });
    this.wires.set(name, wire);
  }
}

/** To one other host. */
class Wire {
  private readonly channel: ByteChannel;
  private readonly later: Later;
  private batch = new Uint8Array(BATCH_BYTES);
  private batchBytes = 0;
  private cancel: (() => void) | undefined;
  /** Of what came, what is not a whole frame yet. */
  private rest = new Uint8Array();
  private isOver = false;
  readonly close: () => void;

  constructor(name: string, channel: ByteChannel, { network, later }: OneNetworkParts, ended: (why?: string) => void) {
    this.channel = channel;
    this.later = later;
    const { port, wake } = network.joinHost(name, bytes => this.send(bytes));
    const end = (why?: string): void => {
      if (this.isOver) return;
      this.isOver = true;
      this.cancel?.();
      port.remove();
      channel.close();
      ended(why);
    };
    this.close = () => end();
    channel.listen(bytes => {
      if (this.isOver) return;
      const problem = this.take(bytes, frame => port.input({ bytes: frame }));
      wake();
      if (problem !== undefined) end(problem);
    }, end);
  }

  private send(frame: Uint8Array): boolean {
    if (this.isOver || this.channel.waitingBytes > MOST_WAITING_BYTES) return false;
    if (this.batchBytes + 2 + frame.length > BATCH_BYTES) this.flush();
    this.batch[this.batchBytes] = frame.length & 0xff;
    this.batch[this.batchBytes + 1] = frame.length >>> 8;
    this.batch.set(frame, this.batchBytes + 2);
    this.batchBytes += 2 + frame.length;
    this.cancel ??= this.later(BATCH_MS, () => this.flush());
    return true;
  }

  private flush(): void {
    this.cancel?.();
    this.cancel = undefined;
    if (this.batchBytes === 0 || this.isOver) return;
    this.channel.send(this.batch.slice(0, this.batchBytes));
    this.batchBytes = 0;
  }

  /** A sentence: no bridge sends that. */
  private take(bytes: Uint8Array, input: (frame: Uint8Array) => void): string | undefined {
    let whole = bytes;
    if (this.rest.length > 0) {
      whole = new Uint8Array(this.rest.length + bytes.length);
      whole.set(this.rest);
      whole.set(bytes, this.rest.length);
    }
    let at = 0;
    while (at + 2 <= whole.length) {
      const length = whole[at]! | (whole[at + 1]! << 8);
      if (length < HEADER_BYTES || length > MAX_FRAME) return `it sent a frame of ${length} bytes.`;
      if (at + 2 + length > whole.length) break;
      input(whole.slice(at + 2, at + 2 + length));
      at += 2 + length;
    }
    this.rest = whole.slice(at);
    return undefined;
  }
}
