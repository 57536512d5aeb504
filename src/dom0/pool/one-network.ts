/**
 * One network for all hosts of a pool: their bridges are joined, each to each. The host that is there longest has the gateway, with DHCP and DNS; the others' own
 * are off the bridge meanwhile. Frames travel as { u16 length, bytes }*, several at once.
 */
import { HEADER_BYTES, MAX_FRAME } from '../../devices/net/index.ts';
import type { Later } from '../host/index.ts';
import type { ByteChannel } from '../host/nbd/index.ts';
import { announcementOf, type Network } from '../host/network/index.ts';
import { Mesh } from './mesh.ts';
import type { Pool } from './pool.ts';

/** A batch leaves when it is so large, or so old. */
const BATCH_BYTES = 16 * 1024,
  BATCH_MS = 1;
/** A wire that is so far behind loses frames, as a busy one does. */
const MOST_WAITING_BYTES = 256 * 1024;

export interface OneNetworkParts {
  pool: Pool;
  network: Network;
  /** Whether a domain of this host is paused to be saved, or to go elsewhere. */
  isStill?(domid: number): boolean;
  later: Later;
  say(sentence: string): void;
}

export function joinNetworks(parts: OneNetworkParts): void {
  const { pool, network, later, say } = parts;
  const settle = (): void => {
    network.hasGateway = pool.left !== undefined || pool.first === pool.me;
  };
  pool.onChange(settle);
  settle();
  new Mesh('frames', {
    pool,
    later,
    say,
    doing: 'xenbr0 does not reach',
    attach: (name, channel, ended) => new Wire(name, channel, parts, ended),
  });
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

  constructor(
    name: string,
    channel: ByteChannel,
    { network, later, isStill }: OneNetworkParts,
    ended: (why?: string) => void,
  ) {
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
    // It may know them elsewhere: what they said when they came here it did not hear. A guest that is paused may be on its way to another host.
    for (const { mac, port } of network.ownStations) {
      const [, domid] = /^vif(\d+)\./.exec(port) ?? [];
      if (domid !== undefined && isStill?.(Number(domid))) continue;
      this.send(announcementOf(mac));
    }
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
