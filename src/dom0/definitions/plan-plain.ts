/** Plans of plain PCs: kernels and images that come without a definition. */
import { definedAs } from './kinds/index.ts';
import type { XenKind } from '../../hypervisor/kinds/index.ts';
import { ramAround } from '../../hypervisor/layout/index.ts';
import type { Boot } from '../../hypervisor/index.ts';
import { FLOPPY_PLACE } from '../../devices/ide/index.ts';
import { isQcow2 } from '../../hypervisor/disks/index.ts';
import { kernelKind } from '../../hypervisor/loader/index.ts';
import type { Finding } from './verdicts.ts';
import { type Definition, newDefinition } from './config/definition.ts';
import { IN_MEMORY } from './config/disk.ts';
import { isError } from './config/judge-definition.ts';
import { DEFAULT_NIC } from './config/keys/network.ts';
import { writeXlConfig } from './config/write-xl.ts';
import { type ImageKind, imageKind, imageProblem, isFloppy } from './images/images.ts';
import {
  type NamedBytes,
  type NamedImage,
  type PlannedDrive,
  type Firmware,
  type Planned,
  baseName,
  finish,
  refuse,
  check,
  PLAIN_MEMORY_MIB,
  ideName,
} from './planned.ts';
import { startUnsigned, bootProblem, firmwareBoot } from './firmware-boot.ts';

/** A domain without a file of its own: it is created from settings behind an empty one (xl(1), create). */
const generated: NonNullable<Planned['generated']> = definition => {
  const text = writeXlConfig(definition);
  return { definition: text, creates: { file: '/dev/null', settings: text.trim().split('\n') } };
};

function planGenerated(
  findings: Finding[],
  definition: Definition,
  boot: Boot | undefined,
  drives: PlannedDrive[],
): Planned {
  const { definition: text, creates } = generated(definition);
  return { ...finish(findings, definition, boot, text, creates, drives), generated };
}

/** Linux tells its story on the serial console; the last one named is /dev/console. */
export const PLAIN_LINUX_CMDLINE = 'console=tty0 console=ttyS0';

/** The secondary channel's master: where PCs of the time had their CD-ROM drive. */
const CD_PLACE = 2;

/** What these files, among which there is no definition, would make. */
export function planWithoutDefinition(files: NamedBytes[], images: NamedImage[], firmware: Firmware): Planned {
  const kernels = files.filter(file => kernelKind(file.data) !== undefined);
  const [kernel] = kernels;
  if (images.length > 0 && kernels.length === 1 && files.length === 1 && kernel)
    return planKernel({ kernel, images, memoryMiB: PLAIN_MEMORY_MIB });
  if (images.length > 0) return planImages(images, files, firmware);
  if (files.length === 0)
    return refuse(
      '',
      'nothing there',
      'There is no file. Drop an xl configuration with the files it names, or a kernel.',
    );
  if (kernels.length === 0) {
    // The loader knows best why this is no kernel.
    return planKernel({ kernel: files[0], memoryMiB: PLAIN_MEMORY_MIB });
  }
  if (kernels.length > 1 || files.length > 2) {
    return refuse(
      files[0].name,
      'too many files',
      `These ${files.length} files make no single guest. Drop a kernel, with at most one initial RAM disk, or a definition with the files it names.`,
    );
  }
  const ramdisk = files.find(file => file !== kernels[0]);
  return planKernel({ kernel: kernels[0], memoryMiB: PLAIN_MEMORY_MIB, ...(ramdisk ? { ramdisk } : {}) });
}

/** Images without a definition as drives of a plain PC, with what is said of them; a sentence: they are too many. */
function plainDrives(
  images: NamedImage[],
): { drives: PlannedDrive[]; disks: Definition['disks']; findings: Finding[] } | string {
  const kinds = images.map(({ name, head, bytes }): ImageKind => {
    const kind = imageKind(name, head) ?? 'disk';
    return isFloppy(kind, head, bytes) ? 'floppy' : kind;
  });
  const cds = kinds.filter(kind => kind === 'cdrom').length;
  const floppies = kinds.filter(kind => kind === 'floppy').length;
  if (cds > 1 || floppies > 2 || images.length - cds - floppies > 3)
    return 'A PC made of images alone has one CD-ROM drive, two floppy drives and at most three disks. Drop fewer, or a definition with them.';
  const places = [0, 1, 3];
  const floppyPlaces = [FLOPPY_PLACE, FLOPPY_PLACE + 1];
  const drives: PlannedDrive[] = images.map((image, i) => {
    const place = kinds[i] === 'cdrom' ? CD_PLACE : kinds[i] === 'floppy' ? floppyPlaces.shift()! : places.shift()!;
    return { place, vdev: ideName(place), kind: kinds[i], readOnly: kinds[i] === 'cdrom', image };
  });
  const disks = drives.map(({ place, vdev, kind, readOnly, image }): Definition['disks'][number] => ({
    target: baseName(image?.name ?? ''),
    format: image && isQcow2(image.head) ? 'qcow2' : 'raw',
    vdev,
    kind,
    readOnly,
    place,
    at: { line: 1, column: 1 },
  }));
  const findings = drives.map(({ kind, image }): Finding => {
    const file = baseName(image!.name);
    const finding: Finding = {
      file,
      line: 1,
      column: 1,
      source: '',
      key: 'disk',
      verdict: 'used',
      short:
        kind === 'cdrom'
          ? 'CD in the drive'
          : kind === 'floppy'
            ? 'floppy disk; the file stays as it is'
            : 'disk; the file stays as it is',
      text:
        kind === 'cdrom'
          ? `${file} lies in the CD-ROM drive.`
          : `${file} is a ${kind === 'floppy' ? 'floppy disk' : 'disk'}. ${IN_MEMORY}`,
    };
    const problem = imageProblem(file, kind, image!.head, image!.bytes, image!.packing);
    return problem ? { ...finding, verdict: 'error', ...problem } : finding;
  });
  return { drives, disks, findings };
}

/** Images without a definition: a PC with firmware boots from the first of them. */
function planImages(images: NamedImage[], others: NamedBytes[], firmware: Firmware): Planned {
  const [first] = images;
  if (others.length > 0)
    return refuse(
      first.name,
      'needs a definition',
      `${baseName(others[0].name)} and ${baseName(first.name)} make no guest by themselves. Add a definition that names both.`,
    );
  const plain = plainDrives(images);
  if (typeof plain === 'string') return refuse(first.name, 'too many images', plain);
  const { drives, disks, findings } = plain;
  const definition: Definition = {
    ...newDefinition(),
    name: baseName(first.name).replace(/\.[a-z0-9]+$/i, ''),
    memoryMiB: PLAIN_MEMORY_MIB,
    disks,
    bootOrder: { cdrom: 'dc', disk: 'cd', floppy: 'acd' }[drives[0].kind],
    kind: 'pc',
    cards: [{ model: DEFAULT_NIC }],
  };
  startUnsigned(drives, definition, firmware, findings);
  const problem =
    typeof firmware === 'string' ? { short: 'needs firmware', text: firmware } : bootProblem(drives, definition);
  if (problem && !isError(findings[0])) Object.assign(findings[0], { verdict: 'error', ...problem });
  return planGenerated(findings, definition, firmwareBoot(drives, definition, firmware), drives);
}

/** A kernel without a definition: it starts on a plain PC, with drives for the images next to it. */
export function planKernel(options: {
  kernel: NamedBytes;
  ramdisk?: NamedBytes;
  images?: NamedImage[];
  cmdline?: string;
  memoryMiB: number;
  mmioHoleMiB?: number;
  vcpus?: number;
  name?: string;
  /** Absent: a plain PC. */
  type?: XenKind;
}): Planned {
  const { kernel, ramdisk, images = [], memoryMiB, mmioHoleMiB } = options;
  const plain = plainDrives(images);
  if (typeof plain === 'string') return refuse(images[0].name, 'too many images', plain);
  const kernelName = baseName(kernel.name);
  const cmdline = options.cmdline ?? (kernelKind(kernel.data) === 'linux' ? PLAIN_LINUX_CMDLINE : '');
  const definition: Definition = {
    ...newDefinition(),
    name: options.name ?? kernelName.replace(/\.[a-z0-9]+$/i, ''),
    kind: options.type ?? 'pc',
    memoryMiB,
    ...(mmioHoleMiB === undefined ? {} : { mmioHoleMiB }),
    vcpus: options.vcpus ?? 1,
    kernel: kernelName,
    cmdline,
    ...(images.length > 0 ? { disks: plain.disks } : {}),
  };
  const boot: Boot = { kind: definedAs(definition).entry, kernel: kernel.data, name: kernelName, cmdline };
  if (ramdisk) {
    definition.ramdisk = baseName(ramdisk.name);
    boot.ramdisk = { name: definition.ramdisk, data: ramdisk.data };
  }
  const problem = check(boot, ramAround(memoryMiB, mmioHoleMiB), definition.kind);
  const finding: Finding = {
    file: kernelName,
    line: 1,
    column: 1,
    source: '',
    key: 'kernel',
    verdict: 'used',
    short: options.type ? `started as a ${options.type.toUpperCase()} guest` : 'started on a plain PC',
    text: `${kernelName} starts ${options.type ? `as a ${options.type.toUpperCase()} guest` : 'on a plain PC'} with ${memoryMiB} MiB.`,
  };
  if (problem) Object.assign(finding, { verdict: 'error', short: 'cannot be started', text: problem });
  return planGenerated([finding, ...plain.findings], definition, boot, plain.drives);
}
