/** What the words of `ringside boot` make of image files; nothing is started. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { bootDisk, packedDisks } from '../../dom0/definitions/images/packed-images.test-support.ts';
import { openFile } from './image-file.ts';
import { parseBootOptions } from './options.ts';
import { makeCds, prepareAll } from './prepare.ts';
import { machineBytesOf } from './session.ts';
import type { Output } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-prepare-'));
afterAll(() => rmSync(folder, { recursive: true }));
const put = (name: string, bytes: Uint8Array | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

/** What it would start, and what it says before. */
function prepared(...words: string[]) {
  let said = '';
  const [guest] = prepareAll(parseBootOptions(words), {
    text: (words: string) => (said += words),
  } as unknown as Output);
  const drives = (guest.drives ?? []).map(
    ({ kind, medium }) => [kind, medium && 'path' in medium ? medium.path : undefined] as const,
  );
  return { guest, said, drives };
}
const refusal = (...words: string[]): string => {
  try {
    prepared(...words);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

/** Whether the guest finds `bootDisk` on the medium of its first drive. */
function hasBootDisk(...words: string[]): boolean {
  const [[, path]] = prepared(...words).drives;
  const source = openFile({ name: '', path: path! });
  const bytes = new Uint8Array(source.bytes);
  source.read(0, bytes);
  return Buffer.compare(bytes, bootDisk()) === 0;
}

it('refuses a card on a bridge that its host does not have', () => {
  put('boot.img', bootDisk());
  const definition = (bridge: string): string =>
    put(
      'card.cfg',
      `name = "a"\ntype = "hvm"\nmemory = 16\ndisk = [ "boot.img,raw,hda,w" ]\nvif = [ "bridge=${bridge}" ]\n`,
    );
  let said = '';
  const output = { text: (words: string) => (said += words) } as unknown as Output;
  expect(() => prepareAll(parseBootOptions([definition('br77')]), output)).toThrow();
  expect(said).toContain('card.cfg:5:10: Could not find bridge device br77. This host has xenbr0: write bridge=xenbr0');
  expect(prepared(definition('virbr0')).guest.definition.name).toBe('a');
});

it('makes a CD of files, from where the definition lies (docs/disks.md)', async () => {
  put('notes.txt', 'take the A train\n');
  put('boot.img', bootDisk());
  const path = put(
    'cd.cfg',
    'name = "a"\ntype = "hvm"\nmemory = 16\ndisk = [ "boot.img,raw,hda,w", "files:notes.txt,hdc:cdrom" ]\n',
  );
  const said = { text: () => {} } as unknown as Output;
  const [{ drives = [] }] = prepareAll(parseBootOptions([path]), said, undefined, await makeCds([path]));
  const [, { kind, medium }] = drives;
  const text = medium && 'bytes' in medium ? Buffer.from(medium.bytes).toString('latin1') : '';
  expect([kind, text.slice(0x8001, 0x8006), text.includes('take the A train')]).toEqual(['cdrom', 'CD001', true]);
  const wrong = put('none.cfg', 'name = "a"\ntype = "hvm"\nmemory = 16\ndisk = [ "files:none,hdc:cdrom" ]\n');
  const cds = await makeCds([wrong]);
  expect([...cds.values()]).toEqual([`${join(folder, 'none')}: No such file or directory`]);
  expect(() => prepareAll(parseBootOptions([wrong]), said, undefined, cds)).toThrow();
});

describe('packed images', () => {
  it.each(['gz', 'xz', 'zst'] as const)('%s are unpacked, as FILE, as --disk and in a definition', suffix => {
    const path = put(`boot.img.${suffix}`, packedDisks()[suffix]);
    expect(hasBootDisk(path)).toBe(true);
    expect(hasBootDisk('--disk', path)).toBe(true);
    expect(
      hasBootDisk(
        put(`${suffix}.cfg`, `name = "a"\ntype = "hvm"\nmemory = 16\ndisk = [ "boot.img.${suffix},raw,hda" ]\n`),
      ),
    ).toBe(true);
  });

  it('are floppy disks and CDs by what is in them', () => {
    const floppy = bootDisk().slice(0, 368640);
    floppy.fill(0, 446, 510);
    expect(prepared(put('f.img.gz', gzipSync(floppy))).drives[0][0]).toBe('floppy');
    const cd = new Uint8Array(40 * 2048);
    for (const [block, text] of [
      [16, '\x01CD001\x01'],
      [17, '\0CD001\x01EL TORITO SPECIFICATION'],
      [18, '\xffCD001\x01'],
    ] as const)
      cd.set(
        [...text].map(letter => letter.charCodeAt(0)),
        block * 2048,
      );
    const path = put('c.iso.gz', gzipSync(cd));
    expect([prepared(path).drives[0][0], prepared('--cdrom', path).drives[0][0]]).toEqual(['cdrom', 'cdrom']);
  });

  it('that are packed otherwise, or are to be written, say what to do', () => {
    const lz4 = put('boot.img.lz4', Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0, 0, 0, 0));
    const text = `${lz4} is packed with lz4. Unpack it (unlz4 ${lz4}) and take ${lz4.slice(0, -4)}`;
    expect(refusal(lz4)).toBe(`${text} (--disk).`);
    expect(refusal('--disk', lz4)).toBe(`${text} (--disk).`);
    expect(refusal('--cdrom', lz4)).toBe(`${text} (--cdrom).`);
    expect(refusal('--fda', lz4)).toBe(`${text}.`);
    const gz = put('w.img.gz', packedDisks().gz);
    expect(refusal('--disk', `${gz},rw`)).toBe(
      `${gz} is packed with gzip, and nothing is written into such a file. Leave rw out, or unpack it (gunzip ${gz}) and take what comes out (--disk).`,
    );
    expect(refusal('--disk', put('cut.img.gz', packedDisks().gz.slice(0, 200)))).toContain(
      'cut.img.gz is damaged: it is packed with gzip and cannot be unpacked',
    );
  });
});

describe('memory', () => {
  const demo = fileURLToPath(new URL('../../../guests/demo/demo.elf', import.meta.url));
  const needed = (xen: string, ...guests: string[][]): string => {
    try {
      return String(
        machineBytesOf(
          guests.map(words => prepared('--kernel', demo, ...words).guest),
          { xen },
        ),
      );
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('of guests that no machine has is refused with the numbers, before anything starts', () => {
    // An address of machine memory has 31 bits.
    expect(Number(needed('', ['--memory', '1900']))).toBeLessThanOrEqual(2 ** 31);
    expect(needed('', ['--memory', '2040'])).toMatch(
      /^A machine has at most 2048 MiB, and this one would need (\d+): demo 2040, \d+ that the host keeps besides\. Give demo \d+ MiB or less, or start fewer at once\.$/,
    );
    expect(needed('', ['--type', 'hvm', '--memory', '2030'])).toContain('demo 2030');
    expect(needed('', ['--memory', '1024'], ['--memory', '1020'])).toContain('demo 1024, demo 1020');
    expect(needed('dom0_mem=4096M', ['--memory', '16'])).toMatch(
      /demo 16, Domain 0 4096 \(dom0_mem\), \d+ that the host keeps .* Give Domain 0 \d+ MiB less in dom0_mem\.$/,
    );
  });

  it('that is advised fits', () => {
    const [, most] = /Give demo (\d+) MiB/.exec(needed('', ['--type', 'hvm', '--memory', '2047']))!;
    expect(Number(needed('', ['--type', 'hvm', '--memory', most]))).toBeLessThanOrEqual(2 ** 31);
  });
});

describe('a disk without 55 AA', () => {
  it('is started with a warning, or without one where an option says that it is meant so; alone, as a floppy disk and in a definition', () => {
    const path = put('bare.img', bootDisk().fill(0, 446, 512));
    const cfg = put('bare.cfg', 'name = "a"\ntype = "hvm"\nmemory = 16\ndisk = [ "bare.img,raw,hda" ]\n');
    for (const words of [[path], ['--fda', path], [cfg]]) {
      const warned = prepared(...words);
      expect(warned.said).toContain("is started although its first sector does not end in 55 AA, and a PC's BIOS");
      const meant = prepared(...words, '--no-signature-check');
      expect(meant.said).not.toContain('although');
      for (const { guest } of [warned, meant])
        expect(guest.boot).toMatchObject({ kind: 'firmware', noSignatureCheck: true });
    }
  });

  it('is refused where its first sector has no program', () => {
    const path = put('empty.img', new Uint8Array(2048));
    expect(refusal(path)).toBe(
      `${path} is not bootable: its first sector does not end in 55 AA. Take another image, name a kernel with --kernel, or add --no-signature-check to have its first sector started all the same.`,
    );
  });
});

describe('files of other products', () => {
  it('are named, with how they are used here', () => {
    const conf = put('101.conf', 'cores: 1\nmemory: 64\nscsi0: local:vm-101-disk-0\nscsihw: lsi\n');
    for (const words of [[conf], ['--kernel', conf]])
      expect(refusal(...words)).toMatch(/^101\.conf is a virtual machine of Proxmox VE\. .*memory = 64;/);
    const ext = new Uint8Array(8192);
    ext.set([0x53, 0xef], 1080);
    for (const words of [[put('root.ext2', ext)], ['--disk', put('root.img', ext)]])
      expect(refusal(...words)).toMatch(
        /^root\.\w+ holds an ext2 file system and no boot program\. Give a kernel with it:/,
      );
  });

  it('are named where they are packed, with what unpacks them first', () => {
    const vhd = new Uint8Array(2048);
    vhd.set(new TextEncoder().encode('conectix'));
    const path = put('boot.vhd.gz', gzipSync(vhd));
    const text = `${path} is packed with gzip, with a vhd image in it, and raw and qcow2 ones are read here. Unpack it (gunzip ${path}), then run qemu-img convert -O raw ${path.slice(0, -3)} disk.img and take what it makes`;
    expect(refusal(path)).toBe(`${text} (--disk).`);
    const cfg = put('vhd.cfg', 'name = "a"\ntype = "hvm"\nmemory = 16\ndisk = [ "boot.vhd.gz,raw,hda" ]\n');
    let said = '';
    const output = { text: (words: string) => (said += words) } as unknown as Output;
    expect(() => prepareAll(parseBootOptions([cfg]), output)).toThrow();
    expect(said).toContain('boot.vhd.gz is packed with gzip, with a vhd image in it');
  });

  it('are started by nobody who does not ask for it, if they are called .iso or are noise', () => {
    const iso = put('a.iso', bootDisk().fill(0, 446, 512));
    expect(refusal(iso)).toMatch(/^a\.iso is no CD image: there is no ISO 9660 volume \(CD001\) in it\./);
    expect(prepared(iso, '--no-signature-check').guest.boot).toMatchObject({ noSignatureCheck: true });
    const noise = Uint8Array.from({ length: 2048 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24);
    expect(refusal(put('noise.img', noise))).toMatch(/^noise\.img begins with noise/);
  });
});

describe('images that are not whole sectors', () => {
  it('are taken, as disk and as floppy disk: `cat boot.bin kernel.bin > os.img`', () => {
    const path = put('os.img', bootDisk().fill(0, 446, 510).subarray(0, 5000));
    expect([prepared(path).drives, prepared('--fda', path).drives]).toEqual([[['disk', path]], [['floppy', path]]]);
  });
});
