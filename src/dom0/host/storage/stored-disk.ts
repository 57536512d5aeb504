/** The host's disk where it is stored, and drives that reach it from other workers: what their users know of them. */
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import type { Layout } from './part.ts';
import type { StoredDrive } from './stored-drive.ts';

/** What lies in a drive. */
export interface DriveMedium {
  layout: Layout;
  label: string;
  sectorBytes: number;
  readOnly: boolean;
}

/** What the storage worker tells of a drive: a sentence for the person at the host, and whether it waits for room. */
export interface DriveNews {
  domain: number;
  place: number;
  waits: boolean;
  sentence: string;
  /** The storage worker has ended: the listener serves the drive from now on. */
  lost?: true;
}

/** That end, as Domain 0 knows it. A domain is identified by its index in the domain table. */
export interface StorageDrives {
  /** The machine whose domains it serves; undefined: it does not know it yet, or has ended. */
  readonly memory: ArrayBufferLike | undefined;
  begin(memory: SharedArrayBuffer): Promise<void>;
  /** When it returns the drive at a place has this medium. */
  attach(domain: number, place: number, medium: DriveMedium, heard: (news: DriveNews) => void): void;
  /** When it returns nothing of a domain's drives is under way any more. */
  detach(domain: number): void;
}

/** The host's disk where it is stored: here, or in the storage worker. */
export interface StoredDisk extends BlockDevice {
  /** Each extent of `bytes` bytes at `to` becomes what the one at `from` is; nothing is copied. All begin an extent there. Durable with the next flush. */
  share(from: number, to: number, bytes?: number): void;
  /** See ExtentDisk.reclaim. */
  reclaim(most: number): number;
  /** Bytes of the data file, and of it those that hold extents. */
  readonly stored: { bytes: number; usedBytes: number };
  /** Of these bytes, those that lie in extents that were written. */
  writtenBytes(at: number, bytes: number): number;
  /** Gives its map the identity of its state (state/identity.ts). Durable when it returns, unless there is no room. */
  identify(identity: number): void;
  /** What lies behind the connector of the disk's adapter; absent: whatever reads and writes this disk here. */
  makeDrive?(): StoredDrive;
  /** The storage worker's end of drives that reach the disk from other workers; absent: the disk is stored here. */
  readonly drives?: StorageDrives;
  /** Flushes, and lets go of the files. */
  close(): void;
}
