import { expect, it } from 'vitest';
import { main } from './fuzz-libvirt.ts';
import { patient } from '../../test/support/patience.ts';

it('hostile clients have their answers, and disturb nobody', { timeout: patient(120_000) }, async () => {
  let text = '';
  expect(await main(['--messages', '2000', '--seed', '5'], more => void (text += more))).toBe(0);
  expect(text).toMatch(/^2000 messages from seed 5: \d{3,} answers, \d+ clients hung up on; /);
});

it('tells of wrong words', async () => {
  expect(await main(['--messages', 'many'], undefined, () => {})).toBe(2);
});
