/** A channel to another host that carries messages, each behind its length, and not too many of them; and one such channel to each host of a pool. */
import type { ByteChannel } from '../host/nbd/index.ts';
import { Mesh, type MeshParts } from './mesh.ts';
import type { Service } from './neighbours.ts';

const HEAD_BYTES = 4;
const MOST_MESSAGE_BYTES = 1024 * 1024;
/** From one host in a minute: a document that only grows cannot be made small again. */
const MOST_MINUTE_BYTES = 4 * 1024 * 1024,
  MINUTE_MS = 60_000;
/** What is waiting for one host; it gets all again when it has taken that. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;

export class Peer {
  private readonly channel: ByteChannel;
  private readonly hostMs: () => number;
  private readonly take: (message: Uint8Array) => void;
  private readonly ended: (why?: string) => void;
  private rest = new Uint8Array();
  private minuteBytes = 0;
  private minuteMs: number;
  private isOver = false;

  constructor(
    channel: ByteChannel,
    hostMs: () => number,
    take: (message: Uint8Array) => void,
    ended: (why?: string) => void,
  ) {
    this.channel = channel;
    this.hostMs = hostMs;
    this.minuteMs = hostMs();
    this.take = take;
    this.ended = ended;
  }

  begin(): void {
    this.channel.listen(
      bytes => this.hear(bytes),
      why => this.end(why),
    );
  }

  send(message: Uint8Array): void {
    if (this.isOver) return;
    if (this.channel.waitingBytes > MOST_WAITING_BYTES) return this.end('it takes what is said too slowly.');
    const whole = new Uint8Array(HEAD_BYTES + message.length);
    new DataView(whole.buffer).setUint32(0, message.length, true);
    whole.set(message, HEAD_BYTES);
    this.channel.send(whole);
  }

  private hear(bytes: Uint8Array): void {
    if (this.isOver) return;
    if (this.hostMs() - this.minuteMs > MINUTE_MS) [this.minuteMs, this.minuteBytes] = [this.hostMs(), 0];
    this.minuteBytes += bytes.length;
    if (this.minuteBytes > MOST_MINUTE_BYTES) return this.end('it writes more than 4 MiB a minute.');
    const whole = new Uint8Array(this.rest.length + bytes.length);
    whole.set(this.rest);
    whole.set(bytes, this.rest.length);
    let at = 0;
    while (!this.isOver && at + HEAD_BYTES <= whole.length) {
      const length = new DataView(whole.buffer).getUint32(at, true);
      if (length > MOST_MESSAGE_BYTES) return this.end(`it sent a message of ${length} bytes.`);
      if (at + HEAD_BYTES + length > whole.length) break;
      try {
        this.take(whole.slice(at + HEAD_BYTES, at + HEAD_BYTES + length));
      } catch (error) {
        return this.end(`it sent what no host sends (${(error as Error).message.slice(0, 80)}).`);
      }
      at += HEAD_BYTES + length;
    }
    this.rest = whole.slice(at);
  }

  end(why?: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.channel.close();
    this.ended(why);
  }
}

export interface PeersParts extends Omit<MeshParts, 'attach'> {
  hostMs(): number;
  /** A channel to a host is there, to which something may be sent first. Returns the receiver of its messages, and throws where no host sends that. */
  came(name: string, peer: Peer): (message: Uint8Array) => void;
  /** There is none to it any more. */
  went?(name: string): void;
}

/** The other hosts of a pool, by their names: messages to each and from each. */
export class Peers {
  private readonly peers = new Map<string, Peer>();

  constructor(service: Service, { hostMs, came, went, ...mesh }: PeersParts) {
    new Mesh(service, {
      ...mesh,
      attach: (name, channel, ended) => {
        const peer: Peer = new Peer(
          channel,
          hostMs,
          message => take(message),
          why => {
            if (this.peers.get(name) === peer) {
              this.peers.delete(name);
              went?.(name);
            }
            ended(why);
          },
        );
        this.peers.set(name, peer);
        const take = came(name, peer);
        peer.begin();
        return { close: () => peer.end() };
      },
    });
  }

  send(name: string, message: Uint8Array): void {
    this.peers.get(name)?.send(message);
  }

  sendAll(message: Uint8Array): void {
    for (const peer of this.peers.values()) peer.send(message);
  }
}
