import { expect, it } from 'vitest';
import { Watchdog } from './watchdog.ts';

it('reaches into a loop that never looks at the clock', () => {
  let late = false;
  const watchdog = new Watchdog(0.2, () => {
    late = true;
  });
  const giveUpMs = Date.now() + 20_000;
  while (!late && Date.now() < giveUpMs);
  watchdog.stop();
  expect(late).toBe(true);
});
