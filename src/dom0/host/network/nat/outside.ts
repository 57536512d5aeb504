/** The network that the computer has on which this runs, as the NAT uses it: node has one, and a page has not. */
import type { ByteChannel, SocketAddress } from '../../nbd/index.ts';

/** A connection by TCP, of which each direction ends for itself. It is paused until it is resumed. */
export interface Stream extends ByteChannel {
  /** What was sent still goes, and no more will be. */
  end(): void;
  /** Called when the other end will send no more. */
  onEnded(listener: () => void): void;
  /** At once; the other end gets a reset. */
  reset(): void;
  /** Whether something that was sent has not arrived, as far as this computer knows. */
  hasUnsent(): boolean;
}

/** A port for datagrams. */
export interface Datagrams {
  /** May be lost, as all of them. */
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** In place of another listener. */
  onReceived(listener: (bytes: Uint8Array, from: SocketAddress) => void): void;
  close(): void;
}

/** Why there is no connection: somebody said no, or nobody answered. */
export type Refusal = 'refused' | 'unreachable';

/** A port of the computer's own whose clients come to a guest's. */
export type OpenForward = {
  /** The guest's; address as a number. */
  readonly address: number;
  readonly port: number;
} & /** In place of another. */ (
  | { onStream(accept: (stream: Stream) => void): void }
  | { readonly datagrams: Datagrams }
);

export interface Outside {
  connect(to: SocketAddress): Promise<Stream | Refusal>;
  datagrams(): Datagrams;
  /** Who is asked for names; undefined: nobody is known. */
  nameServer(): SocketAddress | undefined;
  /** Whether an address (dotted) is the computer's own. */
  isOwn(host: string): boolean;
  readonly forwards: readonly OpenForward[];
  /** A 32-bit number that no one can guess (RFC 6528). */
  random32(): number;
}
