/** The screen block of a domain in machine memory (SCREEN in layout.ts), as its VGA writes it and the page reads it. */
import type { ScreenWriter, TextFrame } from '../devices/vga/screen.ts';
import { SCREEN, SCREEN_BYTES } from './layout.ts';
import type { DomainRecord, Machine } from './machine.ts';

const OFF = 0,
  TEXT = 1;
const ROOM_CELLS = (SCREEN_BYTES / 4 - SCREEN.DATA) * 2;

export class ScreenBlock implements ScreenWriter {
  private readonly words: Int32Array;
  private readonly cells: Uint16Array;

  constructor(machine: Machine, record: DomainRecord) {
    this.words = new Int32Array(machine.memory, record.screenOffset, SCREEN_BYTES / 4);
    this.cells = new Uint16Array(machine.memory, record.screenOffset + SCREEN.DATA * 4, ROOM_CELLS);
  }

  off(): void {
    this.change(() => {
      this.words[SCREEN.MODE] = OFF;
    });
  }

  /** A text screen that is larger than the block loses its last rows. */
  text(frame: TextFrame): void {
    this.change(() => {
      const { words } = this;
      const rows = Math.min(frame.rows, Math.floor(ROOM_CELLS / frame.columns));
      words[SCREEN.MODE] = TEXT;
      words[SCREEN.WIDTH] = frame.columns;
      words[SCREEN.HEIGHT] = rows;
      words[SCREEN.CURSOR] = frame.cursor;
      words[SCREEN.CURSOR_SHAPE] = frame.cursorStart | (frame.cursorEnd << 8);
      words[SCREEN.CELL_HEIGHT] = frame.cellHeight;
      for (let i = 0; i < 16; i++) words[SCREEN.PALETTE + i] = frame.palette[i];
      this.cells.set(frame.cells.subarray(0, rows * frame.columns));
    });
  }

  private change(write: () => void): void {
    const { words } = this;
    Atomics.store(words, SCREEN.SEQUENCE, words[SCREEN.SEQUENCE] + 1);
    write();
    words[SCREEN.GENERATION]++;
    Atomics.store(words, SCREEN.SEQUENCE, words[SCREEN.SEQUENCE] + 1);
  }
}
