/** Scripts and the shells that run them: sh and bash with their options, and a command by its path. Source: bash(1), "OPTIONS", "COMMAND EXECUTION". */
import { latin1Of } from './standard-input.ts';
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { MACHINE } from '../toolstack/index.ts';
import { pipeOf } from './pipes.ts';
import { PATHS, type Rewriting } from './rewriting.ts';
import {
  decoded,
  failed,
  NOT_EXECUTABLE,
  NOT_FOUND,
  quoted,
  ran,
  type ShellCommand,
  variables,
  WRONG_USE,
} from './shell-command.ts';
import { exitHandler } from './signal-handlers.ts';
import { isReadError, notRun, readErrorText } from './whole-commands.ts';
import { readAhead } from './words-ahead.ts';

export const isStdin = (path: string): boolean => PATHS.stdin.some(each => each === path);

type Script = (
  text: string,
  zero: string,
  words: readonly string[],
  context: ResolvedCommandContext,
  how?: { options?: string; stdin?: string; where?: string },
) => Promise<ExecResult>;

/** Runs a script's text in a shell of its own. */
const scriptRunner =
  (rewriting: Rewriting): Script =>
  async (text, zero, words, context, { options = '', stdin, where = zero } = {}) => {
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
      scope = rewriting.open({ ends: true, where, ...(pipe === undefined ? {} : { pipe: pipeOf(pipe) }) });
    delete env.RINGSIDE_PIPE;
    const whole = text.replace(/^#![^\n]*/, '');
    const body = (read: string): string => rewriting.inScope(scope, `${options}${readAhead(read)}`);
    const common = {
      env,
      replaceEnv: true,
      cwd: context.cwd,
      ...(context.signal ? { signal: context.signal } : {}),
      stdin: stdin ?? latin1Of(context.stdin),
      stdinKind: 'bytes' as const,
    };
    try {
      let done: ExecResult | undefined;
      try {
        done = await context.exec(body(whole), common);
      } catch (error) {
        if (!isReadError(error)) throw error;
      }
      if (!done || (done.exitCode === WRONG_USE && done.stdout === '')) {
        const begun = rewriting.beginning(whole);
        if (begun) done = await context.exec(body(`${begun.text}\n${notRun(readErrorText(where, begun))}`), common);
      }
      if (!done) return failed(`${where}: this script cannot be read`, WRONG_USE);
      // `set -e` leaves the shell on its own: what it has left is printed.
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
  (name: string, script: Script): ShellCommand =>
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
        : script(text, zero, given, context, { options, where: `${zero}: -c` });
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

/** A command by its path: a script, or a program of Domain 0 where those are. */
const fileRunner =
  (script: Script): ShellCommand =>
  async ([path = '', ...words], context) => {
    const program = /^\/(?:usr\/)?s?bin\/([^/]+)$/.exec(path)?.[1];
    if (!path.includes('/') || (program !== undefined && context.getRegisteredCommands?.().includes(program)))
      return context.exec
        ? context.exec([path, ...words].map(quoted).join(' '), {
            cwd: context.cwd,
            env: variables(context),
            stdin: latin1Of(context.stdin),
            stdinKind: 'bytes',
            ...(context.signal ? { signal: context.signal } : {}),
          })
        : ran();
    const text = await fileText(path, context);
    if (typeof text !== 'string') return failed(`bash: ${path}: ${text.why}`, text.status);
    const { mode } = await context.fs.stat(context.fs.resolvePath(context.cwd, path));
    if ((mode & 0o111) === 0) return failed(`bash: ${path}: Permission denied`, NOT_EXECUTABLE);
    return script(text, path, words, context);
  };

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

export function scriptCommands(rewriting: Rewriting): Record<string, ShellCommand> {
  const script = scriptRunner(rewriting);
  return { sh: shell('sh', script), bash: shell('bash', script), 'run-file': fileRunner(script) };
}
