/**
 * From files to a domain that could be created: which of them is the definition, which the kernel, and what is wrong with them. Creates nothing.
 */
import { type Boot, checkBoot, SAVED_MAGIC } from '../../hypervisor/index.ts';
import { FLOPPY_PLACE } from '../../devices/ide/index.ts';
import { NIC_MODELS, type NicModel, romOf } from '../../devices/index.ts';
import { isQcow2 } from '../../hypervisor/disks/index.ts';
import { kernelKind, LoadError } from '../../hypervisor/loader/index.ts';
import type { Finding, Plan } from './verdicts.ts';
import type { Found } from '../host/boot-loader/index.ts';
import { type Bios, type DefinedDisk, type Definition, type DomainType, newDefinition } from './config/definition.ts';
import type { BootLoader } from '../host/index.ts';
import { BOOT_LETTERS } from './config/boot-order.ts';
import { SEABIOS } from './config/keys/boot.ts';
import { NO_BOOT_CHECK } from './config/keys/xen.ts';
import { isError, judgeDefinition } from './config/judge-definition.ts';
import type { Language } from './config/source.ts';
import { DEFAULT_NIC } from './config/vif.ts';
import { otherKeys, writeXlConfig } from './config/write-xl.ts';
import { lengthProblem } from './config/xlcfg.ts';
import { diskVerdict } from './config/keys/disks.ts';
import { isDevice } from '../host/storage/index.ts';
import { noImage, NOT_BUILT } from './libxl-words.ts';
import {
  HEAD_BYTES,
  type ImageKind,
  imageKind,
  type ImageProblem,
  imageProblem,
  isBootable,
  isFloppy,
  NO_SIGNATURE,
  startedUnsigned,
  unsignedWarning,
} from './images/images.ts';

/** A file with its content. */
export interface NamedBytes {
  name: string;
  data: Uint8Array;
  /** As in NamedFile. */
  inDomain0?: true;
}

/** A disk or CD image: too large to be read whole. */
export interface NamedImage {
  name: string;
  /** Its first HEAD_BYTES (images.ts). */
  head: Uint8Array;
  bytes: number;
  /** It is one of the host's devices, and the name its path. */
  device?: true;
}

/** What a person gave. */
export type Given = NamedBytes | NamedImage;

/** What a boot loader found on the guest's disk; a sentence: why it found nothing. */
export type Loaded = Found | string;

/** Devices of the host, and images on its disk, by their paths as a definition has them; a sentence: why there is no such. */
export type Devices = ReadonlyMap<string, NamedImage | string>;

/** A drive of a domain to be; `image` is one of what was given, absent: nothing is in it. */
export interface PlannedDrive {
  /** On the IDE channels, 4 and 5: floppy drives; -1: for PV drivers alone. */
  place: number;
  /** The virtual device: hda, xvda … */
  vdev: string;
  kind: ImageKind;
  readOnly: boolean;
  image?: NamedImage;
}

/** Firmware for guests that boot from a disk, or why there is none: a sentence with a next step. */
export type Firmware =
  | {
      bios: Bios;
      image: Uint8Array;
      name: string;
      vgaBios?: Uint8Array;
      forQemu?: boolean /** Of the guest's network card, or why there is none. */;
      nicRom?: Uint8Array | string;
    }
  | string;
/** The BIOS that a definition wants; where that one is not here, the other. */
export type Firmwares = (wanted: FirmwareNeeds) => Firmware;

/** What of firmware starts a guest: the BIOS, and the card to boot by. */
export interface FirmwareNeeds {
  bios: Bios;
  card?: NicModel;
}

const OWN_BIOS = 'ringside';
const SEABIOS_NOT_HERE = "SeaBIOS is not here: Ringside's own BIOS starts. npm run guests fetches SeaBIOS.";

/** RAM of a guest that was given as a kernel alone. */
export const PLAIN_MEMORY_MIB = 256;
/** Linux tells its story on the serial console; the last one named is /dev/console. */
export const PLAIN_LINUX_CMDLINE = 'console=tty0 console=ttyS0';

/** The secondary channel's master: where PCs of the time had their CD-ROM drive. */
const CD_PLACE = 2;
export const NO_FIRMWARE =
  'Firmware is needed to boot from a disk, and none is here. Load this page again, or name a kernel.';

export interface Planned {
  plan: Plan;
  /** How the definition's language writes a setting; absent: as xl. */
  write?: Language['write'];
  /** Present when there is no error. */
  domain?: {
    definition: Definition;
    boot: Boot;
    drives: PlannedDrive[] /** What it shows of Xen; absent: a plain PC. */;
    xen?: DomainType;
  };
}

const isImage = (file: Given): file is NamedImage => 'head' in file;

/** Firmware that a definition names, with what else starts a guest: the VGA BIOS that is SeaBIOS's, a card's ROM. */
const fromFile = ({ name, data }: NamedBytes, other: Firmware): Firmware => ({
  ...(typeof other === 'string' ? {} : other),
  bios: OWN_BIOS,
  image: data,
  name: baseName(name),
  forQemu: true,
});

/** What of firmware a definition needs. */
const needsOf = ({ bios = OWN_BIOS, bootOrder, nic }: Definition): FirmwareNeeds => ({
  bios,
  ...(bootOrder.includes('n') && nic ? { card: nic } : {}),
});

/** The definition among these files; undefined: there is none, or none that is judged. */
export function definitionNamed(files: Given[]): Definition | undefined {
  const file = files.find((file): file is NamedBytes => !isImage(file) && isDefinition(file));
  if (!file || lengthProblem(file.data.length)) return undefined;
  return judgeDefinition(file.name, decode(file.data)).definition;
}

/** The firmware that starts what these files describe; undefined: they need none. */
export function firmwareNamed(files: Given[]): FirmwareNeeds | undefined {
  if (!files.some(file => !isImage(file) && isDefinition(file)))
    return files.some(isImage) ? { bios: OWN_BIOS } : undefined;
  const definition = definitionNamed(files);
  if (!definition || definition.kernel !== undefined) return undefined;
  return definition.biosPath === undefined ? needsOf(definition) : { ...needsOf(definition), bios: 'seabios' };
}

/** What a definition among these files names as disks, as it is written there: devices of the host, files. */
export const disksNamed = (files: Given[]): string[] => definitionNamed(files)?.disks.map(({ target }) => target) ?? [];

/** What a boot loader works on. */
export interface LoaderNeeds {
  loader: BootLoader;
  cmdline: string;
  disks: DefinedDisk[];
}

/** What a definition among these files wants of a boot loader; undefined: nothing. */
export function loaderNamed(files: Given[]): LoaderNeeds | undefined {
  const definition = definitionNamed(files);
  return definition && loaderNeeds(definition);
}

const loaderNeeds = ({ bootloader, kernel, cmdline, disks }: Definition): LoaderNeeds | undefined =>
  bootloader && kernel === undefined ? { loader: bootloader, cmdline, disks } : undefined;

/** What a page's files, dropped or chosen together, would make. Files are matched by their base names. */
export function planFiles(
  given: Given[],
  firmware: Firmware = NO_FIRMWARE,
  devices: Devices = new Map(),
  loaded?: Loaded,
): Planned {
  const files = given.filter((file): file is NamedBytes => !isImage(file));
  const images = given.filter(isImage);
  const saved = files.find(file => startsWith(file.data, SAVED_MAGIC));
  if (saved)
    return refuse(saved.name, 'is a saved domain', `${saved.name} is a saved domain. Drop it alone to restore it.`);
  const definitions = files.filter(isDefinition);
  if (definitions.length > 1) {
    return refuse(
      definitions[1].name,
      'one definition at a time',
      `There are ${definitions.length} definitions: ${definitions.map(f => f.name).join(', ')}. Drop one with its files at a time.`,
    );
  }
  if (definitions.length === 1) {
    const find = <T extends Given>(among: T[], path: string): T | string => {
      const base = baseName(path);
      const advice = definitions[0].inDomain0
        ? 'there is no such file. Write the path of one.'
        : `${base} is not among the dropped files. Drop it together with ${definitions[0].name}.`;
      return among.find(file => baseName(file.name) === base) ?? advice;
    };
    const tooLong = lengthProblem(definitions[0].data.length);
    if (tooLong) return refuse(definitions[0].name, 'too long', tooLong);
    const others = files.filter(file => file !== definitions[0]);
    return planDefinition(definitions[0].name, decode(definitions[0].data), path => find(others, path), {
      // What is no image by its look may be an empty disk.
      image: path => {
        const device = devices.get(path);
        if (device !== undefined && (isDevice(path) || definitions[0].inDomain0)) return device;
        // A file that was dropped counts more than one of Domain 0's.
        const found = find<Given>([...images, ...others], path);
        return typeof found === 'string' ? (device ?? found) : found;
      },
      firmware: () => firmware,
      ...(loaded === undefined ? {} : { load: () => loaded }),
    });
  }
  const kernels = files.filter(file => kernelKind(file.data) !== undefined);
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

/** A definition with lines of xl.cfg behind it, which count more, and the line that they begin on. */
export function withOptions(file: string, written: string, options: string): { text: string; optionsFrom: number } {
  if (options === '') return { text: written, optionsFrom: Infinity };
  const judged = judgeDefinition(file, written);
  const { definition, findings, isForeign } = judged;
  // What is wrong with a definition of another language is told where it stands.
  if (isForeign && findings.some(isError)) return { text: written, optionsFrom: Infinity };
  const base = isForeign ? writeXlConfig(definition) + otherKeys(judged) : written;
  const head = base === '' || base.endsWith('\n') ? base : `${base}\n`;
  return { text: head + options, optionsFrom: head.split(/\r\n?|\n/).length };
}

/** A definition, and the files that `resolve` finds; a string from it says why there is none. `optionsFrom`: see judgeDefinition. */
export function planDefinition(
  file: string,
  text: string,
  resolve: (path: string) => NamedBytes | string,
  disks: { image: (path: string) => Given | string; firmware: Firmwares; load?: (needs: LoaderNeeds) => Loaded } = {
    image: resolve,
    firmware: () => NO_FIRMWARE,
  },
  optionsFrom = Infinity,
): Planned {
  const { definition, findings, isForeign, valueAt, language } = judgeDefinition(file, text, optionsFrom);
  const replace = (
    key: string,
    verdict: 'missing' | 'error',
    short: string,
    message: string,
    libxl?: Finding['libxl'],
  ): void => {
    const finding = findings.find(f => f.key === key && f.verdict === 'used');
    const { said: _said, ...at } = valueAt.get(key) ?? { said: '' };
    if (finding) Object.assign(finding, { verdict, short, text: message, ...at, ...(libxl ? { libxl } : {}) });
  };
  // An image in hvmloader's place starts as a kernel does.
  const named = findings.some(f => f.key === 'firmware_override' && f.verdict === 'used')
    ? 'firmware_override'
    : 'kernel';
  const find = (path: string | undefined, key: string): NamedBytes | undefined => {
    if (!path || !findings.some(f => f.key === key && f.verdict === 'used')) return undefined;
    const found = resolve(path);
    if (typeof found !== 'string') return found;
    replace(key, 'missing', 'file not found', `${valueAt.get(key)?.said ?? `${key} = '${path}'`}: ${found}`, NOT_BUILT);
    return undefined;
  };
  const needs = loaderNeeds(definition);
  const loaded = needs && (disks.load?.(needs) ?? 'Its disk cannot be looked at here. Name the kernel in kernel.');
  const found = typeof loaded === 'object' ? loaded : undefined;
  if (typeof loaded === 'string') replace('bootloader', 'error', 'found no kernel', loaded);
  const loader = found && findings.find(f => f.key === 'bootloader' && f.verdict === 'used');
  if (loader) loader.text = `It found ${found.told}`;
  const kernel = found?.kernel ?? find(definition.kernel, named),
    ramdisk = found ? found.ramdisk : find(definition.ramdisk, 'ramdisk');
  let boot: Boot | undefined;
  if (kernel) {
    boot = {
      kind: bootKind(definition.type),
      kernel: kernel.data,
      name: baseName(kernel.name),
      cmdline: found?.cmdline ?? definition.cmdline,
      ...(ramdisk ? { ramdisk: { name: baseName(ramdisk.name), data: ramdisk.data } } : {}),
    };
    const memoryIsGood =
      definition.memoryMiB >= 1 &&
      definition.memoryMiB < 2048 &&
      !findings.some(f => f.key === 'memory' && f.verdict === 'error');
    // The loader knows xl's words alone.
    const problem = check(boot, memoryIsGood ? definition.memoryMiB : 1024, definition.type)?.replace(
      /memory = (\d+)/,
      (_, mib: string) => language.write('memory', mib),
    );
    if (problem) {
      const isRamdisk = ramdisk !== undefined && problem.startsWith(baseName(ramdisk.name));
      replace(
        found ? 'bootloader' : isRamdisk ? 'ramdisk' : named,
        'error',
        isRamdisk ? 'cannot be loaded' : 'cannot be started',
        problem,
      );
    }
  }
  const biosFile = boot ? undefined : find(definition.biosPath, 'bios_path_override');
  const drives = definition.disks.map((disk, i) => planDrive(disk, i, definition.type, findings, disks.image));
  if (
    !definition.kernel &&
    definition.type === 'hvm' &&
    (definition.disks.length > 0 || definition.bootOrder.includes('n') || biosFile)
  ) {
    const firmware = biosFile
      ? fromFile(biosFile, disks.firmware({ ...needsOf(definition), bios: 'seabios' }))
      : disks.firmware(needsOf(definition));
    if (typeof firmware === 'object' && definition.bios === 'seabios' && firmware.bios !== 'seabios')
      for (const finding of findings.filter(({ short }) => short === SEABIOS))
        Object.assign(finding, { verdict: 'approximated', short: "Ringside's own BIOS", text: SEABIOS_NOT_HERE });
    const onBoot = findings.find(({ key }) => key === 'boot');
    const finding = definition.disks.length > 0 ? findingOf(definition.disks[0], findings) : onBoot;
    const noNetwork = networkProblem(definition, firmware, language.write('vif', '[ "model=pcnet" ]'));
    const isNetworkTried = definition.bootOrder.includes('n') && !noNetwork;
    if (!isNetworkTried)
      startUnsigned(
        drives,
        definition,
        firmware,
        definition.disks.map(disk => findingOf(disk, findings)),
      );
    boot = firmwareBoot(drives, definition, firmware);
    const unfit = biosFile && boot && check(boot, definition.memoryMiB, definition.type);
    if (unfit) replace('bios_path_override', 'error', 'is no firmware', unfit);
    const problem =
      typeof firmware === 'string'
        ? { short: 'needs firmware', text: firmware }
        : // Firmware of a person's own may do something else than boot a disk.
          isNetworkTried || biosFile
          ? null
          : bootProblem(drives, definition);
    if (problem && finding && !isError(finding))
      Object.assign(finding, { verdict: 'error', ...(noNetwork && drives.length === 0 ? noNetwork : problem) });
    else if (noNetwork && onBoot && !isError(onBoot)) Object.assign(onBoot, { verdict: 'approximated', ...noNetwork });
    // Of another language's text it is no line.
    if (isForeign) for (const finding of findings) if (finding.remedy?.line) delete finding.remedy;
  }
  return {
    ...finish(
      findings,
      definition,
      boot,
      isForeign ? writeXlConfig(definition) : text,
      `xl create ${quoted(file)}`,
      drives,
      definition.type,
    ),
    write: language.write,
  };
}

/** How a kernel is entered: PVH and PV guests have ways of their own. */
const bootKind = (type: DomainType | undefined): 'kernel' | 'pvh' | 'pv' =>
  type === 'pvh' || type === 'pv' ? type : 'kernel';

const keyOf = ({ kind, vdev }: DefinedDisk): string => (kind === 'floppy' ? vdev : 'disk');

const findingOf = (disk: DefinedDisk, findings: Finding[]): Finding | undefined =>
  findings.find(({ key, line, column }) => key === keyOf(disk) && line === disk.at.line && column === disk.at.column);

/** A disk of a definition, with the image that it names; what is wrong goes to its finding. */
function planDrive(
  disk: DefinedDisk,
  index: number,
  type: DomainType,
  findings: Finding[],
  resolve: (path: string) => Given | string,
): PlannedDrive {
  const drive: PlannedDrive = { place: disk.place, vdev: disk.vdev, kind: disk.kind, readOnly: disk.readOnly };
  if (disk.target === '') return drive;
  const finding = findingOf(disk, findings);
  const found = resolve(disk.target);
  if (typeof found === 'string') {
    if (finding)
      Object.assign(finding, {
        verdict: 'missing',
        short: 'file not found',
        text: `${disk.at.image?.said ?? `${keyOf(disk)} = '${disk.target}'`}: ${found}`,
        libxl: noImage(disk, index),
        ...(disk.at.image ? { line: disk.at.image.line, column: disk.at.image.column } : {}),
      });
    return drive;
  }
  drive.image = isImage(found)
    ? found
    : { name: found.name, head: found.data.subarray(0, HEAD_BYTES), bytes: found.data.length };
  const problem = imageProblem(baseName(found.name), disk.kind, drive.image.head, drive.image.bytes);
  if (problem && finding) Object.assign(finding, { verdict: 'error', ...problem });
  else if (drive.image.device) {
    // However it was written: who looks at the domain later knows no other folder.
    if (!isDevice(disk.target)) disk.target = drive.image.name;
    if (finding) Object.assign(finding, diskVerdict(disk, disk.place, type, true));
  }
  return drive;
}

const NETWORK_PATH = '/pci@i0cf8/ethernet@3';

/** `card`: how one is written that boots. Why the network that `boot` names is not tried; undefined: it is, or is not asked for. */
function networkProblem({ bootOrder, nic }: Definition, firmware: Firmware, card: string): ImageProblem | undefined {
  if (!bootOrder.includes('n') || typeof firmware === 'string') return undefined;
  const short = 'no boot by network';
  if (!nic) return { short, text: `There is no emulated card to boot by. Write ${card}.` };
  if (romOf(nic) === undefined) return { short, text: `${NIC_MODELS[nic].name} has no ROM to boot by. Write ${card}.` };
  return typeof firmware.nicRom === 'object' ? undefined : { short, text: firmware.nicRom ?? NO_IPXE };
}
export const NO_IPXE = 'iPXE, which boots from the network, is not here. Run npm run guests once.';

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

/** The definition as a person gives it who has a disk without 55 AA started, where there is nothing better; said in the drive's finding (`findings` are those of the drives). */
function startUnsigned(
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
const WRITE_NO_CHECK = `device_model_args = [ "${NO_BOOT_CHECK}" ]`;

/** Why firmware would find nothing to start on these drives; null: it would. */
function bootProblem(drives: PlannedDrive[], definition: Definition): ImageProblem | null {
  const { bootOrder, noSignatureCheck } = definition;
  const tried = drivesTried(drives, definition);
  if (tried.some(({ kind, image }) => isBootable(kind, image.head, noSignatureCheck))) return null;
  if (tried.length === 0)
    return {
      short: 'nothing to boot from',
      text: `No drive that boot = "${bootOrder}" names has an image. Name one, or change boot.`,
    };
  const { kind, image } = tried.find(drive => drive.kind !== 'cdrom') ?? tried[0];
  const name = baseName(image.name);
  const short = 'not bootable';
  if (kind === 'cdrom')
    return {
      short,
      text: `${name} is not bootable: it has no El Torito boot record. Take another image, or drop a kernel and a definition that names both.`,
    };
  return {
    short,
    text: `${name} is not bootable: ${NO_SIGNATURE}. Take another image, or write ${WRITE_NO_CHECK} to have its first sector started all the same.`,
    remedy: { write: WRITE_NO_CHECK, line: true },
  };
}

function firmwareBoot(
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

/** Images without a definition: a PC with firmware boots from the first of them. */
function planImages(images: NamedImage[], others: NamedBytes[], firmware: Firmware): Planned {
  const kinds = images.map(({ name, head, bytes }): ImageKind => {
    const kind = imageKind(name, head) ?? 'disk';
    return isFloppy(kind, head, bytes) ? 'floppy' : kind;
  });
  const cds = kinds.filter(kind => kind === 'cdrom').length;
  const floppies = kinds.filter(kind => kind === 'floppy').length;
  const [first] = images;
  if (others.length > 0)
    return refuse(
      first.name,
      'needs a definition',
      `${baseName(others[0].name)} and ${baseName(first.name)} make no guest by themselves. Add a definition that names both.`,
    );
  if (cds > 1 || floppies > 2 || images.length - cds - floppies > 3)
    return refuse(
      first.name,
      'too many images',
      'A PC made of images alone has one CD-ROM drive, two floppy drives and at most three disks. Drop fewer, or a definition with them.',
    );
  const places = [0, 1, 3];
  const floppyPlaces = [FLOPPY_PLACE, FLOPPY_PLACE + 1];
  const drives: PlannedDrive[] = images.map((image, i) => {
    const place = kinds[i] === 'cdrom' ? CD_PLACE : kinds[i] === 'floppy' ? floppyPlaces.shift()! : places.shift()!;
    return { place, vdev: ideName(place), kind: kinds[i], readOnly: kinds[i] === 'cdrom', image };
  });
  const bootOrder = { cdrom: 'dc', disk: 'cd', floppy: 'acd' }[kinds[0]];
  const name = baseName(first.name).replace(/\.[a-z0-9]+$/i, '');
  const definition: Definition = {
    ...newDefinition(),
    name,
    memoryMiB: PLAIN_MEMORY_MIB,
    disks: drives.map(({ place, vdev, kind, readOnly, image }) => ({
      target: baseName(image?.name ?? ''),
      format: image && isQcow2(image.head) ? 'qcow2' : 'raw',
      vdev,
      kind,
      readOnly,
      place,
      at: { line: 1, column: 1 },
    })),
    bootOrder,
    nic: DEFAULT_NIC,
  };
  const findings: Finding[] = drives.map(({ kind, image }) => {
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
          : `${file} is a ${kind === 'floppy' ? 'floppy disk' : 'disk'}. What the guest writes is kept in memory; the file stays as it is.`,
    };
    const problem = imageProblem(file, kind, image!.head, image!.bytes);
    return problem ? { ...finding, verdict: 'error', ...problem } : finding;
  });
  startUnsigned(drives, definition, firmware, findings);
  const problem =
    typeof firmware === 'string' ? { short: 'needs firmware', text: firmware } : bootProblem(drives, definition);
  if (problem && !isError(findings[0])) Object.assign(findings[0], { verdict: 'error', ...problem });
  return finish(
    findings,
    definition,
    firmwareBoot(drives, definition, firmware),
    writeXlConfig(definition),
    xlCreateFrom(definition),
    drives,
  );
}

/** Name of the IDE drive at a place, or of the floppy drive. */
export const ideName = (place: number): string =>
  place >= FLOPPY_PLACE ? `fd${'ab'[place - FLOPPY_PLACE]}` : `hd${'abcd'[place]}`;

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
      kind === 'floppy'
        ? `/pci@i0cf8/isa@1/fdc@03f0/floppy@${place - FLOPPY_PLACE}`
        : `/pci@i0cf8/ide@1,1/drive@${place >> 1}/disk@${place & 1}`,
    );

/** A kernel without a definition: it starts on a plain PC. */
export function planKernel(options: {
  kernel: NamedBytes;
  ramdisk?: NamedBytes;
  cmdline?: string;
  memoryMiB: number;
  vcpus?: number;
  name?: string;
  /** Absent: a plain PC. */
  type?: DomainType;
}): Planned {
  const { kernel, ramdisk, memoryMiB } = options;
  const kernelName = baseName(kernel.name);
  const cmdline = options.cmdline ?? (kernelKind(kernel.data) === 'linux' ? PLAIN_LINUX_CMDLINE : '');
  const definition: Definition = {
    ...newDefinition(),
    name: options.name ?? kernelName.replace(/\.[a-z0-9]+$/i, ''),
    type: options.type ?? 'hvm',
    memoryMiB,
    vcpus: options.vcpus ?? 1,
    kernel: kernelName,
    cmdline,
  };
  const boot: Boot = { kind: bootKind(options.type), kernel: kernel.data, name: kernelName, cmdline };
  if (ramdisk) {
    definition.ramdisk = baseName(ramdisk.name);
    boot.ramdisk = { name: definition.ramdisk, data: ramdisk.data };
  }
  const problem = check(boot, memoryMiB, options.type);
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
  return finish([finding], definition, boot, writeXlConfig(definition), xlCreateFrom(definition), [], options.type);
}

/** In single quotes, for a shell. */
/** A word as POSIX shells read it back. */
export const quoted = (word: string): string => (/^[\w./:+-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);

/** As xl creates a domain without a file of its own: settings stand behind an empty one (xl(1), create). */
export const XL_CREATE_FROM_NOTHING = 'xl create /dev/null';
const xlCreateFrom = (definition: Definition): string =>
  [XL_CREATE_FROM_NOTHING, ...writeXlConfig(definition).trim().split('\n').map(quoted)].join(' ');

/** Gives the domain to be another name than its definition does. */
export function rename({ plan, domain }: Planned, name: string, isGenerated: boolean): void {
  plan.name = name;
  if (!domain) return;
  domain.definition.name = name;
  if (isGenerated) {
    plan.definition = writeXlConfig(domain.definition);
    plan.command = xlCreateFrom(domain.definition);
  } else {
    // Of two settings of a key the last one counts.
    const setting = `name = "${name}"`;
    plan.definition = `${plan.definition.replace(/\n?$/, '\n')}${setting}\n`;
    plan.command += ` ${quoted(setting)}`;
  }
}

function finish(
  findings: Finding[],
  definition: Definition,
  boot: Boot | undefined,
  text: string,
  command: string,
  drives: PlannedDrive[] = [],
  xen?: DomainType,
): Planned {
  const errors = findings.filter(isError);
  const summary: Plan['summary'] = { memoryMiB: definition.memoryMiB, vcpus: definition.vcpus, type: definition.type };
  if (definition.kernel) summary.kernel = definition.kernel;
  if (definition.ramdisk) summary.ramdisk = definition.ramdisk;
  if (drives.length > 0)
    summary.disks = definition.disks.map(
      ({ place, vdev, target }) =>
        `${place < 0 ? vdev : ideName(place)}: ${(isDevice(target) ? target : baseName(target)) || 'empty'}`,
    );
  if (drives.some(({ readOnly, image }) => !readOnly && image && !image.device)) summary.writesFiles = true;
  const card = definition.nic ?? (definition.vif && 'vif');
  if (card) summary.nic = card;
  if (definition.cmdline) summary.cmdline = definition.cmdline;
  const plan: Plan = { name: definition.name, errors, findings, definition: text, command, summary };
  return errors.length === 0 && boot
    ? { plan, domain: { definition, boot, drives, ...(xen ? { xen } : {}) } }
    : { plan };
}

function refuse(file: string, short: string, text: string): Planned {
  const finding: Finding = { file, line: 1, column: 1, source: '', key: '', verdict: 'error', short, text };
  return {
    plan: {
      name: '',
      errors: [finding],
      findings: [finding],
      definition: '',
      command: '',
      summary: { memoryMiB: 0, vcpus: 0, type: '' },
    },
  };
}

function check(boot: Boot, memoryMiB: number, xen?: DomainType): string | undefined {
  try {
    checkBoot(boot, memoryMiB, xen);
    return undefined;
  } catch (error) {
    if (error instanceof LoadError) return error.message;
    throw error;
  }
}

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

/** Whether a file is a definition: called .cfg, or text that sets something and is no kernel. */
export function isDefinition(file: NamedBytes): boolean {
  if (/\.(cfg|xl|conf|sxp|xml)$/i.test(file.name)) return true;
  const start = file.data.subarray(0, 4096);
  if (start.length === 0 || start.includes(0) || kernelKind(file.data) !== undefined) return false;
  const text = decode(start);
  return /^\s*(\((domain|vm)\b|<(\?xml|!--|domain)\b)/.test(text) || /^[ \t]*[a-z][._0-9a-z]*[ \t]*\+?=/m.test(text);
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice());
}

export function startsWith(bytes: Uint8Array, text: string): boolean {
  if (bytes.length < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}
