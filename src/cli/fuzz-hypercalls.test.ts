import { describe, expect, it } from 'vitest';
import { main } from './fuzz-hypercalls.ts';

describe.each(['running', 'paused'])('with the other domains %s', others => {
  it.each(['hvm', 'pvh', 'pv'])('random hypercalls of a hostile %s domain hurt nobody else and throw nothing', { timeout: 120_000 }, type => {
    let text = '';
    const status = main(['--calls', '20000', '--seed', '7', '--type', type, '--others', others], line => {
      text += line;
    });
    expect(text).not.toContain('FAILED');
    expect(status).toBe(0);
  });
});
