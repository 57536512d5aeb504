import { expect, it } from 'vitest';
import { main } from './fuzz-programs.ts';
import { patient } from '../../test/support/patience.ts';

const run = async (...argv: string[]) => {
  let text = '';
  const status = await main(
    argv,
    line => void (text += line),
    () => {},
  );
  return { status, lines: text.trim().split('\n') };
};

it('drawn programs end as on the interpreter alone, with regions at once, and saved and restored in the middle', {
  timeout: patient(240_000),
}, async () => {
  const { status, lines } = await run('--programs', '40', '--seed', '1');
  expect(lines.at(-1)).toMatch(
    /^40 programs, up to \d{6,} instructions, \d{6,} more in \d{3,} regions, \d{2,} saved and restored; 0 failed$/,
  );
  expect([status, lines]).toEqual([0, [lines.at(-1)]]);
});

// They reach code in their own page tables, and go on by translations that are gone on a processor which was restored meanwhile, or whose records were dropped.
it.each([200159515, 97336070])('so does one that writes over its page tables: %d', async seed => {
  expect((await run('--programs', '1', '--seed', String(seed))).status).toBe(0);
});

// A page of code is walked to again where records were dropped: its accessed bit says so.
it('so does one that others clear accessed bits of', async () => {
  expect((await run('--programs', '1', '--seed', '843')).status).toBe(0);
});

it('a wrong command line gives status 2', async () => {
  expect((await run('--programs', '0')).status).toBe(2);
  expect((await run('--seed')).status).toBe(2);
});
