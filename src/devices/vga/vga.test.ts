import { beforeEach, describe, expect, it } from 'vitest';
import { TestTimers } from '../testing.ts';
import type { ScreenWriter, TextFrame } from './screen.ts';
import { Vga } from './vga.ts';

let timers: TestTimers;
let vga: Vga;
let frame: TextFrame | undefined;
let offs: number;
const screen: ScreenWriter = {
  off: () => {
    offs++;
    frame = undefined;
  },
  text: shown => {
    frame = { ...shown, cells: shown.cells.slice(0, shown.columns * shown.rows), palette: shown.palette.slice() };
  },
};
const out = (port: number, value: number) => {
  const range = [vga.ports, vga.colourPorts, vga.monoPorts].find(r => port >= r.base && port < r.base + r.count)!;
  range.write(port - range.base, value, 1);
};
const inp = (port: number) => {
  const range = [vga.ports, vga.colourPorts, vga.monoPorts].find(r => port >= r.base && port < r.base + r.count)!;
  return range.read(port - range.base, 1);
};
const set = (indexPort: number, index: number, value: number) => {
  out(indexPort, index);
  out(indexPort + 1, value);
};
const poke = (address: number, value: number, size = 1) => vga.window.write(address - 0xa0000, value, size);
const peek = (address: number) => vga.window.read(address - 0xa0000, 1);
/** Planar memory at A0000, all planes writable, as in mode 12h. */
const planar = () => {
  set(0x3c4, 4, 0x06);
  set(0x3c4, 2, 0x0f);
  set(0x3ce, 6, 0x05);
  set(0x3ce, 5, 0x00);
};
const planes = (offset: number) => [...vga.memory.subarray(offset * 4, offset * 4 + 4)];

beforeEach(() => {
  timers = new TestTimers();
  frame = undefined;
  offs = 0;
  vga = new Vga(timers, screen);
  vga.setTextMode3();
  timers.advanceMs(20);
});

describe('a viewer that asks for its pictures', () => {
  it('gets one each time it asks, and none between', () => {
    let asks = 0,
      pictures = 0,
      asked = 0;
    vga = new Vga(timers, {
      off: () => {},
      text: () => pictures++,
      wanted: () => asked !== asks && ((asked = asks), true),
    });
    vga.setTextMode3();
    const write = () => poke(0xb8000, pictures & 0xff);
    asks++;
    timers.advanceMs(20);
    pictures = 0;
    for (let i = 0; i < 50; i++) {
      asks++;
      write();
      timers.advanceMs(2);
      expect(pictures).toBe(i + 1);
      write();
      timers.advanceMs(8);
      expect(pictures).toBe(i + 1);
    }
    // One that went away is not waited for.
    timers.advanceMs(300);
    pictures = 0;
    for (let i = 0; i < 60; i++) {
      write();
      timers.advanceMs(1000 / 60);
    }
    expect(pictures).toBeGreaterThan(55);
  });
});

describe('VGA text', () => {
  it('mode 3 is 80 x 25 in cells of 9 x 16, cleared, EGA colours', () => {
    expect(frame).toMatchObject({
      columns: 80,
      rows: 25,
      cellWidth: 9,
      cellHeight: 16,
      cursor: 0,
      cursorStart: 13,
      cursorEnd: 14,
      blink: true,
    });
    expect(new Set(frame?.cells)).toEqual(new Set([0x0720]));
    expect([...frame!.palette].map(c => c.toString(16))).toEqual(
      '0 aa aa00 aaaa aa0000 aa00aa aa5500 aaaaaa 555555 5555ff 55ff55 55ffff ff5555 ff55ff ffff55 ffffff'.split(' '),
    );
  });

  it('mode 3 leaves the font of code page 437 in plane 2, 32 bytes a character', () => {
    const glyph = (code: number) => Array.from({ length: 16 }, (_, line) => vga.memory[(code * 32 + line) * 4 + 2]);
    // Full block, upper half block, space.
    expect(glyph(0xdb)).toEqual(Array(16).fill(0xff));
    expect(glyph(0xdf)).toEqual([...Array(8).fill(0xff), ...Array(8).fill(0)]);
    expect(glyph(0x20)).toEqual(Array(16).fill(0));
    expect(new Set(glyph(0x41)).size).toBeGreaterThan(2);
  });

  it('shows the font that the guest loaded, and where two are selected the one of map A where attribute bit 3 is set', () => {
    // Planar stores reach plane 2 as BIOSes and setfont do it; the third font lies at 0x8000.
    planar();
    set(0x3c4, 2, 4);
    poke(0xa0000 + 0x41 * 32 + 3, 0x18);
    poke(0xa8000 + 0x41 * 32 + 3, 0x7e);
    set(0x3ce, 6, 0x0e);
    set(0x3c4, 3, 0x08);
    timers.advanceMs(20);
    expect(frame!.font[0x41 * 32 + 3]).toBe(0x18);
    expect(frame!.font[(256 + 0x41) * 32 + 3]).toBe(0x7e);
  });

  it('shows what is stored at B8000: character even, attribute odd', () => {
    poke(0xb8000, 0x1f41, 2);
    poke(0xb8000 + 160, 0x42);
    expect(peek(0xb8001)).toBe(0x1f);
    timers.advanceMs(20);
    expect(frame?.cells[0]).toBe(0x1f41);
    expect(frame?.cells[80]).toBe(0x0742);
  });

  it('reads and writes nothing at A0000 and B0000 in this memory map', () => {
    poke(0xa0000, 1);
    poke(0xb0000, 1);
    expect(peek(0xa0000)).toBe(0xff);
    expect(peek(0xb0000)).toBe(0xff);
  });

  it('scrolls by the start address and places the cursor', () => {
    poke(0xb8000 + 160, 0x0741, 2);
    set(0x3d4, 0x0d, 80);
    set(0x3d4, 0x0e, 0);
    set(0x3d4, 0x0f, 80 + 5);
    timers.advanceMs(20);
    expect(frame?.cells[0]).toBe(0x0741);
    expect(frame?.cursor).toBe(5);
    set(0x3d4, 0x0a, 0x20);
    timers.advanceMs(20);
    expect(frame?.cursor).toBe(-1);
  });

  it('50 rows with a character height of 8', () => {
    set(0x3d4, 0x09, 0x47);
    timers.advanceMs(20);
    expect(frame).toMatchObject({ rows: 50, cellHeight: 8 });
  });

  it('is off while the processor owns the palette or the sequencer blanks the screen', () => {
    set(0x3c4, 1, 0x20);
    timers.advanceMs(20);
    expect(offs).toBe(1);
    set(0x3c4, 1, 0x00);
    inp(0x3da);
    out(0x3c0, 0x00);
    timers.advanceMs(20);
    expect(offs).toBe(2);
    out(0x3c0, 0x3f);
    out(0x3c0, 0x20);
    timers.advanceMs(20);
    expect(frame).toBeDefined();
  });

  it('rests when nothing changes', () => {
    expect(timers.nextDeadlineNs).toBe(Infinity);
  });
});

describe('VGA registers', () => {
  it('"a read of input status 1 returns the flip-flop to the index"', () => {
    inp(0x3da);
    out(0x3c0, 0x33);
    inp(0x3da);
    out(0x3c0, 0x34);
    out(0x3c0, 0x0a);
    inp(0x3da);
    out(0x3c0, 0x34);
    expect(inp(0x3c1)).toBe(0x0a);
    inp(0x3da);
    out(0x3c0, 0x33);
    // Mode 3's own panning value: 0x34 above went to the index, not here.
    expect(inp(0x3c1)).toBe(8);
  });

  it('protects CRTC 0-7 but line compare bit 8', () => {
    set(0x3d4, 0x11, 0x8e);
    set(0x3d4, 0x01, 0x12);
    set(0x3d4, 0x07, 0x00);
    out(0x3d4, 0x01);
    expect(inp(0x3d5)).toBe(0x4f);
    out(0x3d4, 0x07);
    expect(inp(0x3d5)).toBe(0x0f);
  });

  it('the CRTC moves to 3B4 with miscellaneous output bit 0', () => {
    out(0x3d4, 0x0e);
    expect(inp(0x3b4)).toBe(0xff);
    out(0x3c2, 0x66);
    expect(inp(0x3d4)).toBe(0xff);
    expect(inp(0x3b4)).toBe(0x0e);
    expect(inp(0x3cc)).toBe(0x66);
  });

  it('DAC: three writes an entry, both pointers advance, state register', () => {
    out(0x3c8, 5);
    for (const value of [1, 2, 3, 63, 62, 61]) out(0x3c9, value);
    expect(inp(0x3c7)).toBe(0);
    out(0x3c7, 5);
    expect(inp(0x3c7)).toBe(3);
    expect(Array.from({ length: 6 }, () => inp(0x3c9))).toEqual([1, 2, 3, 63, 62, 61]);
  });

  it('vertical retrace comes 70 times a second and lasts two lines of 449', () => {
    let frames = 0;
    let last = 0;
    let samples = 0;
    for (let i = 0; i < 100_000; i++) {
      timers.test.ns += 10_000;
      const retrace = inp(0x3da) & 8;
      if (retrace) samples++;
      if (retrace && !last) frames++;
      last = retrace;
    }
    expect(Math.abs(frames - 70)).toBeLessThanOrEqual(1);
    expect(Math.abs(samples / 100_000 - 2 / 449)).toBeLessThan(0.001);
  });
});

describe('VGA planes', () => {
  beforeEach(planar);

  it('write mode 0: map mask chooses planes, bit mask keeps latched bits', () => {
    poke(0xa0000, 0xff);
    expect(planes(0)).toEqual([255, 255, 255, 255]);
    set(0x3c4, 2, 0x05);
    poke(0xa0001, 0xaa);
    expect(planes(1)).toEqual([0xaa, 0, 0xaa, 0].map((v, i) => (i % 2 === 0 ? v : planes(1)[i])));
    set(0x3c4, 2, 0x0f);
    set(0x3ce, 8, 0x0f);
    peek(0xa0000);
    poke(0xa0000, 0x00);
    expect(planes(0)).toEqual([0xf0, 0xf0, 0xf0, 0xf0]);
  });

  it('write mode 0: set/reset, rotate and the logical functions', () => {
    set(0x3ce, 0, 0x05);
    set(0x3ce, 1, 0x0f);
    poke(0xa0010, 0x00);
    expect(planes(0x10)).toEqual([255, 0, 255, 0]);
    set(0x3ce, 1, 0x00);
    set(0x3ce, 3, 0x18 | 4);
    peek(0xa0010);
    poke(0xa0010, 0x0f);
    expect(planes(0x10)).toEqual([0x0f, 0xf0, 0x0f, 0xf0]);
  });

  it('write mode 1 copies the latches', () => {
    vga.memory.set([1, 2, 3, 4], 0x20 * 4);
    set(0x3ce, 5, 1);
    peek(0xa0020);
    poke(0xa0030, 0xff);
    expect(planes(0x30)).toEqual([1, 2, 3, 4]);
  });

  it('write mode 2: the value’s low four bits are the planes', () => {
    set(0x3ce, 5, 2);
    set(0x3ce, 8, 0x80);
    vga.memory.fill(0, 0x100, 0x104);
    peek(0xa0040);
    poke(0xa0040, 0x0a);
    expect(planes(0x40)).toEqual([0, 0x80, 0, 0x80]);
  });

  it('write mode 3: the value masks, set/reset is the colour', () => {
    set(0x3ce, 5, 3);
    set(0x3ce, 0, 0x0c);
    vga.memory.fill(0, 0x140, 0x144);
    peek(0xa0050);
    poke(0xa0050, 0x3c);
    expect(planes(0x50)).toEqual([0, 0, 0x3c, 0x3c]);
  });

  it('read mode 0 gives one plane, read mode 1 compares colours', () => {
    vga.memory.set([0xf0, 0xcc, 0xaa, 0x00], 0x60 * 4);
    set(0x3ce, 4, 1);
    expect(peek(0xa0060)).toBe(0xcc);
    set(0x3ce, 5, 8);
    set(0x3ce, 2, 0x07);
    set(0x3ce, 7, 0x0f);
    // Bits in which planes 0, 1, 2 are set and 3 is not.
    expect(peek(0xa0060)).toBe(0xf0 & 0xcc & 0xaa);
    set(0x3ce, 7, 0x01);
    expect(peek(0xa0060)).toBe(0xf0);
    set(0x3ce, 7, 0x00);
    expect(peek(0xa0060)).toBe(0xff);
  });

  it('a doubleword is its four bytes, at every address and in every mode', () => {
    const modes = [
      () => set(0x3c4, 4, 0x0e), // Chained.
      () => set(0x3c4, 4, 0x06),
      () => (set(0x3c4, 4, 0x06), set(0x3c4, 2, 0x05)),
      () => set(0x3c4, 4, 0x02), // Odd and even.
      () => (set(0x3c4, 4, 0x06), set(0x3ce, 8, 0x3c)),
    ];
    for (const mode of modes) {
      planar();
      mode();
      for (const at of [0x100, 0x201, 0xfffe]) {
        poke(0xa0000 + at, 0x81c3e7f1, 4);
        const whole = vga.memory.slice(0, 0x40000);
        for (let i = 0; i < 4; i++) poke(0xa0000 + at + i, 0);
        [0xf1, 0xe7, 0xc3, 0x81].forEach((byte, i) => poke(0xa0000 + at + i, byte));
        expect(Buffer.compare(whole, vga.memory.subarray(0, 0x40000)), `${modes.indexOf(mode)} ${at}`).toBe(0);
      }
      set(0x3ce, 8, 0xff);
    }
  });

  it('chain 4 puts address bits 0 and 1 on the planes', () => {
    set(0x3c4, 4, 0x0e);
    poke(0xa0100, 0x04030201, 4);
    expect(planes(0x100)).toEqual([1, 2, 3, 4]);
    expect(peek(0xa0102)).toBe(3);
  });
});
