/** Types at a guest's screen by other means than a keyboard: keys pressed together, text, and what a touch keyboard writes. */
import { strokeOf } from '../../devices/ps2/index.ts';

/** A key event every this often, so that a guest's keyboard queue (16 bytes on a PC) does not overflow. */
const STROKE_MS = 12;

class Typist {
  private readonly send: (event: { key: string; down: boolean }) => void;
  private pending = Promise.resolve();

  constructor(send: (event: { key: string; down: boolean }) => void) {
    this.send = send;
  }

  /** Presses keys together, in this order, and lets them go in the other; each event in its turn after those still to be sent. */
  press(...codes: string[]): void {
    const events = [
      ...codes.map(key => ({ key, down: true })),
      ...codes.toReversed().map(key => ({ key, down: false })),
    ];
    this.pending = events.reduce(
      (before, event) =>
        before.then(
          () =>
            new Promise(sent =>
              setTimeout(() => {
                this.send(event);
                sent();
              }, STROKE_MS),
            ),
        ),
      this.pending,
    );
  }

  /** False: no key writes it. */
  type(character: string): boolean {
    const stroke = strokeOf(character);
    if (stroke) this.press(...(stroke.shift ? ['ShiftLeft', stroke.code] : [stroke.code]));
    return !!stroke;
  }

  /** A touch keyboard sends text, not keys. */
  typed({ inputType, data }: Pick<InputEvent, 'inputType' | 'data'>): void {
    if (inputType === 'deleteContentBackward') this.press('Backspace');
    else for (const character of data ?? (inputType === 'insertLineBreak' ? '\n' : '')) this.type(character);
  }
}

type Screen = { send(event: { key: string; down: boolean }): void };
const TYPISTS = new WeakMap<Screen, Typist>();
/** The one typist of a screen: what several parts of the page type waits in one queue. */
export function typistOf(screen: Screen): Typist {
  const typist = TYPISTS.get(screen) ?? new Typist(event => screen.send(event));
  TYPISTS.set(screen, typist);
  return typist;
}
