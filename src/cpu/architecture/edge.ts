/**
 * The edge between a processor and the hypervisor: VM exits, execution controls and event injection in Intel's terms
 * (SDM vol. 3, chapters 25-28 and appendix C). The hypervisor is written against this file alone.
 */

import type { CpuModel } from './cpuid.ts';
import type { RegionOptions, Regions } from './regions.ts';

/** Basic exit reasons (SDM vol. 3, appendix C). Values from 0x100 are ours: what a hypervisor without VT sees through its own IDT. */
export const ExitReason = {
  EXCEPTION_OR_NMI: 0,
  EXTERNAL_INTERRUPT: 1,
  TRIPLE_FAULT: 2,
  INIT: 3,
  SIPI: 4,
  INTERRUPT_WINDOW: 7,
  NMI_WINDOW: 8,
  TASK_SWITCH: 9,
  CPUID: 10,
  HLT: 12,
  INVLPG: 14,
  RDPMC: 15,
  RDTSC: 16,
  VMCALL: 18,
  CR_ACCESS: 28,
  DR_ACCESS: 29,
  IO: 30,
  RDMSR: 31,
  WRMSR: 32,
  MWAIT: 36,
  MONITOR_TRAP_FLAG: 37,
  MONITOR: 39,
  PAUSE: 40,
  EPT_VIOLATION: 48,
  EPT_MISCONFIGURATION: 49,
  RDTSCP: 51,
  PREEMPTION_TIMER: 52,
  WBINVD: 54,
  XSETBV: 55,
  /** Ours: VMMCALL, the same request in AMD's spelling. */
  VMMCALL: 0x81,
  /**
   * Ours: an x87 error with CR0.NE clear. FERR# is asserted, and the processor waits before the instruction until an interrupt comes
   * (SDM vol. 1, D.2.1.2). VT-x has no such exit, as it wants CR0.NE set.
   */
  FERR: 0x82,
  /** Ours, with `controls.hypervisorIdt`: exception, software interrupt or IRET fault, vector in the low byte. */
  IDT_FIRST: 0x100,
} as const;
export type ExitReason = number;

/** `run()` came back because the function of the next instruction is not loaded yet (`lacksOperations`): no exit of the guest's, which finds no difference. */
export const NOT_LOADED = 0x83;

/** Qualification of an I/O exit (SDM vol. 3, table 28-5): size - 1 in bits 0-2, in 3, string 4, REP 5, immediate 6, port 16-31. */
export const IO_SIZE_MASK = 7,
  IO_IN = 8,
  IO_STRING = 16,
  IO_REP = 32,
  IO_IMMEDIATE = 64;

/** Qualification of an EPT violation (table 28-7): access in bits 0-2 (read, write, fetch), permission in 3-5, linear address valid 7, translation done 8. */
export const EPT_READ = 1,
  EPT_WRITE = 2,
  EPT_FETCH = 4;

/** Interruption-information field (SDM vol. 3, 25.8.3 and 25.9.2): vector 0-7, type 8-10, error code valid 11, valid 31. */
export const EVENT_EXTERNAL = 0 << 8,
  EVENT_NMI = 2 << 8,
  EVENT_EXCEPTION = 3 << 8,
  EVENT_SOFTWARE = 4 << 8,
  EVENT_PRIVILEGED_SOFTWARE = 5 << 8,
  EVENT_SOFTWARE_EXCEPTION = 6 << 8,
  /** Injected with vector 0: a monitor-trap exit before anything else. */
  EVENT_OTHER = 7 << 8;
export const EVENT_TYPE_MASK = 7 << 8;
export const EVENT_ERROR_CODE = 1 << 11,
  EVENT_VALID = 1 << 31;

/** What an exit was about. One object a processor, overwritten by each exit. */
export interface ExitInfo {
  reason: ExitReason;
  /** Meaning depends on the reason, as in the SDM. */
  qualification: number;
  /** Bytes of the instruction that exited; add to EIP by `skipInstruction()` once it is emulated. */
  instructionLength: number;
  /** Of EPT violations, INS, OUTS, and LMSW from memory (28.2.1). */
  guestLinear: number;
  guestPhysical: number;
  /** Exception or interrupt that caused or was being delivered during the exit (interruption-information format), and its error code. */
  interruption: number;
  errorCode: number;
  /** IDT-vectoring information (SDM vol. 3, 25.9.3): the event whose delivery was cut short by the exit. */
  idtVectoring: number;
  /** Of exceptions of the bitmap: that event's error code. */
  idtVectoringErrorCode: number;
  /** For an EPT violation on a page that is no memory: width in bytes (1, 2, 4) and, for a write, the value. */
  size: number;
  value: number;
}

/** Execution controls; all off is a plain PC's processor (port I/O, HLT, an MWAIT that waits and accesses outside memory always exit: they need a machine around). */
export interface Controls {
  /** Bit n: exception n exits. */
  exceptionBitmap: number;
  /** CPUID exits (else the processor answers from its policy). */
  cpuid: boolean;
  invlpg: boolean;
  rdtsc: boolean;
  monitor: boolean;
  /** Every MWAIT exits. One that has to wait does so anyway, with bit 0 of the qualification set, as HLT does: see `endsWait` of monitor.ts. */
  mwait: boolean;
  pause: boolean;
  /** PAUSE-loop exiting, at CPL 0 while `pause` is off, in clocks of the TSC: a PAUSE this long after the one before begins a loop, which exits when it has lasted this long; null: off. */
  pauseLoop: { readonly gap: number; readonly window: number } | null;
  /** Hardware task switches exit before anything changes (VT-x has no choice there: they always do). */
  taskSwitch: boolean;
  /** Exit as soon as interrupts can be taken. */
  interruptWindow: boolean;
  nmiWindow: boolean;
  monitorTrap: boolean;
  /** 2 x 4096 bytes; null: every port exits. */
  ioBitmaps: Uint8Array | null;
  /** SDM layout, 4096 bytes; null: every MSR that the processor does not know exits, the others do not. */
  msrBitmap: Uint8Array | null;
  cr0Mask: number;
  cr0Shadow: number;
  cr4Mask: number;
  cr4Shadow: number;
  cr3Load: boolean;
  cr3Store: boolean;
  movDr: boolean;
  /** Ours: every exception, software interrupt and IRET fault leaves with reason IDT_FIRST + vector. */
  hypervisorIdt: boolean;
}

/**
 * The start of what counts past 31 bits: V8 keeps it as a double. A field that begins as a small integer and becomes a double, some seconds after the start, gives
 * its object another hidden class, and everything compiled for the old one, the interpreter's loop among it, is thrown away.
 */
export const DOUBLE_ZERO = -0;

/** Source of time for RDTSC. */
export interface TimeSource {
  /** Current TSC before offset: low word; the high word is then in `tscHigh`. `retired`: instructions retired so far. */
  tsc(retired: number): number;
  tscHigh: number;
}

/** Second-stage translation: one word a guest frame, `mfn << 12 | rights` (bit 0 read, 1 write, 2 execute); 0: no memory there. */
export const P2M_READ = 1,
  P2M_WRITE = 2,
  P2M_EXECUTE = 4,
  P2M_RWX = 7;
/** Alone in an entry: memory that is not there yet and holds zeroes. An access exits as an EPT violation; page walks read the zeroes. */
export const P2M_ON_DEMAND = 16;
/** Next to a machine frame, without rights: what belongs there is still on the host that the guest has left. Accesses and page walks exit as EPT violations. */
export const P2M_AWAY = 32;

/** What `loadLevel` brings for 64-bit code: it means something to the processor alone. */
export type LongModeSource = (processor: never) => object;

/** The walk through shadow page tables (shadow-walk.ts); what it found stays in the fields until the next. */
export interface ShadowWalking {
  /** The error code of the #PF that an access causes, or ALLOWED (paging.ts). `implicit`: the processor's own access to descriptors and the like. */
  access(low: number, write: boolean, fetch: boolean, user: boolean, implicit: boolean, high: number): number;
  /** The page as the second stage has it (mfn << 12 | P2M_*; 0: a device), and its guest frame where it is a device's; else -1. */
  readonly entry: number;
  readonly gfn: number;
  readonly writable: boolean;
  readonly userPage: boolean;
  readonly global: boolean;
  /** A large page of the guest's maps it; of 1 GiB. */
  readonly isLarge: boolean;
  readonly isHuge: boolean;
  /** All translations are to go, also those of other vCPUs: the second stage has changed. */
  onFlush(): void;
  /** The processor has switched tasks in the hypervisor's place, by the guest's own tables. */
  onTaskSwitch(): void;
}

export interface ProcessorOptions {
  /** Machine memory; `p2m` holds frame numbers of it. */
  memory: SharedArrayBuffer | ArrayBuffer;
  /** Byte offset in `memory` of this processor's STATE_WORDS words. */
  stateOffset: number;
  /** Second-stage table, one word a guest frame; frames past its end do not exist. */
  p2m: Int32Array;
  time: TimeSource;
  /** A word (index in an Int32Array over `memory`) that ends `run()` soon after its value changes; -1: none. */
  doorbell: number;
  /**
   * Called with `exit` filled in as for an EPT violation when the guest reads or writes where the second stage has nothing: true if the access was
   * answered in place (a read's value is in `exit.value`), which spares the way out of `run()` and back; false, or no function: it exits.
   * It may call `stop()`, `invalidate()` and `flushTlb()`, nothing else of the processor.
   */
  answerAccess?: (exit: ExitInfo) => boolean;
  /**
   * What a read of a device's register at an offset of guest frame `gfn` finds, where that changes nothing and nobody need hear of it (a local APIC's, which VT-x
   * has in its virtual-APIC page: SDM vol. 3, 30.4.2), unsigned; -1: `answerAccess` is to be asked. Compiled code comes here after some reads of the page.
   */
  readQuietly?: (gfn: number, offset: number, size: number) => number;
  /** As `answerAccess` for IN and OUT, with `exit` filled in as for an I/O exit: a value read is in `exit.value`. */
  answerPort?: (exit: ExitInfo) => boolean;
  /** The same for CPUID where it exits: the answer is in EAX, EBX, ECX and EDX. */
  answerCpuid?: (exit: ExitInfo) => boolean;
  /**
   * Called before anything that was decoded from a machine frame is kept: true if someone else may write the frame, now or at any moment; then its
   * instructions are decoded each time they run. When that begins for a frame whose code is kept already, `invalidate()` must follow before the first write.
   */
  isCodeShared?: (mfn: number) => boolean;
  /** The guest has written IA32_APIC_BASE (its low word): its local APIC has moved, or was switched on or off. */
  apicBaseChanged?: (low: number) => void;
  /** The guest has written IA32_TIME_STAMP_COUNTER: TSC_OFFSET is another. */
  tscChanged?: () => void;
  /** TPR of the processor's local APIC, whose class is CR8: MOV does not exit, as with VT-x's TPR shadow (SDM vol. 3, 30.3). `set` may call `stop()`. */
  taskPriority?: { get(): number; set(value: number): void };
  /** The machine has local APICs: IA32_APIC_BASE is enabled after reset and CPUID shows one. */
  apic?: boolean;
  /** Returns once what lies at a guest frame that is away (P2M_AWAY) has come: for walks that are no guest's access. Absent: none is ever away. */
  bring?: (gfn: number) => void;
  /** What CPUID shows (default: every feature that is built). CR4, EFER and MSRs follow from it. */
  cpuLevel?: CpuModel;
  /** Tables that the hypervisor keeps, to be walked in the place of the guest's and of the second stage (shadow paging; absent: there are none). */
  shadow?: ShadowWalking;
  /** What 64-bit code needs (default: what `loadLevel` brought): a level of 64 bits asks for it. */
  longMode?: LongModeSource;
  /** A second tier, which compiles hot code to JavaScript (absent: none). It is there once `loadTier` or `giveTier` brought it. */
  regions?: RegionOptions;
  /** Index, in an Int32Array over `memory`, of the log of written frames (write-log.ts); -1, or absent: none is kept. */
  writeLog?: number;
  /** Instructions that CPUID does not show run all the same, as under a hypervisor that masks it; without this they are undefined. */
  masksCpuid?: boolean;
}

/**
 * Someone who looks on. While one is set each instruction runs alone and no address translation is kept, so that everything passes by; without one
 * nothing in the processor asks for it. What it hears of memory and ports belongs to instructions and deliveries of events that came to their end.
 */
export interface Probe {
  /** An instruction is about to begin at this linear address, as a breakpoint would find it (RF is clear). True: `run()` ends before it, with PREEMPTION_TIMER. */
  before?(linear: number): boolean;
  /** An instruction retired (with REP: one element), which began at this linear address. */
  retired?(linear: number): void;
  /** Data was read or written, also by the processor itself (descriptors, TSS); 1, 2 or 4 bytes, wider accesses and those across pages in parts. */
  memory?(linear: number, size: number, write: boolean, value: number): void;
  port?(port: number, size: number, write: boolean, value: number): void;
  /** An exception, software or external interrupt: interruption-information word, error code. It is delivered next, or exits. */
  event?(information: number, errorCode: number): void;
}

/**
 * What came of an exit that the processor was to emulate: done, the guest goes on behind the instruction, or gets its exception; it is to be #GP(0), and nothing
 * was changed; the exception is a triple fault; or it is none that the processor could have done itself.
 */
export type Emulated = 'done' | 'fault' | 'shutdown' | 'unknown';

/** A virtual processor. */
export interface Processor {
  readonly regs: Int32Array;
  readonly exit: ExitInfo;
  readonly controls: Controls;
  /** Whole EFLAGS, arithmetic flags computed. */
  eflags: number;
  readonly retired: number;
  /** The second tier; null: the interpreter runs alone. */
  readonly regions: Regions | null;
  /** It is to have a second tier that is not loaded yet. */
  readonly lacksRegions: boolean;
  /** It cannot go on before `loadOperations`: `run()` ended with NOT_LOADED. */
  readonly lacksOperations: boolean;
  /** It gets no second tier any more: that could not be loaded. */
  withoutRegions(): void;
  /** It runs no more: a processor that is made on this thread later gets its tables. @throws Error where it was given up before */
  release(): void;
  /** Null: nobody looks on. Not between `run()` and a completion that it asked for. */
  probe: Probe | null;
  /** Instructions and exits are counted as under a probe also while nobody looks on, so that somebody may do so in a part of a run that repeats itself. */
  evenly: boolean;

  /**
   * Runs until a VM exit, at most `limit` instructions (then PREEMPTION_TIMER), or until the doorbell word changes (then EXTERNAL_INTERRUPT).
   * An injected event is delivered first. Returns the exit reason; details are in `exit`.
   */
  run(limit: number): ExitReason;
  /** For what is called from inside `run()`: it ends after the instruction under way, with reason PREEMPTION_TIMER. */
  stop(): void;
  /** Called from inside `run()` whenever string instructions did some tenth of a millisecond's work, which their number does not tell. Null: nobody asks. */
  onWork: (() => void) | null;
  /**
   * VM-entry event injection: interruption-information word, error code, and for software interrupts and exceptions the length of the instruction
   * (default: as in `exit`); delivered when `run()` starts.
   */
  inject(information: number, errorCode?: number, instructionLength?: number): void;
  /** True when an external interrupt would be taken now: IF set and no shadow (and none waits for injection). */
  readonly interruptible: boolean;
  /** Moves EIP past the instruction that exited and ends interrupt shadows. */
  skipInstruction(): void;
  /**
   * Does what the instruction that exited would have done without the control that made it exit (CR0, CR3, CR4, INVLPG, RDTSC, RDTSCP, RDMSR, WRMSR), or gives an
   * exception of the exception bitmap back to the guest. Right behind `run()`.
   */
  emulateExit(): Emulated;
  /** Answers the read that an EPT violation on no-memory asked for (or acknowledges the write); the instruction goes on at the next `run()`. */
  completeMemoryAccess(value: number): void;
  /**
   * Finishes a port access that exited with reason IO: for IN, `value` goes to AL, AX or EAX (to memory for a string form); EIP advances, or for REP the next element comes.
   * For OUT the value written is in `exit.value`.
   */
  completePortAccess(value: number): void;
  /**
   * Of a REP INS or OUTS that exited with reason IO: guest memory of the elements that come next, as many as lie in one page, to be filled or read in
   * place before `completePortBlock`. Null: not possible, take the one element by `completePortAccess`.
   */
  portMemory(): Uint8Array | null;
  /** Finishes as many elements as these bytes of `portMemory()` are (a multiple of the element's size, at least one). */
  completePortBlock(bytes: number): void;
  /** The chipset asserts IGNNE#: x87 errors are ignored until the one that is pending is cleared. Nothing happens unless FERR# is asserted. */
  ignoreNumericError(): void;
  /** Drops whatever was translated from this machine frame: someone else writes it. */
  invalidate(mfn: number): void;
  /** Drops all address translations (another vCPU's TLB flush, a p2m change), and has the hypervisor drop those of its shadow. */
  flushTlb(): void;
  /** Drops those of one page, as INVLPG does. */
  flushPage(linear: number): void;
  /** As RESET: real mode at F000:FFF0. */
  reset(): void;
  /**
   * Guest linear to guest physical, without side effects (no A/D bits, no TLB fill); -1 where not mapped. An address of the upper half of 64-bit space is
   * negative; one that is not canonical is not mapped.
   */
  translate(linear: number): number;
  /** After the state words were replaced (restore): derive everything that is cached from them. */
  reload(): void;
  /** State beyond the words in shared memory (an instruction half done, a waiting injection). */
  save(): ProcessorExtra;
  restore(extra: ProcessorExtra): void;
}

/** Plain data, structured-cloneable and JSON-able. */
export interface ProcessorExtra {
  version: 1;
  injection: [information: number, errorCode: number, instructionLength?: number];
  /** Completed memory accesses of the instruction under way: address, width, 1 for write, value. */
  accesses: number[];
}
