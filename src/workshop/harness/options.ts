/** Options of the workshop's programs: how each is written, and what its texts mean. */

/** What was asked for cannot be done; the message is a sentence for the person who asked. */
export class WrongUse extends Error {}

export interface Option<Value> {
  /** How the usage names its value; empty: it has none. */
  shape: string;
  /** Each time that it is given counts, not the last one alone. */
  isRepeated?: boolean;
  /** The usage shows it as one that cannot be left out. */
  isRequired?: boolean;
  /** The usage does not name it. */
  isHidden?: boolean;
  /** The value of what was given, in that order; of nothing: what is usual. `name` is `--seed`, for complaints. @throws WrongUse */
  read(texts: readonly string[], name: string): Value;
}

export const flag: Option<boolean> = { shape: '', read: texts => texts.length > 0 };

/** As it was given. */
export const text = (shape: string): Option<string | undefined> => ({ shape, read: texts => texts.at(-1) });

interface Range {
  least?: number;
  most?: number;
}

function numberOf(given: string, name: string, { least = 0, most = Number.MAX_SAFE_INTEGER }: Range): number {
  const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (value >= least && value <= most) return value;
  const range = most < Number.MAX_SAFE_INTEGER ? ` from ${least} to ${most}` : least > 0 ? ` of at least ${least}` : '';
  throw new WrongUse(`${name} ${given}: write a whole number${range}.`);
}

/** A whole number; `usual`: where it is not given. */
export const number = <Usual extends number | undefined>(usual: Usual, range: Range = {}): Option<number | Usual> => ({
  shape: 'N',
  read: (texts, name) => (texts.length > 0 ? numberOf(texts.at(-1)!, name, range) : usual),
});

/** Whole numbers, each by an option of its own. */
export const numbers = <Usual extends readonly number[] | undefined>(
  usual: Usual,
  range: Range = {},
): Option<readonly number[] | Usual> => ({
  shape: 'N',
  isRepeated: true,
  read: (texts, name) => (texts.length > 0 ? texts.map(each => numberOf(each, name, range)) : usual),
});

/** The seeds that a campaign is repeated with. */
export const seeds = (): Option<readonly number[]> => numbers([1, 2, 3, 4]);

function wordOf<Word extends string>(given: string, name: string, words: readonly Word[]): Word {
  const word = words.find(each => each === given);
  if (word === undefined) throw new WrongUse(`${name} ${given}: write one of ${words.join(', ')}.`);
  return word;
}

/** One of some words; undefined: it was not given. */
export const oneOf = <const Word extends string>(words: readonly Word[]): Option<Word | undefined> => ({
  shape: words.join('|'),
  read: (texts, name) => (texts.length > 0 ? wordOf(texts.at(-1)!, name, words) : undefined),
});

/** Some of the words, each by an option of its own; `usual`, by default all of them, where none is given. */
export const someOf = <const Word extends string>(words: readonly Word[], usual = words): Option<readonly Word[]> => ({
  shape: words.join('|'),
  isRepeated: true,
  read: (texts, name) => (texts.length > 0 ? texts.map(each => wordOf(each, name, words)) : usual),
});

/** Some of the words in one value, with commas between them; all where it is not given. */
export const listOf = <const Word extends string>(words: readonly Word[]): Option<readonly Word[]> => ({
  shape: `${words[0]},…`,
  read: (texts, name) =>
    texts.length > 0
      ? texts
          .at(-1)!
          .split(',')
          .map(each => wordOf(each, name, words))
      : words,
});

/** Until when a program begins more work. */
export interface Deadline {
  /** What is under way is finished, and what was not begun is left out. */
  isOver(): boolean;
}

function secondsOf(given: string, name: string): number {
  const value = /^\d+(\.\d+)?$/.test(given) ? Number(given) : 0;
  if (value <= 0) throw new WrongUse(`${name} ${given}: write seconds, such as 2 or 0.5.`);
  return value;
}

/** Seconds, with parts of one. */
export const seconds = <Usual extends number | undefined>(usual: Usual): Option<number | Usual> => ({
  shape: 'SECONDS',
  read: (texts, name) => (texts.length > 0 ? secondsOf(texts.at(-1)!, name) : usual),
});

/** A time limit, from when the command line is read. */
export const within = (): Option<Deadline> => ({
  shape: 'SECONDS',
  read: (texts, name) => {
    if (texts.length === 0) return { isOver: () => false };
    const end = performance.now() + 1000 * secondsOf(texts.at(-1)!, name);
    return { isOver: () => performance.now() >= end };
  },
});

/** An option for programs that start themselves: the usage does not name it. */
export const hidden = <Value>(option: Option<Value>): Option<Value> => ({ ...option, isHidden: true });

/** An option that cannot be left out. */
export const required = <Value>(option: Option<Value | undefined>): Option<Value> => ({
  ...option,
  isRequired: true,
  read: (texts, name) => {
    const value = option.read(texts, name);
    if (value === undefined) throw new WrongUse(`${name} is missing.`);
    return value;
  },
});
