/** From a command's value to what is typed: each hypervisor has a table of how its tools take a verb. */
import { quoted } from '../../../formats/shell-words/index.ts';
import type { CommandValue, Verb, Verbs } from './command/command-value.ts';

/** Between two commands of a line. */
export interface Between {
  between: ';';
}

/** Left out where it is false or undefined; null: somebody has yet to choose it. */
type Word = string | number | false | undefined | null | Between;

/** A program with its subcommand, and words behind them. */
export type Spelled = readonly [program: string, ...words: Word[]];

/** How each verb is typed on a hypervisor; undefined: its tools have no command for that. */
export type Spellings = {
  readonly [V in Verb]: (domain: string | undefined, options: Verbs[V]) => Spelled | undefined;
};

const written = (word: Exclude<Word, false | undefined>): string =>
  word === null ? '…' : typeof word === 'object' ? word.between : quoted(`${word}`);

const isThere = (word: Word): word is Exclude<Word, false | undefined> => word !== false && word !== undefined;

/** A command as it is typed; undefined: the tools have none for that. */
export function spell(table: Partial<Spellings>, { verb, domain, options }: CommandValue): string | undefined {
  const [program, ...words] = table[verb]?.(domain, options as never) ?? [];
  return program && [program, ...words.filter(isThere).map(written)].join(' ');
}

/** What a command is where no tool has it: its verb, its domain, and what is said with it. */
export const described = ({ verb, domain, options }: CommandValue): string =>
  [
    verb,
    domain,
    ...Object.entries(options).map(([name, value]: [string, unknown]) => (value === true ? name : wordsOf(value))),
  ]
    .filter(Boolean)
    .join(' ');

const wordsOf = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? Object.values(value).map(wordsOf).filter(Boolean).join(' ')
    : value === false || value === undefined
      ? ''
      : String(value);
