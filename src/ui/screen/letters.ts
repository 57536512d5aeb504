/**
 * A text screen in the page's letters, for a size in which the font's dots fit no whole number of pixels: scaled dots are uneven. Where a cell has
 * no letter of ASCII, frames and blocks say, it is the guest's dots, scaled.
 */

import type { ScreenPainter } from './painter.ts';

const FIRST_LETTER = 0x21,
  LAST_LETTER = 0x7e;
/** Characters of code page 437 without a dot. */
const BLANK: ReadonlySet<number> = new Set([0x00, 0x20, 0xff]);
/** Of a letter's size: how much of it stands above the base line beyond what hangs below. */
const ABOVE = 0.5;
/** No letter is higher than so much of its row. */
const MOST_OF_ROW = 0.86;

const css = (colour: number): string => `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;

export class Letters {
  private readonly dots = document.createElement('canvas').getContext('2d', { alpha: false })!;

  /** Draws the rows of cells that the pixel rows from `top` to `bottom` are part of. `image`: the painter's pixels. */
  draw(glass: CanvasRenderingContext2D, painter: ScreenPainter, image: ImageData, top: number, bottom: number): void {
    const { dots } = this,
      { columns, rows, width, height } = painter,
      { width: wide, height: high } = glass.canvas;
    if (dots.canvas.width !== width || dots.canvas.height !== height) Object.assign(dots.canvas, { width, height });
    dots.putImageData(image, 0, 0, 0, top, width, bottom - top);
    const x = (column: number): number => Math.round((column * wide) / columns),
      y = (row: number): number => Math.round((row * high) / rows);
    const family = getComputedStyle(document.documentElement).getPropertyValue('--mono');
    glass.font = `100px ${family}`;
    const size = Math.min((100 * wide) / columns / glass.measureText('M').width, (MOST_OF_ROW * high) / rows);
    glass.font = `${size}px ${family}`;
    const cellHeight = height / rows;
    for (let row = Math.floor(top / cellHeight); row < Math.ceil(bottom / cellHeight); row++) {
      const up = y(row),
        tall = y(row + 1) - up,
        base = up + Math.round((tall + ABOVE * size) / 2);
      for (let column = 0; column < columns; column++) {
        const { code, ink, paper, cursor } = painter.cell(row * columns + column),
          left = x(column),
          across = x(column + 1) - left;
        // Of an empty cell there is nothing to scale: what stands beside it in the guest's dots would shine through.
        if (!BLANK.has(code) && (code < FIRST_LETTER || code > LAST_LETTER)) {
          glass.drawImage(
            dots.canvas,
            (column * width) / columns,
            row * cellHeight,
            width / columns,
            cellHeight,
            left,
            up,
            across,
            tall,
          );
          continue;
        }
        glass.fillStyle = css(paper);
        glass.fillRect(left, up, across, tall);
        glass.fillStyle = css(ink);
        if (!BLANK.has(code)) glass.fillText(String.fromCharCode(code), left, base);
        if (cursor)
          glass.fillRect(
            left,
            up + (cursor.first * tall) / cellHeight,
            across,
            ((cursor.last + 1 - cursor.first) * tall) / cellHeight,
          );
      }
    }
  }
}
