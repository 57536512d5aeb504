/** Window with a guest's VGA screen: a canvas for the eye, the same cells as text for the ear, keyboard and mouse on request only. */

import { screenTools, touchKeys } from '../parts.ts';
import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { command } from '../host.ts';
import type { DomainSession } from '../sessions.ts';
import { strings } from '../strings.ts';
import { Chip, ModeBadge, StateMark } from './marks.tsx';
import { GuestWindow, type GuestWindowProps } from './pop-out.tsx';
import { afterPrompt } from '../prompt-reached.ts';
import { later } from './load-when-shown.tsx';
import { useCapture } from './screen-capture.ts';
import { drawLoop } from './screen-drawing.ts';
import type { MarksProps } from './screen-marks.tsx';

const words = strings.screen;
const fingers = matchMedia('(pointer: coarse)');

const ScreenActions = later(screenTools, part => part.ScreenActions);
const ScreenMarks = later(screenTools, part => part.ScreenMarks);
const ScreenMedia = later(screenTools, part => part.ScreenMedia);
const TouchKeys = later(touchKeys, part => part.TouchKeys);

export const ScreenWindow = (props: GuestWindowProps) => (
  <GuestWindow {...props} kind="screen" title={words.label(props.session.info.value.name)} Shown={Screen} />
);

function Screen({ session, first, chrome }: GuestWindowProps) {
  const area = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const useButton = useRef<HTMLButtonElement>(null);
  const title = useSignal<string>(words.title);
  const off = useSignal(true);
  const lines = useSignal<readonly string[]>([]);
  const marking = useSignal(false);
  const { name, id, type } = session.info.value;
  const paused = session.info.value.state === 'p' && !session.gone.value;
  const { captured, locked, mouse, leave, onBlur, onClick, onPointer, onKeyDown, onKeyUp } = useCapture(session, {
    area,
    useButton,
    off,
  });
  useEffect(
    () => drawLoop(session, canvas.current!, area.current!, { title, off, lines }, () => mouse.flush()),
    [session],
  );
  return (
    <section
      class={`win screen${captured.value ? ' cap' : ''}${paused ? ' paused' : ''}${off.value ? ' is-off' : ''}${off.value && session.spoke.value ? ' unused' : ''}`}
      aria-label={words.label(name)}
    >
      <div class="wt">
        <Chip id={id} />
        <StateMark state={session.gone.value ? 's' : session.state} fell={session.info.value.fell} />
        <span class="t">{name}</span>
        <ModeBadge type={type} />
        <span class="sec cut">{title.value}</span>
        <span class="sp" />
        {afterPrompt.value && <ScreenMedia session={session} />}
        {!off.value && afterPrompt.value && <ScreenActions {...{ session, marking }} />}
        {chrome}
      </div>
      <div
        class="wb vga"
        ref={area}
        tabIndex={0}
        role="application"
        aria-label={words.label(name)}
        aria-describedby={`hint-${id}`}
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
        data-testid="screen"
      >
        <Picture {...{ session, canvas, off, lines, captured, marking }} />
        {off.value && <p class="nosignal">{words.off}</p>}
        {paused && !off.value && <Veil session={session} />}
      </div>
      <Foot session={session} first={first} off={off.value} {...{ captured, locked, onClick, useButton }} />
      <div
        class="hidden"
        role="region"
        aria-label={words.textCopy(name)}
        aria-live={captured.value ? 'polite' : 'off'}
        data-testid="screen-text"
      >
        {lines.value.map((line, i) => (
          <div key={i}>{line}</div>
        ))}
      </div>
      {afterPrompt.value && <TouchKeys session={session} isCaptured={captured.value} leave={leave} onBlur={onBlur} />}
    </section>
  );
}

interface PictureProps extends Omit<MarksProps, 'screen'> {
  session: DomainSession;
  canvas: RefObject<HTMLCanvasElement | null>;
  off: Signal<boolean>;
}

/** The canvas, and over a text screen what is marked of it. */
const Picture = ({ session: { painter }, canvas, off, ...marks }: PictureProps) => (
  <div class="glass" hidden={off.value}>
    <canvas ref={canvas} width={640} height={400} aria-hidden="true" />
    {afterPrompt.value && marks.lines.value.length > 0 && painter.mode === 'text' && (
      <ScreenMarks screen={painter} {...marks} />
    )}
  </div>
);

/** Over the picture of a guest that is paused. */
const Veil = ({ session }: { session: DomainSession }) => (
  <div class="veil">
    <span>{words.paused}</span>
    <button
      class="btn sm"
      onClick={event => {
        event.stopPropagation();
        void command('unpause', session.info.value);
      }}
    >
      {words.resume}
    </button>
  </div>
);

interface FootProps {
  session: DomainSession;
  first: boolean;
  off: boolean;
  captured: Signal<boolean>;
  locked: Signal<boolean>;
  useButton: RefObject<HTMLButtonElement | null>;
  onClick(event: MouseEvent): void;
}

/** The owner of the keyboard, and how that changes. */
function Foot({ session, first, off, captured, locked, useButton, onClick }: FootProps) {
  const { name, id } = session.info.value;
  return (
    <div class={`ws${captured.value && !session.over ? ' on' : ''}`} role="status" id={`hint-${id}`}>
      {session.over ? (
        <span>{strings.guest.lastSeen}</span>
      ) : captured.value ? (
        <span>
          <b>{words.on(name, locked.value)}</b>{' '}
          {fingers.matches ? words.leaveTouch : locked.value ? words.leaveBoth : words.leave}
        </span>
      ) : (
        <>
          <button class="btn sm" data-console={first} ref={useButton} disabled={off} onClick={onClick}>
            {words.use}
          </button>
          <span class="hide-s">{words.hint(first)}</span>
        </>
      )}
    </div>
  );
}
