/**
 * From the words of `xl NAME …` to a command: options, domains by name or number, help, and refusals as xl words them.
 * Source: help(), def_getopt() and find_domain() in tools/xl/xl_utils.c and xl_vmcontrol.c of Xen 4.17; error numbers of libxl_types.idl.
 */
import type { CommandHost } from '../command-host.ts';
import type { Owned } from '../terminal/terminal.ts';
import { type Call, Refusal, type Table } from './command.ts';

/** ERROR_INVAL: no domain has the name; ERROR_DOMAIN_NOTFOUND: none has the number. */
const ERROR_INVAL = -6,
  ERROR_DOMAIN_NOTFOUND = -21;
const WRONG_USE = 2;

/** Letters of options with a value, and the long spellings of any (`{ all: 'a' }`). */
export interface OptionRules {
  flags?: string;
  values?: string;
  long?: Record<string, string>;
}

export interface ReadWords {
  options: ReadonlyMap<string, string>;
  rest: string[];
}

/** Reads options, which may stand behind other words. @throws Refusal */
export function readWords(
  words: readonly string[],
  { flags = '', values = '', long = {} }: OptionRules = {},
): ReadWords {
  const options = new Map<string, string>();
  const rest: string[] = [];
  const queue = [...words];
  const take = (letter: string, given: string | undefined): boolean => {
    const takesValue = values.includes(letter);
    if (!takesValue && !flags.includes(letter)) throw new Refusal(`option \`${letter}' not supported.`, WRONG_USE);
    const value = takesValue ? given || queue.shift() : '';
    if (value === undefined) throw new Refusal(`option requires an argument -- '${letter}'`, WRONG_USE);
    options.set(letter, value);
    return takesValue;
  };
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      rest.push(...queue.splice(0));
    } else if (word.startsWith('--')) {
      const [, name, value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
      if (!Object.hasOwn(long, name)) throw new Refusal(`unrecognized option '--${name}'`, WRONG_USE);
      take(long[name], value);
    } else if (/^-[^-]/.test(word)) {
      // A letter with a value ends the word: -w512.
      for (let at = 1; at < word.length; at++) if (take(word[at], word.slice(at + 1).replace(/^=/, ''))) break;
    } else rest.push(word);
  }
  return { options, rest };
}

/** @throws Refusal where there are fewer words than that */
export function atLeast(name: string, rest: readonly string[], least: number): void {
  if (rest.length < least)
    throw new Refusal(`'xl ${name}' requires at least ${least} argument${least > 1 ? 's' : ''}.`, WRONG_USE);
}

/** Nothing is called so. */
class NoSuchDomain extends Refusal {
  override name = 'NoSuchDomain';
  /** xend's words for it. */
  readonly xend: string;

  constructor(word: string, error: number) {
    super(`${word} is an invalid domain identifier (rc=${error})`);
    this.xend = `Error: Domain '${word}' does not exist.`;
  }
}

/** A domain by its name or its number; 0 is Domain 0. @throws Refusal */
export function findDomain(host: CommandHost, word: string): number {
  const byNumber = /^\d+$/.test(word);
  if (byNumber && Number(word) === 0) return 0;
  if (word === 'Domain-0') return 0;
  const domains = host.all();
  // The one that runs, where one that has stopped has the name, too.
  const found = byNumber
    ? domains.find(({ id }) => id === Number(word))
    : (domains.find(({ name, ended }) => name === word && !ended) ?? domains.find(({ name }) => name === word));
  if (!found) throw new NoSuchDomain(word, byNumber ? ERROR_DOMAIN_NOTFOUND : ERROR_INVAL);
  return found.id;
}

/** A whole number. @throws Refusal */
export function wholeNumber(word: string, what: string): number {
  if (!/^\d+$/.test(word)) throw new Refusal(`Invalid ${what}: ${word}`, WRONG_USE);
  return Number(word);
}

/** A size in MiB, with xl's suffixes b, k, m, g, t (parse_mem_size_kb() in tools/xl/xl_parse.c). @throws Refusal */
export function mebibytes(word: string): number {
  const [, digits, suffix = 'm'] = /^(\d+)([bkmgt])?$/i.exec(word) ?? [];
  if (digits === undefined) throw new Refusal(`invalid memory size: ${word}`);
  return Math.floor((Number(digits) * 1024 ** 'bkmgt'.indexOf(suffix.toLowerCase())) / 2 ** 20);
}

type Spelling = NonNullable<Call['program']>;

/** Whether a program has the command, from words. */
const isOf = (table: Table, name: string, program: Spelling): boolean => {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  return (
    entry !== undefined && (entry.xl !== undefined || entry.attach !== undefined) && (entry.only ?? program) === program
  );
};

/** Names of the commands that a program has, in the order of the table. */
export const namesOf = (table: Table, program: Spelling = 'xl'): string[] =>
  Object.keys(table).filter(name => isOf(table, name, program));

/** All commands, as `xl help` lists them. */
export function helpOf(table: Table, program: Spelling = 'xl'): string {
  const rows = namesOf(table, program).map(name => ` ${name.padEnd(19)} ${table[name].summary}`);
  return `Usage ${program} [-vfNtT] <subcommand> [args]\n\n${program} full list of subcommands:\n\n${rows.join('\n')}\n`;
}

/** One of them, as its -h tells it. */
export function helpOn(table: Table, name: string, program: Spelling = 'xl'): string {
  const { summary, usage, options = [], modifies, dryRun } = table[name];
  const rows = options.map(([option, about]) => `${option.padEnd(23)} ${about}`);
  return `Usage: ${program} [-v${modifies ? 'f' : ''}${dryRun ? 'N' : ''}] ${name} ${usage}\n\n${summary}.\n\n${rows.length > 0 ? `Options:\n\n${rows.join('\n')}\n` : ''}`;
}

/** Words that ask for a command's help, before a `--`. */
const asksForHelp = (words: readonly string[]): boolean =>
  words
    .slice(0, words.includes('--') ? words.indexOf('--') : undefined)
    .some(word => word === '-h' || word === '--help');

/** What `xl WORDS` says. @throws Refusal, Error with a sentence */
export async function runXl(table: Table, { words: [name = '', ...words], ...call }: Call): Promise<string> {
  const { program = 'xl' } = call;
  if (name === '') throw new Refusal(helpOf(table, program));
  if (name === 'help') {
    if (words[0] === undefined) return helpOf(table, program);
    if (!isOf(table, words[0], program)) throw new Refusal('command not implemented');
    return helpOn(table, words[0], program);
  }
  if (!isOf(table, name, program)) throw new Refusal('command not implemented');
  const entry = table[name];
  if (asksForHelp(words)) return helpOn(table, name, program);
  if (!entry.xl) throw new Refusal(`${name} needs the terminal.`);
  const said = entry.xl({ ...call, words }, async (...given) => entry.run(call.host, ...given));
  return program === 'xm' ? said.catch(inXmsWords) : said;
}

/** xm puts a word before whatever xend refuses (handle_xend_error() in tools/python/xen/xm/main.py). */
function inXmsWords(error: Error): never {
  if (error instanceof NoSuchDomain) throw new Refusal(error.xend, error.status);
  if (error instanceof Refusal && (error.status === WRONG_USE || error.message.startsWith('Error: '))) throw error;
  throw new Refusal(`Error: ${error.message}`, error instanceof Refusal ? error.status : 1);
}

/** What runs with the terminal where `xl WORDS` wants it; undefined: it does not. */
export function attachXl(
  table: Table,
  [name = '', ...words]: readonly string[],
  program: Spelling = 'xl',
): ((call: Call, terminal: Owned) => Promise<number>) | undefined {
  if (!isOf(table, name, program) || asksForHelp(words)) return undefined;
  return table[name].attach?.([...words]);
}
