/** Media queries as signals: what reads one follows the window. */

import { type ReadonlySignal, signal } from '@preact/signals';

/** A phone, as the styles mean it. */
export const PHONE = '(max-width: 767px)';

/** Whether the query matches now. */
export function mediaSignal(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener('change', () => {
    matches.value = list.matches;
  });
  return matches;
}
