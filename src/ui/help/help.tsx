/** What Help opens: what this is, the ways to lessons and documents, and the page's keys. On a phone the theme, too, for which its header has no room. */

import { useLayoutEffect, useRef } from 'preact/hooks';
import { go, paletteOpen } from '../navigation.ts';
import { LESSONS } from '../lessons/list.ts';
import { strings } from '../strings.ts';
import { ThemePick } from '../parts/theme-pick.tsx';
import { words } from './words.ts';

export function Help({ close }: { close(): void }) {
  const first = useRef<HTMLAnchorElement>(null);
  // By keyboard one is among its links at once.
  useLayoutEffect(() => first.current?.focus({ preventScroll: true }), []);
  const to = (kind: string) => (event: MouseEvent) => {
    // In another tab as the browser does it.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    close();
    go({ kind });
  };
  return (
    <div class="pop" role="dialog" aria-label={words.title}>
      <h3>{words.what}</h3>
      <p>{words.about}</p>
      <ul class="ways">
        <li>
          <a href="#/lessons" ref={first} onClick={to('lessons')}>
            {words.lessons}
          </a>
          <span class="sec">{words.lessonsHint(LESSONS.length)}</span>
        </li>
        <li>
          <a href="#/documents" onClick={to('documents')}>
            {words.documents}
          </a>
          <span class="sec">{words.documentsHint}</span>
        </li>
        <li>
          <button
            class="link"
            onClick={() => {
              close();
              paletteOpen.value = true;
            }}
          >
            {words.search}
          </button>
          <span class="sec">{words.searchHint}</span>
        </li>
      </ul>
      <div class="only-s row">
        <span>{strings.theme.label}</span>
        <ThemePick />
      </div>
      <h3>{words.keys}</h3>
      <dl class="kv">
        {words.rows.map(([keys, does]) => (
          <>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <button class="btn sm" onClick={close}>
        {words.close}
      </button>
    </div>
  );
}
