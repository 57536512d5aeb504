import { describe, expect, it } from 'vitest';
import { asm } from '../../../cpu/test-support/asm.ts';
import { ExitReason } from '../../../cpu/architecture/index.ts';
import { assembleDomain } from '../assemble.ts';
import { createDomain } from '../../memory/domain-table.ts';
import { Machine } from '../../memory/machine.ts';
import { MachineView } from '../../view/machine-view.ts';
import { HYPERCALL, VCPUOP } from './abi.ts';
import { ARGS, memoryOf, pvhKernel, testGuest, type TestGuest } from './pvh-program.test-support.ts';
import {
  END,
  END_OF_USER,
  LOAD_TABLES,
  outcome,
  putTables,
  readMsr,
  result,
  run,
  toRing3,
  writeMsr,
} from './ring0-program.test-support.ts';

const GP = 13;
/** Of vcpu_info where a test puts it, in guest frame 0x40: fields of vcpu_time_info. */
const TSC_TIMESTAMP = 0x40028,
  SYSTEM_TIME = 0x40030;

/** Runs code behind the tables' in a PVH guest to its end. */
function ran(...code: number[][]): TestGuest {
  const guest = testGuest({ code: [...LOAD_TABLES, ...code.flat(), ...END] });
  putTables(guest);
  run(guest);
  return guest;
}

describe("an HVM guest's MSRs", () => {
  // Values of guest_rdmsr and vmce_rdmsr for a guest with an Intel policy (xen/arch/x86/msr.c, cpu/mcheck/vmce.c), vmx_msr_read_intercept (hvm/vmx/vmx.c).
  it.each([
    ['IA32_PLATFORM_ID', 0x17, 0, 0],
    ['IA32_FEATURE_CONTROL: locked, no VMX', 0x3a, 1, 0],
    ['IA32_TSC_ADJUST', 0x3b, 0, 0],
    ['IA32_BIOS_SIGN_ID', 0x8b, 0, 0],
    ['MSR_PLATFORM_INFO: CPUID faulting', 0xce, 0x80000000, 0],
    ['MISC_FEATURES_ENABLES', 0x140, 0, 0],
    ['IA32_MCG_CAP: two banks, CMCI, threshold status, recovery', 0x179, 0x01000c02, 0],
    ['IA32_MCG_STATUS', 0x17a, 0, 0],
    ['IA32_PERFEVTSEL0', 0x186, 0, 0],
    ['IA32_PERF_STATUS', 0x198, 0, 0],
    ['IA32_PERF_CTL', 0x199, 0, 0],
    ['IA32_THERM_STATUS', 0x19c, 0, 0],
    ['IA32_MISC_ENABLE: no BTS, no PEBS', 0x1a0, 0x41801, 0],
    ['IA32_DEBUGCTL', 0x1d9, 0, 0],
    ['IA32_MC1_CTL2', 0x281, 0, 0],
    ['IA32_PERF_GLOBAL_CTRL', 0x38f, 0, 0],
    ['IA32_MC0_CTL', 0x400, 0xffffffff, 0xffffffff],
    ['IA32_MC1_STATUS', 0x405, 0, 0],
    ['of a bank that is not there', 0x420, 0, 0],
    ['the hypercall page', 0x40000000, 0, 0],
    ["AMD's NB_CFG", 0xc001001f, 0, 0],
  ])('read as Xen answers them: %s', (_name, index, low, high) => {
    expect(outcome(ran(readMsr(index, 0)), 0)).toEqual({ low, high, vector: 0 });
  });

  it.each([
    ['IA32_SPEC_CTRL without its CPUID bit', 0x48],
    ['IA32_BIOS_UPDT_TRIG, which is only written', 0x79],
    ['IA32_ARCH_CAPABILITIES without its CPUID bit', 0x10a],
    ['IA32_MCG_EXT_CTL without local machine checks', 0x4d0],
    ['IA32_VMX_BASIC without nested virtualization', 0x480],
    ['IA32_VMX_VMFUNC', 0x491],
    ['an x2APIC register', 0x802],
    ['the second of Xen', 0x40000001],
    ['a number nobody has', 0x1234],
  ])('fault where Xen has nothing for the guest: %s', (_name, index) => {
    expect(outcome(ran(readMsr(index, 0)), 0).vector).toBe(GP);
  });

  it.each<[string, number, number, number, number]>([
    ['MISC_FEATURES_ENABLES: bit 0 alone', 0x140, 1, 0, 0],
    ['MISC_FEATURES_ENABLES: a reserved bit', 0x140, 2, 0, GP],
    ['MSR_PLATFORM_INFO: read-only', 0xce, 0x80000000, 0, GP],
    ['IA32_FEATURE_CONTROL: locked', 0x3a, 5, 0, GP],
    ['IA32_BIOS_SIGN_ID: 0', 0x8b, 0, 0, 0],
    ['IA32_BIOS_SIGN_ID: a revision', 0x8b, 0, 1, GP],
    ['IA32_BIOS_UPDT_TRIG', 0x79, 0x100000, 0, 0],
    ['IA32_PERF_CTL', 0x199, 0x1234, 0, 0],
    ['IA32_PERF_STATUS', 0x198, 0, 0, GP],
    ['IA32_THERM_STATUS', 0x19c, 0, 0, GP],
    ['IA32_PERFEVTSEL3', 0x189, 0x530076, 0, 0],
    ['IA32_DEBUGCTL: LBR and BTF', 0x1d9, 3, 0, 0],
    ['IA32_DEBUGCTL: branch trace messages', 0x1d9, 0x40, 0, GP],
    ['IA32_MISC_ENABLE: what was read', 0x1a0, 0x41801, 0, 0],
    ['IA32_MISC_ENABLE: another value', 0x1a0, 0x1801, 0, GP],
    ['IA32_MC0_STATUS: cleared', 0x401, 0, 0, 0],
    ['IA32_MC0_STATUS: an error', 0x401, 1, 0x80000000, GP],
    ['IA32_MCG_CAP', 0x179, 9, 0, 0],
  ])('take what Xen takes: %s', (_name, index, low, high, vector) => {
    expect(outcome(ran(writeMsr(index, low, high, 0)), 0).vector).toBe(vector);
  });

  it('keep what was written: MCG_STATUS, MC1_CTL2, DEBUGCTL without LBR, since there are no such records; TSC_ADJUST moves the TSC', () => {
    const guest = ran(
      writeMsr(0x17a, 4, 7, 0),
      writeMsr(0x281, 0x40000001, 0, 0),
      writeMsr(0x1d9, 3, 0, 0),
      writeMsr(0x3b, 0, 0x1000, 0),
      readMsr(0x17a, 0),
      readMsr(0x281, 1),
      readMsr(0x1d9, 2),
      readMsr(0x3b, 3),
      readMsr(0x10, 4),
    );
    expect([0, 1, 2, 3].map(i => outcome(guest, i))).toMatchObject([
      { low: 4, high: 7 },
      { low: 0x40000001 },
      { low: 2 },
      { low: 0, high: 0x1000 },
    ]);
    expect(outcome(guest, 4).high).toBe(0x1000);
  });

  // hvm_set_guest_tsc_msr and hvm_set_guest_tsc_adjust (xen/arch/x86/hvm/hvm.c) call update_vcpu_system_time.
  it.each([
    ['IA32_TSC', 0x10],
    ['IA32_TSC_ADJUST', 0x3b],
  ])('have the time record follow a write to %s at once, so that Xen’s time does not jump with the TSC', (_, index) => {
    const guest = testGuest({ code: [...LOAD_TABLES, ...writeMsr(index, 0x10000000, 0x1000, 0), ...END] });
    putTables(guest);
    guest.call(HYPERCALL.VCPU_OP, VCPUOP.REGISTER_VCPU_INFO, 0, guest.put(ARGS, 0x40, 0, 0, 0));
    run(guest);
    expect([guest.get(TSC_TIMESTAMP + 4), guest.get(SYSTEM_TIME + 4)]).toEqual([0x1000, 0]);
  });
});

describe("a plain PC's MSRs", () => {
  it("are its processor's: it has neither PLATFORM_INFO nor Xen's machine-check banks", () => {
    const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
    const record = createDomain(machine, 4);
    const code = [...LOAD_TABLES, ...readMsr(0x179, 0), ...readMsr(0xce, 1), ...END];
    const domain = assembleDomain({
      machine,
      record,
      memoryMiB: 4,
      boot: { kind: 'kernel', kernel: pvhKernel(code), name: 'program', cmdline: '' },
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      serial: () => {},
    });
    const guest = memoryOf(domain);
    putTables(guest);
    for (let i = 0; i < 5; i++) domain.runSlice();
    expect(outcome(guest, 0)).toEqual({ low: 0, high: 0, vector: 0 });
    expect(outcome(guest, 1).vector).toBe(GP);
  });
});

describe('CPUID faulting of an HVM guest', () => {
  const cpuid = (i: number): number[] =>
    asm('xor ebx, ebx; xor eax, eax; xor ecx, ecx; cpuid; mov eax, ebx', result(i));

  /** CPUID in ring 0 and in ring 3, with MISC_FEATURES_ENABLES as given. */
  function identify(enables: number): TestGuest {
    const kernel = [...LOAD_TABLES, ...writeMsr(0x140, enables, 0, 0), ...cpuid(1)];
    const code = [
      ...kernel,
      ...toRing3(kernel.length),
      ...asm('mov ebx, 0x23; mov ds, bx; mov es, bx'),
      ...cpuid(2),
      ...END_OF_USER,
    ];
    const guest = testGuest({ code });
    putTables(guest);
    run(guest);
    return guest;
  }

  it('makes CPUID at CPL 3 end in #GP(0), and leaves the kernel its own', () => {
    const guest = identify(1);
    expect(outcome(guest, 1).low).toBe(0x756e6547);
    expect(outcome(guest, 2)).toMatchObject({ low: GP });
  });

  it('is off until it is asked for', () => {
    const guest = identify(0);
    expect([outcome(guest, 1).low, outcome(guest, 2).low]).toEqual([0x756e6547, 0x756e6547]);
  });
});

it('each CPUID of an HVM guest is an exit that is counted and kept with its leaf, and asking again brings the same', () => {
  const ask = (leaf: number, i: number): number[] =>
    asm(`mov eax, ${leaf}; xor ecx, ecx; cpuid; mov eax, ebx`, result(i));
  const guest = testGuest({
    code: [...LOAD_TABLES, ...ask(0, 0), ...ask(0x40000000, 1), ...ask(0, 2), ...ask(0, 3), ...END],
  });
  putTables(guest);
  run(guest);
  expect([0, 1, 2, 3].map(i => outcome(guest, i).low)).toEqual([0x756e6547, 0x566e6558, 0x756e6547, 0x756e6547]);
  const [vcpu] = new MachineView(guest.machine.memory).domains().at(-1)!.vcpus();
  const identified = vcpu!.lastExits().exits.filter(({ reason }) => reason === ExitReason.CPUID);
  expect(identified.map(({ detail }) => detail)).toEqual([0, 0x40000000, 0, 0]);
  expect(vcpu!.exits()[ExitReason.CPUID]).toBe(4);
});
