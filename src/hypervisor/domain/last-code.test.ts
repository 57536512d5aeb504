import { expect, it } from 'vitest';
import { registers as R } from '../../cpu/architecture/index.ts';
import { DOMAIN, LAST_CODE_COUNT, LAST_CODE_KEPT, VCPU_BYTES } from '../layout/layout.ts';
import type { DomainView } from '../view/domain-view.ts';
import { VcpuView } from '../view/vcpu-view.ts';
import { bothOf, LastCode } from './last-code.ts';

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
  expect(look()).toEqual({
    total: 2,
    code: [
      { linear: 0x10010, eip: 0x10, is32: true, isKnown: true, registers: [{ number: R.EAX, value: 0x28 }] },
      {
        linear: 0x10013,
        eip: 0x13,
        is32: true,
        isKnown: true,
        registers: [{ number: R.ESP, value: 0xfffffffc }],
        written: { linear: 0x9fbe8, bytes: 4, value: 0x7c5e },
      },
    ],
  });
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
  expect(look()!.code.map(({ registers, written }) => [registers, written])).toEqual([
    [[], undefined],
    [[], undefined],
  ]);
  state.current = 1;
  regs[R.EBX] = 3;
  code.retired(0x102);
  expect(look(1)!.code).toEqual([{ linear: 0x102, eip: 0x102, is32: true, isKnown: false, registers: [] }]);
  expect(look()!.total).toBe(2);
});

it('keeps the newest, oldest first, and nothing where it was not asked for', () => {
  const { code, words, look } = kept();
  for (let i = 0; i < LAST_CODE_COUNT + 3; i++) code.retired(0x1000 + i);
  expect(look()!.code.map(({ linear }) => linear)).toEqual(
    Array.from({ length: LAST_CODE_COUNT }, (_, i) => 0x1003 + i),
  );
  words[LAST_CODE_KEPT] = 0;
  expect(look()).toBeUndefined();
});

it('looks on beside breakpoints: either may end the run', () => {
  const heard: string[] = [];
  const both = bothOf(
    { before: () => false, retired: linear => void heard.push(`first ${linear}`) },
    { before: linear => linear === 5, memory: () => void heard.push('memory') },
  )!;
  expect([both.before!(4), both.before!(5)]).toEqual([false, true]);
  both.retired!(9);
  both.memory!(0, 4, true, 0);
  expect(heard).toEqual(['first 9', 'memory']);
  expect(bothOf(undefined, undefined)).toBeNull();
});
