/** The named options and flags inside a text of a definition, as those of a disk or a network card: what each comes to here. */
import type { Finding, Remedy, Verdict } from '../verdicts.ts';
import { nearest } from './nearest.ts';
import { shortened } from './xlcfg.ts';

/** What one option comes to. */
export interface OptionRemark {
  /** Its name as written. */
  name: string;
  /** Where it begins in the text. */
  offset: number;
  verdict: Extract<Verdict, 'used' | 'approximated' | 'ignored' | 'error'>;
  /** At most 48 characters. */
  short: string;
  /** A sentence: what happens and why. */
  text: string;
  remedy?: Remedy;
  /** As in Finding. */
  warns?: true;
  refusesStart?: true;
  place?: Finding['place'];
  libxl?: Finding['libxl'];
}

/** A text with more options than this is no disk and no card. */
export const MOST_OPTIONS = 64;

export type Judged = Pick<
  OptionRemark,
  'verdict' | 'short' | 'text' | 'remedy' | 'warns' | 'refusesStart' | 'place' | 'libxl'
>;
/** What a value of an option comes to. */
export type OptionRule = (value: string) => Judged;

export const used = (short: string, text: string): Judged => ({ verdict: 'used', short, text });
export const approximated = (short: string, text: string): Judged => ({ verdict: 'approximated', short, text });
export const ignored = (short: string, text: string): Judged => ({ verdict: 'ignored', short, text });
export const wrong = (short: string, text: string, remedy?: Remedy): Judged => ({
  verdict: 'error',
  short,
  text,
  ...(remedy ? { remedy } : {}),
});

/** It may be written, and no domain starts with it. */
export const refused = (short: string, text: string): Judged => ({ ...wrong(short, text), refusesStart: true });

/** Where nothing is lost, it is as asked. */
export const unless =
  (fits: (value: string) => boolean, otherwise: Judged): OptionRule =>
  value =>
    fits(value)
      ? used('as asked', `This is how it is here: ${otherwise.text[0].toLowerCase()}${otherwise.text.slice(1)}`)
      : otherwise;

/** An option that there is not. xl refuses a disk with one (`isRefused`); of a card and of a screen it goes on without it. */
export function unknown(name: string, what: string, known: Iterable<string>, isRefused = false): Judged {
  const near = nearest(name, known);
  const text = `${shortened(name)} is no option of a ${what}.${near ? ` Did you mean ${near}?` : isRefused ? ' Take it out.' : ''}${isRefused ? '' : ' Nothing looks at it, as with xl.'}`;
  return {
    verdict: isRefused ? 'error' : 'ignored',
    short: near ? `unknown; did you mean ${near}?` : 'unknown option',
    text,
    ...(isRefused ? {} : { warns: true as const }),
    ...(near === undefined ? {} : { remedy: { write: near, of: name } }),
  };
}

/** Back ends are in Domain 0, by its name, its number, or none. */
export const isDomain0 = (value: string): boolean => ['', '0', 'Domain-0'].includes(value);

/**
 * Takes the text of a disk, card or screen (`what`) apart: options separated by commas, NAME=VALUE or flags (then there is no value), each given once.
 * As xl does, it steps over empty parts. `judge` says what one comes to.
 */
export function readOptions(
  text: string,
  what: string,
  judge: (name: string, value: string | undefined) => Judged,
): OptionRemark[] {
  const remarks: OptionRemark[] = [];
  const seen = new Set<string>();
  let offset = 0;
  for (const part of text.split(',')) {
    const word = part.trim();
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals).trimEnd(),
      value = equals < 0 ? undefined : word.slice(equals + 1).trimStart();
    if (remarks.length > MOST_OPTIONS) {
      remarks.push({
        name: '',
        offset,
        ...wrong('too many options', `A ${what} has at most ${MOST_OPTIONS} options.`),
      });
      break;
    }
    if (word !== '') {
      const judged = seen.has(name)
        ? wrong('given twice', `${name} is given twice. Give it once.`)
        : judge(name, value);
      seen.add(name);
      remarks.push({ name, offset: offset + part.indexOf(word), ...judged });
    }
    offset += part.length + 1;
  }
  return remarks;
}
