import { describe, expect, it } from 'vitest';
import * as R from '../../cpu/architecture/registers.ts';
import { asm, d } from '../../cpu/test-support/bench.ts';
import { XEN_TYPE } from '../layout/layout.ts';
import { Machine } from '../memory/machine.ts';
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
const PREFIX = '0f 0b 78 65 6e';

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
    const guest = ran(true, asm(PREFIX, 'b8', d(5), PREFIX, '01 c0', PREFIX, 'eb 02 0f 0b', result(0), END));
    expect(outcome(guest, 0)).toMatchObject({ low: 10, vector: 0 });
  });

  it('is #UD without the option, at the UD2', () => {
    // The handler goes on two bytes further: the rest is js, which is not taken, and outsb to port 0, where nobody is.
    const guest = ran(false, asm('31 db 31 d2 31 f6', PREFIX, result(0), END));
    expect(outcome(guest, 0).vector).toBe(UD);
  });

  it('leaves other invalid instructions to the guest', () => {
    expect(outcome(ran(true, asm('31 db', '0f 0b', result(0), END)), 0).vector).toBe(UD);
  });

  it('shows a fault at the instruction behind it, and keeps its privilege: CPUID that faults in ring 3', () => {
    const kernel = [...LOAD_TABLES, ...writeMsr(0x140, 1, 0, 0)];
    const user = asm('bb', d(0x23), '8e db 8e c3 31 db 31 c0', PREFIX, '0f a2', '89 d8', result(1), END_OF_USER);
    const guest = ran(true, [...writeMsr(0x140, 1, 0, 0), ...toRing3(kernel.length), ...user]);
    expect(outcome(guest, 1).low).toBe(GP);
  });

  it('clears RF and moves EIP by five', () => {
    const guest = testGuest();
    const { processor, xen } = guest.domain;
    guest.domain.memory.write(LOAD, Uint8Array.from(asm(PREFIX, 'f4')));
    processor.regs[R.EIP] = LOAD;
    processor.eflags |= 0x10000;
    expect(xen!.forcesEmulation()).toBe(true);
    expect(processor.regs[R.EIP]).toBe(LOAD + 5);
    expect(processor.eflags & 0x10000).toBe(0);
    // Past the code segment's limit there is none.
    processor.regs[R.EIP] = LOAD;
    processor.regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_LIMIT] = LOAD + 3;
    expect(xen!.forcesEmulation()).toBe(false);
  });
});
