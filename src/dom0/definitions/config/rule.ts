/**
 * What a rule is: the values that a key of a definition takes, what they come to here, and where they go. One entry of a family's file (`keys/`) is a key:
 * reader and writers of definitions, verdicts and the list of known keys take it from there.
 */
import type { HVM_PARAM } from '../../../hypervisor/interfaces/xen/index.ts';
import type { DomainRecord, Machine } from '../../../hypervisor/memory/index.ts';
import type { Verdict } from '../verdicts.ts';
import type { XenKind } from '../../../hypervisor/kinds/index.ts';
import type { Definition } from './definition.ts';
import { nearest } from './nearest.ts';
import { type Judged, used, wrong } from './options.ts';
import type { ValueType } from './values.ts';
import type { Atom, Position, Value } from './xlcfg.ts';

/** A value as a definition is written: a list's items are texts. */
export type Plain = string | number | string[];

/** What a rule may look at: the rest of the text, and the domain as the rules before it have made it. */
export interface Context {
  readonly definition: Definition;
  /** The key is set, and its value has the right kind. */
  has(key: string): boolean;
  /** Its value where it is no list. */
  textOf(key: string): string | undefined;
  numberOf(key: string): number | undefined;
  /** A line is about the key, even one that could not be read. */
  mentions(key: string): boolean;
  /** How a setting is written in the text's language. */
  write(key: string, value: string): string;
  /** Where a setting is; the text's beginning where there is none. */
  placeOf(...keys: string[]): Position;
  /** A finding of its own, next to that of the setting. Of many, only some are listed one by one. */
  tell(at: Position, key: string, judged: Judged): void;
  /** As `tell`, for the named options and flags inside a text. */
  tellOptions(key: string, item: Atom, remarks: readonly (Judged & { name: string; offset: number })[]): void;
}

/** A setting that is judged. */
export interface Asked extends Context {
  readonly key: string;
  readonly value: Value;
  /** '' for a list, NaN for what is no number. */
  readonly text: string;
  readonly number: number;
}

/** `tell` has reported everything. */
export const TOLD = Symbol('told');

/** A domain that is made, and does not run yet. */
export interface NewDomain {
  readonly machine: Machine;
  readonly record: DomainRecord;
  /** What Xen tells a guest; of a plain PC nobody asks. @throws HostError */
  setParam(name: keyof typeof HVM_PARAM, value: number): void;
}

export interface KeyRule {
  readonly type: ValueType;
  /** What it comes to where `judge` has nothing to add. */
  readonly verdict: Extract<Verdict, 'used' | 'approximated' | 'ignored'>;
  /** At most 48 characters. */
  readonly short: string;
  /** A sentence: what happens and why. */
  readonly text: string;
  /** Value for which nothing is lost: then the verdict is 'used'. A list with something in it counts as '['. */
  readonly fits?: (value: string) => boolean;
  /** Guests that have anything it could change (all). */
  readonly guests?: readonly XenKind[];
  /** What is wrong with a value of the right kind; undefined: it is in range. `text` is the end of a sentence that begins with the setting. */
  readonly range?: (asked: Asked) => Judged | undefined;
  /** What a value in range comes to in this definition; undefined: as the rule says in general. */
  readonly judge?: (asked: Asked) => Judged | typeof TOLD | undefined;
  /** Puts a value in range where it goes. Called before `judge`. */
  readonly into?: (definition: Definition, asked: Asked) => void;
  /** What it does to a domain with such a definition, where that is not done with what the definition says by itself. @throws HostError */
  readonly build?: (domain: NewDomain, definition: Definition) => void;
  /** No setting of the key can be read. */
  readonly absent?: (context: Context) => void;
  /** The value that makes such a domain; undefined: the key is not needed. */
  readonly from?: (definition: Definition) => Plain | undefined;
}

export type Family = Readonly<Record<string, KeyRule>>;

/**
 * A key with a closed set of words: what is wrong with another word. `numbers`: xl takes this many of the words by their numbers, too, from 0 on.
 * `nouns`: what they are.
 */
export const oneOf =
  (words: readonly string[], { numbers = 0, nouns = 'values' }: { numbers?: number; nouns?: string } = {}) =>
  ({ value, text, number }: Pick<Asked, 'value' | 'text' | 'number'>): Judged | undefined => {
    if (
      value.kind !== 'list' &&
      (words.includes(text) || (Number.isInteger(number) && number >= 0 && number < numbers))
    )
      return undefined;
    const near = nearest(text.toLowerCase(), words);
    const all = words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : words[0];
    return wrong(
      `no such ${nouns.replace(/s$/, '')}`,
      `the ${nouns} are ${all}.${near ? ` Did you mean "${near}"?` : ''}`,
      near === undefined ? undefined : { write: `"${near}"` },
    );
  };

/** A key whose numbers have bounds. */
export const between =
  (least: number, most: number) =>
  ({ number }: Pick<Asked, 'number'>): Judged | undefined =>
    number >= least && number <= most
      ? undefined
      : wrong(`${least} to ${most}`, `the numbers are ${least} to ${most}.`);

type More = Pick<KeyRule, 'fits' | 'guests' | 'range' | 'judge' | 'into' | 'build' | 'absent' | 'from'>;

/** A key: what it takes, what it comes to in general, and what is particular to it. */
export function rule(type: ValueType, general: Judged, more: More = {}): KeyRule {
  return { type, ...(general as Judged & { verdict: KeyRule['verdict'] }), ...more };
}

/** Keys that all come to the same: names separated by spaces. `range`: what is wrong with a value, though it does nothing here. */
export function alike(
  names: string,
  type: ValueType,
  general: Judged,
  fits?: KeyRule['fits'],
  range?: KeyRule['range'],
): Family {
  return Object.fromEntries(
    names
      .split(' ')
      .map(name => [name, rule(type, general, { ...(fits ? { fits } : {}), ...(range ? { range } : {}) })]),
  );
}

/** A family of which guests of other types have nothing. */
export function only(guests: readonly XenKind[], family: Family): Family {
  return Object.fromEntries(Object.entries(family).map(([name, of]) => [name, { ...of, guests }]));
}

export const is =
  (number: number) =>
  (value: string): boolean =>
    value.trim() !== '' && Number(value) === number;
export const isZero = (value: string): boolean => value === '' || is(0)(value);
export const isOne = is(1);
export const isEmpty = (value: string): boolean => value === '';

/** It is so without being asked for. */
export const asItIs = (text: string): Judged =>
  used(
    'as asked',
    `This is how it is here: ${/^[A-Z][a-z]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text}`,
  );
