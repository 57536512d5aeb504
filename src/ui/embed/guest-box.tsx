/** What an element shows: a bar, and below it the guest's screen or its console. */
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useCapture } from '../parts/screen-capture.ts';
import { drawLoop } from '../parts/screen-drawing.ts';
import type { ElementGuest } from './element-guest.ts';
import { words } from './words.ts';

/** An element's state. */
export type Phase =
  | { kind: 'waits' }
  | { kind: 'starts' }
  | { kind: 'runs'; guest: ElementGuest }
  | { kind: 'failed'; why: string };

/** An element as its box knows it. */
export interface Boxed extends Pick<HTMLElement, 'getAttribute'> {
  readonly phase: ReadonlySignal<Phase>;
  /** What its guest is called before it runs. */
  readonly named: string;
  /** Starts the guest, or starts it again. */
  start(): Promise<void>;
}

export function GuestBox({ element }: { element: Boxed }) {
  const phase = element.phase.value;
  const title = element.named;
  if (phase.kind === 'runs') return <Running element={element} guest={phase.guest} key={phase.guest.info.peek().id} />;
  return (
    <>
      {title !== '' && (
        <div class="bar">
          <b>{title}</b>
        </div>
      )}
      <div class="middle">
        {phase.kind === 'starts' ? (
          <p role="status">{words.starting(title)}</p>
        ) : (
          <>
            {phase.kind === 'failed' && <p role="alert">{phase.why}</p>}
            <button onClick={() => void element.start()}>
              {phase.kind === 'failed' ? words.again : words.start(title)}
            </button>
          </>
        )}
      </div>
    </>
  );
}

function Running({ element, guest }: { element: Boxed; guest: ElementGuest }) {
  const { name, hasScreen, status } = guest.info.value;
  const asked = element.getAttribute('show');
  const shown = useSignal<'screen' | 'console'>(hasScreen && asked !== 'console' ? 'screen' : 'console');
  return (
    <>
      <div class="bar">
        <b>{name}</b>
        <span role="status">{guest.ended ?? status?.state ?? ''}</span>
        <span class="space" />
        {hasScreen &&
          (['screen', 'console'] as const).map(view => (
            <button key={view} aria-pressed={shown.value === view} onClick={() => (shown.value = view)}>
              {words[view]}
            </button>
          ))}
        {guest.over && <button onClick={() => void element.start()}>{words.again}</button>}
      </div>
      {shown.value === 'screen' ? <Screen guest={guest} /> : <Console guest={guest} />}
    </>
  );
}

function Screen({ guest }: { guest: ElementGuest }) {
  const { name } = guest.info.value;
  const area = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const title = useSignal('');
  const off = useSignal(true);
  const lines = useSignal<readonly string[]>([]);
  const { captured, mouse, onBlur, onClick, onPointer, onKeyDown, onKeyUp } = useCapture(guest, {
    area,
    useButton: area,
    off,
  });
  useEffect(() => drawLoop(guest, canvas.current!, area.current!, { title, off, lines }, () => mouse.flush()), [guest]);
  return (
    <>
      <div
        class={`screen${captured.value ? ' captured' : ''}`}
        ref={area}
        tabIndex={0}
        role="application"
        aria-label={words.screenOf(name)}
        aria-describedby="hint"
        onClick={onClick}
        onKeyDown={onKeyDown}
        onKeyUp={onKeyUp}
        onBlur={onBlur}
        onPointerDown={onPointer}
        onPointerMove={onPointer}
        onPointerUp={onPointer}
        onPointerCancel={onPointer}
        onContextMenu={event => {
          if (captured.value) event.preventDefault();
        }}
      >
        <canvas ref={canvas} width={640} height={400} aria-hidden="true" hidden={off.value} />
        {off.value && <p>{words.off}</p>}
      </div>
      <p class="hint" id="hint">
        {captured.value ? words.leave : words.use}
      </p>
      <div class="heard" role="region" aria-label={title.value} aria-live={captured.value ? 'polite' : 'off'}>
        {lines.value.map((line, i) => (
          <div key={i}>{line}</div>
        ))}
      </div>
    </>
  );
}

function Console({ guest: { terminal } }: { guest: ElementGuest }) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const parent = holder.current!;
    terminal.attach(parent);
    const observer = new ResizeObserver(() => requestAnimationFrame(() => terminal.fit()));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      terminal.detach(parent);
    };
  }, [terminal]);
  return <div class="console" ref={holder} />;
}
