/** What a saved domain consists of, between its file (writer.ts, reader.ts) and the domain (restore.ts). */
import type { CpuModel } from '../../../../cpu/architecture/index.ts';
import type { State } from '../../../../devices/index.ts';
import type { Boot } from '../../../domain/booted.ts';
import type { DiskChange } from '../../../disks/overlay-disk.ts';
import { KINDS, type Kind } from '../../../kinds/index.ts';
import type { BoardCard, NicModel } from '../../../../devices/index.ts';
import type { SavedDrive } from '../../../disks/saved-drive.ts';
import type { HvmRecord } from './hvm-context.ts';

/** What can be said of a saved domain before it is restored. */
export interface SavedAbout {
  name: string;
  /** What it sees, and what of it has memory. */
  memoryMiB: number;
  populatedMiB: number;
  /** So much of what it sees lies below the PCI hole, the rest from 4 GiB on (absent: all of it). */
  lowMiB?: number;
  p2mFrames: number;
  startEpochMs: number;
  virtualTime: boolean;
  instructions: number;
  /** Version of Ringside that wrote it. */
  program: string;
  /** What the toolstack wants to find again (the definition). */
  definition: string;
  actions: { onReset: 'restart' | 'end'; onTripleFault: 'restart' | 'end' };
  /** It has local and I/O APIC (absent: no). */
  apic?: boolean;
  /** Its network cards (absent: none). */
  cards?: readonly BoardCard[];
  /** What CPUID showed; the reader has it from the processors, once they are there. */
  cpuLevel?: CpuModel;
  /** Its vCPUs (absent: 1). */
  vcpus?: number;
  kind: Kind;
  /** Of a guest of Xen: its handle, which stays. */
  uuid?: string;
  /** Its disks and CD-ROM drives (absent: none). */
  drives?: SavedDrive[];
}

/** Of an older state, whose guest had one card at most. */
export interface OneCard {
  nic?: NicModel | 'none';
  mac?: string;
}
/** The cards that such a state has; undefined: it says nothing of them. */
export const cardsOf = ({ nic, mac }: OneCard): { cards?: readonly BoardCard[] } =>
  nic === undefined
    ? {}
    : { cards: nic === 'none' ? [] : [{ place: 0, model: nic, ...(mac === undefined ? {} : { mac }) }] };

/** As it is written; older states say what the guest shows of Xen, or that it shows KVM. */
export type WrittenAbout = Omit<SavedAbout, 'kind'> & OneCard & { kind?: unknown; xen?: unknown; kvm?: unknown };

/** @throws whatever `damaged` throws, where it is no kind of guest */
export function readAbout({ kind, xen, kvm, nic, mac, ...about }: WrittenAbout, damaged: () => never): SavedAbout {
  const said = kind ?? xen ?? (kvm === true ? 'kvm' : 'pc');
  return { ...cardsOf({ nic, mac }), ...about, kind: KINDS.find(each => each === said) ?? damaged() };
}

/** A PAGE_DATA record: frame numbers, their types (PAGE), and the bytes of those that bring some, in their order. */
export interface SavedPages {
  pfns: Uint32Array;
  types: Uint8Array;
  bytes: Uint8Array;
  /** They have come before, and `bytes` are what is no longer so (page-delta.ts): the length of each. */
  deltas?: Uint32Array;
  /** They do not come with the state: the guest goes on without them. */
  away?: true;
  /** They have come before, and must be so: the place in the stream where they come again. */
  verify?: number;
}

/** State of the devices that the hypervisor does not provide itself, and the screen. */
export interface SavedEmulator {
  devices: State;
  screen: Uint8Array;
}

/** vcpu_guest_context by vCPU. */
export type SavedVcpus = ReadonlyMap<number, Uint8Array>;

/** What a paravirtual guest has instead of HVM parameters and context. */
export interface SavedPv {
  p2mFrames: readonly number[];
  sharedInfo: Uint8Array;
  contexts: SavedVcpus;
}

/** What is known of a state before its memory. */
export type SavedHead = Pick<SavedState, 'about' | 'boot' | 'cpuid'>;

/** What of a state is long, and changes little while a guest moves. */
export type LongParts = Pick<SavedState, 'domain' | 'emulator'>;
export const longOf = ({ domain, emulator }: LongParts): LongParts => ({ domain, emulator });

export interface SavedState {
  about: SavedAbout;
  boot: Boot;
  /** Version of libxc's image. */
  version: number;
  /** What CPUID showed: leaf, subleaf, EAX, EBX, ECX, EDX each. */
  cpuid: readonly Uint32Array[];
  pages: readonly SavedPages[];
  /** HVM parameters: index, low word, high word each. */
  params: readonly [index: number, low: number, high: number][];
  hvm: readonly HvmRecord[];
  pv?: SavedPv;
  /** Clock and accounts (domain/saved-parts.ts), and what the processors' turns were. */
  domain: State;
  emulator: SavedEmulator;
  /** What of both is not as the last rehearsal had it (changes.ts); absent: they have come whole. */
  changes?: unknown;
  disks: { place: number; changes: DiskChange[] }[];
  /** What the toolstack gave with it. */
  toolstack?: State;
}

/** What of a state a domain that was built goes on from; without what is long, where it says what of that has changed. */
export type SavedRest = Omit<SavedState, 'boot' | 'cpuid' | 'toolstack' | keyof LongParts> & Partial<LongParts>;
