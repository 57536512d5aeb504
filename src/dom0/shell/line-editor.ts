/**
 * One line of input that is edited at a terminal, with history and completion: the keys are those of readline's emacs mode (GNU Readline manual, "Bindable
 * Readline Commands"). It draws with ECMA-48 sequences and knows nothing of what a line means.
 */
import type { Input } from '../toolstack/terminal/index.ts';
import { textColumns } from './text-columns.ts';

export interface EditorScreen {
  write(text: string): void;
  readonly columns: number;
}

/** What could be at the cursor: the words that begin like what is there, and where that begins. */
export interface Completion {
  from: number;
  words: string[];
}

export type Complete = (line: string, cursor: number) => Completion | Promise<Completion>;

/** What the line came to: it was entered, broken off (Ctrl-C), or there will be none (Ctrl-D on an empty line). */
export type Entered = { line: string } | 'interrupt' | 'end';

/** Words that are listed without asking (readline's completion-query-items is 100, too). */
const MOST_LISTED = 100;
const WORD = /[\p{L}\p{N}_]/u;

export class LineEditor {
  private readonly screen: EditorScreen;
  private readonly history: readonly string[];
  private readonly complete: Complete;
  private prompt = '';
  /** Characters as people see them are code points here. */
  private text: string[] = [];
  private cursor = 0;
  private killed = '';
  /** Index into the history; its length: the new line. */
  private at = 0;
  private draft = '';
  /** Row of the cursor below that of the prompt. */
  private row = 0;
  /** What is searched for backwards through history (Ctrl-R). */
  private search: { text: string; found: number } | undefined;
  private lastKey = '';

  constructor(screen: EditorScreen, history: readonly string[], complete: Complete) {
    this.screen = screen;
    this.history = history;
    this.complete = complete;
  }

  /** Begins a new line. */
  begin(prompt: string, text = ''): void {
    this.prompt = prompt;
    this.text = [...text];
    this.cursor = this.text.length;
    this.at = this.history.length;
    this.draft = '';
    this.row = 0;
    this.search = undefined;
    this.draw();
  }

  /** Takes one key or piece of text; a value when the line is done. Keys that come while completion is looked for must wait for its promise. */
  async take(input: Input): Promise<Entered | undefined> {
    if (this.search) {
      if (this.searched(input)) return undefined;
    }
    if ('text' in input) {
      this.insert(input.text);
      this.lastKey = '';
      this.draw();
      return undefined;
    }
    const { key } = input;
    const before = this.lastKey;
    this.lastKey = key;
    switch (key) {
      case 'enter':
        return this.done({ line: this.text.join('') });
      case 'ctrl-c':
        this.screen.write('^C');
        return this.done('interrupt');
      case 'ctrl-d':
        if (this.text.length === 0) return this.done('end');
        this.remove(this.cursor, this.cursor + 1);
        break;
      case 'ctrl-y':
        this.insert(this.killed);
        break;
      case 'ctrl-t':
        this.transpose();
        break;
      case 'up':
      case 'ctrl-p':
        this.recall(this.at - 1);
        break;
      case 'down':
      case 'ctrl-n':
        this.recall(this.at + 1);
        break;
      case 'ctrl-r':
        this.search = { text: '', found: this.history.length };
        break;
      case 'ctrl-l':
        this.screen.write('\x1b[H\x1b[2J');
        this.row = 0;
        break;
      case 'tab':
        await this.completed(before === 'tab');
        break;
      default:
        if (!this.moved(key) && !this.cut(key)) return undefined;
    }
    this.draw();
    return undefined;
  }

  /** The cursor is moved. False: by no such key. */
  private moved(key: string): boolean {
    switch (key) {
      case 'left':
      case 'ctrl-b':
        this.cursor = Math.max(0, this.cursor - 1);
        return true;
      case 'right':
      case 'ctrl-f':
        this.cursor = Math.min(this.text.length, this.cursor + 1);
        return true;
      case 'home':
      case 'ctrl-a':
        this.cursor = 0;
        return true;
      case 'end':
      case 'ctrl-e':
        this.cursor = this.text.length;
        return true;
      case 'alt-b':
      case 'ctrl-left':
      case 'alt-left':
        this.cursor = this.wordBefore();
        return true;
      case 'alt-f':
      case 'ctrl-right':
      case 'alt-right':
        this.cursor = this.wordAfter();
        return true;
      default:
        return false;
    }
  }

  /** Text is taken out, and kept but for single characters. False: by no such key. */
  private cut(key: string): boolean {
    const { cursor } = this;
    switch (key) {
      case 'delete':
        this.remove(cursor, cursor + 1);
        return true;
      case 'backspace':
      case 'ctrl-h':
        this.remove(cursor - 1, cursor);
        return true;
      case 'ctrl-k':
        this.kill(cursor, this.text.length);
        return true;
      case 'ctrl-u':
        this.kill(0, cursor);
        return true;
      case 'ctrl-w':
        this.kill(this.spaceBefore(), cursor);
        return true;
      case 'alt-backspace':
        this.kill(this.wordBefore(), cursor);
        return true;
      case 'alt-d':
        this.kill(cursor, this.wordAfter());
        return true;
      default:
        return false;
    }
  }

  /** The terminal's width has changed, or something else was written: the line is drawn again below it. */
  redraw(): void {
    this.row = 0;
    this.draw();
  }

  private done(entered: Entered): Entered {
    this.cursor = this.text.length;
    if (entered !== 'interrupt') this.draw();
    this.screen.write('\r\n');
    return entered;
  }

  private insert(text: string): void {
    const characters = [...text].filter(character => character >= ' ' && character !== '\x7f');
    // As arguments of a call this many as somebody may paste do not fit.
    this.text = this.text.slice(0, this.cursor).concat(characters, this.text.slice(this.cursor));
    this.cursor += characters.length;
  }

  private remove(from: number, to: number): string {
    if (from < 0) return '';
    const gone = this.text.splice(from, to - from);
    this.cursor = from;
    return gone.join('');
  }

  private kill(from: number, to: number): void {
    if (to > from) this.killed = this.remove(from, to);
  }

  private transpose(): void {
    const at = Math.min(this.cursor, this.text.length - 1);
    if (at < 1) return;
    this.text.splice(at - 1, 2, this.text[at]!, this.text[at - 1]!);
    this.cursor = at + 1;
  }

  private wordBefore(): number {
    let at = this.cursor;
    while (at > 0 && !WORD.test(this.text[at - 1]!)) at--;
    while (at > 0 && WORD.test(this.text[at - 1]!)) at--;
    return at;
  }

  private wordAfter(): number {
    let at = this.cursor;
    while (at < this.text.length && !WORD.test(this.text[at]!)) at++;
    while (at < this.text.length && WORD.test(this.text[at]!)) at++;
    return at;
  }

  private spaceBefore(): number {
    let at = this.cursor;
    while (at > 0 && this.text[at - 1] === ' ') at--;
    while (at > 0 && this.text[at - 1] !== ' ') at--;
    return at;
  }

  private recall(index: number): void {
    if (index < 0 || index > this.history.length) return;
    if (this.at === this.history.length) this.draft = this.text.join('');
    this.at = index;
    this.text = [...(this.history[index] ?? this.draft)];
    this.cursor = this.text.length;
  }

  /** True: the key was the search's own. */
  private searched(input: Input): boolean {
    const search = this.search!;
    const find = (from: number): void => {
      for (let i = from; i >= 0; i--) {
        if (!this.history[i]?.includes(search.text)) continue;
        search.found = i;
        this.text = [...this.history[i]!];
        this.cursor = this.text.length;
        return;
      }
    };
    if ('text' in input) {
      search.text += input.text;
      find(Math.min(search.found, this.history.length - 1));
    } else if (input.key === 'ctrl-r') find(search.found - 1);
    else if (input.key === 'backspace') {
      search.text = [...search.text].slice(0, -1).join('');
      find(this.history.length - 1);
    } else {
      this.search = undefined;
      if (input.key === 'ctrl-g') this.text = [];
      if (input.key === 'escape' || input.key === 'ctrl-g') {
        this.cursor = this.text.length;
        this.draw();
        return true;
      }
      return false;
    }
    this.draw();
    return true;
  }

  /** As far as all words agree; a second Tab lists them. */
  private async completed(again: boolean): Promise<void> {
    const before = this.text.slice(0, this.cursor).join('');
    const { from, words } = await this.complete(this.text.join(''), before.length);
    if (words.length === 0) return;
    const typed = before.slice(from);
    let common = words[0]!;
    for (const word of words) while (!word.startsWith(common)) common = common.slice(0, -1);
    if (words.length === 1 && !/[/=]$/.test(common)) common += ' ';
    if (common.length > typed.length && common.startsWith(typed)) this.insert(common.slice(typed.length));
    else if (again) this.list(words);
  }

  private list(words: string[]): void {
    const { screen } = this;
    const shown = words.slice(0, MOST_LISTED);
    const width = Math.max(...shown.map(textColumns)) + 2;
    const perRow = Math.max(1, Math.floor(screen.columns / width));
    const rows = Array.from({ length: Math.ceil(shown.length / perRow) }, (_, row) =>
      shown.slice(row * perRow, (row + 1) * perRow),
    );
    screen.write(
      `\r\n${rows
        .map(row =>
          row
            .map(word => word.padEnd(width))
            .join('')
            .trimEnd(),
        )
        .join('\r\n')}\r\n`,
    );
    if (words.length > shown.length) screen.write(`and ${words.length - shown.length} more\r\n`);
    this.row = 0;
  }

  private draw(): void {
    const { screen, row } = this;
    const { columns } = screen;
    const prompt = this.search ? `(reverse-i-search)\`${this.search.text}': ` : this.prompt;
    const line = this.text.join('');
    const upTo = textColumns(prompt) + textColumns(this.text.slice(0, this.cursor).join(''));
    const whole = textColumns(prompt) + textColumns(line);
    let drawn = `${row > 0 ? `\x1b[${row}A` : ''}\r\x1b[J${prompt}${line}`;
    // A terminal leaves its cursor on the last column until more comes: one more character brings it down.
    if (whole > 0 && whole % columns === 0) drawn += ' \r';
    const lastRow = Math.floor(whole / columns),
      cursorRow = Math.floor(upTo / columns);
    if (lastRow > cursorRow) drawn += `\x1b[${lastRow - cursorRow}A`;
    drawn += `\r${upTo % columns > 0 ? `\x1b[${upTo % columns}C` : ''}`;
    screen.write(drawn);
    this.row = cursorRow;
  }
}
