/**
 * A host in virtual time as its own neighbour: a domain goes from frames to other frames of it by the whole protocol, as `xl migrate NAME localhost` has it go
 * on a real host. The link between the two ends has a rate, in that time, so that what a guest writes meanwhile is the same in each run.
 */
import { channelPair } from '../pool/index.ts';
import { migrate, Receiver } from '../pool/migration/index.ts';
import type { CommandHost, Guest, Moved, MoveWish } from '../toolstack/index.ts';
import type { VirtualTime } from './virtual-time.ts';

const HERE = 'localhost';
/** A guest's slice may end so much behind the moment at which a piece has come. */
const LATE_MS = 3;
/** 4,096 pages a second. */
const LINK_BYTES_PER_SECOND = 16 * 2 ** 20;

/** @throws Error with a sentence, in xl's words */
export function moveWithin(
  host: CommandHost,
  virtual: VirtualTime,
  guest: Guest,
  to: string,
  wish?: MoveWish,
): Promise<Moved> {
  const receiver = new Receiver({ host, isFromHere: true });
  let freeMs = 0;
  const travel = (bytes: number, arrive: () => void): void => {
    if (virtual.linkMs > freeMs + LATE_MS) freeMs = virtual.linkMs;
    freeMs += (1000 * bytes) / LINK_BYTES_PER_SECOND;
    virtual.at(freeMs, arrive);
  };
  const neighbours = {
    me: HERE,
    connect: async (name: string) => {
      if (name !== HERE)
        throw new Error(
          `There is no host ${name}: in virtual time a domain moves within this one. Write xl migrate ${guest.name} ${HERE}.`,
        );
      const { ends } = channelPair(host.clock.soon, travel);
      void receiver.serve(ends[1], HERE);
      return ends[0];
    },
    serve: () => {},
  };
  return migrate({ host, neighbours, hostMs: () => virtual.linkMs }, guest, to, wish);
}
