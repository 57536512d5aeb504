import { expect, it } from 'vitest';
import { main } from './fuzz-gdb.ts';

it('a hostile debugger gets whole answers, and disturbs no guest but its own', async () => {
  let text = '';
  expect(await main(['--messages', '2000', '--seed', '5'], more => void (text += more)), text).toBe(0);
  expect(text).toMatch(/^2000 messages from seed 5: \d{3,} answers, [1-9]\d* guests ended\n/);
});

it('tells of wrong words', async () => {
  expect(await main(['--messages', 'many'], undefined, () => {})).toBe(2);
});
