/** A menu of actions at a row: by the context-menu key, the right button or a button, each action with the command that it is. */

import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Action } from '../actions.ts';
import { spelled } from '../without-xen.ts';

/** What is open: where, for what, and who has the focus again when it closes. */
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

export function Menu() {
  const open = menu.value;
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    const element = list.current;
    if (!open || !element) return;
    // Within the window, whatever edge it was asked for at.
    element.style.left = `${Math.max(4, Math.min(open.x, innerWidth - element.offsetWidth - 4))}px`;
    element.style.top = `${Math.max(4, Math.min(open.y, innerHeight - element.offsetHeight - 4))}px`;
    element.querySelector('button')?.focus();
    // It closes when the person goes on elsewhere, and not when the page moves the focus: a list that is drawn again, a guest that arrives.
    return closedByPress(element, () => {
      menu.value = undefined;
    });
  }, [open]);
  if (!open) return null;
  const close = (): void => {
    menu.value = undefined;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const items = [...list.current!.querySelectorAll('button')];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items[to % items.length]?.focus();
      return;
    }
    if (event.key !== 'Escape' && event.key !== 'Tab') return;
    event.preventDefault();
    close();
    open.from?.focus();
  };
  return (
    <ul
      class="pop ctx"
      role="menu"
      aria-label={open.label}
      ref={list}
      onKeyDown={onKeyDown}
      onFocusOut={({ target, relatedTarget }) => {
        if (list.current?.contains(relatedTarget as Node)) return;
        // Once who took the focus is done with it; a menu that was left is closed by then.
        queueMicrotask(() => {
          if (menu.peek() === open) (target as HTMLElement).focus();
        });
      }}
    >
      {open.actions.map(action => (
        <li key={action.name} role="none">
          <button
            class="btn quiet"
            role="menuitem"
            tabIndex={-1}
            onClick={() => {
              close();
              open.from?.focus();
              action.run();
            }}
          >
            <span>{action.name}</span>
            {action.command && <code class="dim">{spelled(action.command)}</code>}
          </button>
        </li>
      ))}
    </ul>
  );
}
