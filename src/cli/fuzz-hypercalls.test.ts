import { expect, it } from 'vitest';
import { main } from './fuzz-hypercalls.ts';

it.each(['hvm', 'pvh', 'pv'])('random hypercalls of a hostile %s domain hurt nobody else and throw nothing', { timeout: 120_000 }, type => {
  let text = '';
  const status = main(['--calls', '60000', '--seed', '7', '--type', type], line => {
    text += line;
  });
  expect(text).not.toContain('FAILED');
  expect(status).toBe(0);
});
