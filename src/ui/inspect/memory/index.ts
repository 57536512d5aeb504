/** Machine memory: who owns which frame, and where an address leads: linear, guest-physical, machine. */

import { inspector } from '../frame.tsx';
import { columnsOf } from './detail.tsx';
import { type Data, FRAMES } from './facts.ts';
import { Figure } from './figure.tsx';
import { ownerName } from './owners.ts';
import { open } from './source.ts';
import { why } from './why.ts';
import { hypervisorWords, words } from './words.ts';

const EVERY_MS = 1000;

export const Memory = inspector<Data>({
  everyMs: EVERY_MS,
  needsMemory: true,
  nothing: words.nothing,
  open,
  Figure,
  why,
  tables: ({ counts, cells, grants, walk }) => [
    {
      name: words.who,
      columns: [words.owner, words.frameCount, ...columnsOf(hypervisorWords()).slice(1)],
      rows: counts.map(([owner, count]) => [
        ownerName(owner),
        count,
        count / FRAMES,
        ...(hypervisorWords().hasGrants ? [grants.get(owner)?.granted ?? 0, grants.get(owner)?.used ?? 0] : []),
      ]),
    },
    {
      name: words.walk,
      columns: ['Step', 'Value', 'What it says'],
      rows: [...(walk?.steps ?? []), ...(walk?.shadow ?? [])].map(({ title, value, says }) => [title, value, says]),
    },
    {
      name: 'MiB by owner',
      columns: ['MiB', 'Most of it', 'Several owners'],
      rows: cells.map(({ owner, parts }, i) => [i, ownerName(owner), parts ? 'yes' : 'no']),
    },
  ],
});
