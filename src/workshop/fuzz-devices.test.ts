import { expect, it } from 'vitest';
import { main } from './fuzz-devices.ts';

it('no device throws, hangs or leaves guest memory, whatever it is asked, and each goes on after it was saved', async () => {
  let text = '';
  const status = await main(['--accesses', '1500', '--seed', '7'], line => (text += line));
  expect([status, text]).toEqual([
    0,
    expect.stringMatching(
      /^pic seed 7: 1500 accesses\n[\s\S]*\nfloppy seed 7: 1500 accesses\neverything seed 7: 1500 accesses\n\d+ passed, 0 failed\n$/,
    ),
  ]);
  expect(await main(['--accesses', 'many'], undefined, () => {})).toBe(2);
});
