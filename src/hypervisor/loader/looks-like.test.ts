import { expect, it } from 'vitest';
import { looksLike } from './looks-like.ts';

it('takes text in UTF-8 for text, and bytes that are none for nothing known', () => {
  expect(looksLike(new TextEncoder().encode('name = "Café"\n'.repeat(50))).what).toBe('a text file');
  expect(looksLike(new Uint8Array(4096).fill(0xff)).what).toBe('nothing known');
  expect(looksLike(Uint8Array.of(1, 2, 3, 0x90)).what).toBe('nothing known');
});
