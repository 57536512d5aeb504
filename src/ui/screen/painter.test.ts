import { describe, expect, it } from 'vitest';
import { SCREEN, SCREEN_BYTES } from '../../hypervisor/layout.ts';
import { CELL_WIDTH, copyBlock, ScreenPainter } from './painter.ts';

const GREY = 0xffaaaaaa, BLACK = 0xff000000;

/** An 80 x 25 text screen of spaces, grey on black. */
function textScreen(): Int32Array {
  const words = new Int32Array(SCREEN_BYTES / 4);
  Object.assign(words, { [SCREEN.MODE]: 1, [SCREEN.WIDTH]: 80, [SCREEN.HEIGHT]: 25, [SCREEN.CELL_HEIGHT]: 16, [SCREEN.CURSOR]: -1, [SCREEN.CURSOR_SHAPE]: 14 | 15 << 8 });
  words[SCREEN.PALETTE + 7] = 0xaaaaaa;
  words[SCREEN.PALETTE + 4] = 0xaa0000;
  words.fill(0x0720_0720, SCREEN.DATA, SCREEN.DATA + 1000);
  return words;
}
const put = (words: Int32Array, at: number, character: string, attribute = 7) => { new Uint16Array(words.buffer)[SCREEN.DATA * 2 + at] = attribute << 8 | character.charCodeAt(0); };
const cell = (painter: ScreenPainter, column: number, row: number) => Array.from({ length: 16 }, (_, y) =>
  Array.from({ length: CELL_WIDTH }, (_, x) => (painter.pixels[(row * 16 + y) * painter.width + column * CELL_WIDTH + x] === BLACK ? '.' : '#')).join(''));

describe('a VGA text screen', () => {
  it('draws the first picture whole and then only rows that changed', () => {
    const words = textScreen(), painter = new ScreenPainter();
    expect(painter.draw(words)).toEqual({ top: 0, bottom: 400, resized: true });
    put(words, 3 * 80 + 5, 'A');
    expect(painter.draw(words)).toEqual({ top: 48, bottom: 64, resized: false });
    const unchanged = painter.draw(words);
    expect(unchanged.bottom - unchanged.top).toBeLessThanOrEqual(0);
  });

  it('takes colours from the palette, foreground in bits 0-3 and background in bits 4-6 of the attribute', () => {
    const words = textScreen(), painter = new ScreenPainter();
    put(words, 0, '\xdb', 0x07);
    put(words, 1, ' ', 0x47);
    painter.draw(words);
    expect(painter.pixels[0]! >>> 0).toBe(GREY);
    // 0x00RRGGBB red is 0xAABBGGRR in memory.
    expect(painter.pixels[CELL_WIDTH]! >>> 0).toBe(0xff0000aa);
  });

  it('takes bit 7 of an attribute as a bright background where it does not blink', () => {
    const words = textScreen(), painter = new ScreenPainter();
    words[SCREEN.PALETTE + 12] = 0xff5555;
    put(words, 0, ' ', 0xc7);
    painter.draw(words);
    expect(painter.pixels[0]! >>> 0).toBe(0xff5555ff);
    words[SCREEN.BLINK] = 1;
    painter.draw(words);
    expect(painter.pixels[0]! >>> 0).toBe(0xff0000aa);
  });

  it('shows the cursor as the scan lines that its shape names, and hides it again', () => {
    const words = textScreen(), painter = new ScreenPainter();
    words[SCREEN.CURSOR] = 81;
    painter.draw(words);
    expect(cell(painter, 1, 1)).toEqual([...Array(14).fill('........'), '########', '########']);
    painter.cursorOn = false;
    expect(painter.blink()).toEqual({ top: 16, bottom: 32, resized: false });
    expect(cell(painter, 1, 1)).toEqual(Array(16).fill('........'));
  });

  it('reads out as text, in the characters of code page 437', () => {
    const words = textScreen(), painter = new ScreenPainter();
    [...'login: \x82'].forEach((c, i) => put(words, 160 + i, c));
    painter.draw(words);
    expect(painter.text(2)).toBe('login: é');
    expect(painter.text(3)).toBe('');
  });

  it('survives sizes that no block can hold', () => {
    const words = textScreen(), painter = new ScreenPainter();
    words[SCREEN.WIDTH] = 0x7fffffff;
    expect(painter.draw(words).bottom).toBe(0);
    expect(painter.mode).toBe('off');
    words[SCREEN.MODE] = 2;
    expect(painter.draw(words).bottom).toBe(0);
  });

  it('copies graphics pixels as they are', () => {
    const words = textScreen(), painter = new ScreenPainter();
    Object.assign(words, { [SCREEN.MODE]: 2, [SCREEN.WIDTH]: 4, [SCREEN.HEIGHT]: 2 });
    words[SCREEN.DATA + 5] = 0x7f123456;
    expect(painter.draw(words)).toEqual({ top: 0, bottom: 2, resized: true });
    expect(painter.pixels[5]).toBe(0x7f123456);
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
