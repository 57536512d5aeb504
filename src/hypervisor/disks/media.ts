/** Drives as they can be sent to a worker, and media that are files of the browser: read in place, a piece at a time, and never written. */
import type { Disk } from '../../devices/ide/index.ts';
import { HostError } from '../memory/machine.ts';
import type { QueuedMedium } from './drive-queue.ts';
import type { DiskSource } from './disk-source.ts';

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
 * already, here or (`queued`) at the other end of the domain's queue. `device`: one of the host's, by its path, which Domain 0 opens whenever the domain
 * starts.
 */
export type Medium =
  | { name: string; data: Blob }
  | { name: string; bytes: Uint8Array }
  | { name: string; path: string; writes?: boolean }
  | { name: string; disk: Disk }
  | { name: string; queued: QueuedMedium }
  | { name: string; device: true };

/** Opens a medium. `failed` is called when it cannot be read any more. @throws Error with a sentence where it cannot be opened */
export type OpenMedium = (
  medium: Exclude<Medium, { disk: Disk } | { queued: QueuedMedium } | { device: true } | { bytes: Uint8Array }>,
  failed: () => void,
) => DiskSource;

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
  (medium, failed) => {
    if (!('data' in medium))
      throw new HostError(`${medium.name} cannot be opened here: files by their paths are for the command line.`);
    return new BlobSource(medium.data, readBlob, failed);
  };

/** Read at a time: a guest asks for a few KiB, and each call costs some 0.2 ms whatever it brings. */
const PIECE_BYTES = 256 * 1024;
/** Pieces that are kept for a medium. */
const PIECES = 32;

class BlobSource implements DiskSource {
  readonly bytes: number;
  /** By number, the one used longest ago first. */
  private readonly pieces = new Map<number, Uint8Array>();
  private readonly data: Blob;
  private readonly readBlob: ReadBlob;
  private readonly failed: () => void;

  constructor(data: Blob, readBlob: ReadBlob, failed: () => void) {
    this.bytes = data.size;
    this.data = data;
    this.readBlob = readBlob;
    this.failed = failed;
  }

  read(at: number, into: Uint8Array): boolean {
    for (let done = 0; done < into.length; ) {
      const piece = this.piece(Math.floor((at + done) / PIECE_BYTES));
      if (!piece) return false;
      const within = (at + done) % PIECE_BYTES;
      const part = piece.subarray(within, within + into.length - done);
      if (part.length === 0) return false;
      into.set(part, done);
      done += part.length;
    }
    return true;
  }

  private piece(number: number): Uint8Array | undefined {
    const { pieces } = this;
    let piece = pieces.get(number);
    if (piece) pieces.delete(number);
    else {
      try {
        piece = this.readBlob(this.data.slice(number * PIECE_BYTES, (number + 1) * PIECE_BYTES));
      } catch {
        this.failed();
        return undefined;
      }
      if (pieces.size >= PIECES) pieces.delete(pieces.keys().next().value as number);
    }
    pieces.set(number, piece);
    return piece;
  }
}
