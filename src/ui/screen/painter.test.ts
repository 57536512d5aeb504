import { describe, expect, it } from 'vitest';
import { SCREEN, SCREEN_BYTES } from '../../hypervisor/layout/layout.ts';
import { CP437_8X16 } from '../../devices/vga/font/cp437-8x16.ts';
import { CELL_WIDTH, copyBlock, ScreenPainter } from './painter.ts';

const GREY = 0xffaaaaaa,
  BLACK = 0xff000000;

/** An 80 x 25 text screen of spaces, grey on black. */
function textScreen(): Int32Array {
  const words = new Int32Array(SCREEN_BYTES / 4);
  Object.assign(words, {
    [SCREEN.MODE]: 1,
    [SCREEN.WIDTH]: 80,
    [SCREEN.HEIGHT]: 25,
    [SCREEN.CELL_HEIGHT]: 16,
    [SCREEN.CURSOR]: -1,
    [SCREEN.CURSOR_SHAPE]: 14 | (15 << 8),
  });
  words[SCREEN.PALETTE + 7] = 0xaaaaaa;
  words[SCREEN.PALETTE + 4] = 0xaa0000;
  words.fill(0x0720_0720, SCREEN.DATA, SCREEN.DATA + 1000);
  // A font in which a full block has all dots, and A a bar that is thinner in the second one.
  const font = new Uint8Array(words.buffer, SCREEN.FONT * 4);
  font.fill(0xff, 0xdb * 32, 0xdb * 32 + 16);
  font[0x41 * 32 + 5] = 0x7e;
  font[(256 + 0x41) * 32 + 5] = 0x18;
  return words;
}
const put = (words: Int32Array, at: number, character: string, attribute = 7) => {
  new Uint16Array(words.buffer)[SCREEN.DATA * 2 + at] = (attribute << 8) | character.charCodeAt(0);
};
const cell = (painter: ScreenPainter, column: number, row: number) =>
  Array.from({ length: 16 }, (_, y) =>
    Array.from({ length: CELL_WIDTH }, (_, x) =>
      painter.pixels[(row * 16 + y) * painter.width + column * CELL_WIDTH + x] === BLACK ? '.' : '#',
    ).join(''),
  );

describe('a VGA text screen', () => {
  it('draws the first picture whole and then only rows that changed', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    expect(painter.draw(words)).toEqual({ top: 0, bottom: 400, resized: true });
    put(words, 3 * 80 + 5, 'A');
    expect(painter.draw(words)).toEqual({ top: 48, bottom: 64, resized: false });
    const unchanged = painter.draw(words);
    expect(unchanged.bottom - unchanged.top).toBeLessThanOrEqual(0);
  });

  it('knows the letters of the firmware from those that a guest has loaded', () => {
    const words = textScreen(),
      painter = new ScreenPainter(),
      font = new Uint8Array(words.buffer, SCREEN.FONT * 4);
    painter.draw(words);
    expect(painter.hasPlainLetters).toBe(false);
    for (let i = 0; i < 512; i++) font.set(CP437_8X16.subarray((i & 255) * 16, (i & 255) * 16 + 16), i * 32);
    painter.draw(words);
    expect(painter.hasPlainLetters).toBe(true);
    font[0x41 * 32 + 5]! ^= 1;
    painter.draw(words);
    expect(painter.hasPlainLetters).toBe(false);
  });

  it('tells what stands in a cell', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    put(words, 2, 'A', 0x47);
    words[SCREEN.CURSOR] = 2;
    painter.draw(words);
    expect(painter.cell(2)).toEqual({ code: 0x41, ink: GREY, paper: 0xff0000aa, cursor: { first: 14, last: 15 } });
    painter.cursorOn = false;
    expect(painter.cell(2).cursor).toBeUndefined();
  });

  it('takes colours from the palette, foreground in bits 0-3 and background in bits 4-6 of the attribute', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    put(words, 0, '\xdb', 0x07);
    put(words, 1, ' ', 0x47);
    painter.draw(words);
    expect(painter.pixels[0]! >>> 0).toBe(GREY);
    // 0x00RRGGBB red is 0xAABBGGRR in memory.
    expect(painter.pixels[CELL_WIDTH]! >>> 0).toBe(0xff0000aa);
  });

  it('takes bit 7 of an attribute as a bright background where it does not blink', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    words[SCREEN.PALETTE + 12] = 0xff5555;
    put(words, 0, ' ', 0xc7);
    painter.draw(words);
    expect(painter.pixels[0]! >>> 0).toBe(0xff5555ff);
    words[SCREEN.BLINK] = 1;
    painter.draw(words);
    expect(painter.pixels[0]! >>> 0).toBe(0xff0000aa);
  });

  it('shows the cursor as the scan lines that its shape names, and hides it again', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    words[SCREEN.CURSOR] = 81;
    painter.draw(words);
    expect(cell(painter, 1, 1)).toEqual([...Array(14).fill('........'), '########', '########']);
    painter.cursorOn = false;
    expect(painter.blink()).toEqual({ top: 16, bottom: 32, resized: false });
    expect(cell(painter, 1, 1)).toEqual(Array(16).fill('........'));
  });

  it('takes characters from the fonts in the block, the second one where attribute bit 3 is set', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    words[SCREEN.PALETTE + 15] = 0xffffff;
    put(words, 0, 'A');
    put(words, 1, 'A', 0x0f);
    painter.draw(words);
    expect(cell(painter, 0, 0)[5]).toBe('.######.');
    expect(cell(painter, 1, 0)[5]).toBe('...##...');
    new Uint8Array(words.buffer, SCREEN.FONT * 4)[0x41 * 32] = 0x80;
    painter.draw(words);
    expect(cell(painter, 0, 0)[0]).toBe('#.......');
  });

  it('reads out as text, in the characters of code page 437', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    [...'login: \x82'].forEach((c, i) => put(words, 160 + i, c));
    painter.draw(words);
    expect(painter.text(2)).toBe('login: é');
    expect(painter.text(3)).toBe('');
  });

  it('survives sizes that no block can hold', () => {
    const words = textScreen(),
      painter = new ScreenPainter();
    words[SCREEN.WIDTH] = 0x7fffffff;
    expect(painter.draw(words).bottom).toBe(0);
    expect(painter.mode).toBe('off');
    words[SCREEN.MODE] = 2;
    expect(painter.draw(words, () => new Uint32Array(1)).bottom).toBe(0);
    // A picture that is not in memory.
    Object.assign(words, { [SCREEN.WIDTH]: 640, [SCREEN.HEIGHT]: 480 });
    expect(painter.draw(words, () => undefined).bottom).toBe(0);
    expect(painter.mode).toBe('off');
  });
});

describe('a graphics screen', () => {
  const WIDTH = 4,
    HEIGHT = 8;
  const block = new Int32Array(SCREEN_BYTES / 4);
  const memory = new Uint32Array(WIDTH * HEIGHT);
  const change = (rows: number[]) => {
    block[SCREEN.GENERATION]!++;
    for (const row of rows) block[SCREEN.DATA + row] = block[SCREEN.GENERATION]!;
  };
  const painter = new ScreenPainter();
  const draw = () =>
    painter.draw(block, (offset, count) => (offset === 4096 && count === WIDTH * HEIGHT ? memory : undefined));

  it('is copied whole once, then the rows that have a new generation', () => {
    Object.assign(block, {
      [SCREEN.MODE]: 2,
      [SCREEN.WIDTH]: WIDTH,
      [SCREEN.HEIGHT]: HEIGHT,
      [SCREEN.PIXELS]: 4096,
      [SCREEN.GENERATION]: 0x7ffffffe,
    });
    memory.fill(0xff123456);
    change([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(draw()).toEqual({ top: 0, bottom: HEIGHT, resized: true });
    expect(painter.pixels).toEqual(memory);
    expect(draw()).toEqual({ top: 0, bottom: 0, resized: false });
    // The counter of generations wraps round here.
    memory.fill(0xff0000ff);
    change([2, 5]);
    expect(draw()).toEqual({ top: 2, bottom: 6, resized: false });
    expect([0, 2, 3, 5].map(row => painter.pixels[row * WIDTH])).toEqual([
      0xff123456, 0xff0000ff, 0xff123456, 0xff0000ff,
    ]);
  });
});

describe('reading a block that somebody writes', () => {
  it('says when the copy may be torn', () => {
    const words = textScreen();
    expect(copyBlock(words, new Int32Array(words.length))).toBe(true);
    words[SCREEN.SEQUENCE] = 1;
    expect(copyBlock(words, new Int32Array(words.length))).toBe(false);
  });
});
