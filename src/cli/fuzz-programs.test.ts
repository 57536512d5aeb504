import { expect, it } from 'vitest';
import { main } from './fuzz-programs.ts';

const run = (...argv: string[]) => {
  let text = '';
  const status = main(argv, line => { text += line; });
  return { status, lines: text.trim().split('\n') };
};

it('drawn programs end as on the interpreter alone, with regions at once, and saved and restored in the middle', { timeout: 240_000 }, () => {
  const { status, lines } = run('--programs', '200', '--seed', '1');
  expect(lines.at(-1)).toMatch(/^200 programs, up to \d{6,} instructions, \d{6,} more in \d{4,} regions, \d{3,} saved and restored; 0 failed$/);
  expect([status, lines]).toEqual([0, [lines.at(-1)]]);
});

// It reaches code in its own page tables, and goes on by translations that are gone on a processor which was restored meanwhile.
it('so does one that writes over its page tables', () => {
  expect(run('--programs', '1', '--seed', '200159515').status).toBe(0);
});

it('a wrong command line gives status 2', () => {
  expect(run('--programs', '0').status).toBe(2);
  expect(run('--seed').status).toBe(2);
});
