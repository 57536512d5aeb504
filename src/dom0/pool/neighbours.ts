/** Other hosts, as this one knows them: by their names, each at the other end of a channel of bytes. A pool has some, and so have two hosts in one process. */
import type { ByteChannel } from '../host/nbd/index.ts';

/** What another host wants of this one, by the connection that it makes. */
export type Service = 'migrate' | 'state' | 'frames' | 'leases';

export interface Neighbours {
  /** This host, as the others know it. */
  readonly me: string;
  /** @throws Error with a sentence: there is no such host, or it does not answer */
  connect(host: string, service: Service): Promise<ByteChannel>;
  /** Takes connections that other hosts make to this one; `from`: which one did. One listener a service. */
  serve(service: Service, accept: (channel: ByteChannel, from: string) => void): void;
}

/** Of bytes on their way between two hosts, so few are few (ByteChannel.onDrained). */
const DRAINED_BYTES = 1024 * 1024;

/** One way of a channel. */
class OneWay {
  private readonly soon: (callback: () => void) => void;
  private readonly held: Uint8Array<ArrayBuffer>[] = [];
  private bytes: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
  private closed: ((why?: string) => void) | undefined;
  private ended: { why?: string } | undefined;
  private isPaused = false;
  private isDue = false;
  waitingBytes = 0;
  drained = (): void => {};

  constructor(soon: (callback: () => void) => void) {
    this.soon = soon;
  }

  send(bytes: Uint8Array): void {
    if (this.ended) return;
    this.held.push(bytes as Uint8Array<ArrayBuffer>);
    this.waitingBytes += bytes.length;
    this.go();
  }

  listen(bytes: (bytes: Uint8Array<ArrayBuffer>) => void, closed: (why?: string) => void): void {
    this.bytes = bytes;
    this.closed = closed;
    this.go();
  }

  pause(paused: boolean): void {
    this.isPaused = paused;
    this.go();
  }

  /** `cut`: what is on its way is lost. */
  end(why?: string, cut = false): void {
    if (this.ended && !cut) return;
    this.ended = why === undefined ? {} : { why };
    if (cut) this.held.length = 0;
    this.go();
  }

  private go(): void {
    if (this.isDue) return;
    this.isDue = true;
    this.soon(() => this.deliver());
  }

  private deliver(): void {
    this.isDue = false;
    const { bytes: tell } = this;
    if (!tell || this.isPaused) return;
    const next = this.held.shift();
    if (next) {
      const before = this.waitingBytes;
      this.waitingBytes -= next.length;
      tell(next);
      if (before >= DRAINED_BYTES && this.waitingBytes < DRAINED_BYTES) this.drained();
      return this.go();
    }
    if (!this.ended) return;
    const { closed } = this;
    this.closed = undefined;
    closed?.(this.ended.why);
  }
}

/** A channel between two ends of one process; `cut` breaks it, and what is on its way is lost. `soon`: when the event loop had its turn. */
export function channelPair(soon: (callback: () => void) => void): {
  ends: [ByteChannel, ByteChannel];
  cut(why: string): void;
} {
  const ways: [OneWay, OneWay] = [new OneWay(soon), new OneWay(soon)];
  const end = (out: OneWay, into: OneWay): ByteChannel => ({
    send: bytes => out.send(bytes),
    get waitingBytes() {
      return out.waitingBytes;
    },
    onDrained: listener => {
      out.drained = listener;
    },
    listen: (bytes, closed) => into.listen(bytes, closed),
    pause: () => into.pause(true),
    resume: () => into.pause(false),
    close: () => {
      out.end();
      into.end();
    },
  });
  return {
    ends: [end(...ways), end(ways[1], ways[0])],
    cut: why => {
      for (const way of ways) way.end(why, true);
    },
  };
}

/** Hosts of one process, which can all reach each other. */
export class Neighbourhood {
  private readonly soon: (callback: () => void) => void;
  private readonly services = new Map<string, (channel: ByteChannel, from: string) => void>();

  constructor(soon: (callback: () => void) => void) {
    this.soon = soon;
  }

  of(me: string): Neighbours {
    return {
      me,
      connect: async (host, service) => {
        const accept = this.services.get(`${service} ${host}`);
        if (!accept) throw new Error(`There is no host ${host} here that takes connections for ${service}.`);
        const { ends } = channelPair(this.soon);
        accept(ends[1], me);
        return ends[0];
      },
      serve: (service, accept) => void this.services.set(`${service} ${me}`, accept),
    };
  }
}
