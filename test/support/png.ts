/** Pictures of 8 bits a colour, as `ringside boot` and GTK write them: PNG (ISO/IEC 15948; its filters: 9). */
import { inflateSync } from 'node:zlib';

interface Picture {
  width: number;
  height: number;
  /** Three bytes a pixel, whatever is behind it. */
  rgb: Buffer;
}

export function decodePng(file: Buffer): Picture {
  const width = file.readUInt32BE(16);
  const height = file.readUInt32BE(20);
  const parts: Buffer[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  const samples = file[25] === 6 ? 4 : 3,
    stride = width * samples;
  const rows = inflateSync(Buffer.concat(parts));
  const all = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const row = y * (stride + 1),
      filter = rows[row];
    if (filter > 4) throw new Error(`row ${y} has filter ${filter}`);
    for (let i = 0; i < stride; i++) {
      const at = y * stride + i;
      const left = i >= samples ? all[at - samples] : 0,
        up = y > 0 ? all[at - stride] : 0,
        corner = i >= samples && y > 0 ? all[at - stride - samples] : 0;
      all[at] = rows[row + 1 + i] + [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    }
  }
  return { width, height, rgb: samples === 3 ? all : Buffer.from(all.filter((_, i) => i % 4 !== 3)) };
}

/** Of three neighbours the one that is nearest to the plane through them (ISO/IEC 15948, 9.4). */
function paeth(left: number, up: number, corner: number): number {
  const [toLeft, toUp, toCorner] = [left, up, corner].map(each => Math.abs(left + up - corner - each));
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Share of pixels that differ, 0 to 1; pictures of different sizes differ everywhere. */
export function difference(one: Picture, other: Picture): number {
  if (one.width !== other.width || one.height !== other.height) return 1;
  let count = 0;
  for (let at = 0; at < one.rgb.length; at += 3) if (one.rgb.compare(other.rgb, at, at + 3, at, at + 3) !== 0) count++;
  return count / (one.width * one.height);
}
