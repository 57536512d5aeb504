import { expect, it } from 'vitest';
import { cellAt, markedRows, markedText } from './marked.ts';

const LINES = ['C:\\>dir', '', 'AUTOEXEC BAT    42', 'C:\\>'];
const screen = { columns: 20, rows: 4, text: (row: number) => LINES[row]! };

it('marks from one cell to the other, both with it, line by line, in either direction', () => {
  const marked = [
    { row: 0, from: 4, to: 20 },
    { row: 1, from: 0, to: 20 },
    { row: 2, from: 0, to: 8 },
  ];
  const [a, b] = [
    { column: 4, row: 0 },
    { column: 7, row: 2 },
  ];
  expect(markedRows(screen, a, b)).toEqual(marked);
  expect(markedRows(screen, b, a)).toEqual(marked);
  expect(markedText(screen, marked)).toBe('dir\n\nAUTOEXEC');
});

it('keeps what is marked inside of the screen, also when that became smaller', () => {
  expect(cellAt(screen, -0.5, 2)).toEqual({ column: 0, row: 3 });
  expect(cellAt(screen, 1, 0.999)).toEqual({ column: 19, row: 3 });
  expect(cellAt(screen, 0.5, 0.5)).toEqual({ column: 10, row: 2 });
  expect(markedRows(screen, { column: 79, row: 3 }, { column: 79, row: 24 })).toEqual([{ row: 3, from: 19, to: 20 }]);
});
