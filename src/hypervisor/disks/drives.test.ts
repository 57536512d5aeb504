import { describe, expect, it } from 'vitest';
import { attachDrives } from './drives.ts';
import { type DriveImage, openBlob } from './media.ts';

const MIB = 2 ** 20;
const image = Uint8Array.from({ length: MIB + 512 }, (_, i) => (i >> 9) ^ i);
/** A file whose parts know where they come from, as Blob.slice does it. */
const blob = (start = 0, end = image.length): Blob =>
  ({
    size: end - start,
    slice: (from: number, to: number) => blob(start + from, Math.min(start + to, end)),
    start,
    end,
  }) as unknown as Blob;
const drive: DriveImage = { place: 0, kind: 'disk', readOnly: false, medium: { name: 'disk.img', data: blob() } };

function disk(
  readBlob = (part: Blob) =>
    image.slice((part as unknown as { start: number }).start, (part as unknown as { end: number }).end),
) {
  const problems: string[] = [];
  let reads = 0;
  const [attachment] = attachDrives(
    [drive],
    openBlob(part => (reads++, readBlob(part))),
    sentence => problems.push(sentence),
  );
  const medium = attachment.disk!;
  const read = (sector: number, sectors: number): Uint8Array | null => {
    const into = new Uint8Array(sectors * 512);
    let failed: Error | undefined;
    medium.request({ op: 'read', at: sector * 512, pieces: [into] }, error => (failed = error));
    return failed ? null : into;
  };
  return { medium, read, problems, reads: () => reads };
}

describe('a file of the browser as a disk', () => {
  it('is read in pieces, across their borders and up to its end', () => {
    const { medium, read, reads } = disk();
    expect(medium.sectors).toBe(2049);
    expect(read(510, 4)).toEqual(image.slice(510 * 512, 514 * 512));
    expect(read(2048, 1)).toEqual(image.slice(MIB));
    expect(reads()).toBe(3);
    read(0, 1);
    expect(reads()).toBe(3);
  });

  it('is never written: what is stored comes back from memory', () => {
    const before = image.slice();
    const { medium, read } = disk();
    medium.write(3 * 512, new Uint8Array(512).fill(0x5a));
    expect(read(3, 1)).toEqual(new Uint8Array(512).fill(0x5a));
    expect(image.every((byte, i) => byte === before[i])).toBe(true);
  });

  it('is a bad medium, with one sentence, when the file has gone', () => {
    const { read, problems } = disk(() => {
      throw new Error('NotReadableError');
    });
    expect(read(0, 1)).toBeNull();
    expect(read(900, 1)).toBeNull();
    expect(problems).toEqual([expect.stringMatching(/^disk\.img cannot be read any more: .* Give it again/)]);
  });
});
