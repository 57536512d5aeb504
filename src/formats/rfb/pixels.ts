/** Pixels as a client wants them. Source: RFC 6143, 7.4 (PIXEL_FORMAT), 7.6.2 (SetColorMapEntries). */
import { ByteSink } from './byte-sink.ts';
import { RfbError, SERVER } from './protocol.ts';

/** Red, green, blue. */
type Three = readonly [number, number, number];

export interface PixelFormat {
  bitsPerPixel: 8 | 16 | 32;
  depth: number;
  isBigEndian: boolean;
  max: Three;
  shift: Three;
  /** Its pixels are numbers of colours in a map, which it has to be sent (`colourMap`). */
  isMapped: boolean;
}

/** As pixels lie here: 0x00RRGGBB, low byte first. */
export const OWN_FORMAT: PixelFormat = {
  bitsPerPixel: 32,
  depth: 24,
  isBigEndian: false,
  max: [255, 255, 255],
  shift: [16, 8, 0],
  isMapped: false,
};

/** Where a client wants a map, its 256 colours have three bits of red, three of green and two of blue. */
const MAPPED: Pick<PixelFormat, 'max' | 'shift'> = { max: [7, 7, 3], shift: [0, 3, 6] };

export const FORMAT_BYTES = 16;

export const formatBytes = ({ bitsPerPixel, depth, isBigEndian, max, shift, isMapped }: PixelFormat): Uint8Array => {
  const sink = new ByteSink()
    .u8(bitsPerPixel)
    .u8(depth)
    .u8(isBigEndian ? 1 : 0)
    .u8(isMapped ? 0 : 1);
  for (const each of max) sink.u16(each);
  for (const each of shift) sink.u8(each);
  return sink.put(new Uint8Array(3)).taken();
};

/** @throws RfbError: such pixels there are none */
export function readFormat(bytes: Uint8Array): PixelFormat {
  const [bitsPerPixel, depth, bigEndian, trueColour] = bytes;
  if (bitsPerPixel !== 8 && bitsPerPixel !== 16 && bitsPerPixel !== 32)
    throw new RfbError(`The client wants pixels of ${bitsPerPixel} bits; there are 8, 16 and 32.`);
  if (trueColour === 0) {
    if (bitsPerPixel !== 8)
      throw new RfbError(`The client wants a colour map for pixels of ${bitsPerPixel} bits; there is one for 8.`);
    return { bitsPerPixel, depth, isBigEndian: false, ...MAPPED, isMapped: true };
  }
  const most = (at: number): number => (bytes[at] << 8) | bytes[at + 1];
  const max: Three = [most(4), most(6), most(8)],
    shift: Three = [bytes[10], bytes[11], bytes[12]];
  if (max.some((each, i) => each * 2 ** shift[i] >= 2 ** bitsPerPixel))
    throw new RfbError(`The client wants colours that do not fit into ${bitsPerPixel} bits.`);
  return { bitsPerPixel, depth, isBigEndian: bigEndian !== 0, max, shift, isMapped: false };
}

/** The message that tells a client with a map its colours. */
export function colourMap(): Uint8Array<ArrayBuffer> {
  const { max, shift } = MAPPED;
  const sink = new ByteSink().u8(SERVER.COLOUR_MAP).u8(0).u16(0).u16(256);
  for (let i = 0; i < 256; i++)
    max.forEach((most, colour) => sink.u16(Math.round((((i >>> shift[colour]) & most) * 0xffff) / most)));
  return sink.taken();
}

/** Colours of a picture as pixels of a format. */
export class Pixels {
  readonly format: PixelFormat;
  readonly bytes: number;
  private readonly parts: readonly [Uint32Array, Uint32Array, Uint32Array];

  constructor(format: PixelFormat) {
    this.format = format;
    this.bytes = format.bitsPerPixel / 8;
    const part = (colour: 0 | 1 | 2): Uint32Array =>
      Uint32Array.from(
        { length: 256 },
        (_, value) => Math.round((value * format.max[colour]) / 255) << format.shift[colour],
      );
    this.parts = [part(0), part(1), part(2)];
  }

  /** The pixel for the three bytes at `at`. */
  of(rgb: Uint8Array, at: number): number {
    const [red, green, blue] = this.parts;
    return (red[rgb[at]] | green[rgb[at + 1]] | blue[rgb[at + 2]]) >>> 0;
  }

  put(into: Uint8Array, at: number, pixel: number): void {
    const { bytes } = this,
      { isBigEndian } = this.format;
    for (let i = 0; i < bytes; i++) into[at + i] = pixel >>> (8 * (isBigEndian ? bytes - 1 - i : i));
  }
}
