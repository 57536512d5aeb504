/** Where a graphics adapter shows what it scans out, and where its memory is. The machine passes both in; the page or a test is behind them. */
import { sparseTable } from '../../cpu/architecture/index.ts';

/** Bytes of a character in a font, as the VGA has them; lines past the cell's height are not used. */
export const GLYPH_BYTES = 32;
export const FONT_BYTES = 2 * 256 * GLYPH_BYTES;

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
  /**
   * Dots of the characters, GLYPH_BYTES each from the top line down, bit 7 leftmost: 256 of the font that attribute bit 3 clear chooses, then 256 of
   * the one for bit 3 set (often the same one).
   */
  font: Uint8Array;
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
  /** Whether a viewer has asked for the next picture since the last call. One that asks gets its pictures as it asks; without, an adapter's own pace counts. */
  wanted?(): boolean;
}

/** Memory of the adapter that the guest can write without the adapter seeing each store. */
export interface VideoMemory {
  /** Its bytes: a power of two of at least 256 KiB, aligned to 4. */
  readonly bytes: Uint8Array;
  /** The linear frame buffer is now at this guest-physical address; -1: nowhere. */
  moved(base: number): void;
  /**
   * One byte for each 4-KiB page, not 0 where the guest has written since the last call; null: not known, anything may have changed.
   * Called at most once a frame, while a linear mode is shown.
   */
  takeDirtyPages(): Uint8Array | null;
  /** Behind this many of its bytes the guest has never written by itself; absent: not known. */
  readonly reach?: number;
}

/** 16 MiB: room for two pages of 1920 x 1200 at 24 bits, one and three quarters at 32. */
const MEMORY_BYTES = 16 * 1024 * 1024;

/** Of an adapter without a guest's RAM. */
export const ownMemory = (): Uint8Array => new Uint8Array(sparseTable(MEMORY_BYTES / 4).buffer);
