import { expect, it } from 'vitest';
import { tallyLines } from './verdict-lines.ts';

it('counts a line once, by the worst that is said of it, and what is said of no line by itself', () => {
  const at = (line: number, verdict: 'used' | 'approximated' | 'error', file = 'a.cfg') => ({ file, line, verdict });
  expect([...tallyLines([at(1, 'used'), at(2, 'used'), at(2, 'approximated'), at(2, 'used'), at(3, 'error'), at(0, 'error'), at(0, 'error'), at(1, 'used', 'b.cfg')])]).toEqual([['used', 2], ['approximated', 1], ['error', 3]]);
  expect(tallyLines([]).size).toBe(0);
});
