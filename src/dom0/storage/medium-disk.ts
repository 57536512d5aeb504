/** A medium as a disk of a guest. A write that finds the device full waits, with all that comes after it, until there is room. */
import type { Disk, Place } from '../../devices/ide/index.ts';
import { partOfRequest } from '../../hypervisor/tracing/index.ts';
import { type DiskChange, fingerprint } from '../../hypervisor/disks/index.ts';
import type { Later } from '../runner.ts';
import type { Medium } from './medium.ts';
import { StoreFull } from './store.ts';

export interface MediumDiskParts {
  medium: Medium;
  /** What people call it. */
  label: string;
  sectorBytes?: number;
  readOnly?: boolean;
  later: Later;
  /** A sentence for the person at the host: the disk is full, goes on, or is bad. */
  say: (sentence: string) => void;
}

/** How often a write that waits for room is tried. */
const RETRY_MS = 1000;
type Done = (ok: boolean) => void;

export class MediumDisk implements Disk {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly label: string;
  private readonly parts: MediumDiskParts;
  /** The first one waits for room. */
  private readonly waiting: { what: () => void; done: Done }[] = [];
  private stopRetrying = (): void => {};
  private closed = false;
  private toldBad = false;

  constructor(parts: MediumDiskParts) {
    const { medium, label, sectorBytes = 512, readOnly = false } = parts;
    this.parts = parts;
    this.label = label;
    this.sectorBytes = sectorBytes;
    this.sectors = Math.floor(medium.bytes / sectorBytes);
    this.readOnly = readOnly;
  }

  /** Whether a write waits for room. */
  get isWaiting(): boolean {
    return this.waiting.length > 0;
  }

  read(sector: number, into: Uint8Array[], done: Done): void {
    const { medium } = this.parts;
    let at = sector * this.sectorBytes;
    this.do(() => {
      for (const piece of into) {
        medium.read(at, piece);
        at += piece.length;
      }
    }, done);
  }

  write(sector: number, from: Uint8Array[], done: Done): void {
    if (this.readOnly) return done(false);
    let pieces = from;
    this.do(() => {
      let at = sector * this.sectorBytes;
      for (const piece of pieces) {
        this.parts.medium.write(at, piece);
        at += piece.length;
      }
    }, done, () => {
      // What waits must not change with the guest's buffer.
      pieces = from.map(piece => piece.slice());
    });
  }

  flush(done: Done): void {
    this.do(() => this.parts.medium.flush(), done);
  }

  discard(sector: number, sectors: number, done: Done): void {
    if (this.readOnly) return done(false);
    this.do(() => this.parts.medium.discard(sector * this.sectorBytes, sectors * this.sectorBytes), done);
  }

  /** `keep`: it has to wait. */
  private do(what: () => void, done: Done, keep = (): void => {}): void {
    if (this.closed) return done(false);
    const isFirst = this.waiting.length === 0;
    if (isFirst && this.attempt(what, done) === 'done') return;
    keep();
    this.waiting.push({ what: partOfRequest(what), done });
    if (!isFirst) return;
    this.parts.say(`${this.label}: the device is full, and the guest waits to write. Free space where the host's state is, or remove a volume (lvremove).`);
    this.retryLater();
  }

  private attempt(what: () => void, done: Done): 'done' | 'full' {
    try {
      what();
    } catch (error) {
      if (error instanceof StoreFull) return 'full';
      if (!this.toldBad) this.parts.say(`${this.label} cannot be used any more: ${(error as Error).message}`);
      this.toldBad = true;
      done(false);
      return 'done';
    }
    done(true);
    return 'done';
  }

  /** Who had it is gone: what waits for room is not written any more, and nobody hears of it. */
  close(): void {
    this.closed = true;
    this.stopRetrying();
    this.waiting.length = 0;
  }

  private retryLater(): void {
    this.stopRetrying = this.parts.later(RETRY_MS, () => {
      while (this.waiting.length > 0) {
        const [{ what, done }] = this.waiting;
        if (this.attempt(what, done) === 'full') return this.retryLater();
        this.waiting.shift();
      }
      this.parts.say(`${this.label}: there is room again, and the guest goes on.`);
    });
  }

  place(sector: number): Place[] {
    return this.parts.medium.place(sector * this.sectorBytes);
  }

  // Saved states: what the guest wrote is on the medium.

  fingerprint(): number {
    const { medium } = this.parts;
    return fingerprint({ bytes: medium.bytes, read: (at, into) => (medium.read(at, into), true) });
  }

  *changes(): Generator<DiskChange> {}

  change(): void {}
}
