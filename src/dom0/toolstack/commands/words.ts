/**
 * From the words of `xl NAME …` to a command: options, domains by name or number, help, and refusals as xl words them.
 * Source: help(), def_getopt() and find_domain() in tools/xl/xl_utils.c and xl_vmcontrol.c of Xen 4.17; error numbers of libxl_types.idl.
 */
import type { Uses } from '../command-host.ts';
import type { Owned } from '../terminal/terminal.ts';
import { type Call, type OptionRules, perform, Refusal, type Table } from './command.ts';
import { WITHOUT } from './without.ts';

/** ERROR_INVAL: no domain has the name; ERROR_DOMAIN_NOTFOUND: none has the number. */
const ERROR_INVAL = -6,
  ERROR_DOMAIN_NOTFOUND = -21;
const WRONG_USE = 2;

/** The words ask for a command's help, wherever the option is among the others. */
class HelpAsked extends Refusal {
  override name = 'HelpAsked';
}

/** Words that a command cannot be made of: its help follows. */
export class WrongUse extends Refusal {
  override name = 'WrongUse';
}

export interface ReadWords {
  options: ReadonlyMap<string, string>;
  rest: string[];
}

/**
 * Reads options as getopt_long() does: they may follow other words, a long one may be cut short, -h is everybody's. An option without its value is
 * as unknown as one that is not there. @throws Refusal
 */
export function readWords(
  words: readonly string[],
  { flags = '', values = '', long = {} }: OptionRules = {},
): ReadWords {
  const options = new Map<string, string>();
  const rest: string[] = [];
  const queue = [...words];
  const refuse = (option: string): never => {
    throw new Refusal(`option \`${option}' not supported.`, WRONG_USE);
  };
  const take = (letter: string, given: string | undefined): void => {
    if (letter === 'h') throw new HelpAsked('');
    const value = values.includes(letter) ? (given ?? queue.shift()) : flags.includes(letter) ? '' : undefined;
    options.set(letter, value ?? refuse(letter));
  };
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      rest.push(...queue.splice(0));
    } else if (word.startsWith('--')) {
      const [, name, value] = /^--([^=]*)(?:=(.*))?$/s.exec(word)!;
      const letter = longOption(name, { ...long, help: 'h' }) ?? refuse(`--${name}`);
      take(value === undefined || values.includes(letter) ? letter : refuse(letter), value);
    } else if (/^-[^-]/.test(word)) {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at];
        // A letter with a value ends the word: -w512, and -w=512 as the help writes it.
        if (values.includes(letter)) {
          take(letter, word.slice(at + 1).replace(/^=/, '') || undefined);
          break;
        }
        take(letter, undefined);
      }
    } else rest.push(word);
  }
  return { options, rest };
}

/** The letter of a long option, or of the only one that begins so. */
function longOption(name: string, long: Readonly<Record<string, string>>): string | undefined {
  if (Object.hasOwn(long, name)) return long[name];
  const letters = new Set(Object.keys(long).flatMap(each => (each.startsWith(name) ? [long[each]] : [])));
  return letters.size === 1 ? [...letters][0] : undefined;
}

/** @throws Refusal where there are fewer words than that */
export function atLeast(name: string, rest: readonly string[], least: number): void {
  if (rest.length < least)
    throw new WrongUse(`'xl ${name}' requires at least ${least} argument${least > 1 ? 's' : ''}.`, WRONG_USE);
}

/** @throws Refusal where there are more words than that */
export function atMost(rest: readonly string[], most: number): void {
  if (rest.length > most) throw new WrongUse('');
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
export function findDomain(host: Uses<'domains'>, word: string): number {
  const byNumber = /^\d+$/.test(word);
  if (byNumber && Number(word) === 0) return 0;
  if (word === 'Domain-0') return 0;
  const domains = host.domains.all();
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
  return entry?.xl !== undefined && (entry.only ?? program) === program;
};

/** Names of the commands that a program has, in the order of the table. */
export const namesOf = (table: Table, program: Spelling = 'xl'): string[] =>
  Object.keys(table).filter(name => isOf(table, name, program));

/** The command that a word names, or the only one that begins so (cmdtable_lookup() of tools/xl/xl_cmdtable.c). */
export function commandNamed(table: Table, word: string, program: Spelling = 'xl'): string | undefined {
  const names = [...namesOf(table, program), ...Object.keys(WITHOUT)];
  if (names.includes(word)) return word;
  const found = names.filter(name => name.startsWith(word));
  return found.length === 1 ? found[0] : undefined;
}

/** All commands, as `xl help` lists them. */
export function helpOf(table: Table, program: Spelling = 'xl'): string {
  const rows = namesOf(table, program).map(name => ` ${name.padEnd(19)} ${table[name].summary}`);
  return `Usage ${program} [-vfNtT] <subcommand> [args]\n\n${program} full list of subcommands:\n\n${rows.join('\n')}\n`;
}

/** One of them, as its -h tells it. */
function helpOn(table: Table, name: string, program: Spelling = 'xl'): string {
  const { summary, usage, options, modifies, dryRun }: Partial<Table[string]> = Object.hasOwn(table, name)
    ? table[name]
    : WITHOUT[name];
  const rows = options?.map(([option, about]) => `${option.padEnd(23)} ${about}\n`);
  return `Usage: ${program} [-vtT${modifies ? 'f' : ''}${dryRun ? 'N' : ''}] ${name} ${usage}\n\n${summary}.\n\n${rows ? `Options:\n\n${rows.join('')}` : ''}`;
}

/** What `xl WORDS` says. @throws Refusal, Error with a sentence */
export async function runXl(table: Table, { words: [word = '', ...words], ...call }: Call): Promise<string> {
  const { program = 'xl' } = call;
  if (word === '') throw new Refusal('', 1, helpOf(table, program));
  const name = commandNamed(table, word, program);
  if (name === undefined && word === 'help') return helpFor(table, words[0], program);
  if (name === undefined) throw new Refusal('command not implemented');
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  const said = entry
    ? entry.xl!({ ...call, words }, async (...given) => perform(call.host, name, entry, ...given))
    : runWithout(name, call.host, words);
  return said
    .catch(error => (program === 'xm' ? inXmsWords(error) : Promise.reject(error)))
    .catch(error => withHelp(error, () => helpOn(table, name, program)));
}

function helpFor(table: Table, word: string | undefined, program: Spelling): string {
  if (word === undefined) return helpOf(table, program);
  const name = commandNamed(table, word, program);
  return name === undefined ? `command "${word}" not implemented\n` : helpOn(table, name, program);
}

/** Help where it was asked for, and where the words were wrong. @throws all else */
function withHelp(error: Error, help: () => string): string {
  if (error instanceof HelpAsked) return help();
  throw error instanceof WrongUse ? new Refusal(error.message, error.status, help()) : error;
}

/** One of xl's commands of which this host has nothing. @throws Refusal */
async function runWithout(name: string, host: Uses<'domains'>, words: readonly string[]): Promise<string> {
  const { usage, takes, least = 0, prints = '', why, status } = WITHOUT[name];
  const { rest } = readWords(words, takes);
  atLeast(name, rest, least);
  if (/^(?:\[options\] )?<Domain/.test(usage)) {
    const domains = usage.includes('<Domain(s)>') ? rest : rest.slice(0, 1);
    for (const word of domains) findDomain(host, word);
  }
  if (why !== undefined) throw new Refusal(why, status, prints);
  return prints;
}

/** xm puts a word before whatever xend refuses (handle_xend_error() in tools/python/xen/xm/main.py). */
function inXmsWords(error: Error): never {
  if (error instanceof NoSuchDomain) throw new Refusal(error.xend, error.status);
  if (
    error instanceof Refusal &&
    (error.status === WRONG_USE || error.message === '' || error.message.startsWith('Error: '))
  )
    throw error;
  throw new Refusal(`Error: ${error.message}`, error instanceof Refusal ? error.status : 1);
}

/** What runs with the terminal where `xl WORDS` wants it; undefined: it does not, or the words are wrong, which is reported when they are run. */
export function attachXl(
  table: Table,
  [word = '', ...words]: readonly string[],
  program: Spelling = 'xl',
): ((call: Call, terminal: Owned) => Promise<number>) | undefined {
  const name = commandNamed(table, word, program);
  if (name === undefined || !Object.hasOwn(table, name)) return undefined;
  try {
    return table[name].attach?.([...words]);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
