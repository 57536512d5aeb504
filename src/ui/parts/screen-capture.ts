/** Keyboard and mouse of a guest's screen, on request only: which guest has them, and what gives them back. */
import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { HeldKeys } from '../screen/keys.ts';
import { MouseMoves, TouchPad } from '../screen/mouse.ts';
import type { DomainSession } from '../sessions.ts';

/** The receiver of keys and mouse. */
export type Played = Pick<DomainSession, 'send' | 'painter' | 'over'>;

interface Places {
  /** Where the screen is, and the button that gives it the keyboard. */
  area: RefObject<HTMLDivElement | null>;
  useButton: RefObject<HTMLElement | null>;
  /** There is no picture. */
  off: Signal<boolean>;
}

export function useCapture(session: Played, { area, useButton, off }: Places) {
  const captured = useSignal(false);
  /** The browser gives the pointer to the guest alone (Pointer Lock). */
  const locked = useSignal(false);
  const keys = useRef(new HeldKeys((key, down) => session.send({ key, down }))).current;
  const mouse = useRef(new MouseMoves(input => session.send({ mouse: input }))).current;
  const pad = useRef(new TouchPad(mouse)).current;
  const { painter, over } = session;
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
  useWindow(session, { area, captured, locked, mouse, release });

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
    const byPointer = event.detail !== 0 && (event as PointerEvent).pointerType !== 'touch';
    if (painter.mode !== 'graphics' || locked.value || !byPointer) return;
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
  return { captured, locked, mouse, leave, onBlur, onClick, onPointer, onKeyDown, onKeyUp };
}

interface Held {
  area: RefObject<HTMLDivElement | null>;
  captured: Signal<boolean>;
  locked: Signal<boolean>;
  mouse: MouseMoves;
  release(): void;
}

/** Events of the screen's window when a person has left it. */
function useWindow(session: Played, { area, captured, locked, mouse, release }: Held): void {
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
}
