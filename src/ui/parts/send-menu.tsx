/** What a guest's window offers next to its keyboard: keys that the browser keeps for itself, the clipboard, what it shows as a file. */

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { strings } from '../strings.ts';
import { Icon } from './marks.tsx';
import { closedByPress } from './menu.tsx';

/** `isKey`: its name is that of a key. One that does nothing is a heading. */
export interface Sendable {
  name: string;
  isKey?: boolean;
  run?(): void;
}

export function SendMenu({
  items,
  label = strings.screen.actions,
}: {
  items: readonly Sendable[];
  label?: string | undefined;
}) {
  const isOpen = useSignal(false),
    all = useRef<HTMLDivElement>(null),
    /** The key that was pressed last is the one that leaves. */
    byTab = useRef(false);
  // Not when the page moves the focus, to a guest's terminal for instance.
  useLayoutEffect(() => {
    if (isOpen.value)
      return closedByPress(all.current!, () => {
        isOpen.value = false;
      });
  }, [isOpen.value]);
  return (
    <div
      class="menu"
      ref={all}
      onKeyDown={event => {
        if (event.key === 'Escape') isOpen.value = false;
        byTab.current = event.key === 'Tab';
      }}
      onBlurCapture={event => {
        if (byTab.current && !event.currentTarget.contains(event.relatedTarget as Node)) isOpen.value = false;
      }}
    >
      <button
        class="btn quiet sm"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <span>{label}</span> <Icon name="down" size={10} />
      </button>
      {isOpen.value && (
        <ul class="pop">
          {items.map(({ name, isKey, run }, i) => (
            <li key={`${i} ${name}`}>
              {!run ? (
                <b class="cut">{name}</b>
              ) : (
                <button
                  class="btn quiet"
                  onClick={() => {
                    isOpen.value = false;
                    run();
                  }}
                >
                  {isKey ? <kbd>{name}</kbd> : name}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
