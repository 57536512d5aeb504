/**
 * A text screen in the page's letters, for a size in which the font's dots fit no whole number of pixels: scaled dots are uneven. Where a cell has
 * no letter of ASCII, frames and blocks say, it is the guest's dots, scaled.
 */

import type { ScreenPainter } from './painter.ts';

const FIRST_LETTER = 0x21,
  LAST_LETTER = 0x7e;
/** Characters of code page 437 without a dot. */
const BLANK: ReadonlySet<number> = new Set([0x00, 0x20, 0xff]);
/** Of a letter's size: how much of it is above the base line beyond what hangs below. */
const ABOVE = 0.5;
/** No letter is higher than so much of its row. */
const MOST_OF_ROW = 0.86;

/** Of both colours, 0xAABBGGRR, as much of the ink as the letter covers there, 0 to 255. */
function blend(ink: number, paper: number, cover: number): number {
  const bare = 255 - cover;
  const redAndBlue = (((ink & 0xff00ff) * cover + (paper & 0xff00ff) * bare) >>> 8) & 0xff00ff,
    green = (((ink & 0xff00) * cover + (paper & 0xff00) * bare) >>> 8) & 0xff00;
  return (0xff000000 | redAndBlue | green) >>> 0;
}

export class Letters {
  private readonly dots = document.createElement('canvas').getContext('2d', { alpha: false })!;
  /** Where the browser draws each letter once: drawing whole screens of text for every picture keeps one without a graphics card from all else. */
  private readonly stencil = document
    .createElement('canvas')
    .getContext('2d', { alpha: false, willReadFrequently: true })!;
  private readonly glass: CanvasRenderingContext2D;
  private image = new ImageData(1, 1);
  private columns = 0;
  private rows = 0;
  /** The page's font in the size that cells of the glass have room for, pixels. */
  private font = '';
  private size = 0;
  /** How much of each pixel of a cell a letter covers, by letter and size of the cell. */
  private readonly covers = new Map<string, Uint8Array>();
  /** What each cell of the glass shows: its character, ink and paper, or -1. */
  private codes = new Int16Array(0);
  private inks = new Uint32Array(0);
  private papers = new Uint32Array(0);

  constructor(glass: CanvasRenderingContext2D) {
    this.glass = glass;
  }

  /** The glass has another size, or something else was drawn onto it. */
  forget(): void {
    this.codes.fill(-1);
  }

  /** Draws the rows of cells that the pixel rows from `top` to `bottom` are part of. `dots`: the painter's pixels. */
  draw(painter: ScreenPainter, dots: ImageData, top: number, bottom: number): void {
    const { glass } = this,
      { columns, rows, width, height } = painter,
      { width: wide, height: high } = glass.canvas;
    // In a window that has just been made as small as that there is nothing to read.
    if (wide < columns || high < rows) return;
    const isAsBefore =
      this.image.width === wide && this.image.height === high && this.columns === columns && this.rows === rows;
    if (!isAsBefore) {
      this.image = new ImageData(wide, high);
      [this.columns, this.rows] = [columns, rows];
      this.codes = new Int16Array(columns * rows).fill(-1);
      this.inks = new Uint32Array(columns * rows);
      this.papers = new Uint32Array(columns * rows);
      this.chooseFont(wide / columns, high / rows);
    }
    const { codes, inks, papers } = this,
      pixels = new Uint32Array(this.image.data.buffer);
    const x = (column: number): number => Math.round((column * wide) / columns),
      y = (row: number): number => Math.round((row * high) / rows);
    const cellHeight = height / rows,
      first = Math.floor(top / cellHeight),
      end = Math.ceil(bottom / cellHeight);
    const inDots: { column: number; row: number }[] = [];
    for (let row = first; row < end; row++) {
      const up = y(row),
        tall = y(row + 1) - up;
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column,
          { code, ink, paper, cursor } = painter.cell(at),
          left = x(column),
          across = x(column + 1) - left,
          isBlank = BLANK.has(code);
        if (!isBlank && (code < FIRST_LETTER || code > LAST_LETTER)) {
          codes[at] = -1;
          inDots.push({ column, row });
          continue;
        }
        if (!cursor && codes[at] === code && papers[at] === paper && (isBlank || inks[at] === ink)) continue;
        codes[at] = cursor ? -1 : code;
        inks[at] = ink;
        papers[at] = paper;
        const cover = isBlank ? undefined : this.cover(code, across, tall);
        const [from, to] = cursor
          ? [(cursor.first * tall) / cellHeight, ((cursor.last + 1) * tall) / cellHeight].map(Math.round)
          : [0, 0];
        for (let line = 0, out = up * wide + left; line < tall; line++, out += wide)
          if (line >= from! && line < to!) pixels.fill(ink, out, out + across);
          else if (!cover) pixels.fill(paper, out, out + across);
          else for (let i = 0; i < across; i++) pixels[out + i] = blend(ink, paper, cover[line * across + i]!);
      }
    }
    glass.putImageData(this.image, 0, 0, 0, y(first), wide, y(end) - y(first));
    if (inDots.length === 0) return;
    const { dots: source } = this;
    if (source.canvas.width !== width || source.canvas.height !== height)
      Object.assign(source.canvas, { width, height });
    source.putImageData(dots, 0, 0, 0, top, width, bottom - top);
    const cellWidth = width / columns;
    for (const { column, row } of inDots)
      glass.drawImage(
        source.canvas,
        column * cellWidth,
        row * cellHeight,
        cellWidth,
        cellHeight,
        x(column),
        y(row),
        x(column + 1) - x(column),
        y(row + 1) - y(row),
      );
  }

  /** For cells of this many pixels. The fonts are the system's own: none comes later. */
  private chooseFont(cellWide: number, cellHigh: number): void {
    const { stencil } = this;
    const family = getComputedStyle(document.documentElement).getPropertyValue('--mono');
    stencil.font = `100px ${family}`;
    this.size = Math.min((100 * cellWide) / stencil.measureText('M').width, MOST_OF_ROW * cellHigh);
    this.font = `${this.size}px ${family}`;
    this.covers.clear();
  }

  private cover(code: number, across: number, tall: number): Uint8Array {
    const key = `${code} ${across} ${tall}`,
      known = this.covers.get(key);
    if (known) return known;
    const { stencil } = this;
    Object.assign(stencil.canvas, { width: across, height: tall });
    stencil.font = this.font;
    stencil.fillStyle = '#fff';
    stencil.fillText(String.fromCharCode(code), 0, Math.round((tall + ABOVE * this.size) / 2));
    const { data } = stencil.getImageData(0, 0, across, tall);
    const cover = Uint8Array.from({ length: across * tall }, (_, i) => data[4 * i]!);
    this.covers.set(key, cover);
    return cover;
  }
}
