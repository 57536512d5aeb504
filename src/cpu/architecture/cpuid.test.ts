import { describe, expect, it } from 'vitest';
import {
  CPU_LEVELS,
  cpuid,
  CRYSTAL_HZ,
  type Features,
  featuresOf,
  hasLongMode,
  modelOf,
  shownBy,
  TSC_HZ,
} from './cpuid.ts';
import { createLongMode } from '../long-mode.ts';
import { ExitReason } from './edge.ts';
import { CPU_HIDDEN, CPU_HIDDEN_WORDS, CPU_LEVEL, CR4, EAX, ECX, EDX, EIP, ESI } from './registers.ts';
import { areRegisters, restoreRegisters, saveRegisters } from './saved-registers.ts';
import { asm } from '../test-support/asm.ts';
import { Bench, CODE, DATA } from '../test-support/bench.ts';

const level = featuresOf;
const has = (word: number, bit: number): boolean => ((word >>> bit) & 1) === 1;
const SEP = 11,
  CMOV = 15,
  MMX = 23,
  SSE = 25,
  SSE2 = 26,
  PAE = 6,
  FPU = 0,
  APIC = 9;

describe('what CPUID shows (SDM vol. 2, CPUID)', () => {
  it('is every feature that is built, as GenuineIntel family 6 model 28 stepping 10', () => {
    const { eax, ecx, edx } = cpuid(1, 0, true);
    expect(eax).toBe(0x106ca);
    expect([FPU, PAE, SEP, CMOV, MMX, SSE, SSE2, APIC].every(bit => has(edx, bit))).toBe(true);
    expect(has(ecx, 20)).toBe(true);
  });

  it.each([
    ['i586', [FPU], [PAE, SEP, CMOV, MMX, SSE, SSE2]],
    ['i686', [FPU, PAE, SEP, CMOV], [MMX, SSE, SSE2]],
    ['sse', [FPU, PAE, SEP, CMOV, MMX, SSE], [SSE2]],
    ['sse2', [FPU, PAE, SEP, CMOV, MMX, SSE, SSE2], []],
  ] as const)('a level masks: %s', (name, shown, hidden) => {
    const { ecx, edx } = cpuid(1, 0, true, 0, level(name));
    expect(shown.every(bit => has(edx, bit))).toBe(true);
    expect(hidden.some(bit => has(edx, bit))).toBe(false);
    expect(ecx).toBe(0);
    expect(cpuid(7, 0, true, 0, level(name))).toEqual({ eax: 0, ebx: 0, ecx: 0, edx: 0 });
    expect(cpuid(0x80000001, 0, true, 0, level(name)).edx).toBe(0);
  });

  it('x86-64 and x86-64-v2 are the levels of that name of the psABI (x86-64 psABI, 3.1.1)', () => {
    // CX8, CMOV, FPU, FXSR, MMX, SSE, SSE2 and SYSCALL; CMPXCHG16B, LAHF and SAHF, POPCNT, SSE3, SSSE3, SSE4.1 and SSE4.2.
    const first = (level: Features): boolean =>
      [8, 15, FPU, 24, MMX, SSE, SSE2].every(bit => has(cpuid(1, 0, true, 0, level).edx, bit)) &&
      [11, 20, 29].every(bit => has(cpuid(0x80000001, 0, true, 0, level).edx, bit));
    const second = (level: Features): boolean[] => [
      ...[13, 23, 0, 9, 19, 20].map(bit => has(cpuid(1, 0, true, 0, level).ecx, bit)),
      has(cpuid(0x80000001, 0, true, 0, level).ecx, 0),
    ];
    expect([first(level('x86-64')), ...new Set(second(level('x86-64')))]).toEqual([true, false]);
    expect([first(level('x86-64-v2')), ...new Set(second(level('x86-64-v2')))]).toEqual([true, true]);
    // As saved states have it.
    expect(['x86-64-v2', 'x86-64'].map(name => CPU_LEVELS.findIndex(known => known === name))).toEqual([5, 6]);
  });

  it('tells the frequencies of TSC and crystal clock, at the level that has such leaves', () => {
    const { eax, ebx, ecx } = cpuid(0x15, 0, true);
    expect([ecx, (ecx * ebx) / eax]).toEqual([CRYSTAL_HZ, TSC_HZ]);
    expect(cpuid(0x16, 0, true)).toEqual({ eax: 1000, ebx: 1000, ecx: 100, edx: 0 });
    for (const name of CPU_LEVELS.slice(1, 5))
      expect([cpuid(0, 0, true, 0, level(name)).eax, cpuid(0x15, 0, true, 0, level(name)).ebx]).toEqual([7, 0]);
  });

  it('has the same caches in leaf 4, in the descriptors of leaf 2 and in leaf 80000006H', () => {
    const caches = [0, 1, 2].map(n => {
      const { eax, ebx, ecx } = cpuid(4, n, true);
      const bytes = ((ebx >>> 22) + 1) * (((ebx >>> 12) & 0x3ff) + 1) * ((ebx & 0xfff) + 1) * (ecx + 1);
      // Type, level, no other processor's.
      return [eax & 31, (eax >>> 5) & 7, (eax >>> 14) & 0xfff, bytes / 1024, (ebx >>> 22) + 1, (ebx & 0xfff) + 1];
    });
    expect(caches).toEqual([
      [1, 1, 0, 24, 6, 64],
      [2, 1, 0, 32, 8, 64],
      [3, 2, 0, 512, 8, 64],
    ]);
    expect(cpuid(4, 3, true).eax & 31).toBe(0);
    // SDM vol. 2, table 3-12: 0E is L1 data, 24 KiB of 6 ways; 30 L1 code, 32 KiB of 8; 80 L2, 512 KiB of 8; lines of 64 bytes each.
    const { eax, ebx, ecx, edx } = cpuid(2, 0, true);
    const descriptors = [eax & ~0xff, ebx, ecx, edx].flatMap(word => [0, 8, 16, 24].map(at => (word >>> at) & 0xff));
    expect([0x0e, 0x30, 0x80].every(descriptor => descriptors.includes(descriptor))).toBe(true);
    expect(eax & 0xff).toBe(1);
    // KiB, eight ways (6), bytes of a line.
    expect(cpuid(0x80000006, 0, true).ecx).toBe((512 << 16) | (6 << 12) | 64);
  });

  it('shows no local APIC where there is none', () => {
    for (const name of CPU_LEVELS) expect(has(cpuid(1, 0, false, 0, level(name)).edx, APIC)).toBe(false);
  });
});

describe('what CPUID does not show is not there', () => {
  const benches = new Map(
    CPU_LEVELS.map(name => [
      name,
      new Bench({ cpuLevel: name, ...(hasLongMode(name) ? { longMode: createLongMode } : {}) }),
    ]),
  );
  /** True if the code runs to its HLT. */
  const runs = (name: (typeof CPU_LEVELS)[number], registers: Record<number, number>, ...code: string[]): boolean => {
    const bench = benches.get(name)!.protectedMode();
    for (const [register, value] of Object.entries(registers)) bench.R[Number(register)] = value;
    const end = CODE + asm(...code).length;
    bench.code(...code);
    return bench.run() === ExitReason.HLT && bench.R[EIP] === end;
  };
  /** The levels at which it does. */
  const levels = (registers: Record<number, number>, ...code: string[]): string =>
    CPU_LEVELS.filter(name => runs(name, registers, ...code)).join(' ');
  const ALL = 'max i586 i686 sse sse2 x86-64-v2 x86-64',
    FROM_I686 = 'max i686 sse sse2 x86-64-v2 x86-64',
    FROM_SSE = 'max sse sse2 x86-64-v2 x86-64',
    FROM_SSE2 = 'max sse2 x86-64-v2 x86-64',
    WITH_NX = 'max x86-64-v2 x86-64',
    FROM_LONG = 'x86-64-v2 x86-64',
    LAST = 'max x86-64-v2';

  it.each([
    ['VME', 0, ALL],
    ['PVI', 1, ALL],
    ['TSD', 2, ALL],
    ['DE', 3, ALL],
    ['PSE', 4, ALL],
    ['PAE', 5, FROM_I686],
    ['MCE', 6, ALL],
    ['PGE', 7, FROM_I686],
    ['PCE', 8, ALL],
    ['OSFXSR', 9, FROM_SSE],
    ['OSXMMEXCPT', 10, FROM_SSE],
    ['UMIP', 11, LAST],
    ['LA57', 12, ''],
    ['VMXE', 13, ''],
    ['SMXE', 14, ''],
    ['FSGSBASE', 16, 'x86-64-v2'],
    ['PCIDE', 17, ''],
    ['OSXSAVE', 18, ''],
    ['SMEP', 20, LAST],
    ['SMAP', 21, LAST],
    ['PKE', 22, ''],
    ['CET', 23, ''],
  ] as const)('CR4.%s can be set (SDM vol. 3, 2.5)', (_name, bit, expected) => {
    expect(levels({ [EAX]: 1 << bit }, 'mov cr4, eax')).toBe(expected);
  });

  it('a refused bit leaves CR4 as it was', () => {
    const bench = benches.get('i686')!.protectedMode();
    bench.R[EAX] = 0x800;
    bench.code('mov cr4, eax');
    expect([bench.fault(), bench.R[CR4]]).toEqual([[13, 0, 0], 0]);
  });

  it.each([
    ['SCE', 1, FROM_LONG],
    ['LME', 0x100, FROM_LONG],
    ['NXE', 0x800, WITH_NX],
  ] as const)('EFER.%s can be set', (_name, bit, expected) => {
    expect(levels({ [ECX]: 0xc0000080 | 0, [EAX]: bit, [EDX]: 0 }, 'wrmsr')).toBe(expected);
  });

  it.each([
    ['TSC', 0x10, ALL],
    ['APIC_BASE', 0x1b, ALL],
    ['MTRRCAP', 0xfe, FROM_I686],
    ['SYSENTER_CS', 0x174, FROM_I686],
    ['SYSENTER_ESP', 0x175, FROM_I686],
    ['SYSENTER_EIP', 0x176, FROM_I686],
    ['MCG_CAP', 0x179, FROM_I686],
    ['MCG_STATUS', 0x17a, FROM_I686],
    ['MISC_ENABLE', 0x1a0, ALL],
    ['MTRR_PHYSBASE0', 0x200, FROM_I686],
    ['MTRR_FIX4K_F8000', 0x26f, FROM_I686],
    ['PAT', 0x277, FROM_I686],
    ['MTRR_DEF_TYPE', 0x2ff, FROM_I686],
    ['EFER', 0xc0000080, WITH_NX],
    ['TSC_AUX', 0xc0000103, LAST],
  ] as const)('IA32_%s is there to be read and written', (_name, index, expected) => {
    expect(levels({ [ECX]: index | 0 }, 'rdmsr')).toBe(expected);
    if (index !== 0xfe && index !== 0x179) expect(levels({ [ECX]: index | 0 }, 'rdmsr; wrmsr')).toBe(expected);
  });

  it('IA32_MISC_ENABLE has its MONITOR bit, which can be changed, only with MONITOR (vol. 4)', () => {
    for (const name of CPU_LEVELS) {
      expect(runs(name, { [ECX]: 0x1a0 }, 'rdmsr')).toBe(true);
      expect(has(benches.get(name)!.R[EAX]!, 18)).toBe(LAST.split(' ').includes(name));
    }
    expect(levels({ [ECX]: 0x1a0 }, 'rdmsr; btc eax, 0x12; wrmsr')).toBe(LAST);
  });

  it.each([
    ['cpuid', ALL],
    ['cmpxchg8b [eax]', ALL],
    ['cmove eax, ecx', FROM_I686],
    ['fcomi st0, st1', FROM_I686],
    ['emms', FROM_SSE],
    ['fxsave [eax]', FROM_SSE],
    ['sfence', FROM_SSE],
    ['mfence', FROM_SSE2],
    ['clflush [eax]', FROM_SSE2],
    ['popcnt eax, ecx', LAST],
    ['rdtscp', LAST],
    ['rdpid eax', LAST],
    ['stac', LAST],
    ['monitor', LAST],
  ] as const)('%s runs', (code, expected) => {
    expect(levels({ [EAX]: DATA, [ECX]: 0 }, code)).toBe(expected);
  });

  it('under a hypervisor that masks CPUID instructions run; CR4 and MSRs follow the mask (Xen 4.17, hvm_cr4_guest_valid_bits)', () => {
    const bench = new Bench({ cpuLevel: 'i586', masksCpuid: true });
    const ends = (code: string) => {
      bench.protectedMode();
      bench.R[EAX] = 0x800;
      bench.R[ECX] = 0x174;
      bench.code(code);
      return bench.run();
    };
    expect([ends('cmove eax, ecx'), ends('mfence'), ends('rdmsr')]).toEqual([
      ExitReason.HLT,
      ExitReason.HLT,
      ExitReason.RDMSR,
    ]);
    bench.protectedMode();
    bench.R[EAX] = 0x800;
    bench.code('mov cr4, eax');
    expect(bench.fault()).toEqual([13, 0, 0]);
  });

  it('and so do those of 64-bit code, where the level has it', () => {
    const bench = new Bench({ cpuLevel: 'x86-64', masksCpuid: true, longMode: createLongMode }).longMode();
    bench.R[ESI] = DATA;
    bench.put(CODE, 0x48, 0x0f, 0xc7, 0x0e, 0xf4); // cmpxchg16b [rsi]; hlt
    expect(bench.run()).toBe(ExitReason.HLT);
  });

  it('a feature can be hidden of a level, with those that need it: no NX, no EFER.NXE', () => {
    const features = featuresOf('x86-64-v2,-nx,-sse3');
    expect(['nx', 'sse3', 'sse42', 'sse2', 'lm'].map(name => features.has(name))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    expect(featuresOf('x86-64-v2,-sse3,-nx')).toBe(features);
    expect([cpuid(0x80000001, 0, true, 0, features).edx & (1 << 20), cpuid(0, 0, true, 0, features).eax]).toEqual([
      0, 0x16,
    ]);
    const bench = new Bench({ cpuLevel: 'x86-64-v2,-nx', longMode: createLongMode }).protectedMode();
    const write = (bits: number) => {
      bench.protectedMode();
      [bench.R[ECX], bench.R[EAX], bench.R[EDX]] = [0xc0000080 | 0, bits, 0];
      bench.code('wrmsr');
    };
    write(0x800);
    expect(bench.fault()).toEqual([13, 0, 0]);
    write(0x100);
    expect(bench.run()).toBe(ExitReason.HLT);
    // What a saved state says of it.
    expect(modelOf(bench.R[CPU_LEVEL]!, bench.R.subarray(CPU_HIDDEN, CPU_HIDDEN + CPU_HIDDEN_WORDS))).toBe(
      'x86-64-v2,-nx',
    );
    const { cpuHidden: _hidden, ...before } = saveRegisters(bench.R);
    expect(areRegisters(before)).toBe(true);
    restoreRegisters(bench.R, before);
    expect(shownBy(bench.R)).toBe(featuresOf('x86-64-v2'));
  });

  it("bits 13 to 16 of a large page's entry are reserved without PSE-36 (vol. 3, table 4-4)", () => {
    for (const [name, error] of [
      ['i586', 8],
      ['i686', 0],
    ] as const) {
      const bench = benches.get(name)!.protectedMode().paging32();
      bench.R[CR4] = 0x10;
      bench.setWord(0x20000 + 4, 0x2083);
      bench.cpu.reload();
      bench.code('mov eax, [0x400000]');
      if (error === 0) expect(bench.run()).toBe(ExitReason.EPT_VIOLATION);
      else expect(bench.fault()).toEqual([14, error | 1, 0]);
    }
  });
});
