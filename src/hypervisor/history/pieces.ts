/** Bytes in pieces of 4 KiB at most, as they were: what is as it was before is not kept twice, and zeros take no room. */

import type { Piece } from './versions.ts';

export type { Piece } from './versions.ts';

const PIECE_BYTES = 4096;

/** Words are compared, and what is behind the last whole one, byte by byte. */
interface Bytes {
  words: Int32Array;
  rest: Uint8Array;
}

const viewed = (bytes: Uint8Array): Bytes => {
  const words = bytes.length >>> 2;
  return {
    words: new Int32Array(bytes.buffer, bytes.byteOffset, words),
    rest: bytes.subarray(4 * words),
  };
};

/** Loops, and no callbacks: there are millions of words. */
function isSameFrom(
  words: Int32Array | Uint8Array,
  at: number,
  other: Int32Array | Uint8Array | undefined,
  count: number,
): boolean {
  if (other) {
    for (let i = 0; i < count; i++) if (words[at + i] !== other[i]) return false;
  } else for (let i = 0; i < count; i++) if (words[at + i] !== 0) return false;
  return true;
}

/** Whether bytes are those of a piece; both begin at a word. */
export function isPiece(bytes: Uint8Array, piece: Piece): boolean {
  const { words, rest } = viewed(bytes),
    other = piece && viewed(piece);
  return isSameFrom(words, 0, other?.words, words.length) && isSameFrom(rest, 0, other?.rest, rest.length);
}

/** Of one piece: the one before where it is the same. */
export function pieceOf(bytes: Uint8Array, before: Piece): Piece {
  if (before && isPiece(bytes, before)) return before;
  return isPiece(bytes, undefined) ? undefined : bytes.slice();
}

const pieceAt = (bytes: Uint8Array, n: number): Uint8Array =>
  bytes.subarray(n * PIECE_BYTES, Math.min((n + 1) * PIECE_BYTES, bytes.length));

export const piecesOf = (bytes: Uint8Array, before: readonly Piece[] = []): Piece[] =>
  Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, n) => pieceOf(pieceAt(bytes, n), before[n]));

/** Puts a piece there; false: it lies there already. */
export function putPiece(bytes: Uint8Array, piece: Piece): boolean {
  if (isPiece(bytes, piece)) return false;
  if (piece) bytes.set(piece);
  else bytes.fill(0);
  return true;
}

export function putPieces(bytes: Uint8Array, pieces: readonly Piece[]): void {
  for (const [n, piece] of pieces.entries()) putPiece(pieceAt(bytes, n), piece);
}

/** Memory that some take together, bytes: one that is shared counts once. */
export const bytesOfPieces = (pieces: Iterable<Piece>): number =>
  [...new Set(pieces)].reduce((sum, piece) => sum + (piece?.length ?? 0), 0);
