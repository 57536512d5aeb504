/** @vitest-environment happy-dom */
import { expect, it, vi } from 'vitest';
import { Letters } from './letters.ts';
import { ScreenPainter } from './painter.ts';

class Image {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  constructor(width: number, height: number) {
    [this.width, this.height] = [width, height];
    if (width < 1 || height < 1) throw new RangeError('IndexSizeError');
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}

/** A 2D context whose letters cover the left half of their cell. */
function context(width = 0, height = 0) {
  return {
    canvas: { width, height },
    font: '',
    fillStyle: '',
    measureText: vi.fn(() => ({ width: 60 })),
    fillText: vi.fn(),
    drawImage: vi.fn(),
    putImageData: vi.fn(),
    getImageData: (_x: number, _y: number, wide: number, high: number) => {
      const image = new Image(wide, high);
      for (let i = 0; i < wide * high; i++) image.data.fill(i % wide < wide / 2 ? 255 : 0, 4 * i, 4 * i + 4);
      return image;
    },
  };
}

const INK = 0xffaaaaaa,
  PAPER = 0xff000000;

function screen(text: string, rows = 1) {
  const painter = new ScreenPainter(),
    columns = text.length / rows;
  Object.assign(painter, { columns, rows, width: 8 * columns, height: 16 * rows });
  painter.cell = at => ({ code: text.charCodeAt(at), ink: INK, paper: PAPER, cursor: undefined });
  return painter;
}

function letters(width: number, height: number) {
  vi.stubGlobal('ImageData', Image);
  const glass = context(width, height),
    stencil = context();
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockImplementation((() => stencil) as never);
  return { glass, stencil, letters: new Letters(glass as never) };
}

const dots = new Image(8, 16) as never;

it('has each letter drawn once, and puts it where it is wanted', () => {
  const { glass, stencil, letters: drawn } = letters(30, 20);
  drawn.draw(screen('A A'), dots, 0, 16);
  expect(stencil.fillText).toHaveBeenCalledOnce();
  const [image] = glass.putImageData.mock.lastCall as [Image],
    row = [...new Uint32Array(image.data.buffer, 0, 30)];
  expect(row.slice(0, 5).every(pixel => pixel !== PAPER)).toBe(true);
  expect(row.slice(5, 20)).toEqual(Array(15).fill(PAPER));
  drawn.draw(screen('AA '), dots, 0, 16);
  expect(stencil.fillText).toHaveBeenCalledOnce();
  expect([...new Uint32Array(image.data.buffer, 0, 30)].slice(10, 15).every(pixel => pixel !== PAPER)).toBe(true);
});

it('measures its font once for a size of cells', () => {
  const { glass, stencil, letters: drawn } = letters(30, 20);
  const styles = vi.spyOn(window, 'getComputedStyle');
  for (const text of ['A A', 'AA ']) drawn.draw(screen(text), dots, 0, 16);
  expect([styles.mock.calls.length, stencil.measureText.mock.calls.length]).toEqual([1, 1]);
  glass.canvas.width = 60;
  drawn.draw(screen('AA '), dots, 0, 16);
  expect(stencil.measureText).toHaveBeenCalledTimes(2);
});

it('draws all of a screen that has as many cells as before in other rows', () => {
  const { glass, letters: drawn } = letters(40, 40);
  drawn.draw(screen('A   '), dots, 0, 16);
  drawn.draw(screen('A   ', 2), dots, 0, 32);
  const [image] = glass.putImageData.mock.lastCall as [Image],
    left = (row: number) => new Uint32Array(image.data.buffer)[row * 40 + 9];
  expect([left(10), left(30)]).toEqual([expect.not.closeTo(PAPER, 0), PAPER]);
});

it('takes what is no letter from the screen’s dots', () => {
  const { glass, letters: drawn } = letters(20, 20);
  drawn.draw(screen('A\xc9'), dots, 0, 16);
  expect(glass.drawImage).toHaveBeenCalledOnce();
});

it.each([
  [0, 20],
  [20, 0],
  [1, 20],
])('draws nothing on a glass of %i × %i, where no cell has a pixel of its own', (width, height) => {
  const { glass, letters: drawn } = letters(width, height);
  drawn.draw(screen('AB'), dots, 0, 16);
  expect(glass.putImageData).not.toHaveBeenCalled();
});
