/**
 * A small editor at a terminal, with nano's keys: Ctrl-O writes the file, Ctrl-X leaves. What is written is judged first where somebody judges it; a text with
 * errors is not written, and the cursor goes to the first of them.
 */
import { TextEditor } from '../boot/menu/index.ts';
import {
  ALTERNATE_SCREEN,
  HOME,
  KeyParser,
  NORMAL_SCREEN,
  PLAIN,
  REVERSE,
  TO_END,
  TO_END_OF_LINE,
  untabbed,
} from '../terminal/index.ts';
import type { Owned } from './program.ts';

/** What is wrong with a text, at a line (from 1 on) where it has one; and what is worth telling of one that is good. */
export interface Verdict {
  line?: number;
  text: string;
}

export interface EditParts {
  /** Shown above it. */
  title: string;
  text: string;
  /** Errors: it is not written. */
  judge?(text: string): Promise<{ errors: Verdict[]; remarks: Verdict[] }>;
  /** @throws Error with a sentence: it was not written */
  write(text: string): Promise<void>;
}

const HINT = ' Ctrl-O write   Ctrl-X leave   Ctrl-K cut the line’s rest   Ctrl-V, Ctrl-Y page down, up';
const ASKS = ' Write what was changed?  Y yes   N no   Ctrl-C go on';
/** Rows that are shown. */
const MOST_TOLD = 6;

/** As a terminal shows it. */
const shown = (text: string): string => untabbed(text).replace(/[\0-\x1f\x7f]/g, '·');

class Editor {
  private readonly parts: EditParts;
  private readonly terminal: Owned;
  private readonly keys = new KeyParser();
  private readonly editor: TextEditor;
  private kept: string;
  private top = 0;
  private told: string[] = [];
  private asks = false;
  private taking = false;
  /** Whether something was written. */
  private hasWritten = false;
  private finish: (written: boolean) => void = () => {};
  /** The terminal is the shell's again. */
  private isOver = false;

  constructor(parts: EditParts, terminal: Owned) {
    this.parts = parts;
    this.terminal = terminal;
    this.editor = new TextEditor(parts.text.replace(/\n$/, '').split(/\r\n?|\n/));
    this.kept = this.text;
  }

  private get text(): string {
    const text = this.editor.lines.join('\n');
    return text === '' ? '' : `${text}\n`;
  }

  run(): Promise<boolean> {
    return new Promise<boolean>(resolve => {
      this.finish = written => {
        this.isOver = true;
        resolve(written);
      };
      this.terminal.signal.addEventListener('abort', () => this.finish(this.hasWritten), { once: true });
      this.terminal.write(ALTERNATE_SCREEN);
      this.draw();
      this.terminal.listen(typed => {
        this.keys.push(typed);
        void this.take();
      });
    }).then(written => {
      this.terminal.write(NORMAL_SCREEN);
      return written;
    });
  }

  /** One key after the other: writing takes a while. */
  private async take(): Promise<void> {
    if (this.taking) return;
    this.taking = true;
    for (let input = this.keys.next(); input && !this.isOver; input = this.keys.next()) {
      if ('text' in input) await this.type(input.text);
      else await this.key(input.key);
    }
    this.taking = false;
    if (!this.isOver) this.draw();
  }

  private async type(text: string): Promise<void> {
    if (!this.asks) return this.editor.type(text);
    this.asks = false;
    if (/^y/i.test(text)) {
      if (await this.write()) this.finish(true);
    } else if (/^n/i.test(text)) this.finish(this.hasWritten);
  }

  private async key(key: string): Promise<void> {
    const wasAsking = this.asks;
    this.asks = false;
    if (wasAsking) return;
    if (key === 'ctrl-o' || key === 'ctrl-s') await this.write();
    else if (key === 'ctrl-x') {
      this.asks = this.text !== this.kept;
      if (!this.asks) this.finish(this.hasWritten);
    } else if (key === 'tab') this.editor.type('\t');
    else if (key === 'page-down' || key === 'ctrl-v') this.editor.move(this.rows, 0);
    else if (key === 'page-up' || key === 'ctrl-y') this.editor.move(-this.rows, 0);
    else this.editor.key(key);
  }

  /** Whether it was written. */
  private async write(): Promise<boolean> {
    const { text } = this;
    const say = ({ line, text: sentence }: Verdict): string => (line === undefined ? sentence : `${line}: ${sentence}`);
    try {
      const { errors, remarks } = (await this.parts.judge?.(text)) ?? { errors: [], remarks: [] };
      const [first] = errors;
      if (first) {
        this.told = ['Nothing was written:', ...errors.map(say)];
        if (first.line !== undefined) {
          this.editor.move(first.line - 1 - this.editor.row, 0);
          this.editor.moveTo(0);
        }
        return false;
      }
      await this.parts.write(text);
      this.told = [`${this.editor.lines.length} lines were written.`, ...remarks.map(say)];
    } catch (error) {
      this.told = ['Nothing was written:', (error as Error).message];
      return false;
    }
    this.kept = text;
    this.hasWritten = true;
    return true;
  }

  /** What is said below the text. */
  private get footer(): string[] {
    const { told } = this;
    return told.length > MOST_TOLD
      ? [...told.slice(0, MOST_TOLD - 1), `… and ${told.length - MOST_TOLD + 1} more`]
      : told;
  }

  /** Of the text. */
  private get rows(): number {
    return Math.max(1, this.terminal.rows - 2 - this.footer.length);
  }

  private draw(): void {
    const { terminal, editor, rows } = this;
    const { columns } = terminal;
    this.top = Math.min(editor.row, Math.max(this.top, editor.row - rows + 1));
    const at = shown(editor.line.slice(0, editor.column)).length;
    const left = Math.max(0, at - columns + 1);
    const bar = (text: string): string => `${REVERSE}${text.slice(0, columns).padEnd(columns)}${PLAIN}`;
    const lines = Array.from(
      { length: rows },
      (_, i) => shown(editor.lines[this.top + i] ?? '').slice(left, left + columns) + TO_END_OF_LINE,
    );
    const screen = [
      bar(` ${this.parts.title}${this.text === this.kept ? '' : ' *'}`),
      ...lines,
      ...this.footer.map(text => shown(text).slice(0, columns) + TO_END_OF_LINE),
      bar(this.asks ? ASKS : HINT),
    ];
    terminal.write(`${HOME}${screen.join('\r\n')}${TO_END}\x1b[${editor.row - this.top + 2};${at - left + 1}H`);
  }
}

/** Edits a text until it is left; whether something was written. */
export const edit = (parts: EditParts, terminal: Owned): Promise<boolean> => new Editor(parts, terminal).run();
