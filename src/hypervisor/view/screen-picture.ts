/** A domain's screen as a picture, from the block of it in machine memory (layout.ts): for callers without a canvas. */
import { FONT_BYTES, GLYPH_BYTES } from '../../devices/vga/index.ts';
import { SCREEN } from '../layout/index.ts';

type Memory = SharedArrayBuffer | ArrayBuffer;

/** Three bytes a pixel, red, green, blue, row by row. */
export interface ScreenPicture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

const TEXT = 1,
  GRAPHICS = 2;
const CELL_WIDTH = 8;
/** Attribute bit 3 of a cell chooses the second font. */
const SECOND_FONT = 0x800;
/** Of a screen that is off. */
const OFF = { width: 640, height: 480 };

/**
 * @param memory what the block lies in, at byte `screen`
 * @param pixels of a graphics screen, 0x00BBGGRR each; absent: they lie in `memory`, where the block says
 */
export function screenPicture(memory: Memory, screen: number, pixels?: Uint32Array): ScreenPicture {
  const words = new Int32Array(memory, screen);
  const [mode, columns, rows] = [words[SCREEN.MODE], words[SCREEN.WIDTH], words[SCREEN.HEIGHT]];
  if (mode === GRAPHICS) {
    const rgb = new Uint8Array(columns * rows * 3);
    const all = pixels ?? new Uint32Array(memory, words[SCREEN.PIXELS], columns * rows);
    for (let i = 0, at = 0; at < rgb.length; i++) {
      const pixel = all[i];
      rgb[at++] = pixel;
      rgb[at++] = pixel >>> 8;
      rgb[at++] = pixel >>> 16;
    }
    return { width: columns, height: rows, rgb };
  }
  if (mode !== TEXT) return { ...OFF, rgb: new Uint8Array(OFF.width * OFF.height * 3) };
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
        const to = ((y + line) * width + x + dot) * 3;
        rgb[to] = colour >> 16;
        rgb[to + 1] = colour >> 8;
        rgb[to + 2] = colour;
      }
    }
  });
  return { width, height: rows * cellHeight, rgb };
}

/** What `read` finds in the block at `screen`, which a domain writes meanwhile; undefined: it changes just now. */
export function readScreen<T>(memory: Memory, screen: number, read: () => T): T | undefined {
  const words = new Int32Array(memory, screen, SCREEN.DATA),
    before = Atomics.load(words, SCREEN.SEQUENCE);
  if (before % 2 !== 0) return undefined;
  const found = read();
  return Atomics.load(words, SCREEN.SEQUENCE) === before ? found : undefined;
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
