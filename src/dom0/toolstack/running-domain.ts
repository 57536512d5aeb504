/** A domain as the toolstack knows it: what it is built from, what it has, how it ended. */
import type { Balloon } from './balloon.ts';
import type { CpuModel } from '../../cpu/architecture/index.ts';
import type { State } from '../../devices/index.ts';
import type { Boot, DomainRecord, DriveImage, Ending, SavedState } from '../../hypervisor/index.ts';
import { type BreakHit, type BreakPoint, DEFAULT_MAC, isLongBoot, p2mFrames } from '../../hypervisor/domain/index.ts';
import { hasVirtio } from '../../devices/index.ts';
import { FRAMES_A_MIB, ramAround } from '../../hypervisor/layout/index.ts';
import {
  BAD_NAME,
  cpuModelOf,
  type Definition,
  type DomainType,
  judgeDefinition,
  lengthProblem,
} from '../definitions/config/index.ts';
import { ideName } from '../definitions/index.ts';
import type { IdeAttachment } from '../../devices/index.ts';
import type { SavedDrive } from '../../hypervisor/disks/index.ts';
import type { MediumDisk } from '../host/storage/index.ts';
import type { Channel } from './channels.ts';
import { type DeviceModel, modelOf } from '../backends/device-model/index.ts';
import type { PostcopyCounts, Reason } from './domains/words.ts';
import type { DomainRunner, SavedFile } from './runners/runner.ts';
import { DEVICE_KINDS, type GuestDisk, plannedOf, restoredBy, savedDisks } from './devices/index.ts';
import { type Attached, type Described, memoryShape, WHOLE_P2M } from './services.ts';

/** What a domain is built from; kept to build it again when it asks for a restart. */
export interface Blueprint {
  definition: Definition;
  boot: Boot;
  /** What it shows of Xen; absent: a plain PC, or one whose guest finds KVM. */
  xen?: DomainType;
  kvm?: true;
  drives?: readonly DriveImage[];
  /** What the guest has changed of its drives, as a saved state has it (saved-disks.ts). */
  diskChanges?: Uint8Array[];
  /** The definition's text. */
  text: string;
  /** libvirt's document of it as it runs, where that says more than its definition, or something else. */
  document?: string;
  /** What the clock of its PC shows when it starts. */
  startEpochMs: number;
  /** What CPUID shows, and a PC's processor has; absent: everything. */
  cpuLevel?: CpuModel;
  /** Instructions after which it stands still. */
  stopAtInstruction?: number;
  saved?: SavedFile;
}

/** With what its CPUID shows: as a saved state says, as asked, and for a 64-bit kernel what that needs. */
export function withLevel(blueprint: Blueprint): Blueprint {
  const { saved, boot, definition } = blueprint;
  const cpuLevel = saved?.state.about.cpuLevel ?? blueprint.cpuLevel ?? cpuModelOf(definition, isLongBoot(boot));
  return cpuLevel ? { ...blueprint, cpuLevel } : blueprint;
}

/** A PC has its VGA, any other guest a screen where its definition gives it one (vfb). */
export const hasScreen = ({ xen = 'hvm', definition }: Pick<Blueprint, 'xen' | 'definition'>): boolean =>
  xen === 'hvm' || definition.vfb !== undefined;

/** Where what a domain shows goes: viewers in the page, standard output. */
export interface DomainConsole {
  /** Bytes of its serial port and its PV console, which share it. */
  print(bytes: Uint8Array): void;
  /** Whole lines of the hypervisor's console; absent: nobody wants them. */
  printXen?(lines: Uint8Array): void;
  /** Bytes of the debug ports; absent: they have no place of their own. */
  printDebug?(bytes: Uint8Array): void;
  /** Kept with a saved state. */
  readonly shown?: Uint8Array;
  /** After a slice on this thread; `now`: it has stopped. */
  snapshot?(now: boolean): void;
  close(): void;
}

/** A device of the host, open for a domain. */
export interface OpenDevice {
  disk: MediumDisk;
  /** Of the host. */
  path: string;
  /** Whether the guest waits for room to write. */
  readonly isWaiting: boolean;
  /** The domain is called otherwise from now on. */
  rename(who: string): void;
  close(): void;
}

/** Opens a device of the host for a domain; `say`: a sentence about it for people. @throws Error with a sentence: there is none, or another domain has it */
export type OpenHostDevice = (
  path: string,
  who: string,
  how: {
    uuid: string;
    readOnly: boolean;
    sectorBytes: number;
    /** As its definition has it. */
    format: string | undefined;
    say: (sentence: string) => void;
    /** A request was answered in another turn than it was made in: whoever waits for that is to be woken. */
    late?: () => void;
  },
) => OpenDevice;

/** Why a domain was started again, and how often it was; of these so many at last that came to the same end at once. */
export interface Restarts {
  count: number;
  why: string;
  atOnce: number;
}

export interface Member<Console extends DomainConsole = DomainConsole> {
  blueprint: Blueprint;
  record: DomainRecord;
  name: string;
  /** Its worker knows it by another name. */
  isRenamed?: true;
  uuid: string;
  /** When it was built: it is up since then. */
  builtEpochMs: number;
  /** When it started again in the same memory. */
  startedEpochMs?: number;
  /** What its balloon was last asked to come to, at first what it was made with. */
  memoryMiB: number;
  console: Console;
  runner: DomainRunner;
  /** Its back ends, of a guest of Xen that runs. */
  attached?: Attached;
  /** Its device model, where that is in Domain 0. */
  model?: DeviceModel;
  /** Drives whose media are open in Domain 0: the emulated ones, those for PV drivers, and all of them as saved-disks.ts knows drives. */
  opened?: { ide: IdeAttachment[]; disks: GuestDisk[]; all: readonly IdeAttachment[] };
  /** Devices of the host that it has open. */
  devices: OpenDevice[];
  /** Where it showed something last: there it is typed at. */
  usesPvConsole: boolean;
  /** What was loaded. */
  about: string;
  restarts?: Restarts;
  /** Somebody has paused it. */
  paused: boolean;
  /** Why it runs where it does, and why it is paused where it is. */
  why: { running: Reason<'running'>; paused: Reason<'paused'> };
  /** What came from people before it was built; absent: it is. */
  early?: (() => void)[];
  /** How many parts of Domain 0 need it to stand still. */
  holds: number;
  /** Where a person has it stop, and why it did the last time. */
  breaks?: readonly BreakPoint[];
  hit?: BreakHit;
  ending: Ending | null;
  /** RAM was given back. */
  released: boolean;
  /** Those who wait for it to stop, with what they do then. */
  whenOver: Set<(how: string, byItself: boolean) => void>;
  /** Debuggers, told when it is paused, by whomever. */
  whenStill: Set<() => void>;
  /** Its balloon driver is on its way to a target. */
  balloon?: Balloon;
  /** Of a guest of KVM, once it is built: asks its balloon, as kvm-memory.ts does. */
  askMemory?(memoryMiB: number): void;
  /** Likewise: it has let go of what was in a PCI slot. */
  ejected?(slot: number): void;
  /** Of a guest of KVM, by name: other ends of its channels of virtio. */
  channels?: ReadonlyMap<string, Channel>;
  /** It was asked to suspend itself, to be saved then; `failed`: it cannot any more. */
  whenSuspended?: (failed?: string) => void;
  /** It runs here before all of its memory has come, or did so. */
  postcopy?: PostcopyCounts;
  /** It stands still, and nobody knows whether it runs elsewhere: somebody says that it is to go on here. */
  whenUnpaused?: () => void;
}

const hadOf = ({ about: { populatedMiB: memoryMiB, memoryMiB: maxMemoryMiB } }: SavedState) => ({
  memoryMiB,
  maxMemoryMiB,
});

/** How much of what a domain needs of machine memory. */
export function shapeOf(
  { definition, boot, xen, kvm, saved }: Blueprint,
  machineFrames: number,
): { seenMiB: number; lowMiB: number; populateMiB: number; p2mFrames: number; shadowFrames?: number } {
  // A balloon is what takes from a guest of KVM what it sees and is not to have.
  const grows = kvm && hasVirtio(definition.virtio, 'balloon') ? 'hvm' : xen;
  // A saved one gets what it had: its balloon may have left it less than it is to have, or not have come so far down.
  const { memoryMiB, maxMemoryMiB } = saved ? hadOf(saved.state) : definition;
  const shape = memoryShape(grows, memoryMiB, maxMemoryMiB),
    { seenMiB } = shape;
  // A PV guest's second stage is indexed by machine frames.
  if (xen === 'pv') return { ...shape, lowMiB: seenMiB, p2mFrames: machineFrames };
  const ram = ramAround(seenMiB, definition.mmioHoleMiB),
    reach = p2mFrames(boot, ram);
  return {
    ...shape,
    lowMiB: ram.lowMiB,
    p2mFrames: xen ? Math.max(WHOLE_P2M, reach) : reach,
    ...(xen === 'hvm' && definition.hap === false ? { shadowFrames: shadowFramesOf(definition, seenMiB) } : {}),
  };
}

/** Xen has no smaller pool for a vCPU (shadow_min_acceptable_pages of xen/arch/x86/mm/shadow). */
const LEAST_SHADOW_FRAMES = 128;

/**
 * Frames of a guest's shadow page tables: as asked, or as libxl reckons (libxl_get_required_shadow_memory: 1 MiB a vCPU, and 8 KiB for each MiB of RAM).
 */
function shadowFramesOf({ vcpus, maxVcpus = vcpus, shadowMemoryMiB }: Definition, seenMiB: number): number {
  const asked = shadowMemoryMiB === undefined ? FRAMES_A_MIB * maxVcpus + 2 * seenMiB : FRAMES_A_MIB * shadowMemoryMiB;
  return Math.max(LEAST_SHADOW_FRAMES * maxVcpus, asked);
}

/** What the store is told of a domain. */
export function describe({ blueprint, uuid, opened }: Pick<Member, 'blueprint' | 'uuid' | 'opened'>): Described {
  const { definition, boot, startEpochMs, xen: type = 'hvm', saved } = blueprint;
  const { name, memoryMiB, maxMemoryMiB = memoryMiB, vcpus, maxVcpus = vcpus } = definition;
  return {
    uuid,
    name,
    type,
    memoryMiB,
    maxMemoryMiB,
    ...(saved ? targetOf(saved.state, maxMemoryMiB) : {}),
    ...(definition.mmioHoleMiB === undefined ? {} : { mmioHoleMiB: definition.mmioHoleMiB }),
    vcpus,
    maxVcpus,
    startEpochMs,
    devices: plannedOf(DEVICE_KINDS, { definition, type, disks: opened?.disks ?? [] }),
    ...(boot.kind === 'firmware'
      ? {}
      : { kernel: boot.name, cmdline: boot.cmdline, ...(boot.ramdisk ? { ramdisk: boot.ramdisk.name } : {}) }),
  };
}

/** What a saved domain was called last. */
export const nameOf = ({ about, toolstack }: SavedState): string =>
  typeof toolstack?.name === 'string' ? toolstack.name : about.name;

/** For Domain 0's record of a domain: the memory that it is to have. What it has follows that, and stays a little behind. */
export const targetRecord = ({ memoryMiB }: Pick<Member, 'memoryMiB'>): State => ({ targetMiB: memoryMiB });

/**
 * The memory that a saved domain is to have, and what its balloon was told of that (libxl_retrieve_domain_configuration takes memory/target, too). A state
 * of before this was kept has what the domain had.
 */
function targetOf({ about, toolstack = {} }: SavedState, mostMiB: number): { memoryMiB: number; targetKiB?: number } {
  const { targetMiB, targetKiB } = toolstack;
  const fits = (value: unknown, most: number): value is number =>
    Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
  return {
    memoryMiB: fits(targetMiB, mostMiB) ? targetMiB : about.populatedMiB,
    ...(fits(targetKiB, mostMiB * 1024) ? { targetKiB } : {}),
  };
}

/** What a saved domain is built from again; `drives`: where its media are now. @throws Error with a sentence */
export function blueprintOf(
  state: SavedState,
  from: Omit<SavedFile, 'state'>,
  drives: readonly DriveImage[],
  file: string,
): Blueprint {
  const { about, boot } = state;
  const tooLong = lengthProblem(about.definition.length);
  if (tooLong) throw new Error(`${file} has no definition that could be read: ${tooLong}`);
  if (BAD_NAME.test(nameOf(state)))
    throw new Error(`${file} has a domain whose name has a slash or a control character. Save it under another name.`);
  const { definition: judged } = judgeDefinition(about.name, about.definition);
  // Its type, the devices that it has, and where its RAM lies, whatever the definition's text says, if there is one: xl's default is paravirtual.
  const { nic: _nic, mac: _mac, mmioHoleMiB: _hole, kvm: _kvm, ...rest } = judged;
  // A PV guest sees what it has at first, and may get more.
  const mostMiB = Math.max(about.memoryMiB, (about.xen === 'pv' && judged.maxMemoryMiB) || 0);
  const emulated: Definition = {
    ...rest,
    name: nameOf(state),
    ...(about.xen ? { type: about.xen } : {}),
    ...(about.kvm ? { kvm: true } : {}),
    memoryMiB: targetOf(state, mostMiB).memoryMiB,
    maxMemoryMiB: mostMiB,
    ...(about.lowMiB === undefined ? {} : { mmioHoleMiB: 4096 - about.lowMiB }),
    vcpus: about.vcpus ?? 1,
    modelInDomain0: modelOf(state) !== undefined,
    ...(about.uuid ? { uuid: about.uuid } : {}),
    ...(about.nic ? { nic: about.nic, mac: about.mac ?? DEFAULT_MAC } : {}),
  };
  return {
    definition: restoredBy(DEVICE_KINDS, emulated, state.toolstack ?? {}),
    boot,
    drives,
    text: about.definition,
    ...documentIn(state.toolstack),
    startEpochMs: about.startEpochMs,
    saved: { state, ...from },
    ...(about.xen ? { xen: about.xen } : {}),
    ...(about.kvm ? { kvm: true } : {}),
  };
}

function documentIn({ document }: { document?: unknown } = {}): { document?: string } {
  return typeof document === 'string' && lengthProblem(document.length) === undefined ? { document } : {};
}

/** The drives of a saved domain; `media` gives what lies in one now, by its label and by what the definition calls the drive. A medium that is not there is missed when the state is read into the domain. */
export function savedDrives(
  state: SavedState,
  media: (label: string, kind: DriveImage['kind'], vdev: string) => DriveImage['medium'],
): DriveImage[] {
  const virtual = savedDisks(state.toolstack?.disks)?.disks ?? [];
  const drive = (
    { place, kind, bytes, label, readOnly: isSavedSo }: SavedDrive,
    more: { place?: number; vdev?: string; readOnly?: boolean } = {},
  ): DriveImage[] => {
    const medium = bytes >= 0 ? media(label, kind, more.vdev ?? ideName(place)) : undefined;
    if (bytes >= 0 && !medium) return [];
    return [{ place, kind, readOnly: isSavedSo ?? kind === 'cdrom', ...more, ...(medium ? { medium } : {}) }];
  };
  const emulated = modelOf(state)?.drives ?? state.about.drives ?? [];
  return [
    ...emulated.flatMap(saved => {
      const same = virtual.find(({ place }) => place === saved.place);
      return drive(saved, same && { vdev: same.vdev, readOnly: same.readOnly });
    }),
    ...virtual
      .filter(({ place }) => place < 0)
      .flatMap(({ vdev, readOnly, drive: saved }) => drive(saved, { place: -1, vdev, readOnly })),
  ];
}

/** What lay in the drives of a saved domain, by the names that it was saved with. */
export function labelsOf(state: SavedState): string[] {
  const labels: string[] = [];
  savedDrives(state, label => {
    labels.push(label);
    return undefined;
  });
  return labels;
}
