/** Rows of a long list, of which those are drawn that can be seen, with some on both sides. Loaded for the first such list. */

import type { Ref } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { WindowedProps } from './windowed.tsx';

/** This many more than can be seen are drawn on each side, for keys and the wheel. */
const BESIDE = 16;
/** This many are drawn next to at least. */
const NEAR = 4;
/** A row's height, pixels, until one is measured: no list here has lower ones. */
const LOW = 24;

/** Rows of a list from `top` on, each `height` high, that a window of this many pixels shows. */
export function inView(
  top: number,
  height: number,
  windowHeight: number,
  count: number,
  beside: number = BESIDE,
): { from: number; to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(-top / height)) - beside),
    to = Math.min(count, Math.max(0, Math.ceil((windowHeight - top) / height)) + beside);
  return { from: Math.min(from, Math.max(0, count - BESIDE)), to: Math.max(to, Math.min(count, BESIDE)) };
}

export function WindowedRows<Row>({ rows, spacer, draw, reveal }: WindowedProps<Row>) {
  const above = useRef<HTMLElement>(null),
    below = useRef<HTMLElement>(null),
    height = useRef(LOW);
  const [{ from, to }, set] = useState({ from: 0, to: Math.ceil(innerHeight / LOW) });
  const end = Math.min(to, rows.length),
    begin = Math.min(from, Math.max(0, end - BESIDE));
  const look = (): void => {
    if (!above.current || !below.current) return;
    const { top } = above.current.getBoundingClientRect();
    const [least, next] = [NEAR, BESIDE].map(beside => inView(top, height.current, innerHeight, rows.length, beside));
    // Another range is another layout of the whole list: only where one that is drawn ends near the window's edge.
    set(now => (now.from <= least!.from && now.to >= least!.to ? now : next!));
  };
  useLayoutEffect(() => {
    const drawn = below.current!.getBoundingClientRect().top - above.current!.getBoundingClientRect().bottom;
    if (end > begin && drawn > 0) height.current = drawn / (end - begin);
    look();
  });
  useEffect(() => {
    let due = 0;
    const soon = (): void => {
      due ||= requestAnimationFrame(() => {
        due = 0;
        look();
      });
    };
    // Whatever of the page scrolls.
    document.addEventListener('scroll', soon, { capture: true, passive: true });
    addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(due);
      document.removeEventListener('scroll', soon, true);
      removeEventListener('resize', soon);
    };
  });
  if (reveal)
    reveal.current = n => {
      // The rows may be folded meanwhile.
      if (!above.current) return;
      const at = above.current.getBoundingClientRect().top + n * height.current;
      let scroller: HTMLElement | null = above.current.parentElement;
      while (scroller && scroller.scrollHeight <= scroller.clientHeight) scroller = scroller.parentElement;
      scroller?.scrollBy(0, at - innerHeight / 2);
      set(inView(above.current.getBoundingClientRect().top, height.current, innerHeight, rows.length));
    };
  const room = (ref: Ref<HTMLElement>, count: number) => {
    const style = `height:${Math.round(count * height.current)}px;padding:0;border:0;visibility:hidden`,
      Tag = spacer as 'li';
    return (
      <Tag ref={ref as Ref<HTMLLIElement>} role="presentation" aria-hidden="true" style={style}>
        {spacer === 'tr' && <td style="padding:0;border:0;height:auto" />}
      </Tag>
    );
  };
  return (
    <>
      {room(above, begin)}
      {rows.slice(begin, end).map((row, i) => draw(row, begin + i))}
      {room(below, rows.length - end)}
    </>
  );
}
