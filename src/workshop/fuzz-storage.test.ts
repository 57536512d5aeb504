import { expect, it } from 'vitest';
import { main } from './fuzz-storage.ts';

it('loses nothing that was flushed, whatever power cuts leave', async () => {
  let text = '';
  const status = await main(['--cuts', '20', '--seed', '11'], line => (text += line));
  expect([status, text]).toEqual([
    0,
    'journal seed 11: 20 cuts\ndisk seed 11: 20 cuts\nvolumes seed 11: 20 cuts\ndomains seed 11: 20 cuts\nflips seed 11: 20 flips\nstates seed 11: 20 flips\n6 passed, 0 failed\n',
  ]);
  expect(await main(['--cuts', 'many'], undefined, () => {})).toBe(2);
});
