import { expect, it } from 'vitest';
import { letGo } from './let-go.ts';

it('takes the bytes of a large buffer away, and leaves small and shared ones', () => {
  const large = new Uint8Array(1 << 20),
    small = new Uint8Array(64),
    shared = new Uint8Array(new SharedArrayBuffer(1 << 20));
  for (const { buffer } of [large, small, shared]) letGo(buffer);
  expect([large, small, shared].map(({ length }) => length)).toEqual([0, 64, 1 << 20]);
});
