/**
 * Assembles real guests from Debian packages: kernels with a busybox userland, and the firmware and tools that checks compare with.
 * Verifying and unpacking happens here; only fetching is apt's, or Node's fetch. Nothing of it is ever committed.
 */

import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { agentArchive } from './archive/agent.ts';
import { pickFiles } from './archive/deb.ts';
import { bootableDisk } from './archive/disk.ts';
import { writeExt2 } from './archive/ext2.ts';
import { grubFiles } from './archive/grub.ts';
import { readKernel } from './archive/kernel-package.ts';
import { APPLETS, buildInitramfs, MODULES } from './archive/initramfs.ts';
import { Packages } from './archive/packages.ts';
import { writeQcow2 } from './archive/qcow2.ts';
import { Apt, Archive, PackageCache, SUITE, sha256, Unavailable } from './archive/source.ts';
import { RELEASES, systemdDisk } from './archive/systemd-disk.ts';

const HELP = `npm run guests [-- OPTION…]: assembles Debian guests into .cache/guests

  --from PATH|URL   take the packages from a Debian 12 archive (the folder that holds dists and pool, or its address)
                    instead of this machine's apt; checked against the SHA-256 sums of the archive's own Release file,
                    not against its signature
  --installer       fetch Debian's installer, too (105 MB): its kernel and its first system go into .cache/installer
  --amd64           Debian of 64 bits, too (72 MB): a guest, and a disk that GRUB boots
  --agent           QEMU's guest agent with its libraries (5 MB): an initramfs to be put behind a guest's, in .cache/agent
  --systemd         disks with Debian 12 and 13 of 64 bits and systemd, with their kernels, in .cache/systemd (90 MB each)
  --refresh         ask for newer packages even if everything is there
  --help            this text

A second run with everything in place needs no network. Status: 0 done, 2 wrong use, 3 the packages cannot be had here.
`;

interface Flavour {
  flavour: string;
  /** Architecture of its packages; absent: i386. */
  architecture?: 'amd64';
  key: string;
  title: string;
  about: string;
  /** Images of SCRATCH_BYTES with an empty file system, where its definition puts them, and where they are mounted. */
  disks?: { name: string; vdev: string; device: string; folder: string }[];
  /** Network cards, as xl spells them. */
  cards?: string[];
  /** Modules that drive them, and further words for the kernel. */
  modules?: string[];
  words?: string;
  /** RAM (MEMORY_MIB). */
  memoryMiB?: number;
}

/**
 * A disk that has an IDE drive's name, and one that has none: with `unnecessary` Linux drives the first by its registers and the second by its ring
 * (xen-blkfront.c, xen_has_pv_and_legacy_disk_devices), both at once. The second card is for PV drivers alone.
 */
const OF_EACH_KIND = {
  disks: [
    { name: 'ide.qcow2', vdev: 'hda', device: 'sda', folder: 'ide' },
    { name: 'pv.qcow2', vdev: 'xvde', device: 'xvde', folder: 'pv' },
  ],
  cards: ['model=pcnet', 'type=vif'],
  modules: ['ata_piix', 'sd_mod', 'crc32c_generic', 'ext4', 'pcnet32', 'xen-blkfront', 'xen-netfront'],
  words: 'xen_emul_unplug=unnecessary',
};

const FLAVOURS: Flavour[] = [
  {
    flavour: '686',
    key: 'n',
    title: 'Debian Linux, 686',
    about: 'Debian 12, for computers without PAE: a busybox shell.',
  },
  {
    flavour: '686-pae',
    key: 'p',
    title: 'Debian Linux, 686-pae',
    about: 'Debian 12 with a disk and a card of each kind, emulated and paravirtual: a busybox shell.',
    ...OF_EACH_KIND,
  },
];

/** Those of --amd64. They come before the others: the page offers the last one first, and that is to be at its shell soon. */
const AMD64: Flavour[] = [
  {
    flavour: 'amd64',
    architecture: 'amd64',
    key: 'a',
    title: 'Debian Linux, amd64',
    about: 'Debian 12 of 64 bits with a disk and a card of each kind, emulated and paravirtual: a busybox shell.',
    ...OF_EACH_KIND,
    memoryMiB: 256,
  },
];

/** What menu.c32, vesamenu.c32, chain.c32, mboot.c32 and hdt.c32 need. */
const SYSLINUX_MODULES = ['ldlinux', 'libcom32', 'libutil', 'libgpl', 'libmenu', 'menu', 'vesamenu', 'chain', 'mboot', 'hdt'];
/** Single files of packages: where they go in the catalogue, and which they are. */
const PICKED: { set: 'firmware' | 'tools' | 'xen' | 'cds' | 'loaders'; package: string; folder: string; names: string[]; /** Does without. */ optional?: boolean }[] = [
  { set: 'firmware', package: 'seabios', folder: 'usr/share/seabios', names: ['bios.bin', 'bios-256k.bin', 'vgabios-stdvga.bin'] },
  // Boots from the network, as the ROM of a card.
  { set: 'firmware', package: 'ipxe-qemu', folder: 'usr/lib/ipxe/qemu', names: ['pxe-pcnet.rom', 'pxe-ne2k_pci.rom', 'pxe-e1000.rom', 'pxe-virtio.rom'] },
  { set: 'tools', package: 'memtest86+', folder: 'boot', names: ['memtest86+ia32.bin'] },
  // GRUB as a guest of Xen: paravirtual with PAE, and PVH.
  { set: 'xen', package: 'grub-xen-host', folder: 'usr/lib/grub-xen', names: ['grub-i386-xen.bin', 'grub-i386-xen_pvh.bin'] },
  // Xen's own loader of firmware in HVM guests: a 32-bit program, but Debian has Xen's tools for 64-bit hosts alone.
  { set: 'xen', package: 'xen-utils-4.17:amd64', folder: 'usr/lib/xen-4.17/boot', names: ['hvmloader'], optional: true },
  { set: 'cds', package: 'grub-rescue-pc', folder: 'usr/lib/grub-rescue', names: ['grub-rescue-cdrom.iso'] },
  { set: 'cds', package: 'memtest86+', folder: 'usr/lib/memtest86+', names: ['memtest86+ia32.iso'] },
  // Boot loaders, from which checks put disks and CDs together.
  { set: 'loaders', package: 'isolinux', folder: 'usr/lib/ISOLINUX', names: ['isolinux.bin'] },
  { set: 'loaders', package: 'pxelinux', folder: 'usr/lib/PXELINUX', names: ['pxelinux.0', 'lpxelinux.0'] },
  { set: 'loaders', package: 'syslinux-common', folder: 'usr/lib/syslinux/modules/bios', names: SYSLINUX_MODULES.map(name => `${name}.c32`) },
  { set: 'loaders', package: 'syslinux-common', folder: 'usr/lib/syslinux', names: ['memdisk'] },
  { set: 'loaders', package: 'ipxe', folder: 'usr/lib/ipxe', names: ['undionly.kpxe'], optional: true },
  { set: 'loaders', package: 'ipxe', folder: 'boot', names: ['ipxe.lkrn'], optional: true },
  { set: 'loaders', package: 'grub-legacy', folder: 'usr/lib/grub/i386-pc', names: ['stage1', 'stage2', 'stage2_eltorito'] },
];
/** Debian's installer as it starts from a network, with its menus in text. */
const INSTALLER = {
  package: 'debian-installer-12-netboot-i386',
  folder: 'usr/lib/debian-installer/images/12/i386/text/debian-installer/i386',
  names: ['linux', 'initrd.gz'],
};
const MEMORY_MIB = 128;
/** Of a guest's own disks. */
const SCRATCH_BYTES = 64 << 20;
const SPARSE_BYTES = 1 << 16;

/** The disks: GRUB and Linuxes on one partition, most of it free. */
const DISK = { name: 'debian-disk.img', bytes: 128 << 20, label: 'debian', signature: 'Ringside disk 1\n' };
const AMD64_DISK = { name: 'debian-amd64-disk.img', bytes: 128 << 20, label: 'debian', signature: 'Ringside disk 2\n' };
/** What the installed system's kernels load when they start: the disk and what is on it, the CD, the network card. */
const DISK_MODULES = 'ata_piix,sd_mod,sr_mod,crc32c_generic,ext4,isofs,pcnet32';

const menu = (flavours: readonly Flavour[]) => `# Menu on screen and serial line; a letter starts its entry at once.
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=3
set default=0
${flavours.map(
  ({ flavour, title, key }) => `
menuentry '${title}' --hotkey=${key} {
  linux /boot/vmlinuz-${flavour} console=tty0 console=ttyS0,115200 cryptomgr.notests mods=${DISK_MODULES}
  initrd /boot/initrd-${flavour}
}
`,
).join('')}`;

interface FileEntry {
  /** Name within the guest's folder, and path within .cache/guests. */
  name: string;
  path: string;
  bytes: number;
  sha256: string;
}

/** .cache/guests/catalogue.json: what is there. Guests are offered to people; firmware and tools are for checks and measurements. */
export interface Catalogue {
  /** Changes when the same packages would be put together in another way. */
  recipe: string;
  packages: { [name: string]: string };
  /** `files`: what the definition needs, it included; `extra`: further files of the same folder. `bytes` counts `files`. */
  guests: { id: string; title: string; about: string; bytes: number; files: FileEntry[]; extra: FileEntry[] }[];
  firmware: FileEntry[];
  tools: FileEntry[];
  /** Kernels that only a Xen host starts. */
  xen: FileEntry[];
  /** Bootable CD images. */
  cds: FileEntry[];
  /** Parts of boot loaders. */
  loaders: FileEntry[];
  /** Bootable disk images. */
  disks: FileEntry[];
}

/** How far it is, for the program that serves the page meanwhile (scripts/start.mjs). */
export interface Coming {
  /** What is being done, for people. */
  text: string;
  /** Packages that are there, of `of` in all. */
  done: number;
  of: number;
  /** The guests that are whole, and the folder in which their files lie until all are there. */
  guests: Catalogue['guests'];
  folder: string;
}

/** Where somebody has started this program to hear of it. */
function tell(coming: Coming | { problem: string }): void {
  process.send?.(coming);
}

const definition = ({ flavour, disks = [], cards = [], modules = [], words, memoryMiB = MEMORY_MIB }: Flavour, release: string) => {
  const cmdline = [
    'console=tty0 console=ttyS0,115200 cryptomgr.notests',
    ...(words ? [words] : []),
    ...(modules.length > 0 ? [`mods=${modules.join(',')}`] : []),
    ...(disks.length > 0 ? [`mount=${disks.map(({ device, folder }) => `${device}:${folder}`).join(',')}`] : []),
    ...(cards.length > 0 ? ['dhcp=1'] : []),
  ].join(' ');
  return `# Debian 12's Linux ${release} with a busybox userland in memory; made by npm run guests.
name = "debian-${flavour}"
type = "hvm"
memory = ${memoryMiB}
vcpus = 1
kernel = "vmlinuz"
ramdisk = "${ramdiskOf({ modules })}"
# The shell is on the last console named; a second one is on the screen. Without notests the kernel first tries out all its ciphers (most of the boot).
cmdline = "${cmdline}"
serial = "pty"
${disks.length > 0 ? `disk = [ ${disks.map(({ name, vdev }) => `"${name},qcow2,${vdev},w"`).join(', ')} ]\n` : ''}${cards.length > 0 ? `vif = [ ${cards.map(card => `"${card}"`).join(', ')} ]\n` : ''}`;
};

/** The one with all modules is for guests that need some. */
const ramdiskOf = ({ modules = [] }: Pick<Flavour, 'modules'>): string => (modules.length > 0 ? 'initrd-modules' : 'initrd');

/** An empty file system: most of it is nowhere in the image. */
const scratchDisk = (label: string): Uint8Array =>
  writeQcow2(writeExt2(SCRATCH_BYTES, new Map(), { label, uuid: new TextEncoder().encode(`Ringside ${label}`.padEnd(16)) }));

/** `root`: the repository. Returns the exit status. */
export async function main(argv: string[], root: string): Promise<number> {
  let from: string | undefined;
  let refresh = false,
    installer = false,
    agent = false,
    systemd = false,
    amd64 = false;
  for (let i = 0; i < argv.length; i++) {
    const [word, value] = argv[i].split(/=(.*)/s);
    if (word === '--help' || word === '-h') {
      process.stdout.write(HELP);
      return 0;
    }
    if (word === '--refresh') refresh = true;
    else if (word === '--installer') installer = true;
    else if (word === '--amd64') amd64 = true;
    else if (word === '--agent') agent = true;
    else if (word === '--systemd') systemd = true;
    else if (word === '--from') {
      from = value ?? argv[++i];
      if (!from) return wrongUse('--from takes a folder or an address');
    } else return wrongUse(`unknown option ${argv[i]}`);
  }
  const folder = join(root, '.cache', 'guests');
  try {
    const flavours = amd64 || hasAmd64(folder) ? [...AMD64, ...FLAVOURS] : FLAVOURS;
    const catalogue = refresh ? undefined : intact(folder, flavours);
    const source = from ? new Archive(from) : new Apt(join(root, '.cache', 'apt'));
    const progress: Coming = { text: '', done: 0, of: new Set(PICKED.map(({ package: name }) => name)).size + flavours.length + 2, guests: [], folder: '' };
    const told = (text: string): void => {
      say(`guests: ${text}`);
      progress.text = text;
      tell(progress);
    };
    const packages = new Packages(source, new PackageCache(join(root, '.cache', 'packages')), refresh || from !== undefined, told);
    if (installer) await fetchInstaller(join(root, '.cache', 'installer'), packages, refresh);
    if (agent) await fetchAgent(join(root, '.cache', 'agent'), packages, refresh);
    if (systemd) await makeSystemdDisks(root, from, refresh, told);
    if (catalogue) {
      const count = Object.values(catalogue.packages).length;
      say(`guests: everything is there (${catalogue.guests.map(guest => guest.id).join(', ')}; from ${count} packages). --refresh looks for newer ones.`);
      return 0;
    }
    await assemble(folder, flavours, packages, progress, told);
    return 0;
  } catch (error) {
    tell({ problem: (error as Error).message });
    if (!(error instanceof Unavailable)) throw error;
    process.stderr.write(
      `guests: ${error.message}.\n` +
        'Name a Debian 12 archive with i386 packages: npm run guests -- --from PATH|URL (the folder that holds dists and pool).\n' +
        'Without guests Ringside still has its own demo guest, and takes any kernel and initrd that you drop on it.\n',
    );
    return 3;
  }
}

function wrongUse(why: string): number {
  process.stderr.write(`guests: ${why}. npm run guests -- --help lists the options.\n`);
  return 2;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a file without storing what is all zeros: most of a disk. */
function writeSparse(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, bytes.length);
  for (let at = 0; at < bytes.length; at += SPARSE_BYTES) {
    const piece = bytes.subarray(at, at + SPARSE_BYTES);
    if (piece.some(byte => byte !== 0)) for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done, piece.length - done, at + done);
  }
  closeSync(fd);
}

/** A hash of all that decides how packages become guests. */
function recipe(flavours: readonly Flavour[]): string {
  const initrd = buildInitramfs({ busybox: new Uint8Array(), hostname: 'recipe' });
  const parts = [...APPLETS, ...MODULES, JSON.stringify([flavours, PICKED, DISK]), ...flavours.map(each => definition(each, '')), menu(FLAVOURS), process.versions.zlib];
  return sha256(Buffer.concat([initrd, Buffer.from(parts.join('\n'))])).slice(0, 16);
}

/** Whether an earlier run had --amd64: what somebody fetched once comes again. */
function hasAmd64(folder: string): boolean {
  try {
    const { guests }: Catalogue = JSON.parse(readFileSync(join(folder, 'catalogue.json'), 'utf8'));
    return guests.some(({ id }) => AMD64.some(({ flavour }) => id === `debian-${flavour}`));
  } catch {
    return false;
  }
}

/** The catalogue of an earlier run, if all its files are as they were. */
function intact(folder: string, flavours: readonly Flavour[]): Catalogue | undefined {
  const path = join(folder, 'catalogue.json');
  if (!existsSync(path)) return undefined;
  let catalogue: Catalogue;
  try {
    catalogue = JSON.parse(readFileSync(path, 'utf8'));
    if (catalogue.recipe !== recipe(flavours)) return undefined;
    const files = [...catalogue.guests.flatMap(guest => [...guest.files, ...guest.extra]), ...PICKED.flatMap(({ set }) => catalogue[set]), ...catalogue.disks];
    const whole = files.every(file => existsSync(join(folder, file.path)) && sha256(readFileSync(join(folder, file.path))) === file.sha256);
    return whole ? catalogue : undefined;
  } catch {
    return undefined;
  }
}

/** The last file that is written names the package: where it is, all is. */
async function fetchInstaller(folder: string, packages: Packages, refresh: boolean): Promise<void> {
  const mark = join(folder, 'package');
  if (existsSync(mark) && !refresh) return;
  const deb = await packages.get(INSTALLER.package);
  say(`guests: unpacking ${INSTALLER.package}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = await pickFiles(
    deb,
    INSTALLER.names.map(name => `${INSTALLER.folder}/${name}`),
  );
  for (const [path, bytes] of files) writeFileSync(join(folder, path.replace(/^.*\//, '')), bytes);
  writeFileSync(mark, `${INSTALLER.package} ${packages.versions[INSTALLER.package]}\n`);
}

async function fetchAgent(folder: string, packages: Packages, refresh: boolean): Promise<void> {
  const path = join(folder, 'initrd');
  if (existsSync(path) && !refresh) return;
  const archive = await agentArchive(packages);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${path}.new`, archive);
  renameSync(`${path}.new`, path);
  say(`guests: QEMU's guest agent ${packages.versions['qemu-guest-agent']} is in .cache/agent`);
}

/**
 * A folder for each release, with disk.img, vmlinuz, initrd and about.json, the last file that is written: where it is, all is.
 * A release that the archive does not have is left out, and named.
 */
async function makeSystemdDisks(root: string, from: string | undefined, refresh: boolean, told: (text: string) => void): Promise<void> {
  const cache = join(root, '.cache');
  for (const release of RELEASES) {
    const { version, suite } = release;
    const folder = join(cache, 'systemd', `debian-${version}`);
    const mark = join(folder, 'about.json');
    if (existsSync(mark) && !refresh) continue;
    const own = suite === SUITE ? '' : suite;
    const source = from ? new Archive(from, suite) : new Apt(join(cache, 'apt'), own || undefined);
    const packages = new Packages(source, new PackageCache(join(cache, 'packages', own)), refresh || from !== undefined, told);
    try {
      const { disk, kernel, initrd, cmdline, release: kernelRelease } = await systemdDisk(release, packages);
      rmSync(mark, { force: true });
      mkdirSync(folder, { recursive: true });
      writeSparse(join(folder, 'disk.img'), disk);
      writeFileSync(join(folder, 'vmlinuz'), kernel);
      writeFileSync(join(folder, 'initrd'), initrd);
      writeFileSync(mark, `${JSON.stringify({ version, suite, kernel: kernelRelease, cmdline }, null, 1)}\n`);
      say(`guests: Debian ${version} with systemd is in .cache/systemd/debian-${version}, Linux ${kernelRelease}`);
    } catch (error) {
      if (!(error instanceof Unavailable) || suite === SUITE) throw error;
      say(`guests: without Debian ${version}: ${error.message}.`);
    }
  }
}

/** The callback is called when a step begins. */
async function assemble(folder: string, flavours: readonly Flavour[], packages: Packages, progress: Coming, told: (text: string) => void): Promise<void> {
  // Put together next to the old ones and exchanged at the end: a reader meanwhile sees all of the old or all of the new.
  const temporary = `${folder}.${process.pid}`;
  rmSync(temporary, { recursive: true, force: true });
  try {
    const write = (path: string, data: Uint8Array | string): FileEntry => {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
      mkdirSync(dirname(join(temporary, path)), { recursive: true });
      writeSparse(join(temporary, path), bytes);
      return { name: path.replace(/^.*\//, ''), path, bytes: bytes.length, sha256: sha256(bytes) };
    };
    const catalogue: Catalogue = { recipe: recipe(flavours), packages: packages.versions, guests: [], firmware: [], tools: [], xen: [], cds: [], loaders: [], disks: [] };
    progress.folder = temporary;
    const seen = new Set<string>();
    const get = async (name: string): Promise<Uint8Array> => {
      const deb = await packages.get(name);
      progress.done = seen.add(name).size;
      return deb;
    };
    const onDisk = new Map<string, Uint8Array>();
    for (const each of flavours) {
      const { flavour, architecture, title, about, disks = [] } = each;
      const id = `debian-${flavour}`,
        of = architecture === undefined ? '' : `:${architecture}`;
      const busybox = (await pickFiles(await get(`busybox-static${of}`), ['bin/busybox'])).get('bin/busybox')!;
      const image = await packages.kernelOf(`linux-image-${flavour}${of}`);
      const deb = await get(`${image}${of}`);
      told(`unpacking ${image}`);
      const { release, kernel, modules } = await readKernel(image, deb);
      const withModules = buildInitramfs({ busybox, hostname: id, modules });
      const ramdisks = [write(`${id}/initrd`, buildInitramfs({ busybox, hostname: id })), write(`${id}/initrd-modules`, withModules)];
      const isIts = ({ name }: FileEntry): boolean => name === ramdiskOf(each);
      const files = [
        write(`${id}/${id}.cfg`, definition(each, release)),
        write(`${id}/vmlinuz`, kernel),
        ...ramdisks.filter(isIts),
        ...disks.map(({ name, folder: label }) => write(`${id}/${name}`, scratchDisk(label))),
      ];
      const extra = ramdisks.filter(file => !isIts(file));
      onDisk.set(`boot/vmlinuz-${flavour}`, kernel).set(`boot/initrd-${flavour}`, withModules);
      catalogue.guests.push({
        id,
        title,
        about: `${about} Linux ${release}.`,
        bytes: files.reduce((sum, file) => sum + file.bytes, 0),
        files,
        extra,
      });
      // The program that serves the page offers it from here on.
      progress.guests = catalogue.guests;
      told(`${id} is there`);
    }
    for (const { set, package: name, folder: place, names, optional } of PICKED) {
      const deb = await get(name).catch(error => {
        if (!optional || !(error instanceof Unavailable)) throw error;
        say(`guests: without ${names.join(', ')}: ${error.message}.`);
      });
      if (!deb) continue;
      const files = await pickFiles(
        deb,
        names.map(file => `${place}/${file}`),
      );
      for (const [path, bytes] of files) catalogue[set].push(write(path.replace(/^.*\//, `${set}/`), bytes));
    }
    const grub = await grubFiles(await get('grub-pc-bin'));
    for (const [disk, its] of [[DISK, FLAVOURS] as const, [AMD64_DISK, AMD64] as const]) {
      const files = new Map([...onDisk].filter(([path]) => its.some(({ flavour }) => path.endsWith(`-${flavour}`))));
      if (files.size === 0) continue;
      told(`making ${disk.name}`);
      const uuid = new TextEncoder().encode(disk.signature);
      catalogue.disks.push(write(`disks/${disk.name}`, bootableDisk({ ...disk, grub, config: menu(its), files, uuid })));
    }
    writeFileSync(join(temporary, 'catalogue.json'), `${JSON.stringify(catalogue, null, 1)}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    const count = catalogue.guests.length;
    say(
      `guests: ${count} guests are in .cache/guests (${catalogue.guests.map(guest => `${guest.id}, ${Math.round(guest.bytes / 1e6)} MB`).join('; ')})`,
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
