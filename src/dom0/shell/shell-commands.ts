/**
 * Commands that are a part of the shell, and that just-bash (3.4.2) lacks or has otherwise than bash: sh and bash with their options, trap, jobs and wait, and
 * what rewriting.ts puts into a line. Source: bash(1).
 */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { MACHINE } from '../toolstack/index.ts';
import { BY_SIGNAL, type JobEnd, type Jobs, signalList, signalNumber, SIGNALS } from './jobs.ts';
import { LAST_JOB, PATHS, type Rewriting, type Scope } from './rewriting.ts';
import { type Pipes, pipeOf } from './pipes.ts';
import { menu, readAhead } from './words-ahead.ts';
import { jobCommands } from './job-commands.ts';
import { failed, NOT_EXECUTABLE, NOT_FOUND, quoted, ran, type ShellCommand, WRONG_USE } from './shell-command.ts';
import { EVENTS } from './traps.ts';

const decoded = (bytes: unknown): string =>
  new TextDecoder().decode(Uint8Array.from(bytes as string, character => character.charCodeAt(0)));
const isStdin = (path: string): boolean => PATHS.stdin.some(each => each === path);

/** Of variables, what an exec gets: all of them. */
const variables = ({ env }: ResolvedCommandContext): Record<string, string> => {
  const all: Record<string, string> = {};
  env.forEach((value, name) => {
    if (name !== '?') all[name] = value;
  });
  return all;
};

/** `declare -p` as commands that make the arrays that it tells of; what an environment holds is left out. */
export function arraysOf(declared: string): string {
  const lines: string[] = [];
  for (const [, flags, name, value] of declared.matchAll(
    /^declare -([a-zA-Z-]+) ([A-Za-z_]\w*)(?:=(\((?:[^'")$]|'[^']*'|"(?:[^"\\]|\\[\s\S])*"|\$'(?:[^'\\]|\\[\s\S])*'|\$)*\)))?$/gm,
  )) {
    if (!/[aA]/.test(flags) || name === 'PIPESTATUS' || /^BASH/.test(name) || /r/.test(flags)) continue;
    lines.push(`declare -${flags.includes('A') ? 'A' : 'a'} ${name}${value === undefined ? '' : `; ${name}=${value}`}`);
  }
  return lines.length === 0 ? '' : `${lines.join('; ')};`;
}

/** Names of `declare -F`. */
export const namesOf = (functions: string): Set<string> =>
  new Set(functions.split('\n').flatMap(line => /^declare -f\S* (.+)$/.exec(line)?.[1] ?? []));

export interface ShellParts {
  rewriting: Rewriting;
  jobs: Jobs;
  pipes: Pipes;
  /** Runs a text in a shell of its own. */
  exec(
    text: string,
    options: { env: Record<string, string>; cwd: string; signal?: AbortSignal; stdin?: string },
  ): Promise<ExecResult>;
  /** The next that reads this file as a shell's text finds this one. */
  readAs(path: string, text: string): void;
  /** A line of the login is over: its status, and what declare and set say then. */
  keep(status: number, declared: string, functions: string, options: string): void;
}

export function shellCommands({
  rewriting,
  jobs,
  pipes,
  exec,
  readAs,
  keep,
}: ShellParts): Record<string, ShellCommand> {
  /** A script's text in a shell of its own. */
  const script = async (
    text: string,
    zero: string,
    words: readonly string[],
    context: ResolvedCommandContext,
    { options = '', stdin }: { options?: string; stdin?: string } = {},
  ): Promise<ExecResult> => {
    if (!context.exec) return failed('bash: there is no shell here');
    const env: Record<string, string> = {
      ...context.exportedEnv,
      0: zero,
      '#': String(words.length),
      '@': words.join(' '),
      '*': words.join(' '),
    };
    words.forEach((word, i) => {
      env[i + 1] = word;
    });
    const pipe = context.env.get('RINGSIDE_PIPE'),
      scope = rewriting.open({ ends: true, ...(pipe === undefined ? {} : { pipe: pipeOf(pipe) }) });
    delete env.RINGSIDE_PIPE;
    let body: string;
    try {
      body = readAhead(text.replace(/^#![^\n]*/, ''));
    } catch (error) {
      return failed(`${zero}: ${(error as Error).message}`, WRONG_USE);
    }
    const common = {
      env,
      replaceEnv: true,
      cwd: context.cwd,
      ...(context.signal ? { signal: context.signal } : {}),
      stdin: stdin ?? (context.stdin as unknown as string),
      stdinKind: 'bytes' as const,
    };
    try {
      const done = await context.exec(rewriting.inScope(scope, `${options}${body}`), common);
      // `set -e` leaves the shell on its own: what it has left is told.
      const handler = exitHandler(done.env, done.exitCode);
      if (handler === undefined) return done;
      const last = await context.exec(rewriting.inScope({ ...scope, ends: false }, handler), {
        ...common,
        env: done.env ?? {},
      });
      return ran(done.stdout + last.stdout, done.exitCode, done.stderr + last.stderr);
    } finally {
      rewriting.close(scope);
    }
  };

  const shell =
    (name: string): ShellCommand =>
    async (words, context) => {
      const rest = [...words];
      let options = '',
        command = false,
        fromStdin = false;
      while (rest.length > 0 && /^[-+]./.test(rest[0])) {
        const word = rest.shift()!;
        if (word === '--') break;
        if (word === '--version') return ran(`GNU bash, version 5.2.15(1)-release (${MACHINE}-pc-linux-gnu)\n`);
        if (word === '--help') return context.origCommand ? context.origCommand(['--help']) : ran();
        if (word === '--rcfile' || word === '--init-file') rest.shift();
        if (word.startsWith('--')) continue;
        for (const letter of word.slice(1)) {
          if (letter === 'c') command = true;
          else if (letter === 's') fromStdin = true;
          else if (letter === 'o') options += `set ${word[0]}o ${quoted(rest.shift() ?? '')};`;
          else if ('aefhnuvxCB'.includes(letter)) options += `set ${word[0]}${letter};`;
          else if (!'ilrptD'.includes(letter)) return failed(`${name}: ${word[0]}${letter}: invalid option`, WRONG_USE);
        }
      }
      if (rest[0] === '-') rest.shift();
      if (command) {
        const [text, zero = name, ...given] = rest;
        return text === undefined
          ? failed(`${name}: -c: option requires an argument`, WRONG_USE)
          : script(text, zero, given, context, { options });
      }
      const [path, ...given] = rest;
      if (fromStdin || path === undefined || isStdin(path)) {
        const text = decoded(context.stdin);
        return script(text, path ?? name, fromStdin ? rest : given, context, { options, stdin: '' });
      }
      const text = await fileText(path, context);
      return typeof text === 'string'
        ? script(text, path, given, context, { options })
        : failed(`${name}: ${path}: ${text.why}`, text.status);
    };

  /** What this shell has sent itself, and has not acted upon. */
  const signals: number[] = [];
  /** Handlers of the signals that came, or the shell's end by one that has none and is not ignored (signal(7)). */
  const received = ([, shell = '', status = '0']: string[], context: ResolvedCommandContext): ExecResult => {
    const env = variables(context);
    let text = `(exit ${Number(status)}); `;
    for (const signal of signals.splice(0)) {
      const handler = signal === KILL ? undefined : handlerOf(env, SIGNALS[signal], shell);
      if (handler !== undefined) {
        text += `${textFor(rewriting, handler, rewriting.open())}\n`;
        continue;
      }
      if (UNHEARD.includes(SIGNALS[signal])) continue;
      const last = signal === KILL ? undefined : handlerOf(env, 'EXIT', shell);
      const end = `exit ${BY_SIGNAL + signal}`;
      text += `unset ${TRAP('EXIT')}\n${last === undefined ? '' : `${textFor(rewriting, last, rewriting.open())}\n`}${end}\n`;
    }
    return ran(`${text}(exit ${Number(status)})`);
  };

  const commands: Record<string, ShellCommand> = {
    sh: shell('sh'),
    bash: shell('bash'),

    /** A command by its path: a script, or a program of Domain 0 where those are. */
    'run-file': async ([path = '', ...words], context) => {
      const program = /^\/(?:usr\/)?s?bin\/([^/]+)$/.exec(path)?.[1];
      if (!path.includes('/') || (program !== undefined && context.getRegisteredCommands?.().includes(program)))
        return context.exec
          ? context.exec([path, ...words].map(quoted).join(' '), {
              cwd: context.cwd,
              env: variables(context),
              stdin: context.stdin as unknown as string,
              stdinKind: 'bytes',
              ...(context.signal ? { signal: context.signal } : {}),
            })
          : ran();
      const text = await fileText(path, context);
      if (typeof text !== 'string') return failed(`bash: ${path}: ${text.why}`, text.status);
      const { mode } = await context.fs.stat(context.fs.resolvePath(context.cwd, path));
      if ((mode & 0o111) === 0) return failed(`bash: ${path}: Permission denied`, NOT_EXECUTABLE);
      return script(text, path, words, context);
    },

    'rewritten-text': async ([id, status, ...words], _context) => {
      const scope = rewriting.scope(id);
      const text = words[0] === '--' ? words.slice(1).join(' ') : words.join(' ');
      return ran(scope ? textFor(rewriting, text, scope) : text, Number(status));
    },

    'rewritten-file': async ([id, status, path = ''], context) => {
      const scope = rewriting.scope(id);
      const { fs, cwd } = context;
      const isInput = isStdin(path);
      const places = path.includes('/')
        ? [path]
        : [
            ...(context.env.get('PATH') ?? '')
              .split(':')
              .filter(Boolean)
              .map(folder => `${folder}/${path}`),
            path,
          ];
      for (const place of places) {
        const whole = fs.resolvePath(cwd, place);
        const text = isInput ? decoded(context.stdin) : await fs.readFile(whole).catch(() => undefined);
        if (text === undefined) continue;
        if (scope) readAs(whole, textFor(rewriting, text, scope));
        break;
      }
      return ran(path, Number(status));
    },

    'keep-state': async ([status, declared, functions, options]) => {
      keep(Number(status), declared, functions, options);
      return ran('', Number(status));
    },

    'select-menu': async (items, { env }) => ran(menu(items, Number(env.get('COLUMNS')) || 80)),

    trap: async (words, context) =>
      words[0] === '--signals' ? received(words, context) : trap(words, context, rewriting),

    'start-job': async ([id, scopeId, declared, functions], context) => {
      const outer = rewriting.scope(scopeId),
        names = namesOf(functions);
      const scope = rewriting.open({
        functions: new Map([...(outer?.functions ?? [])].filter(([name]) => names.has(name))),
      });
      const env = variables(context),
        { cwd } = context;
      const job = jobs.start(rewriting.jobText(Number(id)), async signal => {
        const { stdout, stderr, exitCode } = await exec(rewriting.inScope(scope, arraysOf(declared), Number(id)), {
          env,
          cwd,
          signal,
        });
        rewriting.close(scope);
        return { stdout, stderr, status: exitCode };
      });
      await context.assignShellVariable?.(LAST_JOB, String(job.pid));
      return ran('', 0, jobs.isInteractive ? `[${job.number}] ${job.pid}\n` : '');
    },

    'pipe-from': async ([id, scopeId, declared, functions], context) => {
      const outer = rewriting.scope(scopeId),
        names = namesOf(functions),
        reader = rewriting.reader(Number(id));
      if (!reader) return ran();
      const options = {
        env: variables(context),
        cwd: context.cwd,
        ...(context.signal ? { signal: context.signal } : {}),
      };
      const run = async (part: number, stdin: string): Promise<JobEnd> => {
        const scope = rewriting.open({
          functions: new Map([...(outer?.functions ?? [])].filter(([name]) => names.has(name))),
        });
        const text = rewriting.inScope(scope, arraysOf(declared), part);
        const { stdout, stderr, exitCode } = await exec(text, { ...options, stdin });
        rewriting.close(scope);
        return { stdout, stderr, status: exitCode };
      };
      const parts = {
        filters: rewriting.store(reader.filters),
        last: rewriting.store(reader.last ? [reader.last] : []),
      };
      const { stdout, stderr, status } = await pipes.run(
        Number(id),
        reader,
        () => run(Number(id), decoded(context.stdin)),
        (part, text) => run(parts[part], text),
      );
      return ran(stdout, status, stderr);
    },

    ...jobCommands(jobs, signals),
  };
  return commands;
}

/** What cannot be read now tells why when it runs. */
function textFor(rewriting: Rewriting, text: string, scope: Scope): string {
  try {
    return rewriting.rewritten(text, scope);
  } catch {
    return text;
  }
}

async function fileText(
  path: string,
  { fs, cwd, env }: ResolvedCommandContext,
): Promise<string | { why: string; status: number }> {
  const places = [
    path,
    ...(path.includes('/')
      ? []
      : (env.get('PATH') ?? '')
          .split(':')
          .filter(Boolean)
          .map(folder => `${folder}/${path}`)),
  ];
  for (const place of places) {
    const whole = fs.resolvePath(cwd, place);
    const stat = await fs.stat(whole).catch(() => undefined);
    if (!stat) continue;
    if (stat.isDirectory) return { why: 'Is a directory', status: NOT_EXECUTABLE };
    const text = await fs.readFile(whole);
    return text.includes('\0') ? { why: 'cannot execute binary file', status: NOT_EXECUTABLE } : text;
  }
  return { why: 'No such file or directory', status: NOT_FOUND };
}

const KILL = SIGNALS.indexOf('KILL');
/** Signals that change nothing where no handler is. */
const UNHEARD = ['CHLD', 'CONT', 'URG', 'WINCH', 'STOP', 'TSTP', 'TTIN', 'TTOU'];
const isEvent = (signal: string): boolean => EVENTS.some(each => each === signal);
const TRAP = (signal: string): string => `RINGSIDE_TRAP_${signal}`;

/** What is to run after a shell that has left without its handler; undefined: nothing. */
export function exitHandler(left: Record<string, string> = {}, status = 0): string | undefined {
  const handler = handlerOf(left, 'EXIT', '', { isStrict: false });
  return handler === undefined ? undefined : `unset ${TRAP('EXIT')}; (exit ${status}); ${handler}`;
}

/**
 * The handler of a signal; undefined: this shell, and no shell above it, has set none. Handlers are kept as variables, behind the number of their shell and how
 * many functions deep they were set.
 */
function handlerOf(
  env: Record<string, string | undefined>,
  signal: string,
  shell: string,
  { isStrict = true, depth = 0 } = {},
): string | undefined {
  const [, owner, deep, handler] = /^(\d*)(?:\.(\d+))? (.*)$/s.exec(env[TRAP(signal)] ?? '') ?? [];
  if (handler === undefined || !isStrict) return handler;
  // A function that a handler of ERR, DEBUG or RETURN was set outside of does without it.
  return owner === shell && (!isEvent(signal) || Number(deep) >= depth) ? handler : undefined;
}

/** What a function has set for its end is its caller's then, and that of no other function. */
const handedOn = (handler: string, shell: string, depth: number): string =>
  depth < 0
    ? ''
    : `if [[ \${${TRAP('RETURN')}-} ]]; then ${TRAP('RETURN')}=${quoted(`${shell}.${depth} ${handler}`)}; fi\n`;

async function trap(words: string[], context: ResolvedCommandContext, rewriting: Rewriting): Promise<ExecResult> {
  const env = variables(context),
    shell = env.RINGSIDE_SHELL ?? '',
    depth = Number(env.RINGSIDE_DEPTH);
  const rest = [...words];
  if (rest[0] === '--run') {
    const [, signal, owner = '', status = '0', depth = '0', inherits = '', after = ''] = rest;
    const handler = handlerOf(env, signal, owner, { isStrict: inherits === '', depth: Number(depth) });
    if (handler === undefined) return ran();
    const text = `(exit ${Number(status)}); ${textFor(rewriting, handler, rewriting.open({ isHandler: true, traps: true }))}`;
    // EXIT comes once. While one of the others runs, it is not asked for again.
    return ran(
      isEvent(signal)
        ? `RINGSIDE_HANDLED=1; ${text}\n${signal === 'RETURN' ? handedOn(handler, owner, Number(depth) - 1) : ''}RINGSIDE_HANDLED= RINGSIDE_STATUS=${Number(after)}`
        : `unset ${TRAP(signal)}; ${text}`,
    );
  }
  if (rest[0] === '-l') return ran(signalList());
  const prints = rest[0] === '-p';
  if (prints || rest[0] === '--') rest.shift();
  const known = (word: string): string | undefined => {
    if (isEvent(word.toUpperCase())) return word.toUpperCase();
    const number = signalNumber(word);
    return number === undefined ? undefined : number === 0 ? 'EXIT' : SIGNALS[number];
  };
  if (prints || rest.length === 0) {
    const wanted = rest.length > 0 ? rest.flatMap(word => known(word) ?? []) : ['EXIT', ...SIGNALS.slice(1), ...EVENTS];
    const spelled = (signal: string): string => (signal === 'EXIT' || isEvent(signal) ? signal : `SIG${signal}`);
    return ran(
      wanted
        .flatMap(signal => {
          const handler = handlerOf(env, signal, shell, { depth });
          return handler === undefined ? [] : `trap -- ${quoted(handler)} ${spelled(signal)}\n`;
        })
        .join(''),
    );
  }
  // `trap INT` and `trap - INT` take a handler away.
  const takes = rest[0] === '-' || (rest.length === 1 && known(rest[0]) !== undefined);
  const handler = takes ? undefined : rest[0];
  const names = rest.length === 1 ? rest : rest.slice(1);
  if (rest.length === 1 && !takes) return failed('trap: usage: trap [-lp] [[arg] signal_spec ...]', WRONG_USE);
  let stderr = '';
  for (const word of names) {
    const signal = known(word);
    if (signal === undefined) stderr += `bash: trap: ${word}: invalid signal specification\n`;
    else if (handler === undefined) {
      if (handlerOf(env, signal, shell, { depth }) !== undefined) context.env.delete(TRAP(signal));
    } else await context.assignShellVariable?.(TRAP(signal), `${shell}.${depth} ${handler}`);
  }
  return ran('', stderr === '' ? 0 : 1, stderr);
}
