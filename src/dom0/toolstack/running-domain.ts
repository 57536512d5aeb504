/** A domain as the toolstack knows it: what it is built from, what it has, how it ended. */
import { typeOf } from '../../hypervisor/kinds/index.ts';
import type { Attachments, KeptImage, OpenDevice } from './attachments.ts';
import type { Balloon } from './balloon.ts';
import type { CpuModel } from '../../cpu/architecture/index.ts';
import type { State } from '../../devices/index.ts';
import type { Boot, DomainRecord, DriveImage, Ending, SavedState } from '../../hypervisor/index.ts';
import { type BreakHit, type BreakPoint, isLongBoot, p2mFrames } from '../../hypervisor/domain/index.ts';
import { FRAMES_A_MIB, ramAround } from '../../hypervisor/layout/index.ts';
import { type Action, cpuModelOf, type Definition } from '../definitions/config/index.ts';
import type { OverlayDisk } from '../../hypervisor/disks/index.ts';
import type { Channel } from './channels.ts';
import type { DeviceModel } from '../backends/device-model/index.ts';
import type { PostcopyCounts, Reason } from './domains/words.ts';
import type { DomainRunner, SavedFile } from './runners/runner.ts';
import { DEVICE_KINDS, plannedOf } from './devices/index.ts';
import { kindOf } from './kinds/index.ts';
import { type Attached, type Described, memoryShape, WHOLE_P2M } from './services.ts';

export type { KeptImage, OpenDevice } from './attachments.ts';

/** What a domain is built from; kept to build it again when it asks for a restart. */
export interface Blueprint {
  definition: Definition;
  boot: Boot;
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
  /** Instructions after which it is paused. */
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
export const hasScreen = ({ definition }: Pick<Blueprint, 'definition'>): boolean =>
  definition.vfb !== undefined || kindOf(definition).hasBoard;

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

/**
 * A domain's disk has what was written to its image before, under this name (Medium.keptAs), and what is written from now on is kept there. `isNew`: the domain
 * has changed nothing of it yet; else what the disk has counts. Undefined: it is not kept, and `say` was called with the reason.
 */
export type KeepsWrites = (
  disk: OverlayDisk,
  keptAs: string,
  who: string,
  how: { isNew: boolean; say: (sentence: string) => void },
) => KeptImage | undefined;

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
    /** Other domains may write it meanwhile that share it, too. */
    shared?: boolean | undefined;
    say: (sentence: string) => void;
    /** A request was answered in another turn than it was made in: the caller that waits for that is to be woken. */
    late?: () => void;
  },
) => OpenDevice;

/** Why a domain was started again, and how often it was; of these, how many at last came to the same end at once. */
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
  attachments: Attachments;
  /** Where it showed something last: there it is typed at. */
  usesPvConsole: boolean;
  /** What was loaded. */
  about: string;
  restarts?: Restarts;
  /** Somebody has paused it. */
  paused: boolean;
  /** What its state says that it is when it is restored; absent: paused where it is that. */
  restoresPaused?: boolean;
  /** What follows its next end, in place of what its definition says. */
  endsAs?: (definition: Definition, ending: Ending) => Action;
  /** Why it runs where it does, and why it is paused where it is. */
  why: { running: Reason<'running'>; paused: Reason<'paused'> };
  /** What came from people before it was built; absent: it is. */
  early?: (() => void)[];
  /** How many parts of Domain 0 need it paused. */
  holds: number;
  /** Where a person has it stop, and why it did the last time. */
  breaks?: readonly BreakPoint[];
  hit?: BreakHit;
  ending: Ending | null;
  /** RAM was given back. */
  released: boolean;
  /** Those who wait for it to stop, with what they do then. */
  whenOver: Set<(how: string, byItself: boolean) => void>;
  /** Debuggers, called when anyone pauses it. */
  whenStill: Set<() => void>;
  /** Its balloon driver is on its way to a target. */
  balloon?: Balloon;
  /** Of a guest of KVM, by name: other ends of its channels of virtio. */
  channels?: Map<string, Channel>;
  /** It was asked to suspend itself, to be saved then; `failed`: it cannot any more. */
  whenSuspended?: (failed?: string) => void;
  /** It runs here before all of its memory has come, or did so. */
  postcopy?: PostcopyCounts;
  /** It is paused, and may run elsewhere: a person says that it is to go on here. */
  whenUnpaused?: () => void;
}

const hadOf = ({ about: { populatedMiB: memoryMiB, memoryMiB: maxMemoryMiB } }: SavedState) => ({
  memoryMiB,
  maxMemoryMiB,
});

/** How much of what a domain needs of machine memory. */
export function shapeOf(
  { definition, boot, saved }: Blueprint,
  machineFrames: number,
): { seenMiB: number; lowMiB: number; populateMiB: number; p2mFrames: number; shadowFrames?: number } {
  const kind = kindOf(definition);
  // A saved one gets what it had: its balloon may have left it less than it is to have, or not have come so far down.
  const { memoryMiB, maxMemoryMiB } = saved ? hadOf(saved.state) : definition;
  const shape = memoryShape(kind.seesMost(definition), memoryMiB, maxMemoryMiB),
    { seenMiB } = shape;
  // A PV guest's second stage is indexed by machine frames.
  if (kind.reach === 'machine') return { ...shape, lowMiB: seenMiB, p2mFrames: machineFrames };
  const ram = ramAround(seenMiB, definition.mmioHoleMiB),
    reach = p2mFrames(boot, ram);
  return {
    ...shape,
    lowMiB: ram.lowMiB,
    p2mFrames: kind.reach === '4 GiB' ? Math.max(WHOLE_P2M, reach) : reach,
    ...(kind.mayShadow && definition.hap === false ? { shadowFrames: shadowFramesOf(definition, seenMiB) } : {}),
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

/** What is written to the store of a domain. */
export function describe({
  blueprint,
  uuid,
  attachments,
}: Pick<Member, 'blueprint' | 'uuid' | 'attachments'>): Described {
  const { definition, boot, startEpochMs, saved } = blueprint;
  const type = typeOf(definition.kind);
  const { name, memoryMiB, maxMemoryMiB = memoryMiB, vcpus, maxVcpus = vcpus } = definition;
  return {
    uuid,
    name,
    type,
    memoryMiB,
    maxMemoryMiB,
    ...(saved?.targetKiB === undefined ? {} : { targetKiB: saved.targetKiB }),
    ...(definition.mmioHoleMiB === undefined ? {} : { mmioHoleMiB: definition.mmioHoleMiB }),
    vcpus,
    maxVcpus,
    startEpochMs,
    devices: plannedOf(DEVICE_KINDS, {
      definition,
      hasVga: kindOf(definition).hasBoard,
      disks: attachments.disks,
    }),
    ...(boot.kind === 'firmware'
      ? {}
      : { kernel: boot.name, cmdline: boot.cmdline, ...(boot.ramdisk ? { ramdisk: boot.ramdisk.name } : {}) }),
  };
}

/** For Domain 0's record of a domain: the memory that it is to have. What it has follows that, and stays a little behind. */
export const memoryTarget = ({ memoryMiB }: Pick<Member, 'memoryMiB'>): State => ({ targetMiB: memoryMiB });
