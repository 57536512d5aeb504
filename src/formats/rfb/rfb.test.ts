/** The protocol's bytes as RFC 6143 has them, and pictures that come out as they went in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canvas, hextile, readAll } from './decode.test-support.ts';
import {
  ByteSink,
  changedRectangles,
  colourMap,
  copyRectangle,
  encodeHextile,
  fitted,
  formatBytes,
  OWN_FORMAT,
  type Picture,
  type PixelFormat,
  Pixels,
  rawRectangle,
  readClientMessage,
  readFormat,
  readVersion,
} from './index.ts';

const bytes = (...numbers: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(numbers);
const read = (...numbers: number[]) => readAll(readClientMessage(), bytes(...numbers));
const latin1 = (text: string) => Uint8Array.from(text, letter => letter.charCodeAt(0));

describe('what a client says', () => {
  it('is its version, and what nobody knows is 3.3', () => {
    expect(['3.008', '3.007', '3.003', '3.889', '4.001'].map(each => readVersion(latin1(`RFB 00${each}\n`)))).toEqual([
      8, 7, 3, 3, 3,
    ]);
    expect(() => readVersion(latin1('GET / HTTP/1'))).toThrow('The client does not speak RFB.');
  });

  it('is one message after the other', () => {
    expect(read(0, 9, 9, 9, ...formatBytes(OWN_FORMAT))).toEqual({ kind: 'format', format: OWN_FORMAT });
    expect(read(2, 0, 0, 2, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0x21)).toEqual({ kind: 'encodings', encodings: [5, -223] });
    expect(read(2, 0, 0, 0)).toEqual({ kind: 'encodings', encodings: [] });
    expect(read(3, 1, 0, 1, 0, 2, 1, 0, 2, 0)).toEqual({
      kind: 'request',
      isIncremental: true,
      area: { x: 1, y: 2, width: 256, height: 512 },
    });
    expect(read(4, 1, 0, 0, 0, 0, 0xff, 0x0d)).toEqual({ kind: 'key', isDown: true, keysym: 0xff0d });
    expect(read(5, 5, 1, 2, 3, 4)).toEqual({ kind: 'pointer', buttons: 5, x: 0x102, y: 0x304 });
    expect(read(6, 0, 0, 0, 0, 0, 0, 3, 65, 66, 67)).toEqual({ kind: 'text', bytes: 3 });
    expect(read(255, 0, 0, 1, 0, 0, 0, 0x61, 0, 0, 0, 0x1e)).toEqual({
      kind: 'key',
      isDown: true,
      keysym: 0x61,
      xtCode: 0x1e,
    });
  });

  it('is refused where nobody knows how it goes on, or it is no such thing', () => {
    expect(() => read(1)).toThrow('The client sends a message of type 1, which it was not offered.');
    expect(() => read(255, 1)).toThrow("The client sends message 1 of QEMU's, which it was not offered.");
    expect(() => read(6, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)).toThrow('The client sends 4294967295 bytes of text.');
    const format = (change: (bytes: Uint8Array) => void): (() => unknown) => {
      const words = formatBytes(OWN_FORMAT);
      change(words);
      return () => readFormat(words);
    };
    expect(format(words => void (words[0] = 24))).toThrow('pixels of 24 bits; there are 8, 16 and 32');
    expect(format(words => void (words[0] = 16))).toThrow('colours that do not fit into 16 bits');
    expect(format(words => void (words[10] = 255))).toThrow('colours that do not fit into 32 bits');
    expect(format(words => void (words[3] = 0))).toThrow('a colour map for pixels of 32 bits; there is one for 8');
  });

  it('never keeps more than it says, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), random => {
        const reading = readClientMessage();
        let at = 0;
        try {
          for (let step = reading.next(); !step.done; ) {
            expect(step.value).toBeGreaterThan(0);
            expect(step.value).toBeLessThanOrEqual(4 * 0xffff);
            const piece = new Uint8Array(step.value);
            piece.set(random.subarray(at, at + step.value));
            at += step.value;
            step = reading.next(piece);
          }
        } catch (error) {
          expect((error as Error).name).toBe('RfbError');
        }
      }),
    );
  });
});

const HIGH_COLOUR: PixelFormat = {
  bitsPerPixel: 16,
  depth: 16,
  isBigEndian: true,
  max: [31, 63, 31],
  shift: [11, 5, 0],
  isMapped: false,
};

describe('pixels', () => {
  it('are in the order and the number of bits that was asked for', () => {
    const rgb = bytes(255, 128, 0);
    const raw = (format: PixelFormat): number[] => {
      const sink = new ByteSink();
      rawRectangle(sink, { width: 1, height: 1, rgb }, new Pixels(format), { x: 0, y: 0, width: 1, height: 1 });
      return [...sink.taken()];
    };
    expect(raw(OWN_FORMAT)).toEqual([0, 128, 255, 0]);
    expect(raw({ ...OWN_FORMAT, isBigEndian: true, shift: [0, 8, 16] })).toEqual([0, 0, 128, 255]);
    expect(raw(HIGH_COLOUR)).toEqual([0xfc, 0x00]);
  });

  it('are numbers of a map where that is wanted', () => {
    const words = formatBytes({ ...OWN_FORMAT, bitsPerPixel: 8, isMapped: true });
    const pixels = new Pixels(readFormat(words));
    const map = colourMap();
    expect([...map.subarray(0, 6)]).toEqual([1, 0, 0, 0, 1, 0]);
    const colour = (index: number): number[] => [...map.subarray(6 + 6 * index, 12 + 6 * index)];
    expect(colour(pixels.of(bytes(255, 255, 255), 0))).toEqual([255, 255, 255, 255, 255, 255]);
    expect(colour(pixels.of(bytes(0, 255, 0), 0))).toEqual([0, 0, 255, 255, 0, 0]);
  });
});

/** Of few colours in rows and columns, or of many. */
const pictures = (most = 50): fc.Arbitrary<Picture> =>
  fc
    .record({
      width: fc.integer({ min: 1, max: most }),
      height: fc.integer({ min: 1, max: most }),
      colours: fc.integer({ min: 1, max: 200 }),
      seed: fc.nat(),
      run: fc.integer({ min: 1, max: 40 }),
    })
    .map(({ width, height, colours, seed, run }) => {
      const rgb = new Uint8Array(width * height * 3);
      let state = seed | 1;
      for (let i = 0, colour = 0; i < width * height; i++) {
        if (i % run === 0) {
          state = (Math.imul(state, 1103515245) + 12345) | 0;
          colour = (state >>> 16) % colours;
        }
        rgb.set([colour * 7, colour * 13, colour], 3 * i);
      }
      return { width, height, rgb };
    });

it('bytes one behind the other are all there, however many they are', () => {
  const sink = new ByteSink();
  for (let i = 0; i < 20_000; i++) sink.u8(i % 251);
  const all = Uint8Array.from({ length: 20_000 }, (_, i) => i % 251);
  expect(Buffer.compare(sink.taken(), all)).toBe(0);
});

describe('hextile', () => {
  it('draws what it was made of, in each format', () => {
    fc.assert(
      fc.property(pictures(), fc.constantFrom(OWN_FORMAT, HIGH_COLOUR), fc.nat(20), (picture, format, offset) => {
        const pixels = new Pixels(format),
          sink = new ByteSink();
        const area = { x: offset % picture.width, y: offset % picture.height, width: 0, height: 0 };
        area.width = picture.width - area.x;
        area.height = picture.height - area.y;
        encodeHextile(sink, picture, pixels, area);
        const drawn = canvas(picture.width, picture.height);
        readAll(hextile(drawn, format, area), sink.taken());
        for (let y = area.y; y < picture.height; y++)
          for (let x = area.x; x < picture.width; x++) {
            const at = y * picture.width + x;
            if (drawn.pixels[at] !== pixels.of(picture.rgb, 3 * at)) throw new Error(`${x}, ${y}`);
          }
      }),
    );
  });

  it('has few bytes for what is plain or of two colours, and never more than raw has and a byte a tile', () => {
    const size = (picture: Picture): number => {
      const sink = new ByteSink();
      encodeHextile(sink, picture, new Pixels(OWN_FORMAT), { x: 0, y: 0, ...picture });
      return sink.length;
    };
    expect(size({ width: 64, height: 64, rgb: new Uint8Array(64 * 64 * 3) })).toBe(16 + 4);
    const line = new Uint8Array(16 * 16 * 3).fill(255, 5 * 48, 6 * 48);
    expect(size({ width: 16, height: 16, rgb: line })).toBe(1 + 4 + 4 + 1 + 2);
    const noise = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 7919) >>> 3);
    expect(size({ width: 32, height: 32, rgb: noise })).toBe(4 + 32 * 32 * 4);
  });
});

describe('changes', () => {
  it('are all that differs, and nothing where nothing does', () => {
    fc.assert(
      fc.property(pictures(70), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), (before, dots) => {
        const now = { ...before, rgb: before.rgb.slice() };
        for (const [at, value] of dots) now.rgb[at % now.rgb.length] = value;
        const has = { ...before, rgb: before.rgb.slice() };
        const whole = { x: 0, y: 0, width: now.width, height: now.height };
        const changed = changedRectangles(has, now, whole);
        const tiles = changed.reduce(
          (sum, { width, height }) => sum + Math.ceil(width / 16) * Math.ceil(height / 16),
          0,
        );
        expect(tiles).toBeLessThanOrEqual(dots.length);
        for (const each of changed) copyRectangle(has, now, each);
        expect(Buffer.compare(has.rgb, now.rgb)).toBe(0);
        expect(changedRectangles(has, now, whole)).toEqual([]);
      }),
    );
  });

  it('that lie beside or below each other are one rectangle, within what was asked', () => {
    const before = { width: 64, height: 64, rgb: new Uint8Array(64 * 64 * 3) };
    const now = { ...before, rgb: before.rgb.slice().fill(1) };
    expect(changedRectangles(before, now, { x: 0, y: 0, width: 64, height: 64 })).toEqual([
      { x: 0, y: 0, width: 64, height: 64 },
    ]);
    expect(changedRectangles(before, now, { x: 5, y: 20, width: 30, height: 7 })).toEqual([
      { x: 5, y: 20, width: 30, height: 7 },
    ]);
  });

  it('of a picture of another size are looked at in the size that is known', () => {
    const picture = { width: 2, height: 1, rgb: bytes(1, 2, 3, 4, 5, 6) };
    expect(fitted(picture, 1, 2)).toEqual({ width: 1, height: 2, rgb: bytes(1, 2, 3, 0, 0, 0) });
  });
});
