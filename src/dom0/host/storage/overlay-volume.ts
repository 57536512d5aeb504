/**
 * What a guest writes to an image that must not change, kept on a volume: block by block, as far as it was written.
 *
 *   block 0        "RSOVERL1", bytes of the image (64 bits), check sum of its file (32 bits), length of its path (32 bits), the path
 *   from block 1   a bit for each block of the image: it was written, and is here
 *   from the next MiB on   the blocks, each in its own position
 *
 * A bit becomes durable after the block that it represents, so that a block is the image's or what was written, whatever a power cut leaves.
 */
import {
  type BlockDevice,
  ImmediateDevice,
  inUnits,
  type Place,
  SECTOR_BYTES,
  within,
} from '../../../formats/blocks/index.ts';
import { IO_HOP, passes } from '../../../hypervisor/tracing/index.ts';
import { volumeIn } from './device-names.ts';

const MAGIC = new TextEncoder().encode('RSOVERL1');
/** Of the image, as far as one lies here. */
export const OVERLAY_BLOCK_BYTES = 4096;
const BLOCK_BYTES = OVERLAY_BLOCK_BYTES;
const MIB = 2 ** 20;
const SIZE = 8,
  CHECKSUM = 16,
  PATH_LENGTH = 20,
  PATH = 24;

const bitmapBytes = (imageBytes: number): number => Math.ceil(imageBytes / BLOCK_BYTES / 8);
const dataStart = (imageBytes: number): number => Math.ceil((BLOCK_BYTES + bitmapBytes(imageBytes)) / MIB) * MIB;

/** An image that lies under an overlay, and is never written. */
export interface BaseImage {
  device: BlockDevice;
  /** CRC-32 of its file. */
  readonly checksum: number;
}

/** Bytes of a volume for an image of this many. */
export const overlayBytes = (imageBytes: number): number => dataStart(imageBytes) + imageBytes;

/** Begins an overlay on an empty volume. Durable when it returns. @throws RangeError where the path is too long */
export function writeOverlayHeader(under: BlockDevice, path: string, image: BaseImage): void {
  const name = new TextEncoder().encode(path);
  if (PATH + name.length > BLOCK_BYTES) throw new RangeError(`${path.slice(0, 80)}…: the path is too long.`);
  const block = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(block.buffer);
  block.set(MAGIC);
  view.setBigUint64(SIZE, BigInt(image.device.bytes), true);
  view.setUint32(CHECKSUM, image.checksum, true);
  view.setUint32(PATH_LENGTH, name.length, true);
  block.set(name, PATH);
  under.write(0, block);
  under.flush();
}

export interface OverlayHeader {
  path: string;
  imageBytes: number;
  checksum: number;
}

/** Undefined: there is no overlay there. */
export function readOverlayHeader(under: BlockDevice): OverlayHeader | undefined {
  const block = new Uint8Array(BLOCK_BYTES);
  under.read(0, block);
  const view = new DataView(block.buffer);
  const imageBytes = Number(view.getBigUint64(SIZE, true)),
    length = view.getUint32(PATH_LENGTH, true);
  if (
    MAGIC.some((byte, i) => block[i] !== byte) ||
    PATH + length > BLOCK_BYTES ||
    overlayBytes(imageBytes) > under.bytes
  )
    return undefined;
  return {
    path: new TextDecoder().decode(block.subarray(PATH, PATH + length)),
    imageBytes,
    checksum: view.getUint32(CHECKSUM, true),
  };
}

/** Why an image is not the one that an overlay was made of; undefined: it is. */
export function imageDiffers(
  { path, imageBytes, checksum }: OverlayHeader,
  volume: string,
  image: BaseImage,
): string | undefined {
  if (image.device.bytes === imageBytes && image.checksum === checksum) return undefined;
  const how =
    image.device.bytes === imageBytes
      ? 'its contents are others'
      : `it had ${imageBytes} bytes, and has ${image.device.bytes}`;
  return `${path} was changed since the overlay ${volume} was made of it: ${how}. The overlay fits only the old image: put that back, or remove the overlay (lvremove) and make a new one.`;
}

/** What a volume that is an overlay, by any of its names, knows of its image. */
export function overlayHeaderOf(
  { overlayHeaders }: { overlayHeaders: readonly { name: string; header: OverlayHeader }[] },
  path: string,
): OverlayHeader | undefined {
  const volume = volumeIn(path);
  return overlayHeaders.find(({ name }) => name === volume)?.header;
}

/** An image with what was written to it. One for each volume that is in use: it alone knows which blocks are there and not durable. */
export class OverlayVolume extends ImmediateDevice {
  readonly bytes: number;
  private readonly under: BlockDevice;
  private readonly image: BlockDevice;
  private readonly header: OverlayHeader;
  private readonly written: Uint8Array;
  /** Bytes of `written` that differ from those on the volume: from, to (not included). */
  private changed: { from: number; to: number } | undefined;

  constructor(under: BlockDevice, header: OverlayHeader, image: BlockDevice) {
    super();
    this.under = under;
    this.header = header;
    this.image = image;
    this.bytes = header.imageBytes;
    this.written = new Uint8Array(bitmapBytes(this.bytes));
    under.read(BLOCK_BYTES, this.written);
  }

  private isWritten(block: number): boolean {
    return ((this.written[block >>> 3] >>> (block & 7)) & 1) === 1;
  }

  /** Of the image, in whole blocks. */
  get writtenBytes(): number {
    let blocks = 0;
    for (let bits of this.written) for (; bits !== 0; bits &= bits - 1) blocks++;
    return blocks * BLOCK_BYTES;
  }

  /** Those that are not the image's. */
  *writtenBlocks(): Generator<{ at: number; bytes: number }> {
    for (let block = 0; block < Math.ceil(this.bytes / BLOCK_BYTES); block++) {
      const at = block * BLOCK_BYTES;
      if (this.isWritten(block)) yield { at, bytes: Math.min(BLOCK_BYTES, this.bytes - at) };
    }
  }

  private fromImage(at: number, into: Uint8Array): void {
    passes(IO_HOP.IMAGE, at / SECTOR_BYTES, 0);
    try {
      this.image.read(at, into);
    } catch {
      throw new Error(`${this.header.path} cannot be read at byte ${at}.`);
    }
  }

  read(at: number, into: Uint8Array): void {
    within(this, at, into.length, `the overlay of ${this.header.path}`);
    const data = dataStart(this.bytes);
    inUnits(at, into.length, BLOCK_BYTES, (block, _offset, from, count) => {
      const piece = into.subarray(from, from + count);
      if (this.isWritten(block)) this.under.read(data + at + from, piece);
      else this.fromImage(at + from, piece);
    });
  }

  override write(at: number, bytes: Uint8Array): void {
    within(this, at, bytes.length, `the overlay of ${this.header.path}`);
    const data = dataStart(this.bytes);
    inUnits(at, bytes.length, BLOCK_BYTES, (block, offset, from, count) => {
      const piece = bytes.subarray(from, from + count);
      if (this.isWritten(block)) return this.under.write(data + at + from, piece);
      const start = block * BLOCK_BYTES;
      const whole = new Uint8Array(Math.min(BLOCK_BYTES, this.bytes - start));
      if (count < whole.length) this.fromImage(start, whole);
      whole.set(piece, offset);
      this.under.write(data + start, whole);
      const byte = block >>> 3;
      this.written[byte] |= 1 << (block & 7);
      this.noteBits(byte);
    });
  }

  /** A block is the image's again. */
  revert(block: number): void {
    const byte = block >>> 3;
    if (!this.isWritten(block)) return;
    this.written[byte] &= ~(1 << (block & 7));
    this.noteBits(byte);
  }

  private noteBits(byte: number): void {
    this.changed = {
      from: Math.min(byte, this.changed?.from ?? byte),
      to: Math.max(byte + 1, this.changed?.to ?? 0),
    };
  }

  override flush(): void {
    this.under.flush();
    if (!this.changed) return;
    const { from, to } = this.changed;
    this.under.write(BLOCK_BYTES + from, this.written.subarray(from, to));
    this.under.flush();
    this.changed = undefined;
  }

  /** What was written stays: the image's own bytes are no zeros. */
  override discard(at: number, bytes: number): void {
    within(this, at, bytes, `the overlay of ${this.header.path}`);
  }

  override place(at: number): Place[] {
    const block = Math.floor(at / BLOCK_BYTES);
    const here: Place = { layer: `overlay of ${this.header.path}`, at, unit: { name: 'block', number: block } };
    return this.isWritten(block)
      ? [here, ...this.under.place(dataStart(this.bytes) + at)]
      : [here, { layer: `file ${this.header.path}`, at }];
  }
}
