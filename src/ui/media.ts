/** Media queries as signals: what reads one follows the window. */

import { type ReadonlySignal, signal } from '@preact/signals';

/** Whether the query matches now. */
export function mediaSignal(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener('change', () => { matches.value = list.matches; });
  return matches;
}
