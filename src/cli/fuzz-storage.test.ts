import { expect, it } from 'vitest';
import { main } from './fuzz-storage.ts';

it('loses nothing that was flushed, whatever power cuts leave', async () => {
  let text = '';
  const status = await main(['--cuts', '60', '--seed', '11'], line => (text += line));
  expect([status, text]).toEqual([0, 'journal seed 11: 60 cuts\ndisk seed 11: 60 cuts\nvolumes seed 11: 60 cuts\n0 failed\n']);
  expect(await main(['--cuts', 'many'])).toBe(2);
});
