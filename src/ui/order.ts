/** Orders of lists: names as people count (vm2 before vm10), and by whatever column somebody pressed. */

import { signal } from '@preact/signals';

const numbers = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
/** Two names that differ only in case keep an order. */
export const natural = (a: string, b: string): number => numbers.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

export interface Order<Column extends string = string> {
  column: Column;
  down: boolean;
}

/** What a column has of a row; undefined: nothing, and the row is last in either direction. */
export type Keys<Row, Column extends string> = Readonly<Record<Column, (row: Row) => string | number | undefined>>;

/** Rows by a column; of equals, and without an order, as they came. */
export function ordered<Row, Column extends string>(
  rows: readonly Row[],
  order: Order<Column> | undefined,
  keys: Keys<Row, Column>,
): readonly Row[] {
  if (!order) return rows;
  const sign = order.down ? -1 : 1;
  return rows
    .map(row => ({ row, key: keys[order.column](row) }))
    .sort(({ key: a }, { key: b }) => {
      if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
      return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : natural(String(a), String(b)));
    })
    .map(({ row }) => row);
}

/** A press on a column's head: up, then down, then as the list is by itself. */
export const pressed = <Column extends string>(
  order: Order<Column> | undefined,
  column: Column,
): Order<Column> | undefined =>
  order?.column !== column ? { column, down: false } : order.down ? undefined : { column, down: true };

/** What somebody chose, by list, as long as the page is open. */
const orders = signal<Readonly<Record<string, Order | undefined>>>({});
export const orderOf = <Column extends string>(list: string): Order<Column> | undefined =>
  orders.value[list] as Order<Column> | undefined;
export const pressColumn = (list: string, column: string): void => {
  orders.value = { ...orders.peek(), [list]: pressed(orders.peek()[list], column) };
};

/** By this column, upwards; '': as the list is by itself. */
export const setColumn = (list: string, column: string): void => {
  orders.value = { ...orders.peek(), [list]: column ? { column, down: false } : undefined };
};

/** Every word of what was typed is somewhere in what is said of a row; one that begins with # is a whole tag, and nothing goes on behind it. */
export function matching(typed: string): (...said: (string | undefined)[]) => boolean {
  const words =
    typed
      .toLowerCase()
      .match(/\S+/g)
      ?.map(word => word.replace(/^#.+/, '$& ')) ?? [];
  return (...said) => words.every(word => said.some(text => text && `${text.toLowerCase()} `.includes(word)));
}

/** Tags as a filter finds them, by what they say and, so that nothing else is meant, behind #. */
export const tagsSaid = (tags: readonly string[] = []): string => tags.map(tag => `#${tag}`).join(' ');
