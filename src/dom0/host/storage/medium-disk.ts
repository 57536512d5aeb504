/** A medium as a disk of a guest. A write that finds the device full waits, with all that comes after it, until there is room. */
import type { Disk, Place } from '../../../devices/ide/index.ts';
import { partOfRequest } from '../../../hypervisor/tracing/index.ts';
import { type DiskChange, fingerprint } from '../../../hypervisor/disks/index.ts';
import type { Later } from '../timers.ts';
import { type Medium, type MediumRequest, startOn } from './medium.ts';
import type { DriveMedium, DriveNews } from './stored-disk.ts';
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

interface Waiting {
  /** Asks the medium again: `retried` is called. */
  attempt(): void;
  done: Done;
}

export class MediumDisk implements Disk {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly label: string;
  private readonly parts: MediumDiskParts;
  /** The first one waits for room. */
  private readonly waiting: Waiting[] = [];
  private stopRetrying = (): void => {};
  private closed = false;
  private toldBad = false;
  /** Of the part of the disk's users that the storage worker serves: one of them waits for room there. */
  private readonly elsewhere = { waits: false };

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
    return this.isFull || this.elsewhere.waits;
  }

  private get isFull(): boolean {
    return this.waiting.length > 0;
  }

  /** How it lies on the host's disk: the storage worker serves its emulated drives, as far as there is one. Undefined: it lies there otherwise. */
  get served(): DriveMedium | undefined {
    const { sectorBytes, readOnly, label, parts } = this;
    const { layout } = parts.medium;
    return layout && { layout, sectorBytes, readOnly, label };
  }

  /** What the storage worker says of it. */
  heard({ waits, sentence }: DriveNews): void {
    this.elsewhere.waits = waits;
    this.parts.say(sentence);
  }

  read(sector: number, into: Uint8Array[], done: Done): void {
    this.do({ op: 'read', at: sector * this.sectorBytes, pieces: into }, done);
  }

  write(sector: number, from: Uint8Array[], done: Done): void {
    if (this.readOnly) return done(false);
    this.do({ op: 'write', at: sector * this.sectorBytes, pieces: from }, done);
  }

  flush(done: Done): void {
    this.do({ op: 'flush' }, done);
  }

  discard(sector: number, sectors: number, done: Done): void {
    if (this.readOnly) return done(false);
    this.do({ op: 'discard', at: sector * this.sectorBytes, bytes: sectors * this.sectorBytes }, done);
  }

  private do(request: MediumRequest, done: Done): void {
    if (this.closed) return done(false);
    if (this.isFull) return this.wait(request, done);
    startOn(this.parts.medium, request, error => {
      if (error instanceof StoreFull && !this.closed) this.wait(request, done);
      else this.answer(error, done);
    });
  }

  private answer(error: Error | undefined, done: Done): void {
    if (error && !this.toldBad && !this.closed) {
      this.toldBad = true;
      this.parts.say(`${this.label} cannot be used any more: ${error.message}`);
    }
    done(error === undefined);
  }

  private wait(request: MediumRequest, done: Done): void {
    // What waits must not change with the guest's buffer.
    const kept: MediumRequest =
      request.op === 'write' ? { ...request, pieces: request.pieces.map(piece => piece.slice()) } : request;
    const attempt = partOfRequest(() => startOn(this.parts.medium, kept, error => this.retried(error)));
    const isFirst = this.waiting.push({ attempt, done }) === 1;
    if (!isFirst) return;
    this.parts.say(
      `${this.label}: the device is full, and the guest waits to write. Free space where the host's state is, or remove a volume (lvremove).`,
    );
    this.retryLater();
  }

  /** Who had it is gone: what waits for room is not written any more, and ends as failed, so that nobody keeps pages for it. */
  close(): void {
    this.closed = true;
    this.stopRetrying();
    for (const { done } of this.waiting.splice(0)) done(false);
  }

  private retryLater(): void {
    this.stopRetrying = this.parts.later(RETRY_MS, () => this.retry());
  }

  /** One after the other, as they came. */
  private retry(): void {
    if (this.isFull) this.waiting[0].attempt();
    else this.parts.say(`${this.label}: there is room again, and the guest goes on.`);
  }

  private retried(error: Error | undefined): void {
    if (this.closed) return;
    if (error instanceof StoreFull) return this.retryLater();
    const first = this.waiting.shift();
    if (first) this.answer(error, first.done);
    this.retry();
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
