/** What a host or a lesson is asked again and again while somebody looks. */

import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/**
 * The last answer: asked at once, when something of `of` changes, and every `everyMs` while the page is seen. `ask`: undefined while there is nothing to
 * ask. An answer that does not come leaves the one before: a guest that is made anew is not there for a moment.
 */
export function useAsked<T>(
  everyMs: number,
  of: readonly unknown[],
  ask: (() => Promise<T>) | undefined,
): Signal<T | undefined> {
  const answer = useSignal<T | undefined>(undefined);
  useEffect(() => {
    if (!ask) return;
    let closed = false;
    const look = (): void =>
      void ask().then(
        told => {
          if (!closed) answer.value = told;
        },
        () => {},
      );
    look();
    const timer = setInterval(() => {
      if (!document.hidden) look();
    }, everyMs);
    return () => {
      closed = true;
      clearInterval(timer);
    };
  }, of);
  return answer;
}
