/** Back and Forward go from place to place of the page; closing or leaving it warns while guests run, whose memory goes with it. */

import { sessions } from './sessions.ts';
import { type Place, place } from './state.ts';

/** A place as the browser's history keeps it. */
const isPlace = (value: unknown): value is Place => typeof value === 'object' && value !== null && typeof (value as Place).kind === 'string';
const isSame = (a: Place, b: Place): boolean => a.kind === b.kind && a.id === b.id && a.tab === b.tab && a.name === b.name;

/** Begins, at the place where the page was before a reload: a domain's number is another's by then, and what was dropped is gone. */
export function followHistory(): void {
  const before: unknown = history.state;
  if (isPlace(before) && before.id === undefined && before.kind !== 'draft') place.value = before;
  history.replaceState(place.peek(), '');
  place.subscribe(here => {
    if (!isPlace(history.state) || !isSame(history.state, here)) history.pushState(here, '');
  });
  window.addEventListener('popstate', event => {
    if (isPlace(event.state)) place.value = event.state;
  });
  window.addEventListener('beforeunload', event => {
    if ([...sessions.peek().values()].some(({ over }) => !over)) event.preventDefault();
  });
}
