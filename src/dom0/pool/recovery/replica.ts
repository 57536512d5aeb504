/** Checkpoints of a guest of another host: pages as they changed from one to the next, and of each what else its state has. */
import type { SavedHead, SavedPages, SavedState } from '../../../hypervisor/index.ts';
import { PAGE, PAGES_PER_RECORD } from '../../../hypervisor/interfaces/xen/stream/index.ts';
import { FRAME_BYTES } from '../../../hypervisor/memory/index.ts';
import type { CheckpointHead } from './checkpoint-messages.ts';

interface StoredPage {
  type: number;
  /** Of a type that has contents. */
  bytes?: Uint8Array;
}

/** A guest at a moment. */
export interface Point extends CheckpointHead {
  head: SavedHead;
  /** All but its pages. */
  state: SavedState;
  /** Of all but its pages, as they came. */
  bytes: number;
}

interface StoredPoint extends Point {
  /** By guest frame; without those of points before, where it is not whole. */
  pages: Map<number, StoredPage>;
  isWhole: boolean;
}

export class Replica {
  readonly name: string;
  /** The host that sent the last of its points. */
  from: string;
  /** Of the lease that it rests on, where it goes on by itself once its host is lost (Remus). */
  epoch: number | undefined;
  /** Oldest first. */
  private readonly stored: StoredPoint[] = [];
  /** Its guest has ended, or went to another host: there come no more. */
  isOver = false;

  constructor(name: string, from: string, epoch?: number) {
    this.name = name;
    this.from = from;
    this.epoch = epoch;
  }

  get points(): readonly Point[] {
    return this.stored;
  }

  get bytes(): number {
    return this.stored.reduce((sum, { pages, bytes }) => sum + pages.size * FRAME_BYTES + bytes, 0);
  }

  /** `isWhole`: all of its memory is there, and not what changed since the last point; `keep`: this many points at most. */
  add(point: Point, pages: readonly SavedPages[], isWhole: boolean, keep: number): void {
    const stored = new Map<number, StoredPage>();
    for (const { pfns, types, bytes } of pages) {
      let at = 0;
      types.forEach((type, i) => {
        const has = type <= PAGE.LAST_DATA;
        // What comes later in a state counts, and nothing else of its record is to be kept.
        stored.set(pfns[i]!, has ? { type, bytes: bytes.slice(at, at + FRAME_BYTES) } : { type });
        if (has) at += FRAME_BYTES;
      });
    }
    this.stored.push({ ...point, pages: stored, isWhole });
    this.isOver = false;
    while (this.stored.length > keep) this.dropOldest();
  }

  private dropOldest(): void {
    const [oldest, next] = this.stored.splice(0, 2) as [StoredPoint, StoredPoint];
    if (!next.isWhole) {
      for (const [pfn, page] of next.pages) oldest.pages.set(pfn, page);
      next.pages = oldest.pages;
      next.isWhole = true;
    }
    this.stored.unshift(next);
  }

  /** The last one, or (`atMs`, since 1970) the last that is not later; undefined: there is none. */
  at(atMs = Infinity): Point | undefined {
    return this.stored.findLast(point => point.atMs <= atMs);
  }

  /** All of a guest's memory at a point of this replica's. */
  *pagesOf(point: Point): Generator<SavedPages> {
    const last = this.stored.indexOf(point as StoredPoint);
    const first = this.stored.findLastIndex(({ isWhole }, i) => isWhole && i <= last);
    const all = new Map<number, StoredPage>();
    for (const { pages } of this.stored.slice(first, last + 1)) for (const [pfn, page] of pages) all.set(pfn, page);
    const pages = [...all];
    for (let at = 0; at < pages.length; at += PAGES_PER_RECORD) yield asRecord(pages.slice(at, at + PAGES_PER_RECORD));
  }
}

function asRecord(batch: readonly [number, StoredPage][]): SavedPages {
  const full = batch.flatMap(([, { bytes }]) => (bytes ? [bytes] : []));
  const bytes = new Uint8Array(full.length * FRAME_BYTES);
  full.forEach((page, i) => bytes.set(page, i * FRAME_BYTES));
  return {
    pfns: Uint32Array.from(batch, ([pfn]) => pfn),
    types: Uint8Array.from(batch, ([, { type }]) => type),
    bytes,
  };
}
