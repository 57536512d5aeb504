/** What a procedure is: a row of the table. */
import type { CommandHost } from '../../dom0/toolstack/index.ts';
import type { ByteChannel } from '../../dom0/host/nbd/index.ts';
import { nothing, type Xdr } from '../../formats/xdr/index.ts';
import type { Stream } from './stream.ts';

/** The objects whose events clients get. */
export type Told = 'domain' | 'network' | 'pool';

/** What a procedure has of who calls it. */
export interface Caller {
  readonly host: CommandHost;
  /** It opened the connection; `isReadOnly`: and changes nothing by it. */
  readonly connection: Connection | undefined;
  open(connection: Connection): void;
  close(): void;
  /** The call goes on as a stream, under its own number. */
  stream(stream: Stream): void;
  /** Descriptors can be given. */
  takesDescriptors(): Promise<boolean>;
  /** With the answer comes a descriptor, one end of a new pair of sockets; `serve` gets the other. */
  give(serve: (channel: ByteChannel) => void): void;
  /** Events of a kind go to the caller from now on; the number that ends that. */
  subscribe(event: number, uuid: string | undefined, kind?: Told): number;
  /** @throws LibvirtError where there is no such number */
  unsubscribe(callback: number): void;
}

export interface Connection {
  uri: string;
  isReadOnly: boolean;
}

export interface Procedure {
  arguments: Xdr<unknown>;
  result: Xdr<unknown>;
  /** Who opened the connection to read may not; of some it depends on what is asked. */
  changes(given: unknown): boolean;
  /** It may be called before the connection is open. */
  early: boolean;
  run(caller: Caller, given: unknown): Promise<unknown> | unknown;
}

interface Row<A, R> {
  arguments?: Xdr<A>;
  result?: Xdr<R>;
  changes?: true | ((given: A) => boolean);
  early?: true;
  run(caller: Caller, given: A): Promise<R> | R;
}

/** A row with the types that its procedure is called and answered with; without one there is nothing. */
export const procedure = <A = void, R = void>(row: Row<A, R>): Procedure => ({
  arguments: (row.arguments ?? nothing) as Xdr<unknown>,
  result: (row.result ?? nothing) as Xdr<unknown>,
  changes: given => (typeof row.changes === 'function' ? row.changes(given as A) : (row.changes ?? false)),
  early: row.early ?? false,
  run: (caller, given) => row.run(caller, given as A),
});

export type Table = Readonly<Record<string, Procedure>>;
