/** What a kernel finds on a plain PC: flags of the faults that the hypervisor gives it, CR0, the HPET and the table that tells of it. */
import { describe, expect, it } from 'vitest';
import { d } from '../../../cpu/test-support/asm.ts';
import type { Domain } from '../../domain/domain.ts';
import { interruptGate, LOAD, program, programDomain, runToEnd } from '../../domain/program.test-support.ts';
import { KVM } from '../kvm/guest.ts';
import { readState, saveDomain } from '../xen/stream/state.ts';

const RESULTS = 0x800,
  IDTR = 0x900,
  HANDLER_UD = 0x300,
  HANDLER_GP = 0x340,
  IDT = 0x1000;
const UD = 6,
  GP = 13;

const words = (domain: Domain, count: number, at = LOAD + RESULTS): number[] => {
  const bytes = new Uint8Array(4 * count);
  domain.memory.read(at, bytes);
  return [...new Uint32Array(bytes.buffer)];
};

describe('a fault that the hypervisor injects', () => {
  it('pushes RF, as one of the processor’s own (SDM vol. 3, 17.3.1.1)', () => {
    // VMCALL on a plain PC: #UD; an MSR that is not there: #GP, whose error code lies below. Each has three or two bytes to go on behind.
    const kernel = program(
      [`lidt [${LOAD + IDTR}]; vmcall; mov ecx, 0x12345; rdmsr; mov ecx, 0x12345; wrmsr; mov al, 0; out 0xf4, al; hlt`],
      {
        [HANDLER_UD]: [`add dword [esp], 3; mov eax, [esp + 8]; mov [${LOAD + RESULTS}], eax; iret`],
        [HANDLER_GP]: [
          `add esp, 4; add dword [esp], 2; mov eax, [esp + 8]; mov ebx, [${LOAD + RESULTS + 4}]`,
          `mov [${LOAD + RESULTS + 8} + 4 * ebx], eax; inc dword [${LOAD + RESULTS + 4}]; iret`,
        ],
        [IDTR]: [0xff, 0x07, d(LOAD + IDT)],
        [IDT + UD * 8]: [interruptGate(HANDLER_UD)],
        [IDT + GP * 8]: [interruptGate(HANDLER_GP)],
      },
    );
    const domain = programDomain(kernel);
    expect(runToEnd(domain)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit' } });
    const [invalid, count, read, written] = words(domain, 4);
    expect([invalid & 0x10000, count, read & 0x10000, written & 0x10000]).toEqual([0x10000, 2, 0x10000, 0x10000]);
  });
});

it('nothing is loaded past a fault (RDCL_NO), as IA32_ARCH_CAPABILITIES says where CPUID shows it; under KVM it does not', () => {
  const kernel = program([
    `mov eax, 7; xor ecx, ecx; cpuid; mov [${LOAD + RESULTS}], edx; mov ecx, 0x10a; rdmsr; mov [${LOAD + RESULTS + 4}], eax`,
    `mov [${LOAD + RESULTS + 8}], edx; mov al, 0; out 0xf4, al; hlt`,
  ]);
  const domain = programDomain(kernel);
  runToEnd(domain);
  expect(words(domain, 3)).toEqual([1 << 29, 1, 0]);
  for (const other of [programDomain(kernel, { cpuLevel: 'sse2' }), programDomain(kernel, {}, undefined, KVM)]) {
    expect(runToEnd(other)).toMatchObject({ ending: { kind: 'crash' } });
    expect(words(other, 1)).toEqual([0]);
  }
});

it('a kernel starts with its caches on, as a boot loader on a PC leaves CR0: PE and ET alone', () => {
  const domain = programDomain(program([`mov eax, cr0; mov [${LOAD + RESULTS}], eax; mov al, 0; out 0xf4, al; hlt`]));
  runToEnd(domain);
  expect(words(domain, 1)).toEqual([0x11]);
});

describe('the HPET', () => {
  const HPET = 0xfed00000;
  const kernel = program([
    `mov eax, [${HPET}]; mov [${LOAD + RESULTS}], eax; mov dword [${HPET + 0x10}], 1; mov eax, [${HPET + 0x10}]`,
    `mov [${LOAD + RESULTS + 4}], eax; mov al, 0; out 0xf4, al; hlt`,
  ]);
  const pc = (guest?: typeof KVM): Domain => programDomain(kernel, { apic: true }, undefined, guest);
  const hasTable = (domain: Domain): boolean => {
    const area = new Uint8Array(0x10000);
    domain.memory.read(0xe0000, area);
    return Buffer.from(area).includes('HPET');
  };

  it('is there, and ACPI tells of it; a guest of KVM has none', () => {
    const domain = pc();
    runToEnd(domain);
    // Vendor Intel, 64 bits, legacy replacement, three timers, revision 1.
    expect([words(domain, 2), hasTable(domain)]).toEqual([[0x8086a201, 1], true]);
    const other = pc(KVM);
    runToEnd(other);
    expect([words(other, 1), hasTable(other)]).toEqual([[0xffffffff], false]);
  });

  it('is as after RESET where a state comes from a host whose PC had none', () => {
    const domain = pc();
    runToEnd(domain);
    expect(domain.platform.save().hpet).toMatchObject({ configuration: 1 });
    const file = Buffer.concat(saveDomain(domain, { name: 'program', program: 'test', definition: '' }));
    const { emulator, ...rest } = readState(file, 'program');
    const { hpet, ...devices } = emulator.devices;
    expect(hpet).toBeDefined();
    const again = programDomain(kernel, { apic: true }, { ...rest, emulator: { ...emulator, devices } });
    expect(again.platform.save().hpet).toMatchObject({ configuration: 0 });
  });
});
