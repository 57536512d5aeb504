/** The scheduler of the host: who had which pCPU when and why, and what the weights have to do with it; of Xen's credit scheduler also what each has left. */

import { inspector } from '../frame.tsx';
import { PRIORITIES } from '../runs.ts';
import { Detail } from './detail.tsx';
import type { Data } from './facts.ts';
import { Figure, Spans } from './figure.tsx';
import { open } from './source.ts';
import { why } from './why.ts';
import { schedulerWords, words } from './words.ts';

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
  tables: ({ decisions, accountings, units, shares, fromNs }) => {
    const { hasCredit, weight: weightName, cap: capName, whys } = schedulerWords();
    return [
      {
        name: 'Domains',
        columns: [
          'Domain',
          weightName,
          capName,
          ...(hasCredit ? [words.priority, words.credit] : []),
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
            ...(hasCredit ? [PRIORITIES[priority] ?? priority, credit] : []),
            Number((ran / 1e6).toFixed(2)),
            byWeight === undefined ? '' : Number((byWeight / 1e6).toFixed(2)),
            dispatches,
          ];
        }),
      },
      {
        name: words.log,
        columns: [
          words.at,
          words.where,
          'From',
          'To',
          ...(hasCredit ? [words.priority, words.credit] : []),
          words.reason,
          words.waited,
        ],
        rows: [...decisions]
          .reverse()
          .map(each => [
            Number(((each.timeNs - fromNs) / 1e6).toFixed(3)),
            each.pcpu,
            units.find(({ unit }) => unit === each.from)?.name ?? words.idle,
            units.find(({ unit }) => unit === each.to)?.name ?? words.idle,
            ...(hasCredit ? [PRIORITIES[each.priority] ?? '', each.credit] : []),
            whys[each.why] ?? '',
            Number((each.waitedNs / 1e6).toFixed(3)),
          ]),
      },
      ...(hasCredit
        ? [
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
          ]
        : []),
    ];
  },
});
