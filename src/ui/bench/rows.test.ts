import { expect, it } from 'vitest';
import { linesOf, type Line, readRow, roundsFor } from './rows.ts';

it('reads times a round from lines that come in pieces', () => {
  const lines: Line[] = [];
  const put = linesOf(line => lines.push(line));
  const bytes = (text: string) => new TextEncoder().encode(text);
  put(bytes('GUEST-READY\r\nBEGIN alu'), 5);
  put(bytes(' 4\r\n'), 10);
  put(bytes('RESULT alu 4 1234abcd tsc=0\r\nBEGIN alu 4\r\n'), 50);
  put(bytes('RESULT alu 4 1234abcd tsc=0\r\n'), 70);
  expect(readRow(lines)).toEqual([10, 5]);
});

it('says what the guest said where that was no result', () => {
  expect(() => readRow([{ text: 'UNEXPECTED-EXCEPTION', ms: 1 }])).toThrow('the guest said UNEXPECTED-EXCEPTION');
  expect(() => readRow([])).toThrow('nothing');
});

it('takes as many rounds as fit, and at most a hundred times as many', () => {
  expect(roundsFor(10, 5, 250)).toBe(50);
  expect(roundsFor(2, 1000, 250)).toBe(1);
  expect(roundsFor(2, 0, 250)).toBe(200);
});
