/** xenstored's tree: values, permissions, who watches, and what changed since the last look. */

import { nameOf } from '../../host.ts';
import { inspector } from '../frame.tsx';
import { Detail } from './detail.tsx';
import { type Data, watcherText } from './facts.ts';
import { Figure } from './figure.tsx';
import { open } from './source.ts';
import { why } from './why.ts';
import { words } from './words.ts';

const EVERY_MS = 500;

export const XenStore = inspector<Data>({
  everyMs: EVERY_MS,
  nothing: words.nothing,
  open,
  Figure,
  Detail,
  why,
  tables: ({ nodes, watches }) => [
    {
      name: 'XenStore',
      columns: [words.path, words.value, words.permissions, words.watchers, words.generation],
      rows: nodes.map(({ path, value, permissions, generation }) => [
        path,
        value,
        permissions,
        watcherText(path, watches, nameOf),
        generation,
      ]),
    },
    {
      name: words.watches,
      columns: ['Domain', words.path],
      rows: watches.map(({ domid, path }) => [nameOf(domid), path]),
    },
  ],
});
