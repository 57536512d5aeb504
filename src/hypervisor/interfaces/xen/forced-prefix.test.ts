import { describe, expect, it } from 'vitest';
import * as R from '../../../cpu/architecture/registers.ts';
import { asm } from '../../../cpu/test-support/asm.ts';
import { XEN_TYPE } from './layout.ts';
import { Machine } from '../../memory/machine.ts';
import { xenOf } from './of-domain.ts';
import { LOAD, testGuest, type TestGuest } from './pvh-program.test-support.ts';
import {
  END,
  END_OF_USER,
  LOAD_TABLES,
  outcome,
  putTables,
  result,
  run,
  toRing3,
  writeMsr,
} from './ring0-program.test-support.ts';

const UD = 6,
  GP = 13;
const PREFIX = "ud2; db 'xen'";

function ran(hvmFep: boolean, code: number[], type: number = XEN_TYPE.PVH): TestGuest {
  const machine = Machine.create(new SharedArrayBuffer(48 * 2 ** 20));
  machine.hvmFep = hvmFep;
  const guest = testGuest({ code: [...LOAD_TABLES, ...code], machine, type });
  putTables(guest);
  run(guest);
  return guest;
}

describe("the forced emulation prefix of an HVM guest (hvm_fep on Xen's command line)", () => {
  // As the Xen Test Framework looks for it: ud2; "xen"; then an instruction of two bytes, which a handler of #UD would not reach in step.
  it('is stepped over, and the instruction behind it is run, whatever it is', () => {
    const guest = ran(
      true,
      asm(PREFIX, 'mov eax, 5', PREFIX, 'add eax, eax', PREFIX, 'jmp over; ud2; over:', result(0), END),
    );
    expect(outcome(guest, 0)).toMatchObject({ low: 10, vector: 0 });
  });

  it('is #UD without the option, at the UD2', () => {
    // The handler goes on two bytes further: the rest is js, which is not taken, and outsb to port 0, where nobody is.
    const guest = ran(false, asm('xor ebx, ebx; xor edx, edx; xor esi, esi', PREFIX, result(0), END));
    expect(outcome(guest, 0).vector).toBe(UD);
  });

  it('leaves other invalid instructions to the guest', () => {
    expect(outcome(ran(true, asm('xor ebx, ebx; ud2', result(0), END)), 0).vector).toBe(UD);
  });

  it('shows a fault at the instruction behind it, and keeps its privilege: CPUID that faults in ring 3', () => {
    const kernel = [...LOAD_TABLES, ...writeMsr(0x140, 1, 0, 0)];
    const user = asm(
      'mov ebx, 0x23; mov ds, bx; mov es, bx; xor ebx, ebx; xor eax, eax',
      PREFIX,
      'cpuid; mov eax, ebx',
      result(1),
      END_OF_USER,
    );
    const guest = ran(true, [...writeMsr(0x140, 1, 0, 0), ...toRing3(kernel.length), ...user]);
    expect(outcome(guest, 1).low).toBe(GP);
  });

  it('clears RF and moves EIP by five', () => {
    const guest = testGuest();
    const { processor } = guest.domain,
      xen = xenOf(guest.domain);
    guest.domain.memory.write(LOAD, Uint8Array.from(asm(PREFIX, 'hlt')));
    processor.regs[R.EIP] = LOAD;
    processor.eflags |= 0x10000;
    expect(xen!.invalidOpcode()).toBe(true);
    expect(processor.regs[R.EIP]).toBe(LOAD + 5);
    expect(processor.eflags & 0x10000).toBe(0);
    // Past the code segment's limit there is none.
    processor.regs[R.EIP] = LOAD;
    processor.regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_LIMIT] = LOAD + 3;
    expect(xen!.invalidOpcode()).toBe(false);
  });
});
