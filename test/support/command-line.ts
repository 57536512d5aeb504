import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { file } from './needs.ts';

/** Beside other work, and on slow machines, everything takes so many times as long. */
const PATIENCE = 3;

/** A process with a console. */
export class Program {
  /** Everything printed so far. */
  output = '';
  errors = '';
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly ended: Promise<number>;
  private changed: () => void = () => {};
  /** Gets each line of the console when it is whole. */
  onLine: (line: string) => void = () => {};
  private line = '';
  /** Where `expect` goes on looking. */
  private seen = 0;

  constructor(command: string, argv: string[]) {
    this.child = spawn(command, argv, { stdio: 'pipe' });
    this.child.stdout.on('data', (data: Buffer) => {
      this.output += data.toString('latin1');
      const lines = (this.line + data.toString('latin1')).split(/\r*\n/);
      this.line = lines.pop()!;
      for (const line of lines) this.onLine(line);
      // To look on at a soak: tail -f.
      if (process.env.RINGSIDE_CONSOLE) appendFileSync(process.env.RINGSIDE_CONSOLE, data);
      this.changed();
    });
    this.child.stderr.on('data', (data: Buffer) => {
      this.errors += data.toString();
    });
    this.ended = new Promise(resolve => {
      this.child.on('close', status => {
        this.changed();
        resolve(status ?? -1);
      });
    });
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
      if (left <= 0 || this.child.exitCode !== null)
        throw new Error(
          `no "${text}" ${left <= 0 ? `in ${seconds} s` : `before the end, status ${this.child.exitCode}`}:\n${this.tail()}`,
        );
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

  /** Exit status. Throws what was printed if the process is still there after that time. */
  async end(usualSeconds: number): Promise<number> {
    const seconds = usualSeconds * PATIENCE;
    const timer = setTimeout(() => this.child.kill('SIGKILL'), seconds * 1000);
    const status = await this.ended;
    clearTimeout(timer);
    if (status === -1) throw new Error(`did not end in ${seconds} s:\n${this.tail()}`);
    return status;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** `ringside` as a person runs it. */
export class Ringside extends Program {
  constructor(...argv: string[]) {
    super(process.execPath, [file('bin/ringside.mjs'), ...argv]);
  }
}
