import { beforeEach, describe, expect, it } from 'vitest';
import { testPc, type TestPc } from '../testing.ts';
import type { ScreenWriter, VideoMemory } from './screen.ts';

// Register values of the modes are those of the IBM PS/2 technical reference ("BIOS mode register values").
interface Mode {
  misc: number;
  seq: number[];
  crtc: number[];
  gfx: number[];
  att: number[];
}
const MODE_13: Mode = {
  misc: 0x63,
  seq: [3, 1, 0x0f, 0, 0x0e],
  crtc: [
    0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9,
    0xa3, 0xff,
  ],
  gfx: [0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff],
  att: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0],
};
const MODE_12: Mode = {
  misc: 0xe3,
  seq: [3, 1, 0x0f, 0, 6],
  crtc: [
    0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 0x04,
    0xe3, 0xff,
  ],
  gfx: [0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff],
  att: [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 1, 0, 0x0f, 0, 0],
};
const MODE_4: Mode = {
  misc: 0x63,
  seq: [3, 9, 3, 0, 2],
  crtc: [
    0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9,
    0xa2, 0xff,
  ],
  gfx: [0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff],
  att: [0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1, 0, 3, 0, 0],
};

class Canvas implements ScreenWriter {
  width = 0;
  height = 0;
  data = new Uint32Array(0);
  changes: [number, number][] = [];
  texts = 0;
  off(): void {
    this.width = 0;
  }
  text(): void {
    this.texts++;
  }
  pixels(width: number, height: number): Uint32Array {
    if (width !== this.width || height !== this.height) this.data = new Uint32Array(width * height);
    this.width = width;
    this.height = height;
    return this.data;
  }
  pixelsChanged(first: number, last: number): void {
    this.changes.push([first, last]);
  }
  at(x: number, y: number): string {
    return this.data[y * this.width + x].toString(16).padStart(8, '0');
  }
}

let canvas: Canvas;
let t: TestPc;
const set = (port: number, index: number, value: number) => {
  t.out(port, index);
  t.out(port + 1, value);
};
function mode({ misc, seq, crtc, gfx, att }: Mode): void {
  t.out(0x3c2, misc);
  seq.forEach((value, i) => set(0x3c4, i, value));
  set(0x3d4, 0x11, 0);
  crtc.forEach((value, i) => set(0x3d4, i, value));
  gfx.forEach((value, i) => set(0x3ce, i, value));
  t.in(0x3da);
  att.forEach((value, i) => {
    t.out(0x3c0, i);
    t.out(0x3c0, value);
  });
  t.out(0x3c0, 0x20);
  t.timers.advanceMs(20);
}
const colour = (index: number, r: number, g: number, b: number) => {
  t.out(0x3c8, index);
  for (const v of [r, g, b]) t.out(0x3c9, v);
};
const poke = (address: number, value: number, size = 1) => t.pc.bus.writeMemory(address, value, size);
const show = () => t.timers.advanceMs(20);

beforeEach(() => {
  canvas = new Canvas();
  t = testPc({ screen: canvas });
  t.pc.installTables();
});

describe('mode 13h', () => {
  beforeEach(() => mode(MODE_13));

  it('is 320 x 200, a byte a pixel, through the DAC', () => {
    colour(0x51, 63, 32, 0);
    poke(0xa0000 + 100 * 320 + 37, 0x51);
    show();
    expect([canvas.width, canvas.height]).toEqual([320, 200]);
    expect(canvas.at(37, 100)).toBe('ff0082ff');
    expect(canvas.at(38, 100)).toBe('ff000000');
  });

  it('mode X: unchained, planes by the map mask, pages by the start address', () => {
    colour(7, 63, 63, 63);
    set(0x3c4, 4, 6);
    set(0x3d4, 0x14, 0);
    set(0x3d4, 0x17, 0xe3);
    set(0x3c4, 2, 0x0f);
    for (let i = 0; i < 16384; i++) poke(0xa0000 + i * 4, 0, 4);
    set(0x3c4, 2, 1 << 2);
    poke(0xa0000 + 16000 + 80 * 3 + 5, 7);
    set(0x3d4, 0x0c, 16000 >> 8);
    set(0x3d4, 0x0d, 16000 & 0xff);
    show();
    expect(canvas.at(5 * 4 + 2, 3)).toBe('ffffffff');
    expect(canvas.at(5 * 4 + 3, 3)).toBe('ff000000');
  });

  it('unchained 320 x 400 shows every line of its own', () => {
    set(0x3c4, 4, 6);
    set(0x3d4, 0x14, 0);
    set(0x3d4, 0x17, 0xe3);
    set(0x3d4, 0x09, 0x40);
    show();
    expect([canvas.width, canvas.height]).toEqual([320, 400]);
  });

  it('split screen: below the line compare the picture starts again from address 0', () => {
    for (let i = 0; i < 0x10000; i += 4) poke(0xa0000 + i, 0, 4);
    colour(9, 0, 63, 0);
    poke(0xa0000, 9);
    set(0x3d4, 0x0c, 0x10);
    // 100 rows of two scan lines each: the last line above is 199.
    set(0x3d4, 0x07, 0x1f & ~0x10);
    set(0x3d4, 0x09, 0x41 & ~0x40);
    set(0x3d4, 0x18, 199);
    show();
    expect(canvas.at(0, 0)).toBe('ff000000');
    expect(canvas.at(0, 100)).toBe('ff00ff00');
  });
});

describe('mode 12h', () => {
  beforeEach(() => mode(MODE_12));

  it('is 640 x 480 in sixteen colours from four planes', () => {
    set(0x3c4, 2, 0b1010);
    poke(0xa0000 + 80 * 479 + 79, 0x01);
    show();
    expect([canvas.width, canvas.height]).toEqual([640, 480]);
    // Colour 10 is palette 0x3A: bright green of the EGA's colours.
    expect(canvas.at(639, 479)).toBe('ff55ff55');
    expect(canvas.at(638, 479)).toBe('ff000000');
  });

  it('pixel panning moves the picture left', () => {
    set(0x3c4, 2, 0x0f);
    poke(0xa0000, 0x10);
    t.in(0x3da);
    t.out(0x3c0, 0x33);
    t.out(0x3c0, 3);
    show();
    expect(canvas.at(0, 0)).toBe('ffffffff');
    expect(canvas.at(3, 0)).toBe('ff000000');
  });

  it('colour plane enable hides planes', () => {
    set(0x3c4, 2, 0x0f);
    poke(0xa0000, 0x80);
    t.in(0x3da);
    t.out(0x3c0, 0x32);
    t.out(0x3c0, 0x01);
    show();
    expect(canvas.at(0, 0)).toBe('ffaa0000');
  });
});

describe('mode 4 (CGA)', () => {
  it('is 320 x 200 in four colours, odd lines 8 KiB further', () => {
    mode(MODE_4);
    // The BIOS loads other DAC values for CGA modes: bright ones from 0x10.
    [
      [0x13, 21, 63, 63],
      [0x15, 63, 21, 63],
      [0x17, 63, 63, 63],
    ].forEach(([index, r, g, b]) => colour(index, r, g, b));
    for (let i = 0; i < 0x8000; i += 4) poke(0xb8000 + i, 0, 4);
    poke(0xb8000, 0b00011011);
    poke(0xb8000 + 0x2000, 0b11000000);
    poke(0xb8001, 0b01000000);
    show();
    expect([canvas.width, canvas.height]).toEqual([320, 200]);
    // Black, light cyan, light magenta, white.
    expect([0, 1, 2, 3].map(x => canvas.at(x, 0))).toEqual(['ff000000', 'ffffff55', 'ffff55ff', 'ffffffff']);
    expect(canvas.at(0, 1)).toBe('ffffffff');
    expect(canvas.at(4, 0)).toBe('ffffff55');
  });
});

describe('Bochs display interface', () => {
  const dispi = (index: number, value: number) => {
    t.out(0x1ce, index, 2);
    t.out(0x1cf, value, 2);
  };
  const read = (index: number) => {
    t.out(0x1ce, index, 2);
    return t.in(0x1cf, 2);
  };
  const enable = (width: number, height: number, bpp: number, flags = 0x41) => {
    dispi(4, 0);
    dispi(1, width);
    dispi(2, height);
    dispi(3, bpp);
    dispi(4, flags);
  };
  const frameBuffer = () => t.pc.pci.at(2, 0)!.get(0x10, 4) & 0xfffffff0;

  it('identifies itself, tells its memory and its largest mode', () => {
    expect(read(0)).toBe(0xb0c5);
    dispi(0, 0xb0c0);
    expect(read(0)).toBe(0xb0c0);
    expect(read(10)).toBe(256);
    dispi(4, 2);
    expect([read(1), read(2), read(3)]).toEqual([2560, 1600, 32]);
  });

  it('is set for a kernel that starts without firmware, within its limits', () => {
    t.pc.installTables();
    const address = frameBuffer() >>> 0;
    expect(t.pc.setPicture(800, 600, 24)).toEqual({ address, pitch: 2400, width: 800, height: 600, depth: 24 });
    t.pc.bus.writeMemory(address + 2400 + 3, 0x336699, 4);
    show();
    expect(canvas.at(1, 1)).toBe('ff996633');
    expect(t.pc.setPicture(1024, 768, 11)?.depth).toBe(32);
    expect(t.pc.setPicture(9999, 768, 32)).toBeUndefined();
    expect(read(4) & 1).toBe(0);
  });

  it('32 bits a pixel through the linear frame buffer, drawing only written rows', () => {
    enable(1024, 768, 32);
    show();
    expect([canvas.width, canvas.height]).toEqual([1024, 768]);
    canvas.changes = [];
    t.pc.bus.writeMemory((frameBuffer() >>> 0) + (10 * 1024 + 3) * 4, 0x00112233, 4);
    show();
    expect(canvas.at(3, 10)).toBe('ff332211');
    expect(canvas.changes).toEqual([[10, 10]]);
    canvas.changes = [];
    show();
    expect(canvas.changes).toEqual([]);
    enable(1920, 1200, 32);
    expect([read(1), read(2)]).toEqual([1920, 1200]);
  });

  it('24, 16, 15 and 8 bits', () => {
    const base = frameBuffer() >>> 0;
    const cases = [
      [24, [0x33, 0x22, 0x11], 'ff332211'],
      [16, [0x1f, 0xf8], 'ffff00ff'],
      [15, [0xe0, 0x03], 'ff00ff00'],
      [8, [5], 'ffffff00'],
    ] as const;
    for (const [bpp, bytes, shown] of cases) {
      enable(640, 480, bpp);
      if (bpp === 8) colour(5, 0, 63, 63);
      bytes.forEach((byte, i) => t.pc.bus.writeMemory(base + i, byte, 1));
      show();
      expect(canvas.at(0, 0), `${bpp}`).toBe(shown);
    }
  });

  it('4 bits in planes, whose rows are as long as the picture is wide, whatever the CRTC has, and scroll', () => {
    enable(800, 600, 4, 1);
    for (const [index, value] of [
      [2, 0x0f],
      [4, 0x06],
    ])
      set(0x3c4, index, value);
    for (const [index, value] of [
      [5, 0x00],
      [6, 0x05],
      [8, 0xff],
    ])
      set(0x3ce, index, value);
    // The seventh pixel of the second row, and one of the 31st.
    t.pc.bus.writeMemory(0xa0000 + 100, 0x02, 1);
    t.pc.bus.writeMemory(0xa0000 + 30 * 100 + 99, 0x01, 1);
    show();
    expect([canvas.width, canvas.height]).toEqual([800, 600]);
    const white = canvas.at(6, 1);
    expect(white).not.toBe(canvas.at(5, 1));
    expect(canvas.at(799, 30)).toBe(white);
    dispi(9, 29);
    show();
    expect(canvas.at(799, 1)).toBe(white);
  });

  it('the 64-KiB window follows the bank', () => {
    enable(640, 480, 32, 1);
    dispi(5, 2);
    t.pc.bus.writeMemory(0xa0004, 0x00ff0000, 4);
    expect(t.pc.bus.readMemory((frameBuffer() >>> 0) + 0x20004, 4)).toBe(0x00ff0000);
    expect(t.pc.bus.readMemory(0xa0004, 4)).toBe(0x00ff0000);
  });

  it('virtual width and offsets scroll, and stay within memory', () => {
    enable(640, 480, 8);
    dispi(6, 800);
    expect(read(6)).toBe(800);
    expect(read(7)).toBe(Math.floor((16 << 20) / 800));
    dispi(8, 1000);
    expect(read(8)).toBe(160);
    colour(1, 63, 0, 0);
    t.pc.bus.writeMemory((frameBuffer() >>> 0) + 5 * 800 + 160, 1, 1);
    dispi(9, 5);
    show();
    expect(canvas.at(0, 0)).toBe('ff0000ff');
    enable(640, 480, 32);
    dispi(6, 65535);
    expect(read(6) * 4 * 480).toBeLessThanOrEqual(16 << 20);
  });

  it('clears the picture unless told not to; refuses what memory cannot hold', () => {
    enable(640, 480, 32);
    t.pc.bus.writeMemory(frameBuffer() >>> 0, 0x123456, 4);
    enable(640, 480, 32, 0xc1);
    expect(t.pc.bus.readMemory(frameBuffer() >>> 0, 4)).toBe(0x123456);
    enable(640, 480, 32);
    expect(t.pc.bus.readMemory(frameBuffer() >>> 0, 4)).toBe(0);
    enable(2560, 1600, 32);
    expect(read(4) & 1).toBe(1);
    dispi(4, 0);
    show();
    expect(canvas.texts).toBeGreaterThan(0);
  });

  it('has its registers in memory too (BAR 2)', () => {
    const mmio = (t.pc.pci.at(2, 0)!.get(0x18, 4) & 0xfffffff0) >>> 0;
    expect(t.pc.bus.readMemory(mmio + 0x500, 2)).toBe(0xb0c5);
    expect(t.pc.bus.readMemory(mmio + 0x604, 4)).toBe(0x1e1e1e1e);
    t.pc.bus.writeMemory(mmio + 0x40e, 8, 1);
    t.pc.bus.writeMemory(mmio + 0x40f, 0xaa, 1);
    t.out(0x3ce, 8);
    expect(t.in(0x3cf)).toBe(0xaa);
  });

  it('memory of the host’s: told where it lies, asked which pages were written', () => {
    const bytes = new Uint8Array(4 << 20);
    const dirty = new Uint8Array(1024);
    const moves: number[] = [];
    const video: VideoMemory = {
      bytes,
      moved: base => moves.push(base),
      reach: 4096 * 21,
      takeDirtyPages: () => {
        const taken = dirty.slice();
        dirty.fill(0);
        return taken;
      },
    };
    t = testPc({ screen: canvas, videoMemory: video });
    t.pc.installTables();
    expect(moves.at(-1)).toBeGreaterThanOrEqual(0xf0000000);
    enable(640, 480, 32);
    show();
    canvas.changes = [];
    bytes[4096 * 20] = 0x7f;
    dirty[20] = 1;
    show();
    const first = Math.floor((4096 * 20) / 2560);
    expect(canvas.changes).toEqual([[first, Math.floor((4096 * 21 - 1) / 2560)]]);
    // Byte 0x14000 is the blue of pixel 0 in row 32.
    expect(canvas.at(0, 32)).toBe('ff7f0000');
    const state = structuredClone(t.pc.save());
    const other = testPc({ videoMemory: { ...video, bytes: new Uint8Array(4 << 20) } });
    other.pc.restore(state);
    expect(other.pc.vga.memory[4096 * 20]).toBe(0x7f);
  });
});
