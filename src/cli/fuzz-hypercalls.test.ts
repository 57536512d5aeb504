import { expect, it } from 'vitest';
import { main } from './fuzz-hypercalls.ts';

it.each([
  ['hvm', 'running'],
  ['pvh', 'paused'],
  ['pv', 'running'],
])(
  'random hypercalls of a hostile %s domain hurt nobody else and throw nothing, with the others %s',
  (type, others) => {
    let text = '';
    const status = main(['--calls', '15000', '--seed', '7', '--type', type, '--others', others], line => {
      text += line;
    });
    expect(text).not.toContain('FAILED');
    expect(status).toBe(0);
  },
);
