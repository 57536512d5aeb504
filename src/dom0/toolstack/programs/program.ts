/** The contract of a program that the shell runs besides the text tools that come with it. */

import type { Owned } from '../terminal/index.ts';

export type { Owned, Terminal } from '../terminal/index.ts';

export interface Ran {
  stdout: string;
  /** Each character of `stdout` is a byte; else it is text. */
  isBinary?: true;
  stderr: string;
  /** 0: it did what it was asked to. */
  status: number;
}

export interface Surroundings {
  /** What comes through a pipe or a redirection, as text. */
  stdin: string;
  /** Absolute. */
  directory: string;
  readFile(path: string): Promise<Uint8Array>;
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Ctrl-C. */
  signal: AbortSignal;
}

export interface Program {
  name: string;
  /** One line for `help`. */
  summary: string;
  run(words: string[], around: Surroundings): Promise<Ran>;
  /** Where these words want the terminal (`xl console NAME`): runs with it, to its status; absent or undefined: they do not. */
  own?(words: string[]): ((terminal: Owned, around: Surroundings) => Promise<number>) | undefined;
  /** It runs in scripts and pipes, too, where it has no terminal: with all words, or with these. */
  runsAnywhere?: true | ((words: string[]) => boolean);
  /** What may come next, of which the words so far are `words`; the last may have begun. */
  complete?(words: string[]): string[] | Promise<string[]>;
}

export const succeeded = (stdout: string): Ran => ({ stdout, stderr: '', status: 0 });
export const failed = (stderr: string, status = 1): Ran => ({
  stdout: '',
  stderr: stderr.endsWith('\n') ? stderr : `${stderr}\n`,
  status,
});

/** Ctrl-C, or the terminal has gone. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve =>
    signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true }),
  );

/** The path of a file as it is written in a directory. */
export const absolutePath = (path: string, { directory }: Pick<Surroundings, 'directory'>): string =>
  path.startsWith('/') ? path : `${directory === '/' ? '' : directory}/${path}`;
