/** A row of keys below a guest's screen, for devices without a keyboard. */

import { useRef } from 'preact/hooks';
import { typistOf } from '../screen/typist.ts';
import type { DomainSession } from '../sessions.ts';
import { strings } from '../strings.ts';

const words = {
  giveBack: strings.screen.giveBack,
  touchKeys: strings.screen.touchKeys,
  typeHere: 'Type here; keys go to the guest',
  keyboard: 'Keyboard',
};
const TOUCH: [label: string, code: string, name?: string][] = [
  ['Esc', 'Escape'],
  ['Tab', 'Tab'],
  ['Enter', 'Enter'],
  ['←', 'ArrowLeft', 'Left'],
  ['↑', 'ArrowUp', 'Up'],
  ['↓', 'ArrowDown', 'Down'],
  ['→', 'ArrowRight', 'Right'],
];

interface TouchProps {
  session: DomainSession;
  isCaptured: boolean;
  leave(): void;
  onBlur(event: FocusEvent): void;
}

/** Gives back what the screen has taken, opens the device's own keyboard, and has the keys that such a keyboard lacks. */
export function TouchKeys({ session, isCaptured, leave, onBlur }: TouchProps) {
  const typist = typistOf(session);
  const typing = useRef<HTMLTextAreaElement>(null);
  return (
    <div class="touch" role="group" aria-label={words.touchKeys} onBlurCapture={onBlur}>
      {isCaptured && (
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
        <button class="btn" key={code} aria-label={full} onClick={() => typist.press(code)}>
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
        onInput={event => {
          typist.typed(event as unknown as InputEvent);
          // A character stays, so that the keyboard has something to delete.
          event.currentTarget.value = ' ';
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            event.preventDefault();
            typist.press('Enter');
          }
        }}
      />
    </div>
  );
}
