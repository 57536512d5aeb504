/** The screen block of a domain in machine memory (SCREEN in layout.ts), as its VGA writes it and the page reads it. */
import { FONT_BYTES, type ScreenWriter, type TextFrame } from '../../devices/vga/index.ts';
import { DOMID_XEN, DOMAIN, FRAME_BYTES, SCREEN, SCREEN_BYTES } from '../layout/layout.ts';
import { type DomainRecord, type Machine, MAX_PIXEL_BYTES } from '../memory/machine.ts';

const OFF = 0,
  TEXT = 1,
  GRAPHICS = 2;
const ROOM_CELLS = (SCREEN.FONT - SCREEN.DATA) * 2;

export class ScreenBlock implements ScreenWriter {
  private readonly words: Int32Array;
  private readonly cells: Uint16Array;
  private readonly font: Uint8Array;
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private picture: Uint32Array | null = null;
  /** SCREEN.WANTED as it was looked at last. */
  private answered = 0;

  /** Whether how often it is drawn follows from who looks: in virtual time nobody who does changes a run. */
  private readonly followsViewers: boolean;

  constructor(machine: Machine, record: DomainRecord, followsViewers = true) {
    this.machine = machine;
    this.record = record;
    this.followsViewers = followsViewers;
    this.words = new Int32Array(machine.memory, record.screenOffset, SCREEN_BYTES / 4);
    this.cells = new Uint16Array(machine.memory, record.screenOffset + SCREEN.DATA * 4, ROOM_CELLS);
    this.font = new Uint8Array(machine.memory, record.screenOffset + SCREEN.FONT * 4, FONT_BYTES);
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
      words[SCREEN.BLINK] = frame.blink ? 1 : 0;
      for (let i = 0; i < 16; i++) words[SCREEN.PALETTE + i] = frame.palette[i];
      this.cells.set(frame.cells.subarray(0, rows * frame.columns));
      this.font.set(frame.font);
    });
  }

  /** Null for a picture larger than 1920 x 1200, or when the host has no memory for it. */
  pixels(width: number, height: number): Uint32Array | null {
    const { words } = this;
    if (
      this.picture &&
      words[SCREEN.MODE] === GRAPHICS &&
      words[SCREEN.WIDTH] === width &&
      words[SCREEN.HEIGHT] === height
    )
      return this.picture;
    const bytes = width * height * 4;
    if (bytes === 0 || bytes > MAX_PIXEL_BYTES || height > SCREEN.FONT - SCREEN.DATA) return null;
    // Nobody looks at the old picture while its memory moves.
    this.off();
    const offset = pictureMemory(this.machine, this.record, bytes);
    if (offset < 0) return null;
    this.picture = new Uint32Array(this.machine.memory, offset, width * height);
    this.change(() => {
      words[SCREEN.MODE] = GRAPHICS;
      words[SCREEN.WIDTH] = width;
      words[SCREEN.HEIGHT] = height;
      words[SCREEN.PIXELS] = offset;
      words[SCREEN.CURSOR] = -1;
      words.fill(words[SCREEN.GENERATION] + 1, SCREEN.DATA, SCREEN.DATA + height);
    });
    return this.picture;
  }

  pixelsChanged(first: number, last: number): void {
    const { words } = this;
    this.change(() => words.fill(words[SCREEN.GENERATION] + 1, SCREEN.DATA + first, SCREEN.DATA + last + 1));
  }

  wanted(): boolean {
    const wanted = Atomics.load(this.words, SCREEN.WANTED);
    const asked = wanted !== this.answered;
    this.answered = wanted;
    return asked && this.followsViewers;
  }

  /** After the block was replaced (restore): a picture is drawn again, its memory was not kept. */
  restored(): void {
    this.picture = null;
    if (this.words[SCREEN.MODE] === GRAPHICS) this.off();
  }

  /** `put` replaces block and picture by those of another moment: viewers draw all of it again. */
  replace(put: () => void): void {
    const { words, machine, record } = this;
    const wanted = words[SCREEN.WANTED],
      generation = words[SCREEN.GENERATION] + 1,
      sequence = words[SCREEN.SEQUENCE];
    Atomics.store(words, SCREEN.SEQUENCE, sequence + 1);
    put();
    words[SCREEN.WANTED] = wanted;
    words[SCREEN.GENERATION] = generation;
    this.picture = null;
    if (words[SCREEN.MODE] === GRAPHICS) {
      const width = words[SCREEN.WIDTH],
        height = words[SCREEN.HEIGHT],
        offset = machine.words[machine.domainEntry(record) + DOMAIN.PIXELS] * FRAME_BYTES;
      words[SCREEN.PIXELS] = offset;
      words.fill(generation, SCREEN.DATA, SCREEN.DATA + height);
      this.picture = new Uint32Array(machine.memory, offset, width * height);
    }
    Atomics.store(words, SCREEN.SEQUENCE, sequence + 2);
  }

  private change(write: () => void): void {
    const { words } = this;
    Atomics.store(words, SCREEN.SEQUENCE, words[SCREEN.SEQUENCE] + 1);
    write();
    words[SCREEN.GENERATION]++;
    Atomics.store(words, SCREEN.SEQUENCE, words[SCREEN.SEQUENCE] + 1);
  }
}

/** Memory of at least `bytes` for a domain's picture; returns its byte offset, -1 when there is no room. What was there is lost. */
export function pictureMemory(machine: Machine, record: DomainRecord, bytes: number): number {
  const { words } = machine;
  const entry = machine.domainEntry(record);
  const frames = Math.ceil(bytes / FRAME_BYTES);
  if (words[entry + DOMAIN.PIXEL_FRAMES] < frames) {
    for (let i = 0; i < words[entry + DOMAIN.PIXEL_FRAMES]; i++) machine.release(words[entry + DOMAIN.PIXELS] + i);
    words[entry + DOMAIN.PIXEL_FRAMES] = 0;
    const first = machine.allocateRun(frames, DOMID_XEN);
    if (first < 0) return -1;
    words[entry + DOMAIN.PIXELS] = first;
    words[entry + DOMAIN.PIXEL_FRAMES] = frames;
  }
  return words[entry + DOMAIN.PIXELS] * FRAME_BYTES;
}
