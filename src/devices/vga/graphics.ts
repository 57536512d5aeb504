/**
 * What the VGA shifts out in graphics modes: from planes and registers to pixels.
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem": CRTC addressing modes, shift registers, attribute controller.
 */
import { attributeColour, dacColour, displayLines, lineCompare } from './text.ts';
import {
  AC_MODE_CONTROL,
  AC_PEL_PANNING,
  CRTC_HORIZONTAL_DISPLAY_END,
  CRTC_MAXIMUM_SCAN_LINE,
  CRTC_MODE_CONTROL,
  CRTC_OFFSET,
  CRTC_PRESET_ROW_SCAN,
  CRTC_START_ADDRESS_HIGH,
  CRTC_START_ADDRESS_LOW,
  CRTC_UNDERLINE_LOCATION,
  GC_MODE,
  type VgaRegisters,
} from './registers.ts';

/** 0x00RRGGBB to a pixel of ImageData on a little-endian host, opaque. */
export const pixel = (rgb: number): number => (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >>> 16)) >>> 0;

/** How the shift registers are loaded (graphics mode register, bits 5 and 6). */
const PLANAR = 0,
  INTERLEAVED = 1,
  BYTES = 2;

export interface Picture {
  width: number;
  height: number;
  /** Scan lines (double scanning taken off) that one row of pixels represents. */
  repeat: number;
  shift: number;
  /** Bytes of a plane from one row to the next, and the first one, where the display interface says them; else the CRTC does. */
  rows?: { pitch: number; start: number };
}

export function pictureOf(r: VgaRegisters): Picture {
  const { crtc, graphics } = r;
  const lines = displayLines(r) >> (crtc[CRTC_MAXIMUM_SCAN_LINE] & 0x80 ? 1 : 0);
  // Where the row scan counter goes into the address (CGA, Hercules), every scan line of a character row is another one.
  const repeat = (crtc[CRTC_MODE_CONTROL] & 3) === 3 ? (crtc[CRTC_MAXIMUM_SCAN_LINE] & 0x1f) + 1 : 1;
  const shift = graphics[GC_MODE] & 0x40 ? BYTES : graphics[GC_MODE] & 0x20 ? INTERLEAVED : PLANAR;
  // 256 colours take two dot clocks a pixel.
  return {
    width: (crtc[CRTC_HORIZONTAL_DISPLAY_END] + 1) * (shift === BYTES ? 4 : 8),
    height: Math.max(1, Math.floor(lines / repeat)),
    repeat,
    shift,
  };
}

/** Draws the picture. `words` are the interleaved planes, one word an offset. */
export function drawPlanes(r: VgaRegisters, words: Uint32Array, picture: Picture, pixels: Uint32Array): void {
  const { crtc, attribute } = r;
  const { width, height, repeat, shift, rows } = picture;
  const bytes = shift === BYTES;
  const perFetch = bytes ? 4 : 8;
  const colours = new Uint32Array(bytes ? 256 : 16);
  for (let i = 0; i < colours.length; i++) colours[i] = pixel(dacColour(r, bytes ? i : attributeColour(r, i)));

  const rowScans = rows ? 1 : (crtc[CRTC_MAXIMUM_SCAN_LINE] & 0x1f) + 1;
  const pitch = rows?.pitch ?? crtc[CRTC_OFFSET] * 2;
  const start = rows?.start ?? (crtc[CRTC_START_ADDRESS_HIGH] << 8) | crtc[CRTC_START_ADDRESS_LOW];
  const doubleword = !rows && (crtc[CRTC_UNDERLINE_LOCATION] & 0x40) !== 0;
  const byteMode = rows !== undefined || (crtc[CRTC_MODE_CONTROL] & 0x40) !== 0;
  const wrapBit = crtc[CRTC_MODE_CONTROL] & 0x20 ? 15 : 13;
  const rowScan13 = !rows && !(crtc[CRTC_MODE_CONTROL] & 1);
  const rowScan14 = !rows && !(crtc[CRTC_MODE_CONTROL] & 2);
  const split = rows
    ? Infinity
    : Math.floor((lineCompare(r) + 1) / (crtc[CRTC_MAXIMUM_SCAN_LINE] & 0x80 ? 2 : 1) / repeat);
  const panSplit = (attribute[AC_MODE_CONTROL] & 0x20) === 0;
  const pan = attribute[AC_PEL_PANNING] & 7;
  const scroll = rows ? 0 : (crtc[CRTC_PRESET_ROW_SCAN] >> 5) & 3;

  // A row of our own: loops over shared memory, where the pixels may lie, are slow.
  const dots = new Uint32Array(width);
  for (let y = 0; y < height; y++) {
    const below = y >= split;
    const line = (below ? y - split : y) * (repeat > 1 ? rowScans : 1);
    const scan = line % rowScans;
    const row = Math.floor(line / rowScans);
    const from = (below ? 0 : start + scroll) + row * pitch;
    // Pixel panning moves the picture left; past the split it stays if the attribute controller says so.
    const skip = below && !panSplit ? 0 : bytes ? pan >> 1 : pan;
    for (let column = 0, x = -skip; x < width; column++, x += perFetch) {
      const counter = from + column;
      let address = doubleword
        ? (counter << 2) | ((counter >> 14) & 3)
        : byteMode
          ? counter
          : (counter << 1) | ((counter >> wrapBit) & 1);
      if (rowScan13) address = (address & ~0x2000) | ((scan & 1) << 13);
      if (rowScan14) address = (address & ~0x4000) | ((scan & 2) << 13);
      const word = words[address & 0xffff];
      const whole = x >= 0 && x + perFetch <= width;
      if (bytes && whole) {
        dots[x] = colours[word & 0xff];
        dots[x + 1] = colours[(word >>> 8) & 0xff];
        dots[x + 2] = colours[(word >>> 16) & 0xff];
        dots[x + 3] = colours[word >>> 24];
        continue;
      }
      for (let i = 0; i < perFetch; i++) {
        const at = x + i;
        if (!whole && (at < 0 || at >= width)) continue;
        let colour: number;
        if (bytes) colour = (word >>> (8 * i)) & 0xff;
        else if (shift === PLANAR) {
          const bits = word >>> (7 - i);
          colour = (bits & 1) | ((bits >>> 7) & 2) | ((bits >>> 14) & 4) | ((bits >>> 21) & 8);
        } else {
          // Two bits of plane 0 and 2 for the first four pixels, of 1 and 3 for the others.
          const bits = word >>> ((i & 4 ? 8 : 0) + 6 - 2 * (i & 3));
          colour = (bits & 3) | ((bits >>> 14) & 12);
        }
        dots[at] = colours[colour];
      }
    }
    pixels.set(dots, y * width);
  }
}
