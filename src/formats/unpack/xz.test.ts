import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DecodeError, unxz } from './xz.ts';

// Made with xz 5.4.1 (Debian 12). CALLS: 500 bytes that are mostly E8, E9, 00 and FF, packed with --x86 --lzma2=lc=4,pb=0.
const CALLS =
  '/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4AHzAZUEAAAxQ4YOQv5qxL3HJ71rpJ1YnJcwXY0jLT0T4K7iyp0TDx6F+YB5JY9cGgEH6moomRRfvgBcwBCSg82t0CGwSwaSO66+6OJ3zszwH4zsV244hwzM0RpXnW7wvl4PCUSx6e70vc6NtZD1K8Gyt08oAFsN4bhXuYS51GuXdJP/ifq/xdFbprOEAcWMBfGvG26jtXX145ef4AFe6zy+C2+HHr1MNACEIabG+IK2i/UAi6XmM8K5eYmguIK6LGQLR/qv3Mh7SJz10cy4jWzdtWqL0QiKepELzhkqElY9Ed62uKRFETcZJVQ8MDuAuVEDxdW3pUCxsL9maYAj94d1ViYzpTCJqTYWJwng5QPF/6n1Kzh0FEN27qSZB6HQVa7Hk4H5mth4Qp1ALi3DJMI1+gVlbtjyp99UgVMkD466ZLCPopsMFG3NTkywnFUyfmyTa7I/bGtEobQE08iqCL2ilwdX1Jzdb1gMKM85clQm7/r3X3eV90sFdb+BNT4zS8SJVQJbK/0vkG6M9vLSHq2GTkyes1Qll9gxNwAAAACQbfrXfEKvugABsQP0AwAAdFEhXrHEZ/sCAAAAAARZWg==';
const CALLS_SHA256 = '376af0f6dcdd24d96320b9e768cf1ab40a4ddfd92a1158ec5fed71c1ad93e29c';
/** TEXT_CONTENT with --check=crc32, in three blocks (--block-size=600) with CRC-64, with SHA-256, with the delta filter. */
const TEXT =
  '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AZnADZdACkaScaNeSKE1sc4XMBrUa+XW6/SejWB9hstGkqioSsLl+M1JWyV59zoZiUHkTNAx4tN1gurwAAAAJ7wM5gAAU7oDAAAAGeMdaQ+MA2LAgAAAAABWVo=';
const BLOCKS =
  '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AJXADFdACkaScaNeSKE1sc4XMBrUa+XW6/SejWB9hstGkqioSsLl+M1JWyV59zoZiUHkJwaeAAAAAAAtHYlZQDWsuICACEBFgAAAHQv5aPgAlcAMV0AMpuKQt+7EF5baeI3t8fWu/JL5GKBVeaVzOjYAYZz5TU7Q0CTSvE7bIQKicR/1gNQAAAAAABkmRpiaCkIBQIAIQEWAAAAdC/lo+ABtwAwXQA5iAgiFF2Gg2TJowwDweKAuu9OjKlfj9mXskvvzWXXamEHu0iK8c4/PFbLuCwJAAAAY3VIcMKKyRoAA03YBE3YBEy4AwBw9nW9FBc7MAMAAAAABFla';
const SHA256 =
  '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4AZnADZdACkaScaNeSKE1sc4XMBrUa+XW6/SejWB9hstGkqioSsLl+M1JWyV59zoZiUHkTNAx4tN1gurwAAAAFpUkS+W2NwWI1NbvZq7EpVBGeH05Vs0237KotD6WD6hAAFq6AwAAABHy0g4tunfHAIAAAAAClla';
const DELTA =
  '/Td6WFoAAATm1rRGAgEDAQAhARZ5IMTu4AZnADxdACkFvK9rXV1TpAVNjwfSplibJcP88bWhkV5Af3Ox93iqxZRSeBU0XVMf/htH7V19ZDwrDnQgmMGj8qA4AABXbyxoxXua/QABWOgMAAAA4W36cbHEZ/sCAAAAAARZWg==';
const TEXT_CONTENT = 'Ringside has a seat close enough to see. '.repeat(40);

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const asText = (data: Uint8Array) => new TextDecoder().decode(data);

describe('.xz files', () => {
  it('unpacks a stream with CRC-32', () => {
    expect(asText(unxz(bytes(TEXT)))).toBe(TEXT_CONTENT);
  });

  it('unpacks several blocks with CRC-64', () => {
    expect(asText(unxz(bytes(BLOCKS)))).toBe(TEXT_CONTENT);
  });

  it('undoes the x86 filter where opcode bytes follow each other closely', () => {
    expect(
      createHash('sha256')
        .update(unxz(bytes(CALLS)))
        .digest('hex'),
    ).toBe(CALLS_SHA256);
  });

  it('unpacks streams one behind the other with padding between them', () => {
    const joined = new Uint8Array([...bytes(TEXT), 0, 0, 0, 0, ...bytes(BLOCKS)]);
    expect(asText(unxz(joined))).toBe(TEXT_CONTENT + TEXT_CONTENT);
    expect(() => unxz(new Uint8Array([...bytes(TEXT), 0, 0]))).toThrow(/padding/);
  });

  it('leaves what follows the first stream alone when asked', () => {
    const trailed = new Uint8Array([...bytes(TEXT), 1, 2, 3]);
    expect(asText(unxz(trailed, { firstStreamOnly: true }))).toBe(TEXT_CONTENT);
    expect(() => unxz(trailed)).toThrow(DecodeError);
  });

  it('unpacks what it got within a larger buffer', () => {
    const packed = bytes(TEXT);
    const larger = new Uint8Array(packed.length + 10);
    larger.set(packed, 7);
    expect(asText(unxz(larger.subarray(7, 7 + packed.length)))).toBe(TEXT_CONTENT);
  });

  it('says at which byte a truncated file ends, wherever it was cut', () => {
    const whole = bytes(BLOCKS);
    for (let length = 0; length < whole.length; length++)
      expect(() => unxz(whole.subarray(0, length)), `${length} bytes`).toThrow(DecodeError);
    expect(() => unxz(whole.subarray(0, 60))).toThrow(
      'truncated: an LZMA2 chunk wants 50 bytes, 30 are left at byte 60',
    );
    expect(() => unxz(new Uint8Array(0))).toThrow('empty, not an .xz file at byte 0');
  });

  it('notices every flipped bit', () => {
    const whole = bytes(BLOCKS);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = whole.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      expect(() => unxz(damaged), `bit ${bit}`).toThrow(DecodeError);
    }
  });

  it('names checks and filters that it does not know', () => {
    expect(() => unxz(bytes(SHA256))).toThrow('SHA-256 is not supported');
    expect(() => unxz(bytes(DELTA))).toThrow('filter delta is not supported');
    expect(() => unxz(new TextEncoder().encode('hello, this is text'))).toThrow('not an .xz file at byte 0');
  });

  it('stops at the limit', () => {
    expect(() => unxz(bytes(TEXT), { limit: 1000 })).toThrow('unpacks to more than the 1000 bytes allowed');
  });

  const hasXz = spawnSync('xz', ['--version']).status === 0;
  // A second opinion where the tool is installed; the fixtures above came from it.
  if (hasXz)
    it('agrees with the xz tool on machine code, at several settings', () => {
      const code = readFileSync(process.execPath).subarray(4 << 20, 6 << 20);
      for (const settings of [
        ['--x86', '--lzma2=preset=6'],
        ['--x86=start=4096', '--lzma2=preset=1,lc=0,lp=2,pb=1', '--check=crc32'],
        ['--lzma2=preset=3,lc=3,lp=1,pb=4', '--check=none'],
        ['--lzma2=preset=0,dict=64KiB', '--block-size=300000'],
      ]) {
        const packed = execFileSync('xz', ['-c', '-T1', ...settings], { input: code, maxBuffer: 16 << 20 });
        expect(Buffer.compare(Buffer.from(unxz(new Uint8Array(packed))), code), settings.join(' ')).toBe(0);
      }
    });
});
