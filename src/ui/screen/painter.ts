/**
 * Draws a screen block (src/hypervisor/layout/layout.ts) into pixels: text cells and rows of pixels that changed, with the rows to show reported.
 * Attributes as the IBM VGA has them: foreground 0-3, background 4-6 or, where bit 7 does not blink, 4-7. Blinking text is steady: only the cursor blinks here.
 */

import { CP437_TEXT } from '../../devices/vga/font/index.ts';
import { FONT_BYTES, GLYPH_BYTES } from '../../devices/vga/index.ts';
import { SCREEN } from '../../hypervisor/layout/index.ts';

export const CELL_WIDTH = 8;
const MAX_CELLS = (SCREEN.FONT - SCREEN.DATA) * 2;
/** As many rows as have a generation of their own in the block. */
const MAX_ROWS = SCREEN.FONT - SCREEN.DATA;
const TEXT = 1,
  GRAPHICS = 2;
/** Sum of the letters of the font that the firmware loads (src/devices/vga/font), from ! to ~. */
const FIRMWARE_LETTERS = -1307415828;

export type ScreenMode = 'off' | 'text' | 'graphics';

/** Finds the pixels of a picture in machine memory (byte offset, how many); undefined: they cannot be read. */
export type FindPixels = (offset: number, count: number) => Uint32Array | undefined;

export interface Damage {
  /** First and one past the last pixel row to copy; equal: nothing. */
  top: number;
  bottom: number;
  /** The picture has another size: everything is new. */
  resized: boolean;
}

const nothing = (resized: boolean): Damage => ({ top: 0, bottom: 0, resized });

export class ScreenPainter {
  mode: ScreenMode = 'off';
  columns = 0;
  rows = 0;
  width = 0;
  height = 0;
  /** 0xAABBGGRR, width * height. */
  pixels = new Uint32Array(0);
  cursorOn = true;
  /** The letters of both fonts are those of the firmware: not a guest's own, nor pictures in their place. */
  hasPlainLetters = false;

  private cellHeight = 16;
  private cells = new Uint16Array(0);
  private drawn = new Int32Array(0);
  private cursor = -1;
  private cursorShape = 0;
  private readonly palette = new Uint32Array(16);
  private readonly font = new Uint8Array(FONT_BYTES);
  /** Mask of the attribute's background colours. */
  private backgrounds = 7;
  /** Generation of the block at the last picture. */
  private generation = 0;

  /** Takes in the block's words (a private copy) and draws what differs from the last call. */
  draw(words: Int32Array, find: FindPixels = () => undefined): Damage {
    const mode = words[SCREEN.MODE]!;
    const width = words[SCREEN.WIDTH]!,
      height = words[SCREEN.HEIGHT]!;
    if (mode === TEXT && width > 0 && height > 0 && width * height <= MAX_CELLS)
      return this.drawText(words, width, height);
    if (mode === GRAPHICS && width > 0 && height > 0 && height <= MAX_ROWS) {
      const source = find(words[SCREEN.PIXELS]! >>> 0, width * height);
      if (source?.length === width * height) return this.drawGraphics(words, source, width, height);
    }
    const resized = this.mode !== 'off';
    this.mode = 'off';
    this.columns = this.rows = 0;
    return nothing(resized);
  }

  /** Redraws the cell under the cursor after `cursorOn` changed. */
  blink(): Damage {
    if (this.mode !== 'text' || this.cursor < 0 || this.cursor >= this.cells.length) return nothing(false);
    this.drawCell(this.cursor);
    const top = Math.floor(this.cursor / this.columns) * this.cellHeight;
    return { top, bottom: top + this.cellHeight, resized: false };
  }

  /** A cell of a text screen: its character, its colours as in `pixels`, and the cursor's lines where that is seen. */
  cell(at: number): { code: number; ink: number; paper: number; cursor: { first: number; last: number } | undefined } {
    const cell = this.cells[at]!;
    return {
      code: cell & 0xff,
      ink: this.palette[(cell >> 8) & 15]!,
      paper: this.palette[(cell >> 12) & this.backgrounds]!,
      cursor:
        at === this.cursor && this.cursorOn
          ? { first: this.cursorShape & 0xff, last: (this.cursorShape >> 8) & 0xff }
          : undefined,
    };
  }

  /** Text of one row, trailing spaces cut. */
  text(row: number): string {
    let line = '';
    for (let at = row * this.columns; at < (row + 1) * this.columns; at++) line += CP437_TEXT[this.cells[at]! & 0xff];
    return line.replace(/[\s\u00a0]+$/, '');
  }

  private drawText(words: Int32Array, columns: number, rows: number): Damage {
    const cellHeight = Math.min(GLYPH_BYTES, Math.max(1, words[SCREEN.CELL_HEIGHT]! || 16));
    const resized =
      this.mode !== 'text' || columns !== this.columns || rows !== this.rows || cellHeight !== this.cellHeight;
    if (resized) {
      this.mode = 'text';
      [this.columns, this.rows, this.cellHeight] = [columns, rows, cellHeight];
      this.width = columns * CELL_WIDTH;
      this.height = rows * cellHeight;
      this.pixels = new Uint32Array(this.width * this.height);
      this.cells = new Uint16Array(columns * rows);
      this.drawn = new Int32Array(columns * rows).fill(-1);
    }
    for (let i = 0; i < 16; i++) {
      const rgb = words[SCREEN.PALETTE + i]!;
      const colour = (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | ((rgb >> 16) & 0xff)) >>> 0;
      if (this.palette[i] !== colour) {
        this.palette[i] = colour;
        this.drawn.fill(-1);
      }
    }
    const backgrounds = words[SCREEN.BLINK] ? 7 : 15;
    if (backgrounds !== this.backgrounds) {
      this.backgrounds = backgrounds;
      this.drawn.fill(-1);
    }
    this.takeFont(words);
    const cells = this.cells;
    for (let at = 0; at < cells.length; at++)
      cells[at] = (words[SCREEN.DATA + (at >> 1)]! >>> ((at & 1) * 16)) & 0xffff;
    const cursor = words[SCREEN.CURSOR]!,
      shape = words[SCREEN.CURSOR_SHAPE]!;
    if (cursor !== this.cursor || shape !== this.cursorShape) {
      for (const at of [cursor, this.cursor]) if (at >= 0 && at < cells.length) this.drawn[at] = -1;
      [this.cursor, this.cursorShape] = [cursor, shape];
    }
    let first = rows,
      last = -1;
    for (let at = 0; at < cells.length; at++) {
      if (this.drawn[at] === cells[at]) continue;
      this.drawCell(at);
      const row = Math.floor(at / columns);
      if (row < first) first = row;
      last = row;
    }
    return resized
      ? { top: 0, bottom: this.height, resized }
      : { top: first * cellHeight, bottom: (last + 1) * cellHeight, resized: false };
  }

  /** A guest that loads another font changes every character. */
  private takeFont(words: Int32Array): void {
    const { font } = this;
    const given = new Uint8Array(words.buffer, words.byteOffset + SCREEN.FONT * 4, FONT_BYTES);
    for (let i = 0; i < FONT_BYTES; i++) {
      if (font[i] === given[i]) continue;
      font.set(given);
      this.drawn.fill(-1);
      this.hasPlainLetters = [0, FONT_BYTES / 2].every(from => sumOfLetters(font, from) === FIRMWARE_LETTERS);
      return;
    }
  }

  private drawCell(at: number): void {
    const cell = this.cells[at]!;
    const glyph = ((cell & 0xff) | ((cell & 0x800) >> 3)) * GLYPH_BYTES;
    const foreground = this.palette[(cell >> 8) & 15]!,
      background = this.palette[(cell >> 12) & this.backgrounds]!;
    const cursor = at === this.cursor && this.cursorOn;
    const cursorFirst = this.cursorShape & 0xff,
      cursorLast = (this.cursorShape >> 8) & 0xff;
    const { width, pixels, cellHeight, font } = this;
    let to = Math.floor(at / this.columns) * cellHeight * width + (at % this.columns) * CELL_WIDTH;
    for (let line = 0; line < cellHeight; line++, to += width) {
      const bits = cursor && line >= cursorFirst && line <= cursorLast ? 0xff : font[glyph + line]!;
      for (let x = 0; x < CELL_WIDTH; x++) pixels[to + x] = bits & (0x80 >> x) ? foreground : background;
    }
    this.drawn[at] = cell;
  }

  /** Copies the rows that changed since the last picture. */
  private drawGraphics(words: Int32Array, source: Uint32Array, width: number, height: number): Damage {
    const resized = this.mode !== 'graphics' || width !== this.width || height !== this.height;
    if (resized) {
      this.mode = 'graphics';
      this.columns = this.rows = 0;
      [this.width, this.height] = [width, height];
      this.pixels = new Uint32Array(width * height);
    }
    const shown = this.generation;
    this.generation = words[SCREEN.GENERATION]!;
    // Generations wrap round: what counts is the difference.
    const changed = (row: number): boolean => resized || ((words[SCREEN.DATA + row]! - shown) | 0) > 0;
    let top = height,
      bottom = 0;
    for (let row = 0; row < height; row++) {
      if (!changed(row)) continue;
      const first = row;
      while (row + 1 < height && changed(row + 1)) row++;
      this.pixels.set(source.subarray(first * width, (row + 1) * width), first * width);
      top = Math.min(top, first);
      bottom = row + 1;
    }
    return bottom > 0 ? { top, bottom, resized } : nothing(resized);
  }
}

/** Of the glyphs from ! to ~ of a font that begins there. */
const sumOfLetters = (fonts: Uint8Array, from: number): number =>
  fonts
    .subarray(from + 0x21 * GLYPH_BYTES, from + 0x7f * GLYPH_BYTES)
    .reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0);

/** Copies a block that others write; false when no consistent copy could be made (try again next frame). */
export function copyBlock(words: Int32Array, into: Int32Array): boolean {
  for (let tries = 0; tries < 4; tries++) {
    const before = Atomics.load(words, SCREEN.SEQUENCE);
    if (before & 1) continue;
    copyUsed(words, into);
    if (Atomics.load(words, SCREEN.SEQUENCE) === before) return true;
  }
  copyUsed(words, into);
  return false;
}

/** Header and data; of a picture, only as much of the data as it has rows. */
function copyUsed(words: Int32Array, into: Int32Array): void {
  const rows = words[SCREEN.MODE] === GRAPHICS ? words[SCREEN.HEIGHT]! : Infinity;
  into.set(words.subarray(0, Math.min(into.length, SCREEN.DATA + Math.max(0, rows))));
}
