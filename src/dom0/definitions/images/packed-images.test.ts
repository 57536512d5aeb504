import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { HEAD_BYTES, type ImageKind, imageKind, imageProblem } from './images.ts';
import { readFiles } from '../judge-files.ts';
import { unpackedImage } from './packed.ts';
import { LastUnpacked } from './packed-images.ts';
import { bootDisk, packedDisks } from './packed-images.test-support.ts';
import { planFiles } from '../plan-domain.ts';

const FIRMWARE = { bios: 'ringside', image: new Uint8Array(65536), name: 'bios.bin' } as const;
const blob = (bytes: Uint8Array): Blob => new Blob([bytes as Uint8Array<ArrayBuffer>]);
const bytesOf = async (data: Blob): Promise<Uint8Array> => new Uint8Array(await data.arrayBuffer());
/** Compared as bytes: element by element takes vitest seconds. */
const isBootDisk = async (data: Blob): Promise<boolean> => Buffer.compare(await bytesOf(data), bootDisk()) === 0;
const head = (start: string | number[], at = 0): Uint8Array => {
  const bytes = new Uint8Array(HEAD_BYTES);
  bytes.set(typeof start === 'string' ? [...start].map(letter => letter.charCodeAt(0)) : start, at);
  return bytes;
};

it('of images that were unpacked the last four are kept', () => {
  const kept = new LastUnpacked<number>();
  for (let i = 0; i < 6; i++) kept.set(`${i}`, i);
  expect([0, 1, 2, 3, 4, 5].map(i => kept.get(`${i}`))).toEqual([undefined, undefined, 2, 3, 4, 5]);
});

describe('a packed image', () => {
  it.each(['gz', 'xz', 'zst'] as const)(
    'that %s packed is what is in it, to a judgement and in a drive',
    async suffix => {
      const name = `boot.img.${suffix}`;
      const data = blob(packedDisks()[suffix]);
      expect(await isBootDisk(await unpackedImage(name, data))).toBe(true);
      const { plan, domain } = planFiles(await readFiles([{ name, data }], () => true), FIRMWARE);
      expect([plan.errors, domain?.drives.map(({ kind, image }) => [kind, image?.name, image?.bytes])]).toEqual([
        [],
        [['disk', name, 2 ** 20]],
      ]);
    },
  );

  it('of several gzip members, as pigz and cat make, is all of them', async () => {
    const data = blob(Buffer.concat([gzipSync(bootDisk().subarray(0, 1000)), gzipSync(bootDisk().subarray(1000))]));
    expect(await isBootDisk(await unpackedImage('boot.img.gz', data))).toBe(true);
  });

  it('is unpacked for a definition, too, that names a file system as a disk', async () => {
    const files = [
      {
        name: 'a.cfg',
        data: new Blob(['name = "a"\ntype = "pvh"\nmemory = 16\nkernel = "k"\ndisk = [ "root.ext2.gz,raw,xvda" ]\n']),
      },
      { name: 'root.ext2.gz', data: blob(gzipSync(new Uint8Array(65536).fill(7))) },
    ];
    expect((await readFiles(files, () => true))[1]).toMatchObject({ name: 'root.ext2.gz', bytes: 65536 });
  });

  it('that is damaged says where', async () => {
    const damaged = packedDisks().gz.slice(0, -100);
    await expect(unpackedImage('boot.img.gz', blob(damaged))).rejects.toThrow(
      /^boot\.img\.gz is damaged: it is packed with gzip and cannot be unpacked \(truncated: .* at byte \d+\)\. Copy or fetch it again\.$/,
    );
  });

  it('that is packed otherwise says with what, and what to do', async () => {
    const planned = planFiles(
      await readFiles([{ name: 'boot.img.bz2', data: blob(head('BZh91AY&SY')) }], () => true),
      FIRMWARE,
    );
    expect(planned.plan.errors.map(({ text }) => text)).toEqual([
      'boot.img.bz2 is packed with bzip2. Unpack it (bunzip2 boot.img.bz2) and take boot.img.',
    ]);
  });
});

// Magic numbers as the formats' specifications, and QEMU's block drivers, have them.
it.each<[string, ImageKind, Uint8Array, string]>([
  [
    'd.img.bz2',
    'disk',
    head('BZh91AY&SY'),
    'd.img.bz2 is packed with bzip2. Unpack it (bunzip2 d.img.bz2) and take d.img.',
  ],
  [
    'd.img',
    'disk',
    head('BZh91AY&SY'),
    'd.img is packed with bzip2. Unpack it (bunzip2 d.img) and take what comes out.',
  ],
  [
    'd.zip',
    'disk',
    head('PK\x03\x04'),
    'd.zip is packed with zip. Unpack it (unzip d.zip) and take the image that is in it.',
  ],
  [
    'd.7z',
    'cdrom',
    head([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]),
    'd.7z is packed with 7-Zip. Unpack it (7z x d.7z) and take the image that is in it.',
  ],
  [
    'c.iso.lz4',
    'cdrom',
    head([0x04, 0x22, 0x4d, 0x18]),
    'c.iso.lz4 is packed with lz4. Unpack it (unlz4 c.iso.lz4) and take c.iso.',
  ],
  [
    'a.img.gz',
    'floppy',
    head([0x1f, 0x8b, 8]),
    'a.img.gz is packed with gzip. Unpack it (gunzip a.img.gz) and take a.img.',
  ],
  [
    'd.vmdk',
    'disk',
    head('KDMV'),
    'd.vmdk is a vmdk image, and raw and qcow2 ones are read here. Run qemu-img convert -O raw d.vmdk disk.img and take what it makes.',
  ],
  ['d.vmdk', 'disk', head('# Disk DescriptorFile\nversion=1\n'), 'd.vmdk is a vmdk image, and'],
  [
    'd.vdi',
    'disk',
    head([0x7f, 0x10, 0xda, 0xbe], 64),
    'd.vdi is a vdi image, and raw and qcow2 ones are read here. Run qemu-img convert -O raw d.vdi',
  ],
  [
    'd.hdd',
    'disk',
    head('WithoutFreeSpace'),
    'd.hdd is a Parallels image, and raw and qcow2 ones are read here. Run qemu-img convert -O raw d.hdd',
  ],
  ['d.hds', 'disk', head('WithouFreSpacExt'), 'd.hds is a Parallels image, and'],
  ['d.vhd', 'cdrom', head('conectix'), 'd.vhd is a vhd image, and'],
  [
    'c.iso',
    'cdrom',
    head('QFI\xfb'),
    'c.iso is a qcow2 image, and what lies in a CD-ROM drive is raw. Run qemu-img convert',
  ],
  [
    'c.bin',
    'cdrom',
    head([0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0]),
    "c.bin has a CD's raw sectors of 2352 bytes, and sectors of 2048 are read here. Run bchunk",
  ],
  [
    'd.img',
    'disk',
    head('<!DOCTYPE html><html>'),
    'd.img is a web page and no image: the download may have failed. Fetch it again.',
  ],
])('%s as a %s says what it is, and what to do with it', (name, kind, bytes, text) => {
  // Whatever its size: one of whole sectors is as packed as another.
  for (const size of [HEAD_BYTES, 21293]) expect(imageProblem(name, kind, bytes, size)?.text).toContain(text);
  expect(imageProblem(name, kind, bytes, HEAD_BYTES)!.short.length).toBeLessThanOrEqual(48);
});

it('a file that is called an image is one, packed or not, and a kernel or a text is none', () => {
  expect([
    imageKind('a.img.zst', head([0x28, 0xb5, 0x2f, 0xfd])),
    imageKind('a.iso.bz2', head('BZh91AY&SY')),
    imageKind('initrd.zst', head([0x28, 0xb5, 0x2f, 0xfd])),
  ]).toEqual(['disk', 'cdrom', undefined]);
});
