import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xxh64Low } from './xxh64.ts';
import { DecodeError, TooLargeError } from './output.ts';
import { unzstd, unzstdHead } from './zstd.ts';

// What zstd 1.5.4 of Debian 12 made of these.
const TEXT_CONTENT = 'Ringside has a seat close enough to see. '.repeat(40);
/** By -3, from a pipe. */
const TEXT = 'KLUv/QRYlQEAlAJSaW5nc2lkZSBoYXMgYSBzZWF0IGNsb3NlIGVub3VnaCB0byBzZWUuIAEA4ZH9qgwhoSG/';
/** By -19: four streams of literals, described tables. */
const LINES_CONTENT = Array.from(
  { length: 400 },
  (_, i) => `${(i * i) % 997} is ${((i * 7919) % 1013).toString(16)}\n`,
).join('');
const LINES =
  'KLUv/QRo3SoAyoacEBWQJckxl6Baay3Y3bxLipAwsw6MUQEEAQMBAgG1KemKU/hg2cFQRhfdggnqUomvoGrTST3KaDayfQgO85G9A8qxC40WNvNL2cly2ryH6ti2Rw8Fkcxotge5eYnhAjFrn1lN3O5MeI+BZrd8MCwcR+5iFNaVRQulMp/mTgR1eqJUvoLb2sNW1qhHF3I2q2C1oLTfjU4UI5PnSMEF5TaxB0Kmxhu6OKJZZ+rZ2o9OJywxTzHFpQTfpDvNRsq6CHZpRSV69uZgoJ3YpPMGdxHZVxjTyTRHW8qLAhPXcYRPYt4BLd1FmNoZjNmCIvbOYE2DUT10lS4Mj1Y5ogd3DhLnMpsFgmYZMi/O6ESGj2FtW6z1jp7BORBmLyVbqJolEAAQkDVU5xTtInWvbs2Ulo+CBGuj3DVX71GhAwJJrzVbOMtFF98hqaa7fZjqbUX0MPL0wbWDyporMxcCIvsWX7rJCbEeu7NN4oMo1Wi6B2p4qdRCMZL7ZeEEotRkuQ8iDTeierjd8RIvBLy6thZsKD8Vmxi5Z57mozRtq5yHAHVEvItJpHVI3IWlxK8mRPUUcHNZuc2IHoraMQ8vULNWGpmnSL+7idukc2QWsXz10h5saFTbi7GKa1LZkzkHxNBOBJJ44pAtlvMOSDttKY5HZhdSQqswhfuoUh7U2lWUIZ2jljzRl0j0JiKvHos1Fze7zuTiM5DagS7SpXei6bKFb1rZNEUPQgI2OVXaY2TqRSqtZYtPyhwEO3dV7UlXi2S+WzvTDT7INkVbFVefpTooZjAv3VlAK1wuX+Lmprx9nIltcvogjNQzlweGQpcgLoyd+TLvFZtI7hEg7nZlD1OyI2YdrOl1VAsyoh8pTSTmZEaPonITogdUyXGELoZavGRn4VDxS50JQfHUmoctbjJCD6Mmx0SiCyqtXImjhSDzo6WJGT2HrFoGdbutBxmdHYU5u8jSXauE7in2vtybQJuTSHFZoncv8+GQasTUC2HKVj3dx+y+k5kYiGdK0WKbL1FY09SOchezuQ51+FDRgcnoxNYpXO5CeG/NzbSVj6DqAo12paF7hOZgdfKj4kVp6lqMPql0gLU2QSN5EjO7IM17YjXh3UOwzAu13dWGnjI7GIt45epSsxDWG+DeRKWPya2m1r27ZzcPRO3CpYVEu0U33+KmmXrg4m1L+jDYPoFeHZwRXkOrCwIdzqdlr83kJKn7GKNIW6rdA5WOOXMQlNg1iwszuh8mTajkTagPSZwt0R5yMUfMC4K0riGLC1jfTU0MS3iu7eMQaUO9B0Flxyu6KLxrVRcGEX12N0GqehJEy+FtJ/swcjTa3oXarjZLj+FXuxMpV2dJLolvkGQPuJoj3lwMdOvK6lNI3xVOCDSnai2I+Ra0NtPUjTd7QVIrQYvP6cFl2sToOdCiiG+Bj6gRKByatwHhZlDYORGgnD4GLriqmdfUXCuuONwcbQ7/kCYnsKmwB7gHxYwZbkIud2iZxMMsTz9ffu3DbxbjTkRBMGNy30v0AwHB0c37pNQLbvW7D94RhsbM89MxPhkRv7M11SOx7UNPUiAcSZuVbZYkIzdy6pQPRc+STYlSiK++ZMlj88RrkJKleMLYlnOOQg1zOX0ibt7Q41azX+qQIJAbvNldjw5iOSHpIBPtQIjq/unpbnRXKID6cdx6hAe2Cd4U3Ve88r12wkCxlatPD4GjLBjNvG2sgWneE+JJogIpN8DfQuW+GgZJOg1MWj8JSHbJp3oEEjIqZ+UpwhJHzsc/PPhSW+hylun23j6aec4dZbhqJ4TxvDF8o/cEF6aUvojk9uzIhdllNM9vCs4qLlkOHQ==';
/** By -D with a dictionary of --train. */
const BY_DICTIONARY = 'KLUv/QdYS7wIG30AABA1NQT8jICwF4cwtfnxFq0Zsuw=';

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const asText = (data: Uint8Array): string => new TextDecoder().decode(data);
/** The same frame without the checksum behind it. */
function withoutChecksum(frame: Uint8Array): Uint8Array {
  const bare = frame.slice(0, -4);
  bare[4] &= ~4;
  return bare;
}

describe('zstd frames', () => {
  it('unpacks literals as they are, packed literals and sequences', () => {
    expect(asText(unzstd(bytes(TEXT)))).toBe(TEXT_CONTENT);
    expect(asText(unzstd(bytes(LINES)))).toBe(LINES_CONTENT);
    expect(asText(unzstd(withoutChecksum(bytes(LINES))))).toBe(LINES_CONTENT);
  });

  it('unpacks frames one behind the other, and skips those that are to be skipped', () => {
    const skippable = Uint8Array.of(0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    const joined = Buffer.concat([skippable, bytes(TEXT), skippable, bytes(LINES)]);
    expect(asText(unzstd(joined))).toBe(TEXT_CONTENT + LINES_CONTENT);
    expect(() => unzstd(joined.subarray(0, 9))).toThrow('truncated: inside a skippable frame at byte 9');
  });

  it('leaves what follows the first frame alone when asked', () => {
    const trailed = new Uint8Array([...bytes(TEXT), 1, 2, 3, 4]);
    expect(asText(unzstd(trailed, { firstFrameOnly: true }))).toBe(TEXT_CONTENT);
    expect(() => unzstd(trailed)).toThrow('corrupt: no zstd frame at byte 63');
  });

  it('refuses a dictionary by its number', () => {
    expect(() => unzstd(bytes(BY_DICTIONARY))).toThrow(
      /^packed with dictionary \d+, and what is packed without one is read at byte/,
    );
  });

  it('says at which byte a truncated file ends, wherever it was cut', () => {
    for (const whole of [bytes(LINES), withoutChecksum(bytes(LINES))])
      for (let length = 0; length < whole.length; length++)
        expect(() => unzstd(whole.subarray(0, length)), `${length} bytes`).toThrow(DecodeError);
    expect(() => unzstd(new Uint8Array(0))).toThrow('empty, not a zstd file at byte 0');
    expect(() => unzstd(bytes(TEXT).subarray(0, 20))).toThrow('truncated: inside a block at byte 20');
  });

  it('notices every flipped bit of what a checksum is over', () => {
    const whole = bytes(TEXT);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = whole.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      // What the size of the window may be is not checked against it, and bit 4 of the descriptor is unused (RFC 8878, 3.1.1.1.1.3).
      if (bit >> 3 === 5 || bit === 4 * 8 + 4) continue;
      expect(() => unzstd(damaged), `bit ${bit}`).toThrow(DecodeError);
    }
  });

  it('takes any damage as damage, and ends', () => {
    const whole = withoutChecksum(bytes(LINES));
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, places => {
        const damaged = whole.slice();
        for (const [at, value] of places) damaged[at] = value;
        try {
          unzstd(damaged, { limit: 1 << 20 });
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('takes any bytes behind the magic number for a frame or for damage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), rest => {
        try {
          unzstd(new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, ...rest]), { limit: 1 << 20 });
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('stops at the limit, and where so little cannot hold so much', () => {
    expect(() => unzstd(bytes(TEXT), { limit: 1000 })).toThrow(TooLargeError);
    expect(unzstd(bytes(TEXT), { limit: TEXT_CONTENT.length })).toHaveLength(TEXT_CONTENT.length);
    // Blocks of 128 KiB that are one byte each (3.1.1.2.2), in a window of 1 MiB.
    const block = [((2 ** 17) << 3) | 2, (2 ** 17) >> 5, (2 ** 17) >> 13, 0].map(byte => byte & 0xff);
    const bomb = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 80, ...Array.from({ length: 4000 }, () => block).flat());
    expect(() => unzstd(bomb)).toThrow('truncated: inside a block header');
    expect(() => unzstd(bomb, { isBomb: size => size > 2 ** 24 })).toThrow('which is more than they can hold');
  });

  it('gives the beginning of a file by its beginning', () => {
    expect(asText(unzstdHead(bytes(LINES), 100))).toBe(LINES_CONTENT.slice(0, 100));
    expect(unzstdHead(bytes(LINES).subarray(0, 30), 100)).toHaveLength(0);
  });
});

describe('XXH64', () => {
  // Low halves of what xxHash's own xxhsum -H1 prints; other lengths are judged by the checksums of zstd's frames below.
  it.each([
    ['', 0x51d8e999],
    ['a', 0xa98c6e5b],
    ['abc', 0xad770999],
  ])('of %j', (text, low) => {
    expect(xxh64Low(new TextEncoder().encode(text))).toBe(low);
  });
});

// The tool itself, where it is installed; the frames above came from it.
describe.skipIf(spawnSync('zstd', ['--version']).status !== 0)('frames by zstd [needs zstd]', () => {
  const packed = (content: Uint8Array, settings: string[]): Uint8Array =>
    new Uint8Array(execFileSync('zstd', ['-c', '-q', ...settings], { input: content, maxBuffer: 1 << 26 }));
  const SETTINGS = [
    ['-1'],
    ['-3', '--no-check'],
    ['--fast=5'],
    ['-9', '-T1', '-B64KiB'],
    ['-19'],
    ['-19', '--long=27', '--no-check'],
    ['--ultra', '-22'],
  ];
  const STRONG = new Set(['-19', '-22']);

  it.each(SETTINGS.map(settings => [settings.join(' '), settings] as const))(
    'unpacks machine code by %s',
    (_, settings) => {
      // The strongest settings take seconds for each MiB.
      const bytes = settings.some(setting => STRONG.has(setting)) ? 1 << 19 : 2 << 20;
      const code = readFileSync(process.execPath).subarray(4 << 20, (4 << 20) + bytes);
      expect(Buffer.compare(unzstd(packed(code, settings)), code)).toBe(0);
    },
  );

  /** Where nothing says how long the content is, zstd clears tables for a window of 8 to 128 MiB: 0.4 s for each piece by -22. */
  const SMALL = '--zstd=wlog=18,hlog=17,clog=18';

  it('unpacks any bytes', () => {
    const content = fc
      .tuple(
        fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(5), { maxLength: 400 }),
      )
      .map(([units, order]) => new Uint8Array(Buffer.concat(order.map(i => units[i % units.length]))));
    fc.assert(
      fc.property(content, fc.constantFrom(...SETTINGS), (data, settings) => {
        expect(Buffer.compare(unzstd(packed(data, [...settings, SMALL])), data)).toBe(0);
      }),
      { numRuns: 20 },
    );
  });
});
