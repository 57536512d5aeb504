import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { prepareToRead } from './config/index.ts';
import { HEAD_BYTES, imageHead } from './images/images.ts';
import type { Firmware, NamedBytes, NamedImage } from './planned.ts';
import { firmwareNamed } from './named-in-files.ts';
import { planFiles } from './plan-domain.ts';

const MIB = 2 ** 20;
const firmware: Firmware = {
  bios: 'ringside',
  image: new Uint8Array(65536),
  name: 'bios.bin',
  vgaBios: Uint8Array.of(0x55, 0xaa),
};
const text = (name: string, content: string): NamedBytes => ({ name, data: new TextEncoder().encode(content) });
const put = (bytes: Uint8Array, at: number, what: string): void => bytes.set(new TextEncoder().encode(what), at);

/** An ISO 9660 volume (ECMA-119) with an El Torito boot record. */
function iso(
  volumeSectors: number,
  { name = 'cd.iso', bytes = volumeSectors * 2048, bootable = true } = {},
): NamedImage {
  const head = new Uint8Array(HEAD_BYTES);
  for (const [sector, type] of [
    [16, 1],
    [17, bootable ? 0 : 255],
    [18, 255],
  ] as const) {
    head[sector * 2048] = type;
    put(head, sector * 2048 + 1, 'CD001');
  }
  new DataView(head.buffer).setUint32(16 * 2048 + 80, volumeSectors, true);
  if (bootable) put(head, 17 * 2048 + 7, 'EL TORITO SPECIFICATION');
  return { name, head, bytes };
}

/** A disk with one partition, up to sector `end`, and a boot sector's signature. */
function disk(end: number, { name = 'disk.img', bytes = end * 512, signature = true } = {}): NamedImage {
  const head = new Uint8Array(HEAD_BYTES);
  head[0x1be] = 0x80;
  head[0x1be + 4] = 0x83;
  new DataView(head.buffer).setUint32(0x1be + 8, 1, true);
  new DataView(head.buffer).setUint32(0x1be + 12, end - 1, true);
  if (signature) head.set([0x55, 0xaa], 510);
  return { name, head, bytes };
}

const errorsOf = (files: Parameters<typeof planFiles>[0], with_: Firmware = firmware): string[] =>
  planFiles(files, with_).plan.errors.map(error => error.text);

describe('a kernel', () => {
  it('finds the RAM below the hole alone, however much there is', () => {
    // Multiboot with the addresses in its header (flag 16): loaded at 512 MiB.
    const at = 0x20000000,
      flags = 0x10003;
    const header = [0x1badb002, flags, -0x1badb002 - flags, at, at, at + 0x40, at + 0x1000, at + 0x30];
    const kernel = { name: 'k', data: new Uint8Array(0x80) };
    new Int32Array(kernel.data.buffer).set(header);
    const wrong = (hole: number) =>
      errorsOf([text('k.cfg', `type = "hvm"\nname = "k"\nmemory = 2000\nkernel = "k"\nmmio_hole = ${hole}\n`), kernel]);
    expect(wrong(256)).toEqual([]);
    expect(wrong(3840)).toEqual([expect.stringContaining('does not fit')]);
  });
});

describe('images alone', () => {
  it('boot through firmware: a CD first where it was given first, a disk else', () => {
    const cd = planFiles([iso(100), disk(2048)], firmware);
    expect(cd.plan.errors).toEqual([]);
    expect(cd.domain!.drives.map(({ place, kind, image }) => [place, kind, image!.name])).toEqual([
      [2, 'cdrom', 'cd.iso'],
      [0, 'disk', 'disk.img'],
    ]);
    expect(cd.domain!.boot).toMatchObject({
      kind: 'firmware',
      name: 'bios.bin',
      bootOrder: ['/pci@i0cf8/ide@1,1/drive@1/disk@0', '/pci@i0cf8/ide@1,1/drive@0/disk@0'],
    });
    expect(planFiles([disk(2048)], firmware).plan).toMatchObject({
      name: 'disk',
      definition: expect.stringContaining('disk = [ "disk.img,raw,hda" ]\nboot = "cd"'),
    });
    expect(
      planFiles([text('x.cfg', planFiles([iso(100)], firmware).plan.definition), iso(100)], firmware).plan.errors,
    ).toEqual([]);
  });

  it('that are cut short are refused with numbers', () => {
    expect(errorsOf([iso(1000, { bytes: 4096 })])).toEqual([
      'cd.iso is cut short: its volume has 2048000 bytes and the file 4096. Copy or fetch it again.',
    ]);
    expect(errorsOf([disk(4096, { bytes: 512 * 1000 })])).toEqual([
      'disk.img is cut short: a partition ends at sector 4096 and the file has 1000. Copy or fetch it again.',
    ]);
  });

  it('that are not whole sectors are taken: the last one ends in zeros', () => {
    expect(errorsOf([disk(10, { bytes: 5000 })])).toEqual([]);
  });

  it('that nothing can be started from are refused with the reason', () => {
    // Zeros, and a text.
    for (const content of ['', 'name = "web1"\n'.repeat(40)]) {
      const none = disk(8, { signature: false });
      put(none.head, 0, content);
      expect(errorsOf([none])).toEqual([
        'disk.img is not bootable: its first sector does not end in 55 AA. Take another image, or write device_model_args = [ "-no-fd-bootchk" ] to have its first sector started all the same.',
      ]);
    }
    expect(errorsOf([iso(100, { bootable: false })])).toEqual([
      expect.stringMatching(/^cd\.iso is not bootable: it has no El Torito boot record\./),
    ]);
    const wrapped = disk(8);
    put(wrapped.head, 0, 'KDMV');
    expect(errorsOf([wrapped])).toEqual([
      expect.stringContaining(
        'is a vmdk image, and raw and qcow2 ones are read here. Run qemu-img convert -O raw disk.img',
      ),
    ]);
    wrapped.head.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 9]);
    expect(errorsOf([wrapped])).toEqual([
      expect.stringContaining(
        'disk.img is a qcow2 image of version 9, and versions 2 and 3 are read. Run qemu-img convert',
      ),
    ]);
  });

  it('need firmware, and say where it comes from', () => {
    expect(errorsOf([iso(100)], 'Firmware is needed. Run npm run guests once.')).toEqual([
      'Firmware is needed. Run npm run guests once.',
    ]);
    expect(firmwareNamed([iso(100)])).toEqual({ bios: 'ringside' });
    expect(firmwareNamed([text('a.cfg', 'kernel = "x"\ndisk = [ "d.img,raw,hda" ]\n'), disk(8)])).toBeUndefined();
    expect(
      firmwareNamed([text('a.cfg', 'type = "hvm"\nbios = "seabios"\ndisk = [ "d.img,raw,hda" ]\n'), disk(8)]),
    ).toEqual({ bios: 'seabios' });
    expect(firmwareNamed([text('a.cfg', 'type = "hvm"\nboot = "cn"\nvif = [ "model=ne2k_pci" ]\n')])).toEqual({
      bios: 'ringside',
      card: 'ne2k_pci',
    });
  });

  it('are the drives of a kernel that is alone with them, on a plain PC', () => {
    const data = new Uint8Array(readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url))),
      kernel = { name: 'k.elf', data };
    const { plan, domain } = planFiles([kernel, disk(8)]);
    expect([plan.errors, domain?.definition.kind, domain?.boot.kind]).toEqual([[], 'pc', 'kernel']);
    expect(domain?.drives.map(({ vdev, image }) => [vdev, image?.name])).toEqual([['hda', 'disk.img']]);
    expect(plan.definition).toContain('hda');
  });

  it('of which a PC has no room for are refused', () => {
    expect(errorsOf([iso(100), iso(100, { name: 'b.iso' })])[0]).toContain(
      'one CD-ROM drive, two floppy drives and at most three disks',
    );
    expect(errorsOf([iso(100), text('README', 'hello')])[0]).toContain('README and cd.iso make no guest by themselves');
  });
});

describe('a definition with disks', () => {
  const definition = (disks: string, more = ''): NamedBytes =>
    text('web1.cfg', `name = "web1"\ntype = "hvm"\nmemory = 64\ndisk = [ ${disks} ]\n${more}`);

  it('starts with the BIOS that it names, and says where another has to do', () => {
    const seabios: Firmware = { bios: 'seabios', image: new Uint8Array(262144), name: 'bios-256k.bin' };
    const of = (more: string, here: Firmware): unknown[] => {
      const { plan, domain } = planFiles([definition("'disk.img,raw,hda'", more), disk(64)], here);
      const { verdict, text: said } = plan.findings.find(({ key }) => key === 'bios')!;
      return [verdict, said.slice(0, 31), domain?.boot.name];
    };
    expect(of('bios = "ringside"\n', firmware)).toEqual(['used', "The PC starts with Ringside's o", 'bios.bin']);
    expect(of('bios = "seabios"\n', seabios)).toEqual(['used', 'The PC starts with SeaBIOS, as ', 'bios-256k.bin']);
    expect(of('bios = "seabios"\n', firmware)).toEqual(['approximated', "SeaBIOS is not here: Ringside's", 'bios.bin']);
    expect(of('bios = "rombios"\n', firmware)).toEqual(['approximated', "ROMBIOS is Xen's BIOS for old d", 'bios.bin']);
    expect(of('bios = "ovmf"\n', firmware)).toEqual(['approximated', 'There is no UEFI here yet, and ', 'bios.bin']);
    expect(
      planFiles([definition("'disk.img,raw,hda'", 'bios = "seabios"\n'), disk(64)], firmware).domain!.definition.bios,
    ).toBe('seabios');
  });

  it('boots by a network card with a ROM, and says what is not there for that', () => {
    const of = (more: string, nicRom: Uint8Array | string | undefined, disks = ''): unknown[] => {
      const { plan, domain } = planFiles([definition(disks, more), ...(disks ? [disk(64)] : [])], {
        bios: 'ringside',
        image: new Uint8Array(65536),
        name: 'bios.bin',
        ...(nicRom ? { nicRom } : {}),
      });
      const { verdict, text: said } = plan.findings.find(({ key }) => key === 'boot')!;
      return [verdict, said.slice(0, 27), (domain?.boot as { bootOrder?: string[] } | undefined)?.bootOrder?.at(-1)];
    };
    const rom = Uint8Array.of(0x55, 0xaa);
    expect(of('boot = "n"\nvif = [ "model=pcnet" ]\n', rom)).toEqual([
      'used',
      'The firmware tries the netw',
      '/pci@i0cf8/ethernet@3',
    ]);
    expect(of('boot = "cn"\nvif = [ "model=pcnet" ]\n', undefined, "'disk.img,raw,hda'")).toEqual([
      'approximated',
      'iPXE, which boots from the ',
      '/pci@i0cf8/ethernet@3',
    ]);
    expect(of('boot = "n"\nvif = [ "model=pcnet" ]\n', undefined)).toEqual([
      'error',
      'iPXE, which boots from the ',
      undefined,
    ]);
    expect(of('boot = "n"\n', rom)).toEqual(['error', 'There is no emulated card t', undefined]);
    expect(of('boot = "n"\nvif = [ "model=ne2k_isa" ]\n', rom)).toEqual([
      'error',
      'NE2000 ISA has no ROM to bo',
      undefined,
    ]);
  });

  it('finds its images by their base names among what was given', () => {
    const { plan, domain } = planFiles(
      [definition(`'/img/disk.img,raw,hda,rw', '/iso/cd.iso,raw,hdc,cdrom'`, 'boot = "d"\n'), iso(100), disk(64)],
      firmware,
    );
    expect(plan.errors).toEqual([]);
    expect(plan.summary.disks).toEqual(['hda: disk.img', 'hdc: cd.iso']);
    expect(domain!.drives.map(({ place, readOnly, image }) => [place, readOnly, image!.bytes])).toEqual([
      [0, false, 32768],
      [2, true, 204800],
    ]);
    expect(domain!.boot).toMatchObject({ bootOrder: ['/pci@i0cf8/ide@1,1/drive@1/disk@0'] });
  });

  it('takes any file for a disk that needs not be booted', () => {
    const { plan, domain } = planFiles(
      [definition(`'cd.iso,raw,hdc,cdrom', 'swap,raw,hdb'`), iso(100), { name: 'swap', data: new Uint8Array(MIB) }],
      firmware,
    );
    expect(plan.errors).toEqual([]);
    expect(domain!.drives[1]).toMatchObject({ place: 1, image: { name: 'swap', bytes: MIB } });
  });

  it('have the firmware of a file, with a disk and without, and none that is no firmware', async () => {
    const file = (length: number): NamedBytes => ({ name: 'OVMF.fd', data: new Uint8Array(length).fill(1) });
    const cfg = (disks: string) =>
      text('f.cfg', `name = "f"\ntype = "hvm"\nmemory = 64\nbios_path_override = "/fw/OVMF.fd"\n${disks}`);
    const { plan, domain } = planFiles([cfg(''), file(0x40000)], firmware);
    expect([plan.errors, domain!.boot]).toMatchObject([[], { kind: 'firmware', name: 'OVMF.fd', forQemu: true }]);
    expect((domain!.boot as { image: Uint8Array }).image.length).toBe(0x40000);
    expect(planFiles([cfg('disk = [ "disk.img,raw,hda" ]'), file(0x40000), disk(8)], firmware).plan.errors).toEqual([]);
    expect(errorsOf([cfg(''), file(1000)])[0]).toContain(
      'OVMF.fd has 1000 bytes; a firmware image has 64 KiB to 16 MiB',
    );
    expect(errorsOf([cfg('')])[0]).toContain("bios_path_override = '/fw/OVMF.fd': OVMF.fd is not among");
    const xml = text(
      'f.xml',
      "<domain type='xen'><name>f</name><memory unit='MiB'>64</memory><os><type>hvm</type><loader type='pflash' readonly='no'>/fw/OVMF.fd</loader><nvram>/fw/VARS.fd</nvram></os></domain>",
    );
    await prepareToRead(new TextDecoder().decode(xml.data));
    const fromXml = planFiles([xml, file(0x40000)], firmware);
    expect([fromXml.plan.errors, fromXml.domain!.boot]).toMatchObject([[], { name: 'OVMF.fd' }]);
    const said = (key: string): string | undefined => fromXml.plan.findings.find(finding => finding.key === key)?.text;
    expect([said('nvram'), said('loader.type')]).toEqual([
      expect.stringContaining('lies in RAM'),
      expect.stringMatching(/^There is no UEFI here yet\. This file is started as firmware/),
    ]);
    const asked = text(
      'e.xml',
      "<domain type='xen'><name>e</name><memory unit='MiB'>64</memory><os firmware='efi'><type>hvm</type></os><devices><disk type='file'><source file='/disk.img'/><target dev='hda'/></disk></devices></domain>",
    );
    const uefi = planFiles([asked, disk(64)], firmware);
    expect([uefi.plan.errors, uefi.domain?.boot.name]).toEqual([[], 'bios.bin']);
    expect(uefi.plan.findings.find(({ key }) => key === 'firmware')?.text).toMatch(/^There is no UEFI here yet, and/);
  });

  it('that UEFI alone could start gets a verdict that says so, before the boot', () => {
    const gpt = disk(2048);
    gpt.head[0x1be + 4] = 0xee;
    put(gpt.head, 512, 'EFI PART');
    gpt.head.set(
      [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b],
      1024 + 128,
    );
    const why = 'it has an EFI system partition, and no program in its first sector';
    const advice =
      'There is no UEFI here yet. Take an image that a BIOS starts, too, or name its kernel in a definition.';
    expect(errorsOf([gpt])).toEqual([`disk.img is for UEFI alone: ${why}. ${advice}`]);
    const mbr = disk(2048);
    mbr.head[0x1be + 4] = 0xef;
    expect(errorsOf([mbr])).toEqual([`disk.img is for UEFI alone: ${why}. ${advice}`]);
    // GRUB's hybrid images have a program there.
    gpt.head[0] = 0xeb;
    expect(errorsOf([gpt])).toEqual([]);
    const cd = iso(100);
    new DataView(cd.head.buffer).setUint32(17 * 2048 + 0x47, 19, true);
    cd.head.set([1, 0xef], 19 * 2048);
    cd.head.set([0x55, 0xaa], 19 * 2048 + 30);
    const forEfi = [`cd.iso is for UEFI alone: its boot catalogue is for EFI alone. ${advice}`];
    expect(errorsOf([cd])).toEqual(forEfi);
    // Another catalogue, behind the head.
    new DataView(cd.head.buffer).setUint32(17 * 2048 + 0x47, 40, true);
    expect(errorsOf([cd])).toEqual([]);
    const file = new Uint8Array(100 * 2048);
    file.set(cd.head);
    file.set(cd.head.subarray(19 * 2048, 20 * 2048), 40 * 2048);
    const head = () => imageHead(new MemoryDisk(file));
    expect([errorsOf([{ ...cd, head: head() }]), head().length]).toEqual([forEfi, cd.head.length + 2048]);
    file[40 * 2048 + 1] = 0;
    expect(errorsOf([{ ...cd, head: head() }])).toEqual([]);
  });

  it('without 55 AA is started with a warning, where there is nothing better', () => {
    const unsigned = disk(8, { signature: false });
    unsigned.head.set([0xfa, 0xf4]);
    const { plan, domain } = planFiles([unsigned], firmware);
    const warning = {
      verdict: 'approximated',
      warns: true,
      text: `disk.img is started although its first sector does not end in 55 AA, and a PC's BIOS would not start it. Write device_model_args = [ "-no-fd-bootchk" ] to say that it is meant so.`,
    };
    expect([plan.errors, plan.findings[0], domain!.boot]).toMatchObject([[], warning, { noSignatureCheck: true }]);
    const named = definition(`'disk.img,raw,hda'`);
    const warned = planFiles([named, unsigned], firmware);
    expect(warned.plan.findings.find(({ warns }) => warns)).toMatchObject(warning);
    // As the remedy has it.
    for (const text of [
      plan.definition,
      `${warned.plan.definition}${warned.plan.findings.find(({ warns }) => warns)!.remedy!.write}\n`,
    ]) {
      const meant = planFiles([{ ...named, data: new TextEncoder().encode(text) }, unsigned], firmware);
      expect(meant.domain!.boot).toMatchObject({ noSignatureCheck: true });
      expect(meant.plan.findings.filter(({ warns }) => warns)).toEqual([]);
    }
    // A disk that a BIOS starts comes before it, and SeaBIOS starts none.
    const both = definition(`'disk.img,raw,hda', 'signed.img,raw,hdb'`);
    expect(planFiles([both, unsigned, { ...disk(8), name: 'signed.img' }], firmware).domain!.boot).not.toHaveProperty(
      'noSignatureCheck',
    );
    expect(
      planFiles([named, unsigned], { ...firmware, bios: 'seabios' }).plan.errors.map(({ short }) => short),
    ).toEqual(['not bootable']);
  });

  it('says at which place what is missing or wrong', () => {
    const { plan } = planFiles(
      [definition(`'gone.img,raw,hda', 'disk.img,raw,hdb'`), disk(4096, { bytes: 512 })],
      firmware,
    );
    expect(plan.errors.map(({ line, column, text: sentence }) => [line, column, sentence])).toEqual([
      [4, 10, "disk = 'gone.img': gone.img is not among the dropped files. Drop it together with web1.cfg."],
      [4, 30, 'disk.img is cut short: a partition ends at sector 4096 and the file has 1. Copy or fetch it again.'],
    ]);
    expect(errorsOf([definition(`'disk.img,raw,hda'`), disk(8, { signature: false })])[0]).toContain(
      'disk.img is not bootable',
    );
    expect(errorsOf([definition(`'cd.iso,raw,hda'`), text('cd.iso', '')])[0]).toBe(
      'cd.iso is empty. Copy or fetch it again.',
    );
  });
});
