import { type BlockDevice, deviceOf, MemoryDisk } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import { writeExt2 } from '../../../../scripts/archive/ext2.ts';
import { Effort, makeCd, openFileSystem } from '../../../formats/file-systems/index.ts';
import { isError, judgeDefinition } from '../../definitions/config/judge-definition.ts';
import { bootFromDisk } from './boot-loader.ts';
import { readExtlinux, readGrubCfg, readMenuLst } from './menus.ts';

const MIB = 2 ** 20;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const readable = (bytes: Uint8Array): BlockDevice => new MemoryDisk(bytes);
const ext = (files: Record<string, string>): Uint8Array =>
  writeExt2(2 * MIB, new Map(Object.entries(files).map(([path, data]) => [path, text(data)])), {
    label: 'x',
    uuid: new Uint8Array(16),
  });

/** A disk with partitions; the second argument of each: whether it is marked to start from. */
function disk(...parts: [Uint8Array, boolean?][]): Uint8Array {
  const bytes = new Uint8Array(MIB + parts.length * 2 * MIB);
  const view = new DataView(bytes.buffer);
  parts.forEach(([content, isActive], i) => {
    const at = 446 + 16 * i,
      start = MIB + i * 2 * MIB;
    bytes[at] = isActive ? 0x80 : 0;
    bytes[at + 4] = 0x83;
    view.setUint32(at + 8, start / 512, true);
    view.setUint32(at + 12, (2 * MIB) / 512, true);
    bytes.set(content, start);
  });
  view.setUint16(510, 0xaa55, true);
  return bytes;
}

const GRUB_CFG = `set default="1"
function load_video { insmod vbe }
set base=/boot
menuentry 'First' { linux $base/vmlinuz-1 root=/dev/xvda1 ro }
submenu 'Advanced' {
  menuentry 'Old' --id old {
    load_video
    echo 'Loading …'
    linux (hd0,msdos1)/boot/vmlinuz-2 root=/dev/xvda1 single
    initrd /boot/initrd-2
  }
  menuentry 'With Xen' { multiboot2 /boot/xen.gz placeholder loglvl=all
    module2 /boot/vmlinuz-3 placeholder root=/dev/sda
    module2 --nounzip /boot/initrd-3 }
}`;
const MENU_LST = `# comment
default saved
title Debian
root (hd0,0)
kernel (hd0,0)/boot/vmlinuz-1 root=/dev/hda1 ro
initrd /boot/initrd-1
title XEN
kernel /boot/xen-3.gz dom0_mem=512M
module /boot/vmlinuz-xen root=/dev/sda1
module /boot/initrd-xen`;
const EXTLINUX = `DEFAULT linux
PROMPT 0
LABEL rescue
  KERNEL vmlinuz-1
LABEL linux
  KERNEL vmlinuz-1
  APPEND initrd=initrd-1 root=/dev/sda1 ro`;

describe('menus', () => {
  it('of GRUB 2 have variables, submenus one behind the other, and a default by number, title or id', () => {
    const { entries, chosen } = readGrubCfg(GRUB_CFG);
    expect(entries).toEqual([
      { title: 'First', kernel: '/boot/vmlinuz-1', args: 'root=/dev/xvda1 ro' },
      { title: 'Old', kernel: '/boot/vmlinuz-2', ramdisk: '/boot/initrd-2', args: 'root=/dev/xvda1 single' },
      { title: 'With Xen', kernel: '/boot/vmlinuz-3', ramdisk: expect.anything(), args: 'root=/dev/sda' },
    ]);
    expect([
      chosen,
      readGrubCfg(GRUB_CFG, 'With Xen').chosen,
      readGrubCfg(GRUB_CFG, '1').chosen,
      readGrubCfg(GRUB_CFG, 'none').chosen,
    ]).toEqual([0, 2, 1, 0]);
    expect(readGrubCfg(GRUB_CFG.replace('"1"', '"Advanced>old"')).chosen).toBe(1);
  });

  it('of GRUB legacy have titles, and kernels of Xen among their modules', () => {
    expect(readMenuLst(MENU_LST, '1')).toEqual({
      chosen: 1,
      entries: [
        { title: 'Debian', kernel: '/boot/vmlinuz-1', ramdisk: '/boot/initrd-1', args: 'root=/dev/hda1 ro' },
        { title: 'XEN', kernel: '/boot/vmlinuz-xen', ramdisk: '/boot/initrd-xen', args: 'root=/dev/sda1' },
      ],
    });
    expect(readMenuLst(MENU_LST).chosen).toBe(0);
  });

  it('of EXTLINUX have labels, and RAM disks among the arguments', () => {
    const { entries, chosen } = readExtlinux(EXTLINUX, '/boot/extlinux');
    expect(entries[chosen]).toEqual({
      title: 'linux',
      kernel: '/boot/extlinux/vmlinuz-1',
      ramdisk: '/boot/extlinux/initrd-1',
      args: 'root=/dev/sda1 ro',
    });
  });
});

describe('pygrub', () => {
  const boot = (bytes: Uint8Array, options = {}, cmdline = '') =>
    bootFromDisk({ program: 'pygrub', ...options }, cmdline, [{ vdev: 'xvda', from: readable(bytes) }]);
  const files = {
    'boot/grub/grub.cfg': GRUB_CFG,
    'boot/vmlinuz-1': 'one',
    'boot/vmlinuz-2': 'two',
    'boot/initrd-2': 'ramdisk',
  };

  it('takes kernel, RAM disk and arguments out of the partition that is marked, with its own arguments behind', () => {
    const found = boot(disk([ext({})], [ext(files), true]), { entry: 'Old', args: 'a=b' }, 'console=hvc0');
    expect(found.kernel).toEqual({ name: '/boot/vmlinuz-2', data: text('two') });
    expect(found.ramdisk?.data).toEqual(text('ramdisk'));
    expect([found.cmdline, found.description]).toEqual([
      'root=/dev/xvda1 single a=b console=hvc0',
      '‘Old’ of /boot/grub/grub.cfg on xvda2 (ext2).',
    ]);
  });

  it('reads a disk without partitions, a CD, and a partition that is /boot', async () => {
    expect(boot(ext(files)).cmdline).toBe('root=/dev/xvda1 ro');
    const { parts } = makeCd([
      { path: ['boot', 'isolinux', 'isolinux.cfg'], data: text(EXTLINUX) },
      { path: ['boot', 'isolinux', 'vmlinuz-1'], data: text('k') },
      { path: ['boot', 'isolinux', 'initrd-1'], data: text('r') },
    ]);
    const cd = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    expect(boot(cd).kernel).toEqual({ name: '/boot/isolinux/vmlinuz-1', data: text('k') });
    expect(boot(disk([ext({ 'grub/menu.lst': MENU_LST, 'vmlinuz-1': 'k', 'initrd-1': 'r' })])).kernel.name).toBe(
      '/vmlinuz-1',
    );
    expect(boot(disk([ext(files)]), { kernel: '/boot/vmlinuz-2' }).kernel.data).toEqual(text('two'));
  });

  it('says of each partition why there is no kernel', () => {
    const xfs = new Uint8Array(MIB);
    xfs.set(text('XFSB'));
    expect(() => boot(disk([xfs], [ext({ 'boot/grub/grub.cfg': GRUB_CFG })]))).toThrow(
      /xvda2: \/boot\/vmlinuz-1: No such file or directory|It is XFS/,
    );
    expect(() => boot(disk([xfs], [ext({})]))).toThrow(
      'pygrub found no kernel on xvda. xvda1: It is XFS, and ext2 to ext4, ISO 9660 and FAT are read here. xvda2 (ext2): there is no grub.cfg, extlinux.conf or menu.lst.',
    );
    expect(() => boot(new Uint8Array(4096))).toThrow(
      'pygrub found no kernel on xvda. xvda: There is no FAT file system',
    );
    expect(() => bootFromDisk({ program: 'pygrub' }, '', [])).toThrow('there is none');
  });
});

describe('a hostile disk', () => {
  const boot = (from: BlockDevice) => bootFromDisk({ program: 'pygrub' }, '', [{ vdev: 'xvda', from }]);

  it('whose GPT names one partition 256 times is looked at there once', () => {
    const bytes = new Uint8Array(4 * MIB);
    const view = new DataView(bytes.buffer);
    bytes[446 + 4] = 0xee;
    view.setUint16(510, 0xaa55, true);
    bytes.set(text('EFI PART'), 512);
    view.setBigUint64(512 + 72, 2n, true);
    view.setUint32(512 + 80, 256, true);
    view.setUint32(512 + 84, 128, true);
    for (let i = 0; i < 256; i++) {
      bytes[1024 + 128 * i] = 1;
      view.setBigUint64(1024 + 128 * i + 32, 2048n, true);
      view.setBigUint64(1024 + 128 * i + 40, 6143n, true);
    }
    bytes.set(ext({ 'etc/hostname': 'x' }), MIB);
    expect(() => boot(readable(bytes))).toThrow(
      /^pygrub found no kernel on xvda\. xvda1 \(ext2\): there is no grub\.cfg, extlinux\.conf or menu\.lst\. Name/,
    );
  });

  it('that leads to more than it holds is refused, after so much work and no more', () => {
    // Its root has a folder's worth of records that represent nothing, in one block that is named again and again.
    const bytes = ext({ 'etc/hostname': 'x' });
    const view = new DataView(bytes.buffer);
    const table = view.getUint32(4096 + 8, true) * 4096,
      root = table + 128;
    const block = view.getUint32(root + 40, true);
    for (let at = 0; at < 4096; at += 8) {
      view.setUint32(block * 4096 + at, 0, true);
      view.setUint32(block * 4096 + at + 4, 8, true);
    }
    const map = block + 1;
    for (let i = 0; i < 1024; i++) view.setUint32(map * 4096 + 4 * i, block, true);
    for (let i = 0; i < 1024; i++) view.setUint32((map + 1) * 4096 + 4 * i, map, true);
    for (let i = 0; i < 12; i++) view.setUint32(root + 40 + 4 * i, block, true);
    view.setUint32(root + 40 + 48, map, true);
    view.setUint32(root + 40 + 52, map + 1, true);
    view.setUint32(root + 4, 64 * MIB, true);
    const medium = deviceOf(128 * MIB, (at, into) =>
      into.set(bytes.subarray(Math.min(at, bytes.length), Math.min(at + into.length, bytes.length))),
    );
    const effort = Object.assign(new Effort(0), { steps: 100_000 });
    expect(() => openFileSystem(medium, effort).kind('/boot')).toThrow('would take too long');
  });

  it('whose folders are looked into again and again has each read once', () => {
    const bytes = ext({ [`${'f/'.repeat(20)}file`]: 'x' });
    const effort = new Effort(0);
    const tree = openFileSystem(readable(bytes), effort);
    const path = `${`${'f/'.repeat(20)}${'../'.repeat(20)}`.repeat(20)}f`;
    expect(tree.kind(path)).toBe('folder');
    Object.assign(effort, { steps: 3000 });
    expect(tree.kind(path)).toBe('folder');
  });
});

describe('domUloader', () => {
  const from = readable(disk([ext({})], [ext({ 'boot/vmlinuz-xen': 'k', 'boot/initrd-xen': 'r' })]));
  const boot = (entry?: string) =>
    bootFromDisk({ program: 'domUloader', ...(entry ? { entry } : {}) }, 'TERM=xterm', [{ vdev: 'xvda', from }]);

  it('takes what it is told from a partition, by its name of old, too', () => {
    const found = boot('xvda2:/boot/vmlinuz-xen,/boot/initrd-xen');
    expect([found.kernel.data, found.ramdisk?.data, found.cmdline]).toEqual([text('k'), text('r'), 'TERM=xterm']);
    expect(boot('hda2:boot/vmlinuz-xen').kernel.name).toBe('/boot/vmlinuz-xen');
  });

  it('says what is missing', () => {
    expect(() => boot()).toThrow('write bootentry =');
    expect(() => boot('xvdb1:/k')).toThrow('the guest has no xvdb1. There are xvda, xvda1, xvda2.');
    expect(() => boot('xvda1:/k')).toThrow('domUloader: xvda1: /k: No such file or directory');
  });
});

describe('definitions', () => {
  const judged = (more: string) =>
    judgeDefinition('x', `name = "x"\ntype = "pv"\nmemory = 64\ndisk = [ "/d.img,raw,xvda,w" ]\n${more}`);

  it.each([
    ['bootloader = "pygrub"', { program: 'pygrub' }],
    [
      'bootloader = "/usr/lib/xen/bin/pygrub"\nbootloader_args = [ "-q", "--entry=2", "--args=a b" ]',
      { program: 'pygrub', entry: '2', args: 'a b' },
    ],
    [
      'bootloader = "/usr/lib/xen/boot/domUloader.py"\nbootentry = "xvda2:/k,/r"',
      { program: 'domUloader', entry: 'xvda2:/k,/r' },
    ],
    ['bootloader = "domUloader"\nbootargs = "--entry=xvda2:/k,/r"', { program: 'domUloader', entry: 'xvda2:/k,/r' }],
  ])('name it: %s', (more, wanted) => {
    const { definition, findings } = judged(more);
    expect(findings.filter(isError)).toEqual([]);
    expect(definition.bootloader).toEqual(wanted);
  });

  it('say why another is none', () => {
    expect(
      judged('bootloader = "nopxe"')
        .findings.filter(isError)
        .map(({ text: why }) => why),
    ).toEqual([
      'A PV guest has no firmware that could boot a disk. nopxe is no boot loader that is known here. Write bootloader = "pygrub", or kernel = "FILE".',
    ]);
    expect(judged('bootloader = "pygrub"\nkernel = "/k"').definition.bootloader).toBeUndefined();
  });
});
