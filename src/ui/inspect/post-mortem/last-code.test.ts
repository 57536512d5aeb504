import { expect, it } from 'vitest';
import { didOf } from './last-code.tsx';

const did = (
  registers: [number, number][],
  text: string,
  more: { written?: { linear: number; bytes: number; value: number }; is32?: boolean } = {},
  branched = '',
) =>
  didOf(
    {
      linear: 0,
      eip: 0,
      is32: true,
      isKnown: true,
      registers: registers.map(([number, value]) => ({ number, value })),
      ...more,
    },
    text,
    branched,
  );

it('tells the registers that changed, without the stack pointer where another did', () => {
  expect(did([[0, 0x28]], 'mov ax,0x28')).toBe('eax = 28');
  expect(
    did(
      [
        [3, 7],
        [4, 0x9fbe4],
      ],
      'pop ebx',
    ),
  ).toBe('ebx = 7');
  expect(did([[4, 0x9fbf0]], 'mov esp,0x9fbf0')).toBe('esp = 9fbf0');
  expect(did([], 'nop')).toBe('');
});

it('tells what was written to memory before anything else', () => {
  expect(did([[4, 0x9fbe8]], 'call 0x7c5f', { written: { linear: 0x9fbe8, bytes: 4, value: 0x7c5e } })).toBe(
    '[9fbe8] = 7c5e',
  );
  expect(
    did([[7, 0x8400]], 'stos [di],ax', { written: { linear: 0x8400, bytes: 2, value: 0x8e00 }, is32: false }),
  ).toBe('[8400] = 8e00');
  expect(
    did(
      [
        [0, 0x61],
        [6, 2],
      ],
      'lods al,[si]',
      { is32: false },
    ),
  ).toBe('eax = 61');
});

it('adds whether a branch was taken', () => {
  expect(did([[1, 2]], 'loop 0x7c20', {}, 'taken')).toBe('ecx = 2, taken');
  expect(did([], 'jz 0x7c10', {}, 'not taken')).toBe('not taken');
});
