/**
 * Shell syntax and text tools: just-bash, a bash in JavaScript, with the programs of Domain 0 as commands of its own. It is loaded at the first line that is
 * run, as it is larger than all of Domain 0.
 */
import { bytesRead } from './standard-input.ts';
import { justBash } from '../host/index.ts';
import type { Bash as JustBash, ExecResult, IFileSystem } from 'just-bash/browser';
import { visible } from '../toolstack/terminal/index.ts';
import { countRight } from './byte-counts.ts';
import { HereDocuments } from './here-documents.ts';
import { Jobs, SIGNALS } from './jobs.ts';
import { Pipes } from './pipes.ts';
import { failed, type Program, type Ran, type Surroundings } from '../toolstack/programs/index.ts';
import { PATHS, Rewriting, type Scope } from './rewriting.ts';
import { SHELL_PID } from './shell-command.ts';
import { arraysOf, namesOf, shellCommands, type ShellParts } from './shell-commands.ts';
import { exitHandler } from './signal-handlers.ts';
import { smallTools } from './small-tools/index.ts';
import { ENDLESS, endless, toolCommands } from './tools.ts';
import { type Begun, JOINED, readErrorText } from './whole-commands.ts';
import { readAhead } from './words-ahead.ts';

/** strerror()'s words. */
const ERRORS: Record<string, string> = {
  ENOENT: 'No such file or directory',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
  ENOSPC: 'No space left on device',
  EFBIG: 'File too large',
};
const SYNTAX_ERROR = 2;
/** What just-bash says of commands that its bundle for node has: here they are as absent as others. */
const ONLY_IN_NODE =
  /command not available in browser environments\. Exclude '[^']*' from your commands or use the Node\.js bundle\./g;
const asAbsent = (text: string): string => text.replace(ONLY_IN_NODE, 'command not found');
const INTERRUPTED = 130;
const HANGUP = SIGNALS.indexOf('HUP');
/** Most characters of a command that goes on from line to line: with each of them it is read again. What a here-document holds is not counted. */
const MOST_GOING_ON = 32 * 1024;
/** just-bash reads a million bytes (MAX_INPUT_SIZE). */
const MOST_CHARACTERS = 990_000;
/** Options of `set` that stay from line to line: none that would trace or end lines of the shell's own. */
const KEPT_OPTIONS = ['allexport', 'noclobber', 'noglob', 'nounset', 'pipefail'];
/** Longest that one line may run. */
const DAY_MS = 86_400_000;
/** A shell ends at Ctrl + C, and not at this many commands: those limits of just-bash's are for scripts of strangers. */
const LIMITS = {
  maxExecutionTimeMs: DAY_MS,
  maxCommandCount: 1e9,
  maxLoopIterations: 1e9,
  maxAwkIterations: 1e9,
  maxSedIterations: 1e9,
  maxWorkUnits: 1e12,
};
/** The login's shell is root's, as in Debian's Domain 0. */
const PROCESS = { pid: SHELL_PID, ppid: 1, uid: 0, gid: 0 };
/** Questions to programs and files, some milliseconds of them, after which others have their turn. */
const ASKED_A_TURN = 64;
/** As many turns of a loop. */
const LOOP_TURNS = 256;
/** What a file system answers at once, without a promise. */
const AT_ONCE: ReadonlySet<string | symbol> = new Set(['resolvePath', 'getAllPaths']);

export interface BashParts {
  /** `line`: what surrounds a line that is run (files/kept-files.ts). */
  fs: IFileSystem & { line?<T>(work: () => Promise<T>): Promise<T> };
  programs: readonly Program[];
  /** What the greeting calls the host's system; absent: Domain 0. */
  systemName?: string;
  /** What a file of the kernel's reads as (kernel-files.ts); undefined: it is none. */
  kernelFile?(path: string): string | undefined;
  /** Milliseconds of host time. */
  sleep(ms: number): Promise<void>;
  environment: Record<string, string>;
  directory: string;
  /** Below a number: for names of temporary files, and shuf. */
  random(below: number): number;
}

/** The same files, before whose answers `turn` may want to be waited for; `madeUp` answers for those that are none. */
const inTurns = (
  fs: IFileSystem,
  turn: () => Promise<void> | undefined,
  madeUp: (name: string | symbol, path: unknown, text: unknown) => Promise<unknown> | undefined,
): IFileSystem =>
  new Proxy(fs, {
    get(files, name) {
      const value = Reflect.get(files, name) as unknown;
      if (typeof value !== 'function') return value;
      if (AT_ONCE.has(name)) return value.bind(files);
      return (...given: unknown[]) => {
        const answer = madeUp(name, given[0], given[1]);
        if (answer) return answer;
        const wait = turn();
        return wait ? wait.then(() => Reflect.apply(value, files, given)) : Reflect.apply(value, files, given);
      };
    },
  });

/** What a program sees, with the files that represent standard input, output and errors. */
function standardFiles(
  around: Surroundings,
  stdin: Uint8Array,
): { around: Surroundings; written: { stdout: string; stderr: string } } {
  const written = { stdout: '', stderr: '' };
  const among = (paths: readonly string[], path: string): boolean => paths.includes(path);
  const { readFile, writeFile } = around;
  return {
    written,
    around: {
      ...around,
      readFile: async path => (among(PATHS.stdin, path) ? stdin : readFile(path)),
      writeFile: async (path, bytes) => {
        const to = among(PATHS.stdout, path) ? 'stdout' : among(PATHS.stderr, path) ? 'stderr' : undefined;
        if (to === undefined) return writeFile(path, bytes);
        written[to] += new TextDecoder().decode(bytes);
      },
    },
  };
}

/** @throws Error where the module cannot be loaded */
export class Bash {
  directory: string;
  environment: Record<string, string>;
  private readonly parts: BashParts;
  private loaded: Promise<JustBash> | undefined;
  private abort = new AbortController();
  private readonly documents = new HereDocuments();
  readonly jobs = new Jobs();
  private readonly rewriting = new Rewriting(read => this.documents.lacksEnd(read));
  private readonly pipes = new Pipes();
  private readonly instead = new Map<string, string>();
  /** What lines leave to those after them besides variables: functions, arrays as `declare -p` has them, options of `set`, the last status. */
  private readonly login: Scope;
  private declared = '';
  private options = '';
  private status = 0;
  /** What ends a here-document that is not whole. */
  private missing: string | undefined;

  constructor(parts: BashParts) {
    this.parts = parts;
    this.directory = parts.directory;
    this.environment = { ...parts.environment };
    this.login = this.rewriting.open({ keeps: true });
  }

  /** Whether a line is one more of a here-document that the last lines began: these need not be read again for it. */
  isInDocument(line: string): boolean {
    return this.missing !== undefined && line.replace(/^\t+/, '') !== this.missing;
  }

  /** Runs lines to their end. `undefined`: they are not whole, more must come. `isAll`: no more will come. */
  run(lines: string, how: { stdin?: string; isAll: true }): Promise<Ran>;
  run(lines: string, how?: { stdin?: string }): Promise<Ran | undefined>;
  run(
    lines: string,
    { stdin = '', isAll = false }: { stdin?: string; isAll?: boolean } = {},
  ): Promise<Ran | undefined> {
    const { fs } = this.parts;
    return fs.line ? fs.line(() => this.execute(lines, stdin, isAll)) : this.execute(lines, stdin, isAll);
  }

  private async execute(lines: string, stdin: string, isAll: boolean): Promise<Ran | undefined> {
    const { documents } = this;
    this.missing = undefined;
    if (lines.length > MOST_CHARACTERS)
      return {
        stdout: '',
        stderr: `bash: a command of ${lines.length} characters is too long here, where at most ${MOST_CHARACTERS} are read: bring a file into Domain 0 instead, and name that.\n`,
        status: SYNTAX_ERROR,
      };
    const bash = await this.bash();
    let text: string;
    try {
      text = readAhead(lines);
    } catch {
      return this.beginningOnly(this.rewriting.beginning(lines), stdin, isAll);
    }
    if (!isAll && JOINED.test(lines.slice(-MOST_GOING_ON))) return undefined;
    Object.assign(documents, { isAll, missing: undefined });
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { '?': _status, ...env } = this.environment;
    const interrupted = new Promise<'interrupted'>(resolve =>
      signal.addEventListener('abort', () => resolve('interrupted')),
    );
    this.login.ends = isAll;
    const before = `${isAll ? '' : 'shopt -s expand_aliases;'}${arraysOf(this.declared)}${this.options}${this.status === 0 ? '' : `(exit ${this.status});`}`;
    const done = bash
      .exec(this.rewriting.inScope(this.login, before + text), {
        env,
        replaceEnv: true,
        cwd: this.directory,
        stdin,
        rawScript: true,
        signal,
      })
      // What the file system refuses to a redirection, and any fault of a program, ends the line and nothing else.
      .catch((error: Error) => ({
        stdout: '',
        stderr: `bash: ${error.message.replace(/^E[A-Z]+: /, '')}\n`,
        exitCode: 1,
        env: { ...env, PWD: this.directory },
      }));
    const ran = await Promise.race([done, interrupted]);
    // A command that does not listen to the signal ends by itself; the line is over.
    if (ran === 'interrupted') {
      this.status = INTERRUPTED;
      return { stdout: '', stderr: '', status: INTERRUPTED };
    }
    const begun = ran.exitCode === SYNTAX_ERROR && ran.stdout === '' ? this.rewriting.beginning(lines) : undefined;
    if (begun?.isUnfinished && !isAll) {
      if (lines.length <= MOST_GOING_ON) return undefined;
      return {
        stdout: '',
        stderr: `bash: a command that goes on for more than ${MOST_GOING_ON / 1024} KiB is not read here: put it into a file (cat > FILE <<'END'), and run that.\n`,
        status: SYNTAX_ERROR,
      };
    }
    if (begun) return this.beginningOnly(begun, stdin, isAll);
    if (documents.missing !== undefined) {
      if (!isAll) {
        this.missing = documents.missing;
        return undefined;
      }
      ran.stderr = `bash: warning: here-document delimited by end-of-file (wanted \`${documents.missing}')\n${ran.stderr}`;
    }
    this.environment = { ...ran.env };
    this.directory = ran.env.PWD ?? this.directory;
    this.status = signal.aborted ? INTERRUPTED : ran.exitCode;
    // `set -e` leaves the shell without asking for its handler.
    const handler = exitHandler(env) === undefined ? exitHandler(ran.env, ran.exitCode) : undefined;
    const last = isAll ? await this.endShell(bash, handler, signal) : { stdout: '', stderr: '' };
    return {
      stdout: asAbsent(ran.stdout + last.stdout),
      stderr: asAbsent(ran.stderr + last.stderr),
      status: this.status,
    };
  }

  /** Of a text that cannot be read as a whole, the lines before the one that reads wrong run. */
  private async beginningOnly(begun: Begun | undefined, stdin: string, isAll: boolean): Promise<Ran> {
    if (!begun) return { stdout: '', stderr: '', status: SYNTAX_ERROR };
    const stderr = `${readErrorText(isAll ? 'bash: -c' : 'bash', begun)}\n`;
    const first = begun.text.trim() === '' ? undefined : await this.execute(begun.text, stdin, isAll);
    this.status = SYNTAX_ERROR;
    return { stdout: first?.stdout ?? '', stderr: (first?.stderr ?? '') + stderr, status: SYNTAX_ERROR };
  }

  /** The shell's end: its handler runs, where it has one, and its jobs come to theirs. What they wrote. */
  private async endShell(
    bash: JustBash,
    handler: string | undefined,
    signal: AbortSignal,
  ): Promise<Pick<Ran, 'stdout' | 'stderr'>> {
    const last =
      handler === undefined
        ? undefined
        : await bash.exec(this.rewriting.inScope({ ...this.login, ends: false }, handler), {
            env: this.environment,
            replaceEnv: true,
            cwd: this.directory,
            signal,
          });
    await Promise.all(this.jobs.running.map(job => job.done));
    const written = this.jobs.take(this.jobs.list);
    return {
      stdout: (last?.stdout ?? '') + written.stdout,
      stderr: (last?.stderr ?? '') + written.stderr,
    };
  }

  /** The login ends: its handler runs. */
  async leave(status: number): Promise<Ran> {
    for (const job of this.jobs.running) this.jobs.kill(job, HANGUP);
    return (
      (exitHandler(this.environment) === undefined ? undefined : await this.run(':', { isAll: true })) ?? {
        stdout: '',
        stderr: '',
        status,
      }
    );
  }

  /** What jobs have written that are over, and that they are. */
  tellJobs(): string {
    const over = this.jobs.list.filter(({ end }) => end);
    const lines = over.map(job => this.jobs.line(job));
    const { stdout, stderr } = this.jobs.take(over);
    for (const job of over) this.jobs.forget(job);
    return stdout + stderr + lines.join('');
  }

  /** What a line leaves to those after it. */
  private keep(status: number, declared: string, functions: string, options: string): void {
    const { login } = this,
      names = namesOf(functions);
    for (const name of login.functions.keys()) if (!names.has(name)) login.functions.delete(name);
    this.declared = declared;
    this.options = KEPT_OPTIONS.filter(name => new RegExp(`^set -o ${name}$`, 'm').test(options))
      .map(name => `set -o ${name};`)
      .join('');
    this.status = status;
  }

  /** Ends what runs. */
  interrupt(): void {
    this.abort.abort();
  }

  /** The words of a simple command, expanded; undefined: it is none. */
  async words(line: string): Promise<string[] | undefined> {
    // Lists, pipes, redirections, subshells and comments are bash's.
    if (/[|;&<>()`#\n]/.test(line)) return undefined;
    const bash = await this.bash();
    const { '?': _status, ...env } = this.environment;
    const { stdout, exitCode } = await bash.exec(`printf '%s\\n' ${line}`, {
      env,
      replaceEnv: true,
      cwd: this.directory,
    });
    return exitCode === 0 ? stdout.slice(0, -1).split('\n') : undefined;
  }

  /** What a program sees. */
  around(stdin = '', directory = this.directory, signal = this.abort.signal): Surroundings {
    const { fs } = this.parts;
    const at = (path: string): string => fs.resolvePath(directory, path);
    /** The file system names the system call; people see the file. */
    const told = <T>(path: string, done: Promise<T>): Promise<T> =>
      done.catch((error: Error) => {
        const why = /^(E[A-Z]+):/.exec(error.message)?.[1] ?? '';
        throw new Error(ERRORS[why] === undefined ? error.message : `${path}: ${ERRORS[why]}`);
      });
    return {
      stdin,
      directory,
      signal,
      readFile: path => told(path, fs.readFileBuffer(at(path))),
      writeFile: (path, bytes) => told(path, this.write(at(path), bytes)),
    };
  }

  /** As open(2) does it: into a folder that is there. */
  private async write(path: string, bytes: Uint8Array): Promise<void> {
    const { fs } = this.parts;
    if (!(await fs.exists(path.slice(0, path.lastIndexOf('/')) || '/'))) throw new Error('ENOENT: no such folder');
    await fs.writeFile(path, bytes);
  }

  /**
   * just-bash goes from command to command without the event loop: a script's loop would keep Domain 0's worker to itself, its back ends and Ctrl + C waiting.
   * So whatever it asks of programs and files lets the others have a turn now and then.
   */
  private readonly turn = (): Promise<void> | undefined =>
    ++this.asked % ASKED_A_TURN === 0 ? this.parts.sleep(0) : undefined;
  private asked = 0;
  private loopTurns = 0;

  private bash(): Promise<JustBash> {
    this.loaded ??= this.load();
    // A failure to load is tried again at the next line.
    this.loaded.catch(() => {
      this.loaded = undefined;
    });
    return this.loaded;
  }

  /** What files are that no file system has: a loop's turn, texts that are read in place of others, pipes, and files without an end. */
  private readonly madeUp = (name: string | symbol, path: unknown, text: unknown): Promise<unknown> | undefined => {
    if (typeof path !== 'string') return undefined;
    const { fs, random } = this.parts;
    if (name === 'readFile') {
      if (path === PATHS.turn)
        return (++this.loopTurns % LOOP_TURNS === 0 ? this.parts.sleep(0) : Promise.resolve()).then(() => '');
      const found = this.instead.get(path);
      if (this.instead.delete(path)) return Promise.resolve(found);
    }
    if (path in ENDLESS) {
      if (name === 'exists') return Promise.resolve(true);
      if (name === 'stat') return fs.stat('/dev/null');
      if (name === 'readFileBytes') return Promise.resolve(endless(path, random));
    }
    const kernel = this.parts.kernelFile?.(path);
    if (kernel !== undefined) {
      if (name === 'exists') return Promise.resolve(true);
      if (name === 'stat' || name === 'lstat') return fs.stat('/dev/null');
      if (name === 'readFile') return Promise.resolve(kernel);
      if (name === 'readFileBytes' || name === 'readFileBuffer')
        return Promise.resolve(name === 'readFileBytes' ? kernel : new TextEncoder().encode(kernel));
    }
    return this.pipes.answer(name, path, text);
  };

  private async load(): Promise<JustBash> {
    const { Bash: Shell, defineCommand, getCommandNames } = await justBash.load();
    const { programs, sleep, environment, directory } = this.parts,
      turn = this.turn;
    const ours = programs.map(program =>
      defineCommand(program.name, async (words, context): Promise<ExecResult> => {
        await turn();
        const bytes = bytesRead(context);
        const { around, written } = standardFiles(
          this.around(new TextDecoder().decode(bytes), context.cwd, context.signal),
          bytes,
        );
        const { stdout, stderr, status, isBinary } = await this.ran(program, words, around);
        return {
          stdout: stdout + written.stdout,
          stderr: stderr + written.stderr,
          exitCode: status,
          ...(isBinary ? { stdoutKind: 'bytes' } : {}),
        };
      }),
    );
    const parts = {
      rewriting: this.rewriting,
      jobs: this.jobs,
      pipes: this.pipes,
      exec: (text: string, options: Parameters<ShellParts['exec']>[1]) =>
        shell.exec(text, { ...options, replaceEnv: true, rawScript: true }),
      readAs: (path: string, text: string) => void this.instead.set(path, text),
      keep: this.keep.bind(this),
    };
    const taken = new Set(programs.map(({ name }) => name));
    const commands = {
      ...toolCommands(getCommandNames(), turn, this.parts.random),
      ...shellCommands(parts),
      ...smallTools(this.parts.random),
    };
    const customCommands = [
      ...ours,
      ...Object.entries(commands)
        .filter(([name]) => !taken.has(name))
        .map(([name, run]) => defineCommand(name, run)),
    ];
    const shell: JustBash = new Shell({
      fs: inTurns(this.parts.fs, turn, this.madeUp),
      customCommands,
      sleep,
      env: environment,
      cwd: directory,
      defenseInDepth: false,
      executionLimits: LIMITS,
      processInfo: PROCESS,
    });
    countRight(shell);
    this.documents.follow(shell);
    this.rewriting.follow(shell);
    return shell;
  }

  /** A program's exception is its error message. */
  private async ran(program: Program, words: string[], around: Surroundings): Promise<Ran> {
    const { runsAnywhere } = program;
    if (!(typeof runsAnywhere === 'function' ? runsAnywhere(words) : runsAnywhere) && program.own?.(words))
      return failed(
        `${program.name}: ${words[0] ?? program.name} needs the terminal: give it a line of its own, without pipes.`,
      );
    try {
      const ran = await program.run(words, around);
      // Bytes are for a pipe or a file.
      return ran.isBinary ? ran : { ...ran, stdout: visible(ran.stdout), stderr: visible(ran.stderr) };
    } catch (error) {
      return failed(visible(`${program.name}: ${(error as Error).message}`));
    }
  }
}
