/**
 * What leaves a guest for the hypervisor, by name: the one table that reports, statistics and the page use, and where each reason is counted.
 * Sources: basic exit reasons, SDM vol. 3, appendix C; vectors, SDM vol. 3, table 6-1; Xen's vectors, xen/include/public/arch-x86/xen-x86_32.h.
 */
import { ExitReason } from '../../cpu/architecture/index.ts';

/** For people, as short as a table's column. */
const TITLES: Record<Exclude<keyof typeof ExitReason, 'IDT_FIRST'>, string> = {
  EXCEPTION_OR_NMI: 'Exception or NMI',
  EXTERNAL_INTERRUPT: 'External interrupt',
  TRIPLE_FAULT: 'Triple fault',
  INIT: 'INIT signal',
  SIPI: 'Start-up IPI',
  INTERRUPT_WINDOW: 'Interrupt window',
  NMI_WINDOW: 'NMI window',
  TASK_SWITCH: 'Task switch',
  CPUID: 'CPUID',
  HLT: 'HLT',
  INVLPG: 'INVLPG',
  RDPMC: 'RDPMC',
  RDTSC: 'RDTSC',
  VMCALL: 'VMCALL',
  CR_ACCESS: 'Control-register access',
  DR_ACCESS: 'MOV DR',
  IO: 'I/O instruction',
  RDMSR: 'RDMSR',
  WRMSR: 'WRMSR',
  MWAIT: 'MWAIT',
  MONITOR_TRAP_FLAG: 'Monitor trap flag',
  MONITOR: 'MONITOR',
  PAUSE: 'PAUSE',
  EPT_VIOLATION: 'EPT violation',
  EPT_MISCONFIGURATION: 'EPT misconfiguration',
  RDTSCP: 'RDTSCP',
  PREEMPTION_TIMER: 'Preemption timer',
  WBINVD: 'WBINVD',
  XSETBV: 'XSETBV',
  VMMCALL: 'VMMCALL',
  FERR: 'x87 error (FERR#)',
};

const NAMES = new Map<number, keyof typeof TITLES>(
  (Object.keys(TITLES) as (keyof typeof TITLES)[]).map(name => [ExitReason[name], name]),
);
/** All VM exits, as ExitReason spells them. */
export const EXIT_NAMES: readonly string[] = [...NAMES.values()];

/** Exceptions by vector; 9, 15 and those from 20 have no name that a guest here could meet. */
const EXCEPTIONS: Record<number, string> = {
  0: '#DE divide error',
  1: '#DB debug',
  2: 'NMI',
  3: '#BP breakpoint',
  4: '#OF overflow',
  5: '#BR bound range',
  6: '#UD invalid opcode',
  7: '#NM no x87',
  8: '#DF double fault',
  10: '#TS invalid TSS',
  11: '#NP not present',
  12: '#SS stack fault',
  13: '#GP protection',
  14: '#PF page fault',
  16: '#MF x87 error',
  17: '#AC alignment',
  18: '#MC machine check',
  19: '#XM SIMD error',
};
/** A vector in the words of the SDM. */
export const exceptionName = (vector: number): string =>
  EXCEPTIONS[vector] ?? `vector 0x${vector.toString(16).padStart(2, '0')}`;
/** INT 0x82, by which a paravirtual guest calls Xen (TRAP_INSTR of xen/include/public/arch-x86/xen-x86_32.h). */
export const HYPERCALL_VECTOR = 0x82;

/** Vector of what came through the hypervisor's own interrupt table; -1: a VM exit. */
export const vectorOf = (reason: number): number =>
  reason >= ExitReason.IDT_FIRST ? reason - ExitReason.IDT_FIRST : -1;

/** As ExitReason spells it, for reports and statistics; from 0x100 on the vector of the hypervisor's interrupt table. */
export function exitName(reason: number): string {
  const vector = vectorOf(reason);
  return vector >= 0 ? `IDT_${vector}` : (NAMES.get(reason) ?? `REASON_${reason}`);
}

/** For people. */
export function exitTitle(reason: number): string {
  const vector = vectorOf(reason);
  if (vector === HYPERCALL_VECTOR) return 'Hypercall, INT 0x82';
  if (vector >= 0) return EXCEPTIONS[vector] ?? `INT 0x${vector.toString(16).padStart(2, '0')}`;
  const name = NAMES.get(reason);
  return name ? TITLES[name] : `Reason ${reason}`;
}

/** Where the reason is described. */
export function exitSource(reason: number): string {
  const vector = vectorOf(reason);
  if (vector === HYPERCALL_VECTOR) return 'xen/include/public/arch-x86/xen-x86_32.h (TRAP_INSTR)';
  if (vector >= 0) return 'Intel SDM vol. 3, table 6-1';
  if (reason === ExitReason.VMMCALL) return 'AMD64 manual vol. 3, VMMCALL';
  if (reason === ExitReason.FERR) return 'Intel SDM vol. 1, appendix D';
  return 'Intel SDM vol. 3, appendix C';
}

/** Counters: Intel's reasons 0-63, ours 0x80-0x9f, a vector each. */
const OURS = 64,
  VECTORS = OURS + 32;
export const EXIT_COUNTERS = VECTORS + 256;
/** Those of saved states of earlier versions, whose last one counted all vectors. */
export const OLD_EXIT_COUNTERS = 128;

/** Index of a reason's counter. */
export function exitCounter(reason: number): number {
  const vector = vectorOf(reason);
  return vector >= 0 ? VECTORS + vector : reason < OURS ? reason : OURS + reason - 0x80;
}

/** The reason that a counter belongs to. */
export function reasonOf(counter: number): number {
  if (counter >= VECTORS) return ExitReason.IDT_FIRST + counter - VECTORS;
  return counter < OURS ? counter : 0x80 + counter - OURS;
}
