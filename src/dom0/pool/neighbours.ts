/** Other hosts, as this one knows them: by their names, each at the other end of a channel of bytes. A pool has some, and so have two hosts in one process. */
import type { ByteChannel } from '../host/nbd/index.ts';
import { Channel } from './channels.ts';

/** What another host wants of this one, by the connection that it makes. */
export type Service = 'migrate' | 'disks' | 'state' | 'frames' | 'leases' | 'checkpoints';

export interface Neighbours {
  /** This host, as the others know it. */
  readonly me: string;
  /** @throws Error with a sentence: there is no such host, or it does not answer */
  connect(host: string, service: Service): Promise<ByteChannel>;
  /** Takes connections that other hosts make to this one; `from`: which one did. One listener a service. */
  serve(service: Service, accept: (channel: ByteChannel, from: string) => void): void;
}

/** What this many bytes take from one end to the other: calls back when they have come. */
type Travel = (bytes: number, arrive: () => void) => void;

/** A channel between two ends of one process; `cut` breaks it, and what is on its way is lost. `soon`: when the event loop had its turn. `travel`: absent, it takes no time. */
export function channelPair(
  soon: (callback: () => void) => void,
  travel: Travel = (_bytes, arrive) => arrive(),
): {
  ends: [ByteChannel, ByteChannel];
  cut(why: string): void;
} {
  /** What an end has to send comes to the other, a piece a turn. */
  const pumpOf = (from: () => Channel, to: () => Channel): (() => void) => {
    let isDue = false;
    const pump = (): void => {
      if (isDue) return;
      isDue = true;
      soon(() => {
        const piece = from().next(Infinity);
        if (piece === undefined) return void (isDue = false);
        travel(piece instanceof Uint8Array ? piece.length : 0, () => {
          isDue = false;
          if (piece instanceof Uint8Array) to().arrived(piece as Uint8Array<ArrayBuffer>);
          else {
            to().finish(piece.why);
            from().finish(undefined);
          }
          pump();
        });
      });
    };
    return pump;
  };
  const pumps = [
    pumpOf(
      () => ends[0],
      () => ends[1],
    ),
    pumpOf(
      () => ends[1],
      () => ends[0],
    ),
  ] as const;
  const end = (here: 0 | 1, there: 0 | 1): Channel =>
    new Channel({
      pump: pumps[here],
      credit: bytes => {
        ends[there].credited(bytes);
        pumps[there]();
      },
      gone: () => {},
    });
  const ends: [Channel, Channel] = [end(0, 1), end(1, 0)];
  return {
    ends,
    cut: why => {
      for (const channel of ends) channel.cut(why);
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
