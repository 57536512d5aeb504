/** Back and Forward go from place to place of the page, whose address names each; closing or leaving it warns while guests run, whose memory goes with it. */

import { effect } from '@preact/signals';
import { hashOf, placeOf } from './address.ts';
import { isInLesson } from './lessons/list.ts';
import { sessions } from './sessions.ts';
import type { Place } from './place.ts';
import { place } from './navigation.ts';

/** A place as the browser's history keeps it. */
const isPlace = (value: unknown): value is Place =>
  typeof value === 'object' && value !== null && typeof (value as Place).kind === 'string';
const isSame = (a: Place, b: Place): boolean =>
  a.kind === b.kind && a.id === b.id && a.tab === b.tab && a.name === b.name;
const nameOf = (id: number): string | undefined => sessions.value.get(id)?.info.value.name;
const addressOf = (here: Place): string => `${location.pathname}${location.search}${hashOf(here, nameOf)}`;

/** A guest of the history by its number, where that is there still; else as the address names it. */
const known = (state: unknown): Place | undefined =>
  isPlace(state) && (state.id === undefined || sessions.peek().has(state.id)) ? state : placeOf(location.hash);

/** Begins, at the place that the address names, or where the page was before a reload: what was dropped is gone by then. */
export function followHistory(): void {
  const before: unknown = history.state,
    // ?pool=CODE is a link into a pool.
    named = placeOf(location.hash || (new URLSearchParams(location.search).has('pool') ? '#/host/pool' : ''));
  if (named) place.value = named;
  else if (isPlace(before) && before.id === undefined && before.kind !== 'draft') place.value = before;
  history.replaceState(place.peek(), '', addressOf(place.peek()));
  effect(() => {
    const here = place.value,
      address = addressOf(here);
    // A guest that has another name, or one that the address named and that is there by now, is no other place.
    const isFound =
      here.kind === 'domain' &&
      isPlace(history.state) &&
      history.state.kind === 'domain' &&
      history.state.id === undefined &&
      history.state.name === nameOf(here.id ?? -1);
    if (isFound || (isPlace(history.state) && isSame(history.state, here))) {
      if (isFound || address !== `${location.pathname}${location.search}${location.hash}`)
        history.replaceState(here, '', address);
    } else history.pushState(here, '', address);
  });
  effect(findNamed);
  window.addEventListener('popstate', event => {
    const to = known(event.state);
    if (to) place.value = to;
  });
  window.addEventListener('beforeunload', event => {
    // Where somebody is in a lesson is kept (lessons/kept-step.ts).
    if (!isInLesson() && [...sessions.peek().values()].some(({ over }) => !over)) event.preventDefault();
  });
}

/** A guest that the address names is gone to as soon as it is there. */
function findNamed(): void {
  const { kind, id, name, tab } = place.value;
  if (kind !== 'domain' || id !== undefined) return;
  const session = [...sessions.value.values()].findLast(({ info, gone }) => info.value.name === name && !gone.value);
  if (session)
    queueMicrotask(() => {
      place.value = { kind, id: session.id, ...(tab === undefined ? {} : { tab }) };
    });
}
