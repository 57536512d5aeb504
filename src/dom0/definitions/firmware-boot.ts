/** What firmware would start of a guest’s drives and network, and why it would find nothing. */
import { definedAs } from './kinds/index.ts';
import type { Boot } from '../../hypervisor/index.ts';
import { slotOfDisk } from '../../devices/index.ts';
import { FLOPPY_PLACE, VIRTIO_PLACE } from '../../devices/ide/index.ts';
import { NIC_MODELS, romOf } from '../../devices/index.ts';
import type { Finding } from './verdicts.ts';
import { type Definition, emulatedCard } from './config/definition.ts';
import { BOOT_LETTERS } from './config/boot-order.ts';
import { NO_BOOT_CHECK } from './config/keys/xen.ts';
import { isError } from './config/judge-definition.ts';
import { type ImageKind, type ImageProblem, isBootable, onlyForUefi, uefiProblem } from './images/images.ts';
import { startedUnsigned, unsignedProblem, unsignedWarning } from './images/unsigned.ts';
import { type NamedImage, NO_IPXE, type PlannedDrive, type Firmware, baseName } from './planned.ts';

const NETWORK_PATH = '/pci@i0cf8/ethernet@3';

/** `card`: how one is written that boots. Why the network that `boot` names is not tried; undefined: it is, or is not asked for. */
export function networkProblem(definition: Definition, firmware: Firmware, card: string): ImageProblem | undefined {
  if (!definition.bootOrder.includes('n') || typeof firmware === 'string') return undefined;
  const short = 'no boot by network';
  const nic = emulatedCard(definition)?.model;
  if (!nic) return { short, text: `There is no emulated card to boot by. Write ${card}.` };
  if (romOf(nic) === undefined) return { short, text: `${NIC_MODELS[nic].name} has no ROM to boot by. Write ${card}.` };
  return typeof firmware.nicRom === 'object' ? undefined : { short, text: firmware.nicRom ?? NO_IPXE };
}

/** Drives with an image that a boot order names. */
const drivesTried = (
  drives: PlannedDrive[],
  { bootOrder, bootDevices }: Definition,
): (PlannedDrive & { image: NamedImage })[] =>
  drives.filter(
    (drive): drive is PlannedDrive & { image: NamedImage } =>
      drive.place >= 0 &&
      drive.image !== undefined &&
      (bootDevices?.includes(drive.vdev) ?? bootOrder.includes(BOOT_LETTERS[drive.kind])),
  );

const WRITE_NO_CHECK = `device_model_args = [ "${NO_BOOT_CHECK}" ]`;

/** The definition as a person writes it to start a disk without 55 AA, where there is nothing better; said in the drive's finding (`findings` are those of the drives). */
export function startUnsigned(
  drives: PlannedDrive[],
  definition: Definition,
  firmware: Firmware,
  findings: (Finding | undefined)[],
): void {
  if (definition.noSignatureCheck || typeof firmware === 'string') return;
  const tried = drivesTried(drives, definition).map(drive => ({ drive, kind: drive.kind, ...drive.image }));
  const found = startedUnsigned(tried, firmware.bios === 'seabios');
  const finding = found && findings[drives.indexOf(found.drive)];
  if (!finding || isError(finding)) return;
  definition.noSignatureCheck = true;
  Object.assign(finding, {
    verdict: 'approximated',
    short: 'started without 55 AA',
    text: unsignedWarning(baseName(found.name), WRITE_NO_CHECK),
    remedy: { write: WRITE_NO_CHECK, line: true },
    warns: true,
  });
}

/** A disk that nobody has written to. */
const isNew = ({ kind, image: { head } }: { kind: ImageKind; image: NamedImage }): boolean =>
  kind === 'disk' && head.every(byte => byte === 0);

/**
 * What is said of a definition's guest that starts with nothing to boot from (bootProblem): neither xl nor QEMU looks into images before. Of Xen's guests that is
 * kept for new disks, as another image is one taken by mistake. undefined: it does not start.
 */
export function startsWithNothing(
  drives: PlannedDrive[],
  definition: Definition,
): Pick<Finding, 'verdict' | 'short' | 'text' | 'warns'> | undefined {
  const tried = drivesTried(drives, definition);
  if (!definedAs(definition).startsEmpty && (tried.length === 0 || !tried.every(isNew))) return undefined;
  const what =
    tried.length === 0
      ? 'No drive that is to be booted has an image.'
      : `${baseName(tried[0].image.name)} is ${tried.every(isNew) ? 'new and empty' : 'not bootable'}.`;
  return {
    verdict: 'approximated',
    warns: true,
    short: 'nothing to boot from yet',
    text: `${what} The guest starts, and its BIOS finds no bootable device: put a CD into a drive, or boot by the network.`,
  };
}

/** Why firmware would find nothing to start on these drives; null: it would. */
export function bootProblem(drives: PlannedDrive[], definition: Definition): ImageProblem | null {
  const { bootOrder, noSignatureCheck } = definition;
  const tried = drivesTried(drives, definition);
  const bootable = tried.filter(({ kind, image }) => isBootable(kind, image.head, noSignatureCheck));
  if (bootable.length > 0) return null;
  if (tried.length === 0)
    return {
      short: 'nothing to boot from',
      text: `No drive that boot = "${bootOrder}" names has an image. Name one, or change boot.`,
    };
  const { kind, image } = tried.find(drive => drive.kind !== 'cdrom') ?? tried[0];
  const name = baseName(image.name);
  const short = 'not bootable',
    uefi = onlyForUefi(kind, image.head);
  if (uefi) return uefiProblem(name, uefi, 'name its kernel in a definition');
  if (kind === 'cdrom')
    return {
      short,
      text: `${name} is not bootable: it has no El Torito boot record. Take another image, or drop a kernel and a definition that names both.`,
    };
  return {
    ...unsignedProblem(
      name,
      image.head,
      `Take another image, or write ${WRITE_NO_CHECK} to have its first sector started all the same.`,
    ),
    remedy: { write: WRITE_NO_CHECK, line: true },
  };
}

export function firmwareBoot(
  drives: PlannedDrive[],
  { bootOrder, bootDevices, noSignatureCheck }: Definition,
  firmware: Firmware,
): Boot | undefined {
  if (typeof firmware === 'string') return undefined;
  const { bios: _bios, nicRom, ...image } = firmware;
  const order = bootDevices
    ? bootDevices.flatMap(name =>
        name === 'n' ? [NETWORK_PATH] : bootPathsOf(drives.filter(({ vdev }) => vdev === name)),
      )
    : bootPaths(drives, bootOrder);
  return {
    kind: 'firmware',
    ...image,
    ...(typeof nicRom === 'object' ? { nicRom } : {}),
    bootOrder: order,
    ...(noSignatureCheck ? { noSignatureCheck } : {}),
  };
}

/** SeaBIOS's device paths for xl's letters: a floppy drives, c disks, d CD-ROM drives, n the network card. */
export function bootPaths(drives: { place: number; kind: ImageKind }[], order: string): string[] {
  return [...order].flatMap(letter =>
    letter === 'n' ? [NETWORK_PATH] : bootPathsOf(drives.filter(({ kind }) => BOOT_LETTERS[kind] === letter)),
  );
}

/** Drives that firmware sees, by SeaBIOS's paths: of one class by controller and unit, as its BIOS finds them. */
const bootPathsOf = (drives: { place: number; kind: ImageKind }[]): string[] =>
  drives
    .filter(({ place }) => place >= 0)
    .sort((a, b) => a.place - b.place)
    .map(({ place, kind }) =>
      place >= VIRTIO_PLACE
        ? `/pci@i0cf8/scsi@${slotOfDisk(place).toString(16)}/disk@0,0`
        : kind === 'floppy'
          ? `/pci@i0cf8/isa@1/fdc@03f0/floppy@${place - FLOPPY_PLACE}`
          : `/pci@i0cf8/ide@1,1/drive@${place >> 1}/disk@${place & 1}`,
    );
