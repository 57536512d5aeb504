/**
 * Text of a picture that the console of Debian's installer drew into the frame buffer (bterm), by its own font.
 * Sources: the newc format of cpio (Linux's Documentation/driver-api/early-userspace/buffer-format.rst); bogl's font file: the words after "BGF1" are where the
 * name, the height, the mask of the table of offsets and that table, the index and the glyphs are.
 */
import type { decodePng } from './png.ts';

const CELL_WIDTH = 8,
  CELL_HEIGHT = 16;

/** A file of an unpacked initramfs. */
export function fileOfInitramfs(archive: Buffer, path: string): Buffer {
  const HEADER_BYTES = 110;
  const aligned = (at: number): number => (at + 3) & ~3;
  for (let at = 0; archive.toString('latin1', at, at + 6) === '070701'; ) {
    const field = (i: number): number =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * i, at + 14 + 8 * i), 16);
    const [bytes, nameBytes] = [field(6), field(11)];
    const start = aligned(at + HEADER_BYTES + nameBytes);
    if (archive.toString('utf8', at + HEADER_BYTES, at + HEADER_BYTES + nameBytes - 1) === path)
      return archive.subarray(start, start + bytes);
    at = aligned(start + bytes);
  }
  throw new Error(`the initramfs has no ${path}`);
}

/** Characters of ASCII by the bits of their glyphs, a row a byte in hexadecimal. */
function glyphs(font: Buffer): Map<string, string> {
  const [height, mask, table, index, content] = [8, 12, 16, 20, 24].map(at => font.readUInt32LE(at));
  if (font.toString('latin1', 0, 4) !== 'BGF1' || height !== CELL_HEIGHT) throw new Error('this is no font of 16 rows');
  const found = new Map<string, string>();
  for (let code = 0x20; code < 0x7f; code++) {
    let at = font.readInt32LE(table + 4 * (code & mask));
    // Entries of a chain: the character's upper bits with its width, and where its rows are, in words. Those below 100h come first.
    if (at < 0 || font.readUInt32LE(index + 4 * at) !== CELL_WIDTH) continue;
    at = content + 4 * font.readUInt32LE(index + 4 * at + 4);
    const rows = Array.from({ length: CELL_HEIGHT }, (_, y) => font.readUInt32LE(at + 4 * y) >>> 24);
    found.set(Buffer.from(rows).toString('hex'), String.fromCharCode(code));
  }
  return found;
}

/** Lines of the picture; what is no character of ASCII is a blank. */
export function textOf({ width, height, rgb }: ReturnType<typeof decodePng>, font: Buffer): string[] {
  const known = glyphs(font);
  const lines: string[] = [];
  for (let top = 0; top + CELL_HEIGHT <= height; top += CELL_HEIGHT) {
    let line = '';
    for (let left = 0; left + CELL_WIDTH <= width; left += CELL_WIDTH) {
      const pixel = (x: number, y: number): number => rgb.readUIntBE(3 * ((top + y) * width + left + x), 3);
      const ground = pixel(0, 0);
      const rows = Array.from({ length: CELL_HEIGHT }, (_, y) => {
        let bits = 0;
        for (let x = 0; x < CELL_WIDTH; x++) bits = (bits << 1) | Number(pixel(x, y) !== ground);
        return bits;
      });
      line += known.get(Buffer.from(rows).toString('hex')) ?? ' ';
    }
    lines.push(line);
  }
  return lines;
}
