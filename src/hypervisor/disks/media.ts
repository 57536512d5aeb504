/** Drives as they can be sent to a worker, and media that are files of the browser: read in place, a piece at a time, and never written. */
import { type BlockDevice, ImmediateDevice, inUnits } from '../../formats/blocks/index.ts';
import { HostError } from '../memory/machine.ts';
import { IO_HOP, passes } from '../tracing/io-trace.ts';
import type { QueuedMedium } from './drive-queue.ts';

/** A drive as it can be sent to a worker. */
export interface DriveImage {
  /** 0 primary master, 1 primary slave, 2 and 3 on the secondary channel; floppy drives A and B: 4 and 5; -1: for PV drivers alone. */
  place: number;
  /** Name of the virtual device; absent: that of the place (hda). */
  vdev?: string;
  kind: 'disk' | 'cdrom' | 'floppy';
  readOnly: boolean;
  /** Absent: nothing is in the drive. */
  medium?: Medium;
}

/**
 * A file of the browser, one that is in memory, or one of the host by its path (`writes`: what the guest writes goes into that file, and not to memory), or a disk that is open
 * already, here or (`queued`) at the other end of the domain's queue. `keptAs`: by this name Domain 0 keeps what is written to it beyond its domain. `device`: one of the host's, by its path, which Domain 0 opens whenever the domain
 * starts.
 */
export type Medium =
  | { name: string; data: Blob; keptAs?: string }
  | { name: string; bytes: Uint8Array }
  | { name: string; path: string; writes?: boolean }
  | { name: string; disk: BlockDevice }
  | { name: string; queued: QueuedMedium }
  | { name: string; device: true };

/** Opens a medium, read-only where it is not to be written. @throws Error with a sentence where it cannot be opened */
export type OpenMedium = (medium: Extract<Medium, { data: Blob } | { path: string }>) => BlockDevice;

/** Reads a part of a file at once (FileReaderSync, which workers of a browser have). Throws where it cannot. */
export type ReadBlob = (part: Blob) => Uint8Array;

declare class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}

/** In a worker of a browser. */
export const readBlobHere: ReadBlob = part => new Uint8Array(new FileReaderSync().readAsArrayBuffer(part));

/** Where there is no way to any. */
export const noMedia: OpenMedium = ({ name }) => {
  throw new HostError(`${name} cannot be opened: files cannot be read here.`);
};

/** Opens files of the browser. */
export const openBlob =
  (readBlob: ReadBlob): OpenMedium =>
  medium => {
    if (!('data' in medium))
      throw new HostError(`${medium.name} cannot be opened here: files by their paths are for the command line.`);
    return new BlobSource(medium.data, readBlob);
  };

/** Read at a time: a guest asks for a few KiB, and each call costs some 0.2 ms whatever it brings. */
const PIECE_BYTES = 256 * 1024;
/** Pieces that are kept for a medium. */
const PIECES = 32;

class BlobSource extends ImmediateDevice {
  readonly bytes: number;
  /** By number, the one used longest ago first. */
  private readonly pieces = new Map<number, Uint8Array>();
  private readonly data: Blob;
  private readonly readBlob: ReadBlob;

  constructor(data: Blob, readBlob: ReadBlob) {
    super({ readOnly: true });
    this.bytes = data.size;
    this.data = data;
    this.readBlob = readBlob;
  }

  read(at: number, into: Uint8Array): void {
    inUnits(at, into.length, PIECE_BYTES, (number, within, from, count) => {
      const part = this.piece(number).subarray(within, within + count);
      if (part.length < count) throw new Error('The file has become shorter.');
      into.set(part, from);
    });
  }

  private piece(number: number): Uint8Array {
    const { pieces } = this;
    let piece = pieces.get(number);
    if (piece) pieces.delete(number);
    else {
      passes(IO_HOP.FILE, number * PIECE_BYTES, PIECE_BYTES);
      piece = this.readBlob(this.data.slice(number * PIECE_BYTES, (number + 1) * PIECE_BYTES));
      if (pieces.size >= PIECES) pieces.delete(pieces.keys().next().value as number);
    }
    pieces.set(number, piece);
    return piece;
  }
}
