/** Where a graphics adapter shows what it scans out. The machine passes one in; the page or a test is behind it. */

/** A text screen. One object that the adapter reuses: copy what you keep. */
export interface TextFrame {
  columns: number;
  rows: number;
  /** rows * columns cells: character in bits 0-7, attribute in 8-15. Longer than that is possible. */
  cells: Uint16Array;
  /** Cell under the cursor (row * columns + column); -1: hidden. */
  cursor: number;
  /** Scan lines of the cursor within its cell. */
  cursorStart: number;
  cursorEnd: number;
  /** Dots of a cell. */
  cellWidth: number;
  cellHeight: number;
  /** 16 colours 0x00RRGGBB. */
  palette: Uint32Array;
  /** Attribute bit 7 blinks (else it is a bright background). */
  blink: boolean;
}

export interface ScreenWriter {
  /** Nothing is shown: the adapter is off or blanked. */
  off(): void;
  text(frame: TextFrame): void;
  /** Memory for a picture of width x height pixels, 0xAABBGGRR each (ready for ImageData); null: no room, nothing can be shown. */
  pixels?(width: number, height: number): Uint32Array | null;
  /** Rows `first` to `last` of that picture have changed. */
  pixelsChanged?(first: number, last: number): void;
}
