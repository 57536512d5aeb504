import { expect, it } from 'vitest';
import { main } from './main.ts';
import { patient } from '../../../test/support/patience.ts';

it('hosts of one hub with guests lose nothing, from the first join to the last leave', {
  timeout: patient(240_000),
}, async () => {
  let text = '';
  expect([await main(['--members', '3', '--empty', '1'], more => void (text += more)), text]).toEqual([
    0,
    expect.stringMatching(/ping .* 6 pairs[^]*balance .* 1 hosts? [^]*3 members, nothing lost; at most \d+ MiB/),
  ]);
});

it('tells of wrong words', async () => {
  expect(await main(['--members', '1'], undefined, () => {})).toBe(2);
});
