/** Window with a guest's VGA screen: a canvas for the eye, the same cells as text for the ear, keyboard and mouse on request only. */

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { SCREEN, SCREEN_BYTES } from '../../hypervisor/layout/index.ts';
import { afterPrompt } from '../first-prompt.ts';
import { persistent } from '../load-again.ts';
import { command, reportProblem } from '../host.ts';
import { PHONE } from '../media.ts';
import { HeldKeys, strokeOf } from '../screen/keys.ts';
import { MouseMoves, TouchPad } from '../screen/mouse.ts';
import type { Letters } from '../screen/letters.ts';
import { copyBlock, type Damage } from '../screen/painter.ts';
import type { DomainSession } from '../sessions.ts';
import { download } from '../navigation.ts';
import { strings } from '../strings.ts';
import { Chip, ModeBadge, StateMark } from './marks.tsx';
import { GuestWindow, type GuestWindowProps } from './pop-out.tsx';
import { SendMenu } from './send-menu.tsx';
import { clipboardText, copyToClipboard } from '../clipboard.ts';

const words = strings.screen;
/** The VGA blinks its cursor every 16 frames of 70 Hz. */
const CURSOR_MS = ((16 * 1000) / 70) * 2;
/** A key event every so often, so that a guest's keyboard queue (16 bytes on a PC) does not overflow. */
const STROKE_MS = 12;
const fingers = matchMedia('(pointer: coarse)');
/** SCREEN.MODE of a text screen. */
const TEXT_MODE = 1;
/** A text screen may be so much higher than a tube's 4:3: it fills its window. */
const HIGHER = 1.1;
/** Between a screen's picture and its window's edge, pixels. */
const EDGE = 10;
const phone = matchMedia(PHONE);
/** Loaded when a screen's dots do not fit, and after what a guest's prompt waits for. */
const LETTERS_MS = 2000;
const loadLetters = persistent(async () => (await import('../screen/letters.ts')).Letters);
/** How often the text copy follows the picture: often enough to be read, seldom enough to be heard. */
const TEXT_MS = 500;
const TOUCH: [label: string, code: string, name?: string][] = [
  ['Esc', 'Escape'],
  ['Tab', 'Tab'],
  ['Enter', 'Enter'],
  ['←', 'ArrowLeft', 'Left'],
  ['↑', 'ArrowUp', 'Up'],
  ['↓', 'ArrowDown', 'Down'],
  ['→', 'ArrowRight', 'Right'],
];

export const ScreenWindow = (props: GuestWindowProps) => (
  <GuestWindow {...props} kind="screen" title={words.label(props.session.info.value.name)} Shown={Screen} />
);

function Screen({ session, first, chrome }: GuestWindowProps) {
  const area = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const typing = useRef<HTMLTextAreaElement>(null);
  const pending = useRef(Promise.resolve());
  const useButton = useRef<HTMLButtonElement>(null);
  const title = useSignal<string>(words.title);
  const off = useSignal(true);
  const captured = useSignal(false);
  const lines = useSignal<readonly string[]>([]);
  /** The browser gives the pointer to the guest alone (Pointer Lock). */
  const locked = useSignal(false);
  const { painter } = session;
  const keys = useRef(new HeldKeys((key, down) => session.send({ key, down }))).current;
  const mouse = useRef(new MouseMoves(input => session.send({ mouse: input }))).current;
  const pad = useRef(new TouchPad(mouse)).current;
  const { name, id, type } = session.info.value;
  const paused = session.info.value.state === 'p' && !session.gone.value;

  const over = session.over;
  const release = () => {
    keys.releaseAll();
    mouse.release();
    captured.value = false;
    const its = area.current?.ownerDocument;
    if (its && its.pointerLockElement === area.current) its.exitPointerLock();
  };
  useEffect(() => {
    if (over) release();
  }, [over]);
  useEffect(
    () => drawLoop(session, canvas.current!, area.current!, { title, off, lines }, () => mouse.flush()),
    [session],
  );
  useEffect(() => {
    const element = area.current!;
    // Of the page, or of a window of its own.
    const its = element.ownerDocument,
      view = its.defaultView!;
    const hidden = () => {
      if (its.hidden) release();
    };
    const lock = () => {
      locked.value = its.pointerLockElement === element;
    };
    // As Preact listens passively, the page would scroll.
    const wheel = (event: WheelEvent) => {
      if (!captured.value) return;
      event.preventDefault();
      mouse.wheel(event.deltaY, event.deltaMode);
    };
    view.addEventListener('blur', release);
    its.addEventListener('visibilitychange', hidden);
    its.addEventListener('pointerlockchange', lock);
    element.addEventListener('wheel', wheel, { passive: false });
    return () => {
      view.removeEventListener('blur', release);
      its.removeEventListener('visibilitychange', hidden);
      its.removeEventListener('pointerlockchange', lock);
      element.removeEventListener('wheel', wheel);
      release();
    };
  }, [session]);

  const capture = () => {
    captured.value = true;
    area.current!.focus({ preventScroll: true });
  };
  const leave = () => {
    release();
    requestAnimationFrame(() => useButton.current?.focus());
  };
  /** The row of touch keys belongs to the screen: who types there has not left. */
  const onBlur = (event: FocusEvent) => {
    const to = event.relatedTarget as Element | null;
    if (to !== area.current && !to?.closest('.touch')) release();
  };
  /** A guest in a graphics mode gets the pointer for itself where the browser allows it; else, and in text, while it is over the screen. */
  const onClick = (event: MouseEvent) => {
    if (off.value || session.over) return;
    capture();
    // A key that pressed the button (detail 0) asks for no pointer.
    if (
      painter.mode !== 'graphics' ||
      locked.value ||
      event.detail === 0 ||
      (event as PointerEvent).pointerType === 'touch'
    )
      return;
    // Refused or not there (a frame without permission): the pointer stays the page's.
    void Promise.resolve(area.current!.requestPointerLock?.()).catch(() => {});
  };
  const onPointer = (event: PointerEvent) => {
    if (!captured.value) return;
    event.preventDefault();
    if (event.pointerType === 'touch') {
      if (event.type === 'pointerdown') pad.down(event.pointerId, event.clientX, event.clientY, event.timeStamp);
      else if (event.type === 'pointermove') pad.move(event.pointerId, event.clientX, event.clientY);
      else pad.up(event.pointerId, event.timeStamp, event.type === 'pointercancel');
      return;
    }
    if (event.type === 'pointermove') mouse.move(event.movementX, event.movementY);
    mouse.press(event.buttons);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (!captured.value) {
      if (event.key === 'Enter' && !off.value && !session.over) {
        event.preventDefault();
        capture();
      }
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (event.code) keys.down(event.code);
  };
  const onKeyUp = (event: KeyboardEvent) => {
    if (!captured.value || event.target !== event.currentTarget) return;
    event.preventDefault();
    event.stopPropagation();
    if (keys.up(event.code)) leave();
  };
  /** Presses keys together, in this order, and lets them go in the other; each event in its turn after those still to be sent. */
  const press = (...codes: string[]) => {
    const events = [
      ...codes.map(key => ({ key, down: true })),
      ...codes.toReversed().map(key => ({ key, down: false })),
    ];
    pending.current = events.reduce(
      (before, event) =>
        before.then(
          () =>
            new Promise(sent =>
              setTimeout(() => {
                session.send(event);
                sent();
              }, STROKE_MS),
            ),
        ),
      pending.current,
    );
  };
  const pressCharacter = (character: string): boolean => {
    const stroke = strokeOf(character);
    if (stroke) press(...(stroke.shift ? ['ShiftLeft', stroke.code] : [stroke.code]));
    return !!stroke;
  };
  const sendClipboard = async () => {
    const text = await clipboardText();
    if (!text) return reportProblem(words.sendClipboard, words.clipboardEmpty);
    const missing = [...text.replace(/\r\n/g, '\n')].filter(character => !pressCharacter(character));
    if (missing.length > 0) reportProblem(words.sendClipboard, words.cannotType([...new Set(missing)].join(' ')));
  };
  /** A touch keyboard sends text, not keys. */
  const onTyped = (event: InputEvent) => {
    const field = event.currentTarget as HTMLTextAreaElement;
    if (event.inputType === 'deleteContentBackward') press('Backspace');
    else
      for (const character of event.data ?? (event.inputType === 'insertLineBreak' ? '\n' : ''))
        pressCharacter(character);
    // A character stays, so that the keyboard has something to delete.
    field.value = ' ';
  };
  const picture = () => {
    const page = document.createElement('canvas');
    page.width = painter.width;
    page.height = painter.height;
    page
      .getContext('2d')!
      .putImageData(
        new ImageData(new Uint8ClampedArray(painter.pixels.slice().buffer), painter.width, painter.height),
        0,
        0,
      );
    page.toBlob(blob => {
      if (blob) download(blob, `${name}-screen.png`);
    });
  };
  const actions = [
    ...(off.value || session.over
      ? []
      : [
          ...words.sendCombinations.map(([name, codes]) => ({
            name: name!,
            isKey: true,
            run: () => press(...codes!.split(' ')),
          })),
          { name: words.sendClipboard, run: () => void sendClipboard() },
        ]),
    ...(painter.mode === 'text'
      ? [
          {
            name: words.copy,
            run: () =>
              void copyToClipboard(
                `${Array.from({ length: painter.rows }, (_, row) => painter.text(row))
                  .join('\n')
                  .trimEnd()}\n`,
              ),
          },
        ]
      : []),
    { name: words.picture, run: picture },
  ];

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
        {!off.value && <SendMenu items={actions} />}
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
        <canvas ref={canvas} width={640} height={400} aria-hidden="true" hidden={off.value} />
        {off.value && <p class="nosignal">{words.off}</p>}
        {paused && !off.value && (
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
        )}
      </div>
      <div class={`ws${captured.value && !over ? ' on' : ''}`} role="status" id={`hint-${id}`}>
        {session.over ? (
          <span>{strings.guest.lastSeen}</span>
        ) : captured.value ? (
          <span>
            <b>{words.on(name, locked.value)}</b>{' '}
            {fingers.matches ? words.leaveTouch : locked.value ? words.leaveBoth : words.leave}
          </span>
        ) : (
          <>
            <button class="btn sm" data-console={first} ref={useButton} disabled={off.value} onClick={onClick}>
              {words.use}
            </button>
            <span class="hide-s">{words.hint(first)}</span>
          </>
        )}
      </div>
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
      <div class="touch" role="group" aria-label={words.touchKeys} onBlurCapture={onBlur}>
        {captured.value && (
          <button class="btn" onClick={leave}>
            {words.giveBack}
          </button>
        )}
        <button
          class="btn"
          onClick={() => {
            typing.current!.value = ' ';
            typing.current!.focus();
          }}
        >
          {words.keyboard}
        </button>
        {TOUCH.map(([label, code, full]) => (
          <button class="btn" key={code} aria-label={full} onClick={() => press(code)}>
            {label}
          </button>
        ))}
        <textarea
          class="typing"
          ref={typing}
          aria-label={words.typeHere}
          autoCapitalize="off"
          autoComplete="off"
          spellcheck={false}
          tabIndex={-1}
          onInput={event => onTyped(event as unknown as InputEvent)}
          onKeyDown={event => {
            if (event.key === 'Enter') {
              event.preventDefault();
              press('Enter');
            }
          }}
        />
      </div>
    </section>
  );
}

type Shown = Record<'title', { value: string }> &
  Record<'off', { value: boolean }> &
  Record<'lines', { value: readonly string[] }>;

/** Follows the screen block while the window is on the workbench: at most once a frame, changed rows only. `each`: called every frame. Returns what stops it. */
function drawLoop(
  session: DomainSession,
  canvas: HTMLCanvasElement,
  area: HTMLElement,
  shown: Shown,
  each: () => void,
): () => void {
  const { painter } = session;
  // A window of its own is drawn while it is seen, whatever becomes of the page's.
  const view = area.ownerDocument.defaultView!;
  const block = new Int32Array(SCREEN_BYTES / 4);
  const glass = canvas.getContext('2d', { alpha: false })!;
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  let image: ImageData | undefined;
  let generation = -1,
    cursor = -2,
    shape = -1,
    blinkAt = 0,
    textAt = 0,
    textStale = true,
    frame = 0;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let letters: Letters | undefined,
    inLetters = false,
    wasInLetters = false,
    hadPlainLetters = false;

  const fitToWindow = () => {
    if (!painter.width || shown.off.value) return;
    const ratio = view.devicePixelRatio || 1;
    // On a phone every dot is needed.
    const edge = phone.matches ? 0 : 2 * EDGE;
    const width = area.clientWidth - edge,
      height = area.clientHeight - edge;
    // All columns and rows are seen, however small they become.
    const room = Math.min(width / painter.width, height / painter.height) * ratio;
    // Whole device pixels a dot where that wastes less than a quarter of the room; else the browser resamples.
    const dots = Math.floor(room);
    const scale = dots >= 1 && dots / room > 0.75 ? dots : room;
    canvas.style.width = `${Math.round(painter.width * scale) / ratio}px`;
    // A tube's picture is 4:3, and a knob makes it higher: a text screen's dots are higher than they are wide, as far as there is room.
    const stretch =
      painter.mode === 'text'
        ? Math.max(
            1,
            Math.min((HIGHER * painter.width * 3) / (painter.height * 4), (height * ratio) / (painter.height * scale)),
          )
        : 1;
    canvas.style.height = `${Math.round(painter.height * scale * stretch) / ratio}px`;
    const fits = Number.isInteger(scale);
    canvas.style.imageRendering = fits ? 'pixelated' : 'auto';
    inLetters = !fits && painter.mode === 'text' && painter.hasPlainLetters;
    if (inLetters && !letters)
      waiting ??= setTimeout(
        () => {
          loadLetters().then(
            Loaded => {
              letters = new Loaded(glass);
              fitToWindow();
            },
            () => {},
          );
        },
        afterPrompt.peek() ? 0 : LETTERS_MS,
      );
    const isDrawn = inLetters && letters !== undefined;
    // Letters have the glass's own dots. It is no wider than the font's dots would be: letters would stand apart.
    const wide = Math.round(painter.width * scale),
      high = Math.round(painter.height * scale * stretch);
    const [dotsWide, dotsHigh] = isDrawn ? [wide, high] : [painter.width, painter.height];
    if (canvas.width === dotsWide && canvas.height === dotsHigh && inLetters === wasInLetters) return;
    [canvas.width, canvas.height, wasInLetters] = [dotsWide, dotsHigh, inLetters];
    letters?.forget();
    paint(0, painter.height);
  };
  /** Copies rows of pixels to the glass. */
  const paint = (top: number, bottom: number) => {
    if (!image || bottom <= top) return;
    if (inLetters && letters) letters.draw(painter, image, top, bottom);
    else glass.putImageData(image, 0, 0, 0, top, painter.width, bottom - top);
  };
  const show = ({ top, bottom, resized }: Damage) => {
    if (resized) {
      shown.off.value = painter.mode === 'off';
      shown.title.value =
        painter.mode === 'text'
          ? words.text(painter.columns, painter.rows)
          : painter.mode === 'graphics'
            ? words.graphics(painter.width, painter.height)
            : words.title;
      if (painter.mode === 'off') return;
      image = new ImageData(new Uint8ClampedArray(painter.pixels.buffer as ArrayBuffer), painter.width, painter.height);
      [top, bottom] = [0, painter.height];
      fitToWindow();
    } else if (painter.mode === 'text' && painter.hasPlainLetters !== hadPlainLetters) fitToWindow();
    hadPlainLetters = painter.hasPlainLetters;
    if (painter.mode !== 'off') paint(top, bottom);
  };
  const tick = (now: number) => {
    frame = view.requestAnimationFrame(tick);
    each();
    const words = session.screen;
    if (!words) return;
    const changed =
      generation !== Atomics.load(words, SCREEN.GENERATION) ||
      cursor !== words[SCREEN.CURSOR] ||
      shape !== words[SCREEN.CURSOR_SHAPE];
    if (changed) {
      const size = Math.min(block.length, words.length);
      const whole = copyBlock(words, size === block.length ? block : block.subarray(0, size));
      // An inconsistent copy is shown, and looked at again in the next frame.
      generation = whole ? block[SCREEN.GENERATION]! : -1;
      if (cursor !== block[SCREEN.CURSOR] || shape !== block[SCREEN.CURSOR_SHAPE]) {
        // A cursor that moves is seen.
        painter.cursorOn = true;
        blinkAt = now + CURSOR_MS;
      }
      cursor = block[SCREEN.CURSOR]!;
      shape = block[SCREEN.CURSOR_SHAPE]!;
      // The picture of a domain that is gone was kept by its painter; the memory it came from is not there any more.
      if (!session.gone.peek() || block[SCREEN.MODE] === TEXT_MODE) {
        const damage = painter.draw(block, session.findPixels);
        show(damage);
        textStale ||= damage.resized || damage.bottom > damage.top;
      }
    }
    // The next picture is drawn for the next frame, at this pace and not at another clock's.
    Atomics.add(words, SCREEN.WANTED, 1);
    if (now >= blinkAt && !still.matches && session.info.peek().state !== 'p' && !session.gone.peek()) {
      blinkAt = now + CURSOR_MS;
      painter.cursorOn = !painter.cursorOn;
      show(painter.blink());
    }
    if (textStale && now >= textAt) {
      textAt = now + TEXT_MS;
      textStale = false;
      const old = shown.lines.value;
      const lines = Array.from({ length: painter.rows }, (_, row) => painter.text(row));
      if (lines.length !== old.length || lines.some((line, i) => line !== old[i])) shown.lines.value = lines;
    }
  };
  const observer = new view.ResizeObserver(fitToWindow);
  observer.observe(area);
  // What was painted while the window was open before.
  show({ top: 0, bottom: 0, resized: true });
  frame = view.requestAnimationFrame(tick);
  return () => {
    view.cancelAnimationFrame(frame);
    clearTimeout(waiting);
    observer.disconnect();
  };
}
