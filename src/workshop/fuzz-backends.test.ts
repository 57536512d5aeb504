import { expect, it } from 'vitest';
import { main } from './fuzz-backends.ts';

it('feeds the store and each back end hostile messages, which nobody else notices', async () => {
  let text = '';
  expect(await main(['--messages', '300', '--seed', '7', '--alone'], more => (text += more)), text).toBe(0);
  expect(text).toMatch(/^xenstore seed 7: 300 messages of 1 domains/);
  expect(text.match(/kinds of sentences$/gm)).toHaveLength(5);
  expect(await main(['--what', 'vtpm'], undefined, () => {})).toBe(2);
});
