/** A device's ring as a picture: whose turn each slot is, the indices, and what a request names: grant, guest frame, machine frame. */

import { inspector } from '../frame.tsx';
import { type Data, contentOf, livesIn } from './facts.ts';
import { Figure } from './figure.tsx';
import { open } from './source.ts';
import { words, wordsOf } from './words.ts';

const EVERY_MS = 250;

export const Rings = inspector<Data>({
  everyMs: EVERY_MS,
  nothing: words.nothing,
  open,
  Figure,
  why: () => undefined,
  tables: ({ ring, slots, indices, unseen }) => [
    {
      name: words.indices,
      columns: words.columns,
      rows: indices
        .map(index => [
          index.name,
          index.value,
          index.value & (ring.slots - 1),
          wordsOf(ring)[index.by],
          livesIn(index),
        ])
        .concat(unseen.map(([name, value]) => [name, value, '', 'frontend', words.within])),
    },
    {
      name: `${ring.name}: slots`,
      columns: ['Slot', 'State', 'Content', 'Grants'],
      rows: slots.map((state, i) => [
        i,
        wordsOf(ring).states[state],
        contentOf(ring, state, i)
          .map(([name, value]) => `${name} ${value}`)
          .join('; '),
        ring.requests[i]!.refs.map(({ ref }) => ref).join(' '),
      ]),
    },
  ],
});
