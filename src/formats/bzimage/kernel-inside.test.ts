import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { kernelInside, loadUnpackers, SETUP, setupBytesOf } from './index.ts';

await loadUnpackers();

const CONTENT = '\x7fELF, or so it says. '.repeat(40);
/** CONTENT by `zstd -19` 1.5.4 of Debian 12, and by `xz --check=crc32` 5.4.1. */
const ZSTD = 'KLUv/QRo5QAAqH9FTEYsIG9yIHNvIGl0IHNheXMuIAEAYWI1mXomArI=';
const XZ =
  '/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4ANHACBdAD+RRYRpuD2j5DsdNWzot+LNmtWNOy1jmUPJOENNacAAALiR3h4AATjIBgAAANutctc+MA2LAgAAAAABWVo=';

/** A bzImage of boot protocol 2.08 with this payload. */
function bzImage(payload: Uint8Array): Uint8Array {
  const image = new Uint8Array(5 * 512 + 64 + payload.length);
  const header = new DataView(image.buffer);
  header.setUint8(SETUP.SETUP_SECTS, 4);
  header.setUint32(SETUP.HEADER, 0x53726448, true);
  header.setUint16(SETUP.VERSION, 0x208, true);
  header.setUint32(SETUP.PAYLOAD_OFFSET, 64, true);
  header.setUint32(SETUP.PAYLOAD_LENGTH, payload.length, true);
  image.set(payload, setupBytesOf(image) + 64);
  return image;
}

describe('the kernel inside a bzImage', () => {
  // Linux's scripts/Makefile.lib: behind the packed kernel follows its size, in four bytes; gzip has that in its own trailer.
  const sized = (packed: string): Uint8Array =>
    Buffer.concat([Buffer.from(packed, 'base64'), Uint8Array.of(0x48, 3, 0, 0)]);

  it.each([
    ['gzip', gzipSync(Buffer.from(CONTENT, 'latin1'))],
    ['xz', sized(XZ)],
    ['zstd', sized(ZSTD)],
  ])('is unpacked where it is packed with %s', (_, payload) => {
    expect(Buffer.from(kernelInside(bzImage(payload), 'vmlinuz')).toString('latin1')).toBe(CONTENT);
  });

  it.each([
    ['bzip2', Uint8Array.of(0x42, 0x5a, 0x68, 0x39)],
    ['lzma', Uint8Array.of(0x5d, 0x00, 0x00, 0x00)],
    ['lzo', Uint8Array.of(0x89, 0x4c, 0x5a, 0x4f)],
    ['lz4', Uint8Array.of(0x02, 0x21, 0x4c, 0x18)],
    ['something unknown', Uint8Array.of(1, 2, 3, 4)],
  ])('is refused by name where it is packed with %s', (name, payload) => {
    expect(() => kernelInside(bzImage(payload), 'vmlinuz')).toThrow(
      `vmlinuz holds its kernel packed with ${name}; for PVH and PV Ringside reads gzip, xz and zstd. Unpack it (extract-vmlinux), or start it on a PC (without --type).`,
    );
  });

  it('that is damaged says where', () => {
    const damaged = sized(ZSTD).subarray(0, 30);
    expect(() => kernelInside(bzImage(damaged), 'vmlinuz')).toThrow(
      /^vmlinuz is damaged: the kernel inside cannot be unpacked \(truncated: inside a block at byte 30\)\. Copy or fetch it again\.$/,
    );
  });
});
