/**
 * Commands that are a part of the shell, and that just-bash (3.4.2) lacks or has otherwise than bash: sh and bash with their options, trap, jobs and wait, and
 * what rewriting.ts puts into a line. Source: bash(1).
 */
import type { ExecResult } from 'just-bash/browser';
import { jobCommands } from './job-commands.ts';
import type { JobEnd, Jobs } from './jobs.ts';
import type { Pipes } from './pipes.ts';
import { LAST_JOB, type Rewriting, type Scope } from './rewriting.ts';
import { isStdin, scriptCommands } from './scripts.ts';
import { decoded, failed, ran, type ShellCommand, variables, WRONG_USE } from './shell-command.ts';
import { trapCommand } from './signal-handlers.ts';
import { menu } from './words-ahead.ts';

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

const rewrittenText =
  ({ rewriting }: ShellParts): ShellCommand =>
  async ([id, status, ...words]) => {
    const scope = rewriting.scope(id);
    const text = words[0] === '--' ? words.slice(1).join(' ') : words.join(' ');
    return ran(scope ? rewriting.rewrittenOrError(text, scope, 'bash: eval') : text, Number(status));
  };

const rewrittenFile =
  ({ rewriting, readAs }: ShellParts): ShellCommand =>
  async ([id, status, path = ''], context) => {
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
      if (scope) readAs(whole, rewriting.rewrittenOrError(text, scope, path));
      break;
    }
    return ran(path, Number(status));
  };

/** A scope of its own for a job or a part of a pipe: of the functions of the scope around it, those that are still there (`declare -F`). */
function scopeWithin(rewriting: Rewriting, around: string, functions: string): Scope {
  const names = namesOf(functions);
  const outer = rewriting.scope(around)?.functions ?? [];
  return rewriting.open({ functions: new Map([...outer].filter(([name]) => names.has(name))) });
}

const startJob =
  ({ rewriting, jobs, exec }: ShellParts): ShellCommand =>
  async ([id, scopeId, declared, functions], context) => {
    const scope = scopeWithin(rewriting, scopeId, functions);
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
  };

const pipeFrom =
  ({ rewriting, pipes, exec }: ShellParts): ShellCommand =>
  async ([id, scopeId, declared, functions], context) => {
    const reader = rewriting.reader(Number(id));
    if (!reader) return ran();
    const options = {
      env: variables(context),
      cwd: context.cwd,
      ...(context.signal ? { signal: context.signal } : {}),
    };
    const run = async (part: number, stdin: string): Promise<JobEnd> => {
      const scope = scopeWithin(rewriting, scopeId, functions);
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
  };

export function shellCommands(parts: ShellParts): Record<string, ShellCommand> {
  const { rewriting, jobs, keep } = parts;
  /** What this shell has sent itself, and has not acted upon. */
  const signals: number[] = [];
  return {
    ...scriptCommands(rewriting),
    'rewritten-text': rewrittenText(parts),
    'rewritten-file': rewrittenFile(parts),
    'not-run': async ([text = '']) => failed(text, WRONG_USE),
    'keep-state': async ([status, declared, functions, options]) => {
      keep(Number(status), declared, functions, options);
      return ran('', Number(status));
    },
    'select-menu': async (items, { env }) => ran(menu(items, Number(env.get('COLUMNS')) || 80)),
    trap: trapCommand(rewriting, signals),
    'start-job': startJob(parts),
    'pipe-from': pipeFrom(parts),
    ...jobCommands(jobs, signals),
  };
}
