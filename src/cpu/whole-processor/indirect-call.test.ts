import { expect, it } from 'vitest';
import {
  createProcessor,
  CS,
  CR0,
  EBX,
  ECX,
  EIP,
  ESP,
  ExitReason,
  SEG,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
  DS,
  STATE_WORDS,
} from '../index.ts';
import { asm } from '../test-support/asm.ts';

// SDM vol. 2, CALL: a near call pushes the address of the instruction that follows, through a register or memory as well as direct.
it('an indirect call returns behind itself, also once its target is known', () => {
  const memory = new SharedArrayBuffer(0x10000 + STATE_WORDS * 4);
  const bytes = new Uint8Array(memory);
  bytes.set(asm('again: call ebx; call [0x3000]; dec ecx; jnz again; hlt'), 0x1000);
  bytes.set(asm('ret'), 0x2000);
  bytes.set([0, 0x20, 0, 0], 0x3000);
  const cpu = createProcessor({
    memory,
    stateOffset: 0x10000,
    p2m: Int32Array.from({ length: 16 }, (_, frame) => (frame << 12) | 7),
    time: { tsc: () => 0, tscHigh: 0 },
    doorbell: -1,
  });
  for (const [index, rights] of [
    [CS, 0xc09b],
    [SS, 0xc093],
    [DS, 0xc093],
  ]) {
    const at = SEG + index * SEG_WORDS;
    cpu.regs.fill(0, at, at + SEG_WORDS);
    cpu.regs[at + SEG_LIMIT] = -1;
    cpu.regs[at + SEG_RIGHTS] = rights;
  }
  cpu.regs[CR0] = 1;
  cpu.regs[EIP] = 0x1000;
  cpu.regs[EBX] = 0x2000;
  cpu.regs[ESP] = 0x8000;
  cpu.regs[ECX] = 5;
  cpu.reload();
  expect(cpu.run(1000)).toBe(ExitReason.HLT);
  expect([cpu.regs[EIP], cpu.regs[ESP], cpu.regs[ECX]]).toEqual([0x100b, 0x8000, 0]);
});
