import { expect, it } from 'vitest';
import { pair, GUESTS, running, xl } from '../pool/migration/pair.test-support.ts';
import { part } from '../../formats/loading/index.ts';
import { meet } from './moving.ts';

it('a host that cannot load what takes domains in says so to who sends one, and takes the next', async () => {
  const { a, b, cable } = pair();
  let asked = 0;
  const fails = async () => {
    if (asked++ === 0) throw new Error('Failed to fetch dynamically imported module');
    return import('../pool/migration/index.ts');
  };
  meet(b, cable.of('b'), undefined, part(fails, 'moves domains'));
  await a.create(GUESTS.demo('web'));
  expect((await xl(a, 'migrate', 'web', 'b')).err).toContain(
    'The part of Ringside that takes domains in could not be loaded there. Try again.',
  );
  expect([await running(a), await running(b)]).toEqual([['web'], []]);
  expect((await xl(a, 'migrate', 'web', 'b')).err).toBe('');
  expect([await running(a), await running(b)]).toEqual([[], ['web']]);
});
