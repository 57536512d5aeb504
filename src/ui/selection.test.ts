import { beforeEach, expect, it } from 'vitest';
import { beginAt, chosen, clear, extend, press, type RowKey, span, toggle } from './selection.ts';

const rows: RowKey[] = ['vm1', 'vm2', 'a', 'b'];
beforeEach(clear);
const now = (): string => [...chosen.peek()].join(' ');
const event = (more: Partial<MouseEvent>): MouseEvent =>
  ({ shiftKey: false, ctrlKey: false, metaKey: false, preventDefault: () => {}, ...more }) as MouseEvent;

it('spans rows in either direction, and one alone where its begin is gone', () => {
  expect([
    span(rows, 'vm2', 'b'),
    span(rows, 'a', 'vm1'),
    span(rows, 'gone', 'vm1'),
    span(rows, 'vm1', 'gone'),
  ]).toEqual([['vm2', 'a', 'b'], ['vm1', 'vm2', 'a'], ['vm1'], []]);
});

it('adds and takes away with Ctrl, spans with Shift from the row that was pressed last, and leaves the rest to the row', () => {
  expect(press(event({}), rows, 'vm1')).toBe(false);
  beginAt('vm1');
  press(event({ shiftKey: true }), rows, 'a');
  expect(now()).toBe('vm1 vm2 a');
  press(event({ ctrlKey: true }), rows, 'vm2');
  expect(now()).toBe('vm1 a');
  // From the one that was taken away last.
  press(event({ shiftKey: true }), rows, 'b');
  expect(now()).toBe('vm1 a vm2 b');
});

it('begins a span by keys at the row with the focus', () => {
  extend(rows, 'a', 'vm2');
  expect(now()).toBe('vm2 a');
  toggle('vm2');
  expect(now()).toBe('a');
});
