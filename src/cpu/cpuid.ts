/**
 * What CPUID says: by default GenuineIntel family 6 model 28 stepping 10 (an in-order Atom), which Linux lists as free of speculation flaws, so that
 * kernels run without page-table isolation and retpolines. It shows every feature that is built. Source: SDM vol. 2, CPUID.
 */

export interface CpuidAnswer {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

/** Feature names as the instruction table uses them. */
const BUILT = ['fpu', 'cmov', 'cx8', 'mmx', 'fxsr', 'sse', 'sse2', 'tsc', 'sep', 'rdtscp', 'rdpid', 'smap', 'clfsh', 'msr', 'vmcall', 'sse3', 'ssse3', 'sse41', 'sse42', 'popcnt', 'monitor'] as const;

export function featuresOf(): ReadonlySet<string> {
  return new Set(BUILT);
}

const BRAND = 'Ringside virtual processor';

function brand(leaf: number): CpuidAnswer {
  const text = BRAND.padEnd(48, '\0');
  const word = (i: number) => {
    const at = leaf * 16 + i * 4;
    return text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8) | (text.charCodeAt(at + 2) << 16) | (text.charCodeAt(at + 3) << 24);
  };
  return { eax: word(0), ebx: word(1), ecx: word(2), edx: word(3) };
}

/**
 * What CPUID may be told to show, as processors came: each has what those before it have, `max` every feature that is built. Only CPUID changes,
 * as with the masks of real processors: instructions that are not shown still run.
 */
export const CPU_LEVELS = ['max', 'i586', 'i686', 'sse', 'sse2'] as const;
export type CpuLevel = (typeof CPU_LEVELS)[number];

const bits = (...numbers: number[]): number => numbers.reduce((word, bit) => word | (1 << bit), 0);
/** Leaf 1 EDX by level: Pentium; Pentium Pro with SYSENTER, PSE-36 and the local APIC; MMX, FXSR and SSE; CLFLUSH and SSE2. */
const I586_EDX = bits(0, 1, 2, 3, 4, 5, 7, 8, 9),
  I686_EDX = I586_EDX | bits(6, 11, 12, 13, 14, 15, 16, 17),
  SSE_EDX = I686_EDX | bits(23, 24, 25),
  SSE2_EDX = SSE_EDX | bits(19, 26);
const SHOWN_EDX: Readonly<Record<CpuLevel, number>> = { max: -1, i586: I586_EDX, i686: I686_EDX, sse: SSE_EDX, sse2: SSE2_EDX };

/** Takes what a level does not have out of an answer. */
function masked(level: CpuLevel, leaf: number, answer: CpuidAnswer): CpuidAnswer {
  if (level === 'max') return answer;
  switch (leaf >>> 0) {
    case 1: return { ...answer, ecx: 0, edx: answer.edx & SHOWN_EDX[level] };
    case 5:
    case 7: return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
    // NX and RDTSCP came later than any of these.
    case 0x80000001: return { ...answer, edx: 0 };
    default: return answer;
  }
}

/** Leaf 1 EDX: FPU VME DE PSE TSC MSR PAE MCE CX8 SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2. */
const LEAF1_EDX = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7) | (1 << 8) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 15)
  | (1 << 16) | (1 << 17) | (1 << 19) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26);

/** Leaf 1, ECX. */
export const CPUID_MONITOR = 1 << 3;
/** Leaf 1 ECX: SSE3 MONITOR SSSE3 SSE4.1 SSE4.2 POPCNT. */
const LEAF1_ECX = (1 << 0) | CPUID_MONITOR | (1 << 9) | (1 << 19) | (1 << 20) | (1 << 23);

/**
 * `apic`: a local APIC answers at IA32_APIC_BASE; `apicId`: its initial identifier. Its timer's TSC-deadline mode is not shown: until Linux has a
 * better clock than its own ticks it sets each deadline a tick after the last interrupt was taken, and what a busy host delays is lost for good;
 * its TSC then looks unstable. Periods of the periodic mode are made up for (LocalApic.nextPeriod).
 * `level`: index in CPU_LEVELS.
 */
export function cpuid(leaf: number, subleaf: number, apic: boolean, apicId = 0, level = 0): CpuidAnswer {
  return masked(CPU_LEVELS[level] ?? 'max', leaf, everything(leaf, subleaf, apic, apicId));
}

function everything(leaf: number, subleaf: number, apic: boolean, apicId: number): CpuidAnswer {
  const none = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  switch (leaf >>> 0) {
    case 0: return { eax: 7, ebx: 0x756e6547, edx: 0x49656e69, ecx: 0x6c65746e };
    case 1: return { eax: 0x000106ca, ebx: (apicId << 24) | (1 << 16) | (8 << 8), ecx: LEAF1_ECX, edx: LEAF1_EDX | (apic ? 1 << 9 : 0) };
    case 2: return { eax: 0x00000001, ebx: 0, ecx: 0, edx: 0 };
    // MONITOR lines of 64 bytes; MWAIT can be ended by masked interrupts; two kinds of C1.
    case 5: return { eax: 64, ebx: 64, ecx: 3, edx: 0x20 };
    // SMEP 7, SMAP 20 in EBX; UMIP 2, RDPID 22 in ECX.
    case 7: return subleaf === 0 ? { eax: 0, ebx: (1 << 7) | (1 << 20), ecx: (1 << 2) | (1 << 22), edx: 0 } : none;
    case 0x80000000: return { eax: 0x80000008 | 0, ebx: 0, ecx: 0, edx: 0 };
    // NX 20, RDTSCP 27.
    case 0x80000001: return { eax: 0, ebx: 0, ecx: 0, edx: (1 << 20) | (1 << 27) };
    case 0x80000002: return brand(0);
    case 0x80000003: return brand(1);
    case 0x80000004: return brand(2);
    // Invariant TSC.
    case 0x80000007: return { eax: 0, ebx: 0, ecx: 0, edx: 1 << 8 };
    case 0x80000008: return { eax: 0x2024, ebx: 0, ecx: 0, edx: 0 };
    default: return none;
  }
}
