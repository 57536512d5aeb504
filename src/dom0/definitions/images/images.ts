/**
 * What an image file is, recognised by its first bytes: a CD, a disk, or neither; and whether it is whole and could be booted.
 * Sources: ECMA-119 (volume descriptors), El Torito 1.0 (boot record), the PC's master boot record; magic numbers of other formats from
 * their specifications and QEMU's block drivers.
 */
import type { Remedy } from '../verdicts.ts';
import { floppyProblem, isFloppySize } from '../../../devices/floppy/index.ts';
import { isQcow2, Qcow2Error, readQcow2Header } from '../../../hypervisor/disks/index.ts';
import { kernelKind } from '../../../hypervisor/loader/index.ts';
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { has, nameInside, type Packing, packingOf } from '../../../formats/unpack/index.ts';

const SECTOR_BYTES = 512,
  CD_SECTOR_BYTES = 2048;
/** Volume descriptors start at sector 16: type, "CD001", version. The primary one (type 1) has the volume's sectors at byte 80. */
const DESCRIPTORS = 16 * CD_SECTOR_BYTES,
  VOLUME_SECTORS = 80;
const BOOT_RECORD = 0,
  PRIMARY = 1,
  TERMINATOR = 255;
const DISK_NUMBER = 0x1b8,
  PARTITIONS = 0x1be,
  SIGNATURE = 510;

/** As much of a file as is looked at: a disk's first sector, a CD's descriptors, btrfs' superblock at 64 KiB. Of a CD whose boot catalogue lies behind, that sector follows. */
export const HEAD_BYTES = 68 * 1024;

/** Of a packed image so much is unpacked: it is kept whole. */
export const MOST_UNPACKED_BYTES = 2 ** 30;

export type ImageKind = 'disk' | 'cdrom' | 'floppy';

const textAt = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));
const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
const hasSignature = (head: Uint8Array): boolean => head[SIGNATURE] === 0x55 && head[SIGNATURE + 1] === 0xaa;
const isIso = (head: Uint8Array): boolean => textAt(head, DESCRIPTORS + 1, 5) === 'CD001';

/** Formats that hold a disk in a wrapping of their own, by their specifications' magic numbers; `convert`: what makes a raw image of one, where that is not qemu-img. */
const WRAPPINGS: readonly {
  name: string;
  at?: number;
  magic: string | number[];
  convert?: (name: string) => string;
}[] = [
  { name: 'vmdk', magic: 'KDMV' },
  { name: 'vmdk', magic: 'COWD' },
  // A description in words, next to the file that holds the disk.
  { name: 'vmdk', magic: '# Disk DescriptorFile' },
  { name: 'vdi', at: 64, magic: [0x7f, 0x10, 0xda, 0xbe] },
  { name: 'Parallels', magic: 'WithoutFreeSpace' },
  { name: 'Parallels', magic: 'WithouFreSpacExt' },
  { name: 'vhd', magic: 'conectix' },
  { name: 'vhdx', magic: 'vhdxfile' },
  { name: 'qed', magic: 'QED\0' },
  { name: 'Bochs', magic: 'Bochs Virtual HD Image' },
  { name: 'EWF', magic: 'EVF\t\r\n\xff', convert: name => `ewfexport -f raw ${name}` },
  { name: 'Android sparse', magic: [0x3a, 0xff, 0x26, 0xed], convert: name => `simg2img ${name} disk.img` },
  { name: 'CHD', magic: 'MComprHD', convert: name => `chdman extractcd -i ${name} -o cd.cue -ob cd.bin` },
];
const wrapping = (head: Uint8Array): (typeof WRAPPINGS)[number] | undefined =>
  WRAPPINGS.find(({ at = 0, magic }) => has(head, at, magic));

/** Sectors of a CD with all that is around their 2048 bytes of data (ECMA-130, 14.1: 12 bytes of synchronization, then a header). */
const hasRawSectors = (head: Uint8Array): boolean => has(head, 0, [0, ...new Array<number>(10).fill(0xff), 0]);

/** A partition table, as against a file system's boot sector whose code lies there. */
function isTable(head: Uint8Array): boolean {
  return [0, 1, 2, 3].every(i => {
    const at = PARTITIONS + 16 * i;
    return (head[at] & 0x7f) === 0 && (head[at + 4] !== 0 || head.subarray(at, at + 16).every(byte => byte === 0));
  });
}

const partitionTypes = (head: Uint8Array): number[] => [0, 1, 2, 3].map(i => head[PARTITIONS + 16 * i + 4]);

const hasPartitions = (head: Uint8Array): boolean => isTable(head) && partitionTypes(head).some(type => type !== 0);

/**
 * What a file of this name and beginning is to a PC; undefined: no image. A kernel with a boot sector's signature is a kernel. One that is packed and has not
 * been unpacked is what its name says.
 */
export function imageKind(name: string, head: Uint8Array): ImageKind | undefined {
  const packing = packingOf(head);
  if (packing)
    return /\.(iso|cdr)$/i.test(nameInside(name, packing))
      ? 'cdrom'
      : namedAsImage(nameInside(name, packing))
        ? 'disk'
        : undefined;
  if (isIso(head) || hasRawSectors(head)) return 'cdrom';
  if (isQcow2(head) || wrapping(head)) return 'disk';
  const kernel = kernelKind(head);
  // GRUB's core image, behind the boot sector, has a multiboot header of its own.
  if (kernel !== undefined && !(kernel === 'multiboot' && hasSignature(head) && hasPartitions(head))) return undefined;
  return hasSignature(head) || namedAsImage(name) ? 'disk' : undefined;
}

const namedAsImage = (name: string): boolean =>
  /\.(img|ima|flp|vfd|raw|dd|hdd|hds|iso|qcow2?|vmdk|vdi|vhdx?)$/i.test(name);

/** What FAT's boot sector says of its medium (Microsoft's FAT specification, BIOS parameter block): a floppy disk's sectors, descriptor, track and heads. */
const hasFloppyParameters = (head: Uint8Array): boolean =>
  hasSignature(head) &&
  (head[0] === 0xeb || head[0] === 0xe9) &&
  head[11] === 0 &&
  head[12] === 2 &&
  head[21] >= 0xf0 &&
  head[21] !== 0xf8 &&
  head[24] >= 8 &&
  head[24] <= 36 &&
  head[25] === 0 &&
  (head[26] === 1 || head[26] === 2) &&
  head[27] === 0;

/**
 * Whether an image without partitions has the size of a floppy disk, or says in its boot sector that it is one, and is one to a PC that is made of images alone.
 * On a disk its loader would read other sectors than it wants.
 */
export const isFloppy = (kind: ImageKind | undefined, head: Uint8Array, bytes: number): boolean =>
  kind === 'disk' &&
  (isFloppySize(bytes) || hasFloppyParameters(head)) &&
  !hasPartitions(head) &&
  !isQcow2(head) &&
  !wrapping(head);

/** `short` of what has no volume of a CD's. */
export const NO_CD = 'no CD image';

export interface ImageProblem {
  /** At most 48 characters. */
  short: string;
  /** What is wrong and what to do. */
  text: string;
  /** What a definition can say instead. */
  remedy?: Remedy;
}

/** What a BIOS does not find in the first sector of a disk that it is to boot. */
export const NO_SIGNATURE = 'its first sector does not end in 55 AA';

/**
 * Why an image of `bytes` bytes cannot be used as what it is to be; null: nothing is wrong with it. `packing`: the file was packed so, and `head` is of what is in
 * it. `isRaw`: nobody looks for a format in it, as the definition has said that: what a guest has written there may be anything.
 */
export function imageProblem(
  name: string,
  kind: ImageKind,
  head: Uint8Array,
  bytes: number,
  packing?: Packing,
  isRaw = false,
): ImageProblem | null {
  if (bytes === 0) return { short: 'empty', text: `${name} is empty. Copy or fetch it again.` };
  const inAnother =
    isRaw && kind === 'disk' ? null : (packedProblem(name, head) ?? wrappedProblem(name, kind, head, packing));
  if (inAnother) return inAnother;
  if (kind === 'floppy') {
    const problem = floppyProblem(bytes);
    return problem ? { short: 'no size of a floppy disk', text: `${name} ${problem}` } : null;
  }
  const advice = 'Copy or fetch it again.';
  const short = 'cut short';
  if (kind === 'cdrom') {
    if (!isIso(head))
      return { short: NO_CD, text: `${name} is no CD image: there is no ISO 9660 volume in it. Name an .iso file.` };
    const volume = word(head, descriptor(head, PRIMARY) + VOLUME_SECTORS) * CD_SECTOR_BYTES;
    return volume > bytes
      ? { short, text: `${name} is cut short: its volume has ${volume} bytes and the file ${bytes}. ${advice}` }
      : null;
  }
  if (isQcow2(head)) return isRaw ? null : qcow2Problem(name, head, bytes);
  if (!hasSignature(head) || isIso(head) || !isTable(head)) return null;
  for (let at = PARTITIONS; at < SIGNATURE; at += 16) {
    const end = word(head, at + 8) + word(head, at + 12);
    if (head[at + 4] !== 0 && end > Math.ceil(bytes / SECTOR_BYTES))
      return {
        short,
        text: `${name} is cut short: a partition ends at sector ${end} and the file has ${Math.floor(bytes / SECTOR_BYTES)}. ${advice}`,
      };
  }
  return null;
}

/** What a packed file is, and how to unpack it: with another program than Ringside has, or because it has more than MOST_UNPACKED_BYTES. */
function packedProblem(name: string, head: Uint8Array): ImageProblem | null {
  const packing = packingOf(head);
  if (!packing) return null;
  const { command, archive } = packing;
  const inside = nameInside(name, packing);
  const what = archive ? 'the image that is in it' : inside === name ? 'what comes out' : inside;
  return {
    short: `is packed with ${packing.name}`,
    text: `${name} is packed with ${packing.name}. Unpack it (${command} ${name}) and take ${what}.`,
  };
}

/** An image in a format of some other program's, and a page that somebody's server sent instead of the image. */
function wrappedProblem(name: string, kind: ImageKind, head: Uint8Array, packing?: Packing): ImageProblem | null {
  const wrapped = wrapping(head);
  if (wrapped) {
    const image = `${/^[aeiou]/i.test(wrapped.name) ? 'an' : 'a'} ${wrapped.name} image`;
    // Programs that convert it take what is packed for the bytes of a disk.
    const inside = packing ? nameInside(name, packing) : name;
    return {
      short: `${wrapped.name} is not read`,
      text: `${name} is ${packing ? `packed with ${packing.name}, with ${image} in it` : image}, and raw and qcow2 ones are read here. ${packing ? `Unpack it (${packing.command} ${name}), then run` : 'Run'} ${wrapped.convert?.(inside) ?? `qemu-img convert -O raw ${inside} disk.img`} and take what it makes.`,
    };
  }
  if (isQcow2(head) && kind !== 'disk')
    return {
      short: 'qcow2 is for disks',
      text: `${name} is a qcow2 image, and what lies in a ${kind === 'cdrom' ? 'CD-ROM' : 'floppy'} drive is raw. Run qemu-img convert -O raw ${name} raw.img and take raw.img.`,
    };
  if (hasRawSectors(head))
    return {
      short: 'raw CD sectors',
      text: `${name} has a CD's raw sectors of 2352 bytes, and sectors of 2048 are read here. Run bchunk ${name} NAME.cue cd with the .cue next to it, and take the .iso that it makes.`,
    };
  if (/^\s*<(!doctype html|html)/i.test(textAt(head, 0, 64)))
    return {
      short: 'a web page',
      text: `${name} is a web page and no image: the download may have failed. Fetch it again.`,
    };
  return null;
}

function qcow2Problem(name: string, head: Uint8Array, bytes: number): ImageProblem | null {
  try {
    readQcow2Header(head, bytes);
    return null;
  } catch (error) {
    if (error instanceof Qcow2Error) return { short: error.short, text: `${name} ${error.message}` };
    throw error;
  }
}

/** Types of partitions: the whole disk, for programs that do not know the GPT; and an EFI system partition (UEFI specification 2.9, 5.2.3 and 5.2.2). */
const PROTECTIVE = 0xee,
  EFI_SYSTEM = 0xef;
/** The type of an EFI system partition in a GPT, C12A7328-F81F-11D2-BA4B-00A0C93EC93B, and where entries are as a rule: 128 of 128 bytes behind the header. */
const EFI_SYSTEM_GUID = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
  ],
  GPT = SECTOR_BYTES,
  GPT_ENTRIES = 2 * SECTOR_BYTES,
  GPT_ENTRY_BYTES = 128,
  GPT_ENTRY_COUNT = 128;
/** El Torito: where the boot record names the catalogue's block; in that, the platform, and the entry that is taken where nothing else is asked for. */
const CATALOGUE = 0x47,
  VALIDATION = 1,
  EFI_PLATFORM = 0xef,
  VALIDATION_KEY = 30;

/** Where a CD's boot catalogue lies; -1: it has none. */
function catalogueOf(head: Uint8Array): number {
  const record = descriptor(head, BOOT_RECORD),
    at = record < 0 ? 0 : word(head, record + CATALOGUE) * CD_SECTOR_BYTES;
  return at > 0 ? at : -1;
}

/** What to read of an image besides its head, which goes behind that: a boot catalogue that is not in it; undefined: nothing. */
export function behindHead(head: Uint8Array, bytes: number): { from: number; to: number } | undefined {
  const from = catalogueOf(head),
    to = from + CD_SECTOR_BYTES;
  return from < 0 || to <= head.length || to > bytes ? undefined : { from, to };
}

/** A head with what lies behind it. */
export function joined(head: Uint8Array, behind: Uint8Array): Uint8Array {
  const both = new Uint8Array(head.length + behind.length);
  both.set(head);
  both.set(behind, head.length);
  return both;
}

/** As much of an image as is looked at. */
export function imageHead(image: Pick<BlockDevice, 'bytes' | 'read'>, headBytes = HEAD_BYTES): Uint8Array {
  const piece = (from: number, to: number): Uint8Array => {
    const into = new Uint8Array(to - from);
    image.read(from, into);
    return into;
  };
  const head = piece(0, Math.min(headBytes, image.bytes)),
    behind = behindHead(head, image.bytes);
  return behind ? joined(head, piece(behind.from, behind.to)) : head;
}

/** Why only UEFI starts what is in an image; undefined: a BIOS finds something, too, or nobody does. */
export function onlyForUefi(kind: ImageKind, head: Uint8Array): string | undefined {
  if (kind === 'cdrom') {
    const catalogue = catalogueOf(head),
      at = Math.min(catalogue, head.length - CD_SECTOR_BYTES);
    return catalogue >= 0 && has(head, at, [VALIDATION, EFI_PLATFORM]) && has(head, at + VALIDATION_KEY, [0x55, 0xaa])
      ? 'its boot catalogue is for EFI alone'
      : undefined;
  }
  const hasCode = head.subarray(0, DISK_NUMBER).some(byte => byte !== 0);
  if (kind === 'floppy' || !hasSignature(head) || hasCode) return undefined;
  const types = partitionTypes(head);
  const entries = Array.from({ length: GPT_ENTRY_COUNT }, (_, i) => GPT_ENTRIES + i * GPT_ENTRY_BYTES);
  const isInGpt = (): boolean =>
    textAt(head, GPT, 8) === 'EFI PART' && entries.some(at => has(head, at, EFI_SYSTEM_GUID));
  return types.includes(EFI_SYSTEM) || (types.includes(PROTECTIVE) && isInGpt())
    ? 'it has an EFI system partition, and no program in its first sector'
    : undefined;
}

/** What is said of such an image; `otherwise`: what to do in place of another image. */
export const uefiProblem = (name: string, why: string, otherwise: string): ImageProblem => ({
  short: 'for UEFI, which is not here yet',
  text: `${name} is for UEFI alone: ${why}. There is no UEFI here yet. Take an image that a BIOS starts, too, or ${otherwise}.`,
});

/**
 * Whether firmware finds something to start in it; `noSignatureCheck`: it does not look for 55 AA. In a qcow2 image the first sector lies further behind: the
 * firmware will see.
 */
export function isBootable(kind: ImageKind, head: Uint8Array, noSignatureCheck = false): boolean {
  if (!noSignatureCheck && onlyForUefi(kind, head) !== undefined) return false;
  if (kind !== 'cdrom') return noSignatureCheck || hasSignature(head) || (kind === 'disk' && isQcow2(head));
  const record = descriptor(head, BOOT_RECORD);
  return record >= 0 && textAt(head, record + 7, 23) === 'EL TORITO SPECIFICATION';
}

/** A program, and no text that somebody took for an image: before a disk's own number and its table of partitions. */
export function hasProgram(head: Uint8Array): boolean {
  const code = head.subarray(0, DISK_NUMBER);
  return (
    code.some(byte => byte !== 0) &&
    !code.every(byte => (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d)
  );
}

/** Where the first volume descriptor of a type lies; -1: there is none. */
function descriptor(head: Uint8Array, type: number): number {
  for (
    let at = DESCRIPTORS;
    at + CD_SECTOR_BYTES <= head.length && textAt(head, at + 1, 5) === 'CD001';
    at += CD_SECTOR_BYTES
  ) {
    if (head[at] === type) return at;
    if (head[at] === TERMINATOR) break;
  }
  return -1;
}
