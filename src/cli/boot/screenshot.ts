/** The guest's screen as a PNG file, and as text. */
import { deflateSync } from 'node:zlib';
import { FONT_BYTES, GLYPH_BYTES } from '../../devices/vga/index.ts';
import { SCREEN } from '../../hypervisor/layout/index.ts';
import { crc32 } from '../../formats/unpack/index.ts';

type Memory = SharedArrayBuffer | ArrayBuffer;

const TEXT = 1,
  GRAPHICS = 2;
const CELL_WIDTH = 8;
/** Attribute bit 3 of a cell chooses the second font. */
const SECOND_FONT = 0x800;

/** 24-bit RGB picture as PNG (ISO/IEC 15948: signature, IHDR, IDAT, IEND). */
export function encodePng(width: number, height: number, rgb: Uint8Array): Buffer {
  const rows = Buffer.alloc(height * (width * 3 + 1));
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1);
  const chunk = (tag: string, body: Buffer): Buffer => {
    const bytes = Buffer.alloc(12 + body.length);
    bytes.writeUInt32BE(body.length, 0);
    bytes.write(tag, 4, 'latin1');
    body.copy(bytes, 8);
    bytes.writeUInt32BE(crc32(bytes, 4, 8 + body.length) >>> 0, 8 + body.length);
    return bytes;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits a sample, colour type 2: RGB.
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A domain's screen, whose block is at this offset of machine memory; one that is off is black. */
export function encodeScreen(memory: Memory, screen: number): Buffer {
  const words = new Int32Array(memory, screen);
  const columns = words[SCREEN.WIDTH],
    rows = words[SCREEN.HEIGHT];
  if (words[SCREEN.MODE] === GRAPHICS) {
    const pixels = new Uint32Array(memory, words[SCREEN.PIXELS], columns * rows);
    const rgb = new Uint8Array(pixels.length * 3);
    pixels.forEach((pixel, i) => rgb.set([pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255], i * 3));
    return encodePng(columns, rows, rgb);
  }
  if (words[SCREEN.MODE] !== TEXT) return encodePng(640, 480, new Uint8Array(640 * 480 * 3));
  const cellHeight = Math.min(GLYPH_BYTES, words[SCREEN.CELL_HEIGHT] || 16);
  const width = columns * CELL_WIDTH;
  const rgb = new Uint8Array(width * rows * cellHeight * 3);
  // A picture holds the half of the time in which blinking text is seen.
  const backgrounds = words[SCREEN.BLINK] ? 7 : 15;
  const cells = new Uint16Array(memory, screen + SCREEN.DATA * 4, columns * rows);
  const font = new Uint8Array(memory, screen + SCREEN.FONT * 4, FONT_BYTES);
  cells.forEach((cell, at) => {
    const character = (cell & 255) + (cell & SECOND_FONT ? 256 : 0);
    const x = (at % columns) * CELL_WIDTH,
      y = Math.floor(at / columns) * cellHeight;
    for (let line = 0; line < cellHeight; line++) {
      const glyph = font[character * GLYPH_BYTES + line];
      for (let dot = 0; dot < CELL_WIDTH; dot++) {
        const colour = words[SCREEN.PALETTE + (glyph & (0x80 >> dot) ? (cell >> 8) & 15 : (cell >> 12) & backgrounds)];
        rgb.set([(colour >> 16) & 255, (colour >> 8) & 255, colour & 255], ((y + line) * width + x + dot) * 3);
      }
    }
  });
  return encodePng(width, rows * cellHeight, rgb);
}

/** Characters of a text screen, a line a row; '' where there is none. */
export function screenText(memory: Memory, screen: number): string {
  const words = new Int32Array(memory, screen);
  if (words[SCREEN.MODE] !== TEXT) return '';
  const columns = words[SCREEN.WIDTH];
  const cells = new Uint16Array(memory, screen + SCREEN.DATA * 4, columns * words[SCREEN.HEIGHT]);
  let text = '';
  cells.forEach((cell, at) => {
    text += (cell & 255) >= 32 && (cell & 255) < 127 ? String.fromCharCode(cell & 255) : ' ';
    if ((at + 1) % columns === 0) text += '\n';
  });
  return text;
}
