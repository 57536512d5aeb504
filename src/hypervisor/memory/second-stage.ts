/**
 * The second stage of a guest's memory: which machine frame lies at a guest frame, and what the guest may do with it. Xen calls the table p2m (of a paravirtual
 * guest, whose own tables name machine frames, it says which of them are the guest's), Intel's processors have it as EPT (SDM vol. 3, chapter 30).
 *
 * An entry is a word: the machine frame from bit 12, rights below (P2M_*); P2M_ON_DEMAND alone: memory comes with the first use; a machine frame with P2M_AWAY and no
 * rights: what belongs there comes from another host (away-frames.ts); 0: nothing lies there. The
 * processor reads the words in place for each address that it translates (cpu/access.ts). All others, in whichever worker, have the words of this class.
 *
 * Guest frames are numbers, and guest-physical addresses are never cut to 32 bits: memory may lie behind the hole below 4 GiB. A stage may also lie over any
 * words, so that one that is composed of two (of a guest's guest) is a table of its own.
 */
import { P2M_AWAY, P2M_ON_DEMAND, P2M_RWX } from '../../cpu/architecture/index.ts';
import { FRAME_BYTES, FRAME_SHIFT, P2M_PART_SHIFT } from '../layout/layout.ts';

/** The machine frame of an entry; -1: there is no memory (yet). */
export const mfnOf = (entry: number): number =>
  entry === 0 || (entry & (P2M_ON_DEMAND | P2M_AWAY)) !== 0 ? -1 : entry >>> FRAME_SHIFT;

export class SecondStage {
  /** The table itself, a word a guest frame. */
  readonly words: Int32Array;
  /** Of each this many guest frames (P2M_PART_SHIFT) a byte: 0: nothing has ever lain there. Absent: nobody keeps that. */
  private readonly used: Uint8Array | undefined;

  constructor(words: Int32Array, used?: Uint8Array) {
    this.words = words;
    this.used = used;
  }

  /** How far guest frames reach: there is nothing from this one on. */
  get frames(): number {
    return this.words.length;
  }

  // ---- lookups

  /** The entry at a guest frame; 0: nothing lies there. */
  entry(gfn: number): number {
    return gfn >= 0 && gfn < this.words.length ? Atomics.load(this.words, gfn) : 0;
  }

  /** The machine frame at a guest frame; -1: there is no memory (yet). */
  mfn(gfn: number): number {
    return mfnOf(this.entry(gfn));
  }

  /** What the guest may do there: P2M_READ, P2M_WRITE, P2M_EXECUTE. */
  rights(gfn: number): number {
    return this.entry(gfn) & P2M_RWX;
  }

  isOnDemand(gfn: number): boolean {
    return this.entry(gfn) === P2M_ON_DEMAND;
  }

  /** What belongs there comes from another host. */
  isAway(gfn: number): boolean {
    return (this.entry(gfn) & P2M_AWAY) !== 0;
  }

  /** Memory that comes when it is used: populated on demand, or away. */
  isToCome(gfn: number): boolean {
    return (this.entry(gfn) & (P2M_ON_DEMAND | P2M_AWAY)) !== 0;
  }

  /** Byte offset in machine memory of a guest-physical address, whatever the rights; -1: there is no memory (yet). */
  offset(address: number): number {
    const mfn = this.mfn(Math.floor(address / FRAME_BYTES));
    return mfn < 0 ? -1 : mfn * FRAME_BYTES + (address & (FRAME_BYTES - 1));
  }

  /** Nothing lies at this many guest frames. */
  isEmpty(first: number, count: number): boolean {
    return first + count <= this.frames && this.words.subarray(first, first + count).every(entry => entry === 0);
  }

  /** The last guest frame where something lies; 0 where nothing does. */
  get highest(): number {
    let gfn = this.frames - 1;
    while (gfn > 0 && this.words[gfn] === 0) gfn--;
    return Math.max(gfn, 0);
  }

  /** The first guest frame from this one on where something lies; `frames` where nothing does. */
  next(gfn: number): number {
    const { words, used } = this;
    // A guest may be paused for this, and most of the table is empty: it has 4 MiB.
    while (gfn < words.length && words[gfn] === 0) {
      gfn++;
      while (gfn < words.length && used?.[gfn >>> P2M_PART_SHIFT] === 0)
        gfn = ((gfn >>> P2M_PART_SHIFT) + 1) << P2M_PART_SHIFT;
    }
    return Math.min(gfn, words.length);
  }

  /** Each guest frame where something lies, with its entry, from `first` to before `end`. */
  *entries(first = 0, end = this.frames): Generator<[gfn: number, entry: number]> {
    for (let gfn = this.next(first); gfn < end; gfn = this.next(gfn + 1)) {
      const entry = this.words[gfn]!;
      // It may have gone meanwhile.
      if (entry !== 0) yield [gfn, entry];
    }
  }

  /** Each guest frame that has memory, with its machine frame. */
  *memory(): Generator<[gfn: number, mfn: number]> {
    for (const [gfn, entry] of this.entries()) if (entry !== P2M_ON_DEMAND) yield [gfn, entry >>> FRAME_SHIFT];
  }

  /**
   * The machine frame at a guest frame, which `take` holds while it lies there: the guest may give it away at any time, and then `drop` lets it go. -1: there
   * is none that can be held.
   */
  hold(gfn: number, take: (mfn: number) => boolean, drop: (mfn: number) => void): number {
    const entry = this.entry(gfn),
      mfn = mfnOf(entry);
    if (mfn < 0 || !take(mfn)) return -1;
    if (this.entry(gfn) === entry) return mfn;
    drop(mfn);
    return -1;
  }

  /** The table as it is now; `into`: an earlier copy, which becomes it. */
  copy(into?: SecondStage): SecondStage {
    if (!into) return new SecondStage(this.words.slice(), this.used);
    into.words.set(this.words);
    return into;
  }

  // ---- changes: who makes them also sees to it that no processor uses what it has translated before

  /** A machine frame lies at a guest frame from now on. */
  map(gfn: number, mfn: number, rights: number = P2M_RWX): void {
    this.put(gfn, (mfn << FRAME_SHIFT) | rights);
  }

  /** Nothing does. */
  unmap(gfn: number): void {
    this.put(gfn, 0);
  }

  /** Memory comes with the first use. */
  defer(gfn: number): void {
    this.put(gfn, P2M_ON_DEMAND);
  }

  /** What belongs into the machine frame there comes from another host. */
  setAway(gfn: number): void {
    this.put(gfn, (this.entry(gfn) & -FRAME_BYTES) | P2M_AWAY);
  }

  /** It has come. Who waits for it goes on. */
  hasCome(gfn: number): void {
    this.put(gfn, (this.entry(gfn) & -FRAME_BYTES) | P2M_RWX);
    Atomics.notify(this.words, gfn);
  }

  /** An entry that lay here or elsewhere. */
  put(gfn: number, entry: number): void {
    // Each thread that finds the entry finds this.
    if (this.used && entry !== 0) this.used[gfn >>> P2M_PART_SHIFT] = 1;
    Atomics.store(this.words, gfn, entry);
  }

  /** The guest may also do this there. */
  allow(gfn: number, rights: number): void {
    Atomics.or(this.words, gfn, rights);
  }

  /** No longer. */
  deny(gfn: number, rights: number): void {
    Atomics.and(this.words, gfn, ~rights);
  }
}
