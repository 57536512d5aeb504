/** The other end of RFB, for tests: what a server sends, drawn. Written from RFC 6143, 7.6 and 7.7, and not from what sends it here. */
import type { PixelFormat, Reading } from './index.ts';

/** Pixels are numbers of the format that was asked for. */
export interface Canvas {
  width: number;
  height: number;
  pixels: Uint32Array;
}

export const canvas = (width: number, height: number): Canvas => ({
  width,
  height,
  pixels: new Uint32Array(width * height),
});

export interface Drawn {
  encoding: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

const number = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

function* pixel({ bitsPerPixel, isBigEndian }: PixelFormat): Reading<number> {
  const bytes = (yield bitsPerPixel / 8).slice();
  return number(isBigEndian ? bytes : bytes.reverse());
}

function fill(on: Canvas, x: number, y: number, width: number, height: number, colour: number): void {
  for (let row = y; row < y + height; row++) on.pixels.fill(colour, row * on.width + x, row * on.width + x + width);
}

function* raw(on: Canvas, format: PixelFormat, area: Omit<Drawn, 'encoding'>): Reading<void> {
  for (let y = area.y; y < area.y + area.height; y++)
    for (let x = area.x; x < area.x + area.width; x++) on.pixels[y * on.width + x] = yield* pixel(format);
}

export function* hextile(on: Canvas, format: PixelFormat, area: Omit<Drawn, 'encoding'>): Reading<void> {
  let background: number | undefined, foreground: number | undefined;
  for (let y = area.y; y < area.y + area.height; y += 16)
    for (let x = area.x; x < area.x + area.width; x += 16) {
      const width = Math.min(16, area.x + area.width - x),
        height = Math.min(16, area.y + area.height - y);
      const mask = (yield 1)[0];
      if (mask & 1) {
        yield* raw(on, format, { x, y, width, height });
        // Nobody may build on them behind such a tile.
        background = foreground = undefined;
        continue;
      }
      if (mask & 2) background = yield* pixel(format);
      if (mask & 4) foreground = yield* pixel(format);
      if (background === undefined) throw new Error('a tile without a background');
      fill(on, x, y, width, height, background);
      const count = mask & 8 ? (yield 1)[0] : 0;
      for (let i = 0; i < count; i++) {
        const colour = mask & 16 ? yield* pixel(format) : foreground;
        if (colour === undefined) throw new Error('a rectangle without a colour');
        const [place, size] = yield 2;
        if ((place >> 4) + (size >> 4) + 1 > width || (place & 15) + (size & 15) + 1 > height)
          throw new Error('a rectangle beyond its tile');
        fill(on, x + (place >> 4), y + (place & 15), (size >> 4) + 1, (size & 15) + 1, colour);
      }
      if (mask & 16) foreground = undefined;
    }
}

/** One message of a server: the rectangles of an update, or 'colours'. */
export function* readServerMessage(on: Canvas, format: PixelFormat): Reading<Drawn[] | 'colours'> {
  const [type] = yield 1;
  if (type === 1) {
    const head = yield 5;
    yield 6 * number(head.subarray(3));
    return 'colours';
  }
  if (type !== 0) throw new Error(`a message of type ${type}`);
  const count = number((yield 3).subarray(1));
  const drawn: Drawn[] = [];
  for (let i = 0; i < count; i++) {
    const head = (yield 12).slice();
    const [x, y, width, height] = [0, 2, 4, 6].map(at => number(head.subarray(at, at + 2)));
    const each = { x, y, width, height, encoding: number(head.subarray(8)) | 0 };
    drawn.push(each);
    if (each.encoding >= 0 && (x + width > on.width || y + height > on.height))
      throw new Error('a rectangle beyond the screen');
    if (each.encoding === 0) yield* raw(on, format, each);
    else if (each.encoding === 5) yield* hextile(on, format, each);
    else if (each.encoding === -223) Object.assign(on, canvas(width, height));
    else if (each.encoding !== -257 && each.encoding !== -258) throw new Error(`encoding ${each.encoding}`);
  }
  return drawn;
}

/** Has something read bytes that are all there. @throws Error: there are too few, or some are left */
export function readAll<T>(reading: Reading<T>, bytes: Uint8Array<ArrayBuffer>): T {
  let at = 0;
  for (let step = reading.next(); ; ) {
    if (step.done) {
      if (at < bytes.length) throw new Error(`${bytes.length - at} bytes are left`);
      return step.value;
    }
    if (at + step.value > bytes.length) throw new Error('there are too few bytes');
    const piece = bytes.subarray(at, at + step.value);
    at += step.value;
    step = reading.next(piece);
  }
}
