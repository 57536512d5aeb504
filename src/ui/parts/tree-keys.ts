/** Keys in the tree, as in every tree of a desktop: arrows, Home and End, letters of a name, and those that choose and fold rows. Loaded when it has the focus. */
import { menu } from './menu.tsx';
import { chosen, clear, extend, type RowKey, setAll, toggle } from '../selection.ts';

/** Letters typed within this time are one word. */
const TYPE_AHEAD_MS = 700;

interface Tree {
  list: { readonly current: HTMLUListElement | null };
  /** Of its rows, as they are below each other. */
  keys: readonly RowKey[];
  /** Names of rows that may not be drawn, and what draws the one at a place. */
  hidden: readonly string[];
  reveal: { readonly current: ((n: number) => void) | undefined };
}

let typed = { word: '', atMs: 0 };

const levelOf = (row: HTMLElement | undefined): number => Number(row?.getAttribute('aria-level'));

/** A key that was pressed in the list. */
export function pressInTree(event: KeyboardEvent, { list, keys, hidden, reveal }: Tree): void {
  // A person who was quicker than this script may be elsewhere meanwhile.
  if (!list.current?.contains(document.activeElement)) return;
  // A menu that was asked for has the focus only once it is drawn, and its list may still be loaded.
  if (event.key === 'Escape' && menu.peek()) {
    event.preventDefault();
    menu.value = undefined;
    return;
  }
  const rows = [...list.current.querySelectorAll<HTMLElement>('[role=treeitem]')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    const row = rows[Math.min(rows.length - 1, Math.max(0, to))],
      last = rows[at]?.dataset.key as RowKey | undefined;
    row?.focus();
    if (event.shiftKey && row?.dataset.key) extend(keys, row.dataset.key as RowKey, last);
    return;
  }
  if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
    event.preventDefault();
    const row = rows[at],
      closes = event.key === 'ArrowLeft',
      expanded = row?.getAttribute('aria-expanded');
    if (expanded === String(closes)) row!.querySelector<HTMLElement>('.fold')!.click();
    else if (closes)
      rows
        .slice(0, Math.max(0, at))
        .findLast(each => levelOf(each) < levelOf(row))
        ?.focus();
    else if (expanded && levelOf(rows[at + 1]) > levelOf(row)) rows[at + 1]!.focus();
    return;
  }
  const key = (document.activeElement as HTMLElement).dataset.key as RowKey | undefined;
  if (event.key === ' ' && key) {
    event.preventDefault();
    toggle(key);
    return;
  }
  if (event.key === 'Escape' && chosen.peek().size > 0) {
    event.preventDefault();
    clear();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.code === 'KeyA') {
    event.preventDefault();
    setAll(keys);
    return;
  }
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault();
    (document.activeElement as HTMLElement).click();
    return;
  }
  if (!/^\S$/.test(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
  const before = event.timeStamp - typed.atMs < TYPE_AHEAD_MS ? typed.word : '';
  const word = before === event.key.toLowerCase() ? before : before + event.key.toLowerCase();
  typed = { word, atMs: event.timeStamp };
  // The same letter again is the next row of it.
  const from = word.length === 1 ? at + 1 : Math.max(0, at);
  const found = [...rows.slice(from), ...rows.slice(0, from)].find(row =>
    row.dataset.name?.toLowerCase().startsWith(word),
  );
  if (found) return found.focus();
  // It is too far away to be drawn.
  const n = hidden.findIndex(name => name.toLowerCase().startsWith(word));
  if (n < 0 || !reveal.current) return;
  reveal.current(n);
  requestAnimationFrame(() =>
    list.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(hidden[n]!)}"]`)?.focus(),
  );
}
