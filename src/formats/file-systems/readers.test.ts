/** ext2 to ext4, CDs and partition tables, made by others and spoilt. */
import { type BlockDevice, MemoryDisk } from '../blocks/index.ts';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openFileSystem, partsOf } from './disk-parts.ts';
import { Effort, FileSystemError, type FileTree } from './file-tree.ts';
import { makeCd } from './make-cd.ts';

const MIB = 2 ** 20;
const MKE2FS = '/usr/sbin/mke2fs';
const tool = (name: string): string | undefined =>
  ['/usr/bin', ...(process.env.PATH ?? '').split(':')].map(folder => `${folder}/${name}`).find(existsSync);
const genisoimage = tool('genisoimage');
const folder = mkdtempSync(join(tmpdir(), 'ringside-readers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const readable = (bytes: Uint8Array): BlockDevice => new MemoryDisk(bytes);
const NUMBERS = text(Array.from({ length: 60_000 }, (_, i) => `${i}\n`).join(''));

/** Files of this machine that an image is made of. */
const source = join(folder, 'source');
mkdirSync(join(source, 'deep', 'deeper'), { recursive: true });
writeFileSync(join(source, 'deep', 'deeper', 'numbers'), NUMBERS);
for (let i = 0; i < 200; i++) writeFileSync(join(source, 'deep', `a file with the number ${i}`), `${i}`);
symlinkSync('deep/deeper/numbers', join(source, 'link'));
symlinkSync('/deep', join(source, 'folder-link'));
symlinkSync('circle', join(source, 'circle'));
symlinkSync('../../../../deep/deeper/numbers', join(source, 'deep', 'out'));

/** toEqual() looks at each byte on its own, for seconds. */
const expectNumbers = (bytes: Uint8Array): void => expect(Buffer.compare(bytes, NUMBERS)).toBe(0);

function expectSource(tree: FileTree): void {
  for (const path of ['/deep/deeper/numbers', '/link', 'folder-link/deeper/numbers', '/deep/../deep/./out'])
    expectNumbers(tree.read(path, MIB));
  expect(tree.list('/deep')).toHaveLength(202);
  expect(new TextDecoder().decode(tree.read('/deep/a file with the number 199', 10))).toBe('199');
  expect(() => tree.read('/circle', 10)).toThrow('/circle: Too many levels of symbolic links');
  expect(() => tree.read('/none', 10)).toThrow('/none: No such file or directory');
  expect(() => tree.read('/deep', 10)).toThrow('/deep: Is a directory, or no file');
  expect(() => tree.read('/link', 10)).toThrow('at most 10 are read');
}

const mke2fs = (name: string, ...options: string[]): Uint8Array => {
  const path = join(folder, name);
  execFileSync(MKE2FS, ['-q', ...options, '-d', source, path, '6m'], { stdio: 'pipe' });
  return new Uint8Array(readFileSync(path));
};

describe.skipIf(!existsSync(MKE2FS))('ext by mke2fs [needs e2fsprogs]', () => {
  it.each([
    ['ext2', ['-t', 'ext2']],
    ['ext3', ['-t', 'ext3', '-b', '1024']],
    ['ext4', ['-t', 'ext4', '-O', '64bit,metadata_csum']],
    ['ext4', ['-t', 'ext4', '-I', '256', '-b', '4096', '-O', '^64bit']],
  ])('%s of %j is read: every byte, folders, links', (type, options) => {
    const tree = openFileSystem(readable(mke2fs('x.img', ...options)), new Effort(64 * MIB));
    expect(tree.type).toBe(type);
    expectSource(tree);
  });

  it('with files within their inodes is refused in a sentence, and with a journal that holds something says so', () => {
    const inline = mke2fs('inline.img', '-t', 'ext4', '-O', 'inline_data', '-I', '256');
    expect(() =>
      openFileSystem(readable(inline), new Effort(64 * MIB)).read('/deep/a file with the number 1', 10),
    ).toThrow(/inline_data\), which is not read here/);
    const open = mke2fs('open.img', '-t', 'ext4');
    open[1024 + 96] |= 4;
    expect(openFileSystem(readable(open), new Effort(64 * MIB)).needsRecovery).toBe(true);
    open[1024 + 96] |= 1;
    expect(() => openFileSystem(readable(open), new Effort(64 * MIB))).toThrow(
      'features that are not known here (0x1)',
    );
  });

  it('that is spoilt is read or refused, and that ends', () => {
    const good = mke2fs('good.img', '-t', 'ext4');
    // Tables are where it hurts: the superblock, descriptors, inodes and folders lie in the first MiB.
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(MIB), fc.nat(255)), { minLength: 20, maxLength: 400 }), changes => {
        const image = good.slice();
        for (const [at, byte] of changes) image[at] = byte;
        try {
          const tree = openFileSystem(readable(image), new Effort(64 * MIB));
          for (const path of ['/', '/deep'])
            for (const { name } of tree.list(path).slice(0, 20)) tree.kind(`${path}/${name}`);
          tree.read('/link', MIB);
        } catch (error) {
          expect(error).toBeInstanceOf(FileSystemError);
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe('CDs', () => {
  it('that were made here are read by their Joliet names', async () => {
    const { parts } = makeCd([
      { path: ['Grüße', 'One.Text'], data: NUMBERS },
      { path: ['empty'], data: new Uint8Array() },
    ]);
    const tree = openFileSystem(
      readable(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())),
      new Effort(64 * MIB),
    );
    expect(tree.type).toBe('ISO 9660 with Joliet');
    expectNumbers(tree.read('/grüße/one.text', MIB));
    expect(tree.list('/').map(({ name, kind, bytes }) => [name, kind, bytes])).toEqual([
      ['Grüße', 'folder', 2048],
      ['empty', 'file', 0],
    ]);
  });

  it.skipIf(!genisoimage)('of genisoimage are read by the names and links of Rock Ridge [needs genisoimage]', () => {
    const path = join(folder, 'rr.iso');
    execFileSync(genisoimage!, ['-quiet', '-R', '-o', path, source], { stdio: 'pipe' });
    const tree = openFileSystem(readable(new Uint8Array(readFileSync(path))), new Effort(64 * MIB));
    expect(tree.type).toBe('ISO 9660 with Rock Ridge');
    expectSource(tree);
  });

  it('that are spoilt are read or refused, and that ends', async () => {
    const { parts } = makeCd([
      { path: ['a', 'b', 'c'], data: text('c') },
      { path: ['d'], data: NUMBERS },
    ]);
    const good = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 16 * 2048, max: 40 * 2048 }), fc.nat(255)), {
          minLength: 5,
          maxLength: 300,
        }),
        changes => {
          const image = good.slice();
          for (const [at, byte] of changes) image[at] = byte;
          try {
            const tree = openFileSystem(readable(image), new Effort(64 * MIB));
            for (const { name } of tree.list('/')) tree.kind(`/${name}`);
            tree.read('/a/b/c', MIB);
          } catch (error) {
            expect(error).toBeInstanceOf(FileSystemError);
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('partitions', () => {
  /** A table of type, first sector and sectors. */
  const table = (disk: Uint8Array, sector: number, ...entries: [number, number, number, number?][]): void => {
    const view = new DataView(disk.buffer);
    entries.forEach(([type, first, sectors, state = 0], i) => {
      disk[sector * 512 + 446 + 16 * i] = state;
      disk[sector * 512 + 446 + 16 * i + 4] = type;
      view.setUint32(sector * 512 + 446 + 16 * i + 8, first, true);
      view.setUint32(sector * 512 + 446 + 16 * i + 12, sectors, true);
    });
    view.setUint16(sector * 512 + 510, 0xaa55, true);
  };
  const shown = (disk: Uint8Array) =>
    partsOf(readable(disk)).map(({ number, isActive, from }) => [number, isActive, from.bytes]);

  it('of a master boot record, with those inside an extended one, as far as the disk goes', () => {
    const disk = new Uint8Array(MIB);
    table(disk, 0, [0x83, 64, 64, 0x80], [0x05, 512, 1024], [0x83, 4000, 64], [0x83, 1900, 5000]);
    table(disk, 512, [0x83, 8, 100], [0x05, 256, 256]);
    table(disk, 768, [0x82, 8, 50], [0x05, 0, 10]);
    expect(shown(disk)).toEqual([
      [1, true, 64 * 512],
      [4, false, (2048 - 1900) * 512],
      [5, false, 100 * 512],
      [6, false, 50 * 512],
    ]);
    // A chain that comes back to itself.
    table(disk, 768, [0x82, 8, 50], [0x05, 256, 10]);
    expect(shown(disk)).toHaveLength(4);
    expect(shown(new Uint8Array(MIB))).toEqual([[0, false, MIB]]);
  });

  it('of a GPT', () => {
    const disk = new Uint8Array(MIB);
    table(disk, 0, [0xee, 1, 2047]);
    const view = new DataView(disk.buffer);
    disk.set(text('EFI PART'), 512);
    view.setBigUint64(512 + 72, 2n, true);
    view.setUint32(512 + 80, 0xffffffff, true);
    view.setUint32(512 + 84, 128, true);
    disk[1024 + 128] = 1;
    view.setBigUint64(1024 + 128 + 32, 100n, true);
    view.setBigUint64(1024 + 128 + 40, 199n, true);
    disk[1024 + 256] = 1;
    view.setBigUint64(1024 + 256 + 32, 2n ** 60n, true);
    expect(shown(disk).slice(0, 1)).toEqual([[2, false, 100 * 512]]);
    view.setUint32(512 + 84, 1, true);
    expect(shown(disk)).toEqual([[0, false, MIB]]);
  });
});
