import { describe, expect, it } from 'vitest';
import { registers as R } from '../../cpu/architecture/index.ts';
import { asm } from '../../cpu/test-support/asm.ts';
import { XEN_TYPE } from '../interfaces/xen/layout.ts';
import { testGuest } from '../interfaces/xen/pvh-program.test-support.ts';

describe('a step', () => {
  const code = asm('again: nop; nop; mov dx, 0x80; out dx, al; nop; out dx, al; jmp again');
  const guest = () => testGuest({ code, type: XEN_TYPE.HVM }).domain;

  it('has so many instructions, and no more', () => {
    const domain = guest();
    const { eip, before } = { eip: domain.processor.regs[R.EIP], before: domain.instructions };
    domain.stops.step(2);
    for (let slices = 0; slices < 10 && !domain.stops.stepped; slices++) domain.runSlice();
    expect([domain.instructions - before, domain.processor.regs[R.EIP] - eip]).toEqual([2, 2]);
    // Who does not pause it then gets nothing more of it.
    domain.runSlice();
    expect(domain.instructions - before).toBe(2);
    domain.stops.step(0);
    expect(domain.stops.stepped).toBe(false);
    domain.runSlice();
    expect(domain.instructions - before).toBeGreaterThan(2);
  });

  it('ends with an exit where it has exits, after what the exit led to', () => {
    const domain = guest();
    const eip = domain.processor.regs[R.EIP];
    for (const offset of [7, 9, 7]) {
      domain.stops.step(-1);
      for (let slices = 0; slices < 10 && !domain.stops.stepped; slices++) domain.runSlice();
      // The port is answered in the exit; the instruction retires with the next one, or has.
      expect([offset - 1, offset]).toContain(domain.processor.regs[R.EIP] - eip);
    }
  });
});
