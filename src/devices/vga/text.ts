/** The text screen that the CRT controller would scan out, as cells. */
import { FONT_BYTES, GLYPH_BYTES, type TextFrame } from './screen.ts';
import {
  AC_COLOR_PLANE_ENABLE,
  AC_COLOR_SELECT,
  AC_MODE_CONTROL,
  CRTC_CURSOR_END,
  CRTC_CURSOR_LOCATION_HIGH,
  CRTC_CURSOR_LOCATION_LOW,
  CRTC_CURSOR_START,
  CRTC_HORIZONTAL_DISPLAY_END,
  CRTC_LINE_COMPARE,
  CRTC_MAXIMUM_SCAN_LINE,
  CRTC_MODE_CONTROL,
  CRTC_OFFSET,
  CRTC_OVERFLOW,
  CRTC_START_ADDRESS_HIGH,
  CRTC_START_ADDRESS_LOW,
  CRTC_VERTICAL_DISPLAY_END,
  SEQ_CHARACTER_MAP_SELECT,
  SEQ_CLOCKING_MODE,
  type VgaRegisters,
} from './registers.ts';

/** Largest text screen that is shown; a CRTC can ask for more, which no monitor could. */
const MOST_COLUMNS = 256,
  MOST_ROWS = 128;

export const newTextFrame = (): TextFrame => ({
  columns: 80,
  rows: 25,
  cells: new Uint16Array(MOST_COLUMNS * MOST_ROWS),
  cursor: -1,
  cursorStart: 0,
  cursorEnd: 0,
  cellWidth: 9,
  cellHeight: 16,
  palette: new Uint32Array(16),
  font: new Uint8Array(FONT_BYTES),
  blink: true,
});

/** Vertical display end in scan lines. */
export function displayLines({ crtc }: { crtc: Uint8Array }): number {
  return (crtc[CRTC_VERTICAL_DISPLAY_END] | ((crtc[CRTC_OVERFLOW] & 2) << 7) | ((crtc[CRTC_OVERFLOW] & 0x40) << 3)) + 1;
}

/** 24-bit colour (0x00RRGGBB) of a DAC entry, through the pixel mask. */
export function dacColour({ dac, dacMask }: { dac: Uint8Array; dacMask: number }, index: number): number {
  const at = (index & dacMask) * 3;
  const eight = (six: number) => (six << 2) | (six >> 4);
  return (eight(dac[at]) << 16) | (eight(dac[at + 1]) << 8) | eight(dac[at + 2]);
}

/** DAC index of one of the 16 attribute colours: palette register, completed by colour select as the mode control says. */
export function attributeColour({ attribute }: { attribute: Uint8Array }, index: number): number {
  const value = attribute[index & attribute[AC_COLOR_PLANE_ENABLE] & 15];
  const select = attribute[AC_COLOR_SELECT];
  if (attribute[AC_MODE_CONTROL] & 0x80) return (value & 0x0f) | ((select & 0x0f) << 4);
  return (value & 0x3f) | ((select & 0x0c) << 4);
}

/** Where the eight fonts lie in plane 2, by the number in the character map select register. */
const FONT_PLANE = 2,
  FONT_OFFSETS = [0, 0x4000, 0x8000, 0xc000, 0x2000, 0x6000, 0xa000, 0xe000];

/** Font of map B (attribute bit 3 clear), then of map A (set). */
function fontFromMemory(mapSelect: number, memory: Uint8Array, cellHeight: number, font: Uint8Array): void {
  const b = (mapSelect & 3) | ((mapSelect >> 2) & 4);
  const a = ((mapSelect >> 2) & 3) | ((mapSelect >> 3) & 4);
  for (let to = 0; to < FONT_BYTES; to += GLYPH_BYTES) {
    const from = FONT_OFFSETS[to < FONT_BYTES / 2 ? b : a] + (to & (FONT_BYTES / 2 - 1));
    for (let line = 0; line < cellHeight; line++) font[to + line] = memory[(from + line) * 4 + FONT_PLANE];
  }
}

/** Fills `frame` from the registers and the interleaved planes (0: characters, 1: attributes, 2: fonts). */
export function cellsFromMemory(r: VgaRegisters, memory: Uint8Array, frame: TextFrame): void {
  const { crtc } = r;
  const cellHeight = (crtc[CRTC_MAXIMUM_SCAN_LINE] & 0x1f) + 1;
  const columns = Math.min(crtc[CRTC_HORIZONTAL_DISPLAY_END] + 1, MOST_COLUMNS);
  const lines = displayLines(r) >> (crtc[CRTC_MAXIMUM_SCAN_LINE] & 0x80 ? 1 : 0);
  const rows = Math.max(1, Math.min(Math.floor(lines / cellHeight), MOST_ROWS));
  // The address counter counts characters; word mode puts it on even offsets, byte mode leaves it.
  const shift = crtc[CRTC_MODE_CONTROL] & 0x40 ? 0 : 1;
  const pitch = crtc[CRTC_OFFSET] * 2;
  const start = (crtc[CRTC_START_ADDRESS_HIGH] << 8) | crtc[CRTC_START_ADDRESS_LOW];
  const split = lineCompare(r);
  let address = start;
  for (let row = 0; row < rows; row++) {
    // Past the line compare the address counter starts again from 0 (split screen).
    if (row > 0 && row * cellHeight > split && (row - 1) * cellHeight <= split) address = 0;
    for (let column = 0; column < columns; column++) {
      const at = (((address + column) << shift) & 0xffff) * 4;
      frame.cells[row * columns + column] = memory[at] | (memory[at + 1] << 8);
    }
    address += pitch;
  }
  frame.columns = columns;
  frame.rows = rows;
  frame.cellWidth = r.sequencer[SEQ_CLOCKING_MODE] & 1 ? 8 : 9;
  frame.cellHeight = cellHeight;
  frame.blink = (r.attribute[AC_MODE_CONTROL] & 8) !== 0;
  fontFromMemory(r.sequencer[SEQ_CHARACTER_MAP_SELECT], memory, cellHeight, frame.font);
  const cursor = ((crtc[CRTC_CURSOR_LOCATION_HIGH] << 8) | crtc[CRTC_CURSOR_LOCATION_LOW]) - start;
  const row = Math.floor(cursor / (pitch || columns));
  const column = cursor - row * (pitch || columns);
  const shown =
    !(crtc[CRTC_CURSOR_START] & 0x20) &&
    (crtc[CRTC_CURSOR_START] & 0x1f) <= (crtc[CRTC_CURSOR_END] & 0x1f) &&
    cursor >= 0 &&
    row < rows &&
    column < columns;
  frame.cursor = shown ? row * columns + column : -1;
  frame.cursorStart = crtc[CRTC_CURSOR_START] & 0x1f;
  frame.cursorEnd = crtc[CRTC_CURSOR_END] & 0x1f;
  for (let i = 0; i < 16; i++) frame.palette[i] = dacColour(r, attributeColour(r, i));
}

/** Scan line after which the address counter is cleared. */
export function lineCompare({ crtc }: { crtc: Uint8Array }): number {
  return crtc[CRTC_LINE_COMPARE] | ((crtc[CRTC_OVERFLOW] & 0x10) << 4) | ((crtc[CRTC_MAXIMUM_SCAN_LINE] & 0x40) << 3);
}
