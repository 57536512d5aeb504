/**
 * Code page 437's lines, shades and blocks (B0h to DFh) and its smallest dot (FAh), drawn for 8 columns and any number of scan lines: a single line is columns 3 and 4 or the scan line above
 * the middle, a double one lies on both sides of that.
 */

/** For B3h to DAh: lines up, down, to the left and to the right; 1 single, 2 double. */
const LINES =
  '1100 1110 1120 2210 0210 0120 2220 2200 0220 2020 2010 1020 0110 1001 1011 0111 1101 0011 1111 1102 2201 2002 0202 2022 0222 2202 0022 2222 1022 2011 0122 0211 2001 1002 0102 0201 2211 1122 1010 0101'.split(
    ' ',
  );

/** Rows of pixels, a byte each, bit 7 leftmost; undefined: it is no such character. */
export function blockGlyph(code, height) {
  const rows = draw => Buffer.from(Array.from({ length: height }, (_, y) => draw(y)));
  const half = height / 2;
  switch (code) {
    case 0xb0:
      return rows(y => [0x11, 0x44][y % 2]);
    case 0xb1:
      return rows(y => [0x55, 0xaa][y % 2]);
    case 0xb2:
      return rows(y => [0xdd, 0x77][y % 2]);
    case 0xdb:
      return rows(() => 0xff);
    case 0xdc:
      return rows(y => (y < half ? 0 : 0xff));
    case 0xdd:
      return rows(() => 0xf0);
    case 0xde:
      return rows(() => 0x0f);
    case 0xdf:
      return rows(y => (y < half ? 0xff : 0));
    case 0xfa:
      return rows(y => (y === half - 1 ? 0x18 : 0));
  }
  const [up, down, left, right] = [...(LINES[code - 0xb3] ?? '')].map(Number);
  if (up === undefined) return undefined;
  const middle = half - 1;
  const vertical = Math.max(up, down),
    horizontal = Math.max(left, right);
  /** What the lines across take of the cell's middle: columns and rows, from and to. */
  const columns = vertical === 2 ? [1, 6] : [3, 4],
    band = horizontal === 2 ? [middle - 1, middle + 1] : [middle, middle];
  const pixels = Array.from({ length: height }, () => new Uint8Array(8));
  const fill = (x0, x1, y0, y1, value) => {
    for (let y = y0; y <= y1; y++) pixels[y].fill(value, x0, x1 + 1);
  };
  // Bands as wide as each line with its gap, through to the far side of what they meet; then the gaps.
  if (vertical) fill(...columns, up ? 0 : band[0], down ? height - 1 : band[1], 1);
  if (horizontal) fill(left ? 0 : columns[0], right ? 7 : columns[1], ...band, 1);
  if (vertical === 2)
    fill(
      3,
      4,
      up ? 0 : horizontal === 2 ? middle : band[1] + 1,
      down ? height - 1 : horizontal === 2 ? middle : band[0] - 1,
      0,
    );
  if (horizontal === 2)
    fill(
      left ? 0 : vertical === 2 ? 3 : columns[1] + 1,
      right ? 7 : vertical === 2 ? 4 : columns[0] - 1,
      middle,
      middle,
      0,
    );
  // A single line passes a double one that ends there or that it crosses; it ends at one that goes on.
  if (vertical === 1 && horizontal === 2 && (up === down || left !== right))
    fill(...columns, up ? 0 : band[0], down ? height - 1 : band[1], 1);
  if (horizontal === 1 && vertical === 2 && (left === right || up !== down))
    fill(left ? 0 : columns[0], right ? 7 : columns[1], ...band, 1);
  return rows(y => pixels[y].reduce((byte, pixel) => (byte << 1) | pixel, 0));
}
