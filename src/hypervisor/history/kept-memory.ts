/** All of machine memory at a moment: what every frame held that somebody had, the hypervisor's tables and records among them. */
import { FRAME, FRAME_FLAG, FRAME_BYTES } from '../layout/layout.ts';
import type { Machine } from '../memory/machine.ts';
import { type Piece, pieceOf, putPiece } from './pieces.ts';

export class KeptMemory {
  private readonly machine: Machine;
  /** By machine frame; absent: it was free. */
  private readonly frames: (Piece | null)[];

  /** `before`: frames that are the same are shared with it. */
  constructor(machine: Machine, before?: KeptMemory) {
    this.machine = machine;
    this.frames = Array.from({ length: machine.frames }, (_, mfn) =>
      this.isFree(mfn) ? null : pieceOf(this.bytes(mfn), before?.frames[mfn] ?? undefined),
    );
  }

  private isFree(mfn: number): boolean {
    return this.machine.words[this.machine.frameEntry(mfn) + FRAME.COUNT] === 0;
  }

  private bytes(mfn: number): Uint8Array {
    return this.machine.bytes.subarray(mfn * FRAME_BYTES, (mfn + 1) * FRAME_BYTES);
  }

  /** It is as it was; `changed`: what processors know of a frame does not hold any more. */
  put(changed: (mfn: number) => void): void {
    const { machine, frames } = this,
      { words } = machine;
    const tables = Array.from(frames, (_, mfn) => {
      const at = machine.frameEntry(mfn);
      return { count: words[at + FRAME.COUNT]!, flags: words[at + FRAME.FLAGS]! };
    });
    for (const [mfn, { count }] of tables.entries()) {
      const piece = frames[mfn]!;
      // A free frame is all zero.
      if ((piece !== null || count !== 0) && putPiece(this.bytes(mfn), piece ?? undefined)) changed(mfn);
    }
    for (const [mfn, { count, flags }] of tables.entries()) {
      const at = machine.frameEntry(mfn);
      if (words[at + FRAME.COUNT] !== count) changed(mfn);
      // Code that was translated since then is kept, and whoever writes there has to tell.
      words[at + FRAME.FLAGS]! |= flags & FRAME_FLAG.CODE;
    }
  }

  *pieces(): Generator<Piece> {
    for (const piece of this.frames) if (piece) yield piece;
  }
}
