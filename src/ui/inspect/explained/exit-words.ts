/** What each hypervisor says of VM exits. Both say all of it (xen.ts, kvm.ts); index.ts chooses. */
import type { ExitReason } from '../../../cpu/architecture/index.ts';
import type { Why } from '../inspector.ts';

/** An exit, as far as it was recorded. */
export interface ExitFacts {
  reason: number;
  qualification: number;
  /** What it was about besides: a port's value, an address, ECX, a hypercall's number. */
  detail?: number;
  /** The hypercall that was made by it, once it has returned. */
  call?: { number: number; result: number };
}

/** Who does what about an exit; `code`: what the source of that part calls the function or the message. */
export type Deed = readonly [who: string, does: string, code?: string | undefined];

/** Who answers an exit, in a word or two; `by` is its colour. */
export interface Answerer {
  name: string;
  by: 'xen' | 'guest' | 'Domain-0';
}
/** Where a domain's devices are emulated: in a domain of their own, or in Domain-0. */
export type ModelPlace = 'stub' | 'Domain-0';

/** Devices that the hypervisor itself may emulate. The local APIC, the I/O APIC and the HPET are memory, the others ports. */
export type Chip =
  | 'first PIC'
  | 'second PIC'
  | 'ELCR'
  | 'PIT'
  | 'speaker'
  | 'RTC'
  | 'APM'
  | 'debug console'
  | 'coprocessor'
  | 'PM events'
  | 'PM timer'
  | 'PM'
  | 'I/O APIC'
  | 'HPET'
  | 'local APIC';
/** It is the device model's, or the hypervisor's: then what the source calls the function, where one is worth naming. */
export type ChipOwner = 'model' | ((isRead: boolean) => string | undefined);

/** Reasons that have sentences of their own in what both say; I/O and EPT violations have more than a reason. */
export type NamedReason = Exclude<
  keyof typeof ExitReason,
  | 'INIT'
  | 'SIPI'
  | 'RDPMC'
  | 'CR_ACCESS'
  | 'DR_ACCESS'
  | 'IO'
  | 'MONITOR_TRAP_FLAG'
  | 'MONITOR'
  | 'EPT_VIOLATION'
  | 'EPT_MISCONFIGURATION'
  | 'IDT_FIRST'
>;

/** An access to a port. `device`: with its article; `isChip`: the hypervisor emulates it. */
export interface PortAccess {
  port: string;
  isIn: boolean;
  bytes: number;
  isString: boolean;
  device: string;
  /** The device without what it is used for. */
  shortDevice: string;
  chip: ChipOwner;
}
/** An access that the second stage has stopped. */
export interface MemoryAccess {
  how: 'reads' | 'writes' | 'fetches';
  /** Guest-physical, in hexadecimal; undefined: it was not recorded. */
  address: string | undefined;
  /** There is memory, and a right is missing. */
  lacksRight: boolean;
  /** Undefined: no device that is known by its address. */
  device: string | undefined;
  chip: ChipOwner;
}

export interface ExitWords {
  /** Of the first DMA controller's ports. */
  dmaPorts: string;
  chips: Readonly<Record<Chip, ChipOwner>>;

  /** What a hypercall of this number is called. */
  callName(number: number): string;
  /** The operation of a hypercall by its first argument; undefined: it has none. */
  operation(number: number, first: number): string | undefined;
  /** What hypercalls are for, by name. */
  calls: Readonly<Record<string, string>>;
  whyCall(name: string): Why;

  io(access: PortAccess): string;
  ept(access: MemoryAccess): string;
  /** `does`: MOV, CLTS or LMSW, and which way. */
  crAccess(cr: number, does: string): string;
  sentences: Readonly<Record<NamedReason, (exit: ExitFacts) => string>>;
  /** Of all other reasons. */
  other(title: string): string;
  /** Of an event that went through the hypervisor's own interrupt table; undefined: it runs no guest without VT. */
  trap: ((exit: ExitFacts) => Pick<Why, 'question' | 'answer'>) | undefined;

  chipName: string;
  models: Readonly<Record<ModelPlace, Answerer>>;
  deeds: ExitDeeds;
}

/** Who handles an exit, one after the other, between the processor that leaves the guest and the guest that goes on. */
export interface ExitDeeds {
  /** What is done first, whatever the reason. */
  first: Deed;
  io(access: PortAccess, model: ModelPlace): readonly Deed[];
  ept(access: MemoryAccess, model: ModelPlace): readonly Deed[];
  crAccess: readonly Deed[];
  reasons: Readonly<Record<NamedReason, (exit: ExitFacts) => readonly Deed[]>>;
  other(title: string): readonly Deed[];
  /** Undefined: as `ExitWords.trap`. */
  trap: ((vector: number) => readonly Deed[]) | undefined;
}

export const hex = (value: number, digits = 0): string => `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;
