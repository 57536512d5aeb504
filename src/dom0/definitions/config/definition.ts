/** A domain as a definition asks for it, whatever language the definition is written in. */
import { type CpuLevel, type CpuModel, modelFrom } from '../../../cpu/architecture/index.ts';
import type { Affinity } from '../../../hypervisor/scheduler/index.ts';
import type { BoardCard, NicModel } from '../../../devices/index.ts';
import type { Kind } from '../../../hypervisor/kinds/index.ts';
import type { Rate } from '../../host/network/index.ts';
import type { BootLoader } from '../../host/index.ts';
import type { DiskSpec } from './disk.ts';
import type { Position } from './xlcfg.ts';

/** What a domain's name may not have: it is part of paths, and terminals obey control characters. */
export const BAD_NAME = /[\p{Cc}/]/u;

/** What happens to a domain that stopped (xl.cfg(5), "Event Actions"). */
export const ACTIONS = [
  'destroy',
  'restart',
  'rename-restart',
  'preserve',
  'coredump-destroy',
  'coredump-restart',
] as const;
export type Action = (typeof ACTIONS)[number];

/** What starts a PC that no kernel is named for: the BIOS of guests/bios, or the one that `npm run guests` fetches. */
export type Bios = 'ringside' | 'seabios';

/** `network`: libvirt's, which has a bridge while it is active. */
export type CardOptions = Readonly<
  Partial<Record<'bridge' | 'network' | 'script' | 'ip' | 'vifname' | 'model' | 'link', string>>
>;

export interface Card {
  /** Emulated on the guest's board. */
  model?: NicModel;
  /** For the PV drivers of a guest of Xen. An emulated card that is for them as well has the same station address, and the guest unplugs it. */
  pv?: true;
  /** The station address, in lower case with colons; absent: one is drawn when the domain is created. */
  mac?: string;
  /** Which of its board's cards an emulated one is (absent: the first). */
  place?: number;
  /** How much it may send. */
  rate?: Rate;
  /** Other options of xl by their names (bridge, script). Only bridge, network and link have an effect here; the rest is kept for other hosts. */
  options?: CardOptions;
}

/** Paths are as they were written. */
export interface Definition {
  name: string;
  kind: Kind;
  memoryMiB: number;
  /** As far as the guest may grow. */
  maxMemoryMiB?: number;
  /** Both in KiB, where libvirt's document has them finer than in MiB: the guest gets what they are rounded up to. See `memoryKiB` (exact-memory.ts). */
  exactKiB?: { memory?: number; maximum?: number };
  /** Below 4 GiB so much is no RAM (absent: as much as boards have); RAM that finds no room below the hole lies from 4 GiB on. */
  mmioHoleMiB?: number;
  uuid?: string;
  /** What somebody wrote about it; it may have lines. */
  description?: string;
  /** Words by which people sort domains; each once. */
  tags?: readonly string[];
  /** Virtual processors from the start, and as many as there may be. */
  vcpus: number;
  maxVcpus?: number;
  /** Share of processor time relative to other domains (256), and the most of it in per cent of one processor (0: no limit). */
  weight?: number;
  cap?: number;
  /** Bits of the processors on which its vCPUs may run, and of those on which they should. */
  hardAffinity?: Affinity;
  softAffinity?: Affinity;
  kernel?: string;
  ramdisk?: string;
  /** Looks for the kernel on the guest's own disk, where none is named. */
  bootloader?: BootLoader;
  cmdline: string;
  /** Drives on the IDE channels, and virtual disks. */
  disks: DefinedDisk[];
  /** Absent: Ringside's own. */
  bios?: Bios;
  /** What firmware tries, first one first: a floppy drives, c disks, d CD-ROM drives, n the network. */
  bootOrder: string;
  /** Single devices in place of its classes: disks by their names, n for the network. */
  bootDevices?: readonly string[];
  /** Network cards on the host's bridge: the first one may be emulated, too, the others are for PV drivers alone. */
  cards: Card[];
  /** Of a guest of KVM: devices of virtio other than disks and card, each with its options (virtioWords). */
  virtio?: readonly string[];
  /** A screen for the PV drivers of a PV or PVH guest, with keyboard and pointer. */
  vfb?: true;
  /** What clients of VNC are asked for (vncpasswd); '': nobody gets in, as libvirt has it. It counts until a moment of UTC, YYYY-MM-DDTHH:MM:SS. */
  vncPassword?: string;
  vncPasswordUntil?: string;
  /** The device model of an HVM guest runs in Domain 0 (device_model_stubdomain_override = 0), and not as its stub domain. */
  modelInDomain0?: boolean;
  /** The firmware of an HVM guest is this file (bios_path_override), in the place of `bios`. */
  biosPath?: string;
  /** The BIOS starts boot sectors that do not end in 55 AA, too (device_model_args = [ "-no-fd-bootchk" ]). */
  noSignatureCheck?: true;
  /** An HVM guest has no HPET (hpet = 0); absent: it has one, as libxl's default is. */
  hpet?: false;
  /** An HVM guest has shadow page tables (hap = 0), their size in MiB (shadow_memory; absent: as libxl reckons); absent: nested paging. */
  hap?: false;
  shadowMemoryMiB?: number;
  /** Bits of HVM_PARAM_VIRIDIAN: the Hyper-V interface of an HVM guest. */
  viridian?: number;
  /** What CPUID shows (cpuid, lm); absent: long mode for a 64-bit kernel alone. */
  cpuLevel?: CpuLevel;
  /** Features that it does not show, sorted, by the names of the instruction table (cpuid, nx=0). */
  cpuHidden?: readonly string[];
  /** The last instructions of its vCPUs are kept (vmtrace_buf_kb): KiB that were asked for. */
  vmtraceKib?: number;
  /** Where its host is lost, another one of the pool starts it again. */
  ha?: true;
  /** How often another host of the pool gets a snapshot of it; that host keeps the last ones. */
  replicate?: { everySeconds: number; to: string; keep: number };
  onPoweroff: Action;
  onReboot: Action;
  onCrash: Action;
}

/** A card on the guest's board. */
type EmulatedCard = Card & Pick<BoardCard, 'place' | 'model'>;

/** The cards on the guest's board. */
export const emulatedCards = ({ cards }: Pick<Definition, 'cards'>): EmulatedCard[] =>
  cards.flatMap(({ model, place = 0, ...card }) => (model === undefined ? [] : [{ ...card, model, place }]));

/** The first of them; undefined: none is emulated. */
export const emulatedCard = (of: Pick<Definition, 'cards'>): EmulatedCard | undefined => emulatedCards(of)[0];

/** What CPUID shows a guest that boots a kernel of 64 bits, or no such. */
export const cpuModelOf = (
  { cpuLevel, cpuHidden = [] }: Pick<Definition, 'cpuLevel' | 'cpuHidden'>,
  isLong: boolean,
): CpuModel | undefined =>
  cpuLevel || cpuHidden.length > 0 || isLong
    ? modelFrom(cpuLevel ?? (isLong ? 'x86-64-v2' : 'max'), cpuHidden)
    : undefined;

/** A boot loader's options as words. */
export const loaderWords = ({ program: _program, ...options }: BootLoader): string[] =>
  Object.entries(options).map(([name, value]) => `--${name}=${value}`);

/** They as one text, in quotes where one word would be more. */
export const loaderText = (loader: BootLoader): string =>
  loaderWords(loader)
    .map(word =>
      /[\s"']/.test(word)
        ? word.replace(/=(.*)$/s, (_, value: string) => (value.includes('"') ? `='${value}'` : `="${value}"`))
        : word,
    )
    .join(' ');

export interface DefinedDisk extends DiskSpec {
  /** 0 primary master, 1 primary slave, 2 and 3 on the secondary channel; floppy drives A and B: 4 and 5; disks of virtio: from 6 on; -1: for PV drivers alone. */
  place: number;
  /** Where its text is in the definition, and where its image is named, with the author's words, in another language than xl's. */
  at: Position & { image?: Position & { said: string } };
}

/** libxl's default (LIBXL_MAX_MEMORY in MiB where memory is not set). */
export const DEFAULT_MEMORY_MIB = 32;

/** What a definition that says nothing asks for: xl's defaults. */
export const newDefinition = (): Definition => ({
  name: '',
  kind: 'hvm',
  memoryMiB: DEFAULT_MEMORY_MIB,
  vcpus: 1,
  cmdline: '',
  disks: [],
  cards: [],
  bootOrder: 'cd',
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onCrash: 'destroy',
});

/** Definitions of old name the firmware's loader as the kernel of a fully virtual guest. */
export const isHvmloader = (kernel: string): boolean => /(^|\/)hvmloader(\.gz)?$/.test(kernel);
