import { expect, it } from 'vitest';
import { picker } from './harness/pick.ts';
import { makers } from './fuzz/pool/messages.ts';
import { main } from './fuzz-pool.ts';

it('a hostile member is refused in words, and disturbs nobody', async () => {
  let text = '';
  expect(await main(['--messages', '4000', '--seed', '5'], more => void (text += more))).toBe(0);
  expect(text).toMatch(/^4000 messages from seed 5: /);
  expect(text).toMatch(
    /^ +\d+ {2}(What all hosts see does|Leases of guests do) not reach it any more: it sent what no host sends/m,
  );
});

it('sends frames of any length, one of nothing among them', () => {
  const { frames } = makers();
  const pick = picker(3);
  expect(Math.min(...Array.from({ length: 20_000 }, () => frames(pick).length))).toBe(2);
});

it('tells of wrong words', async () => {
  expect(await main(['--messages', 'many'], undefined, () => {})).toBe(2);
});
