/** The list of a menu, each action with the command that it is. Loaded behind the first prompt, or for the first menu. */

import { useLayoutEffect, useRef } from 'preact/hooks';
import { spelled } from '../hypervisors/spelled.ts';
import { closedByPress, menu } from './menu.tsx';

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
