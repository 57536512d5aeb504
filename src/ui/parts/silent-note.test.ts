import { expect, it } from 'vitest';
import type { Rates } from '../counters.ts';
import { silenceSaid } from './silent-note.tsx';

const rates = (instructionsPerSecond: number, compiled?: number) => ({ instructionsPerSecond, compiled }) as Rates;

it('says of a guest that shows nothing how far it is, and why a 64-bit one takes long', () => {
  expect(silenceSaid('web', 1_234_567_890, rates(45_000_000, 0.9))).toBe(
    'web has shown nothing yet, and works: 1\u202f235 million instructions so far, 45 million a second.',
  );
  expect(silenceSaid('wide', 4_200_000, rates(6_500_000, 0))).toMatch(
    /4\.2 million instructions so far, 6\.5 million a second, none of them by compiled code \(64-bit code is interpreted here, so a boot takes minutes\)\.$/,
  );
});

it('says of one that does nothing that it waits', () => {
  for (const still of [undefined, rates(0), rates(900)])
    expect(silenceSaid('web', 5000, still)).toMatch(/^web has shown nothing yet, and does next to nothing now/);
});
