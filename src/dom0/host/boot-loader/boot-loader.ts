/**
 * Boot loaders that definitions of paravirtual guests name: Domain 0 looks for the kernel on the guest's own disk, takes it out and starts it.
 * Sources: tools/pygrub/src/pygrub and libxl_bootloader.c of Xen 4.17; domUloader.py of SUSE's Xen 3.
 */
import {
  type DiskPart,
  Effort,
  FileSystemError,
  type FileTree,
  openFileSystem,
  partsOf,
} from '../../../formats/file-systems/index.ts';
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { type Menu, readExtlinux, readGrubCfg, readMenuLst } from './menus.ts';

/** A boot loader of Domain 0 as a definition names it. */
export interface BootLoader {
  program: 'pygrub' | 'domUloader';
  /** The entry of a menu, by number or title; of domUloader DEVICE:KERNEL,RAMDISK. */
  entry?: string;
  /** On the disk, in place of a menu's. */
  kernel?: string;
  ramdisk?: string;
  /** For the kernel, behind a menu's. */
  args?: string;
}

/** No kernel comes of it; a sentence. */
export class BootLoaderError extends Error {
  override name = 'BootLoaderError';
}

/** A disk of the guest, as its definition calls it. */
export interface GuestMedium {
  vdev: string;
  from: BlockDevice;
}

/** What the boot loader found. */
export interface Found {
  kernel: { name: string; data: Uint8Array };
  ramdisk?: { name: string; data: Uint8Array };
  cmdline: string;
  /** For people: where it was found, and what is doubtful. */
  description: string;
}

const MOST_MENU_BYTES = 2 ** 20,
  MOST_KERNEL_BYTES = 64 * 2 ** 20,
  MOST_RAMDISK_BYTES = 512 * 2 ** 20;

/** Where pygrub looks, in its order; the first one that there is counts. */
const MENUS: readonly (readonly [path: string, read: (text: string, asked?: string) => Menu])[] = [
  ...['/boot/grub/grub.cfg', '/grub/grub.cfg', '/boot/grub2/grub.cfg', '/grub2/grub.cfg'].map(
    path => [path, readGrubCfg] as const,
  ),
  ...[
    '/boot/isolinux/isolinux.cfg',
    '/boot/extlinux/extlinux.conf',
    '/boot/extlinux.conf',
    '/extlinux/extlinux.conf',
    '/extlinux.conf',
  ].map(
    path =>
      [
        path,
        (text: string, asked?: string) => readExtlinux(text, path.slice(0, path.lastIndexOf('/')), asked),
      ] as const,
  ),
  ...['/boot/grub/menu.lst', '/boot/grub/grub.conf', '/grub/menu.lst', '/grub/grub.conf'].map(
    path => [path, readMenuLst] as const,
  ),
];

const nameOf = (vdev: string, { number }: DiskPart): string =>
  number === 0 ? vdev : `${vdev}${/\d$/.test(vdev) ? 'p' : ''}${number}`;

/** `cmdline`: of the definition; it comes behind what a menu says. @throws BootLoaderError */
export function bootFromDisk(loader: BootLoader, cmdline: string, disks: readonly GuestMedium[]): Found {
  if (disks.length === 0)
    throw new BootLoaderError(
      `${loader.program} looks for the kernel on the guest's first disk, and there is none. Name one in disk.`,
    );
  return loader.program === 'pygrub' ? pygrub(loader, cmdline, disks[0]) : domUloader(loader, cmdline, disks);
}

function pygrub(loader: BootLoader, cmdline: string, { vdev, from }: GuestMedium): Found {
  const whys: string[] = [];
  const effort = new Effort(MOST_KERNEL_BYTES + MOST_RAMDISK_BYTES);
  // Two that begin in the same place are one.
  const parts = partsOf(from).filter(({ start }, i, all) => i === all.findIndex(each => each.start === start));
  // Those that are marked to start from come first.
  for (const part of [...parts.filter(({ isActive }) => isActive), ...parts.filter(({ isActive }) => !isActive)]) {
    const where = nameOf(vdev, part);
    try {
      const tree = openFileSystem(part.from, effort);
      const found = fromMenu(loader, tree, where);
      if (typeof found === 'string') whys.push(`${where} (${tree.type}): ${found}`);
      else
        return take(tree, where, { ...found, cmdline: [found.args, loader.args, cmdline].filter(Boolean).join(' ') });
    } catch (error) {
      if (!(error instanceof FileSystemError)) throw error;
      whys.push(`${where}: ${error.message}`);
    }
  }
  throw new BootLoaderError(
    `pygrub found no kernel on ${vdev}. ${whys
      .slice(0, 6)
      .map(why => why.replace(/\.?$/, '.'))
      .join(' ')} Name the kernel in kernel, or bootloader_args = [ "--kernel=/PATH" ].`,
  );
}

/** What is to start; a sentence's end: why nothing of this file system. */
function fromMenu(
  { entry, kernel, ramdisk }: BootLoader,
  tree: FileTree,
  where: string,
): { kernel: string; ramdisk?: string; args: string; description: string } | string {
  if (kernel !== undefined)
    return tree.kind(kernel) === 'file'
      ? { kernel, ...(ramdisk ? { ramdisk } : {}), args: '', description: `${kernel} of ${where}` }
      : `there is no file ${kernel}`;
  const menu = MENUS.find(([path]) => tree.kind(path) === 'file');
  if (!menu) return 'there is no grub.cfg, extlinux.conf or menu.lst';
  const [path, read] = menu;
  const { entries, chosen } = read(new TextDecoder().decode(tree.read(path, MOST_MENU_BYTES)), entry);
  const taken = entries[chosen];
  if (!taken) return `${path} has no entries`;
  if (taken.kernel === undefined) return `‘${taken.title.slice(0, 80)}’ of ${path} names no kernel`;
  return { ...taken, kernel: taken.kernel, description: `‘${taken.title.slice(0, 80)}’ of ${path} on ${where}` };
}

/** Takes the files out; a path that is not there is tried under /boot, where that is a file system of its own. @throws FileSystemError */
function take(
  tree: FileTree & { readonly needsRecovery?: boolean },
  where: string,
  { kernel, ramdisk, cmdline, description }: { kernel: string; ramdisk?: string; cmdline: string; description: string },
): Found {
  const read = (path: string, most: number): { name: string; data: Uint8Array } => {
    const inBoot = /^\/boot(\/.*)$/.exec(path)?.[1];
    const place = tree.kind(path) !== 'file' && inBoot !== undefined && tree.kind(inBoot) === 'file' ? inBoot : path;
    return { name: place, data: tree.read(place, most) };
  };
  const doubt = tree.needsRecovery ? ` ${where} was not unmounted: what is in its journal alone is missing.` : '';
  return {
    kernel: read(kernel, MOST_KERNEL_BYTES),
    ...(ramdisk ? { ramdisk: read(ramdisk, MOST_RAMDISK_BYTES) } : {}),
    cmdline,
    description: `${description} (${tree.type}).${doubt}`,
  };
}

/** `--entry=DEVICE:KERNEL,RAMDISK`. */
function domUloader({ entry = '', args = '' }: BootLoader, cmdline: string, disks: readonly GuestMedium[]): Found {
  const [, device = '', kernel, ramdisk] = /^(?:(?:\/dev\/)?([^:/,]*):)?([^,]+)(?:,(.*))?$/.exec(entry) ?? [];
  if (!kernel)
    throw new BootLoaderError(
      'domUloader needs to know the kernel: write bootentry = "xvda1:/boot/vmlinuz-xen,/boot/initrd-xen".',
    );
  const path = (text: string): string => (text.startsWith('/') ? text : `/${text}`);
  const parts = disks.flatMap(({ vdev, from }) => [
    { name: vdev, from },
    ...partsOf(from).map(part => ({ name: nameOf(vdev, part), from: part.from })),
  ]);
  // Names of old kernels represent those of today.
  const modern = device.replace(/^[hs]d(?=[a-z])/, 'xvd');
  const wanted =
    device === ''
      ? parts[parts.length > 1 ? 1 : 0]
      : parts.findLast(({ name }) => name === device || name.replace(/^[hs]d(?=[a-z])/, 'xvd') === modern);
  if (!wanted)
    throw new BootLoaderError(
      `domUloader: the guest has no ${device}. There are ${parts.map(({ name }) => name).join(', ')}.`,
    );
  try {
    return take(openFileSystem(wanted.from, new Effort(MOST_KERNEL_BYTES + MOST_RAMDISK_BYTES)), wanted.name, {
      kernel: path(kernel),
      ...(ramdisk ? { ramdisk: path(ramdisk) } : {}),
      cmdline: [args, cmdline].filter(Boolean).join(' '),
      description: `${kernel} of ${wanted.name}`,
    });
  } catch (error) {
    if (error instanceof FileSystemError) throw new BootLoaderError(`domUloader: ${wanted.name}: ${error.message}`);
    throw error;
  }
}
