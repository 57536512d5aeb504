/** A domain that could be created, or why it could not: what was given, what is planned, and the xl command for it. */
import { type Kind, typeOf } from '../../hypervisor/kinds/index.ts';
import type { GuestRam } from '../../hypervisor/layout/index.ts';
import type { CpuModel } from '../../cpu/architecture/index.ts';
import { type Boot, checkBoot } from '../../hypervisor/index.ts';
import { FLOPPY_PLACE, VIRTIO_PLACE } from '../../devices/ide/index.ts';
import type { NicModel } from '../../devices/index.ts';
import { LoadError } from '../../hypervisor/loader/index.ts';
import type { Finding, Plan } from './verdicts.ts';
import type { Bios, Definition } from './config/definition.ts';
import { isError } from './config/judge-definition.ts';
import type { Packing } from '../../formats/unpack/index.ts';
import type { Language } from './config/source.ts';
import { isDevice } from '../host/storage/index.ts';
import type { ImageKind } from './images/images.ts';

/** A file with its content. */
export interface NamedBytes {
  name: string;
  data: Uint8Array;
  /** As in NamedFile. */
  inDomain0?: true;
  /** It is another product's: what, and how it is used here (recognise.ts). */
  foreign?: { short: string; text: string; isDisk?: true };
}

/** A disk or CD image: too large to be read whole. */
export interface NamedImage {
  name: string;
  /** Its first HEAD_BYTES (images.ts). */
  head: Uint8Array;
  bytes: number;
  /** The file is packed so; `head` and `bytes` are of what is in it. */
  packing?: Packing;
  /** It is one of the host's devices, and the name its path. */
  device?: true;
}

/** What a person gave. */
export type Given = NamedBytes | NamedImage;

/** Devices of the host, and images on its disk, by their paths as a definition has them; a sentence: why there is no such. */
export type Devices = ReadonlyMap<string, NamedImage | string>;

/** A drive of a domain to be; `image` is one of what was given, absent: nothing is in it. */
export interface PlannedDrive {
  /** On the IDE channels, 4 and 5: floppy drives; from 6 on: disks of virtio; -1: for PV drivers alone. */
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
      forQemu?: boolean;
      /** Of the guest's network card, or why there is none. */
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

export interface Planned {
  plan: Plan;
  /** How the definition's language writes a setting; absent: as xl. */
  write?: Language['write'];
  /** Nobody wrote the definition: what the plan says of it, which is found again where it gets another name. */
  generated?(definition: Definition): Pick<Plan, 'definition' | 'creates'>;
  /** What the guest is, also where there are errors. */
  kind?: Kind;
  /** Present when there is no error. */
  domain?: {
    definition: Definition;
    boot: Boot;
    drives: PlannedDrive[];
  };
}

export const isImage = (file: Given): file is NamedImage => 'head' in file;

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

/** The file that a path names among those that were given: at that path, or, of what was dropped, by its name alone. */
export const fileNamed = <T extends { name: string }>(files: readonly T[], path: string): T | undefined =>
  files.find(({ name }) => name === path) ?? files.find(({ name }) => baseName(name) === baseName(path));

export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice());
}

export function startsWith(bytes: Uint8Array, text: string): boolean {
  if (bytes.length < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Gives the domain to be another name than its definition does. */
export function rename({ plan, domain, generated }: Planned, name: string): void {
  plan.name = name;
  if (!domain) return;
  domain.definition.name = name;
  if (generated) Object.assign(plan, generated(domain.definition));
  else {
    // Of two settings of a key the last one counts.
    const setting = `name = "${name}"`;
    plan.definition = `${plan.definition.replace(/\n?$/, '\n')}${setting}\n`;
    if (plan.creates) plan.creates = { ...plan.creates, settings: [...(plan.creates.settings ?? []), setting] };
  }
}

export function finish(
  findings: Finding[],
  definition: Definition,
  boot: Boot | undefined,
  text: string,
  creates: Plan['creates'],
  drives: PlannedDrive[] = [],
): Planned {
  const errors = findings.filter(isError);
  const summary: Plan['summary'] = {
    memoryMiB: definition.memoryMiB,
    vcpus: definition.vcpus,
    type: typeOf(definition.kind),
  };
  if (definition.kernel) summary.kernel = definition.kernel;
  if (definition.ramdisk) summary.ramdisk = definition.ramdisk;
  if (drives.length > 0)
    summary.disks = definition.disks.map(
      ({ place, vdev, target }) =>
        `${place < 0 ? vdev : ideName(place)}: ${(isDevice(target) ? target : baseName(target)) || 'empty'}`,
    );
  if (drives.some(({ readOnly, image }) => !readOnly && image && !image.device)) summary.writesFiles = true;
  const [card] = definition.cards;
  if (card) summary.nic = card.model ?? 'vif';
  if (definition.cmdline) summary.cmdline = definition.cmdline;
  const plan: Plan = { name: definition.name, errors, findings, definition: text, creates, summary };
  const { kind } = definition;
  return errors.length === 0 && boot ? { plan, kind, domain: { definition, boot, drives } } : { plan, kind };
}

export function refuse(file: string, short: string, text: string): Planned {
  const finding: Finding = { file, line: 1, column: 1, source: '', key: '', verdict: 'error', short, text };
  return {
    plan: {
      name: '',
      errors: [finding],
      findings: [finding],
      definition: '',
      summary: { memoryMiB: 0, vcpus: 0, type: '' },
    },
  };
}

export function check(boot: Boot, ram: GuestRam, kind: Kind, cpuLevel?: CpuModel): string | undefined {
  try {
    checkBoot(boot, ram, kind, cpuLevel);
    return undefined;
  } catch (error) {
    if (error instanceof LoadError) return error.message;
    throw error;
  }
}

export const NO_FIRMWARE =
  'Firmware is needed to boot from a disk, and none is here. Load this page again, or name a kernel.';

export const NO_IPXE = 'iPXE, which boots from the network, is not here. Run npm run guests once.';

/** RAM of a guest that was given as a kernel alone. */
export const PLAIN_MEMORY_MIB = 256;

/** Name of the IDE drive at a place, of the floppy drive, or of the disk of virtio. */
export const ideName = (place: number): string =>
  place >= VIRTIO_PLACE
    ? `vd${String.fromCharCode(97 + place - VIRTIO_PLACE)}`
    : place >= FLOPPY_PLACE
      ? `fd${'ab'[place - FLOPPY_PLACE]}`
      : `hd${'abcd'[place]}`;
