import { expect, it } from 'vitest';
import { main } from './fuzz-rfb.ts';

it('hostile clients of a screen disturb neither one that behaves nor the guest beside', async () => {
  let text = '';
  expect(await main(['--messages', '600', '--seed', '5'], more => void (text += more)), text).toBe(0);
  expect(text).toMatch(/^600 messages from seed 5: \d+ clients, [1-9]\d* bytes to those that behave, /);
});
