/** Boot loaders that nobody adapted, on CDs and floppy disks put together from Debian's packages: each starts something, by our BIOS and by SeaBIOS. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { limit, WarmRingside } from '../support/command-line.ts';
import { BOOTED, debian, NEEDS_GUESTS } from '../support/guests.ts';
import { file, program } from '../support/needs.ts';
import { haveQemu, qemuWithOurBios } from '../support/qemu.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-loaders-'));
afterAll(() => rmSync(folder, { recursive: true }));
const loaders = file('.cache/guests/loaders');
const loader = (name: string): string => join(loaders, name);
const memtest = file('.cache/guests/tools/memtest86+ia32.bin');
const memtestCd = file('.cache/guests/cds/memtest86+ia32.iso');
const disk = file('.cache/guests/disks/debian-disk.img');
const genisoimage = program('genisoimage');
const syslinux = program('syslinux'),
  mkfsFat = program('mkfs.vfat'),
  mcopy = program('mcopy');
/** syslinux's master boot record, in Debian's extlinux. */
const masterBootRecord = '/usr/lib/EXTLINUX/mbr.bin';
const BIOSES = ['ringside', 'seabios'];
const FLOPPY_BYTES = 1440 * 1024;

/** A CD with these files by the names that they get, whose boot image is one of them. */
function cd(name: string, files: Record<string, string>, boot: string, ...options: string[]): string {
  const tree = join(folder, name);
  for (const [path, from] of Object.entries(files)) {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    copyFileSync(from, join(tree, path));
  }
  const path = join(folder, `${name}.iso`);
  execFileSync(genisoimage!, ['-quiet', '-R', '-b', boot, '-c', 'boot.cat', ...options, '-o', path, tree], {
    stdio: 'pipe',
  });
  return path;
}
const NO_EMULATION = ['-no-emul-boot', '-boot-load-size', '4', '-boot-info-table'];

function written(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** Boots with one BIOS after the other and does what the lines say. Under load a screen may scroll between two looks: what is expected is what stays. */
async function withEach(lines: string[], ...argv: string[]): Promise<void> {
  for (const bios of BIOSES) {
    const vm = new WarmRingside(
      'boot',
      ...argv,
      '--bios',
      bios,
      '--script',
      written('script', `${lines.join('\n')}\n`),
      ...limit(200),
    );
    onTestFinished(() => vm.kill());
    expect(await vm.end(210), `${bios}: ${vm.errors}`).toBe(0);
    expect(vm.output).not.toMatch(/Errors: +[1-9]/);
  }
}

const MEMTEST_RUNS = 'expect #3  [Moving inversions, 1s & 0s]';

describe.skipIf(!existsSync(loaders) || !genisoimage)(`isolinux ${NEEDS_GUESTS} [needs genisoimage]`, () => {
  let iso = '';
  beforeAll(() => {
    const modules = ['ldlinux', 'libcom32', 'libutil', 'libgpl', 'libmenu', 'menu', 'vesamenu', 'chain', 'hdt'].map(
      name => `${name}.c32`,
    );
    const config = `SERIAL 0 115200
PROMPT 1
SAY isolinux is here
LABEL debian
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND console=tty0 console=ttyS0,115200 cryptomgr.notests
LABEL memtest
  KERNEL /memtest
LABEL gone
  KERNEL /gone
LABEL menu
  COM32 menu.c32
LABEL vesa
  COM32 vesamenu.c32
LABEL hdt
  COM32 hdt.c32
LABEL disk
  COM32 chain.c32
  APPEND hd0
LABEL floppy
  KERNEL memdisk
  INITRD /floppy.img
`;
    writeFileSync(join(folder, 'floppy.img'), legacyFloppy());
    iso = cd(
      'isolinux',
      {
        'isolinux/isolinux.cfg': written('isolinux.cfg', config),
        ...Object.fromEntries(['isolinux.bin', 'memdisk', ...modules].map(name => [`isolinux/${name}`, loader(name)])),
        vmlinuz: debian('686').kernel,
        initrd: debian('686').initrd,
        memtest,
        'floppy.img': join(folder, 'floppy.img'),
      },
      'isolinux/isolinux.bin',
      ...NO_EMULATION,
    );
  });

  it('comes to its prompt and starts Debian, which calls the PCI BIOS by its 32-bit entry', () =>
    withEach(
      [
        'expect isolinux is here',
        'expect boot:',
        'send debian pci=bios\\r',
        'expect PCI: PCI BIOS revision 2.10 entry at',
        `expect ${BOOTED}`,
      ],
      iso,
      '--memory',
      '192',
    ));

  it('starts Debian without ACPI, which finds both processors by the table of the MultiProcessor Specification', () =>
    withEach(
      [
        'expect boot:',
        'send debian acpi=off\\r',
        'expect found SMP MP-table',
        'expect smpboot: Total of 2 processors activated',
        'expect PnPBIOS: PnP BIOS version 1.0',
        `expect ${BOOTED}`,
      ],
      iso,
      '--memory',
      '192',
      '--vcpus',
      '2',
    ));

  it('says which file is missing, and asks again', () =>
    withEach(
      [
        'expect boot:',
        'send gone\\r',
        'expect Loading /gone... failed: No such file or directory',
        'send memtest\\r',
        MEMTEST_RUNS,
      ],
      iso,
      '--memory',
      '8',
    ));

  it('says that its library is missing', () => {
    const bare = cd(
      'bare',
      { 'isolinux/isolinux.bin': loader('isolinux.bin') },
      'isolinux/isolinux.bin',
      ...NO_EMULATION,
    );
    return withEach(['expect Failed to load ldlinux.c32'], bare, '--memory', '8');
  });

  it.skipIf(!haveQemu)('starts Debian in QEMU by our BIOS [needs qemu-system-x86]', async () => {
    const vm = qemuWithOurBios('serial', '-cdrom', iso, '-m', '192');
    onTestFinished(() => vm.kill());
    await vm.expect('boot:', 60);
    vm.send('debian\r');
    await vm.expect(BOOTED, 300);
  });

  it('shows its text menu, whose entry is chosen by key: memtest86+ runs', () =>
    withEach(
      ['expect boot:', 'send menu\\r', 'expect Press [Tab] to edit options', 'key down', 'key enter', MEMTEST_RUNS],
      iso,
      '--memory',
      '8',
    ));

  it('shows its graphics menu by VBE, whose entry is chosen by key: memtest86+ runs', () =>
    withEach(
      ['expect boot:', 'send vesa\\r', 'wait 5000', 'key down', 'key enter', MEMTEST_RUNS],
      iso,
      '--memory',
      '16',
    ));

  it('starts the disk behind it by chain.c32', () =>
    withEach(
      ['expect boot:', 'send disk\\r', 'expect Debian Linux, 686-pae'],
      '--cdrom',
      iso,
      '--disk',
      disk,
      '--boot',
      'd',
    ));

  it('starts a floppy disk in memory by memdisk, which stands between it and INT 13h and 15h', () =>
    withEach(['expect boot:', 'send floppy\\r', 'expect grub>'], iso));

  it('lists what the machine is made of by hdt.c32', () =>
    withEach(['expect boot:', 'send hdt\\r', 'expect Main Menu'], '--cdrom', iso, '--disk', disk, '--boot', 'd'));
});

describe.skipIf(!existsSync(loader('ipxe.lkrn')) || !genisoimage)(
  `iPXE as a kernel ${NEEDS_GUESTS} [needs genisoimage]`,
  () => {
    it('is started by isolinux, takes its commands from the command line, and drives the card itself', () => {
      // Variables of iPXE's language.
      const chip = '$' + '{net0/chip}',
        address = '$' + '{net0/ip}';
      const settings = `DEFAULT ipxe\nLABEL ipxe\n  KERNEL /ipxe.krn\n  APPEND dhcp && echo ${chip} at ${address}: hello && sleep 100\n`;
      const iso = cd(
        'ipxe',
        {
          'isolinux/isolinux.cfg': written('ipxe-isolinux.cfg', settings),
          'isolinux/isolinux.bin': loader('isolinux.bin'),
          'isolinux/ldlinux.c32': loader('ldlinux.c32'),
          'ipxe.krn': loader('ipxe.lkrn'),
        },
        'isolinux/isolinux.bin',
        ...NO_EMULATION,
      );
      return withEach(['expect pcnet32 at 10.0.2.15: hello'], '--cdrom', iso, '--nic', 'pcnet', '--memory', '32');
    });
  },
);

/** Its installer asks a mounted file system where the blocks of its file are. */
const mkfsExt2 = program('mkfs.ext2'),
  extlinux = program('extlinux'),
  mount = program('mount'),
  umount = program('umount');
const mayMount = mount !== undefined && umount !== undefined && process.getuid?.() === 0;

describe.skipIf(!extlinux || !mkfsExt2 || !mayMount || !existsSync(memtest))(
  `extlinux ${NEEDS_GUESTS} [needs extlinux, e2fsprogs, and root to mount a file]`,
  () => {
    it('starts from an ext2 disk, comes to its prompt, and starts memtest86+', () => {
      const image = join(folder, 'ext2.img'),
        place = join(folder, 'ext2');
      mkdirSync(place);
      writeFileSync(image, new Uint8Array(8 << 20));
      execFileSync(mkfsExt2!, ['-q', '-F', image], { stdio: 'pipe' });
      execFileSync(mount!, ['-o', 'loop', image, place], { stdio: 'pipe' });
      try {
        execFileSync(extlinux!, ['--install', place], { stdio: 'pipe' });
        copyFileSync(memtest, join(place, 'memtest'));
        writeFileSync(join(place, 'extlinux.conf'), 'PROMPT 1\nSAY extlinux is here\nLABEL memtest\nKERNEL /memtest\n');
      } finally {
        execFileSync(umount!, [place], { stdio: 'pipe' });
      }
      return withEach(
        ['expect extlinux is here', 'expect boot:', 'key m e m t e s t enter', MEMTEST_RUNS],
        '--disk',
        image,
        '--memory',
        '8',
      );
    });
  },
);

/** GRUB's older stages on a floppy disk, as its manual puts them there. */
function legacyFloppy(): Uint8Array {
  const bytes = new Uint8Array(FLOPPY_BYTES);
  bytes.set(readFileSync(loader('stage1')));
  bytes.set(readFileSync(loader('stage2')), 512);
  return bytes;
}

describe.skipIf(!existsSync(loaders) || !genisoimage)(`GRUB 0.97 ${NEEDS_GUESTS} [needs genisoimage]`, () => {
  it('comes to its prompt from a floppy disk, by cylinders, heads and sectors', () => {
    writeFileSync(join(folder, 'legacy.img'), legacyFloppy());
    return withEach(
      ['expect grub>', 'key g e o m e t r y space shift+9 f d 0 shift+0 enter', 'expect drive 0x0: C/H/S = 80/2/18'],
      '--fda',
      join(folder, 'legacy.img'),
    );
  });

  let iso = '';
  beforeAll(() => {
    const menu = `title Debian
kernel /vmlinuz console=tty0 console=ttyS0,115200 cryptomgr.notests
initrd /initrd
title Gone
kernel /gone
`;
    iso = cd(
      'legacy',
      {
        'boot/grub/menu.lst': written('menu.lst', menu),
        'boot/grub/stage2_eltorito': loader('stage2_eltorito'),
        vmlinuz: debian('686').kernel,
        initrd: debian('686').initrd,
      },
      'boot/grub/stage2_eltorito',
      ...NO_EMULATION,
    );
  });
  const MENU = 'expect to select which entry is highlighted';

  it('comes from a CD, and starts Debian', () =>
    withEach([MENU, 'key enter', `expect ${BOOTED}`], iso, '--memory', '192'));

  it('says that a file is missing, and goes back to its menu', () =>
    withEach(
      [MENU, 'key down', 'key enter', 'expect Error 15: File not found', 'key enter', MENU],
      iso,
      '--memory',
      '16',
    ));

  it('comes to its prompt where its menu is missing', () =>
    withEach(
      ['expect grub>'],
      cd(
        'no-menu',
        { 'boot/grub/stage2_eltorito': loader('stage2_eltorito') },
        'boot/grub/stage2_eltorito',
        ...NO_EMULATION,
      ),
    ));
});

describe.skipIf(!existsSync(memtestCd))(`a CD as Debian has it ${NEEDS_GUESTS}`, () => {
  it('memtest86+: its first tests find no error, and it shows the board that SMBIOS names', () =>
    withEach(
      [MEMTEST_RUNS, 'expect #4  [Moving inversions, 8 bit pattern]', 'expect Ringside i440FX'],
      memtestCd,
      '--memory',
      '8',
    ));
});

describe.skipIf(!existsSync(memtest))(`memtest86+ as it is ${NEEDS_GUESTS}`, () => {
  // Its first sector loads the others by INT 13h, as kernels of old did that were copied onto a floppy disk.
  it('runs from a floppy disk that begins with it', () => {
    const bytes = new Uint8Array(FLOPPY_BYTES);
    bytes.set(readFileSync(memtest));
    writeFileSync(join(folder, 'memtest.img'), bytes);
    return withEach([MEMTEST_RUNS], '--fda', join(folder, 'memtest.img'), '--memory', '8');
  });
});

describe.skipIf(!syslinux || !mkfsFat || !mcopy || !genisoimage || !existsSync(memtest))(
  `syslinux on a floppy disk ${NEEDS_GUESTS} [needs syslinux, dosfstools, mtools, genisoimage]`,
  () => {
    let image = '';
    /** A file system with syslinux and memtest86+. */
    const fileSystem = (name: string, kib: number, ...options: string[]): string => {
      const path = join(folder, name);
      execFileSync(mkfsFat!, [...options, '-C', path, String(kib)], { stdio: 'pipe' });
      execFileSync(syslinux!, ['-i', path], { stdio: 'pipe' });
      const config = written('syslinux.cfg', 'PROMPT 1\nSAY syslinux is here\nLABEL memtest\nKERNEL memtest\n');
      for (const [from, to] of [
        [config, 'syslinux.cfg'],
        [memtest, 'memtest'],
      ])
        execFileSync(mcopy!, ['-i', path, from, `::${to}`]);
      return path;
    };
    beforeAll(() => {
      image = fileSystem('syslinux.img', FLOPPY_BYTES / 1024);
    });
    const LINES = ['expect syslinux is here', 'expect boot:', 'key m e m t e s t enter', MEMTEST_RUNS];

    it('starts memtest86+', () => withEach(LINES, '--fda', image, '--memory', '8'));

    it.skipIf(!existsSync(masterBootRecord))('starts from the active partition of a disk [needs extlinux]', () => {
      const FIRST_SECTOR = 63;
      const partition = readFileSync(fileSystem('partition.img', 20_000, '-F', '16', '-h', String(FIRST_SECTOR)));
      const bytes = Buffer.concat([Buffer.alloc(FIRST_SECTOR * 512), partition]);
      bytes.set(readFileSync(masterBootRecord));
      bytes.set([0x80, 1, 1, 0, 6, 0xfe, 0xff, 0xff], 446);
      bytes.writeUInt32LE(FIRST_SECTOR, 446 + 8);
      bytes.writeUInt32LE(partition.length / 512, 446 + 12);
      bytes.set([0x55, 0xaa], 510);
      writeFileSync(join(folder, 'partitioned.img'), bytes);
      return withEach(LINES, '--disk', join(folder, 'partitioned.img'), '--memory', '8');
    });

    it('is emulated by a CD', () =>
      withEach(LINES, cd('emulated', { [basename(image)]: image }, basename(image)), '--memory', '8'));
  },
);
