/** Model-specific registers that Linux 6.1 and Xen guests touch. Source: SDM vol. 4. */
import type { Cpu } from '../cpu.ts';
import { isCanonical } from '../addressing.ts';
import { CR0_PG, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE } from '../architecture/control-bits.ts';
import { PHYSICAL_BITS } from '../architecture/paging.ts';
import { MISC_MONITOR } from '../monitor.ts';
import {
  CR0,
  EAX,
  ECX,
  EDX,
  EFER,
  FS,
  GS,
  HIGH,
  MSR_APIC_BASE,
  MSR_MISC_ENABLE,
  MSR_CSTAR,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_MTRR,
  MSR_PAT,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  MSR_TSC_AUX,
  SEG,
  SEG_BASE,
  SEG_WORDS,
  TSC_OFFSET,
} from '../architecture/registers.ts';

/** Answer of `readMsr`: low word; the high word is in `high`. */
const msrAnswer = { low: 0, high: 0 };

/** Fixed-range MTRRs in their order in the state words, after eight variable pairs; the default type is last. */
const FIXED = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f];
const MTRR_DEFAULT = MSR_MTRR + 2 * (16 + FIXED.length);

/** State word of an MSR of 64 bits, whose halves lie HIGH words apart; -1 for others. Those with an address take canonical ones alone. */
function wideWord(index: number): number {
  switch (index >>> 0) {
    case 0x175:
      return MSR_SYSENTER_ESP;
    case 0x176:
      return MSR_SYSENTER_EIP;
    case 0xc0000081:
      return MSR_STAR;
    case 0xc0000082:
      return MSR_LSTAR;
    case 0xc0000083:
      return MSR_CSTAR;
    case 0xc0000084:
      return MSR_FMASK;
    case 0xc0000100:
      return SEG + FS * SEG_WORDS + SEG_BASE;
    case 0xc0000101:
      return SEG + GS * SEG_WORDS + SEG_BASE;
    case 0xc0000102:
      return MSR_KERNEL_GS_BASE;
    default:
      return -1;
  }
}
const needsCanonical = (at: number): boolean => at !== MSR_STAR && at !== MSR_FMASK;

/** State word of an MSR that is plain storage of 64 bits; -1 for others. */
function storage(index: number): number {
  if (index >= 0x200 && index <= 0x20f) return MSR_MTRR + 2 * (index - 0x200);
  const fixed = FIXED.indexOf(index);
  if (fixed >= 0) return MSR_MTRR + 2 * (16 + fixed);
  switch (index >>> 0) {
    case 0x1b:
      return MSR_APIC_BASE;
    case 0x1a0:
      return MSR_MISC_ENABLE;
    case 0x277:
      return MSR_PAT;
    case 0x2ff:
      return MTRR_DEFAULT;
    case 0xc0000103:
      return MSR_TSC_AUX;
    default:
      return -1;
  }
}

/** Features without which an MSR is missing, any of them (SDM vol. 4, table 2-2). */
function featuresOfMsr(index: number): readonly string[] | undefined {
  if ((index >= 0x200 && index <= 0x20f) || FIXED.includes(index)) return ['mtrr'];
  switch (index >>> 0) {
    case 0xfe:
    case 0x2ff:
      return ['mtrr'];
    case 0x174:
    case 0x175:
    case 0x176:
      return ['sep'];
    case 0x179:
    case 0x17a:
      return ['mca'];
    case 0x277:
      return ['pat'];
    case 0xc0000080:
      return ['nx', 'syscall', 'lm'];
    case 0xc0000081:
      return ['syscall'];
    case 0xc0000082:
    case 0xc0000083:
    case 0xc0000084:
    case 0xc0000100:
    case 0xc0000101:
    case 0xc0000102:
      return ['lm'];
    case 0xc0000103:
      return ['rdtscp', 'rdpid'];
    default:
      return undefined;
  }
}
const isMissing = (cpu: Cpu, index: number) =>
  featuresOfMsr(index)?.some(feature => cpu.features.has(feature)) === false;

/** True if the processor has this MSR; the value is in `msrAnswer`. */
function readMsr(cpu: Cpu, index: number): boolean {
  const { R } = cpu;
  if (isMissing(cpu, index)) return false;
  const at = storage(index);
  const answer = (low: number, high = 0) => {
    msrAnswer.low = low;
    msrAnswer.high = high;
    return true;
  };
  if (at >= 0) return answer(R[at]!, R[at + 1]!);
  const word = wideWord(index);
  if (word >= 0) return answer(R[word]!, R[word + HIGH]!);
  switch (index >>> 0) {
    case 0x10: {
      const { low, high } = readTsc(cpu);
      return answer(low, high);
    }
    case 0x17:
      return answer(0);
    // IA32_FEATURE_CONTROL: locked, VMX off.
    case 0x3a:
      return answer(1);
    case 0x8b:
      return answer(0);
    // IA32_MTRRCAP: eight variable ranges, fixed ranges, write-combining.
    case 0xfe:
      return answer(8 | (1 << 8) | (1 << 10));
    case 0x174:
      return answer(R[MSR_SYSENTER_CS]!);
    // IA32_MCG_CAP, IA32_MCG_STATUS: no banks.
    case 0x179:
    case 0x17a:
      return answer(0);
    case 0xc0000080:
      return answer(R[EFER]!);
    default:
      return false;
  }
}

const PAT_TYPES = new Set([0, 1, 4, 5, 6, 7]);
const validPat = (word: number) => [0, 8, 16, 24].every(shift => PAT_TYPES.has((word >>> shift) & 0xff));

const MTRR_TYPES = new Set([0, 1, 4, 5, 6]);
const validTypes = (word: number) => [0, 8, 16, 24].every(shift => MTRR_TYPES.has((word >>> shift) & 0xff));
/** High word of a physical address. */
const beyondPhysical = (high: number) => (high & ~((1 << (PHYSICAL_BITS - 32)) - 1)) !== 0;

/** False where a reserved bit is set or a memory type is none (SDM vol. 3, 11.4.4, 12.11.2, 12.12.2; vol. 4, table 2-2). */
function validValue(cpu: Cpu, at: number, low: number, high: number): boolean {
  switch (at) {
    case MSR_PAT:
      return validPat(low) && validPat(high);
    // BSP 8, EN 11; no x2APIC.
    case MSR_APIC_BASE:
      return !beyondPhysical(high) && (low & 0x6ff) === 0 && (cpu.R[MSR_APIC_BASE]! !== 0 || low === 0);
    case MSR_TSC_AUX:
      return high === 0;
    // Without MONITOR its bit does not change.
    case MSR_MISC_ENABLE:
      return cpu.features.has('monitor') || ((low ^ cpu.R[at]!) & MISC_MONITOR) === 0;
    case MTRR_DEFAULT:
      return high === 0 && (low & 0xfffff300) === 0 && MTRR_TYPES.has(low & 0xff);
    default:
  }
  if (at < MSR_MTRR || at >= MTRR_DEFAULT) return true;
  const index = (at - MSR_MTRR) >>> 1;
  if (index >= 16) return validTypes(low) && validTypes(high);
  if (beyondPhysical(high)) return false;
  return (index & 1) === 0 ? (low & 0xf00) === 0 && MTRR_TYPES.has(low & 0xff) : (low & 0x7ff) === 0;
}

/** What a write came to: done, #GP(0), or not one of ours. */
export function writeMsr(cpu: Cpu, index: number, low: number, high: number): 'done' | 'fault' | 'unknown' {
  const { R } = cpu;
  if (isMissing(cpu, index)) return 'unknown';
  const at = storage(index);
  if (at >= 0) {
    if (!validValue(cpu, at, low, high)) return 'fault';
    R[at] = low;
    R[at + 1] = high;
    if (at === MSR_APIC_BASE) cpu.apicBaseChanged?.(low);
    return 'done';
  }
  const word = wideWord(index);
  if (word >= 0) {
    const isLong = cpu.features.has('lm');
    if (isLong && needsCanonical(word) && !isCanonical(high)) return 'fault';
    R[word] = low;
    // Without 64-bit mode SYSENTER's have 32 bits.
    R[word + HIGH] = isLong ? high : 0;
    return 'done';
  }
  switch (index >>> 0) {
    case 0x10: {
      const now = cpu.time.tsc(cpu.loop.retiredNow) >>> 0,
        nowHigh = cpu.time.tscHigh;
      const difference = (low >>> 0) - now;
      R[TSC_OFFSET] = difference | 0;
      R[TSC_OFFSET + 1] = (high - nowHigh - (difference < 0 ? 1 : 0)) | 0;
      cpu.tscChanged?.();
      return 'done';
    }
    case 0x8b:
    case 0x17a:
      return 'done';
    case 0x174:
      R[MSR_SYSENTER_CS] = low;
      return 'done';
    case 0xc0000080:
      return writeEfer(cpu, low, high);
    default:
      return 'unknown';
  }
}

/** LMA is the processor's; LME does not change under paging (SDM vol. 3, 2.2.1). */
function writeEfer(cpu: Cpu, low: number, high: number): 'done' | 'fault' {
  const { R, features } = cpu,
    allowed =
      (features.has('nx') ? EFER_NXE : 0) |
      (features.has('syscall') ? EFER_SCE : 0) |
      (features.has('lm') ? EFER_LME : 0),
    value = low & ~EFER_LMA;
  if ((value & ~allowed) !== 0 || high !== 0) return 'fault';
  if (((value ^ R[EFER]!) & EFER_LME) !== 0 && (R[CR0]! & CR0_PG) !== 0) return 'fault';
  R[EFER] = value | (R[EFER]! & EFER_LMA);
  cpu.tlb.flushAll();
  return 'done';
}

/** What RDTSC and RDTSCP (`withAux`) leave: registers of 32 bits, whose high halves are cleared. */
export function putTsc(cpu: Cpu, withAux: boolean): void {
  const { low, high } = readTsc(cpu);
  put(cpu, EAX, low);
  put(cpu, EDX, high);
  if (withAux) put(cpu, ECX, cpu.R[MSR_TSC_AUX]!);
}

/** RDMSR; false: the processor has not the MSR that ECX names, and nothing changes. */
export function putMsr(cpu: Cpu): boolean {
  if (!readMsr(cpu, cpu.R[ECX]!)) return false;
  put(cpu, EAX, msrAnswer.low);
  put(cpu, EDX, msrAnswer.high);
  return true;
}

function put({ R }: Cpu, word: number, value: number): void {
  R[word] = value;
  R[word + HIGH] = 0;
}

/** The guest's TSC: the host's plus the offset that the guest wrote or the hypervisor set. */
export function readTsc(cpu: Cpu): { low: number; high: number } {
  const { R } = cpu;
  const low = (cpu.time.tsc(cpu.loop.retiredNow) >>> 0) + (R[TSC_OFFSET]! >>> 0);
  return { low: low | 0, high: (cpu.time.tscHigh + R[TSC_OFFSET + 1]! + (low >= 2 ** 32 ? 1 : 0)) | 0 };
}
