/**
 * What CPUID says: by default GenuineIntel family 6 model 28 stepping 10 (an in-order Atom), which Linux lists as free of speculation flaws, so that
 * kernels run without page-table isolation and retpolines. It shows every feature that is built. Source: SDM vol. 2, CPUID.
 */

import {
  CR4_DE,
  CR4_FSGSBASE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_PVI,
  CR4_SMAP,
  CR4_SMEP,
  CR4_TSD,
  CR4_UMIP,
  CR4_VME,
} from './control-bits.ts';
import { CPU_HIDDEN, CPU_LEVEL, CPUID_WORDS as WORDS } from './registers.ts';

type Word = (typeof WORDS)[number];

export interface CpuidAnswer {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
}

/**
 * Every feature that is built, by the name that the instruction table uses, where CPUID shows it: leaf and register, then the bit. What CR4, EFER and MSRs
 * accept and which instructions there are follows from it too (`Features`). The local APIC, leaf 1 EDX bit 9, comes and goes with IA32_APIC_BASE.
 */
const BITS = {
  '1.edx': {
    fpu: 0,
    vme: 1,
    de: 2,
    pse: 3,
    tsc: 4,
    msr: 5,
    pae: 6,
    mce: 7,
    cx8: 8,
    sep: 11,
    mtrr: 12,
    pge: 13,
    mca: 14,
    cmov: 15,
    pat: 16,
    pse36: 17,
    clfsh: 19,
    mmx: 23,
    fxsr: 24,
    sse: 25,
    sse2: 26,
  },
  '1.ecx': { sse3: 0, monitor: 3, ssse3: 9, cx16: 13, sse41: 19, sse42: 20, popcnt: 23 },
  '7.ebx': { fsgsbase: 0, smep: 7, smap: 20 },
  '7.ecx': { umip: 2, rdpid: 22 },
  '80000001.ecx': { lahf_lm: 0 },
  '80000001.edx': { syscall: 11, nx: 20, pdpe1gb: 26, rdtscp: 27, lm: 29 },
} as const satisfies Record<Word, Readonly<Record<string, number>>>;
const APIC = 1 << 9;
/** Leaf 7, EDX. */
const ARCH_CAPABILITIES = 1 << 29;

/** Ticks of the TSC a second, at a fixed nominal frequency, and of the crystal clock, which the local APIC's timer counts (SDM vol. 3, 11.5.4). */
export const TSC_HZ = 1_000_000_000,
  CRYSTAL_HZ = 100_000_000;

/**
 * What CPUID can be set to show, as processors came: i586 to sse2, then x86-64, each with what those before it have. `max` is every feature of 32-bit modes
 * that is built, `x86-64-v2` every one of 64-bit code, which is more than the psABI's level of that name wants (x86-64 psABI, 3.1.1). What is not shown is not
 * there: its instructions are undefined (but see ProcessorOptions.masksCpuid), its bits of CR4 and EFER reserved, its MSRs missing.
 * Saved states have a level's index: new ones come last.
 */
export const CPU_LEVELS = ['max', 'i586', 'i686', 'sse', 'sse2', 'x86-64-v2', 'x86-64'] as const;
export type CpuLevel = (typeof CPU_LEVELS)[number];
/** A level, and features by their names here that it does not show: `x86-64-v2,-nx,-smap`. */
export type CpuModel = CpuLevel | `${CpuLevel},-${string}`;

/** Pentium; Pentium Pro with SYSENTER and PSE-36; MMX, FXSR and SSE; CLFLUSH and SSE2; the first ones of 64 bits. RDTSCP came later than any of these. */
const I586 = ['fpu', 'vme', 'de', 'pse', 'tsc', 'msr', 'mce', 'cx8'],
  I686 = [...I586, 'pae', 'sep', 'mtrr', 'pge', 'mca', 'cmov', 'pat', 'pse36'],
  SSE = [...I686, 'mmx', 'fxsr', 'sse'],
  SSE2 = [...SSE, 'clfsh', 'sse2'],
  FIRST_LONG = [...SSE2, 'nx', 'syscall', 'lm'];
const LONG = Object.values(BITS).flatMap(word => Object.keys(word));
/** What 64-bit code and its systems need. */
const ONLY_LONG = ['cx16', 'fsgsbase', 'lahf_lm', 'syscall', 'pdpe1gb', 'lm'],
  ALL = LONG.filter(name => !ONLY_LONG.includes(name));

export type Features = ReadonlySet<string>;
/**
 * By level. The hypercall instructions have no CPUID bit. What no old processor has, and no model hides: frequencies (leaves 15H and 16H), and
 * IA32_ARCH_CAPABILITIES (leaf 7).
 */
const FEATURES: readonly Features[] = [ALL, I586, I686, SSE, SSE2, LONG, FIRST_LONG].map(
  names => new Set([...names, 'vmcall', ...(names.includes('rdtscp') ? ['frequencies', 'arch_capabilities'] : [])]),
);

/** Where a feature's bit is; undefined: none is built of that name. */
function bitOf(name: string): readonly [word: number, bit: number] | undefined {
  const word = WORDS.findIndex(of => Object.hasOwn(BITS[of], name));
  return word < 0 ? undefined : [word, (BITS[WORDS[word]!] as Record<string, number>)[name]!];
}
export const isFeature = (name: string): boolean => bitOf(name) !== undefined;

/** What goes with a feature that is hidden (deep dependencies of xen/tools/gen-cpuid.py). */
const NEEDED_BY: Readonly<Record<string, readonly string[]>> = {
  fpu: ['mmx', 'fxsr'],
  tsc: ['rdtscp'],
  cx8: ['cx16'],
  pse: ['pse36'],
  pae: ['lm', 'nx'],
  fxsr: ['sse'],
  sse: ['sse2'],
  sse2: ['sse3', 'lm'],
  sse3: ['ssse3'],
  ssse3: ['sse41'],
  sse41: ['sse42'],
  lm: ['cx16', 'lahf_lm', 'pdpe1gb'],
};
const withDependents = (names: readonly string[]): string[] =>
  names.flatMap(name => [name, ...withDependents(NEEDED_BY[name] ?? [])]);

const hiding = new Map<string, Features>();
/** What a level shows without the bits of `hidden`, from `at` on a word for each of CPUID's in order of BITS. The same set for the same. */
function without(level: number, hidden: Int32Array, at = 0): Features {
  const all = FEATURES[level] ?? FEATURES[0]!;
  let any = 0;
  for (let i = 0; i < WORDS.length; i++) any |= hidden[at + i]!;
  if (any === 0) return all;
  const masks = hidden.subarray(at, at + WORDS.length),
    key = `${level} ${masks.join(' ')}`;
  let features = hiding.get(key);
  if (!features) {
    const isHidden = (name: string): boolean => {
      const place = bitOf(name);
      return place !== undefined && ((masks[place[0]]! >>> place[1]) & 1) === 1;
    };
    hiding.set(key, (features = new Set([...all].filter(name => !isHidden(name)))));
  }
  return features;
}

/** The parts of a model as it is written; what they name need not be there. */
export function partsOfModel(model: string): { level: string; hidden: string[] } {
  const [level, ...hidden] = model.split(',-');
  return { level: level!, hidden };
}
export const modelFrom = (level: CpuLevel, hidden: readonly string[]): CpuModel =>
  [level, ...hidden].join(',-') as CpuModel;

/** A model's level as saved states have it, and its hidden features as `without` takes them. */
function parsed(model: CpuModel): { level: number; hidden: Int32Array } {
  const { level, hidden: names } = partsOfModel(model);
  const hidden = new Int32Array(WORDS.length);
  for (const name of withDependents(names)) {
    const place = bitOf(name);
    if (place) hidden[place[0]]! |= 1 << place[1];
  }
  return { level: CPU_LEVELS.indexOf(level as CpuLevel), hidden };
}

export function featuresOf(model: CpuModel = 'max'): Features {
  const { level, hidden } = parsed(model);
  return without(level, hidden);
}
/** What a processor shows, by its state words. */
export const shownBy = (words: Int32Array): Features => without(words[CPU_LEVEL]!, words, CPU_HIDDEN);
export function putModel(words: Int32Array, model: CpuModel): void {
  const { level, hidden } = parsed(model);
  words[CPU_LEVEL] = level;
  words.set(hidden, CPU_HIDDEN);
}
/** The model of a level's index and hidden words; undefined: there is no such level. */
export function modelOf(level: number, hidden: Int32Array): CpuModel | undefined {
  const name = CPU_LEVELS[level];
  if (name === undefined) return undefined;
  const shown = without(level, hidden);
  return modelFrom(
    name,
    [...FEATURES[level]!].filter(feature => !shown.has(feature)),
  );
}
/** It has 64-bit code. */
export const hasLongMode = (model: CpuModel = 'max'): boolean => featuresOf(model).has('lm');

/** All that is built for processors with 64-bit code, or without as these are. */
export const builtBeside = (features: Features): Features => featuresOf(features.has('lm') ? 'x86-64-v2' : 'max');

/** Bits of CR4 and the feature that each belongs to (SDM vol. 3, 2.5). PCE has none: RDPMC is not shown by CPUID. */
const CR4_FEATURES: readonly (readonly [feature: string, bits: number])[] = [
  ['vme', CR4_VME | CR4_PVI],
  ['tsc', CR4_TSD],
  ['de', CR4_DE],
  ['pse', CR4_PSE],
  ['pae', CR4_PAE],
  ['mce', CR4_MCE],
  ['pge', CR4_PGE],
  ['fxsr', CR4_OSFXSR],
  ['sse', CR4_OSXMMEXCPT],
  ['umip', CR4_UMIP],
  ['fsgsbase', CR4_FSGSBASE],
  ['smep', CR4_SMEP],
  ['smap', CR4_SMAP],
];
/** What may be set in CR4. */
export const cr4BitsOf = (features: Features): number =>
  CR4_FEATURES.reduce((all, [feature, bits]) => (features.has(feature) ? all | bits : all), CR4_PCE);

const words = new WeakMap<Features, Record<Word, number>>();
/** CPUID's words of features. */
function wordsOf(features: Features): Record<Word, number> {
  let shown = words.get(features);
  if (!shown) {
    shown = Object.fromEntries(
      Object.entries(BITS).map(([word, names]) => [
        word,
        Object.entries(names).reduce((bits, [name, bit]) => (features.has(name) ? bits | (1 << bit) : bits), 0),
      ]),
    ) as Record<Word, number>;
    words.set(features, shown);
  }
  return shown;
}

const BRAND = 'Ringside virtual processor';

function brand(leaf: number): CpuidAnswer {
  const text = BRAND.padEnd(48, '\0');
  const word = (i: number) => {
    const at = leaf * 16 + i * 4;
    return (
      text.charCodeAt(at) |
      (text.charCodeAt(at + 1) << 8) |
      (text.charCodeAt(at + 2) << 16) |
      (text.charCodeAt(at + 3) << 24)
    );
  };
  return { eax: word(0), ebx: word(1), ecx: word(2), edx: word(3) };
}

/** Caches as this model has them, which leaves 2, 4 and 80000006H describe: each processor's own. */
interface Cache {
  /** 1: of data, 2: of instructions, 3: of both. */
  type: 1 | 2 | 3;
  level: 1 | 2;
  bytes: number;
  ways: number;
}
const LINE_BYTES = 64,
  L2: Cache = { type: 3, level: 2, bytes: 512 * 1024, ways: 8 };
const CACHES: readonly Cache[] = [
  { type: 1, level: 1, bytes: 24 * 1024, ways: 6 },
  { type: 2, level: 1, bytes: 32 * 1024, ways: 8 },
  L2,
];
/** Leaf 4; type 0 says that there are no more. */
function cacheLeaf(cache: Cache | undefined): CpuidAnswer {
  if (!cache) return { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  const { type, level, bytes, ways } = cache,
    selfInitializing = 1 << 8;
  return {
    eax: type | (level << 5) | selfInitializing,
    ebx: (LINE_BYTES - 1) | ((ways - 1) << 22),
    ecx: bytes / (LINE_BYTES * ways) - 1,
    edx: 0,
  };
}

/** Leaf 1, ECX. */
export const CPUID_MONITOR = 1 << BITS['1.ecx'].monitor;

/**
 * `apic`: a local APIC answers at IA32_APIC_BASE; `apicId`: its initial identifier. Its timer's TSC-deadline mode is not shown: until Linux has a
 * better clock than its own ticks it sets each deadline a tick after the last interrupt was taken, and what a busy host delays is lost permanently;
 * its TSC then looks unstable. Periods of the periodic mode are made up for (LocalApic.nextPeriod).
 */
export function cpuid(leaf: number, subleaf: number, apic: boolean, apicId = 0, features = featuresOf()): CpuidAnswer {
  const none = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  const shown = wordsOf(features);
  switch (leaf >>> 0) {
    case 0:
      return { eax: features.has('frequencies') ? 0x16 : 7, ebx: 0x756e6547, edx: 0x49656e69, ecx: 0x6c65746e };
    case 1:
      return {
        eax: 0x000106ca,
        ebx: (apicId << 24) | (1 << 16) | (8 << 8),
        ecx: shown['1.ecx'],
        edx: shown['1.edx'] | (apic ? APIC : 0),
      };
    // By descriptors (SDM vol. 2, table 3-12): 4F, 59, BA and C0 are TLBs, 80 is L2, 30 and 0E are L1 of code and of data.
    case 2:
      return { eax: 0x4fba5901, ebx: 0x0e3080c0, ecx: 0, edx: 0 };
    case 4:
      return cacheLeaf(CACHES[subleaf]);
    // MONITOR lines of 64 bytes; MWAIT can be ended by masked interrupts; two kinds of C1.
    case 5:
      return features.has('monitor') ? { eax: 64, ebx: 64, ecx: 3, edx: 0x20 } : none;
    case 7:
      return subleaf === 0
        ? {
            eax: 0,
            ebx: shown['7.ebx'],
            ecx: shown['7.ecx'],
            edx: features.has('arch_capabilities') ? ARCH_CAPABILITIES : 0,
          }
        : none;
    // A system that finds both frequencies here measures neither: Linux takes a tenth of a second to measure the APIC's.
    case 0x15:
      return features.has('frequencies') ? { eax: 1, ebx: TSC_HZ / CRYSTAL_HZ, ecx: CRYSTAL_HZ, edx: 0 } : none;
    case 0x16:
      return features.has('frequencies')
        ? { eax: TSC_HZ / 1e6, ebx: TSC_HZ / 1e6, ecx: CRYSTAL_HZ / 1e6, edx: 0 }
        : none;
    case 0x80000000:
      return { eax: 0x80000008 | 0, ebx: 0, ecx: 0, edx: 0 };
    case 0x80000001:
      return { ...none, ecx: shown['80000001.ecx'], edx: shown['80000001.edx'] };
    case 0x80000002:
      return brand(0);
    case 0x80000003:
      return brand(1);
    case 0x80000004:
      return brand(2);
    // L2: KiB, ways (6: eight), bytes of a line.
    case 0x80000006:
      return { ...none, ecx: (L2.bytes << 6) | (6 << 12) | LINE_BYTES };
    // Invariant TSC.
    case 0x80000007:
      return { eax: 0, ebx: 0, ecx: 0, edx: 1 << 8 };
    case 0x80000008:
      return { eax: features.has('lm') ? 0x3024 : 0x2024, ebx: 0, ecx: 0, edx: 0 };
    default:
      return none;
  }
}
