/**
 * Where each piece of a virtual processor's state lies: 32-bit words of one typed array in shared memory, so that
 * a debugger, another worker or a post-mortem reads the same words the engine runs on.
 *
 * Words 0-15 are what 32-bit code touches at nearly every instruction, in one cache line: the integer rows of bench:cpu took 9 % more time with R8-R15 among
 * them (3 interleaved pairs). The high half of a register of 64 bits lies HIGH words behind its low half: of general registers, EIP, segment and table bases, control and debug registers, EFER, and the MSRs that say so. Of a
 * processor without 64-bit code they are 0. Nothing outside src/cpu writes these words while `run()` is on the stack. Saved states hold named registers (saved-registers.ts), not these words.
 */
import { EFER_LMA } from './control-bits.ts';

/** Words that one processor takes. */
export const STATE_WORDS = 1024;

export const EAX = 0,
  ECX = 1,
  EDX = 2,
  EBX = 3,
  ESP = 4,
  EBP = 5,
  ESI = 6,
  EDI = 7;
/** From the low half of a 64-bit register to its high half. */
export const HIGH = 512;
/** Always 0: represents a missing base or index register. */
export const ZERO = 8;
export const EIP = 9;
/** Lazy arithmetic flags: what was computed last, its operands and result (see flags.ts). */
export const FK = 10,
  FA = 11,
  FB = 12,
  FR = 13;
/** EFLAGS without the six arithmetic flags and with bit 1 clear; use `Processor.eflags` for the whole register. */
export const EFLAGS = 14;
/** Current privilege level 0-3. */
export const CPL = 15;
export const R8 = 16,
  R9 = 17,
  R10 = 18,
  R11 = 19,
  R12 = 20,
  R13 = 21,
  R14 = 22,
  R15 = 23;
/** The word of a general register by its encoding number (0-15). */
export const generalWord = (n: number): number => (n < 8 ? n : n - 8 + R8);
/** DR0-DR7 at DR + n. */
export const DR = 24;

/**
 * Segment registers, eight of SEG_WORDS words each from SEG: ES CS SS DS FS GS LDTR TR.
 * Access rights are in VMX format (SDM vol. 3, 25.4.1): bits 0-3 type, 4 S, 5-6 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G, 16 unusable.
 * The limit is in bytes, already scaled by G.
 */
export const SEG = 32,
  SEG_WORDS = 4;
export const SEG_SELECTOR = 0,
  SEG_BASE = 1,
  SEG_LIMIT = 2,
  SEG_RIGHTS = 3;
export const RIGHTS_UNUSABLE = 1 << 16,
  RIGHTS_DB = 1 << 14,
  RIGHTS_L = 1 << 13,
  RIGHTS_S = 1 << 4;
export const ES = 0,
  CS = 1,
  SS = 2,
  DS = 3,
  FS = 4,
  GS = 5,
  LDTR = 6,
  TR = 7;
/** A register of 64 bits as a number with a sign, exact where it is a canonical address. */
export const wideOf = (words: Int32Array, at: number): number => words[at + HIGH]! * 2 ** 32 + (words[at]! >>> 0);
/** The processor is in IA-32e mode: in 64-bit code, or in its compatibility mode. */
export const isLongMode = (words: Int32Array): boolean => (words[EFER]! & EFER_LMA) !== 0;
/** 64-bit code runs: long mode is active, and CS says so. */
export const isLongCode = (words: Int32Array): boolean =>
  isLongMode(words) && (words[SEG + CS * SEG_WORDS + SEG_RIGHTS]! & RIGHTS_L) !== 0;
/** The instruction pointer, an offset in CS: in 64-bit code RIP with a sign, else EIP without. */
export const ipOf = (words: Int32Array): number => (isLongCode(words) ? wideOf(words, EIP) : words[EIP]! >>> 0);
/** Linear address of the next instruction, likewise. */
export const linearIpOf = (words: Int32Array): number =>
  isLongCode(words) ? wideOf(words, EIP) : (words[SEG + CS * SEG_WORDS + SEG_BASE]! + words[EIP]!) >>> 0;
export const GDTR_BASE = 64,
  GDTR_LIMIT = 65,
  IDTR_BASE = 66,
  IDTR_LIMIT = 67;

/** Interruptibility (SDM vol. 3, 25.4.2): bit 0 blocking by STI, bit 1 by MOV SS, bit 3 by NMI. */
export const INTERRUPTIBILITY = 68;
/** Activity (SDM vol. 3, 25.4.2): 0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI. */
export const ACTIVITY = 69;
export const PENDING_DEBUG = 70;
/** Instructions retired since reset: low and high 32 bits. */
export const RETIRED_LOW = 72,
  RETIRED_HIGH = 73;
/** What CPUID shows: index in CPU_LEVELS (cpuid.ts). */
export const CPU_LEVEL = 74;

/** The entry points have 64 bits. */
export const MSR_SYSENTER_CS = 80,
  MSR_SYSENTER_ESP = 81,
  MSR_SYSENTER_EIP = 82;
/** IA32_PAT, IA32_APIC_BASE, IA32_TSC_ADJUST, TSC offset, IA32_MISC_ENABLE, IA32_TSC_AUX: low word, then high word. */
export const MSR_PAT = 84,
  MSR_APIC_BASE = 86,
  MSR_TSC_ADJUST = 88,
  TSC_OFFSET = 90,
  MSR_MISC_ENABLE = 92,
  MSR_TSC_AUX = 94;
/** MTRRs: 16 variable (8 pairs of base and mask), 11 fixed, default type; two words each. */
export const MSR_MTRR = 96;

export const CR0 = 152,
  CR2 = 153,
  CR3 = 154,
  CR4 = 155,
  CR8 = 156;
export const EFER = 157;
/** Initial APIC ID: bits 24-31 of EBX in CPUID leaf 1. */
export const APIC_ID = 158;
/** IA32_STAR, IA32_LSTAR, IA32_CSTAR, IA32_FMASK, IA32_KERNEL_GS_BASE, of 64 bits. No instruction reads them yet. */
export const MSR_STAR = 160,
  MSR_LSTAR = 161,
  MSR_CSTAR = 162,
  MSR_FMASK = 163,
  MSR_KERNEL_GS_BASE = 164;

/** Where the page begins that 64-bit code runs from, of 64 bits: operands relative to RIP count from there. Set while it runs. */
export const PAGE_RIP = 168;

/** CPUID's words of features: leaf and register. */
export const CPUID_WORDS = ['1.edx', '1.ecx', '7.ebx', '7.ecx', '80000001.ecx', '80000001.edx'] as const;
/** What CPUID does not show of its level: a mask of each of its words, in their order. */
export const CPU_HIDDEN = 170,
  CPU_HIDDEN_WORDS = CPUID_WORDS.length;

/** x87: control, status (TOP included), tag (abridged as in FXSAVE: bit i = physical register i in use), opcode, instruction and data pointers. */
export const FCW = 192,
  FSW = 193,
  FTW = 194,
  FOP = 195,
  FIP = 196,
  FCS = 197,
  FDP = 198,
  FDS = 199;
export const MXCSR = 200;
/** Bits of MXCSR that exist, denormals-are-zeros included; what FXSAVE stores as MXCSR_MASK. */
export const MXCSR_MASK = 0xffff;
/** Pins for x87 errors with CR0.NE clear: bit 0 FERR# is asserted, bit 1 the chipset asserts IGNNE#. */
export const FERR = 201;
/**
 * Physical x87 register i (not ST(i)): FPR + 4*i: mantissa low, mantissa high, sign and exponent (16 bits), reserved.
 * MMn is the mantissa of physical register n. This is the architectural form; the engine may cache others elsewhere.
 */
export const FPR = 208;
// Words 240-255 are scratch of src/cpu/fpu: memory operands while an instruction runs.
/** XMM0-15 at XMM + 4*n, low word first. 32-bit code reaches the first eight. */
export const XMM = 256;

/** PAE page-directory-pointer registers, loaded by MOV CR3 (SDM vol. 3, 4.4.1): four pairs of words. */
export const PDPTE = 320;

/**
 * A port access under way (ops/ports.ts). PORT_STATE says which: none; it left by an exit and waits for its completion; an INS was answered, but
 * its store goes to no memory and waits for its own exit. PORT is the exit's qualification and what else completion needs; PORT_LINEAR where INS stores.
 */
export const PORT_STATE = 328,
  PORT = 329,
  PORT_LINEAR = 330,
  PORT_VALUE = 331;
export const PORT_NONE = 0,
  PORT_WAITS = 1,
  PORT_ANSWERED = 2;
/** MONITOR and MWAIT (monitor.ts): what is watched, the guest-physical address of the line, and its sixteen words as MONITOR found them. */
export const MONITOR_STATE = 336,
  MONITOR_ADDRESS = 337,
  MONITOR_LINE = 340;
/**
 * What led to a triple fault (interrupts.ts): how many events in a row could not be delivered, and of the last UNDELIVERED_MOST of them, oldest first, the
 * interruption-information word, the error code and, of a page fault, the linear address, with its high half.
 */
export const UNDELIVERED = 356,
  UNDELIVERED_EVENTS = 357,
  UNDELIVERED_WORDS = 3,
  UNDELIVERED_MOST = 6;
/**
 * Low halves of RAX to RDI as 64-bit code left them for other code (`Mode.settle`). No saved state has these: what becomes of high halves there is undefined
 * (SDM vol. 1, 3.4.1.1).
 */
export const LEFT = 376;
