import { type BlockDevice, deviceOf, ImmediateDevice, MemoryDisk } from '../blocks/index.ts';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openFat } from './fat.ts';
import { Effort, FileSystemError } from './file-tree.ts';
import { formatFatDisk } from './make-fat.ts';

const MIB = 2 ** 20;
const START = MIB;
/** Debian's dosfstools and mtools, where they are. */
const tool = (name: string): string | undefined =>
  [
    `/usr/sbin/${name}`,
    `/sbin/${name}`,
    `/usr/bin/${name}`,
    ...(process.env.PATH ?? '').split(':').map(folder => `${folder}/${name}`),
  ].find(existsSync);
const fsck = tool('fsck.fat'),
  mcopy = tool('mcopy'),
  mmd = tool('mmd');

/** As large as it is said to be, and nothing where it is not written. */
class Sparse extends ImmediateDevice {
  readonly bytes: number;
  readonly blocks = new Map<number, Uint8Array>();

  constructor(bytes: number) {
    super();
    this.bytes = bytes;
  }

  read(at: number, into: Uint8Array): void {
    into.fill(0);
    this.byBlock(at, into, (part, number, from) => {
      const block = this.blocks.get(number);
      if (block) part.set(block.subarray(from, from + part.length));
    });
  }

  override write(at: number, from: Uint8Array): void {
    this.byBlock(at, from, (part, number, place) => {
      const block = this.blocks.get(number) ?? new Uint8Array(512);
      this.blocks.set(number, block);
      block.set(part, place);
    });
  }

  /** `each` gets the part of a span that is in one block, the block's number, and where in it the part begins. */
  private byBlock(at: number, span: Uint8Array, each: (part: Uint8Array, number: number, from: number) => void): void {
    for (let done = 0; done < span.length; ) {
      const number = Math.floor((at + done) / 512),
        from = (at + done) % 512,
        part = span.subarray(done, done + 512 - from);
      each(part, number, from);
      done += part.length;
    }
  }
}

const memory = (bytes: Uint8Array): BlockDevice => new MemoryDisk(bytes);

function formatted(bytes: number): Uint8Array {
  const disk = new Sparse(bytes);
  formatFatDisk(disk, 'transfer', 0x12345678);
  const image = new Uint8Array(bytes - START);
  disk.read(START, image);
  return image;
}

function withFile(work: (path: string) => void, image: Uint8Array): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-fat-'));
  try {
    const path = join(folder, 'disk.img');
    writeFileSync(path, image);
    work(path);
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file in the root of an empty FAT16 system, in these clusters. */
function withEntry(
  image: Uint8Array,
  index: number,
  name: string,
  clusters: readonly number[],
  bytes: number,
  attributes = 0x20,
): void {
  const view = new DataView(image.buffer, image.byteOffset);
  const tables = view.getUint16(14, true) * 512,
    tableBytes = view.getUint16(22, true) * 512;
  const at = tables + 2 * tableBytes + 32 * (index + 1);
  image.set(new TextEncoder().encode(name), at);
  image[at + 11] = attributes;
  view.setUint16(at + 26, clusters[0] ?? 0, true);
  view.setUint32(at + 28, bytes, true);
  clusters.forEach((cluster, i) => view.setUint16(tables + 2 * cluster, clusters[i + 1] ?? 0xffff, true));
}

describe('a FAT disk', () => {
  it.each([4, 64])('of %i MiB is FAT16, empty, and whole by dosfstools', size => {
    const image = formatted(size * MIB);
    const tree = openFat(memory(image), new Effort(64 * MIB));
    expect(tree.type).toBe('FAT16');
    expect(tree.isInUse).toBe(false);
    expect(tree.list('/')).toEqual([]);
    if (fsck)
      withFile(path => expect(execFileSync(fsck, ['-n', path], { encoding: 'utf8' })).toMatch(/: 1 files, 0\//), image);
  });

  it('is FAT32 from 512 MiB on', () => {
    const disk = new Sparse(600 * MIB);
    formatFatDisk(disk, 'x', 1);
    const tree = openFat(
      deviceOf(disk.bytes - START, (at, into) => disk.read(START + at, into)),
      new Effort(64 * MIB),
    );
    expect([tree.type, tree.isInUse, tree.list('/')]).toEqual(['FAT32', false, []]);
  });

  it.skipIf(!mcopy || !mmd || !fsck)(
    'gives back what mtools wrote: long names, folders, every byte [needs mtools, dosfstools]',
    () => {
      const big = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 7) & 255);
      const image = withFile(
        path => {
          const folder = mkdtempSync(join(tmpdir(), 'ringside-fat-'));
          const long = 'a rather long name with Ümlauts.text';
          writeFileSync(join(folder, long), 'long');
          writeFileSync(join(folder, 'BIG.BIN'), big);
          execFileSync(mmd!, ['-i', path, '::folder', '::folder/inner']);
          execFileSync(mcopy!, ['-i', path, join(folder, long), '::'], { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
          execFileSync(mcopy!, ['-i', path, join(folder, 'BIG.BIN'), '::folder/inner/BIG.BIN']);
          execFileSync(fsck!, ['-n', path]);
          rmSync(folder, { recursive: true });
        },
        formatted(16 * MIB),
      );
      const tree = openFat(memory(image), new Effort(64 * MIB));
      expect(tree.list('/').map(({ name, kind, bytes }) => [name, kind, bytes])).toEqual([
        ['a rather long name with Ümlauts.text', 'file', 4],
        ['folder', 'folder', 0],
      ]);
      expect(Buffer.compare(tree.read('/FOLDER/inner/big.bin', 2 ** 20), big)).toBe(0);
      expect(() => tree.read('/folder/none', 100)).toThrow('/folder/none: No such file or directory');
      expect(() => tree.read('/folder/inner/BIG.BIN', 100)).toThrow('has 300001 bytes');
    },
  );

  it('says that whoever has it mounted has not let go', () => {
    const image = formatted(8 * MIB);
    image[0x25] |= 1;
    expect(openFat(memory(image), new Effort(64 * MIB)).isInUse).toBe(true);
  });

  it.each<[string, (image: Uint8Array) => void, RegExp]>([
    ['garbage', image => image.fill(0xe7, 0, 4096), /does not end in 55 AA/],
    ['no clusters of a power of two', image => void (image[13] = 3), /clusters have 3 sectors/],
    [
      'more sectors than there are',
      image => new DataView(image.buffer).setUint16(19, 65535, true),
      /is said to have 65535 sectors/,
    ],
    [
      'a circle',
      image => {
        withEntry(image, 0, 'A       TXT', [2, 3, 4], 1500);
        new DataView(image.buffer).setUint16(512 + 2 * 4, 2, true);
      },
      /‘\/A.TXT’ is a part of another file, too, or of itself/,
    ],
    [
      'two files in one cluster',
      image => {
        withEntry(image, 0, 'A       TXT', [2, 3], 1000);
        withEntry(image, 1, 'B       TXT', [3], 500);
      },
      /cluster 3 of ‘\/B.TXT’/,
    ],
    [
      'a file that goes on outside',
      image => {
        withEntry(image, 0, 'A       TXT', [2], 1000);
        new DataView(image.buffer).setUint16(512 + 4, 0xff00, true);
      },
      /goes on in cluster 65280/,
    ],
    [
      'fewer clusters than bytes',
      image => withEntry(image, 0, 'A       TXT', [2], 100_000),
      /has 100000 bytes and clusters for/,
    ],
    [
      'a folder in itself',
      image => {
        withEntry(image, 0, 'A          ', [2], 0, 0x10);
        image.set(new TextEncoder().encode('B          '), dataAt(image));
        image[dataAt(image) + 11] = 0x10;
        image[dataAt(image) + 26] = 2;
      },
      /‘\/A\/B’ is a part/,
    ],
  ])('with %s is told in a sentence', (_what, spoil, sentence) => {
    const image = formatted(8 * MIB);
    spoil(image);
    expect(() => openFat(memory(image), new Effort(64 * MIB))).toThrow(sentence);
    expect(() => openFat(memory(image), new Effort(64 * MIB))).toThrow(FileSystemError);
  });

  it('with a long name that has no end takes the last of it, or the short one', () => {
    const image = formatted(8 * MIB);
    for (let i = 0; i < 400; i++) withEntry(image, i, 'ABCDEFGHIJK', [], 0, 0x0f);
    withEntry(image, 400, 'A       TXT', [2], 10);
    expect(openFat(memory(image), new Effort(0)).list('/')).toMatchObject([{ name: 'A.TXT' }]);
  });

  it('whose table leads to and fro is refused when it was read too often', () => {
    const image = formatted(8 * MIB);
    withEntry(
      image,
      0,
      'A       TXT',
      Array.from({ length: 8000 }, (_, i) => 2 + i),
      10,
    );
    const effort = new Effort(0);
    Object.assign(effort, { steps: 4000 });
    expect(() => openFat(memory(image), effort)).toThrow('would take too long');
  });

  it('whatever its bytes are, is read or refused, and that ends', () => {
    const good = formatted(4 * MIB);
    withEntry(good, 0, 'A       TXT', [2, 3, 4], 1500);
    withEntry(good, 1, 'F          ', [5], 0, 0x10);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40_000), fc.nat(255)), { maxLength: 12 }), changes => {
        const image = good.slice();
        for (const [at, byte] of changes) image[at] = byte;
        try {
          const tree = openFat(memory(image), new Effort(64 * MIB));
          for (const { name, kind } of tree.list('/')) if (kind === 'file') tree.read(`/${name}`, MIB);
        } catch (error) {
          expect(error).toBeInstanceOf(FileSystemError);
        }
      }),
      { numRuns: 60 },
    );
  });
});

const dataAt = (image: Uint8Array): number => {
  const view = new DataView(image.buffer);
  return (view.getUint16(14, true) + 2 * view.getUint16(22, true)) * 512 + 512 * 32;
};
