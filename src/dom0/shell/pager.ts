/**
 * `less` and `more`: a text page by page at a terminal. Without one, in scripts and pipes, they hand it on, as both do. Source: less(1) for keys and words;
 * more(1) of util-linux 2.38 for its own.
 */
import {
  ALTERNATE_SCREEN,
  HIDE_CURSOR,
  HOME,
  KeyParser,
  NORMAL_SCREEN,
  PLAIN,
  REVERSE,
  SHOW_CURSOR,
  TO_END_OF_LINE,
  untabbed,
  visible,
} from '../toolstack/terminal/index.ts';
import {
  failed,
  type Owned,
  type Program,
  type Ran,
  succeeded,
  type Surroundings,
} from '../toolstack/programs/index.ts';

/** Lines of a screen that is so wide. */
function wrapped(text: string, columns: number): string[] {
  const rows: string[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    const whole = visible(untabbed(line));
    for (let at = 0; at === 0 || at < whole.length; at += columns) rows.push(whole.slice(at, at + columns));
  }
  return rows;
}

class Pager {
  private readonly keys = new KeyParser();
  private readonly terminal: Owned;
  private readonly lines: string[];
  private top = 0;
  /** What is typed behind a slash; undefined: nothing is asked for. */
  private typed: string | undefined;
  private pattern = '';
  private told = '';

  constructor(text: string, terminal: Owned) {
    this.terminal = terminal;
    this.lines = wrapped(text, terminal.columns);
  }

  run(): Promise<void> {
    const { terminal } = this;
    return new Promise<void>(resolve => {
      terminal.signal.addEventListener('abort', () => resolve(), { once: true });
      terminal.write(ALTERNATE_SCREEN + HIDE_CURSOR);
      this.draw();
      terminal.listen(typed => {
        this.keys.push(typed);
        for (let input = this.keys.next(); input; input = this.keys.next()) {
          this.told = '';
          if ('text' in input) {
            for (const letter of input.text) if (this.letter(letter)) return resolve();
          } else if (this.key(input.key)) return resolve();
        }
        this.draw();
      });
    }).then(() => terminal.write(SHOW_CURSOR + NORMAL_SCREEN));
  }

  private get page(): number {
    return Math.max(1, this.terminal.rows - 1);
  }

  private move(rows: number): void {
    this.top = Math.max(0, Math.min(this.top + rows, this.lines.length - this.page));
  }

  /** Whether it is left. */
  private letter(letter: string): boolean {
    if (this.typed !== undefined) this.typed += letter;
    else if (letter === 'q' || letter === 'Q') return true;
    else if (letter === ' ' || letter === 'f') this.move(this.page);
    else if (letter === 'b') this.move(-this.page);
    else if (letter === 'd' || letter === 'u') this.move(((letter === 'd' ? 1 : -1) * this.page) >> 1);
    else if (letter === 'j' || letter === 'e') this.move(1);
    else if (letter === 'k' || letter === 'y') this.move(-1);
    else if (letter === 'g' || letter === '<') this.move(-this.lines.length);
    else if (letter === 'G' || letter === '>') this.move(this.lines.length);
    else if (letter === '/') this.typed = '';
    else if (letter === 'n') this.search(1);
    else if (letter === 'N') this.search(-1);
    return false;
  }

  private key(key: string): boolean {
    if (this.typed !== undefined) {
      if (key === 'enter') {
        this.pattern = this.typed === '' ? this.pattern : this.typed;
        this.typed = undefined;
        this.search(1);
      } else if (key === 'backspace') this.typed = this.typed === '' ? undefined : this.typed.slice(0, -1);
      else if (key === 'ctrl-c' || key === 'escape') this.typed = undefined;
      return false;
    }
    if (key === 'ctrl-c') return true;
    if (key === 'page-down' || key === 'ctrl-f') this.move(this.page);
    else if (key === 'page-up' || key === 'ctrl-b') this.move(-this.page);
    else if (key === 'down' || key === 'enter') this.move(1);
    else if (key === 'up') this.move(-1);
    else if (key === 'home') this.move(-this.lines.length);
    else if (key === 'end') this.move(this.lines.length);
    return false;
  }

  private search(step: 1 | -1): void {
    let wanted: RegExp;
    try {
      wanted = new RegExp(this.pattern, 'u');
    } catch {
      this.told = 'Invalid pattern';
      return;
    }
    if (this.pattern === '') this.told = 'No previous regular expression';
    else {
      for (let row = this.top + step; row >= 0 && row < this.lines.length; row += step)
        if (wanted.test(this.lines[row]!)) {
          this.top = row;
          return;
        }
      this.told = 'Pattern not found  (press RETURN)';
    }
  }

  private draw(): void {
    const { terminal, lines, top, page } = this;
    const rows = Array.from({ length: page }, (_, i) => (lines[top + i] ?? '~') + TO_END_OF_LINE);
    const isEnd = top + page >= lines.length;
    const status = this.typed === undefined ? (this.told !== '' ? this.told : isEnd ? '(END)' : ':') : `/${this.typed}`;
    const bar = this.typed === undefined && status !== ':' ? `${REVERSE}${status}${PLAIN}` : status;
    terminal.write(`${HOME}${rows.join('\r\n')}\r\n${bar}${TO_END_OF_LINE}`);
  }
}

/** What files hold, one behind the other, and what is said of those that are not there. */
async function textOf(name: string, paths: readonly string[], { readFile }: Surroundings): Promise<Ran> {
  let stdout = '',
    stderr = '';
  for (const path of paths)
    try {
      stdout += new TextDecoder().decode(await readFile(path));
    } catch (error) {
      const why = (error as Error).message.replace(/^.*: /s, '');
      stderr += name === 'more' ? `more: cannot open ${path}: ${why}\n` : `${path}: ${why}\n`;
    }
  return { stdout, stderr, status: stderr === '' ? 0 : 1 };
}

const pathsOf = (words: readonly string[]): string[] => words.filter(word => !/^[-+]./.test(word));

/** Options say how it looks; they change nothing here. */
export const pagers = (): Program[] =>
  ['less', 'more'].map(
    (name): Program => ({
      name,
      summary:
        name === 'less'
          ? 'a file page by page: space and b turn pages, / searches, n goes on, q leaves'
          : 'the same as less',
      run: async (words, around) => {
        const paths = pathsOf(words);
        if (paths.length > 0) return textOf(name, paths, around);
        if (around.stdin !== '') return succeeded(around.stdin);
        return failed(
          name === 'less'
            ? 'Missing filename ("less --help" for help)'
            : "more: bad usage\nTry 'more --help' for more information.",
        );
      },
      own: words => {
        const paths = pathsOf(words);
        if (paths.length === 0) return undefined;
        return async (terminal, around) => {
          const { stdout, stderr, status } = await textOf(name, paths, around);
          if (stdout === '') terminal.write(stderr.replaceAll('\n', '\r\n'));
          else await new Pager(stdout, terminal).run();
          return status;
        };
      },
    }),
  );
