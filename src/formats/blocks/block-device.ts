/**
 * Bytes at a place: what disks, partitions, volumes, images, files of a store and memory have in common. All that is asked of one is a request, which ends with
 * an error or without one, at once or later. Code that wants to wait calls `read`, `write`, `flush` and `discard`.
 */

import { SECTOR_BYTES } from './device-full.ts';

/**
 * What is asked of a device. `at` and `bytes`: in bytes from its start on, in whole sectors where it may answer later. `pieces` are filled, or written, one
 * behind the other. A flush ends when all that was written before is durable. What is discarded is not needed any more, and reads as zeros or as it was.
 * `waits`: the caller does nothing else before it is done, so it is done before anything else that waits there, and before `request` returns. `by`: for who
 * follows it.
 */
export type BlockRequest =
  | { op: 'read' | 'write'; at: number; pieces: readonly Uint8Array[]; waits?: boolean; by?: AskedBy }
  | { op: 'discard'; at: number; bytes: number; waits?: boolean; by?: AskedBy }
  | { op: 'flush'; waits?: boolean; by?: AskedBy };

/** The chain of a virtqueue that asks: its first descriptor, and its place in the driver's ring. */
export interface AskedBy {
  head: number;
  place: number;
}

/** Called once, with how a request has ended. Undefined: it is done. DeviceFull: nothing has changed. Any other error says, for people, why it cannot be done. */
export type Done = (error?: Error) => void;

/** One step on the way of a byte to where it is kept: in this layer it is at this byte. */
export interface Place {
  /** 'volume vg0/web', 'disk sda', 'file disk.data' … */
  layer: string;
  /** Byte within the layer; undefined: it has no place there yet, and reads as zeros. */
  at?: number;
  /** The layer's unit that it lies in, where it has units. */
  unit?: { name: string; number: number };
}

interface Traits {
  sectorBytes?: number | undefined;
  readOnly?: boolean | undefined;
  immediate?: boolean;
  discards?: boolean;
}

export abstract class BlockDevice {
  abstract readonly bytes: number;
  /** Of a sector, as a drive with this device in it has them: 512, or 2048 for a CD. */
  readonly sectorBytes: number;
  readonly readOnly: boolean;
  /** `done` is always called before `request` returns: transfers may go straight to guest memory. */
  readonly immediate: boolean;
  /** Whether it can make anything of a discard. */
  readonly discards: boolean;

  constructor({ sectorBytes = SECTOR_BYTES, readOnly = false, immediate = false, discards = true }: Traits = {}) {
    this.sectorBytes = sectorBytes;
    this.readOnly = readOnly;
    this.immediate = immediate;
    this.discards = discards;
  }

  /** Whole ones. */
  get sectors(): number {
    return Math.floor(this.bytes / this.sectorBytes);
  }

  /** Changes its length to this number of bytes, in whole sectors; absent: it stays as it is. @throws Error that says why it cannot be */
  resize?(bytes: number): void;

  /** `done` is called once, before this returns or later. */
  abstract request(request: BlockRequest, done: Done): void;

  /** Fills `into` from byte `at` on. @throws Error that says why it cannot be read */
  read(at: number, into: Uint8Array): void {
    this.waitFor({ op: 'read', at, pieces: [into], waits: true });
  }

  /** @throws DeviceFull; any other Error that says why it cannot be written */
  write(at: number, from: Uint8Array): void {
    this.waitFor({ op: 'write', at, pieces: [from], waits: true });
  }

  /** @throws as write */
  flush(): void {
    this.waitFor({ op: 'flush', waits: true });
  }

  /** @throws as write */
  discard(at: number, bytes: number): void {
    this.waitFor({ op: 'discard', at, bytes, waits: true });
  }

  private waitFor(request: BlockRequest): void {
    let end: { error: Error | undefined } | undefined;
    this.request(request, error => {
      end = { error };
    });
    if (!end) throw new Error('The device answers later, and cannot be waited for.');
    if (end.error) throw end.error;
  }

  /**
   * The guest looks whether what it asked for is done: a device that is open in another worker may wait a moment for its answer, and calls `done` then before
   * this returns.
   */
  settle(): void {}

  /** Who asked is gone: what nobody has begun yet is not done any more. */
  abandon(): void {}

  /** The same device, with `request` in front of it. */
  behind(request: BlockDevice['request']): this {
    const { read, write, flush, discard } = BlockDevice.prototype;
    return Object.assign(Object.create(this), { request, read, write, flush, discard });
  }

  /** Where a byte lies, from here down; of what lies nowhere yet as far as it goes. */
  place(_at: number): Place[] {
    return [];
  }
}

/** A device that is done when a call returns: it says how to read, and as far as it can to write, flush and discard. */
export abstract class ImmediateDevice extends BlockDevice {
  constructor(traits: Omit<Traits, 'immediate'> = {}) {
    super({ ...traits, immediate: true });
  }

  abstract override read(at: number, into: Uint8Array): void;

  override write(_at: number, _from: Uint8Array): void {
    throw new Error('It is not written.');
  }

  override flush(): void {}

  override discard(_at: number, _bytes: number): void {}

  request(request: BlockRequest, done: Done): void {
    try {
      if (request.op === 'flush') this.flush();
      else if (request.op === 'discard') this.discard(request.at, request.bytes);
      else this.move(request);
    } catch (error) {
      return done(error as Error);
    }
    done();
  }

  private move({ op, at, pieces }: Extract<BlockRequest, { pieces: unknown }>): void {
    let to = at;
    for (const piece of pieces) {
      if (op === 'read') this.read(to, piece);
      else this.write(to, piece);
      to += piece.length;
    }
  }
}
