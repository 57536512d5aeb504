/** Bytes that have come and are copied, in buffers that nobody else has where all of one came: those go back to the engine at once. */
import { letGo } from '../../../hypervisor/memory/index.ts';
import { Pieces } from '../../host/nbd/index.ts';

/** `take` gives views, which go with their buffer: not for whoever takes any. */
export class OwnPieces extends Pieces {
  /** Buffers of which all has come, from their first byte to their last. */
  private readonly whole = new Set<ArrayBuffer>();
  /** Where the next piece lies if it is of the same buffer as the last one. */
  private next: { buffer: ArrayBuffer; at: number } | undefined;

  override push(piece: Uint8Array<ArrayBuffer>): void {
    super.push(piece);
    const { buffer, byteOffset, length } = piece,
      { next } = this;
    const isNext = byteOffset === 0 || (next?.buffer === buffer && next.at === byteOffset);
    const at = byteOffset + length;
    this.next = isNext && at < buffer.byteLength ? { buffer, at } : undefined;
    if (isNext && at === buffer.byteLength) this.whole.add(buffer);
  }

  protected override copied({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): void {
    if (byteOffset + length === buffer.byteLength && this.whole.delete(buffer)) letGo(buffer);
  }
}
