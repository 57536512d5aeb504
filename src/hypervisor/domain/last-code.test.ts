import { expect, it } from 'vitest';
import { EFER_LMA, registers as R } from '../../cpu/architecture/index.ts';
import { DOMAIN, LAST_CODE_COUNT, LAST_CODE_KEPT, VCPU_BYTES } from '../layout/layout.ts';
import type { DomainView } from '../view/domain-view.ts';
import { VcpuView } from '../view/vcpu-view.ts';
import { probeOf } from './probes.ts';
import { LastCode } from './last-code.ts';

const CODE_SEGMENT = R.SEG + R.CS * R.SEG_WORDS;

function kept(vcpus = 1) {
  const words = new Int32Array((vcpus * VCPU_BYTES) / 4),
    regs = new Int32Array(R.STATE_WORDS);
  words[LAST_CODE_KEPT] = 1;
  regs[CODE_SEGMENT + R.SEG_RIGHTS] = R.RIGHTS_DB;
  const blockOf = (id: number) => words.subarray((id * VCPU_BYTES) / 4, ((id + 1) * VCPU_BYTES) / 4);
  const state = { current: 0 };
  const code = new LastCode(regs, () => ({ id: state.current, block: blockOf(state.current) }));
  const domain = {
    entry: { [DOMAIN.VCPU]: 0 },
    memory: { block: (at: number, count: number) => words.subarray(at >> 2, (at >> 2) + count) },
  } as unknown as DomainView;
  return { code, regs, state, words, look: (id = 0) => new VcpuView(domain, id).lastCode() };
}

it('tells of each instruction which registers and which memory it changed', () => {
  const { code, regs, look } = kept();
  regs[CODE_SEGMENT + R.SEG_BASE] = 0x10000;
  code.before();
  regs[R.EAX] = 0x28;
  code.retired(0x10010);
  code.before();
  regs[R.ESP] = -4;
  code.memory(0x9fbe8, 4, true, 0x7c5e);
  code.memory(0x500, 4, false, 1);
  code.retired(0x10013);
  expect(look()).toEqual([
    { linear: 0x10010, ip: 0x10, bits: 32, isKnown: true, registers: [{ number: 0, value: 0x28n }] },
    {
      linear: 0x10013,
      ip: 0x13,
      bits: 32,
      isKnown: true,
      registers: [{ number: 4, value: 0xfffffffcn }],
      written: { linear: 0x9fbe8, bytes: 4, value: 0x7c5en },
    },
  ]);
});

it('does not take for an instruction’s what was changed before it, nor what another vCPU changed', () => {
  const { code, regs, state, look } = kept(2);
  code.before();
  code.retired(0x100);
  // A hypercall's result, and what a delivery pushed.
  regs[R.EAX] = 7;
  code.memory(0x200, 4, true, 1);
  code.before();
  code.retired(0x101);
  expect(look()!.map(({ registers, written }) => [registers, written])).toEqual([
    [[], undefined],
    [[], undefined],
  ]);
  state.current = 1;
  regs[R.EBX] = 3;
  code.retired(0x102);
  expect(look(1)).toEqual([{ linear: 0x102, ip: 0x102, bits: 32, isKnown: false, registers: [] }]);
  expect(look()).toHaveLength(2);
});

it('tells of 64-bit code whole addresses and values, R8 to R15 too, and half as many instructions', () => {
  const { code, regs, look } = kept();
  const RIP = -0x7f000000;
  const one = (at: number): void => {
    code.before();
    regs[R.R8 + 1 + R.HIGH]++;
    code.memory(-0x3fff_ffff_fff8, 4, true, 0x9abcdef0);
    code.memory(-0x3fff_ffff_fff4, 4, true, 0x12345678);
    code.retired(at);
  };
  regs[R.R8 + 1] = -2;
  code.before();
  code.retired(0x7c00);
  regs[R.EFER] = EFER_LMA;
  regs[CODE_SEGMENT + R.SEG_RIGHTS] = R.RIGHTS_L;
  one(RIP);
  expect(look()![0]).toMatchObject({ linear: 0x7c00, bits: 32 });
  expect(look()![1]).toEqual({
    linear: RIP,
    ip: RIP,
    bits: 64,
    isKnown: true,
    registers: [{ number: 9, value: 0x1_ffff_fffen }],
    written: { linear: -0x3fff_ffff_fff8, bytes: 8, value: 0x1234_5678_9abc_def0n },
  });
  // The first half of one is gone for the last one's.
  for (let i = 1; i <= LAST_CODE_COUNT / 2; i++) one(RIP + i);
  expect(look()!.map(({ ip }) => ip)).toEqual(Array.from({ length: LAST_CODE_COUNT / 2 }, (_, i) => RIP + 1 + i));
  regs[CODE_SEGMENT + R.SEG_RIGHTS] = R.RIGHTS_DB;
  code.before();
  code.retired(0x7c01);
  expect(look()!.map(({ ip }) => ip)).toEqual([
    ...Array.from({ length: LAST_CODE_COUNT / 2 - 1 }, (_, i) => RIP + 2 + i),
    0x7c01,
  ]);
});

it('keeps the newest, oldest first, and nothing where it was not asked for', () => {
  const { code, words, look } = kept();
  for (let i = 0; i < LAST_CODE_COUNT + 3; i++) code.retired(0x1000 + i);
  expect(look()!.map(({ linear }) => linear)).toEqual(Array.from({ length: LAST_CODE_COUNT }, (_, i) => 0x1003 + i));
  words[LAST_CODE_KEPT] = 0;
  expect(look()).toBeUndefined();
});

it('looks on beside breakpoints: either may end the run', () => {
  const heard: string[] = [];
  const both = probeOf(
    { before: () => false, retired: linear => void heard.push(`first ${linear}`) },
    { before: linear => linear === 5, memory: () => void heard.push('memory') },
  )!;
  expect([both.before!(4), both.before!(5)]).toEqual([false, true]);
  both.retired!(9);
  both.memory!(0, 4, true, 0);
  expect(heard).toEqual(['first 9', 'memory']);
  expect(probeOf(undefined, undefined)).toBeNull();
});
