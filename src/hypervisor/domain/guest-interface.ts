/**
 * What a guest sees of its hypervisor beyond a PC: CPUID leaves, MSRs, hypercalls, time, how it ends. `Domain` alone calls it, and nothing else in the core
 * knows which one a guest has. The interfaces that there are: src/hypervisor/interfaces. Where the guest sees a plain PC: none/plain-pc.ts, from which a
 * small interface can begin.
 */
import type { Processor, ProcessorOptions } from '../../cpu/architecture/index.ts';
import type { LocalApic } from '../../devices/apic/index.ts';
import type { BalloonReport, ModelSignals, State, Timers } from '../../devices/index.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import type { Trace } from '../tracing/trace.ts';
import type { Boot, BootRules } from './booted.ts';
import type { Ending } from './ending.ts';
import type { Platform, PlatformOptions } from './platform.ts';
import type { ModelElsewhere, ModelledDomain } from './model-elsewhere.ts';
import type { Vcpus } from './vcpus.ts';

/** What a domain gives its guest's interface. */
export interface GuestParts {
  machine: Machine;
  record: DomainRecord;
  processor: Processor;
  vcpus: Vcpus;
  memory: GuestMemory;
  platform: Platform;
  timers: Timers;
  trace: Trace;
  memoryMiB: number;
  /** What the clock of the PC shows at guest time 0, milliseconds since 1970. */
  startEpochMs: number;
  /** A local APIC gets an edge-triggered fixed interrupt. */
  interrupt(vcpu: number, vector: number): void;
  localApic(vcpu: number): LocalApic | undefined;
  /** The current vCPU takes an exception instead of its instruction. */
  raise(vector: number, errorCode?: number): void;
  /** Time stamp counter of the current vCPU. */
  tsc(): readonly [low: number, high: number];
  /** Ends the slice: others get their turn. */
  yield(): void;
  /** Domain 0 has an event: in virtual time it hears of it before the next instruction. */
  callDomain0(): void;
  /** A machine frame was written by someone who is not the processor. */
  written(mfn: number): void;
  /** A guest frame that is populated on demand is used. */
  demand(gfn: number): void;
  /** Bytes for the hypervisor's console. */
  console(bytes: Uint8Array): void;
  /** What the hypervisor says of the domain on its console: a line without its end. */
  log(line: string): void;
  /** The domain ends so, once the instruction under way is complete. */
  end(ending: Ending): void;
  /** The domain cannot go on: a sentence for the report. */
  crash(sentence: string): void;
  /** What a person needs to find out why the guest is where it is; and the same with the sentence that says where. */
  report(sentence: string): string;
  whereItWas(sentence: string): { sentence: string; report: string };
}

/** How a domain is built for its guest's interface. */
export interface GuestTraits {
  /** Of its processor. */
  processor?: Pick<ProcessorOptions, 'isCodeShared' | 'masksCpuid'>;
  /** Of its board. */
  board: Pick<
    PlatformOptions,
    'board' | 'acpi' | 'xenPlatform' | 'testDevice' | 'apicIdStep' | 'hpet' | 'ioApicPins' | 'hotplug'
  >;
  /** Where firmware lies: in ROM or flash below 4 GiB and below 1 MiB, or in RAM, where the hypervisor's own loader has put it. */
  firmware: 'rom' | 'ram';
  /** A reset is a new domain: nothing goes on in memory as it was. */
  resetIsNewDomain: boolean;
  /** Devices are emulated elsewhere. */
  modelElsewhere?: boolean;
  boot: BootRules;
  /** The A20 gate was opened or closed. */
  a20Changed?(open: boolean): void;
}

/** An interface, before there is a domain whose guest sees it. */
export interface InterfaceKind {
  traits(machine: Machine, record: DomainRecord): GuestTraits;
  create(parts: GuestParts): GuestInterface;
}

/** Low and high word, unsigned. */
export type MsrValue = readonly [low: number, high: number];

export interface GuestInterface {
  /** Which one: for those who know more of it than this. */
  readonly name: string;

  // ---- at exits

  /** Each exit, once it is counted. */
  afterExit(): void;
  /** CPUID leaves the processor (Controls.cpuid): EAX to EDX get the answer to EAX and ECX. */
  identify(): void;
  /** It is to raise #GP(0) now instead; `refuseCpuid` does that. */
  readonly cpuidFaults: boolean;
  refuseCpuid(): void;
  /** Whether an MSR is this interface's; others are the processor's or a device's. */
  ownsMsr(index: number): boolean;
  /** One of those; undefined: #GP. */
  readMsr(index: number): MsrValue | undefined;
  /** False: #GP. */
  writeMsr(index: number, low: number, high: number): boolean;
  /** The current vCPU's TSC jumps. */
  tscChanged?(): void;
  /** VMCALL or VMMCALL; what is done is behind the instruction. False: no hypervisor can be called here, which is #UD. */
  hypercall(): boolean;
  /** Calls so far by number, where they are counted. */
  readonly hypercallCounts?: Int32Array | undefined;
  /** An event of a guest for which the processor has no IDT (reasons from ExitReason.IDT_FIRST). */
  guestEvent(reason: number): void;
  /** #UD, of those that leave the processor. False: it is the guest's. */
  invalidOpcode(): boolean;
  /** HLT. True: the vCPU runs no more, and need not be halted. */
  haltsForGood(): boolean;
  /** Somebody has ended the current vCPU's HLT before it began. */
  haltEndsAtOnce?(): boolean;
  /** True: the domain ends by it in a way that the interface has chosen. */
  tripleFault(): boolean;
  /** All vCPUs have halted with interrupts off. */
  stuck(): void;

  // ---- between exits

  /** The guest is about to run, and from now on who takes a frame from it waits for its processor to forget that (memory/flush.ts). */
  enter(): void;
  /** What the processor keeps of frames that others have written, or are about to write, goes. */
  forget(): void;
  /** What came from other workers. Call before the guest runs. */
  service(): void;
  /** A guest frame that is populated on demand is used. False: there is no memory left, and the domain has crashed. */
  demand(gfn: number): boolean;
  /** The guest does without what lies in these frames: the host has them back, and who uses one again finds it all zero. Absent, as the next: it cannot. */
  release?(gfns: readonly number[]): void;
  /** How far its balloon is. */
  balloon?(report: BalloonReport): void;
  /** The guest looks at the time for which it had no slot. */
  readonly tellsStolenTime: boolean;
  /** Where devices are emulated elsewhere: the way there; `signals`: how they drive interrupts. @throws Error where it is not loaded */
  modelElsewhere(signals: ModelSignals, domain: ModelledDomain): ModelElsewhere | undefined;

  // ---- from start to end

  /** The guest starts: what it sees is as in a new domain. */
  start(): void;
  /** Puts what it boots into memory by itself; returns what that was, for logs. Undefined: it is loaded as on a PC. @throws LoadError */
  load(boot: Boot): string | undefined;
  /** Firmware that lies in RAM is put there, with what it finds done by the loader before it. */
  placeFirmware(image: Uint8Array): void;
  /** A saved state is about to be put into a domain that has not started, and: it is there. */
  restoring(): void;
  restored(): void;
  /** What it has beyond machine memory, for the same domain in the same memory (src/hypervisor/history). @throws SavedStateError where that is not possible */
  saveRest(): State;
  restoreRest(state: State): void;
  /** A guest that has suspended itself goes on where it was. */
  cancelSuspend(): void;
}
