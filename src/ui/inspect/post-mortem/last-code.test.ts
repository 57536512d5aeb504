import { expect, it } from 'vitest';
import { didOf } from './last-code.tsx';

const did = (
  registers: [number, bigint][],
  text: string,
  more: { written?: { linear: number; bytes: number; value: bigint }; bits?: 16 | 32 | 64 } = {},
  branched = '',
) =>
  didOf(
    {
      linear: 0,
      ip: 0,
      bits: 32,
      isKnown: true,
      registers: registers.map(([number, value]) => ({ number, value })),
      ...more,
    },
    text,
    branched,
  );

it('tells the registers that changed, without the stack pointer where another did', () => {
  expect(did([[0, 0x28n]], 'mov ax,0x28')).toBe('eax = 28');
  expect(
    did(
      [
        [3, 7n],
        [4, 0x9fbe4n],
      ],
      'pop ebx',
    ),
  ).toBe('ebx = 7');
  expect(did([[4, 0x9fbf0n]], 'mov esp,0x9fbf0')).toBe('esp = 9fbf0');
  expect(did([], 'nop')).toBe('');
});

it('tells what was written to memory before anything else', () => {
  expect(did([[4, 0x9fbe8n]], 'call 0x7c5f', { written: { linear: 0x9fbe8, bytes: 4, value: 0x7c5en } })).toBe(
    '[9fbe8] = 7c5e',
  );
  expect(did([[7, 0x8400n]], 'stos [di],ax', { written: { linear: 0x8400, bytes: 2, value: 0x8e00n }, bits: 16 })).toBe(
    '[8400] = 8e00',
  );
  expect(
    did(
      [
        [0, 0x61n],
        [6, 2n],
      ],
      'lods al,[si]',
      { bits: 16 },
    ),
  ).toBe('eax = 61');
});

it('adds whether a branch was taken', () => {
  expect(did([[1, 2n]], 'loop 0x7c20', {}, 'taken')).toBe('ecx = 2, taken');
  expect(did([], 'jz 0x7c10', {}, 'not taken')).toBe('not taken');
});

it('tells whole registers and words of 64-bit code', () => {
  expect(did([[9, 0xffffffff81000000n]], 'mov r9,rax', { bits: 64 })).toBe('r9 = ffffffff81000000');
  expect(did([[0, 0x28n]], 'mov eax,0x28', { bits: 64 })).toBe('rax = 28');
  const written = { linear: -0x3fff_ffff_fff8, bytes: 8, value: 0xffffffff81000000n };
  expect(did([[4, 1n]], 'push rax', { written, bits: 64 })).toBe('[ffffc00000000008] = ffffffff81000000');
});
