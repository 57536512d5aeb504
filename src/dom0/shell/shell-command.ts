/** What a command of the shell is and gives. */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';

export type ShellCommand = (words: string[], context: ResolvedCommandContext) => Promise<ExecResult>;

/** `$$` of a login. */
export const SHELL_PID = 1000;
export const NOT_FOUND = 127,
  NOT_EXECUTABLE = 126,
  WRONG_USE = 2;
export const ran = (stdout = '', exitCode = 0, stderr = ''): ExecResult => ({ stdout, stderr, exitCode });
export const failed = (stderr: string, exitCode = 1): ExecResult => ran('', exitCode, `${stderr}\n`);
export const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Bytes of standard input as text. */
export const decoded = (bytes: unknown): string =>
  new TextDecoder().decode(Uint8Array.from(bytes as string, character => character.charCodeAt(0)));

/** Of variables, what an exec gets: all of them. */
export const variables = ({ env }: ResolvedCommandContext): Record<string, string> => {
  const all: Record<string, string> = {};
  env.forEach((value, name) => {
    if (name !== '?') all[name] = value;
  });
  return all;
};
