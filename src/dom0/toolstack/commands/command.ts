/** What a command of the toolstack is: an entry of the table (index.ts) from which the page's proxy, the command line, help and the shell derive. */
import type { CommandHost } from '../command-host.ts';
import type { Owned } from '../terminal/terminal.ts';

/** What a command does, without the words for it. */
export interface Deed<Arguments extends unknown[], Result> {
  /** It changes something (xl -f). */
  modifies?: true;
  /** Does it: what the page calls, with values in place of words. @throws Error with a sentence */
  run(host: CommandHost, ...given: Arguments): Promise<Result>;
}

export interface Command<Arguments extends unknown[], Result> extends Deed<Arguments, Result> {
  /** One line, as `xl help` lists it. */
  summary: string;
  /** What follows its name, as xl writes it: `[options] <Domain>`. */
  usage: string;
  /** Options and what they do, for its help. */
  options?: readonly (readonly [option: string, about: string])[];
  /** It can say what it would do (xl -N). */
  dryRun?: true;
  /** xm's alone: what xend kept, and xl does not. */
  only?: 'xm';
  /** Where these words want the terminal: owns it while it runs, to its status; undefined: they do not. @throws Refusal, Error with a sentence */
  attach?(words: string[]): ((call: Call, terminal: Owned) => Promise<number>) | undefined;
  /** Without a terminal it does the same (`xl`). */
  xlIsSame?: true;
  /** Does it from the words behind its name (by `run`): what it prints; absent: from there it cannot be asked for. @throws Refusal, Error with a sentence */
  xl?(call: Call, run: (...given: Arguments) => Promise<Result>): Promise<string>;
}

/** A command's words, and the files that it may read and write. */
export interface Call {
  host: CommandHost;
  /** Whose spelling it is (xl). */
  program?: 'xl' | 'xm';
  words: string[];
  /** @throws Error with a sentence */
  read(path: string): Promise<Blob>;
  write(path: string, data: Blob): Promise<void>;
  /** A path of Domain 0's files from where the words were written (as it is). */
  absolute?(path: string): string;
}

/** Letters of options with a value, and the long spellings of any (`{ all: 'a' }`). */
export interface OptionRules {
  flags?: string;
  values?: string;
  long?: Record<string, string>;
}

/** A command is refused in xl's words, with xl's status. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  /** What standard output has of it; the message is standard error's. */
  readonly printed: string;

  constructor(message: string, status = 1, printed = '') {
    super(message);
    this.status = status;
    this.printed = printed;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a table holds commands with arguments of their own
export type Table = Record<string, Command<any, any>>;

// biome-ignore lint/suspicious/noExplicitAny: as there
export type Deeds = Record<string, Deed<any, any>>;

/** A table's commands as methods of a host. */
export type Bound<T extends Deeds> = {
  [Name in keyof T]: T[Name] extends Deed<infer Arguments, infer Result>
    ? (...given: Arguments) => Promise<Result>
    : never;
};

/** Its arguments and its result follow from `run`. */
export const command = <Arguments extends unknown[], Result>(
  entry: Command<Arguments, Result>,
): Command<Arguments, Result> => entry;

/** As `command`. */
export const deed = <Arguments extends unknown[], Result>(entry: Deed<Arguments, Result>): Deed<Arguments, Result> =>
  entry;

export function bind<T extends Deeds>(table: T, host: CommandHost): Bound<T> {
  return Object.fromEntries(
    Object.entries(table).map(([name, deed]) => [
      name,
      async (...given: unknown[]) => perform(host, name, deed, ...given),
    ]),
  ) as Bound<T>;
}

/** Does it because somebody asks for it, in the page or at the shell: what changes the host is an input, and virtual time notes it. @throws as `run` */
export const perform = async <Arguments extends unknown[], Result>(
  host: CommandHost,
  name: string,
  { modifies, run }: Deed<Arguments, Result>,
  ...given: Arguments
): Promise<Result> => {
  const { virtual } = host.parts;
  return modifies && virtual ? virtual.command(name, given, () => run(host, ...given)) : run(host, ...given);
};
