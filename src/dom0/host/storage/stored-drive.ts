/** What the host's disk drive keeps its sectors in: extents of the store. */
import type { Outcome } from '../../../devices/ahci/index.ts';
import type { DiskDrive, StoredDisk } from './stored-disk.ts';
import { SECTOR_BYTES } from './medium.ts';
import { StoreFull } from './store.ts';

export class StoredDrive implements DiskDrive {
  readonly sectors: number;
  /** Why it could not do something last, for people: on the wire there is a number for it alone. */
  problem: string | undefined;
  private readonly extents: StoredDisk;

  constructor(extents: StoredDisk) {
    this.extents = extents;
    this.sectors = Math.floor(extents.bytes / SECTOR_BYTES);
  }

  read(sector: number, into: Uint8Array[], done: (outcome: Outcome) => void): void {
    done(this.attempt(() => each(sector, into, (at, piece) => this.extents.read(at, piece))));
  }

  write(sector: number, from: Uint8Array[], done: (outcome: Outcome) => void): void {
    done(this.attempt(() => each(sector, from, (at, piece) => this.extents.write(at, piece))));
  }

  flush(done: (outcome: Outcome) => void): void {
    done(this.attempt(() => this.extents.flush()));
  }

  discard(sector: number, sectors: number, done: (outcome: Outcome) => void): void {
    // The last extent is shorter than others: the end of the disk is the end of it.
    const end = sector + sectors === this.sectors ? this.extents.bytes : (sector + sectors) * SECTOR_BYTES;
    done(this.attempt(() => this.extents.discard(sector * SECTOR_BYTES, end - sector * SECTOR_BYTES)));
  }

  /** Commands have ended, or may still end, that nobody was told of: here each ends at once. */
  get pending(): boolean {
    return false;
  }

  poll(): void {}

  settle(): void {}

  rest(): void {}

  private attempt(what: () => void): Outcome {
    try {
      what();
    } catch (error) {
      this.problem = (error as Error).message;
      return error instanceof StoreFull ? 'full' : 'bad';
    }
    return 'good';
  }
}

function each(sector: number, pieces: readonly Uint8Array[], visit: (at: number, piece: Uint8Array) => void): void {
  let at = sector * SECTOR_BYTES;
  for (const piece of pieces) {
    visit(at, piece);
    at += piece.length;
  }
}
