import { expect, it } from 'vitest';
import { upTime } from './up-time.ts';

it.each([
  [0, '0 min'],
  [59, '59 min'],
  [65, ' 1:05'],
  [1440, '1 day, 0 min'],
  [2 * 1440 + 630, '2 days, 10:30'],
])('a host that has been up for %d minutes', (minutes, words) => {
  const startedEpochMs = Date.UTC(2026, 10, 28);
  const clock = { startedEpochMs, epochMs: () => startedEpochMs + minutes * 60_000 };
  expect(upTime({ clock })).toMatch(new RegExp(`^\\d\\d:\\d\\d:00 up ${words}$`));
});
