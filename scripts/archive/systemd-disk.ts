/** Disks with Debian of 64 bits and systemd, for `npm run guests -- --systemd`; and what the same system is started from without GRUB. */

import { isXz } from '../../src/formats/unpack/magic.ts';
import { unxz } from '../../src/formats/unpack/xz.ts';
import { FILE, PROGRAM } from '../../src/formats/file-systems/cpio.ts';
import { pickFiles } from './deb.ts';
import { readKernel } from './kernel-package.ts';
import { debianSystem, type Tree } from './debian-system.ts';
import { bootableDisk } from './disk.ts';
import { grubFiles } from './grub.ts';
import { buildInitramfs, MODULES } from './initramfs.ts';
import { localSource, withDependencies } from './local-source.ts';
import { moduleDependencies, moduleName } from './modules.ts';
import type { Packages } from './packages.ts';
import { fullName, Unavailable } from './source.ts';
import init from './system-init.sh?raw';

export interface Release {
  version: number;
  suite: string;
}

/** By Debian's number. */
export const RELEASES: readonly Release[] = [
  { version: 12, suite: 'bookworm' },
  { version: 13, suite: 'trixie' },
];

/** What a system has besides the packages of priority `required`. */
const SYSTEM = ['apt', 'dbus', 'init', 'iproute2', 'iputils-ping', 'kmod', 'libpam-systemd', 'netbase', 'systemd-sysv', 'udev'];
/** On the disk as an archive of their own: apt installs them. The second is a program of 32 bits. */
const TO_INSTALL = ['hello:amd64', 'busybox-static'];
const ARCHIVE = 'srv/archive';
/** Modules that udev and systemd ask for. */
const MORE_MODULES = ['autofs4', 'button', 'evdev', 'fuse', 'psmouse'];
const BYTES = 512 << 20;
/** Of the disk; the card is udev's. */
const DISK_MODULES = 'ata_piix,sd_mod,xen-blkfront,crc32c_generic,ext4';

export interface SystemdDisk {
  disk: Uint8Array;
  kernel: Uint8Array;
  initrd: Uint8Array;
  /** The kernel's command line without its consoles. */
  cmdline: string;
  /** Of the kernel. */
  release: string;
}

/** @throws Unavailable where packages are not available. */
export async function systemdDisk({ version, suite }: Release, packages: Packages): Promise<SystemdDisk> {
  const all = await packages.all('amd64');
  const required = all.filter(fields => fields.get('Priority') === 'required').map(fields => fields.get('Package')!);
  const debs: Uint8Array[] = [];
  for (const fields of withDependencies(all, [...required, ...SYSTEM])) debs.push(await packages.get(fullName(fields)));
  const label = `debian${version}`;
  const tree = await debianSystem(debs, { hostname: label, label, foreign: 'i386' });
  await addArchive(tree, suite, [...all, ...(await packages.all())], packages);

  const image = await packages.kernelOf('linux-image-amd64:amd64');
  const { release, kernel, modules, lists } = await readKernel(image, await packages.get(`${image}:amd64`));
  for (const [path, data] of lists) tree.set(`usr/${path.replace(/^usr\//, '')}`, { mode: FILE, data });
  const needed = withNeeded(modules);
  for (const [path, data] of needed) tree.set(`usr/${path.replace(/^usr\//, '')}`, { mode: FILE, data });
  const busybox = await pickFiles(await packages.get('busybox-static:amd64'), [version < 13 ? 'bin/busybox' : 'usr/bin/busybox']);
  const initrd = buildInitramfs({
    busybox: [...busybox.values()][0],
    hostname: label,
    modules: needed,
    more: [{ path: 'init', mode: PROGRAM, data: new TextEncoder().encode(init) }],
  });
  const cmdline = `root=LABEL=${label} mods=${DISK_MODULES} cryptomgr.notests`;
  tree.set('boot/vmlinuz', { mode: FILE, data: kernel }).set('boot/initrd', { mode: FILE, data: initrd });

  const grub = await grubFiles(await packages.get('grub-pc-bin:amd64'));
  const uuid = new TextEncoder().encode(`Ringside Deb. ${version}`);
  const disk = bootableDisk({ bytes: BYTES, grub, config: menu(version, cmdline), files: tree, label, uuid });
  return { disk, kernel, initrd, cmdline, release };
}

/** `w`: a guest of Xen keeps the drive and the card of a PC. GRUB has `e` and `c` for itself (menu.c, run_menu). */
const menu = (version: number, cmdline: string): string => `serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=2
set default=0
${[
  ['d', `Debian ${version}`, ''],
  ['w', `Debian ${version} without Xen's drivers`, ' xen_emul_unplug=never'],
]
  .map(
    ([key, title, words]) => `
menuentry "${title}" --hotkey=${key} {
  linux /boot/vmlinuz ${cmdline} console=tty0 console=ttyS0,115200${words}
  initrd /boot/initrd
}
`,
  )
  .join('')}`;

/** An archive on the disk, and apt's list entry for it. */
async function addArchive(tree: Tree, suite: string, all: readonly ReadonlyMap<string, string>[], packages: Packages): Promise<void> {
  const local: { fields: ReadonlyMap<string, string>; bytes: Uint8Array }[] = [];
  for (const name of TO_INSTALL) {
    const fields = all.find(each => fullName(each) === name);
    if (!fields) throw new Unavailable(`there is no package ${name}`);
    local.push({ fields, bytes: await packages.get(name) });
  }
  for (const { path, data } of localSource(suite, local)) tree.set(`${ARCHIVE}/${path.join('/')}`, { mode: FILE, data: data as Uint8Array });
  tree.set('etc/apt/sources.list', { mode: FILE, data: new TextEncoder().encode(`deb [trusted=yes] file:/${ARCHIVE} ${suite} main\n`) });
}

/** Those modules that drive what a machine here has, with all that they need, unpacked. */
function withNeeded(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const paths = new Map([...files.keys()].map(path => [moduleName(path), path]));
  const needed = new Map<string, Uint8Array>();
  const add = (name: string): void => {
    const path = paths.get(moduleName(name));
    if (!path || needed.has(path)) return;
    const file = files.get(path)!;
    const data = isXz(file) ? unxz(file) : file;
    needed.set(path, data);
    for (const other of moduleDependencies(data)) add(other);
  };
  for (const name of [...MODULES, ...MORE_MODULES]) add(name);
  return needed;
}
