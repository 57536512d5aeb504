/** All of machine memory at a moment: what every frame held that somebody had, the hypervisor's tables and records among them. */
import { DOMAIN_TRACE, DOMAIN_TRACE_BYTES, FRAME, FRAME_FLAG, FRAME_WORDS, MAX_DOMAINS } from '../layout/layout.ts';
import type { Machine } from '../memory/machine.ts';
import { type Piece, PIECE_WORDS, pieceOf, putPiece } from './pieces.ts';

export class KeptMemory {
  private readonly machine: Machine;
  /** By machine frame; absent: it was free. */
  private readonly frames = new Map<number, Piece>();

  /** `before`: frames that are the same are shared with it. */
  constructor(machine: Machine, before?: KeptMemory) {
    this.machine = machine;
    for (let mfn = 0; mfn < machine.frames; mfn++)
      if (machine.words[machine.frameEntry(mfn) + FRAME.COUNT] !== 0)
        this.frames.set(mfn, pieceOf(machine.words, mfn * PIECE_WORDS, before?.frames.get(mfn)));
  }

  /** Traces are of those who look on: how far they have read, and that they do, does not go back. The result puts them there again. */
  private traces(): () => void {
    const { machine } = this;
    const block = (index: number): { id: number; words: Int32Array } | undefined => {
      const { id, traceOffset } = machine.domain(index);
      return id < 0 ? undefined : { id, words: new Int32Array(machine.memory, traceOffset, DOMAIN_TRACE_BYTES / 4) };
    };
    const were = Array.from({ length: MAX_DOMAINS }, (_, index) => {
      const now = block(index);
      return now && { id: now.id, at: now.words.byteOffset, words: now.words.slice() };
    });
    return () => {
      for (const [index, was] of were.entries()) {
        const now = block(index);
        if (!now) continue;
        if (was?.id === now.id && was.at === now.words.byteOffset) now.words.set(was.words);
        // Nobody looks on where it was gone.
        else now.words[DOMAIN_TRACE.WATCHERS] = 0;
      }
    };
  }

  /** It is as it was; `changed`: what processors know of a frame does not hold any more. */
  put(changed: (mfn: number) => void): void {
    const { machine, frames } = this,
      { words } = machine,
      putTraces = this.traces();
    const first = machine.frameEntry(0),
      table = words.slice(first, first + machine.frames * FRAME_WORDS);
    for (let mfn = 0; mfn < machine.frames; mfn++)
      // A free frame is all zero.
      if (
        (frames.has(mfn) || table[mfn * FRAME_WORDS + FRAME.COUNT] !== 0) &&
        putPiece(words, mfn * PIECE_WORDS, frames.get(mfn))
      )
        changed(mfn);
    for (let mfn = 0; mfn < machine.frames; mfn++) {
      const at = first + mfn * FRAME_WORDS;
      if (words[at + FRAME.COUNT] !== table[mfn * FRAME_WORDS + FRAME.COUNT]) changed(mfn);
      // Code that was translated since then is kept, and a writer has to notify its owner.
      words[at + FRAME.FLAGS]! |= table[mfn * FRAME_WORDS + FRAME.FLAGS]! & FRAME_FLAG.CODE;
    }
    putTraces();
  }

  *pieces(): Generator<Piece> {
    yield* this.frames.values();
  }
}
