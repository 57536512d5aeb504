/** Bytes of a channel, in buffers that nobody else has where all of one comes: once those were copied they go back to the engine. */
import { letGo } from '../../hypervisor/memory/index.ts';
import { Pieces } from '../host/nbd/index.ts';

/** Before a channel's bytes a message has a head, which was read. */
const MOST_HEAD_BYTES = 16;

/** Knows a buffer of which all has come, from its first byte behind a head to its last. */
export class WholeBuffers {
  /** Where the next piece lies if it is of the same buffer as the last one. */
  private next: { buffer: ArrayBufferLike; at: number } | undefined;

  /** Whether this was the last of such a one. */
  endsOne({ buffer, byteOffset, length }: Uint8Array): boolean {
    const { next } = this;
    const isNext = byteOffset <= MOST_HEAD_BYTES || (next?.buffer === buffer && next.at === byteOffset);
    const at = byteOffset + length;
    this.next = isNext && at < buffer.byteLength ? { buffer, at } : undefined;
    return isNext && at === buffer.byteLength;
  }
}

/** `take` gives views, which go with their buffer: not for a consumer that takes any. */
export class OwnPieces extends Pieces {
  private readonly buffers = new WholeBuffers();
  private readonly whole = new Set<ArrayBuffer>();

  override push(piece: Uint8Array<ArrayBuffer>): void {
    super.push(piece);
    if (this.buffers.endsOne(piece)) this.whole.add(piece.buffer);
  }

  protected override copied({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): void {
    if (byteOffset + length === buffer.byteLength && this.whole.delete(buffer)) letGo(buffer);
  }
}
