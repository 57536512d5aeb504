/** Tabs of a page: one Tab stop, arrow keys between them (ARIA tabs pattern). */

import { useEffect, useRef } from 'preact/hooks';

interface TabsProps {
  label: string;
  tabs: readonly (readonly [id: string, name: string])[];
  chosen: string;
  /** Id of the panel below them; each tab's own is `tabId(panel, id)`. */
  panel: string;
  onChoose(id: string): void;
}

export const tabId = (panel: string, id: string): string => `${panel}-${id}`;

export function Tabs({ label, tabs, chosen, panel, onChoose }: TabsProps) {
  const row = useRef<HTMLDivElement>(null);
  // A phone shows some of them at a time.
  useEffect(() => {
    const list = row.current!,
      tab = list.querySelector<HTMLElement>('[aria-selected=true]');
    if (!tab || list.scrollWidth <= list.clientWidth) return;
    const { left, right } = tab.getBoundingClientRect(),
      room = list.getBoundingClientRect();
    list.scrollLeft += Math.min(0, left - room.left) + Math.max(0, right - room.right);
  }, [chosen]);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex(([id]) => id === chosen);
    const to = { ArrowLeft: at - 1 + tabs.length, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    onChoose(tabs[to % tabs.length]![0]);
    requestAnimationFrame(() => row.current?.querySelector<HTMLElement>('[aria-selected=true]')?.focus());
  };
  return (
    <div class="tabs" role="tablist" ref={row} aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map(([id, name]) => (
        <button
          key={id}
          id={tabId(panel, id)}
          class="tab"
          role="tab"
          aria-controls={panel}
          aria-selected={id === chosen}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => onChoose(id)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
