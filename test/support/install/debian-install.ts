/**
 * Debian installed onto a disk by its own tools, from a CD with its packages.
 *
 * debian-installer would fetch its parts as packages of another kind (.udeb), most of which the archive at hand lacks. What it does with them is done here
 * by the same programs from ordinary packages: Debian's kernel starts with a first system of busybox, dpkg, debootstrap, sfdisk and e2fsprogs, and a script.
 */

import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type CpioEntry, FILE, FOLDER, LINK, PROGRAM } from '../../../src/formats/file-systems/cpio.ts';
import { pickFiles, readDeb } from '../../../scripts/archive/deb.ts';
import { buildInitramfs } from '../../../scripts/archive/initramfs.ts';
import { localSource, withDependencies } from '../../../scripts/archive/local-source.ts';
import { Packages } from '../../../scripts/archive/packages.ts';
import { Apt, Archive, PackageCache } from '../../../scripts/archive/source.ts';
import { makeCd } from '../../../src/formats/file-systems/make-cd.ts';
import { file } from '../needs.ts';
import unattended from './unattended.sh?raw';

const SUITE = 'bookworm';
/** debootstrap takes it in the place of the program that moves /bin into /usr in older systems. */
const MERGED = 'usr-is-merged';
/** What makes of the base system one that boots. */
const SYSTEM = ['linux-image-686', 'initramfs-tools', 'grub-pc', 'sysvinit-core', 'ifupdown'];
/** Programs of the installer that busybox does not have, or not as they are needed. */
const INSTALLER = ['coreutils', 'dash', 'dpkg', 'e2fsprogs', 'fdisk', 'perl-base'];
/** Of their packages, what no program reads. */
const UNREAD = /^usr\/(share\/(doc|man|info|locale|lintian|bash-completion)|lib\/i386-linux-gnu\/gconv)\//;

export interface Install {
  kernel: string;
  initrd: string;
  cd: string;
  disk: string;
  packages: number;
}

/** Fetches packages and makes of them the CD, the installer and an empty disk in a folder. @throws Unavailable where Debian's packages are not available. */
export async function prepareInstall(folder: string, diskBytes: number, say: (text: string) => void): Promise<Install> {
  const from = process.env.RINGSIDE_ARCHIVE;
  const source = from ? new Archive(from) : new Apt(file('.cache/apt'));
  const packages = new Packages(source, new PackageCache(file('.cache/packages')), from !== undefined, say);
  const all = await packages.all();
  const required = all.filter(fields => fields.get('Priority') === 'required').map(fields => fields.get('Package')!);
  const system = withDependencies(all, [MERGED, ...required, 'apt', ...SYSTEM]);
  const onCd: { fields: ReadonlyMap<string, string>; bytes: Uint8Array }[] = [];
  for (const fields of system) onCd.push({ fields, bytes: await packages.get(fields.get('Package')!) });

  const path = (name: string) => join(folder, name);
  mkdirSync(folder, { recursive: true });
  const cd = openSync(path('packages.iso'), 'w');
  for (const part of makeCd(localSource(SUITE, onCd), 'DEBIAN').parts) writeSync(cd, part as Uint8Array);
  closeSync(cd);

  const image = await packages.get(
    system.map(fields => fields.get('Package')!).find(name => /^linux-image-\d+\./.test(name))!,
  );
  let kernel: Uint8Array | undefined;
  const modules = new Map<string, Uint8Array>();
  for (const { path: name, type, data } of await readDeb(image)) {
    if (type !== 'file') continue;
    if (name.startsWith('boot/vmlinuz-')) kernel = data;
    else if (name.endsWith('.ko')) modules.set(name, data);
  }
  const more = new Map<string, CpioEntry>();
  const programs = withDependencies(all, INSTALLER).map(fields => fields.get('Package')!);
  for (const name of [...programs, 'debootstrap'])
    for await (const entry of entriesOf(await packages.get(name))) more.set(entry.path, entry);
  const text = (value: string) => new TextEncoder().encode(value);
  // busybox's own shell, and its chroot, would take its applets before any program.
  more.set('bin/sh', { path: 'bin/sh', mode: LINK, data: text('dash') });
  more.set('install', { path: 'install', mode: PROGRAM, data: text(unattended) });
  more.set('packages', { path: 'packages', mode: FILE, data: text(SYSTEM.join(' ')) });
  const busybox = (await pickFiles(await packages.get('busybox-static'), ['bin/busybox'])).get('bin/busybox')!;
  writeFileSync(path('initrd'), buildInitramfs({ busybox, hostname: 'installer', modules, more: [...more.values()] }));
  writeFileSync(path('vmlinuz'), kernel!);
  writeFileSync(path('disk.img'), '');
  truncateSync(path('disk.img'), diskBytes);
  return {
    kernel: path('vmlinuz'),
    initrd: path('initrd'),
    cd: path('packages.iso'),
    disk: path('disk.img'),
    packages: onCd.length,
  };
}

const FILE_TYPE = 0o170000;

/** A package's files, folders and links, as if dpkg had unpacked it. */
async function* entriesOf(deb: Uint8Array): AsyncGenerator<CpioEntry> {
  for (const { path, type, data, target, isHardLink, permissions } of await readDeb(deb)) {
    if (UNREAD.test(path) || path === '') continue;
    const mode = (like: number) => (like & FILE_TYPE) | permissions;
    if (type === 'folder') yield { path: path.replace(/\/$/, ''), mode: mode(FOLDER) };
    else if (type === 'link')
      yield { path, mode: LINK, data: new TextEncoder().encode(isHardLink ? target.replace(/^\.?\/?/, '/') : target) };
    else if (type === 'file') yield { path, mode: mode(FILE), data };
  }
}
