/** Copies of whole devices, which let others have their turns in between. */

const PIECE_BYTES = 2 ** 20;
/** Copied between two turns. */
const TURN_BYTES = 16 * PIECE_BYTES;

export interface CopyParts {
  /** Calls back when others had their turn. */
  soon(callback: () => void): void;
  /** The caller does not wait for the copy any more. */
  signal?: AbortSignal;
}

/** Calls `copy` for one piece of this many bytes after the other; `piece` has the length, and is used again. @throws what `copy` throws; Error: interrupted */
export async function copyInTurns(
  bytes: number,
  { soon, signal }: CopyParts,
  copy: (at: number, piece: Uint8Array) => void,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, bytes));
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    if (at % TURN_BYTES === 0) await new Promise<void>(resolve => soon(resolve));
    if (signal?.aborted) throw new Error(`interrupted after ${at} bytes`);
    copy(at, buffer.subarray(0, Math.min(PIECE_BYTES, bytes - at)));
  }
}
