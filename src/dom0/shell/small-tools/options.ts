/** What small tools share: their options, their results, and what a file or standard input holds. */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import { apart } from '../tool-options.ts';

export const ran = (stdout = '', exitCode = 0, stderr = ''): ExecResult => ({ stdout, stderr, exitCode });
export const failed = (stderr: string, exitCode = 1): ExecResult => ran('', exitCode, `${stderr}\n`);
export const bytesOf = (text: unknown): Uint8Array =>
  Uint8Array.from(text as string, character => character.charCodeAt(0));

export interface Read {
  /** Options that were given, with their last values (empty: they have none), in the order in which each was last given. */
  given: Map<string, string>;
  /** The same with each of those that were given more than once. */
  options: [letter: string, value: string][];
  rest: string[];
  /** An option that there is not. */
  wrong?: string;
  /** The last word, an option without the value that it takes. */
  lacking?: string;
}

/** Words by a tool's options: `valued` and `flags` of one letter, `long` ones by the letter that is the same. */
export function read(words: readonly string[], valued: string, flags: string, long: Record<string, string> = {}): Read {
  const given = new Map<string, string>(),
    options: [letter: string, value: string][] = [],
    rest: string[] = [];
  const queue = apart(words, [valued, flags]);
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') return { given, options, rest: [...rest, ...queue] };
    const [, name, value] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const letter = name === undefined ? /^-(.)$/s.exec(word)?.[1] : long[name];
    if (letter === undefined && !/^-./.test(word)) rest.push(word);
    else if (letter === undefined || !(valued + flags).includes(letter)) return { given, options, rest, wrong: word };
    else {
      const found = valued.includes(letter) ? (value ?? queue.shift()) : '';
      // Where it was given last.
      given.delete(letter);
      given.set(letter, found ?? '');
      options.push([letter, found ?? '']);
      if (found === undefined) return { given, options, rest, lacking: word };
    }
  }
  return { given, options, rest };
}

/** What getopt_long(3) says of an option that there is not. */
export const noOption = (word: string): string =>
  word.startsWith('--') ? `unrecognized option '${word}'` : `invalid option -- '${word[1] ?? ''}'`;

export const unknown = (name: string, word: string): ExecResult =>
  failed(`${name}: ${noOption(word)}\nTry '${name} --help' for more information.`);

/** What a file or standard input holds; undefined: there is no such file. */
export async function contentOf(
  path: string,
  { fs, cwd, stdin }: ResolvedCommandContext,
): Promise<Uint8Array | undefined> {
  return path === '-' ? bytesOf(stdin) : fs.readFileBuffer(fs.resolvePath(cwd, path)).catch(() => undefined);
}
