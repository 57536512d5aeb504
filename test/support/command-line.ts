import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { file } from './needs.ts';
import { patient } from './patience.ts';
import V8_FLAGS from './v8-flags.json' with { type: 'json' };

/** While other work runs, and on slow machines, everything takes this many times as long. */
const PATIENCE = patient(3);

/** Options of a run that its script ends: less than is given to `end` (seconds), so that the command itself says what it waited for. */
export const limit = (usualSeconds: number): string[] => ['--timeout', String(usualSeconds * PATIENCE)];

/** A process with a console. */
export class Program {
  /** Everything printed so far. */
  output = '';
  errors = '';
  protected readonly child: ChildProcessWithoutNullStreams;
  protected readonly ended: Promise<number>;
  protected hasEnded = false;
  private changed: () => void = () => {};
  /** Called whenever more was printed. */
  onText: () => void = () => {};
  /** Gets each line of the console when it is whole. */
  onLine: (line: string) => void = () => {};
  private line = '';
  /** Where `expect` goes on looking. */
  private seen = 0;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    child.stdout.on('data', this.onOutput);
    child.stderr.on('data', this.onErrors);
    this.ended = new Promise(resolve => {
      this.onEnd = status => {
        this.hasEnded = true;
        this.changed();
        resolve(status);
      };
      child.on('close', this.onClose);
    });
  }

  private readonly onOutput = (data: Buffer): void => this.put(data.toString('latin1'));
  private readonly onErrors = (data: Buffer): void => this.putError(data.toString());
  private readonly onClose = (status: number | null): void => this.onEnd(status ?? -1);
  protected onEnd!: (status: number) => void;

  protected put(text: string): void {
    this.output += text;
    this.onText();
    const lines = (this.line + text).split(/\r*\n/);
    this.line = lines.pop()!;
    for (const line of lines) this.onLine(line);
    // To look on at a soak: tail -f.
    if (process.env.RINGSIDE_CONSOLE) appendFileSync(process.env.RINGSIDE_CONSOLE, text, 'latin1');
    this.changed();
  }

  protected putError(text: string): void {
    this.errors += text;
  }

  /** The process goes on without this reader. */
  protected letGo(): void {
    this.child.stdout.off('data', this.onOutput);
    this.child.stderr.off('data', this.onErrors);
    this.child.off('close', this.onClose);
  }

  private tail(): string {
    return `${this.output.slice(-1500)}\n${this.errors.slice(-1500)}`;
  }

  /** Waits until the console shows this text after what was expected before. `usualSeconds`: it takes no longer where nothing else runs. */
  async expect(text: string, usualSeconds: number): Promise<void> {
    const seconds = usualSeconds * PATIENCE;
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const at = this.output.indexOf(text, this.seen);
      if (at >= 0) {
        this.seen = at + text.length;
        return;
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.hasEnded)
        throw new Error(`no "${text}" ${left <= 0 ? `in ${seconds} s` : `before the end`}:\n${this.tail()}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, Math.min(left, 1000));
        this.changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  send(text: string): void {
    this.child.stdin.write(text);
  }

  /** All of its input, as by a pipe. */
  pipe(text: string): void {
    this.child.stdin.end(text);
  }

  /** Exit status. Throws what was printed if the process is still there after that time. */
  async end(usualSeconds: number): Promise<number> {
    const seconds = usualSeconds * PATIENCE;
    const timer = setTimeout(() => this.child.kill('SIGKILL'), seconds * 1000);
    const status = await this.ended;
    clearTimeout(timer);
    if (status === -1) throw new Error(`did not end in ${seconds} s:\n${this.tail()}`);
    return status;
  }

  async kill(): Promise<void> {
    if (!this.hasEnded) this.child.kill('SIGKILL');
  }
}

/** Another command that runs `ringside`, as `ip netns exec NAME` does. */
export interface Behind {
  behind: readonly string[];
}

/** `ringside` as a person runs it. */
export class Ringside extends Program {
  constructor(...argv: (string | Behind)[]) {
    const before = argv.flatMap(each => (typeof each === 'string' ? [] : each.behind));
    const words = argv.filter(each => typeof each === 'string');
    const [command, ...rest] = [...before, process.execPath, file('bin/ringside.mjs'), ...words];
    super(spawn(command!, rest, { stdio: 'pipe' }));
  }

  /** As a machine that hangs: it says nothing, and nothing of it ends. */
  stop(): void {
    this.child.kill('SIGSTOP');
  }
}

/** Of V8's flags those that the test runs with itself: where boots are long, optimizing late costs more than it saves. */
const FLAGS = V8_FLAGS.filter(flag => process.execArgv.includes(flag));

/** Processes of warm.mjs in which nothing runs at the moment. */
const idle: ChildProcess[] = [];

/**
 * `ringside` in a process that ran others before: its modules are loaded and V8 has compiled them, which takes a process of its own a second.
 * For tests of what a guest or a host shows; what a process does with its terminal, signals and end wants `Ringside`.
 */
export class WarmRingside extends Program {
  /** Both streams end with it; on standard error the status follows. */
  private readonly mark = `\0end of run ${Math.random()}\0`;
  /** What may be the beginning of the mark. */
  private readonly held = { output: '', errors: '' };
  private outputEnded = false;
  private status: number | undefined;

  constructor(...argv: string[]) {
    const child =
      idle.pop() ??
      spawn(process.execPath, [...FLAGS, file('test/support/warm.mjs')], { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] });
    super(child as ChildProcessWithoutNullStreams);
    child.send({ argv, mark: this.mark });
  }

  protected override put(text: string): void {
    const [before, after] = this.upToMark('output', text);
    if (before) super.put(before);
    this.outputEnded ||= after !== undefined;
    this.endIfBoth();
  }

  protected override putError(text: string): void {
    const [before, after] = this.upToMark('errors', text);
    super.putError(before);
    if (after !== undefined) this.status = Number(after);
    this.endIfBoth();
  }

  /** What came before the mark, and what behind it, if it came. */
  private upToMark(stream: 'output' | 'errors', text: string): [string, string?] {
    const all = this.held[stream] + text;
    const at = all.indexOf(this.mark);
    if (at >= 0) return [all.slice(0, at), all.slice(at + this.mark.length)];
    const begin = all.indexOf('\0', Math.max(0, all.length - this.mark.length));
    this.held[stream] = begin < 0 ? '' : all.slice(begin);
    return [begin < 0 ? all : all.slice(0, begin)];
  }

  /** Ends the run as SIGTERM does, so that its process has the next one. */
  override async kill(): Promise<void> {
    if (this.hasEnded) return;
    const timer = setTimeout(() => super.kill(), PATIENCE * 1000);
    (this.child as ChildProcess).send({ leave: true });
    await this.ended;
    clearTimeout(timer);
  }

  private endIfBoth(): void {
    if (!this.outputEnded || this.status === undefined) return;
    this.letGo();
    idle.push(this.child);
    this.onEnd(this.status);
  }
}
