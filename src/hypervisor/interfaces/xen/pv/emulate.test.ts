/** Which privileged instructions of a paravirtual kernel are done in its stead: `validate` of xen/arch/x86/pv/emul-priv-op.c, but for XSETBV (there is no XSAVE here) and CPUID (it always leaves). */
import { beforeEach, expect, it } from 'vitest';
import { type Processor, registers as R } from '../../../../cpu/architecture/index.ts';
import { assemble } from '../../../../cpu/assembler/index.ts';
import { type PvBlock, PV } from './block.ts';
import { Emulator, type EmulateParts } from './emulate.ts';

const regs = new Int32Array(R.STATE_WORDS),
  state = new Int32Array(4096),
  code = new Uint8Array(16);
const bases: number[] = [];
const emulator = new Emulator({
  processor: { regs, eflags: 2, reload: () => {} } as unknown as Processor,
  block: { vcpu: () => state } as unknown as PvBlock,
  memory: {
    read: (_: number, to: Uint8Array) => {
      to.set(code.subarray(0, to.length));
      return true;
    },
    write: () => true,
  },
  currentVcpu: () => 0,
  architecturalIopl: () => false,
  takesProtectionFaults: () => true,
  cpuid: () => ({ eax: 0, ebx: 0, ecx: 0, edx: 1 << 27 }),
  msrs: { has: () => true, read: () => [1, 2], write: () => true },
  newBase: (mfn: number) => bases.push(mfn) > 0,
  tsc: () => [3, 4],
} as unknown as EmulateParts);

/** Bytes that it goes on; 0: the fault is the guest's own. */
function goesOn(text: string, cpl = 1): number {
  const { bytes } = assemble(`bits 32\n${text}`);
  code.fill(0x90);
  code.set(bytes);
  regs[R.EIP] = 0;
  regs[R.CPL] = cpl;
  return emulator.generalProtection() ? regs[R.EIP]! : 0;
}

beforeEach(() => {
  regs.fill(0);
  state[PV.IOPL] = 1;
});

const DONE = [
  'cli',
  'sti',
  'in al, 0x60',
  'in eax, dx',
  'out 0x60, al',
  'out dx, ax',
  'insb',
  'outsd',
  'clts',
  'wbinvd',
].concat(
  [
    'mov eax, cr0',
    'mov eax, cr2',
    'mov eax, cr3',
    'mov eax, cr4',
    'mov cr0, eax',
    'mov cr2, eax',
    'mov cr3, eax',
    'mov cr4, eax',
  ],
  ['mov eax, dr0', 'mov eax, dr7', 'mov dr0, eax', 'rdmsr', 'rdtsc', 'rdtscp'],
);

it.each(DONE)('%s is done', text => {
  expect(goesOn(text)).toBe(assemble(`bits 32\n${text}`).bytes.length);
});

it.each(['hlt', 'invd', 'lgdt [0]', 'lidt [0]', 'ltr ax', 'lldt ax', 'lmsw ax', 'rdpmc', 'iret'])(
  '%s is the guest’s own fault',
  text => expect(goesOn(text)).toBe(0),
);

it('asks the IOPL that the kernel has set, and counts it as level 1; programs have 3 to ask for, and none of the others', () => {
  expect(['cli', 'out dx, al'].map(text => goesOn(text, 3))).toEqual([0, 0]);
  state[PV.IOPL] = 3;
  expect(['cli', 'out dx, al', 'clts', 'mov eax, cr0'].map(text => goesOn(text, 3))).toEqual([1, 1, 0, 0]);
  state[PV.IOPL] = 0;
  expect(['cli', 'out dx, al', 'clts'].map(text => goesOn(text))).toEqual([0, 0, 2]);
});

it('masks no event for CLI: what POPF undoes would not be heard of', () => {
  const before = state.slice();
  expect([goesOn('cli'), goesOn('sti')]).toEqual([1, 1]);
  expect(state).toEqual(before);
});

it('gives RDTSCP the time and IA32_TSC_AUX', () => {
  regs[R.MSR_TSC_AUX] = 5;
  expect(goesOn('rdtscp')).toBe(3);
  expect([regs[R.EAX], regs[R.EDX], regs[R.ECX]]).toEqual([3, 4, 5]);
});

it('takes a frame number from CR3 as xen_cr3_to_pfn does', () => {
  regs[R.EAX] = (0x12345 << 12) | 0x678;
  goesOn('mov cr3, eax');
  expect(bases.at(-1)).toBe((0x678 << 20) | 0x12345);
});
