/**
 * The host's disk, sda. While a host is up, Domain 0's driver moves what is read and written through the registers of the disk's adapter; before that, and for
 * the tools that look at a state without a host, it is read where it is stored. What no disk of a computer can be asked by its registers (which extents share
 * what they hold, where a byte is stored) is asked of the store.
 */
import type { Place } from '../../../devices/ide/index.ts';
import type { AhciDriver } from './ahci-driver.ts';
import type { DiskDrive, StorageDrives, StoredDisk } from './stored-disk.ts';
import { type Answer, type Medium, type MediumRequest, SECTOR_BYTES, startOn, within } from './medium.ts';
import { StoreFull } from './store.ts';
import { StoredDrive } from './stored-drive.ts';

export class HostDisk implements Medium {
  readonly bytes: number;
  readonly layout = {};
  /** What lies behind the drive's connector. */
  readonly drive: DiskDrive;
  private readonly extents: StoredDisk;
  private driver: AhciDriver | undefined;

  /** How often Domain 0 has changed it: whoever copies it finds out whether that happened meanwhile. */
  changes = 0;

  constructor(extents: StoredDisk) {
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

  read(at: number, into: Uint8Array): void {
    const { driver } = this;
    within(this, at, into.length, 'the disk');
    if (!driver) return this.extents.read(at, into);
    if (isWhole(at, into.length)) return this.told(() => driver.do({ op: 'read', at, pieces: [into] }));
    const { first, whole } = this.sectors(driver, at, into.length);
    into.set(whole.subarray(at - first, at - first + into.length));
  }

  write(at: number, from: Uint8Array): void {
    const { driver } = this;
    this.changes++;
    within(this, at, from.length, 'the disk');
    if (!driver) return this.extents.write(at, from);
    if (isWhole(at, from.length)) return this.told(() => driver.do({ op: 'write', at, pieces: [from] }));
    const { first, whole } = this.sectors(driver, at, from.length);
    whole.set(from, at - first);
    this.told(() => driver.do({ op: 'write', at: first, pieces: [whole] }));
  }

  /** The sectors in which bytes lie. */
  private sectors(driver: AhciDriver, at: number, length: number): { first: number; whole: Uint8Array } {
    const first = at - (at % SECTOR_BYTES);
    const whole = new Uint8Array(Math.ceil((at + length) / SECTOR_BYTES) * SECTOR_BYTES - first);
    this.told(() => driver.do({ op: 'read', at: first, pieces: [whole] }));
    return { first, whole };
  }

  flush(): void {
    const { driver } = this;
    if (driver) this.told(() => driver.do({ op: 'flush' }));
    else this.extents.flush();
  }

  discard(at: number, bytes: number): void {
    const { driver } = this;
    this.changes++;
    within(this, at, bytes, 'the disk');
    if (driver && isWhole(at, bytes)) this.told(() => driver.do({ op: 'discard', at, bytes }));
    else this.extents.discard(at, bytes);
  }

  start(request: MediumRequest, done: Answer): void {
    const { driver } = this;
    if (request.op === 'write' || request.op === 'discard') this.changes++;
    if (driver) driver.start(request, error => done(this.explained(error)));
    else startOn(this.extents, request, done);
  }

  private told(what: () => void): void {
    try {
      what();
    } catch (error) {
      throw this.explained(error as Error);
    }
  }

  /** With what the drive knows of it. */
  private explained(error: Error | undefined): Error | undefined {
    const { problem } = this.drive;
    if (!error || problem === undefined) return error;
    return error instanceof StoreFull ? new StoreFull(problem) : new Error(`${error.message}: ${problem}`);
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

  /** See ExtentDisk.stored. */
  get stored(): StoredDisk['stored'] {
    return this.extents.stored;
  }

  place(at: number): Place[] {
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

const isWhole = (at: number, length: number): boolean => at % SECTOR_BYTES === 0 && length % SECTOR_BYTES === 0;
