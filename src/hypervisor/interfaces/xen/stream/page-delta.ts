/**
 * What of a page is not as it was: XBZRLE, as QEMU sends what a guest that moves has written again (docs/xbzrle.txt; xbzrle_encode_buffer() in migration/xbzrle.c).
 * Alternately: how many bytes are equal; how many are not, and those. Lengths are unsigned LEB128; equal bytes at the end are left out.
 */
import { FRAME_BYTES } from '../../../memory/machine.ts';

/** Above that the whole page is no worse. */
const MOST_BYTES = FRAME_BYTES / 2;

const words = (page: Uint8Array): Int32Array => new Int32Array(page.buffer, page.byteOffset, page.length / 4);

/** A delta while it is made. */
const scratch = new Uint8Array(MOST_BYTES);

/** Two pages that lie at multiples of four bytes; undefined: it would be too long. */
export function encodeDelta(before: Uint8Array, now: Uint8Array): Uint8Array | undefined {
  const was = words(before),
    is = words(now);
  let at = 0;
  const length = (count: number): void => {
    for (; count > 0x7f; count >>>= 7) scratch[at++] = (count & 0x7f) | 0x80;
    scratch[at++] = count;
  };
  for (let done = 0; ; ) {
    let first = done;
    while (first < now.length && (first & 3) !== 0 && before[first] === now[first]) first++;
    if ((first & 3) === 0) {
      let word = first >>> 2;
      while (word < is.length && was[word] === is[word]) word++;
      for (first = word << 2; first < now.length && before[first] === now[first]; ) first++;
    }
    if (first === now.length) return scratch.slice(0, at);
    let end = first + 1;
    while (end < now.length && before[end] !== now[end]) end++;
    // Two lengths take two bytes each at most.
    if (at + 4 + end - first > MOST_BYTES) return undefined;
    length(first - done);
    length(end - first);
    scratch.set(now.subarray(first, end), at);
    at += end - first;
    done = end;
  }
}

/** Changes `page` to what it is now; false: this is no delta, and some of it may have changed. */
export function applyDelta(page: Uint8Array, delta: Uint8Array): boolean {
  let at = 0;
  const length = (): number => {
    const low = delta[at++] ?? 0;
    return low < 0x80 ? low : (low & 0x7f) | ((delta[at++] ?? 0) << 7);
  };
  for (let to = 0; at < delta.length; ) {
    to += length();
    const count = length();
    if (count === 0 || at + count > delta.length || to + count > page.length) return false;
    page.set(delta.subarray(at, at + count), to);
    at += count;
    to += count;
  }
  return true;
}

/** As many pages are known at most: 64 MiB, as QEMU's cache has them. */
const MOST_KNOWN = 16_384;
/** That is allocated at once. */
const CHUNK_PAGES = 256;

/** Pages as they were sent, by their guest frames, so that what is sent of them again is a delta. */
export class SentPages {
  private readonly slots = new Map<number, Uint8Array>();
  private readonly free: Uint8Array[] = [];
  private readonly now = new Uint8Array(FRAME_BYTES);

  /**
   * How a page is sent that holds this now: not at all, where it was sent so; by its delta; or whole, and it is as these bytes have it then, even if a worker writes
   * to it meanwhile.
   */
  next(gfn: number, bytes: Uint8Array): { delta: Uint8Array } | { whole: Uint8Array } | undefined {
    const { now, slots } = this;
    const slot = slots.get(gfn);
    // Somebody may write to it meanwhile.
    now.set(bytes);
    if (!slot) {
      const made = this.make(gfn);
      made?.set(now);
      return { whole: made ?? bytes };
    }
    const delta = encodeDelta(slot, now);
    slot.set(now);
    if (!delta) return { whole: slot };
    return delta.length > 0 ? { delta } : undefined;
  }

  private make(gfn: number): Uint8Array | undefined {
    if (this.slots.size === MOST_KNOWN) return undefined;
    if (this.free.length === 0) {
      const chunk = new Uint8Array(CHUNK_PAGES * FRAME_BYTES);
      for (let at = 0; at < chunk.length; at += FRAME_BYTES) this.free.push(chunk.subarray(at, at + FRAME_BYTES));
    }
    const slot = this.free.pop()!;
    this.slots.set(gfn, slot);
    return slot;
  }

  /** There is no memory of it there any more. */
  forget(gfn: number): void {
    const slot = this.slots.get(gfn);
    if (slot) this.free.push(slot);
    this.slots.delete(gfn);
  }
}
