/**
 * Over a text screen: what somebody marks of it with the pointer, to be copied. A screen that has keyboard and mouse leaves plain drags to the guest: Shift marks
 * there, as in a terminal, and so does whatever is dragged once *Mark text* was chosen, which is the way for fingers.
 */
import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { copyToClipboard } from '../clipboard.ts';
import { reportProblem } from '../host.ts';
import { type Cell, cellAt, type MarkedRow, markedRows, markedText, type TextScreen } from '../screen/marked.ts';

const words = {
  copy: 'Copy',
  copied: 'Copied',
  label: 'Copy the marked text',
  command: 'Copy marked text',
  refused: 'The browser does not let this page write the clipboard. Allow it in the page’s settings, and copy again.',
};
const TOLD_MS = 1500;
/** The button is in a row of its own below what is marked, or at the top where there is none. */
const BUTTON_ROWS = 3;
const apple = /Mac|iPhone|iPad/.test(navigator.platform);

export interface MarksProps {
  screen: TextScreen;
  /** The screen's rows as text: another picture. */
  lines: Signal<readonly string[]>;
  captured: Signal<boolean>;
  /** Each drag marks, also where the guest has the mouse. */
  marking: Signal<boolean>;
}

/** What is marked, and as which text. */
interface Marks extends MarksProps {
  glass: RefObject<HTMLDivElement | null>;
  marked: Signal<readonly MarkedRow[]>;
  taken: { current: string };
  /** Where a drag has begun that goes on. */
  begun: { current: Cell | undefined };
}

function clear({ marked, taken }: Marks): void {
  marked.value = [];
  taken.current = '';
}

/** What the pointer does. */
function usePointer(marks: Marks) {
  const { screen, captured, marking, glass, marked, taken, begun } = marks;
  /** The click that ends a drag gives the guest no keyboard. */
  const dragged = useRef(false);
  const at = ({ clientX, clientY }: PointerEvent): Cell => {
    const box = glass.current!.getBoundingClientRect();
    return cellAt(screen, (clientX - box.left) / box.width, (clientY - box.top) / box.height);
  };
  const keep = (event: PointerEvent): void => {
    if (captured.value || marking.value) event.stopPropagation();
  };
  const onPointerDown = (event: PointerEvent) => {
    dragged.current = false;
    const doesMark = marking.value || (event.pointerType !== 'touch' && (event.shiftKey || !captured.value));
    if (event.button !== 0 || !doesMark) return;
    keep(event);
    if (marking.value) event.preventDefault();
    clear(marks);
    begun.current = at(event);
    glass.current!.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent) => {
    const from = begun.current;
    if (!from) return;
    keep(event);
    const to = at(event);
    if (!dragged.current && to.row === from.row && to.column === from.column) return;
    dragged.current = true;
    marked.value = markedRows(screen, from, to);
    taken.current = markedText(screen, marked.value);
  };
  const onPointerUp = (event: PointerEvent) => {
    if (!begun.current) return;
    begun.current = undefined;
    keep(event);
    // Its button comes.
    marked.value = [...marked.value];
  };
  const onClick = (event: MouseEvent) => {
    if (dragged.current || marking.value) event.stopPropagation();
    dragged.current = false;
  };
  return { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp, onClick };
}

/** Ctrl-C, or ⌘C, copies what is marked: the guest gets the next one. Escape forgets it. */
function useKeys(marks: Marks, copy: () => Promise<void>): void {
  const { screen, captured, marking, glass, marked } = marks;
  useEffect(() => {
    const its = glass.current!.ownerDocument;
    const onKey = (event: KeyboardEvent) => {
      const { target } = event;
      const isHere = target === its.body || (target as Element).contains?.(glass.current) === true;
      const isCopy = event.code === 'KeyC' && !event.altKey && (apple ? event.metaKey : event.ctrlKey);
      if (!isHere || marked.peek().length === 0) return;
      if (isCopy) void copy();
      else if (event.key === 'Escape' && !captured.peek()) {
        clear(marks);
        marking.value = false;
      } else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    its.addEventListener('keydown', onKey, true);
    return () => its.removeEventListener('keydown', onKey, true);
  }, [screen]);
}

export function ScreenMarks(props: MarksProps) {
  const { screen, lines, marking } = props;
  const glass = useRef<HTMLDivElement>(null),
    begun = useRef<Cell | undefined>(undefined),
    taken = useRef(''),
    marked = useSignal<readonly MarkedRow[]>([]),
    told = useSignal(false);
  const marks: Marks = { ...props, glass, marked, taken, begun };
  // What is there now is something else.
  useEffect(() => {
    if (!begun.current && marked.peek().length > 0 && markedText(screen, marked.peek()) !== taken.current) clear(marks);
  }, [lines.value]);
  const copy = async (): Promise<void> => {
    const view = glass.current!.ownerDocument.defaultView!;
    if (!(await copyToClipboard(taken.current, view))) return reportProblem(words.command, words.refused);
    marking.value = false;
    told.value = true;
    setTimeout(() => {
      told.value = false;
      clear(marks);
    }, TOLD_MS);
  };
  const handlers = usePointer(marks);
  useKeys(marks, copy);
  const last = marked.value.at(-1);
  return (
    <div class={`marks${marking.value ? ' on' : ''}`} ref={glass} {...handlers}>
      {marked.value.map(row => (
        <i key={row.row} style={placeOf(screen, row)} />
      ))}
      {last && !begun.current && (
        <button
          class="btn sm"
          aria-label={words.label}
          title={apple ? '⌘C' : 'Ctrl + C'}
          style={{ top: last.row + BUTTON_ROWS < screen.rows ? `${(100 * (last.row + 1)) / screen.rows}%` : 0 }}
          onPointerDown={event => event.stopPropagation()}
          onClick={event => {
            event.stopPropagation();
            void copy();
          }}
        >
          {told.value ? words.copied : words.copy}
        </button>
      )}
    </div>
  );
}

const placeOf = ({ columns, rows }: TextScreen, { row, from, to }: MarkedRow) => ({
  left: `${(100 * from) / columns}%`,
  width: `${(100 * (to - from)) / columns}%`,
  top: `${(100 * row) / rows}%`,
  height: `${100 / rows}%`,
});
