import { expect, it } from 'vitest';
import { registers as R } from '../../../cpu/architecture/index.ts';
import { segmentAt } from '../vcpu-facts.ts';
import { bitsOf, descriptorOf, descriptorRows, segmentRow, valuesOf } from './facts.ts';

/** A vCPU in protected mode whose GDT, at 1000h, has a flat 32-bit code segment behind selector 8 (SDM vol. 3, figure 3-8). */
function vcpu() {
  const regs = new Int32Array(R.STATE_WORDS);
  regs[R.CR0] = 0x8000_0011 | 0;
  regs[R.GDTR_BASE] = 0x1000;
  regs[segmentAt(R.CS) + R.SEG_SELECTOR] = 8;
  regs[segmentAt(R.CS) + R.SEG_LIMIT] = -1;
  regs[segmentAt(R.CS) + R.SEG_RIGHTS] = 0xc09b;
  const bytesAt = (linear: number, count: number) =>
    Uint8Array.from(linear === 0x1008 ? [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0] : []).slice(0, count);
  return { regs, eflags: 0x246, bytesAt };
}

it('reads the descriptor behind a selector, and none in real mode, of a null selector or where no memory is', () => {
  const state = vcpu();
  expect(descriptorOf(state, R.CS)).toEqual({ linear: 0x1008, low: 0xffff, high: 0xcf9b00 });
  expect(descriptorOf(state, R.DS)).toBeUndefined();
  state.regs[segmentAt(R.CS) + R.SEG_SELECTOR] = 16;
  expect(descriptorOf(state, R.CS)).toBeUndefined();
  expect(descriptorOf({ ...vcpu(), eflags: 1 << 17 }, R.CS)).toBeUndefined();
});

it('takes a descriptor apart', () => {
  expect(descriptorRows(descriptorOf(vcpu(), R.CS)!)).toEqual([
    ['base', '00000000', 'bits 63–56, 39–16'],
    ['limit', 'fffff', 'in pages: ffffffff'],
    ['47 P', '1', 'present'],
    ['46–45', '0', 'DPL'],
    ['44 S', '1', 'code or data'],
    ['43–40', '11', '32-bit code, readable'],
    ['54 D/B', '1', '32-bit'],
    ['55 G', '1', 'limit counts pages'],
  ]);
});

it('has of a segment what the processor loaded', () => {
  expect(segmentRow(vcpu(), ['CS', R.CS])).toEqual([
    'CS',
    '0008',
    '00000000',
    'ffffffff',
    '0',
    '32-bit code, readable',
  ]);
});

it('tells flags and control registers bit by bit, and others not', () => {
  const set = (name: string) =>
    bitsOf(vcpu(), name)!
      .filter(([, value]) => value === '1')
      .map(([, , says]) => says.split(':')[0]);
  expect([set('EFLAGS'), set('CR0'), set('CR4')]).toEqual([['PF', 'ZF', 'IF'], ['PE', 'ET', 'PG'], []]);
  expect(bitsOf(vcpu(), 'CR3')).toBeUndefined();
  expect(valuesOf(vcpu()).get('EFLAGS')).toBe(0x246);
});
