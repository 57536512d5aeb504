/** Pictures as `ringside boot` writes them: PNG (ISO/IEC 15948), 8-bit RGB, rows without filter. */
import { inflateSync } from 'node:zlib';

interface Picture {
  width: number;
  height: number;
  /** Three bytes a pixel. */
  rgb: Buffer;
}

export function decodePng(file: Buffer): Picture {
  const width = file.readUInt32BE(16);
  const height = file.readUInt32BE(20);
  const parts: Buffer[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  const rows = inflateSync(Buffer.concat(parts));
  const rgb = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = y * (width * 3 + 1);
    if (rows[row] !== 0) throw new Error(`row ${y} has filter ${rows[row]}`);
    rows.copy(rgb, y * width * 3, row + 1, row + 1 + width * 3);
  }
  return { width, height, rgb };
}

/** Share of pixels that differ, 0 to 1; pictures of different sizes differ everywhere. */
export function difference(one: Picture, other: Picture): number {
  if (one.width !== other.width || one.height !== other.height) return 1;
  let count = 0;
  for (let at = 0; at < one.rgb.length; at += 3) if (one.rgb.compare(other.rgb, at, at + 3, at, at + 3) !== 0) count++;
  return count / (one.width * one.height);
}
