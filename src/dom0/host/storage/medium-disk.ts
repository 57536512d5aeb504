/** A medium as a disk of a guest. A write that finds the device full waits, with all that comes after it, until there is room. */
import {
  BlockDevice,
  type BlockRequest,
  DeviceFull,
  type Done,
  outside,
  lengthOf,
  type Place,
  type WriteLog,
} from '../../../formats/blocks/index.ts';
import { partOfRequest } from '../../../hypervisor/tracing/index.ts';
import { type DiskChange, fingerprint } from '../../../hypervisor/disks/index.ts';
import type { Later } from '../timers.ts';
import { layoutOf } from './part.ts';
import type { DriveMedium, DriveNews } from './stored-disk.ts';

export interface MediumDiskParts {
  medium: BlockDevice;
  /** What people call it. */
  label: string;
  sectorBytes?: number;
  readOnly?: boolean;
  later: Later;
  /** A sentence for the person at the host: the disk is full, goes on, or is bad. */
  say: (sentence: string) => void;
  /** A request was answered in another turn than it was made in. */
  late?: () => void;
}

/** How often a write that waits for room is tried. */
const RETRY_MS = 1000;

interface Waiting {
  /** Asks the medium again: `retried` is called. */
  attempt(): void;
  done: Done;
}

export class MediumDisk extends BlockDevice {
  /** Whole sectors. */
  bytes: number;
  readonly label: string;
  private readonly parts: MediumDiskParts;
  /** The first one waits for room. */
  private readonly waiting: Waiting[] = [];
  private stopRetrying = (): void => {};
  private closed = false;
  private toldBad = false;
  /** Of the part of the disk's users that the storage worker serves: one of them waits for room there. */
  private readonly elsewhere = { waits: false };
  /** Of the caller that copies it while it is written. */
  private log: WriteLog | undefined;

  constructor(parts: MediumDiskParts) {
    const { medium, label, sectorBytes, readOnly } = parts;
    super({ sectorBytes, readOnly });
    this.parts = parts;
    this.label = label;
    this.bytes = medium.bytes - (medium.bytes % this.sectorBytes);
  }

  /** @throws Error with a sentence */
  override resize(bytes: number): void {
    const { medium } = this.parts;
    if (!medium.resize || this.served || this.log)
      throw new Error(`${this.label} stays as large as it is while a guest has it.`);
    medium.resize(bytes);
    this.bytes = medium.bytes - (medium.bytes % this.sectorBytes);
  }

  /** Writes from now on are noted there; undefined: nobody copies it any more. The storage worker's drives are to pass this one then. */
  copiedBy(log: WriteLog | undefined): void {
    this.log?.end();
    this.log = log;
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
    if (this.log) return undefined;
    const { sectorBytes, readOnly, label, parts } = this;
    const layout = layoutOf(parts.medium);
    return layout && { layout, sectorBytes, readOnly, label };
  }

  /** What the storage worker says of it. */
  heard({ waits, sentence }: DriveNews): void {
    this.elsewhere.waits = waits;
    this.parts.say(sentence);
  }

  request(request: BlockRequest, done: Done): void {
    if (this.closed) return done(new Error(`${this.label} was taken away.`));
    if (this.readOnly && (request.op === 'write' || request.op === 'discard'))
      return done(new Error(`${this.label} is not written.`));
    // What was under way when a copy began counts, too.
    const noted: Done = error => (this.log ? this.log.ended(request, () => done(error)) : done(error));
    if (this.isFull) return this.wait(request, noted);
    let isLate = false;
    this.ask(request, error => {
      if (error instanceof DeviceFull && !this.closed) this.wait(request, noted);
      else this.answer(error, noted);
      if (isLate) this.parts.late?.();
    });
    isLate = true;
  }

  private ask(request: BlockRequest, done: Done): void {
    const { medium } = this.parts;
    const error = request.op === 'flush' ? undefined : outside(medium, request.at, lengthOf(request), this.label);
    if (error) done(error);
    else medium.request(request, done);
  }

  private answer(error: Error | undefined, done: Done): void {
    if (error && !this.toldBad && !this.closed) {
      this.toldBad = true;
      this.parts.say(`${this.label} cannot be used any more: ${error.message}`);
    }
    done(error);
  }

  private wait(request: BlockRequest, done: Done): void {
    // What waits must not change with the guest's buffer.
    const kept: BlockRequest =
      request.op === 'write' ? { ...request, pieces: request.pieces.map(piece => piece.slice()) } : request;
    const attempt = partOfRequest(() => this.ask(kept, error => this.retried(error)));
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
    this.copiedBy(undefined);
    this.stopRetrying();
    for (const { done } of this.waiting.splice(0)) done(new Error(`${this.label} was taken away.`));
  }

  private retryLater(): void {
    this.stopRetrying = this.parts.later(RETRY_MS, () => this.retry());
  }

  /** One after the other, as they came. */
  private retry(): void {
    if (this.isFull) this.waiting[0].attempt();
    else this.parts.say(`${this.label}: there is room again, and the guest continues.`);
  }

  private retried(error: Error | undefined): void {
    if (this.closed) return;
    if (error instanceof DeviceFull) return this.retryLater();
    const first = this.waiting.shift();
    if (first) this.answer(error, first.done);
    this.parts.late?.();
    this.retry();
  }

  override place(at: number): Place[] {
    return this.parts.medium.place(at);
  }

  // Saved states: what the guest wrote is on the medium.

  fingerprint(): number {
    const { medium } = this.parts;
    // What is on the host's disk can be waited for, a disk of another machine cannot; and what is copied while it is written is never the same there.
    const answersHere = medium.immediate || layoutOf(medium) !== undefined;
    return answersHere && !this.log ? fingerprint(medium) : 0;
  }

  *changes(): Generator<DiskChange> {}

  change(): void {}
}
