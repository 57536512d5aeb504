import { expect, it } from 'vitest';
import { csvField } from './field.ts';

it('is read by a spreadsheet as it stands', () => {
  expect(['Ada', 'a,b', '=1+1', 'say "x"', '-1', '-a', -5].map(csvField)).toEqual([
    'Ada',
    '"a,b"',
    "'=1+1",
    '"say ""x"""',
    '-1',
    "'-a",
    '-5',
  ]);
});
