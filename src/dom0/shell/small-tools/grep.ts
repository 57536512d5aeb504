/** `grep`, `egrep` and `fgrep`. Sources: the manual of GNU grep 3.8, and its src/grep.c. */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import type { ShellCommand } from '../shell-command.ts';
import { type Kind, type Search, searchOf } from './grep-pattern.ts';
import { bytesOf, contentOf, noOption, read } from './options.ts';
import { PatternError } from './posix-syntax.ts';
import { bytesText, textOfBytes } from './stray-bytes.ts';

const ERROR = 2;
const LONG: Record<string, string> = Object.fromEntries(
  Object.entries({
    regexp: 'e',
    file: 'f',
    'ignore-case': 'i',
    'invert-match': 'v',
    'word-regexp': 'w',
    'line-regexp': 'x',
    count: 'c',
    'files-with-matches': 'l',
    'files-without-match': 'L',
    quiet: 'q',
    silent: 'q',
    'no-messages': 's',
    'line-number': 'n',
    'byte-offset': 'b',
    'no-filename': 'h',
    'with-filename': 'H',
    'only-matching': 'o',
    'extended-regexp': 'E',
    'fixed-strings': 'F',
    'basic-regexp': 'G',
    'perl-regexp': 'P',
    recursive: 'r',
    'dereference-recursive': 'R',
    'max-count': 'm',
    'after-context': 'A',
    'before-context': 'B',
    context: 'C',
    directories: 'd',
    text: 'a',
    binary: 'U',
    null: 'Z',
    // Letters that grep does not have, for those that have none.
    include: '1',
    exclude: '2',
    'exclude-dir': '3',
    'no-ignore-case': '4',
    'line-buffered': 'u',
  }).map(([name, letter]) => [`--${name}`, letter]),
);
const KINDS: Record<string, Kind> = { E: 'extended', F: 'fixed', G: 'basic', P: 'perl' };

interface Wanted {
  search: Search;
  isInverted: boolean;
  /** Names of files with lines, or without. */
  names: 'with' | 'without' | undefined;
  isQuiet: boolean;
  counts: boolean;
  onlyMatching: boolean;
  numbers: boolean;
  offsets: boolean;
  /** Behind a name, in the place of what is there else. */
  nul: boolean;
  isText: boolean;
  skipsBinary: boolean;
  most: number;
  before: number;
  after: number;
  /** Context was asked for, if only of 0 lines: `--` is between lines that were not next to each other. */
  separates: boolean;
}

/** A file name's pattern as the shell has it. */
function globOf(pattern: string): RegExp {
  const source = pattern.replace(/\[!?\]?[^\]]*\]|\\?[^]/g, found => {
    if (found === '*') return '.*';
    if (found === '?') return '.';
    if (/^\[.+\]$/s.test(found)) return found.replace(/^\[!/, '[^').replace(/\\/g, '\\\\');
    return found.replace(/^\\(?=.)/s, '').replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}

/** Which names are searched: the last pattern that fits tells; where none does, those that no `--include` leads. */
function namesOf(options: readonly [letter: string, value: string][]): (name: string) => boolean {
  const rules = options.filter(([letter]) => letter === '1' || letter === '2');
  const globs = rules.map(([letter, value]) => ({ includes: letter === '1', glob: globOf(value) }));
  return name => {
    const last = globs.findLast(({ glob }) => glob.test(name));
    return last ? last.includes : !globs[0]?.includes;
  };
}

const nameOf = (path: string): string => path.replace(/\/+$/, '').slice(path.replace(/\/+$/, '').lastIndexOf('/') + 1);

interface Entry {
  path: string;
  /** It was found in a folder. */
  isInFolder: boolean;
  error?: string;
}

/** The files that operands come to. */
async function filesOf(
  operands: readonly string[],
  { fs, cwd }: ResolvedCommandContext,
  { folders, takes, leaves }: { folders: string; takes(name: string): boolean; leaves(folder: string): boolean },
): Promise<Entry[]> {
  const entries: Entry[] = [];
  const walk = async (path: string): Promise<void> => {
    for (const name of (await fs.readdir(fs.resolvePath(cwd, path))).sort()) {
      const inner = `${path.endsWith('/') ? path : `${path}/`}${name}`;
      const found = await fs.stat(fs.resolvePath(cwd, inner)).catch(() => undefined);
      if (found?.isDirectory) {
        if (!leaves(name)) await walk(inner);
      } else if (takes(name)) entries.push({ path: inner, isInFolder: true });
    }
  };
  for (const path of operands) {
    if (path === '-') {
      entries.push({ path, isInFolder: false });
      continue;
    }
    const found = await fs.stat(fs.resolvePath(cwd, path)).catch(() => undefined);
    if (!found) entries.push({ path, isInFolder: false, error: 'No such file or directory' });
    else if (!found.isDirectory) {
      if (takes(nameOf(path))) entries.push({ path, isInFolder: false });
    } else if (folders === 'recurse') {
      if (!leaves(nameOf(path))) await walk(path);
    } else if (folders === 'read') entries.push({ path, isInFolder: false, error: 'Is a directory' });
  }
  return entries;
}

/** What is written of one file. */
class Report {
  readonly pieces: string[] = [];
  /** Lines that were found. */
  count = 0;
  private readonly wanted: Wanted;
  private readonly name: string | undefined;
  /** Something was written before it, of this or another file. */
  private hasBefore: boolean;
  private last = -1;

  constructor(wanted: Wanted, name: string | undefined, hasBefore: boolean) {
    this.wanted = wanted;
    this.name = name;
    this.hasBefore = hasBefore;
  }

  of(text: string): void {
    const { search, isInverted, most, names, isQuiet, counts, before, after } = this.wanted;
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    const isSilent = names !== undefined || isQuiet || counts;
    const offsets = this.wanted.offsets ? offsetsOf(lines) : [];
    let until = -1;
    for (let at = 0; at < lines.length; at++) {
      const isFound = this.count < most && (search(lines[at], 0) !== undefined) !== isInverted;
      if (isFound) {
        this.count++;
        if (names !== undefined || isQuiet) return;
        if (!isSilent) {
          for (let earlier = Math.max(this.last + 1, at - before); earlier < at; earlier++)
            this.put(lines[earlier], earlier, '-', offsets[earlier]);
          this.put(lines[at], at, ':', offsets[at]);
          until = at + after;
        }
      } else if (at <= until) this.put(lines[at], at, '-', offsets[at]);
      if (this.count >= most && at >= until) return;
    }
  }

  private put(line: string, at: number, mark: ':' | '-', offset: number | undefined): void {
    const { separates, onlyMatching, isInverted, search } = this.wanted;
    if (separates && this.hasBefore && (this.last < 0 || at > this.last + 1)) this.pieces.push('--\n');
    this.hasBefore = true;
    this.last = at;
    if (!onlyMatching) this.pieces.push(`${this.front(at, mark, offset)}${line}\n`);
    else if (mark === ':' && !isInverted)
      for (let from = 0; from <= line.length; ) {
        const found = search(line, from);
        if (!found) return;
        if (found.end > found.start) {
          const bytes = offset === undefined ? undefined : offset + bytesText(line.slice(0, found.start)).length;
          this.pieces.push(`${this.front(at, mark, bytes)}${line.slice(found.start, found.end)}\n`);
        }
        from = Math.max(found.end, found.start + 1);
      }
  }

  private front(at: number, mark: string, offset: number | undefined): string {
    const { numbers, nul } = this.wanted;
    const name = this.name === undefined ? '' : this.name + (nul ? '\0' : mark);
    return `${name}${numbers ? `${at + 1}${mark}` : ''}${offset === undefined ? '' : `${offset}${mark}`}`;
  }
}

function offsetsOf(lines: readonly string[]): number[] {
  let at = 0;
  return lines.map(line => {
    const begin = at;
    at += bytesText(line).length + 1;
    return begin;
  });
}

const numberOf = (text: string): number | undefined => (/^[-+]?\d+$/.test(text) ? Number(text) : undefined);

interface Asked {
  wanted: Wanted;
  files: Entry[];
  hasNames: boolean | 'of folders';
  isMute: boolean;
  /** No line can be found: files are not looked at. */
  isOver: boolean;
}

/** The patterns of -e, -f and the first operand. A string: what is wrong with them. */
async function patternsOf(
  options: readonly [letter: string, value: string][],
  rest: string[],
  context: ResolvedCommandContext,
): Promise<string[] | string> {
  const patterns: string[] = [];
  let isGiven = false;
  for (const [letter, value] of options) {
    if (letter === 'e') patterns.push(...value.split('\n'));
    if (letter === 'f') {
      const content = await contentOf(value, context);
      if (!content) return `${value}: No such file or directory`;
      const lines = textOfBytes(content).split('\n');
      if (lines.at(-1) === '') lines.pop();
      patterns.push(...lines);
    }
    isGiven ||= letter === 'e' || letter === 'f';
  }
  const first = isGiven ? undefined : rest.shift();
  if (!isGiven && first === undefined) return 'usage';
  if (first !== undefined) patterns.push(...first.split('\n'));
  return patterns;
}

const USAGE = (name: string): string =>
  `Usage: ${name} [OPTION]... PATTERNS [FILE]...\nTry '${name} --help' for more information.\n`;

/** What the words ask for; a string: what is wrong with them. */
async function askedOf(
  name: string,
  kind: Kind,
  words: readonly string[],
  context: ResolvedCommandContext,
): Promise<Asked | string> {
  // `-3`: as many lines around.
  const end = words.indexOf('--');
  const named = words
    .map((word, i) => (end >= 0 && i > end ? word : word.replace(/^-(\d+)$/, '-C$1')))
    .filter((word, i) => (end >= 0 && i > end) || !/^--colou?r(?:=(?:never|auto))?$/.test(word));
  const { given, options, rest, wrong, lacking } = read(named, 'efmABCd123', 'EFGPiyvwxcLlqsohHnbrRaUIZ4u', LONG);
  if (wrong === '-z' || wrong === '--null-data')
    return `grep: ${wrong} is not offered here: use tr '\\0' '\\n' before it\n`;
  if (wrong === '-T' || wrong === '--initial-tab') return `grep: ${wrong} is not offered here: leave it out\n`;
  if (wrong && /^--colou?r=always$/.test(wrong)) return `grep: ${wrong} is not offered here: leave it out\n`;
  if (wrong) return `grep: ${noOption(wrong)}\n${USAGE(name)}`;
  if (lacking) return `grep: option requires an argument -- '${lacking.replace(/^-+/, '')}'\n${USAGE(name)}`;
  const amounts: Record<string, number> = {};
  for (const [letter, value] of options) {
    if (!'mABC'.includes(letter)) continue;
    const amount = numberOf(value);
    if (letter === 'm' && amount === undefined) return 'grep: invalid max count\n';
    if (amount === undefined || (letter !== 'm' && amount < 0))
      return `grep: ${value}: invalid context length argument\n`;
    amounts[letter] = amount;
  }
  const kinds = new Set(options.map(([letter]) => letter).filter(letter => letter in KINDS));
  if (kinds.size > 1 || (kind !== 'basic' && [...kinds].some(letter => KINDS[letter] !== kind)))
    return 'grep: conflicting matchers specified\n';
  const folders = options.findLast(([letter]) => 'drR'.includes(letter));
  const action = folders === undefined ? 'read' : folders[0] === 'd' ? folders[1] : 'recurse';
  if (!/^(?:read|skip|recurse)$/.test(action))
    return `grep: invalid argument '${action}' for '--directories'\n${USAGE(name)}`;
  const patterns = await patternsOf(options, rest, context);
  if (patterns === 'usage') return USAGE(name);
  if (typeof patterns === 'string') return `grep: ${patterns}\n`;
  const lastOf = (letters: string): string | undefined => options.findLast(([letter]) => letters.includes(letter))?.[0];
  const chosen = KINDS[[...kinds][0] ?? ''] ?? kind;
  const ignoresCase = 'iy'.includes(lastOf('iy4') ?? '4');
  const search = searchOf(patterns, chosen, { ignoresCase, isWord: given.has('w'), isLine: given.has('x') });
  const isQuiet = given.has('q');
  const names = isQuiet ? undefined : ({ l: 'with', L: 'without' } as const)[lastOf('lL') ?? ''];
  const leaving = options.filter(([letter]) => letter === '3').map(([, value]) => globOf(value.replace(/\/+$/, '')));
  const operands = rest.length > 0 ? rest : [action === 'recurse' ? '' : '-'];
  const files = await filesOf(
    operands.map(path => path || '.'),
    context,
    {
      folders: action,
      takes: namesOf(options),
      leaves: folder => leaving.some(glob => glob.test(folder)),
    },
  );
  const shown = lastOf('hH');
  return {
    // Where no folder is named, neither are names in it.
    files: operands[0] === '' ? files.map(file => ({ ...file, path: file.path.slice(2) })) : files,
    hasNames: shown === 'h' ? false : shown === 'H' || operands.length > 1 ? true : 'of folders',
    isMute: given.has('s'),
    isOver: names !== 'without' && (amounts.m === 0 || (patterns.length === 0 && !given.has('v'))),
    wanted: {
      search,
      isInverted: given.has('v'),
      names,
      isQuiet,
      counts: given.has('c'),
      onlyMatching: given.has('o'),
      numbers: given.has('n'),
      offsets: given.has('b'),
      nul: given.has('Z'),
      isText: given.has('a'),
      skipsBinary: given.has('I'),
      most: amounts.m === undefined || amounts.m < 0 ? Infinity : amounts.m,
      before: amounts.B ?? amounts.C ?? 0,
      after: amounts.A ?? amounts.C ?? 0,
      separates: ['A', 'B', 'C'].some(letter => amounts[letter] !== undefined),
    },
  };
}

/** What one file adds to what is written. */
function ofFile(content: Uint8Array, path: string, hasName: boolean, hasBefore: boolean, wanted: Wanted): Report {
  const { names, isQuiet, counts, nul } = wanted;
  const shown = path === '-' ? '(standard input)' : path;
  const text = textOfBytes(content);
  const isBinary = !wanted.isText && text.includes('\0');
  const report = new Report(wanted, hasName ? shown : undefined, hasBefore);
  if (isBinary && wanted.skipsBinary) return report;
  report.of(text);
  const { pieces, count } = report;
  if (names !== undefined) {
    if ((names === 'with') === count > 0) pieces.push(shown + (nul ? '\0' : '\n'));
  } else if (counts && !isQuiet) pieces.push(`${hasName ? shown + (nul ? '\0' : ':') : ''}${count}\n`);
  else if (isBinary && pieces.length > 0) pieces.splice(0, Infinity, `grep: ${shown}: binary file matches\n`);
  return report;
}

async function run(
  name: string,
  kind: Kind,
  words: readonly string[],
  context: ResolvedCommandContext,
): Promise<ExecResult> {
  const asked = await askedOf(name, kind, words, context);
  if (typeof asked === 'string') return { stdout: '', stderr: asked, exitCode: ERROR };
  const { wanted, files, hasNames, isMute, isOver } = asked;
  const pieces: string[] = [];
  let stderr = '',
    hasFailed = false,
    isFound = false,
    isRead = false;
  if (isOver) return { stdout: '', stderr: '', exitCode: 1 };
  for (const { path, isInFolder, error } of files) {
    const isStandard = path === '-' && !isInFolder;
    const content =
      error !== undefined ? undefined : isStandard && isRead ? bytesOf('') : await contentOf(path, context);
    if (!content) {
      hasFailed = true;
      if (!isMute) stderr += `grep: ${path}: ${error ?? 'No such file or directory'}\n`;
      continue;
    }
    isRead ||= isStandard;
    const report = ofFile(content, path, hasNames === 'of folders' ? isInFolder : hasNames, pieces.length > 0, wanted);
    pieces.push(...report.pieces);
    isFound ||= report.count > 0;
    if (isFound && wanted.isQuiet) return { stdout: '', stderr, exitCode: 0 };
  }
  return {
    stdout: bytesText(pieces.join('')),
    stderr,
    exitCode: hasFailed ? ERROR : Number(!isFound),
    stdoutKind: 'bytes',
  };
}

const tool =
  (name: string, kind: Kind): ShellCommand =>
  async (words, context) => {
    try {
      return await run(name, kind, words, context);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      return { stdout: '', stderr: `grep: ${error.message}\n`, exitCode: ERROR };
    }
  };

export const GREP: Record<string, ShellCommand> = {
  grep: tool('grep', 'basic'),
  egrep: tool('egrep', 'extended'),
  fgrep: tool('fgrep', 'fixed'),
};
