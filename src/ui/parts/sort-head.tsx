/** The head of a column that a list can be sorted by. */

import { orderOf, pressColumn } from '../order.ts';
import { Icon } from './marks.tsx';

interface Props {
  /** Which list, and which of its columns. */
  list: string;
  column: string;
  cls?: string;
  children: string;
}

export function SortHead({ list, column, cls, children }: Props) {
  const order = orderOf(list),
    isHere = order?.column === column;
  return (
    <th class={cls} aria-sort={!isHere ? undefined : order.down ? 'descending' : 'ascending'}>
      <button class="sorts" onClick={() => pressColumn(list, column)}>
        {children}
        {isHere && <Icon name={order.down ? 'down' : 'up'} size={9} />}
      </button>
    </th>
  );
}
