/** The credit scheduler: who had which pCPU when, with which priority, what each has left, why each switch was made, and what the weights have to do with it. */

import { inspector } from '../frame.tsx';
import { PRIORITIES } from '../runs.ts';
import { Detail } from './detail.tsx';
import type { Data } from './facts.ts';
import { Figure, Spans } from './figure.tsx';
import { open } from './source.ts';
import { why } from './why.ts';
import { words } from './words.ts';

const EVERY_MS = 250;

export const SchedulerPart = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  Tools: Spans,
  Detail,
  why,
  tables: ({ decisions, accountings, units, shares, fromNs }) => [
    {
      name: 'Domains',
      columns: [
        'Domain',
        words.weight,
        words.cap,
        words.priority,
        words.credit,
        'In the picture, ms',
        'By weight, ms',
        'Times dispatched',
      ],
      rows: units.map(({ unit, name, weight, cap, priority, credit, dispatches }) => {
        const { ran, byWeight } = shares.get(unit)!;
        return [
          name,
          weight,
          cap,
          PRIORITIES[priority] ?? priority,
          credit,
          Number((ran / 1e6).toFixed(2)),
          byWeight === undefined ? '' : Number((byWeight / 1e6).toFixed(2)),
          dispatches,
        ];
      }),
    },
    {
      name: words.log,
      columns: [words.at, words.where, 'From', 'To', words.priority, words.credit, words.reason, words.waited],
      rows: [...decisions]
        .reverse()
        .map(each => [
          Number(((each.timeNs - fromNs) / 1e6).toFixed(3)),
          each.pcpu,
          units.find(({ unit }) => unit === each.from)?.name ?? words.idle,
          units.find(({ unit }) => unit === each.to)?.name ?? words.idle,
          PRIORITIES[each.priority] ?? '',
          each.credit,
          words.whys[each.why] ?? '',
          Number((each.waitedNs / 1e6).toFixed(3)),
        ]),
    },
    {
      name: words.accountings,
      columns: [words.at, ...units.map(({ name }) => name)],
      rows: [...accountings]
        .reverse()
        .map(({ timeNs, credits }) => [
          Number(((timeNs - fromNs) / 1e6).toFixed(3)),
          ...units.map(({ unit }) => credits[unit] ?? ''),
        ]),
    },
  ],
});
