/** --disk and --cdrom: image files as drives on the IDE channels. */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IdeAttachment } from '../../devices/index.ts';
import type { Boot } from '../../hypervisor/index.ts';
import { kernelKind } from '../../hypervisor/loader/index.ts';
import { type DiskSource, OverlayDisk } from '../../hypervisor/overlay-disk.ts';
import type { SavedDrive } from '../../hypervisor/saved-disks.ts';
import { UsageError } from './options.ts';

const SECTOR_BYTES = 512,
  CD_SECTOR_BYTES = 2048;
/** Primary volume descriptor (ECMA-119, 8.4): sector 16; "CD001" at byte 1, volume space size in sectors at 80. */
const PVD = 16 * CD_SECTOR_BYTES,
  PVD_SECTORS = PVD + 80;
const MBR_PARTITIONS = 0x1be;
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
    const head = Buffer.alloc(Math.min(status.size, PVD + CD_SECTOR_BYTES));
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

const isIso = (head: Buffer): boolean => head.toString('latin1', PVD + 1, PVD + 6) === 'CD001';

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
  if (isIso(image.head)) return 'cdrom';
  if (image.bytes < SECTOR_BYTES || image.head.readUInt16LE(510) !== 0xaa55) return undefined;
  if (image.bytes > 2 ** 31) return 'disk';
  const kernel = kernelKind(readFileSync(path));
  // GRUB's core image, behind the boot sector, has a multiboot header of its own.
  return kernel === undefined || (kernel === 'multiboot' && hasPartitions(image.head)) ? 'disk' : undefined;
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

/** "F", "F,ro" or "F,rw": without a word writes go to memory and are gone at the end. */
function openDisk(text: string): OverlayDisk {
  const match = /^(.*),(ro|rw)$/s.exec(text);
  const path = match ? match[1] : text;
  const mode = match?.[2];
  const image = open(path, '--disk', mode === 'rw' ? 'r+' : 'r');
  const { bytes, head } = image;
  const advice = 'Copy or fetch it again.';
  if (bytes === 0 || bytes % SECTOR_BYTES !== 0)
    throw new UsageError(`${path} has ${bytes} bytes and a disk has whole sectors of ${SECTOR_BYTES}: it is cut short. ${advice}`);
  if (head.readUInt16LE(510) === 0xaa55 && !isIso(head)) {
    for (let at = MBR_PARTITIONS; at < 510; at += 16) {
      const end = head.readUInt32LE(at + 8) + head.readUInt32LE(at + 12);
      // Type 0: unused. A table that is none (a boot sector alone) has other flags than 0 and 0x80.
      if (head[at + 4] !== 0 && (head[at] & 0x7f) === 0 && end > bytes / SECTOR_BYTES && isTable(head))
        throw new UsageError(`${path} is cut short: a partition ends at sector ${end} and the file has ${bytes / SECTOR_BYTES}. ${advice}`);
    }
  }
  return new OverlayDisk(source(image, mode === 'rw'), { readOnly: mode === 'ro', label: text });
}

const hasPartitions = (head: Buffer): boolean => isTable(head) && [0, 1, 2, 3].some(i => head[MBR_PARTITIONS + 16 * i + 4] !== 0);

/** A partition table, as against a file system's boot sector whose code lies there. */
const isTable = (head: Buffer): boolean =>
  [0, 1, 2, 3].every(i => {
    const at = MBR_PARTITIONS + 16 * i;
    return (head[at] & 0x7f) === 0 && (head[at + 4] !== 0 || head.subarray(at, at + 16).every(byte => byte === 0));
  });

function openCd(path: string): OverlayDisk {
  const image = open(path, '--cdrom');
  if (!isIso(image.head)) throw new UsageError(`${path} is no CD image: there is no ISO 9660 volume in it. Name an .iso file (--cdrom).`);
  const sectors = image.head.readUInt32LE(PVD_SECTORS);
  if (sectors * CD_SECTOR_BYTES > image.bytes)
    throw new UsageError(`${path} is cut short: its volume has ${sectors * CD_SECTOR_BYTES} bytes and the file ${image.bytes}. Copy or fetch it again.`);
  return new OverlayDisk(source(image, false), { sectorBytes: CD_SECTOR_BYTES, readOnly: true, label: path });
}

/** Opens what --disk and --cdrom name. @throws UsageError */
export function openDrives(disks: string[], cdrom: string | undefined): IdeAttachment[] {
  const places = [0, 1, 2, 3].filter(place => cdrom === undefined || place !== CD_PLACE);
  if (disks.length > places.length)
    throw new UsageError(`There are ${disks.length} disks, and the two IDE channels have room for ${places.length} here. Leave one out.`);
  const drives: IdeAttachment[] = disks.map((text, i) => ({ place: places[i], kind: 'disk', disk: openDisk(text) }));
  if (cdrom !== undefined) drives.push({ place: CD_PLACE, kind: 'cdrom', disk: openCd(cdrom) });
  return drives;
}

/** The drives of a saved domain: where it had them, or where --disk and --cdrom say they are now. @throws UsageError */
export function savedDrives(saved: readonly SavedDrive[], disks: string[], cdrom: string | undefined): IdeAttachment[] {
  const labels = (kind: SavedDrive['kind']): string[] => saved.filter(drive => drive.kind === kind && drive.bytes >= 0).map(drive => drive.label);
  return openDrives(disks.length > 0 ? disks : labels('disk'), cdrom ?? labels('cdrom')[0]);
}

/** SeaBIOS's device paths for xl's letters: c disks, d CD-ROM drives. */
export function bootPaths(drives: IdeAttachment[], order: string): string[] {
  return [...order].flatMap(letter =>
    drives
      .filter(drive => drive.kind === (letter === 'c' ? 'disk' : 'cdrom'))
      .map(({ place }) => `/pci@i0cf8/ide@1,1/drive@${place >> 1}/disk@${place & 1}`),
  );
}

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
        throw new UsageError('To boot from a disk firmware is needed, and none is here. Run npm run guests once, or give --bios F and --vgabios F.');
    }
  }
}
