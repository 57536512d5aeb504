/** Guests and definitions of which somebody chose several at once, as in a list of files: Ctrl and a click, Shift and a click, boxes, keys. */

import { signal } from '@preact/signals';
import type { Action } from './actions.ts';

/** By its name a domain is known before it starts, while it runs, and as the new domain that it is after a restart. */
export type RowKey = string;

export const chosen = signal<ReadonlySet<RowKey>>(new Set());
/** What was typed into the filter of lists. */
export const filter = signal('');

/** What can be done with all of them; undefined until its script is there (parts/chosen-bar.tsx). */
export const together: { actions?: () => Action[] } = {};

/** Where a span begins: the row that was pressed last. */
let from: RowKey | undefined;

/** From one row to another, both of them, in the order of the list; one that is not there is nobody's end. */
export function span(rows: readonly RowKey[], begin: RowKey | undefined, end: RowKey): RowKey[] {
  const [a, b] = [begin === undefined ? -1 : rows.indexOf(begin), rows.indexOf(end)];
  if (b < 0) return [];
  return a < 0 ? [end] : rows.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** One more, or one less. */
export function toggled(set: ReadonlySet<RowKey>, key: RowKey): Set<RowKey> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}

export function toggle(key: RowKey): void {
  from = key;
  chosen.value = toggled(chosen.peek(), key);
}

/** All from the row that was pressed last to this one, next to those that `keeps` has. */
export function extend(rows: readonly RowKey[], key: RowKey, start?: RowKey): void {
  from ??= start;
  chosen.value = new Set([...chosen.peek(), ...span(rows, from, key)]);
}

export function setAll(keys: Iterable<RowKey>): void {
  chosen.value = new Set(keys);
}

export function clear(): void {
  from = undefined;
  if (chosen.peek().size > 0) chosen.value = new Set();
}

/** Moving somewhere begins the next span there. */
export const beginAt = (key: RowKey | undefined): void => {
  from = key;
};

/** A press with Ctrl or Shift is about the selection, and answered here: false where it is an ordinary one. */
export function press(event: MouseEvent | KeyboardEvent, rows: readonly RowKey[], key: RowKey): boolean {
  if (event.shiftKey) extend(rows, key);
  else if (event.ctrlKey || event.metaKey) toggle(key);
  else return false;
  event.preventDefault();
  return true;
}
