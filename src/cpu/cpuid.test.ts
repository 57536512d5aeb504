import { describe, expect, it } from 'vitest';
import { CPU_LEVELS, cpuid } from './cpuid.ts';

const level = (name: (typeof CPU_LEVELS)[number]): number => CPU_LEVELS.indexOf(name);
const has = (word: number, bit: number): boolean => ((word >>> bit) & 1) === 1;
const SEP = 11, CMOV = 15, MMX = 23, SSE = 25, SSE2 = 26, PAE = 6, FPU = 0, APIC = 9;

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

  it('shows no local APIC where there is none', () => {
    for (const name of CPU_LEVELS) expect(has(cpuid(1, 0, false, 0, level(name)).edx, APIC)).toBe(false);
  });
});
