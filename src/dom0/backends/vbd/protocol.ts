/**
 * Requests and responses of a paravirtual disk, as they lie in the ring's slots.
 * Source: xen/include/public/io/blkif.h; the two layouts differ in what follows the first word, which a 64-bit ABI pads to eight bytes.
 */

/** BLKIF_OP_* */
export const OP = { READ: 0, WRITE: 1, WRITE_BARRIER: 2, FLUSH_DISKCACHE: 3, DISCARD: 5, INDIRECT: 6 } as const;
/** BLKIF_RSP_* */
export const RSP = { OKAY: 0, ERROR: -1, NOT_SUPPORTED: -2 } as const;
/** BLKIF_MAX_SEGMENTS_PER_REQUEST */
export const MOST_SEGMENTS = 11;
/** Segments of a request whose list lies in pages of its own: what Linux's back end offers at most. */
export const MOST_INDIRECT_SEGMENTS = 256;
export const SECTOR_BYTES = 512,
  SECTOR_SHIFT = 9;
export const SEGMENTS_PER_PAGE = 512;

/** Where things lie, by the front end's `protocol` node. */
export interface Layout {
  slotBytes: number;
  /** Word of the 64-bit id; sector, segments and the rest follow it. */
  id: number;
  responseWords: number;
}

export const LAYOUTS: Readonly<Record<string, Layout>> = {
  'x86_32-abi': { slotBytes: 108, id: 1, responseWords: 3 },
  'x86_64-abi': { slotBytes: 112, id: 2, responseWords: 4 },
};
export const NATIVE_PROTOCOL = 'x86_32-abi';

/** Part of a granted page: sectors `first` to `last`, inclusive. */
export interface Segment {
  ref: number;
  first: number;
  last: number;
}

/** A request as it was copied out of the ring; what it says is not judged yet. */
export interface Request {
  /** OP, echoed in the response; of an indirect one that which it represents, there too. */
  op: number;
  id: readonly [number, number];
  /** In sectors of 512 bytes; past 2^53 it is not exact. */
  sector: number;
  segments: Segment[];
  /** Where the list of an indirect request lies, and its length. */
  list?: { refs: number[]; count: number };
  /** Sectors to be forgotten. */
  discard: number;
  /** Claimed segments, in the slot or in the list. */
  count: number;
}

const u64 = (words: Int32Array, at: number): number => (words[at] >>> 0) + (words[at + 1] >>> 0) * 2 ** 32;

export function readSegment(words: Int32Array, at: number): Segment {
  return { ref: words[at] >>> 0, first: words[at + 1] & 0xff, last: (words[at + 1] >>> 8) & 0xff };
}

/** `words`: a copy of the slot. */
export function readRequest(words: Int32Array, { id: at }: Layout): Request {
  const op = words[0] & 0xff,
    second = (words[0] >>> 8) & 0xff,
    half = words[0] >>> 16;
  const head = { id: [words[at], words[at + 1]] as const, sector: u64(words, at + 2), discard: 0 };
  if (op === OP.DISCARD) return { ...head, op, segments: [], discard: u64(words, at + 4), count: 0 };
  if (op === OP.INDIRECT) {
    const pages = Math.ceil(half / SEGMENTS_PER_PAGE);
    const refs = Array.from({ length: Math.min(pages, 8) }, (_, i) => words[at + 5 + i] >>> 0);
    return { ...head, op: second, segments: [], list: { refs, count: half }, count: half };
  }
  const segments: Segment[] = [];
  for (let i = 0; i < second && i < MOST_SEGMENTS; i++) segments.push(readSegment(words, at + 4 + 2 * i));
  return { ...head, op, segments, count: second };
}

/** A response as it lies in its slot, and what it leaves of its request: the sector is behind it in both layouts. */
export function readResponse(
  words: Int32Array,
  { id: at }: Layout,
): { id: readonly [number, number]; op: number; status: number; sector: number } {
  return { id: [words[0], words[1]], op: words[2] & 0xff, status: words[2] >> 16, sector: u64(words, at + 2) };
}

/** Fills `words` with a response. */
export function writeResponse(words: Int32Array, { id, op }: Request, status: number): void {
  words[0] = id[0];
  words[1] = id[1];
  words[2] = op | (status << 16);
  if (words.length > 3) words[3] = 0;
}
