import { expect, it } from 'vitest';
import { FORMATS } from './formats.ts';

const table = {
  name: 'Exits',
  columns: ['Reason', 'Count'],
  rows: [
    ['I/O, "in"', 12],
    ['=HLT()\u0007', -3],
  ],
} as const;

it('writes CSV as RFC 4180 has it, and keeps a cell from being taken for a formula', () => {
  expect(FORMATS.csv.write([table])).toBe('Exits\r\nReason,Count\r\n"I/O, ""in""",12\r\n\'=HLT()\u0007,-3\r\n');
});

it('writes text in columns, with what would end a line by its number', () => {
  expect(FORMATS.txt.write([table])).toBe('Exits\nReason      Count\nI/O, "in"   12\n=HLT()\\x07  -3\n');
});

it('writes JSON with a row an object', () => {
  expect(JSON.parse(FORMATS.json.write([table]))).toEqual({
    Exits: [
      { Reason: 'I/O, "in"', Count: 12 },
      { Reason: '=HLT()\u0007', Count: -3 },
    ],
  });
});
