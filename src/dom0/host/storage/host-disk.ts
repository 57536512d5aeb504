/**
 * The host's disk, sda. While a host is up, Domain 0's driver moves what is read and written through the registers of the disk's adapter; before that, and for
 * the tools that look at a state without a host, it is read where it is stored. What no disk of a computer can be asked by its registers (which extents share
 * what they hold, where a byte is stored) is asked of the store.
 */
import {
  BlockDevice,
  type BlockRequest,
  DeviceFull,
  type Done,
  gather,
  lengthOf,
  outside,
  type Place,
  SECTOR_BYTES,
  scatter,
} from '../../../formats/blocks/index.ts';
import type { AhciDriver } from './ahci-driver.ts';
import type { StorageDrives, StoredDisk } from './stored-disk.ts';
import { StoredDrive } from './stored-drive.ts';

export class HostDisk extends BlockDevice {
  readonly bytes: number;
  readonly layout = {};
  /** What lies behind the drive's connector. */
  readonly drive: StoredDrive;
  private readonly extents: StoredDisk;
  private driver: AhciDriver | undefined;

  /** Number of changes by Domain 0: the code that copies the disk finds out whether it changed meanwhile. */
  changes = 0;

  constructor(extents: StoredDisk) {
    super();
    this.extents = extents;
    this.bytes = extents.bytes;
    this.drive = extents.makeDrive?.() ?? new StoredDrive(extents);
  }

  /** From here on all goes by its registers; undefined: the host is down. */
  driveBy(driver: AhciDriver | undefined): void {
    this.driver = driver;
  }

  /** The driver that has found it. */
  get drivenBy(): AhciDriver | undefined {
    return this.driver;
  }

  request(request: BlockRequest, done: Done): void {
    const { driver, extents } = this;
    if (request.op === 'write' || request.op === 'discard') this.changes++;
    const explainedDone: Done = error => done(this.explained(error));
    if (request.op === 'flush') return driver ? driver.request(request, explainedDone) : extents.request(request, done);
    const length = lengthOf(request);
    const error = outside(this, request.at, length, 'the disk');
    if (error) return done(error);
    if (!driver) return extents.request(request, done);
    if (request.at % SECTOR_BYTES === 0 && length % SECTOR_BYTES === 0) return driver.request(request, explainedDone);
    if (request.op === 'discard') return extents.request(request, done);
    this.partly(driver, request, length, explainedDone);
  }

  /** Bytes that are no whole sectors: by way of those in which they lie. */
  private partly(
    driver: AhciDriver,
    { op, at, pieces, ...asked }: Extract<BlockRequest, { pieces: unknown }>,
    length: number,
    done: Done,
  ): void {
    const first = at - (at % SECTOR_BYTES);
    const sectors = {
      at: first,
      pieces: [new Uint8Array(Math.ceil((at + length) / SECTOR_BYTES) * SECTOR_BYTES - first)],
    };
    driver.request({ ...asked, ...sectors, op: 'read' }, error => {
      if (error) return done(error);
      const [whole] = sectors.pieces;
      if (op === 'read') {
        scatter(whole, pieces, at - first);
        return done();
      }
      gather(pieces, whole, at - first);
      driver.request({ ...asked, ...sectors, op }, done);
    });
  }

  /** With what the drive knows of it. */
  private explained(error: Error | undefined): Error | undefined {
    const { problem } = this.drive;
    if (!error || problem === undefined) return error;
    return error instanceof DeviceFull ? new DeviceFull(problem) : new Error(`${error.message}: ${problem}`);
  }

  // ---- of the store

  /** See StoredDisk.share. */
  share(from: number, to: number, bytes: number): void {
    this.changes++;
    this.extents.share(from, to, bytes);
  }

  /** See StoredDisk.writtenBytes. */
  writtenBytes(at: number, bytes: number): number {
    return this.extents.writtenBytes(at, bytes);
  }

  /** See StoredDisk.drives. */
  get drives(): StorageDrives | undefined {
    return this.extents.drives;
  }

  /** See ExtentDisk.reclaim. */
  reclaim(most: number): number {
    return this.extents.reclaim(most);
  }

  /** See StoredDisk.identify. */
  identify(identity: number): void {
    this.extents.identify(identity);
  }

  /** See ExtentDisk.stored. */
  get stored(): StoredDisk['stored'] {
    return this.extents.stored;
  }

  override place(at: number): Place[] {
    return this.extents.place(at);
  }

  /** Flushes, and lets go of the files. */
  close(): void {
    this.drive.rest();
    this.driver?.close();
    this.driver = undefined;
    this.extents.close();
  }
}
