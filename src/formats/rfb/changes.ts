/** What of a picture is new to a client that has another one. */

/** Three bytes a pixel, red, green, blue, row by row. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What is compared at once, and a tile of hextile. */
export const TILE = 16;

/** Whether the pictures differ in a rectangle; both are of one size. */
function differ(before: Picture, now: Picture, { x, y, width, height }: Rectangle): boolean {
  for (let row = y; row < y + height; row++) {
    const first = (row * now.width + x) * 3,
      end = first + width * 3;
    for (let at = first; at < end; at++) if (before.rgb[at] !== now.rgb[at]) return true;
  }
  return false;
}

/** What of `area`, which lies in the picture, is not as it was: tiles, and where they lie next to or below each other one rectangle for them. */
export function changedRectangles(before: Picture, now: Picture, area: Rectangle): Rectangle[] {
  const changed: Rectangle[] = [];
  /** Of the band above, by their x. */
  let above = new Map<number, Rectangle>();
  for (let y = area.y; y < area.y + area.height; ) {
    const height = Math.min(TILE - (y % TILE), area.y + area.height - y);
    const here = new Map<number, Rectangle>();
    for (const run of runsOf(before, now, { ...area, y, height })) {
      const over = above.get(run.x);
      if (over?.width === run.width) over.height += height;
      else changed.push(run);
      here.set(run.x, over?.width === run.width ? over : run);
    }
    above = here;
    y += height;
  }
  return changed;
}

/** Of a band no higher than a tile. */
function* runsOf(before: Picture, now: Picture, band: Rectangle): Generator<Rectangle> {
  const end = band.x + band.width;
  let run: Rectangle | undefined;
  for (let x = band.x; x < end; ) {
    const width = Math.min(TILE - (x % TILE), end - x);
    if (differ(before, now, { ...band, x, width })) {
      run ??= { ...band, x, width: 0 };
      run.width += width;
    } else if (run) {
      yield run;
      run = undefined;
    }
    x += width;
  }
  if (run) yield run;
}

/** Has `into` be as `from` in a rectangle; both are of one size. */
export function copyRectangle(into: Picture, from: Picture, { x, y, width, height }: Rectangle): void {
  for (let row = y; row < y + height; row++) {
    const at = (row * from.width + x) * 3;
    into.rgb.set(from.rgb.subarray(at, at + width * 3), at);
  }
}

/** The picture in another size: what is beyond is cut off, and where there is none it is black. */
export function fitted(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture;
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < Math.min(height, picture.height); y++) {
    const at = y * picture.width * 3;
    rgb.set(picture.rgb.subarray(at, at + Math.min(width, picture.width) * 3), y * width * 3);
  }
  return { width, height, rgb };
}
