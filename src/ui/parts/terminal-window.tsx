/** A window with a terminal: a guest's serial line, or Domain 0's shell. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { screenReader } from '../settings.ts';
import { strings } from '../strings.ts';
import type { GuestTerminal } from '../terminal.ts';

const words = strings.serial;
/** How often the text copy follows the terminal. */
const TEXT_MS = 500;
/** Keys that a touch keyboard lacks, as a VT100 sends them. */
const TOUCH: [label: string, sends: string, name?: string][] = [
  ['Esc', '\x1b'],
  ['Tab', '\t'],
  ['^C', '\x03', '^C, Control C'],
  ['^D', '\x04', '^D, Control D'],
  ['←', '\x1b[D', 'Left'],
  ['↑', '\x1b[A', 'Up'],
  ['↓', '\x1b[B', 'Down'],
  ['→', '\x1b[C', 'Right'],
];

interface TerminalWindowProps {
  terminal: GuestTerminal;
  /** Who reads what is typed. */
  name: string;
  /** Of the window, for people who do not see it. */
  label: string;
  /** What is in its title. */
  title: ComponentChildren;
  /** Why nobody listens any more, where that is so. */
  over?: ComponentChildren;
  /** Between title and terminal. */
  note?: ComponentChildren;
  /** The keyboard's way in leads here. */
  first: boolean;
  testId: string;
  /** Who writes there is paused: the picture is dimmed. */
  paused?: boolean;
  /** What its place adds to the title. */
  chrome?: ComponentChildren;
  /** It is shown as one that has the keyboard. */
  captured?: boolean;
  /** It has this size now. */
  sized?(columns: number, rows: number): void;
}

export function TerminalWindow({
  terminal,
  name,
  label,
  title,
  over,
  note,
  first,
  testId,
  paused,
  chrome,
  captured = false,
  sized,
}: TerminalWindowProps) {
  const holder = useRef<HTMLDivElement>(null);
  const focused = useSignal(captured);
  const size = useSignal('');
  const lines = useSignal<readonly string[]>([]);

  useEffect(() => {
    const parent = holder.current!;
    // Another terminal in the same window gets its size, too, where that is what the one before had: a shell logs in by it.
    size.value = '';
    const show = () => {
      const its = terminal.size;
      const text = its ? `${its.columns} × ${its.rows}` : '';
      if (!its || text === size.value) return;
      size.value = text;
      sized?.(its.columns, its.rows);
    };
    let copying: ReturnType<typeof setTimeout> | undefined;
    const copy = () => {
      copying ??= setTimeout(() => {
        copying = undefined;
        lines.value = terminal.lines();
      }, TEXT_MS);
    };
    const stopCopy = terminal.onShown(copy),
      stop = terminal.onResize(() => {
        show();
        copy();
      });
    copy();
    // Of the window that it is in: this page may be hidden while that one is seen.
    const view = parent.ownerDocument.defaultView!;
    let frame = 0;
    const observer = new view.ResizeObserver(() => {
      view.cancelAnimationFrame(frame);
      frame = view.requestAnimationFrame(() => {
        terminal.fit();
        show();
      });
    });
    // Opening a terminal measures fonts; in a task of its own it does not lengthen the one that built the page. The observer fits it.
    const timer = setTimeout(() => {
      terminal.attach(parent);
      observer.observe(parent);
    });
    return () => {
      clearTimeout(timer);
      clearTimeout(copying);
      stopCopy();
      stop();
      observer.disconnect();
      view.cancelAnimationFrame(frame);
      terminal.detach(parent);
    };
  }, [terminal]);

  const isOver = over !== undefined;
  return (
    <section
      class={`win serial${focused.value && !isOver ? ' cap' : ''}${paused ? ' paused' : ''}${isOver ? ' over' : ''}`}
      aria-label={label}
      onFocusCapture={event => {
        focused.value = terminal.element.contains(event.target as Node);
      }}
      onBlurCapture={() => {
        focused.value = false;
      }}
    >
      <div class="wt">
        {title}
        <span class="sp" />
        <button
          class="btn sm on-focus"
          aria-pressed={screenReader.value}
          onClick={() => {
            screenReader.value = !screenReader.value;
          }}
        >
          {words.reader}
        </button>
        {chrome}
      </div>
      {note}
      <div class="wb" ref={holder} data-testid={testId} />
      {paused && !isOver && (
        <p class="still" aria-hidden="true">
          {strings.screen.paused}
        </p>
      )}
      <div class={`ws${focused.value && !isOver ? ' on' : ''}`} role="status">
        {isOver ? (
          over
        ) : focused.value ? (
          <span>
            <b>{words.on(name)}</b> {words.leave}
          </span>
        ) : (
          <>
            <Use terminal={terminal} first={first} />
            <span class="hide-s">{words.hint(first)}</span>
          </>
        )}
        {terminal.failed.value && (
          <>
            <span>{words.plain}</span>
            <button class="btn sm" onClick={() => terminal.load()}>
              {strings.errors.tryAgain}
            </button>
          </>
        )}
        <span class="m dim end">{size.value}</span>
      </div>
      <div class="hidden" role="region" aria-label={words.textCopy(name)} data-testid={`${testId}-text`}>
        {lines.value.map((line, i) => (
          <div key={i}>{line}</div>
        ))}
      </div>
      <div class="touch" role="group" aria-label={strings.screen.touchKeys}>
        {TOUCH.map(([keys, sends, full]) => (
          <button class="btn" key={keys} aria-label={full} onClick={() => terminal.type(sends)}>
            {keys}
          </button>
        ))}
      </div>
    </section>
  );
}

/** Gives it the keyboard. `first`: it is the one that Enter would give it to. */
const Use = ({ terminal, first }: { terminal: GuestTerminal; first: boolean }) => (
  <button
    class="btn sm"
    data-console={first}
    onClick={event => {
      // A person's click, and not what Boot does in its place (keyboard.ts).
      if (event.isTrusted) terminal.load();
      terminal.focus();
    }}
  >
    {words.use}
  </button>
);
