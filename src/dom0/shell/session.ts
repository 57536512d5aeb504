/** A login at Domain 0: prompt, line, command, again. A page's terminal and node's are the same to it. */
import { Bash, type BashParts } from './bash.ts';
import { completeWords } from './completion.ts';
import { KeyParser } from '../toolstack/terminal/index.ts';
import { LineEditor } from './line-editor.ts';
import type { Owned, Terminal } from '../toolstack/programs/index.ts';

export interface SessionParts extends BashParts {
  terminal: Terminal;
  /** Earlier lines; the session adds to them. */
  history: string[];
  /** A line was added. */
  remembered?(line: string): void;
  /** Of the machine, for the prompt. */
  hostName: string;
  /** What is said first. */
  greeting?: string;
}

const MOST_REMEMBERED = 1000,
  LONGEST_REMEMBERED = 64 * 1024;
const CTRL_C = '\x03',
  ESCAPE = '\x1b';
/** How long a lone ESC waits for the rest of a sequence. */
const ESCAPE_MS = 50;

export class Session {
  /** Resolves to the last command's status when it is left (`exit`, Ctrl-D). */
  readonly over: Promise<number>;
  private readonly parts: SessionParts;
  private readonly bash: Bash;
  private readonly editor: LineEditor;
  private readonly keys = new KeyParser();
  /** Of the program that owns the terminal. */
  private owner: ((typed: string) => void) | undefined;
  private readonly gone = new AbortController();
  private running = false;
  private taking = false;
  private lines = '';
  /** Lines of a here-document that come behind them. */
  private document: string[] = [];
  private status = 0;
  private finish: (status: number) => void = () => {};

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.bash = new Bash(parts);
    this.editor = new LineEditor(parts.terminal, parts.history, (line, cursor) =>
      completeWords(line, cursor, parts, this.bash.directory),
    );
    this.over = new Promise(resolve => {
      this.finish = resolve;
    });
    this.bash.jobs.isInteractive = true;
    this.bash.jobs.ended = () => this.tellJobs();
    if (parts.greeting) this.print(parts.greeting);
    this.prompt();
  }

  /** What is typed. It waits while a line runs. */
  input(chunk: string): void {
    // Ctrl-C ends a command also where typed-ahead text waits.
    if (this.running && !this.owner && chunk.includes(CTRL_C)) {
      this.keys.drain();
      this.print('^C\n');
      this.bash.interrupt();
      return;
    }
    this.keys.push(chunk);
    void this.take();
    if (chunk !== ESCAPE) return;
    void this.parts.sleep(ESCAPE_MS).then(() => {
      const escape = !this.running && this.keys.flush();
      if (escape) void this.editor.take(escape);
    });
  }

  /** The terminal has another size. */
  resized(): void {
    if (!this.running) this.editor.redraw();
  }

  /** The terminal is gone. */
  close(): void {
    this.gone.abort();
    this.bash.interrupt();
    this.finish(this.status);
  }

  private async take(): Promise<void> {
    if (this.taking) return;
    this.taking = true;
    try {
      while (!this.gone.signal.aborted) {
        if (this.owner) {
          const typed = this.keys.drain();
          if (typed !== '') this.owner(typed);
          return;
        }
        const input = this.running ? undefined : this.keys.next();
        if (!input) return;
        const entered = await this.editor.take(input);
        if (entered === undefined) continue;
        if (entered === 'end') return void (await this.leave());
        if (entered === 'interrupt') {
          this.lines = '';
          this.document = [];
          this.status = 130;
          this.prompt();
        } else void this.run(entered.line);
      }
    } catch (error) {
      // Completion, or the shell's end, failed: the login goes on.
      this.print(`\nringside: ${(error as Error).message}\n`);
      this.prompt();
    } finally {
      this.taking = false;
    }
  }

  private async leave(): Promise<void> {
    this.print('logout\n');
    // A handler of EXIT has its turn.
    const last = await this.bash.leave(this.status);
    this.print(last.stdout + last.stderr);
    this.close();
  }

  /** What jobs have written that are over, and that they are: at once where a prompt is shown. */
  private tellJobs(): void {
    if (this.running || this.gone.signal.aborted) return;
    const told = this.bash.tellJobs();
    if (told === '') return;
    this.parts.terminal.write('\r\x1b[J');
    this.print(told);
    this.editor.redraw();
  }

  private async run(line: string): Promise<void> {
    if (this.lines !== '' && this.bash.isInDocument(line)) {
      this.document.push(line);
      return this.prompt();
    }
    this.running = true;
    this.lines = [...(this.lines === '' ? [] : [this.lines]), ...this.document.splice(0), line].join('\n');
    const { lines } = this;
    const exit = /^\s*(?:exit|logout)(?:\s+(\d{1,3}))?\s*$/.exec(lines);
    try {
      if (exit) {
        this.status = exit[1] === undefined ? this.status : Number(exit[1]) & 255;
        this.remember(lines);
        return void (await this.leave());
      }
      const done = lines.trim() === '' || (await this.owned(lines)) || (await this.ordinary(lines));
      if (done) {
        if (lines.trim() !== '') this.remember(lines);
        this.lines = '';
      }
    } catch (error) {
      this.print(`ringside: ${(error as Error).message}\n`);
      this.status = 1;
      this.lines = '';
    } finally {
      this.running = false;
    }
    if (this.gone.signal.aborted) return;
    this.prompt();
    void this.take();
  }

  /** A line that wants the terminal; false: it does not. */
  private async owned(line: string): Promise<boolean> {
    const { programs, terminal } = this.parts;
    const first = /^\s*([\w.-]+)/.exec(line)?.[1];
    const program = programs.find(({ name, own }) => own && name === first);
    if (!program) return false;
    const words = await this.bash.words(line);
    const run = words && program.own?.(words.slice(1));
    if (!run) return false;
    const owned: Owned = {
      write: text => terminal.write(text),
      get columns() {
        return terminal.columns;
      },
      get rows() {
        return terminal.rows;
      },
      listen: listener => {
        this.owner = listener;
        void this.take();
      },
      signal: this.gone.signal,
    };
    try {
      this.status = await run(owned, this.bash.around('', undefined, this.gone.signal));
    } catch (error) {
      this.print(`${program.name}: ${(error as Error).message}\n`);
      this.status = 1;
    } finally {
      this.owner = undefined;
    }
    return true;
  }

  /** False: the line goes on. */
  private async ordinary(lines: string): Promise<boolean> {
    const ran = await this.bash.run(lines);
    if (!ran) return false;
    this.print(ran.stdout);
    this.print(ran.stderr);
    this.status = ran.status;
    return true;
  }

  private remember(line: string): void {
    const { history } = this.parts;
    if (line.length > LONGEST_REMEMBERED) return;
    if (history.at(-1) === line || line.startsWith(' ')) return;
    history.push(line);
    if (history.length > MOST_REMEMBERED) history.shift();
    this.parts.remembered?.(line);
  }

  private prompt(): void {
    if (this.lines === '') this.print(this.bash.tellJobs());
    const { hostName, environment } = this.parts;
    const { directory } = this.bash;
    const home = environment.HOME ?? '/root';
    const place =
      directory === home || directory.startsWith(`${home}/`) ? `~${directory.slice(home.length)}` : directory;
    this.editor.begin(this.lines === '' ? `${hostName}:${place} # ` : '> ');
  }

  private print(text: string): void {
    if (text !== '') this.parts.terminal.write(text.replace(/\r?\n/g, '\r\n'));
  }
}
