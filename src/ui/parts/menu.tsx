/** Which menu of actions is open at a row: by the context-menu key, the right button or a button. Its list is menu-list.tsx. */

import { signal } from '@preact/signals';
import type { Action } from '../actions.ts';

/** What is open: where, for what, and which element gets the focus back when it closes. */
export const menu = signal<
  { x: number; y: number; label: string; actions: Action[]; from: HTMLElement | undefined } | undefined
>(undefined);

/** Opens at the pointer, or below what has the focus where a key asked. */
export function openMenu(event: MouseEvent, label: string, actions: Action[]): void {
  event.preventDefault();
  const from = event.currentTarget as HTMLElement;
  const box = from.getBoundingClientRect();
  const byKey = event.clientX === 0 && event.clientY === 0;
  menu.value = {
    x: byKey ? box.left + 24 : event.clientX,
    y: byKey ? box.bottom : event.clientY,
    label,
    actions,
    from,
  };
}

/** Closes what is open when somebody presses elsewhere, until the function that it gives is called. */
export function closedByPress(element: HTMLElement, close: () => void): () => void {
  const onPress = ({ target }: Event): void => {
    if (!element.contains(target as Node)) close();
  };
  document.addEventListener('pointerdown', onPress, true);
  return () => document.removeEventListener('pointerdown', onPress, true);
}
