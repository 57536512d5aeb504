/** Window with a guest's serial terminal. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { DomainSession } from '../sessions.ts';
import { screenReader } from '../settings.ts';
import { strings } from '../strings.ts';
import { Chip, StateMark } from './marks.tsx';

const words = strings.serial;
/** How often the text copy follows the terminal. */
const TEXT_MS = 500;
/** Keys that a touch keyboard lacks, as a VT100 sends them. */
const TOUCH: [label: string, sends: string, name?: string][] = [
  ['Esc', '\x1b'], ['Tab', '\t'], ['^C', '\x03', '^C, Control C'], ['^D', '\x04', '^D, Control D'], ['←', '\x1b[D', 'Left'], ['↑', '\x1b[A', 'Up'], ['↓', '\x1b[B', 'Down'], ['→', '\x1b[C', 'Right'],
];

/** `first`: the keyboard's way into the guest leads here. */
export function SerialWindow({ session, first }: { session: DomainSession; first: boolean }) {
  const holder = useRef<HTMLDivElement>(null);
  const focused = useSignal(false);
  const size = useSignal('');
  const lines = useSignal<readonly string[]>([]);
  const { terminal } = session;

  useEffect(() => {
    const parent = holder.current!;
    const show = () => { size.value = `${terminal.size.columns} × ${terminal.size.rows}`; };
    const stop = terminal.onResize(show);
    let copying: ReturnType<typeof setTimeout> | undefined;
    const copy = () => { copying ??= setTimeout(() => { copying = undefined; lines.value = terminal.lines(); }, TEXT_MS); };
    const stopCopy = terminal.onOutput(copy);
    copy();
    let frame = 0;
    const observer = new ResizeObserver(() => { cancelAnimationFrame(frame); frame = requestAnimationFrame(() => { terminal.fit(); show(); }); });
    // Opening a terminal measures fonts; in a task of its own it does not lengthen the one that built the page. The observer fits it.
    const timer = setTimeout(() => { terminal.attach(parent); observer.observe(parent); });
    return () => { clearTimeout(timer); clearTimeout(copying); stopCopy(); stop(); observer.disconnect(); cancelAnimationFrame(frame); terminal.detach(); };
  }, [session]);

  const name = session.info.value.name;
  return <section class={`win serial${focused.value && !session.over ? ' cap' : ''}`} aria-label={words.label(name)}
    onFocusCapture={event => { focused.value = terminal.element.contains(event.target as Node); }} onBlurCapture={() => { focused.value = false; }}>
    <div class="wt"><Chip id={session.id} /><StateMark state={session.gone.value ? 's' : session.state} /><span class="t">{name}</span><span class="sec">{words.title(session.info.value.type)}</span><span class="sp" />
      <button class="btn sm on-focus" aria-pressed={screenReader.value} onClick={() => { screenReader.value = !screenReader.value; }}>{words.reader}</button></div>
    {!session.spoke.value && <p class="silent">{words.silent}</p>}
    <div class="wb" ref={holder} data-testid="serial" />
    <div class={`ws${focused.value && !session.over ? ' on' : ''}`} role="status">
      {session.over ? <span>{strings.guest.lastSeen}</span> : focused.value ? <span><b>{words.on(name)}</b> {words.leave}</span>
        : <><button class="btn sm" data-console={first} onClick={() => terminal.focus()}>{words.use}</button><span class="hide-s">{words.hint(first)}</span></>}
      <span class="m dim end">{size.value}</span>
    </div>
    <div class="hidden" role="region" aria-label={words.textCopy(name)} data-testid="serial-text">{lines.value.map((line, i) => <div key={i}>{line}</div>)}</div>
    <div class="touch" role="group" aria-label={strings.screen.touchKeys}>
      {TOUCH.map(([label, sends, full]) => <button class="btn" key={label} aria-label={full} onClick={() => terminal.type(sends)}>{label}</button>)}
    </div>
  </section>;
}
