import { expect, it } from 'vitest';
import { registers as R } from '../../../cpu/architecture/index.ts';
import { addressText, generalOf, ipName, registerText } from '../../../hypervisor/view/index.ts';
import { FLAGS, segmentAt, stackOf } from '../vcpu-facts.ts';
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

it('tells a TSS of 64 bits with the whole of its base, and RFLAGS, where 64-bit code runs', () => {
  const state = vcpu(),
    { regs } = state;
  regs[R.EFER] = 0x500;
  regs[segmentAt(R.CS) + R.SEG_RIGHTS] = 0xa09b;
  regs[segmentAt(R.TR) + R.SEG_SELECTOR] = 0x40;
  regs[segmentAt(R.TR) + R.SEG_RIGHTS] = 0x8b;
  // Linux's: base fffffe0000003000, limit 4087h (SDM vol. 3, figure 8-4).
  const tss = [0x87, 0x40, 0x00, 0x30, 0x00, 0x8b, 0x00, 0x00, 0x00, 0xfe, 0xff, 0xff, 0, 0, 0, 0];
  const descriptor = descriptorOf({ ...state, bytesAt: () => Uint8Array.from(tss) }, R.TR);
  const rows = descriptorRows(descriptor!);
  expect([rows[0], rows[5]]).toEqual([
    ['base', 'fffffe0000003000', 'bits 95–56, 39–16'],
    ['43–40', '11', '64-bit TSS'],
  ]);
  expect(segmentRow(state, ['TR', R.TR]).at(-1)).toBe('64-bit TSS');
  expect([valuesOf(state).has('RFLAGS'), bitsOf(state, 'RFLAGS')?.length]).toEqual([true, FLAGS.length]);
});

it('has registers of 64 bits where 64-bit code runs', () => {
  const { regs } = vcpu();
  expect([ipName(regs), generalOf(regs).length, registerText(regs, R.EIP)]).toEqual(['EIP', 8, '00000000']);
  regs[R.EFER] = 0x500;
  regs[segmentAt(R.CS) + R.SEG_RIGHTS] = 0xa09b;
  regs[R.EIP] = 0x8104e8cb | 0;
  regs[R.EIP + R.HIGH] = -1;
  regs[segmentAt(R.GS) + R.SEG_BASE + R.HIGH] = 0xffff8880 | 0;
  regs[segmentAt(R.DS) + R.SEG_BASE + R.HIGH] = 5;
  expect([
    ipName(regs),
    generalOf(regs)
      .map(([name]) => name)
      .join(' '),
    registerText(regs, R.EIP),
  ]).toEqual(['RIP', 'RAX RBX RCX RDX RSI RDI RBP RSP R8 R9 R10 R11 R12 R13 R14 R15', 'ffffffff8104e8cb']);
  expect(addressText(-0x7efb1735)).toBe('ffffffff8104e8cb');
  const rows = [['CS', R.CS] as const, ['DS', R.DS] as const, ['GS', R.GS] as const].map(each =>
    segmentRow({ regs }, each),
  );
  expect(rows.map(([, , base]) => base)).toEqual(['00000000', '00000000', 'ffff888000000000']);
  expect(rows[0]!.at(-1)).toBe('64-bit code, readable');
  expect(valuesOf({ regs, eflags: 2 }).get('RIP')).toBe(-0x7efb1735);
});

it('has a stack in words of the code that runs', () => {
  const { regs } = vcpu(),
    memory = Uint8Array.from([0xcb, 0xe8, 0x04, 0x81, 0xff, 0xff, 0xff, 0xff]),
    state = { regs, isLong: false, linear: (_: number, offset: number) => offset, bytesAt: () => memory };
  const words = (isLong: boolean) => stackOf({ ...state, isLong } as unknown as Parameters<typeof stackOf>[0], 2);
  regs[R.ESP] = 0x1fff0;
  expect(words(false)).toEqual([
    { at: 0xfff0, word: 0x8104e8cb, text: '8104e8cb' },
    { at: 0xfff4, word: 0xffffffff, text: 'ffffffff' },
  ]);
  regs[segmentAt(R.SS) + R.SEG_RIGHTS] = R.RIGHTS_DB;
  expect(words(false)[0]!.at).toBe(0x1fff0);
  regs[R.ESP + R.HIGH] = -1;
  expect(words(true)).toEqual([{ at: 0x1fff0 - 2 ** 32, word: -0x7efb1735, text: 'ffffffff8104e8cb' }]);
});
