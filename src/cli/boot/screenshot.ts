/** The guest's screen as a PNG file. */
import { deflateSync } from 'node:zlib';
import { crc32 } from '../../formats/unpack/index.ts';
import { screenPicture } from '../../hypervisor/view/index.ts';

/** 24-bit RGB picture as PNG (ISO/IEC 15948: signature, IHDR, IDAT, IEND). */
export function encodePng(width: number, height: number, rgb: Uint8Array): Buffer {
  const rows = Buffer.alloc(height * (width * 3 + 1));
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1);
  const chunk = (tag: string, body: Buffer): Buffer => {
    const bytes = Buffer.alloc(12 + body.length);
    bytes.writeUInt32BE(body.length, 0);
    bytes.write(tag, 4, 'latin1');
    body.copy(bytes, 8);
    bytes.writeUInt32BE(crc32(bytes, 4, 8 + body.length) >>> 0, 8 + body.length);
    return bytes;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits a sample, colour type 2: RGB.
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A domain's screen, whose block is at this offset of machine memory; one that is off is black. */
export function encodeScreen(memory: SharedArrayBuffer | ArrayBuffer, screen: number): Buffer {
  const { width, height, rgb } = screenPicture(memory, screen);
  return encodePng(width, height, rgb);
}
