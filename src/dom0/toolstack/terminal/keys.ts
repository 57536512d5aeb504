/**
 * What arrives from a terminal, taken apart into keys and text. Source: ECMA-48 control sequences as xterm sends them ("XTerm Control Sequences",
 * section PC-Style Function Keys).
 */

/** `text` is as typed; `key` is named as people name it: 'left', 'ctrl-c', 'alt-f'. */
export type Input = { text: string } | { key: string };

const ESC = '\x1b';
/** Final bytes after `ESC [` or `ESC O`. */
const FINALS: Record<string, string> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  Z: 'shift-tab',
};
/** Numbers before `~`. */
const NUMBERS: Record<string, string> = {
  1: 'home',
  3: 'delete',
  4: 'end',
  5: 'page-up',
  6: 'page-down',
  7: 'home',
  8: 'end',
  12: 'f2',
  21: 'f10',
};
/** The modifier parameter is one more than these bits. */
const SHIFT = 1,
  ALT = 2,
  CTRL = 4;
const CONTROLS: Record<string, string> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
};
/** A sequence that is longer is none. */
const LONGEST_SEQUENCE = 32;

export class KeyParser {
  private rest = '';

  push(chunk: string): void {
    this.rest += chunk;
  }

  /** The next key or piece of text; undefined: nothing, or the beginning of a sequence that waits for the rest of it. */
  next(): Input | undefined {
    while (this.rest !== '') {
      const found: Input[] = [];
      const taken = this.one(found);
      if (taken === 0) return undefined;
      this.rest = this.rest.slice(taken);
      if (found.length > 0) return found[0];
    }
    return undefined;
  }

  /** All that has come and was not taken, as it came. */
  drain(): string {
    const { rest } = this;
    this.rest = '';
    return rest;
  }

  /** A lone ESC that nothing has followed is the key. */
  flush(): Input | undefined {
    if (this.rest !== ESC) return undefined;
    this.rest = '';
    return { key: 'escape' };
  }

  private one(found: Input[]): number {
    const { rest } = this;
    const first = rest[0]!;
    if (first === ESC) return this.escape(found);
    const control = CONTROLS[first];
    if (control !== undefined) {
      found.push({ key: control });
      // A line end of two characters is one key.
      return first === '\r' && rest[1] === '\n' ? 2 : 1;
    }
    if (first < ' ') {
      found.push({ key: `ctrl-${String.fromCharCode(first.charCodeAt(0) + 0x60)}` });
      return 1;
    }
    let length = 1;
    while (length < rest.length && rest[length]! >= ' ' && rest[length] !== '\x7f') length++;
    found.push({ text: rest.slice(0, length) });
    return length;
  }

  private escape(found: Input[]): number {
    const { rest } = this;
    if (rest.length === 1) return 0;
    if (rest[1] !== '[' && rest[1] !== 'O') {
      const control = CONTROLS[rest[1]!];
      found.push({ key: rest[1] === ESC ? 'escape' : `alt-${control ?? rest[1]!.toLowerCase()}` });
      return rest[1] === ESC ? 1 : 2;
    }
    let at = 2;
    while (at < rest.length && /[0-9;?<]/.test(rest[at]!)) at++;
    if (at === rest.length) return at > LONGEST_SEQUENCE ? at : 0;
    const parameters = rest.slice(2, at),
      final = rest[at]!;
    const [number = '', modifier = '1'] = parameters.split(';');
    const name = final === '~' ? NUMBERS[number] : FINALS[final];
    const bits = Number(modifier) - 1;
    if (name)
      found.push({
        key: `${bits & CTRL ? 'ctrl-' : ''}${bits & ALT ? 'alt-' : ''}${bits & SHIFT ? 'shift-' : ''}${name}`,
      });
    return at + 1;
  }
}
