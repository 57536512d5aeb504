/** Characters as key strokes of a US keyboard (`KeyboardEvent.code`), for pasted text and touch keyboards that send no codes. */

export interface Stroke {
  code: string;
  shift: boolean;
}

const PLAIN: Record<string, string> = {
  ' ': 'Space',
  '\n': 'Enter',
  '\r': 'Enter',
  '\t': 'Tab',
  '\b': 'Backspace',
  '-': 'Minus',
  '=': 'Equal',
  '[': 'BracketLeft',
  ']': 'BracketRight',
  '\\': 'Backslash',
  ';': 'Semicolon',
  "'": 'Quote',
  '`': 'Backquote',
  ',': 'Comma',
  '.': 'Period',
  '/': 'Slash',
};
const SHIFTED: Record<string, string> = {
  '!': 'Digit1',
  '@': 'Digit2',
  '#': 'Digit3',
  $: 'Digit4',
  '%': 'Digit5',
  '^': 'Digit6',
  '&': 'Digit7',
  '*': 'Digit8',
  '(': 'Digit9',
  ')': 'Digit0',
  _: 'Minus',
  '+': 'Equal',
  '{': 'BracketLeft',
  '}': 'BracketRight',
  '|': 'Backslash',
  ':': 'Semicolon',
  '"': 'Quote',
  '~': 'Backquote',
  '<': 'Comma',
  '>': 'Period',
  '?': 'Slash',
};

/** The key of a character; undefined for one that a US keyboard does not have. */
export function strokeOf(character: string): Stroke | undefined {
  if (/^[a-z]$/.test(character)) return { code: `Key${character.toUpperCase()}`, shift: false };
  if (/^[A-Z]$/.test(character)) return { code: `Key${character}`, shift: true };
  if (/^[0-9]$/.test(character)) return { code: `Digit${character}`, shift: false };
  const plain = PLAIN[character];
  if (plain) return { code: plain, shift: false };
  const shifted = SHIFTED[character];
  return shifted ? { code: shifted, shift: true } : undefined;
}

/**
 * Follows the keys held down and notices the way out: left Ctrl and left Alt pressed and released with nothing between
 * (AltGr arrives as ControlLeft + AltRight and therefore does not leave).
 */
export class HeldKeys {
  private readonly held = new Set<string>();
  private chord = false;
  private readonly send: (code: string, down: boolean) => void;

  constructor(send: (code: string, down: boolean) => void) {
    this.send = send;
  }

  down(code: string): void {
    const fresh = !this.held.has(code);
    this.held.add(code);
    const both = this.held.has('ControlLeft') && this.held.has('AltLeft') && this.held.size === 2;
    if (fresh) this.chord = both && (code === 'ControlLeft' || code === 'AltLeft');
    this.send(code, true);
  }

  /** True when this release gives the keyboard back. */
  up(code: string): boolean {
    const leaves = this.chord && (code === 'ControlLeft' || code === 'AltLeft');
    if (this.held.delete(code)) this.send(code, false);
    if (leaves) this.releaseAll();
    return leaves;
  }

  releaseAll(): void {
    for (const code of this.held) this.send(code, false);
    this.held.clear();
    this.chord = false;
  }
}
