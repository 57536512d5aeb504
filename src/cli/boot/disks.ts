/** --disk and --cdrom: image files as drives on the IDE channels. */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HEAD_BYTES, imageKind as kindOf, type ImageKind, imageProblem, isBootable } from '../../dom0/images.ts';
import { bootPaths, ideName, type NamedImage, type PlannedDrive } from '../../dom0/plan.ts';
import type { Later } from '../../dom0/runner.ts';
import { MediumDisk } from '../../dom0/storage/medium-disk.ts';
import { Storage, StorageError } from '../../dom0/storage/storage.ts';
import { type OpenDrive, savedDisks } from '../../dom0/toolstack/disks.ts';
import type { Boot, SavedState } from '../../hypervisor/index.ts';
import { type DiskSource, OverlayDisk } from '../../hypervisor/disks/overlay-disk.ts';
import type { SavedDrive } from '../../hypervisor/disks/saved-disks.ts';
import { UsageError } from './options.ts';

const CD_SECTOR_BYTES = 2048;
/** The secondary channel's master: where PCs of the time had their CD-ROM drive. */
const CD_PLACE = 2;

interface Image {
  name: string;
  fd: number;
  bytes: number;
  /** Its first bytes, for a look at what it is. */
  head: Buffer;
}

function open(path: string, option: string, flags: 'r' | 'r+' = 'r'): Image {
  let fd = -1;
  try {
    fd = openSync(path, flags);
    const status = fstatSync(fd);
    if (status.isDirectory()) throw new UsageError(`${path} is a folder; name an image file (${option}).`);
    const head = Buffer.alloc(Math.min(status.size, HEAD_BYTES));
    readSync(fd, head, 0, head.length, 0);
    return { name: path, fd, bytes: status.size, head };
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`${path} does not exist; check the path (${option}).`);
    throw new UsageError(`${path} cannot be ${flags === 'r' ? 'read' : 'written'} (${code}) (${option}).`);
  }
}

/** Whether FILE is a disk image or an ISO; undefined: something else, a kernel or a definition. */
export function imageKind(path: string): 'disk' | 'cdrom' | undefined {
  let image: Image;
  try {
    image = open(path, 'FILE');
  } catch {
    // Whoever reads it next says why.
    return undefined;
  }
  closeSync(image.fd);
  return kindOf(path, image.head);
}

function source(image: Image, writes: boolean): DiskSource {
  const { fd, bytes } = image;
  const whole = (move: (from: number) => number, length: number): boolean => {
    try {
      for (let at = 0; at < length; ) {
        const count = move(at);
        if (count <= 0) return false;
        at += count;
      }
      return true;
    } catch {
      return false;
    }
  };
  return {
    bytes,
    read: (at, into) => whole(from => readSync(fd, into, from, into.length - from, at + from), into.length),
    ...(writes
      ? {
          write: (at: number, from: Uint8Array) => whole(start => writeSync(fd, from, start, from.length - start, at + start), from.length),
          flush: () => {
            fsyncSync(fd);
            return true;
          },
        }
      : {}),
  };
}

/** The host's devices, where --state names its storage. */
export interface HostDevices {
  storage: Storage;
  say: (sentence: string) => void;
}

const later: Later = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

/** @throws UsageError with xend's or LVM2's words where there is no such device, or somebody has it */
function openDevice({ storage, say }: HostDevices, path: string, who: string, readOnly: boolean, sectorBytes = 512): MediumDisk {
  const { medium } = said(() => storage.open(path, who, !readOnly));
  return new MediumDisk({ medium, label: path, sectorBytes, readOnly, later, say });
}

function said<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (error instanceof StorageError) throw new UsageError(error.message);
    throw error;
  }
}

/** "F", "F,ro" or "F,rw": without a word writes go to memory and are gone at the end. */
function openDisk(text: string, devices: HostDevices | undefined): OverlayDisk | MediumDisk {
  const match = /^(.*),(ro|rw)$/s.exec(text);
  const path = match ? match[1] : text;
  const mode = match?.[2];
  if (path.startsWith('phy:')) {
    if (!devices) throw new UsageError(`${path} is a device of a host's own disk, and there is none. Add --state DIR, the directory that it is kept in.`);
    return openDevice(devices, path.slice(4), 'this guest', mode === 'ro');
  }
  const image = open(path, '--disk', mode === 'rw' ? 'r+' : 'r');
  whole(image, 'disk');
  return new OverlayDisk(source(image, mode === 'rw'), { readOnly: mode === 'ro', label: text });
}

/** @throws UsageError for an image that is cut short, or none */
function whole({ name, head, bytes }: Image, kind: ImageKind): void {
  const problem = imageProblem(name, kind, head, bytes);
  if (problem) throw new UsageError(problem.text.replace(/\.$/, ` (--${kind}).`));
}

function openCd(path: string): OverlayDisk {
  const image = open(path, '--cdrom');
  whole(image, 'cdrom');
  return new OverlayDisk(source(image, false), { sectorBytes: CD_SECTOR_BYTES, readOnly: true, label: path });
}

/** Opens what --disk and --cdrom name: on the IDE channels of PCs and HVM guests, as xvda to xvdd of others. @throws UsageError */
export function openDrives(disks: string[], cdrom: string | undefined, type?: 'hvm' | 'pvh' | 'pv', devices?: HostDevices): OpenDrive[] {
  const isVirtual = type === 'pvh' || type === 'pv';
  const places = [0, 1, 2, 3].filter(place => cdrom === undefined || place !== CD_PLACE);
  if (disks.length > places.length)
    throw new UsageError(`There are ${disks.length} disks, and there is room for ${places.length} here. Leave one out.`);
  const drive = (place: number, kind: ImageKind, disk: OverlayDisk | MediumDisk): OpenDrive => {
    const { readOnly, label } = disk;
    return { place: isVirtual ? -1 : place, vdev: isVirtual ? `xvd${'abcd'[place]}` : ideName(place), kind, readOnly, target: label, disk };
  };
  const drives = disks.map((text, i) => drive(places[i], 'disk', openDisk(text, devices)));
  if (cdrom !== undefined) drives.push(drive(CD_PLACE, 'cdrom', openCd(cdrom)));
  return drives;
}

/**
 * The drives of a saved domain: where it had them, or where --disk and --cdrom say they are now. `emulated`: as its emulated controller had them.
 * @throws UsageError, SavedStateError
 */
export function savedDrives(
  { about, toolstack }: SavedState,
  emulated: readonly SavedDrive[],
  disks: string[],
  cdrom: string | undefined,
  devices?: HostDevices,
): OpenDrive[] {
  const virtual = savedDisks(toolstack)?.disks ?? [];
  const all = [
    ...emulated.map(({ place, kind, bytes, label }) => {
      const { vdev, readOnly } = virtual.find(disk => disk.place === place) ?? { vdev: ideName(place), readOnly: kind === 'cdrom' };
      return { place, kind, bytes, label, vdev, readOnly };
    }),
    ...virtual.filter(({ place }) => place < 0).map(({ vdev, readOnly, drive: { kind, bytes, label } }) => ({ place: -1, kind, bytes, label, vdev, readOnly })),
  ].filter(({ bytes }) => bytes >= 0);
  const labels = (kind: SavedDrive['kind']): string[] => all.filter(drive => drive.kind === kind).map(({ label }) => (devices && Storage.isDevice(label) ? `phy:${label}` : label));
  // What it was called, and whether it may be written, is as it was.
  return openDrives(disks.length > 0 ? disks : labels('disk'), cdrom ?? labels('cdrom')[0], about.xen, devices).map((drive, i) => {
    const before = all.filter(({ kind }) => kind === drive.kind)[i] ?? all.find(({ kind }) => kind === drive.kind);
    return before ? { ...drive, vdev: before.vdev, place: before.place, readOnly: before.readOnly } : drive;
  });
}

/** An image that a definition names, as far as it is looked at before it is used; or why it cannot be had. */
export function lookAtImage(path: string, devices?: HostDevices): NamedImage | string {
  try {
    if (devices && Storage.isDevice(path)) {
      const medium = said(() => devices.storage.medium(path));
      const head = new Uint8Array(Math.min(medium.bytes, HEAD_BYTES));
      medium.read(0, head);
      return { name: path, head, bytes: medium.bytes };
    }
    const { fd, head, bytes } = open(path, 'disk');
    closeSync(fd);
    return { name: path, head, bytes };
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** The drives of the definition of `name`. What the guest writes to a file is kept in memory, and to a device of the host there. @throws UsageError */
export function openPlanned(drives: readonly PlannedDrive[], name: string, devices?: HostDevices): OpenDrive[] {
  return drives.map(({ place, vdev, kind, readOnly, image }): OpenDrive => {
    const drive = { place, vdev, kind, readOnly, target: image?.name ?? '' };
    if (!image) return { ...drive, kind: 'cdrom', disk: null };
    const sectorBytes = kind === 'cdrom' ? CD_SECTOR_BYTES : 512;
    if (devices && Storage.isDevice(image.name)) return { ...drive, disk: openDevice(devices, image.name, name, readOnly, sectorBytes) };
    return { ...drive, disk: new OverlayDisk(source(open(image.name, 'disk'), false), { sectorBytes, readOnly, label: image.name }) };
  });
}

/** SeaBIOS's device paths for what is tried in this order. @throws UsageError where there are drives and none of them can be booted */
export function bootDevices(drives: OpenDrive[], order: string): string[] {
  const bootable = drives.some(({ kind, disk }) => {
    if (!disk) return false;
    const head = new Uint8Array(Math.min(HEAD_BYTES, disk.sectors * disk.sectorBytes));
    disk.read(0, [head], () => {});
    return isBootable(kind, head);
  });
  if (drives.length > 0 && !bootable) {
    const [{ kind, disk }] = drives;
    const lacks = kind === 'disk' ? 'its first sector does not end in 55 AA' : 'it has no El Torito boot record';
    throw new UsageError(`${(disk as OverlayDisk | MediumDisk | null)?.label ?? 'The drive'} is not bootable: ${lacks}. Take another image, or name a kernel with --kernel.`);
  }
  return bootPaths(drives, order);
}

const NO_FIRMWARE_HERE = 'To boot from a disk firmware is needed, and none is here. Run npm run guests once, or give --bios F and --vgabios F.';

/** SeaBIOS and its VGA BIOS as `npm run guests` fetches them. @throws UsageError where they are not there */
export function fetchedFirmware(): Extract<Boot, { kind: 'firmware' }> {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const place = join(folder, '.cache/guests/firmware');
    try {
      return {
        kind: 'firmware',
        image: readFileSync(join(place, 'bios-256k.bin')),
        vgaBios: readFileSync(join(place, 'vgabios-stdvga.bin')),
        name: 'bios-256k.bin',
      };
    } catch {
      if (dirname(folder) === folder)
        throw new UsageError(NO_FIRMWARE_HERE);
    }
  }
}
