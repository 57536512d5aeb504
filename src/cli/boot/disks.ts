/** --disk and --cdrom: image files as drives on the IDE channels. */
import { DEFINITION_KINDS } from '../../dom0/definitions/kinds/index.ts';
import type { Kind } from '../../hypervisor/kinds/index.ts';
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  HEAD_BYTES,
  imageHead,
  imageKind as kindOf,
  type ImageKind,
  imageProblem,
  isBootable,
  onlyForUefi,
  uefiProblem,
  isFloppy,
  NO_IPXE,
  startedUnsigned,
  unsignedProblem,
  unsignedWarning,
} from '../../dom0/service/index.ts';
import { NIC_MODELS, type NicModel, romOf } from '../../devices/index.ts';
import {
  bootPaths,
  ideName,
  type Loaded,
  type LoaderNeeds,
  type NamedImage,
  type PlannedDrive,
} from '../../dom0/service/index.ts';
import { bootFromDisk, type GuestMedium, readableOf } from '../../dom0/host/boot-loader/index.ts';
import { later } from '../node-clock.ts';
import { FLOPPY_PLACE, VIRTIO_DISKS, VIRTIO_PLACE } from '../../devices/ide/index.ts';
import { isDevice, MediumDisk } from '../../dom0/host/storage/index.ts';
import { type Storage, StorageError } from '../../dom0/host/storage/index.ts';
import { savedDrives } from '../../dom0/toolstack/index.ts';
import { packingOf } from '../../formats/unpack/index.ts';
import type { Boot, DriveImage, SavedState } from '../../hypervisor/index.ts';
import { fileBytes } from '../file-bytes.ts';
import { type Image, lookAt, open, openFile } from './image-file.ts';
import type { BootOptions } from './options.ts';
import type { Output } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** The secondary channel's master: where PCs of the time had their CD-ROM drive. */
const CD_PLACE = 2;

/** Whether FILE is a disk image or an ISO; undefined: something else, a kernel or a definition. */
export function imageKind(path: string): ImageKind | undefined {
  try {
    const inside = lookAt(path, 'FILE');
    if (!kindOf(inside.name, inside.head)) return undefined;
    const { fd, head, bytes } = open(path, 'FILE');
    closeSync(fd);
    const kind = kindOf(inside.name, head);
    return isFloppy(kind, head, bytes) ? 'floppy' : kind;
  } catch (error) {
    // Its reader next says why.
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

/** The host's devices, where --state names its storage. */
export interface HostDevices {
  storage: Storage;
  say: (sentence: string) => void;
}

/** @throws UsageError with xend's or LVM2's words where there is no such device, or somebody has it */
function openDevice(
  { storage, say }: HostDevices,
  path: string,
  who: string,
  readOnly: boolean,
  sectorBytes = 512,
): MediumDisk {
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

type Opened = Pick<DriveImage, 'readOnly' | 'medium'>;

/** What --disk says: "F", with ro, rw or virtio behind it. */
function diskWords(text: string): { path: string; mode: string | undefined; isVirtio: boolean } {
  const words = /(,(ro|rw|virtio))*$/.exec(text)?.[0] ?? '';
  const said = words.split(',').slice(1);
  return {
    path: text.slice(0, text.length - words.length),
    mode: said.filter(word => word !== 'virtio').at(-1),
    isVirtio: said.includes('virtio'),
  };
}

/** Without ro or rw writes go to memory and are gone at the end. */
function openDisk(text: string, devices: HostDevices | undefined): Opened {
  const { path, mode } = diskWords(text);
  if (path.startsWith('phy:')) {
    if (!devices)
      throw new UsageError(
        `${path} is a device of a host's own disk, and there is none. Add --state DIR, the directory that it is kept in.`,
      );
    const disk = openDevice(devices, path.slice(4), 'this guest', mode === 'ro');
    return { readOnly: disk.readOnly, medium: { name: disk.label, disk } };
  }
  const image = open(path, '--disk', mode === 'rw' ? 'r+' : 'r');
  closeSync(image.fd);
  const packing = mode === 'rw' ? packingOf(image.head) : undefined;
  if (packing)
    throw new UsageError(
      `${path} is packed with ${packing.name}, and nothing is written into such a file. Leave rw out, or unpack it (${packing.command} ${path}) and take what comes out (--disk).`,
    );
  whole(image, 'disk');
  return { readOnly: mode === 'ro', medium: { name: text, path, ...(mode === 'rw' ? { writes: true } : {}) } };
}

/** @throws UsageError for an image that is cut short, or none */
function whole({ name, head, bytes, packing }: Image, kind: ImageKind): void {
  const problem = imageProblem(name, kind, head, bytes, packing);
  if (problem) throw new UsageError(kind === 'floppy' ? problem.text : problem.text.replace(/\.$/, ` (--${kind}).`));
}

function openCd(path: string): Opened {
  const image = open(path, '--cdrom');
  closeSync(image.fd);
  whole(image, 'cdrom');
  return { readOnly: true, medium: { name: path, path } };
}

function openFloppy(path: string, option: string): Opened {
  const image = open(path, option);
  closeSync(image.fd);
  whole(image, 'floppy');
  return { readOnly: false, medium: { name: path, path } };
}

/** What lies in a drive whose medium a script changes. */
export const removable = (vdev: string): 'cdrom' | 'floppy' => (/^fd[ab]$/.test(vdev) ? 'floppy' : 'cdrom');

/** Looks at what a script puts into a drive, or at a disk that comes; a card has an address. @throws UsageError */
export function checkRemovable(vdev: string, path: string): void {
  if (vdev === 'card') return;
  const image = open(path, '--script');
  closeSync(image.fd);
  if (!/^vd/.test(vdev)) whole(image, removable(vdev));
}

/** Looks at what --fda and --fdb name. @throws UsageError */
export function openFloppies({
  fda,
  fdb,
  type,
}: {
  fda?: string;
  fdb?: string;
  type?: 'hvm' | 'pvh' | 'pv';
}): DriveImage[] {
  if ((fda !== undefined || fdb !== undefined) && type && !DEFINITION_KINDS[type].emulates)
    throw new UsageError(
      `A ${type.toUpperCase()} guest has no floppy drives. Leave ${fda === undefined ? '--fdb' : '--fda'} out, or write --type hvm.`,
    );
  return [fda, fdb].flatMap((path, unit): DriveImage[] => {
    const vdev = ideName(FLOPPY_PLACE + unit);
    return path === undefined
      ? []
      : [{ place: FLOPPY_PLACE + unit, vdev, kind: 'floppy', ...openFloppy(path, `--${vdev}`) }];
  });
}

/** Looks at what --disk and --cdrom name: on the IDE channels of PCs and HVM guests or as virtio has them, as xvda to xvdd of others. @throws UsageError */
export function openDrives(
  disks: string[],
  cdrom: string | undefined,
  guest: Kind = 'pc',
  devices?: HostDevices,
): DriveImage[] {
  const isVirtual = !DEFINITION_KINDS[guest].emulates;
  const places = [0, 1, 2, 3].filter(place => cdrom === undefined || place !== CD_PLACE);
  const virtio = disks.filter(text => diskWords(text).isVirtio),
    others = disks.filter(text => !virtio.includes(text));
  if (isVirtual && virtio.length > 0)
    throw new UsageError(
      `A ${guest.toUpperCase()} guest has no PCI bus for disks of virtio. Leave virtio out, or write --type hvm.`,
    );
  if (others.length > places.length)
    throw new UsageError(
      `There are ${others.length} disks, and there is room for ${places.length} here. ${isVirtual ? 'Leave one out.' : 'Leave one out, or write virtio behind it: --disk F,virtio.'}`,
    );
  if (virtio.length > VIRTIO_DISKS)
    throw new UsageError(
      `There are ${virtio.length} disks of virtio, and there is room for ${VIRTIO_DISKS}. Leave one out.`,
    );
  const drive = (place: number, kind: ImageKind, opened: Opened): DriveImage => ({
    place: isVirtual ? -1 : place,
    vdev: isVirtual ? `xvd${'abcd'[place]}` : ideName(place),
    kind,
    ...opened,
  });
  const drives = [
    ...others.map((text, i) => drive(places[i], 'disk', openDisk(text, devices))),
    ...virtio.map((text, i) => drive(VIRTIO_PLACE + i, 'disk', openDisk(text, devices))),
  ];
  if (cdrom !== undefined) drives.push(drive(CD_PLACE, 'cdrom', openCd(cdrom)));
  return drives;
}

/**
 * The drives of a saved domain: where it had them, or where --disk, --cdrom, --fda and --fdb say they are now. @throws UsageError, SavedStateError
 */
export function restoredDrives(
  state: SavedState,
  { disks, cdrom, fda, fdb }: Pick<BootOptions, 'disks' | 'cdrom' | 'fda' | 'fdb'>,
  devices?: HostDevices,
): DriveImage[] {
  const all = savedDrives(state, label => ({ name: label, path: label })).filter(({ medium }) => medium);
  const labels = (kind: DriveImage['kind']): string[] =>
    all
      .filter(drive => drive.kind === kind)
      .map(({ medium }) => (devices && medium && isDevice(medium.name) ? `phy:${medium.name}` : (medium?.name ?? '')));
  const floppy = (unit: number): string | undefined =>
    all.find(({ place }) => place === FLOPPY_PLACE + unit)?.medium?.name;
  const floppies = { fda: fda ?? floppy(0), fdb: fdb ?? floppy(1) };
  // What it was called, and whether it may be written, is as it was.
  return [
    ...openFloppies(floppies),
    ...openDrives(
      disks.length > 0 ? disks : labels('disk'),
      cdrom ?? labels('cdrom')[0],
      state.about.kind,
      devices,
    ).map((drive, i) => {
      const before = all.filter(({ kind }) => kind === drive.kind)[i] ?? all.find(({ kind }) => kind === drive.kind);
      return before
        ? { ...drive, vdev: before.vdev ?? ideName(before.place), place: before.place, readOnly: before.readOnly }
        : drive;
    }),
  ];
}

/** CDs that are made of files, by their names (`files:PATH…`); a sentence: why there is none. */
export type MadeCds = ReadonlyMap<string, Uint8Array | string>;

/** An image that a definition names, as far as it is looked at before it is used; or why it cannot be opened. */
export function lookAtImage(path: string, devices?: HostDevices, cds: MadeCds = new Map()): NamedImage | string {
  try {
    const cd = cds.get(path);
    if (cd !== undefined)
      return typeof cd === 'string' ? cd : { name: path, head: cd.subarray(0, HEAD_BYTES), bytes: cd.length };
    if (devices && isDevice(path)) {
      const medium = said(() => devices.storage.medium(path));
      return { name: path, head: imageHead(medium), bytes: medium.bytes };
    }
    const { fd, head, bytes, packing } = open(path, 'disk');
    closeSync(fd);
    return { name: path, head, bytes, ...(packing ? { packing } : {}) };
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** What the boot loader of a definition finds on its disks, before it is known whether all of them are there; a sentence: it finds nothing. */
export function loadFromDisks(
  { loader, cmdline, disks }: LoaderNeeds,
  placeOf: (path: string) => string,
  devices?: HostDevices,
): Loaded {
  try {
    const media = disks
      .filter(({ kind, target }) => kind !== 'floppy' && target !== '')
      .map(({ target, vdev, kind }): GuestMedium => {
        if (devices && isDevice(target)) return { vdev, from: said(() => devices.storage.medium(target)) };
        return {
          vdev,
          from: readableOf({ name: target, path: placeOf(target) }, kind === 'cdrom' ? 'cdrom' : 'disk', openFile),
        };
      });
    return bootFromDisk(loader, cmdline, media);
  } catch (error) {
    return (error as Error).message;
  }
}

/** The drives of the definition of `name`. What the guest writes to a file is kept in memory, and to a device of the host there. @throws UsageError */
export function openPlanned(
  drives: readonly PlannedDrive[],
  name: string,
  devices?: HostDevices,
  cds: MadeCds = new Map(),
): DriveImage[] {
  return drives.map(({ place, vdev, kind, readOnly, image }): DriveImage => {
    const drive = { place, vdev, kind, readOnly };
    if (!image) return kind === 'floppy' ? drive : { ...drive, kind: 'cdrom' };
    const cd = cds.get(image.name);
    if (cd instanceof Uint8Array) return { ...drive, medium: { name: image.name, bytes: cd } };
    const sectorBytes = kind === 'cdrom' ? 2048 : 512;
    if (devices && isDevice(image.name))
      return {
        ...drive,
        medium: { name: image.name, disk: openDevice(devices, image.name, name, readOnly, sectorBytes) },
      };
    return { ...drive, medium: { name: image.name, path: image.name } };
  });
}

function headOf({ medium }: DriveImage): Uint8Array | undefined {
  if (!medium || 'data' in medium || 'bytes' in medium || 'device' in medium || 'queued' in medium) return undefined;
  if ('path' in medium) {
    const image = open(medium.path, 'disk');
    closeSync(image.fd);
    return image.head;
  }
  return imageHead(medium.disk);
}

/** What firmware gets to know of drives. */
interface Tried {
  /** SeaBIOS's device paths. */
  bootOrder: string[];
  noSignatureCheck?: true;
}

/** Drives in the order in which they are tried. @throws UsageError where there are drives and none of them can be booted */
export function bootDevices(
  drives: DriveImage[],
  order: string,
  { noSignatureCheck, bios }: Pick<BootOptions, 'noSignatureCheck' | 'bios'>,
  stderr: Output,
): Tried {
  const bootOrder = bootPaths(drives, order);
  if (noSignatureCheck) return { bootOrder, noSignatureCheck };
  if (drives.length === 0 || order.includes('n')) return { bootOrder };
  const media = drives.flatMap(drive => {
    const head = headOf(drive);
    return head ? [{ kind: drive.kind, head, name: drive.medium?.name ?? '' }] : [];
  });
  const unsigned = startedUnsigned(media, bios === 'seabios');
  if (unsigned) {
    stderr.text(`ringside: ${unsignedWarning(unsigned.name, '--no-signature-check')}\n`);
    return { bootOrder, noSignatureCheck: true };
  }
  if (!media.some(({ kind, head }) => isBootable(kind, head))) {
    const drive = drives.find(({ kind }) => kind !== 'cdrom') ?? drives[0];
    const { kind } = drive,
      name = drive.medium?.name ?? 'The drive',
      head = headOf(drive),
      uefi = head && onlyForUefi(kind, head);
    if (uefi) throw new UsageError(uefiProblem(name, uefi, 'name a kernel with --kernel').text);
    throw new UsageError(
      kind === 'cdrom'
        ? `${name} is not bootable: it has no El Torito boot record. Take another image, or name a kernel with --kernel.`
        : unsignedProblem(
            name,
            head ?? new Uint8Array(),
            'Take another image, name a kernel with --kernel, or add --no-signature-check to have its first sector started all the same.',
          ).text,
    );
  }
  return { bootOrder };
}

const NO_SEABIOS_HERE = 'SeaBIOS is not here. Run npm run guests once, or leave --bios seabios out.';

/** A file of the repository, looked for from here up. @throws UsageError where it is not there */
function fileAbove(path: string, otherwise: string): Uint8Array {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      return fileBytes(join(folder, path));
    } catch {
      if (dirname(folder) === folder) throw new UsageError(otherwise);
    }
  }
}

const SEABIOS_FILE = 'bios-256k.bin';
/** Whether `npm run guests` has fetched it. */
export function isSeaBiosHere(): boolean {
  try {
    return fetchedFirmware().image.length > 0;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** SeaBIOS and its VGA BIOS as `npm run guests` fetches them. @throws UsageError where they are not there */
export function fetchedFirmware(): Extract<Boot, { kind: 'firmware' }> {
  const fetched = (name: string): Uint8Array => fileAbove(join('.cache/guests/firmware', name), NO_SEABIOS_HERE);
  return {
    kind: 'firmware',
    image: fetched(SEABIOS_FILE),
    vgaBios: fetched('vgabios-stdvga.bin'),
    name: SEABIOS_FILE,
    forQemu: true,
  };
}

/** iPXE for a card, as `npm run guests` fetches it; a sentence: why there is none. */
export function fetchedRom(model: NicModel): Uint8Array | string {
  const name = romOf(model);
  if (name === undefined) return `${NIC_MODELS[model].name} has no ROM to boot by. Take --nic pcnet.`;
  try {
    return fileAbove(join('.cache/guests/firmware', name), NO_IPXE);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** The BIOS of guests/bios, which drives the display itself. @throws UsageError where it is not there */
export function ownFirmware(): Extract<Boot, { kind: 'firmware' }> {
  return {
    kind: 'firmware',
    image: fileAbove(
      'guests/bios/bios.bin',
      'guests/bios/bios.bin is not here. Run this from the repository, or give --bios F.',
    ),
    name: 'bios.bin',
  };
}
