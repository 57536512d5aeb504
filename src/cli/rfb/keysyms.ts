/**
 * X's keysyms, which clients of RFB send, as keys of a US keyboard by KeyboardEvent.code. Source: X11/keysymdef.h; of Latin-1 a keysym is the character's number.
 */
import { strokeOf } from '../../devices/ps2/index.ts';

/** From a keysym on, one key after the other. */
const RUNS: readonly (readonly [first: number, codes: string])[] = [
  [0xff08, 'Backspace Tab'],
  [0xff0d, 'Enter'],
  [0xff13, 'Pause ScrollLock PrintScreen'],
  [0xff1b, 'Escape'],
  [0xff50, 'Home ArrowLeft ArrowUp ArrowRight ArrowDown PageUp PageDown End'],
  [0xff61, 'PrintScreen'],
  [0xff63, 'Insert'],
  [0xff67, 'ContextMenu'],
  [0xff7f, 'NumLock'],
  [0xff8d, 'NumpadEnter'],
  [0xff95, 'Numpad7 Numpad4 Numpad8 Numpad6 Numpad2 Numpad9 Numpad3 Numpad1 Numpad5 Numpad0 NumpadDecimal'],
  [0xffaa, 'NumpadMultiply NumpadAdd NumpadDecimal NumpadSubtract NumpadDecimal NumpadDivide'],
  [0xffb0, 'Numpad0 Numpad1 Numpad2 Numpad3 Numpad4 Numpad5 Numpad6 Numpad7 Numpad8 Numpad9'],
  [0xffbe, 'F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12'],
  [0xffe1, 'ShiftLeft ShiftRight ControlLeft ControlRight CapsLock'],
  [0xffe7, 'MetaLeft MetaRight AltLeft AltRight MetaLeft MetaRight'],
  [0xffff, 'Delete'],
  // ISO_Level3_Shift and ISO_Left_Tab, which shift makes of the tabulator.
  [0xfe03, 'AltRight'],
  [0xfe20, 'Tab'],
];

const OTHERS = new Map(RUNS.flatMap(([first, codes]) => codes.split(' ').map((code, i) => [first + i, code] as const)));

/** `shift`: what it has to be for the key to write that; undefined: it is no matter. `isLetter`: caps lock has a say, too. */
export interface WantedKey {
  code: string;
  shift?: boolean;
  isLetter?: true;
}

/** Undefined: there is no such key. */
export function keyOfKeysym(keysym: number): WantedKey | undefined {
  const other = OTHERS.get(keysym);
  if (other !== undefined) return { code: other };
  if (keysym === 0x20) return { code: 'Space' };
  if (keysym < 0x20 || keysym > 0x7e) return undefined;
  const character = String.fromCharCode(keysym),
    stroke = strokeOf(character);
  return stroke && /[a-z]/i.test(character) ? { ...stroke, isLetter: true } : stroke;
}
