/** Bytes that have come and are copied, in buffers that nobody else has where all of one came: those go back to the engine at once. */
import { letGo } from '../../../hypervisor/memory/index.ts';
import { Pieces } from '../../host/nbd/index.ts';

/** Before a channel's bytes a message has a head, which was read. */
const MOST_HEAD_BYTES = 16;

/** `take` gives views, which go with their buffer: not for whoever takes any. */
export class OwnPieces extends Pieces {
  /** Buffers of which all has come, from their first byte behind a head to their last. */
  private readonly whole = new Set<ArrayBuffer>();
  /** Where the next piece lies if it is of the same buffer as the last one. */
  private next: { buffer: ArrayBuffer; at: number } | undefined;

  override push(piece: Uint8Array<ArrayBuffer>): void {
    super.push(piece);
    const { buffer, byteOffset, length } = piece,
      { next } = this;
    const isNext = byteOffset <= MOST_HEAD_BYTES || (next?.buffer === buffer && next.at === byteOffset);
    const at = byteOffset + length;
    this.next = isNext && at < buffer.byteLength ? { buffer, at } : undefined;
    if (isNext && at === buffer.byteLength) this.whole.add(buffer);
  }

  protected override copied({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): void {
    if (byteOffset + length === buffer.byteLength && this.whole.delete(buffer)) letGo(buffer);
  }
}
