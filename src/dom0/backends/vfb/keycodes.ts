/**
 * Linux's numbers of keys and buttons, which a paravirtual keyboard sends, by `KeyboardEvent.code`.
 * Sources: include/uapi/linux/input-event-codes.h; W3C UI Events KeyboardEvent code values.
 */

/** Keys in the order of their numbers, from a number on. */
const RUNS: readonly (readonly [first: number, codes: string])[] = [
  [1, 'Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace'],
  [15, 'Tab KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter'],
  [29, 'ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote'],
  [42, 'ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight'],
  [55, 'NumpadMultiply AltLeft Space CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock'],
  [
    71,
    'Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal',
  ],
  [86, 'IntlBackslash F11 F12 IntlRo'],
  [92, 'Convert KanaMode NonConvert'],
  [96, 'NumpadEnter ControlRight NumpadDivide PrintScreen AltRight'],
  [102, 'Home ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete'],
  [113, 'AudioVolumeMute AudioVolumeDown AudioVolumeUp Power'],
  [119, 'Pause'],
  [121, 'NumpadComma'],
  [124, 'IntlYen MetaLeft MetaRight ContextMenu'],
  [142, 'Sleep WakeUp'],
  [163, 'MediaTrackNext MediaPlayPause MediaTrackPrevious MediaStop'],
];

const KEYS = new Map(RUNS.flatMap(([first, codes]) => codes.split(' ').map((code, i) => [code, first + i] as const)));

/** KEY_* of a key; undefined: Linux has none for it. */
export const linuxKey = (code: string): number | undefined => KEYS.get(code);

/** BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA, by the bits of a PS/2 mouse. */
export const LINUX_BUTTONS: readonly number[] = [0x110, 0x111, 0x112, 0x113, 0x114];
