import { MemoryDisk } from '../src/formats/blocks/index.ts';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootableDisk } from '../scripts/archive/disk.ts';
import { LINK } from '../src/formats/file-systems/cpio.ts';
import { type Ext2Entry, writeExt2 } from '../scripts/archive/ext2.ts';
import { grubCore, grubModules } from '../scripts/archive/grub.ts';
import { lzmaLiterals } from '../scripts/archive/lzma-encoder.ts';
import { writeQcow2 } from '../scripts/archive/qcow2.ts';
import { Qcow2Source } from '../src/formats/qcow2/qcow2.ts';
import { Lzma2 } from '../src/formats/unpack/lzma2.ts';
import { Output } from '../src/formats/unpack/output.ts';

const text = (value: string) => new TextEncoder().encode(value);
const noise = (length: number) =>
  Uint8Array.from({ length }, (_, i) => (i % 5 === 0 ? (i * i * 7) ^ (i >> 5) : i % 16));
const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What raw LZMA with lc = 3, lp = 0, pb = 2 unpacks to: read as one chunk of LZMA2 with all resets. */
function unpack(packed: Uint8Array, length: number): Uint8Array {
  const header = [
    0xe0 | ((length - 1) >> 16),
    (length - 1) >> 8,
    length - 1,
    (packed.length - 1) >> 8,
    packed.length - 1,
    (2 * 5 + 0) * 9 + 3,
  ];
  const output = new Output(length, length);
  // One chunk a step.
  Array.from(new Lzma2(Buffer.concat([Uint8Array.from(header), packed, Uint8Array.of(0)]), output).decode(0, 1 << 16));
  return output.take();
}

describe('the LZMA encoder', () => {
  it.each([1, 5, 300, 40_000])('writes %i bytes that a decoder reads back', length => {
    const data = noise(length);
    const packed = lzmaLiterals(data);
    expect(Buffer.compare(unpack(packed, length), data)).toBe(0);
    if (length > 1000) expect(packed.length).toBeLessThan(length * 0.8);
  });

  it('carries through bytes of ones', () => {
    for (let seed = 0; seed < 60; seed++) {
      const data = Uint8Array.from({ length: 400 }, (_, i) => ((i * seed) % 7 === 0 ? 0xff : (i * 37 * seed) >> 3));
      expect(Buffer.compare(unpack(lzmaLiterals(data), data.length), data)).toBe(0);
    }
  });
});

describe('an ext2 file system', () => {
  const uuid = text('0123456789abcdef');
  const big = noise(4096 * (12 + 1024 + 3) + 5);
  const files = new Map([
    ['boot/kernel', big],
    ['boot/grub/grub.cfg', text('set timeout=1\n')],
    ['empty', new Uint8Array()],
    ...Array.from({ length: 400 }, (_, i): [string, Uint8Array] => [`many/file-with-a-long-name-${i}`, text(`${i}`)]),
  ]);

  it('says of itself what ext2.rst asks for', () => {
    const image = view(writeExt2(140 << 20, files, { label: 'test', uuid }));
    // s_magic, s_state, s_rev_level, s_log_block_size; block 1 lies after the superblock of the second group too.
    const at = (offset: number) => [
      image.getUint16(offset + 56, true),
      image.getUint16(offset + 58, true),
      image.getUint32(offset + 76, true),
    ];
    expect(at(1024)).toEqual([0xef53, 1, 1]);
    expect(at(32768 * 4096)).toEqual([0xef53, 1, 1]);
    expect(image.getUint32(1024 + 4, true)).toBe((140 << 20) / 4096);
    // The root folder's inode: mode drwxr-xr-x, links of itself, lost+found, boot and many.
    const root = 4 * 4096 + 128;
    expect([image.getUint16(root, true).toString(8), image.getUint16(root + 26, true)]).toEqual(['40755', 5]);
  });

  it('refuses files that do not fit', () => {
    expect(() => writeExt2(4 << 20, files, { label: '', uuid })).toThrow(
      'the files need more than the 4194304 bytes of this file system',
    );
  });

  const fsck = ['/sbin/e2fsck', '/usr/sbin/e2fsck'].find(path => spawnSync(path, ['-V']).status === 0);
  it.skipIf(!fsck)('is clean to e2fsck and gives the files back to debugfs [needs e2fsprogs]', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-ext2-'));
    try {
      const path = join(folder, 'image');
      for (const bytes of [16 << 20, 140 << 20]) {
        writeFileSync(path, writeExt2(bytes, files, { label: 'test', uuid }));
        const { status, stdout } = spawnSync(fsck!, ['-fn', path], { encoding: 'utf8' });
        expect([status, stdout]).toEqual([0, expect.stringContaining('Pass 5')]);
      }
      const cat = (name: string) =>
        spawnSync(fsck!.replace('e2fsck', 'debugfs'), ['-R', `cat ${name}`, path], { maxBuffer: 64 << 20 }).stdout;
      expect(Buffer.compare(cat('/boot/kernel'), big)).toBe(0);
      expect(cat('/many/file-with-a-long-name-399').toString()).toBe('399');
      const entries = new Map<string, Ext2Entry>([
        ['far', { mode: LINK, data: text('a/'.repeat(40)) }],
        ['near', { mode: LINK, data: text('folder') }],
        ['folder/program', { mode: 0o104755, data: text('p'), owner: 7, group: 42 }],
        ['folder', { mode: 0o041777, group: 8 }],
      ]);
      writeFileSync(path, writeExt2(16 << 20, entries, { label: 'test', uuid }));
      expect(spawnSync(fsck!, ['-fn', path]).status).toBe(0);
      const stat = (name: string) =>
        spawnSync(fsck!.replace('e2fsck', 'debugfs'), ['-R', `stat ${name}`, path], { encoding: 'utf8' }).stdout;
      expect(stat('/folder/program')).toMatch(/Mode: +04755.*User: +7 +Group: +42/s);
      expect(stat('/folder')).toMatch(/Type: directory +Mode: +01777.*Group: +8/s);
      expect(stat('/near')).toContain('Fast link dest: "folder"');
      expect(cat('/far').toString()).toBe('a/'.repeat(40));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('GRUB on a disk', () => {
  /** An ELF program with one segment. */
  const kernel = new Uint8Array(200);
  view(kernel).setUint32(28, 52, true);
  view(kernel).setUint16(42, 32, true);
  view(kernel).setUint16(44, 1, true);
  [1, 100, 0x9000, 0x9000, 50].forEach((word, i) => view(kernel).setUint32(52 + 4 * i, word, true));
  kernel.fill(0x4b, 100, 150);
  const grub = new Map([
    ['kernel.img', kernel],
    ['boot.img', new Uint8Array(512).fill(0xbb)],
    ['diskboot.img', new Uint8Array(512)],
    ['lzma_decompress.img', new Uint8Array(2848)],
    ['moddep.lst', text('biosdisk:\npart_msdos:\next2: fshelp\nfshelp:\nnormal: ext2 gzio\n')],
    ...['biosdisk', 'part_msdos', 'ext2', 'fshelp', 'normal', 'gzio', 'unused'].map((name): [string, Uint8Array] => [
      `${name}.mod`,
      text(name),
    ]),
  ]);

  it('takes modules after what they need', () => {
    expect(grubModules(grub, ['normal', 'ext2', 'biosdisk'])).toEqual(['fshelp', 'ext2', 'gzio', 'normal', 'biosdisk']);
  });

  it('has a core image that names its own sectors and holds kernel, modules and prefix', () => {
    const core = grubCore(grub, { prefix: '(,msdos1)/boot/grub', modules: ['fshelp', 'ext2'], sector: 1 });
    // grub/i386/pc/boot.h: the block list at the end of the first sector has sector, count and segment.
    expect(view(core).getBigUint64(500, true)).toBe(2n);
    expect(view(core).getUint16(508, true)).toBe(Math.ceil((core.length - 512) / 512));
    const [packed, whole] = [view(core).getUint32(512 + 8, true), view(core).getUint32(512 + 12, true)];
    expect(core.length).toBe(512 + 2848 + packed);
    const data = unpack(core.subarray(512 + 2848), whole);
    expect(data.subarray(0, 50).every(byte => byte === 0x4b)).toBe(true);
    // grub/kernel.h: "mimg", offset of the first object, size; objects of type and size, then their content.
    const words = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => view(data).getUint32(from + 4 * i, true));
    expect(words(50, 5)).toEqual([0x676d696d, 12, whole - 50, 0, 16]);
    expect(new TextDecoder().decode(data.subarray(70, 78))).toBe('fshelp\0\0');
    expect(words(78, 2)).toEqual([0, 12]);
    expect(words(90, 2)).toEqual([3, 28]);
    expect(new TextDecoder().decode(data.subarray(98))).toBe('(,msdos1)/boot/grub\0');
  });

  it('lies between the partition table and an active Linux partition at 1 MiB', () => {
    const files = new Map([['boot/vmlinuz', text('kernel')]]);
    const disk = bootableDisk({
      bytes: 8 << 20,
      grub,
      config: 'set',
      files,
      label: 'l',
      uuid: text('0123456789abcdef'),
    });
    expect(view(disk).getBigUint64(0x5c, true)).toBe(1n);
    expect([...disk.subarray(0x1fe, 0x200)]).toEqual([0x55, 0xaa]);
    expect([disk[0x1be], disk[0x1c2], view(disk).getUint32(0x1c6, true), view(disk).getUint32(0x1ca, true)]).toEqual([
      0x80,
      0x83,
      2048,
      16384 - 2048,
    ]);
    expect(view(disk).getUint16((1 << 20) + 1024 + 56, true)).toBe(0xef53);
  });
});

describe('an image as qcow2', () => {
  it('has what the disk has, and nothing of what is zero', () => {
    const disk = new Uint8Array(4 << 20);
    for (const at of [0, 2 << 20, (3 << 20) + 4096]) disk.set(noise(5000), at);
    const image = writeQcow2(disk);
    expect(image.length).toBeLessThan(64 << 10);
    const source = new Qcow2Source(new MemoryDisk(image));
    expect(source.bytes).toBe(disk.length);
    const back = new Uint8Array(disk.length);
    for (let at = 0; at < back.length; at += 1 << 16) source.read(at, back.subarray(at, at + (1 << 16)));
    expect(Buffer.compare(back, disk)).toBe(0);
  });

  it('refuses a disk of no whole clusters, and one whose content needs more reference counts', () => {
    expect(() => writeQcow2(new Uint8Array(5000))).toThrow('no whole number of clusters');
    expect(() => writeQcow2(new Uint8Array(9 << 20).fill(1))).toThrow('more than one block of reference counts');
  });
});
