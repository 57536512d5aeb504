/** Disk requests and packets of a guest on their way: each place that one has passed, from the driver to the sector or the bridge. */

import type { FollowedRequest } from '../../../dom0/service/index.ts';
import { exitTitle } from '../../../hypervisor/view/index.ts';
import { inspector } from '../frame.tsx';
import type { Data, Side } from './facts.ts';
import { Figure } from './figure.tsx';
import { open } from './source.ts';
import { why } from './why.ts';
import { words } from './words.ts';

const EVERY_MS = 250;

const rowsOf = (
  data: Data,
  of: (side: Side, request: FollowedRequest) => (string | number)[][],
): (string | number)[][] =>
  [data.own, ...(data.other ? [data.other] : [])].flatMap(side => side.requests.flatMap(request => of(side, request)));

export const IoPath = inspector<Data>({
  everyMs: EVERY_MS,
  nothing: words.nothing,
  open,
  Figure,
  why: shown => (shown.data.own.requests.length === 0 && !shown.data.other ? why(shown) : undefined),
  tables: data => [
    {
      name: words.table,
      columns: words.columns,
      rows: rowsOf(data, ({ name }, { number, steps }) =>
        steps.map(({ place, what, us, writer }) => [name, number, place, what, Number(us.toFixed(1)), writer]),
      ),
    },
    {
      name: words.exitsTable,
      columns: words.exitColumns,
      rows: rowsOf(data, ({ name }, { number, exits = [] }) =>
        exits.map(({ reason, port, count }) => [
          name,
          number,
          exitTitle(reason),
          port === undefined ? '' : `0x${port.toString(16)}`,
          count,
        ]),
      ),
    },
  ],
});
