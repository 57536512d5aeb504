/** Rows of a list. Of many those are drawn that can be seen: hundreds of them take the time of a screenful. */

import { windowedRows } from '../parts.ts';
import type { ComponentChildren } from 'preact';
import { later } from './load-when-shown.tsx';

/** Up to this many rows are simply drawn. */
const FEW = 60;

export interface WindowedProps<Row> {
  rows: readonly Row[];
  /** What keeps the place of those that are not drawn: an element of the list's kind, so high. */
  spacer: 'li' | 'tr';
  /** `n`: from 0 on. */
  draw(row: Row, n: number): ComponentChildren;
  /** Set to what brings a row into view. */
  reveal?: { current: ((n: number) => void) | undefined };
}

const Rows = later(windowedRows, part => part.WindowedRows<unknown>);

export const Windowed = <Row,>(props: WindowedProps<Row>) =>
  props.rows.length <= FEW ? <>{props.rows.map(props.draw)}</> : <Rows {...(props as WindowedProps<unknown>)} />;
