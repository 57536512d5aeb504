/**
 * An export as a disk that stays when its connection does not: a lost one is made again, and what was under way is asked again. What was written and not flushed
 * may be lost with a server that ends, so it is kept here until a flush covers it and written again to the server that comes back, as NFS has it (RFC 1813,
 * 3.3.21). A server that stays away is reported as a bad disk, after as long as a guest's own driver would wait. While the guest may be another host's by now, which
 * writes there, nothing is asked and nothing written again; and the connection is reset, so that what was asked before does not arrive later (fence).
 */
import { BlockDevice, type BlockRequest, type Done, gather, lengthOf } from '../../../formats/blocks/index.ts';
import type { Later } from '../timers.ts';
import type { NbdDisk } from './client.ts';

/** A server that has gone is asked this often, for this long. Linux gives up a disk's request after 30 s. */
const RETRY_MS = 500;
const MOST_TRIES = 20;
/** Of what was written and not flushed: a guest that does not flush has it done for it. */
const MOST_KEPT_BYTES = 16 * 1024 * 1024;

interface Asked {
  request: BlockRequest;
  done: Done;
}

/** What was written, and may be written again. */
interface Kept {
  number: number;
  request: BlockRequest;
  bytes: number;
}

export interface NetworkDiskParts {
  /** For people. */
  label: string;
  /** As it was looked at: another length is another disk. */
  bytes: number;
  sectorBytes: number;
  readOnly: boolean;
  discards: boolean;
  connect(): Promise<NbdDisk>;
  later: Later;
  /** Whether nobody else can have the guest: this host may have slept. */
  isOurs(): boolean;
}

export class NetworkDisk extends BlockDevice {
  readonly bytes: number;
  private readonly parts: NetworkDiskParts;
  private connection: NbdDisk | undefined;
  /** One by which is written again what was not flushed. */
  private opening: NbdDisk | undefined;
  private connecting = false;
  private tries = 0;
  private closed = false;
  private stopTrying = (): void => {};
  /** In the order that they came in; they are asked when there is a connection. */
  private readonly waiting: Asked[] = [];
  /** In the order that they were done in. */
  private kept: Kept[] = [];
  private keptBytes = 0;
  private keptNumber = 0;
  private flushesItself = false;

  constructor(parts: NetworkDiskParts) {
    super(parts);
    this.parts = parts;
    this.bytes = parts.bytes;
  }

  request(request: BlockRequest, done: Done): void {
    if (this.closed) return done(new Error(`${this.parts.label} was closed.`));
    const asked = { request: request.op === 'write' ? owned(request) : request, done };
    const { connection } = this;
    if (connection && this.parts.isOurs()) return this.ask(connection, asked);
    this.waiting.push(asked);
    if (!connection) return this.connect();
    connection.reset();
    this.lost(connection);
  }

  /** Where the guest may be another host's by now: what was asked and is in a buffer of this machine goes no further. It is asked again once the guest is sure. */
  fence(): void {
    const { connection, opening } = this;
    if (this.parts.isOurs()) return;
    opening?.reset();
    if (!connection) return;
    connection.reset();
    this.lost(connection);
  }

  private ask(connection: NbdDisk, asked: Asked): void {
    const { request, done } = asked;
    // A flush covers what was done when it was asked.
    const covered = this.keptNumber;
    connection.request(request, error => {
      if (error && !this.closed && !connection.isThere) {
        this.waiting.push(asked);
        return this.lost(connection);
      }
      if (!error && request.op === 'flush') this.forget(covered);
      else if (!error && request.op !== 'read') this.keep(connection, request);
      done(error);
    });
  }

  private keep(connection: NbdDisk, request: BlockRequest): void {
    const bytes = request.op === 'discard' ? 0 : lengthOf(request);
    this.kept.push({ number: ++this.keptNumber, request, bytes });
    this.keptBytes += bytes;
    if (this.keptBytes <= MOST_KEPT_BYTES || this.flushesItself) return;
    this.flushesItself = true;
    const done = (): void => {
      this.flushesItself = false;
    };
    this.ask(connection, { request: { op: 'flush' }, done });
  }

  private forget(covered: number): void {
    this.kept = this.kept.filter(({ number }) => number > covered);
    this.keptBytes = this.kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  private lost(connection: NbdDisk): void {
    if (this.connection === connection) this.connection = undefined;
    this.connect();
  }

  private connect(): void {
    if (this.connecting || this.connection || this.closed) return;
    this.connecting = true;
    this.tries = 0;
    void this.tryOnce();
  }

  private async tryOnce(): Promise<void> {
    try {
      const connection = this.parts.isOurs() ? await this.parts.connect() : undefined;
      if (!connection || !this.parts.isOurs()) {
        connection?.reset();
        this.stopTrying = this.parts.later(RETRY_MS, () => void this.tryOnce());
        return;
      }
      const problem = this.closed ? 'it was closed' : this.otherThanBefore(connection);
      if (problem !== undefined) {
        connection.close();
        return this.giveUp(new Error(`${this.parts.label} cannot be used any more: ${problem}.`));
      }
      this.opening = connection;
      for (const { request } of [...this.kept]) {
        if (!this.parts.isOurs()) connection.reset();
        await doneBy(connection, request);
      }
      this.opening = undefined;
      this.connecting = false;
      this.connection = connection;
      for (const each of this.waiting.splice(0)) this.ask(connection, each);
    } catch (error) {
      this.opening = undefined;
      if (this.closed || ++this.tries >= MOST_TRIES) return this.giveUp(error as Error);
      this.stopTrying = this.parts.later(RETRY_MS, () => void this.tryOnce());
    }
  }

  private otherThanBefore(connection: NbdDisk): string | undefined {
    const { bytes, readOnly } = this.parts;
    if (connection.bytes !== bytes) return `it has ${connection.bytes} bytes now, and had ${bytes}`;
    return connection.readOnly && !readOnly ? 'it is read-only now' : undefined;
  }

  /** What waits ends with this. A later request makes it try again. */
  private giveUp(error: Error): void {
    this.connecting = false;
    for (const { done } of this.waiting.splice(0)) done(error);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopTrying();
    if (this.parts.isOurs()) this.connection?.close();
    else this.connection?.reset();
    this.opening?.reset();
    this.giveUp(new Error(`${this.parts.label} was closed.`));
  }
}

/** With bytes that are nobody else's: they may be asked for again when the guest has others there. */
function owned(request: Extract<BlockRequest, { pieces: unknown }>): BlockRequest {
  const whole = new Uint8Array(lengthOf(request));
  gather(request.pieces, whole);
  return { ...request, pieces: [whole] };
}

/** A request as a promise, which rejects with its error. */
export const doneBy = (device: BlockDevice, request: BlockRequest): Promise<void> =>
  new Promise((resolve, reject) => device.request(request, error => (error ? reject(error) : resolve())));
