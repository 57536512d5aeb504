/**
 * Pieces of 4 KiB that change as a run goes on (frames of memory, blocks of a disk), each by a number, as they were at some moments of it. Only what changed up
 * to a moment is kept for that moment, so that many moments cost little more than what was written between them.
 */

/** Undefined: nothing was ever there, whose contents the caller knows (zeros of a frame; what a disk's medium has). */
export type Piece = Uint8Array | undefined;

interface Version {
  /** It is so from this moment on. */
  from: number;
  piece: Piece;
}

/** What a version costs next to its bytes, about. */
const VERSION_BYTES = 100;

const sizeOf = ({ piece }: Version): number => VERSION_BYTES + (piece?.length ?? 0);

export class Versions {
  /** By number, oldest first. */
  private readonly versions = new Map<number, Version[]>();
  /** By moment, oldest first: numbers that changed since the one before. */
  private readonly changed = new Map<number, Set<number>>();
  /** Memory that it takes, about. */
  bytes = 0;

  /** Moments are put in ascending order. `piece` is kept, and not copied. */
  put(moment: number, number: number, piece: Piece): void {
    const versions = this.versions.get(number) ?? [],
      version = { from: moment, piece };
    versions.push(version);
    this.versions.set(number, versions);
    this.changedUpTo(moment).add(number);
    this.bytes += sizeOf(version);
  }

  private changedUpTo(moment: number): Set<number> {
    let changed = this.changed.get(moment);
    if (!changed) this.changed.set(moment, (changed = new Set()));
    return changed;
  }

  /** As it was at a moment that was put. */
  at(moment: number, number: number): Piece {
    return this.versions.get(number)?.findLast(({ from }) => from <= moment)?.piece;
  }

  /** Numbers of those that may differ between two moments. */
  between(one: number, other: number): Set<number> {
    const [first, last] = one < other ? [one, other] : [other, one];
    const all = new Set<number>();
    for (const [moment, numbers] of this.changed)
      if (moment > first && moment <= last) for (const number of numbers) all.add(number);
    return all;
  }

  /** A moment is asked for no more, and `next` is the one behind it. */
  forget(moment: number, next: number): void {
    const numbers = this.changed.get(moment) ?? [],
      later = this.changedUpTo(next);
    for (const number of numbers) {
      if (later.has(number)) this.drop(number, ({ from }) => from === moment);
      else later.add(number);
    }
    this.changed.delete(moment);
  }

  /** Nothing before a moment is asked for any more. */
  forgetBefore(first: number): void {
    for (const [moment, numbers] of this.changed) {
      if (moment > first) break;
      for (const number of numbers) {
        const last = this.versions.get(number)?.findLast(({ from }) => from <= first);
        this.drop(number, version => version.from <= first && version !== last);
      }
      if (moment < first) this.changed.delete(moment);
    }
  }

  /** Nor what came after one. */
  forgetAfter(last: number): void {
    for (const [moment, numbers] of this.changed) {
      if (moment <= last) continue;
      for (const number of numbers) this.drop(number, ({ from }) => from > last);
      this.changed.delete(moment);
    }
  }

  private drop(number: number, isDropped: (version: Version) => boolean): void {
    const kept = (this.versions.get(number) ?? []).filter(version => {
      if (!isDropped(version)) return true;
      this.bytes -= sizeOf(version);
      return false;
    });
    if (kept.length > 0) this.versions.set(number, kept);
    else this.versions.delete(number);
  }
}
