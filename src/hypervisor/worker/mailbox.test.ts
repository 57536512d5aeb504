/** What Domain 0 asks of a domain's worker. */
import { expect, it, vi } from 'vitest';
import type { BreakPoint } from '../domain/breaks.ts';
import type { Machine } from '../memory/machine.ts';
import { Mailbox } from './mailbox.ts';

const AT = 4096;

it('holds the points where a domain stops, and whoever reads them reads no more of the memory than they take', () => {
  const words = new Int32Array(new SharedArrayBuffer(2 ** 20)),
    mailbox = new Mailbox(
      { words, bytes: new Uint8Array(words.buffer) } as Machine,
      { mailboxOffset: AT } as ConstructorParameters<typeof Mailbox>[1],
    );
  const points: BreakPoint[] = [
    { kind: 'execute', linear: 0xc0100000, bytes: 1 },
    { kind: 'write', linear: 0x1000, bytes: 4096 },
    { kind: 'access', linear: 0xffffffff, bytes: 4 },
  ];
  const copies = vi.spyOn(Int32Array.prototype, 'slice');
  mailbox.setBreaks(points);
  expect(mailbox.breaks).toEqual(points);
  const copied = copies.mock.results.map(({ value }) => (value as Int32Array).length);
  copies.mockRestore();
  expect(copied.every(length => length <= 3 * points.length)).toBe(true);
  mailbox.setBreaks([]);
  expect(mailbox.breaks).toEqual([]);
});
