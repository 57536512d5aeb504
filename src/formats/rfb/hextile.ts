/** Hextile: tiles of 16 × 16, each of one colour with rectangles of others on it. Source: RFC 6143, 7.7.4. */
import type { ByteSink } from './byte-sink.ts';
import { type Picture, type Rectangle, TILE } from './changes.ts';
import type { Pixels } from './pixels.ts';
import { rawRectangle } from './updates.ts';

const RAW = 1,
  BACKGROUND = 2,
  FOREGROUND = 4,
  ANY_SUBRECTS = 8,
  COLOURED = 16;

/** A tile's pixels, and what its two first colours are; the background is the one that there is more of. */
interface Tile {
  width: number;
  height: number;
  pixels: Uint32Array;
  background: number;
  /** Undefined: there is no other colour, or more than one. */
  foreground: number | undefined;
  isPlain: boolean;
}

type Subrect = Rectangle & { colour: number };

/** Colours that the last tile has left, which the next need not say again. */
interface Left {
  background?: number;
  foreground?: number | undefined;
}

export function encodeHextile(sink: ByteSink, picture: Picture, pixels: Pixels, area: Rectangle): void {
  let left: Left = {};
  for (let y = area.y; y < area.y + area.height; y += TILE)
    for (let x = area.x; x < area.x + area.width; x += TILE) {
      const place = {
        x,
        y,
        width: Math.min(TILE, area.x + area.width - x),
        height: Math.min(TILE, area.y + area.height - y),
      };
      left = putTile(sink, tileOf(picture, pixels, place), pixels, left) ?? {};
      if (left.background === undefined) rawRectangle(sink.u8(RAW), picture, pixels, place);
    }
}

function tileOf(picture: Picture, format: Pixels, { x, y, width, height }: Rectangle): Tile {
  const pixels = new Uint32Array(width * height);
  for (let row = 0, i = 0; row < height; row++)
    for (let at = ((y + row) * picture.width + x) * 3, column = 0; column < width; column++, at += 3)
      pixels[i++] = format.of(picture.rgb, at);
  const [first] = pixels;
  const second = pixels.find(pixel => pixel !== first);
  if (second === undefined) return { width, height, pixels, background: first, foreground: undefined, isPlain: true };
  let firsts = 0,
    seconds = 0;
  for (const pixel of pixels) {
    if (pixel === first) firsts++;
    else if (pixel === second) seconds++;
  }
  const [background, other] = firsts < seconds ? [second, first] : [first, second];
  const foreground = firsts + seconds === pixels.length ? other : undefined;
  return { width, height, pixels, background, foreground, isPlain: false };
}

/** Undefined: as raw pixels it is shorter, and nothing was put. */
function putTile(sink: ByteSink, tile: Tile, format: Pixels, left: Left): Left | undefined {
  const { background, foreground, isPlain } = tile;
  const isColoured = !isPlain && foreground === undefined;
  const saysBackground = background !== left.background,
    saysForeground = foreground !== undefined && foreground !== left.foreground;
  const bytes = (saysBackground ? format.bytes : 0) + (saysForeground ? format.bytes : 0) + (isPlain ? 0 : 1),
    room = tile.pixels.length * format.bytes - bytes;
  const subrects = subrectsOf(tile, Math.min(255, Math.floor(room / (2 + (isColoured ? format.bytes : 0)))));
  if (!subrects) return undefined;
  const pixel = (value: number): ByteSink => sink.filled(format.bytes, (into, at) => format.put(into, at, value));
  sink.u8(
    (saysBackground ? BACKGROUND : 0) |
      (saysForeground ? FOREGROUND : 0) |
      (isPlain ? 0 : ANY_SUBRECTS) |
      (isColoured ? COLOURED : 0),
  );
  if (saysBackground) pixel(background);
  if (saysForeground) pixel(foreground);
  if (!isPlain) sink.u8(subrects.length);
  for (const { x, y, width, height, colour } of subrects) {
    if (isColoured) pixel(colour);
    sink.u8((x << 4) | y).u8(((width - 1) << 4) | (height - 1));
  }
  // Behind coloured ones no foreground is left.
  return { background, ...(isColoured ? {} : { foreground: foreground ?? left.foreground }) };
}

/**
 * Rectangles of one colour each that together are all but the background: as wide as they go, then as high. Takes the tile's pixels away.
 * Undefined: there are more than `most`.
 */
function subrectsOf({ width, height, pixels, background }: Tile, most: number): Subrect[] | undefined {
  const found: Subrect[] = [];
  for (let at = 0; at < pixels.length; at++) {
    const colour = pixels[at];
    if (colour === background) continue;
    const x = at % width,
      y = (at - x) / width;
    let wide = 1,
      high = 1;
    while (x + wide < width && pixels[at + wide] === colour) wide++;
    const isSame = (row: number): boolean => {
      for (let i = 0; i < wide; i++) if (pixels[row * width + x + i] !== colour) return false;
      return true;
    };
    while (y + high < height && isSame(y + high)) high++;
    for (let row = y; row < y + high; row++) pixels.fill(background, row * width + x, row * width + x + wide);
    if (found.length >= most) return undefined;
    found.push({ x, y, width: wide, height: high, colour });
  }
  return found;
}
