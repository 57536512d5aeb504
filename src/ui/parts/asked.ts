/** What a host or a lesson is asked again and again while somebody looks. */

import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { tasks } from '../host.ts';
import { sentence } from '../sentence.ts';

/**
 * The last answer: asked at once, when something of `of` changes, and every `everyMs` while the page is seen. `ask`: undefined while there is nothing to
 * ask. An answer that does not come leaves the one before: a guest that is made again is not there for a moment.
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

/** Whatever may have changed the list of a domain's snapshots, by its command's first words. */
export const SNAPSHOT_CHANGES =
  /^(?:x[lm] (?:snapshot|snapshot-delete|revert|rename|clone)|virsh (?:snapshot-|domrename)|virt-clone)\b/;

/**
 * Asked at once, when something of `of` changes, and as tasks end (`by`: those with such a command): somebody at the shell, or a client, may change it, too.
 * `tell` gets what is answered, `problem` why there is no answer.
 */
export function useAskedAsTasksEnd<T>(
  of: readonly unknown[],
  ask: () => Promise<T>,
  tell: (answer: T) => void,
  problem: Signal<string>,
  by?: RegExp,
): void {
  const ended = tasks.value.filter(({ command, state }) => state !== 'running' && (!by || by.test(command))).length;
  useEffect(() => {
    let closed = false;
    ask().then(
      told => {
        if (!closed) tell(told);
      },
      error => {
        if (!closed) problem.value = sentence(error);
      },
    );
    return () => {
      closed = true;
    };
  }, [...of, ended]);
}
