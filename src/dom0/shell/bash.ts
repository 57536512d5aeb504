/**
 * Shell syntax and text tools: just-bash, a bash in JavaScript, with the programs of Domain 0 as commands of its own. It is loaded at the first line that is
 * run, as it is larger than all of Domain 0.
 */
import type { Bash as JustBash, ExecResult, IFileSystem } from 'just-bash/browser';
import { visible } from '../terminal.ts';
import { HereDocuments } from './here-documents.ts';
import { failed, type Program, type Ran, type Surroundings } from './program.ts';

/** Its own words for a line that goes on: `if true`, an open quote. */
const GOES_ON = /(?:got (?:EOF|HEREDOC_CONTENT)|[Uu]nterminated|[Uu]nexpected EOF|unexpected end of (?:file|input))/;
/** The last line ends with a backslash that is not escaped itself, and is no comment. */
const JOINED = /(?:^|\n)(?!\s*#)[^\n]*(?<!\\)(?:\\\\)*\\$/;
/** strerror()'s words. */
const ERRORS: Record<string, string> = { ENOENT: 'No such file or directory', EISDIR: 'Is a directory', ENOTDIR: 'Not a directory', EACCES: 'Permission denied', ENOSPC: 'No space left on device', EFBIG: 'File too large' };
const SYNTAX_ERROR = 2;
const INTERRUPTED = 130;
/** Longest that one line may run. */
const DAY_MS = 86_400_000;
/** Questions to programs and files, some milliseconds of them, after which others have their turn. */
const ASKED_A_TURN = 64;
/** What a file system answers at once, without a promise. */
const AT_ONCE: ReadonlySet<string | symbol> = new Set(['resolvePath', 'getAllPaths']);

export interface BashParts {
  /** `line`: what surrounds a line that is run (files/kept-files.ts). */
  fs: IFileSystem & { line?<T>(work: () => Promise<T>): Promise<T> };
  programs: readonly Program[];
  /** Milliseconds of host time. */
  sleep(ms: number): Promise<void>;
  environment: Record<string, string>;
  directory: string;
}

/** The same files, before whose answers `turn` may want to be waited for. */
const inTurns = (fs: IFileSystem, turn: () => Promise<void> | undefined): IFileSystem =>
  new Proxy(fs, {
    get(files, name) {
      const value = Reflect.get(files, name) as unknown;
      if (typeof value !== 'function') return value;
      if (AT_ONCE.has(name)) return value.bind(files);
      return (...given: unknown[]) => {
        const wait = turn();
        return wait ? wait.then(() => Reflect.apply(value, files, given)) : Reflect.apply(value, files, given);
      };
    },
  });

/** @throws Error where the module cannot be loaded */
export class Bash {
  directory: string;
  environment: Record<string, string>;
  private readonly parts: BashParts;
  private loaded: Promise<JustBash> | undefined;
  private abort = new AbortController();
  private readonly documents = new HereDocuments();

  constructor(parts: BashParts) {
    this.parts = parts;
    this.directory = parts.directory;
    this.environment = { ...parts.environment };
  }

  /** Runs lines to their end. `undefined`: they are not whole, more must come. `isAll`: no more will come. */
  run(lines: string, { stdin = '', isAll = false } = {}): Promise<Ran | undefined> {
    const { fs } = this.parts;
    return fs.line ? fs.line(() => this.execute(lines, stdin, isAll)) : this.execute(lines, stdin, isAll);
  }

  private async execute(lines: string, stdin: string, isAll: boolean): Promise<Ran | undefined> {
    const bash = await this.bash();
    if (!isAll && JOINED.test(lines)) return undefined;
    const { documents } = this;
    Object.assign(documents, { isAll, missing: undefined });
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { '?': _status, ...env } = this.environment;
    const interrupted = new Promise<'interrupted'>(resolve => signal.addEventListener('abort', () => resolve('interrupted')));
    // bash has a help of its own, and no program takes its place.
    const ours = lines.replace(/^\s*help(?=\s|$)/, '/usr/bin/help');
    const done = bash.exec(ours, { env, replaceEnv: true, cwd: this.directory, stdin, rawScript: true, signal }).catch((error: Error) => {
      // What the file system refuses to a redirection ends the line, and nothing else.
      if (!/^E[A-Z]+:/.test(error.message)) throw error;
      return { stdout: '', stderr: `bash: ${error.message.replace(/^E[A-Z]+: /, '')}\n`, exitCode: 1, env: { ...env, PWD: this.directory } };
    });
    const ran = await Promise.race([done, interrupted]);
    // A command that does not listen to the signal ends by itself; the line is over.
    if (ran === 'interrupted') return { stdout: '', stderr: '', status: INTERRUPTED };
    if (ran.exitCode === SYNTAX_ERROR && ran.stdout === '' && GOES_ON.test(ran.stderr)) return undefined;
    if (documents.missing !== undefined) {
      if (!isAll) return undefined;
      ran.stderr = `bash: warning: here-document delimited by end-of-file (wanted \`${documents.missing}')\n${ran.stderr}`;
    }
    this.environment = { ...ran.env };
    this.directory = ran.env.PWD ?? this.directory;
    return { stdout: ran.stdout, stderr: ran.stderr, status: signal.aborted ? INTERRUPTED : ran.exitCode };
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
    const { stdout, exitCode } = await bash.exec(`printf '%s\\n' ${line}`, { env, replaceEnv: true, cwd: this.directory });
    return exitCode === 0 ? stdout.slice(0, -1).split('\n') : undefined;
  }

  /** What a program sees. */
  around(stdin = '', directory = this.directory, signal = this.abort.signal): Surroundings {
    const { fs } = this.parts;
    const at = (path: string): string => fs.resolvePath(directory, path);
    /** The file system names the system call; people are told the file. */
    const told = <T>(path: string, done: Promise<T>): Promise<T> =>
      done.catch((error: Error) => {
        const why = /^(E[A-Z]+):/.exec(error.message)?.[1] ?? '';
        throw new Error(ERRORS[why] === undefined ? error.message : `${path}: ${ERRORS[why]}`);
      });
    return {
      stdin, directory, signal,
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
  private readonly turn = (): Promise<void> | undefined => (++this.asked % ASKED_A_TURN === 0 ? this.parts.sleep(0) : undefined);
  private asked = 0;

  private bash(): Promise<JustBash> {
    this.loaded ??= this.load();
    // A failure to load is tried again at the next line.
    this.loaded.catch(() => {
      this.loaded = undefined;
    });
    return this.loaded;
  }

  private async load(): Promise<JustBash> {
    const { Bash: Shell, defineCommand } = await import('just-bash/browser');
    const { programs, sleep, environment, directory } = this.parts, turn = this.turn;
    const customCommands = programs.map(program =>
      defineCommand(program.name, async (words, context): Promise<ExecResult> => {
        await turn();
        const stdin = new TextDecoder().decode(Uint8Array.from(context.stdin as unknown as string, character => character.charCodeAt(0)));
        const { stdout, stderr, status, isBinary } = await this.ran(program, words, this.around(stdin, context.cwd, context.signal));
        return { stdout, stderr, exitCode: status, ...(isBinary ? { stdoutKind: 'bytes' } : {}) };
      }),
    );
    const shell = new Shell({ fs: inTurns(this.parts.fs, turn), customCommands, sleep, env: environment, cwd: directory, defenseInDepth: false, executionLimits: { maxExecutionTimeMs: DAY_MS } });
    this.documents.follow(shell);
    return shell;
  }

  /** A program's exception is its error message. */
  private async ran(program: Program, words: string[], around: Surroundings): Promise<Ran> {
    if (!program.runsAnywhere && program.own?.(words)) return failed(`${program.name}: ${words[0] ?? program.name} needs the terminal: give it a line of its own, without pipes.`);
    try {
      const ran = await program.run(words, around);
      // Bytes are for a pipe or a file.
      return ran.isBinary ? ran : { ...ran, stdout: visible(ran.stdout), stderr: visible(ran.stderr) };
    } catch (error) {
      return failed(visible(`${program.name}: ${(error as Error).message}`));
    }
  }
}
