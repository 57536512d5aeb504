/** Words in pieces of 4 KiB at most, as they were: what is as it was before is not kept twice, and zeros take no room. */

/** Undefined: zeros. */
export type Piece = Int32Array | undefined;

export const PIECE_WORDS = 1024;

/** Whether this many words are those of a piece. A loop over one view of all of them: a view for each piece would cost more than to compare it. */
export function isPiece(words: Int32Array, at: number, count: number, piece: Piece): boolean {
  if (piece) {
    for (let i = 0; i < count; i++) if (words[at + i] !== piece[i]) return false;
  } else for (let i = 0; i < count; i++) if (words[at + i] !== 0) return false;
  return true;
}

/** Of words from `at` on: the piece before, where it is the same. */
export function pieceOf(words: Int32Array, at: number, before: Piece, count = PIECE_WORDS): Piece {
  if (before && isPiece(words, at, count, before)) return before;
  return isPiece(words, at, count, undefined) ? undefined : words.slice(at, at + count);
}

/** Puts a piece there; false: it lies there already. */
export function putPiece(words: Int32Array, at: number, piece: Piece, count = PIECE_WORDS): boolean {
  if (isPiece(words, at, count, piece)) return false;
  if (piece) words.set(piece, at);
  else words.fill(0, at, at + count);
  return true;
}

/** What a buffer holds. */
export class KeptBuffer {
  readonly pieces: Piece[] = [];
  private readonly words: Int32Array;
  /** Behind the last whole word. */
  private readonly rest: Uint8Array;
  private readonly kept: Uint8Array;

  constructor(buffer: ArrayBufferLike, before?: KeptBuffer) {
    const count = buffer.byteLength >>> 2;
    this.words = new Int32Array(buffer, 0, count);
    this.rest = new Uint8Array(buffer, 4 * count);
    this.kept = this.rest.slice();
    for (let at = 0, n = 0; at < count; at += PIECE_WORDS, n++)
      this.pieces.push(pieceOf(this.words, at, before?.pieces[n], Math.min(PIECE_WORDS, count - at)));
  }

  put(): void {
    const { words, pieces } = this;
    for (let n = 0, at = 0; n < pieces.length; n++, at += PIECE_WORDS)
      putPiece(words, at, pieces[n], Math.min(PIECE_WORDS, words.length - at));
    this.rest.set(this.kept);
  }
}

/** Memory that some take together, bytes: one that is shared counts once. */
export const bytesOfPieces = (pieces: Iterable<Piece>): number =>
  [...new Set(pieces)].reduce((sum, piece) => sum + (piece?.byteLength ?? 0), 0);
