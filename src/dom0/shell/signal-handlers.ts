/** trap, and the handlers that it sets: of signals that a shell has sent itself, of its end, and of ERR, DEBUG and RETURN (traps.ts). Source: bash(1); signal(7). */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { BY_SIGNAL, signalList, signalNumber, SIGNALS } from './jobs.ts';
import type { Rewriting } from './rewriting.ts';
import { failed, quoted, ran, type ShellCommand, variables, WRONG_USE } from './shell-command.ts';
import { EVENTS } from './traps.ts';

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
    const text = `(exit ${Number(status)}); ${rewriting.rewrittenOrError(handler, rewriting.open({ isHandler: true, traps: true }), 'bash: trap')}`;
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

/** Handlers of the signals that came, or the shell's end by one that has none and is not ignored (signal(7)). */
function received(
  [, shell = '', status = '0']: string[],
  context: ResolvedCommandContext,
  rewriting: Rewriting,
  signals: number[],
): ExecResult {
  const env = variables(context);
  let text = `(exit ${Number(status)}); `;
  for (const signal of signals.splice(0)) {
    const handler = signal === KILL ? undefined : handlerOf(env, SIGNALS[signal], shell);
    if (handler !== undefined) {
      text += `${rewriting.rewrittenOrError(handler, rewriting.open(), 'bash: trap')}\n`;
      continue;
    }
    if (UNHEARD.includes(SIGNALS[signal])) continue;
    const last = signal === KILL ? undefined : handlerOf(env, 'EXIT', shell);
    const end = `exit ${BY_SIGNAL + signal}`;
    text += `unset ${TRAP('EXIT')}\n${last === undefined ? '' : `${rewriting.rewrittenOrError(last, rewriting.open(), 'bash: exit trap')}\n`}${end}\n`;
  }
  return ran(`${text}(exit ${Number(status)})`);
}

/** `signals`: what the shell has sent itself, and has not acted upon. */
export const trapCommand =
  (rewriting: Rewriting, signals: number[]): ShellCommand =>
  async (words, context) =>
    words[0] === '--signals' ? received(words, context, rewriting, signals) : trap(words, context, rewriting);
