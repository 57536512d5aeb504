/** Tools that take pieces of files and names, as coreutils 9.1 has them: just-bash's read some of their options otherwise. Source: coreutils' manual and src/wc.c. */
import type { ExecResult, ResolvedCommandContext } from 'just-bash/browser';
import type { ShellCommand } from '../shell-command.ts';
import { contentOf, failed, ran, read, unknown } from './options.ts';

const asBytes = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};
/** A word's bytes, a character each, as inputs() has files. */
export const byteText = (word: string): string => asBytes(new TextEncoder().encode(word));
/** Bytes as they were in the files. */
export const written = (stdout: string, stderr: string): ExecResult => ({
  stdout,
  stderr,
  exitCode: stderr === '' ? 0 : 1,
  stdoutKind: 'bytes',
});
export const lacks = (name: string, word: string): ExecResult =>
  failed(
    `${name}: option requires an argument -- '${word.replace(/^-+/, '')}'\nTry '${name} --help' for more information.`,
  );

/** Each operand's bytes, a character each; standard input where there is none. `unread`: what is said of one that cannot be read. */
export async function* inputs(
  paths: readonly string[],
  context: ResolvedCommandContext,
): AsyncGenerator<{ path: string; text?: string; why: string }> {
  for (const path of paths.length > 0 ? paths : ['-']) {
    const content = await contentOf(path, context);
    const isFolder =
      !content &&
      (await context.fs.stat(context.fs.resolvePath(context.cwd, path)).catch(() => undefined))?.isDirectory === true;
    yield { path, text: content && asBytes(content), why: isFolder ? 'Is a directory' : 'No such file or directory' };
  }
}

const UNITS: Record<string, number> = {
  '': 1,
  b: 512,
  k: 2 ** 10,
  K: 2 ** 10,
  KiB: 2 ** 10,
  kB: 1e3,
  KB: 1e3,
  M: 2 ** 20,
  MiB: 2 ** 20,
  MB: 1e6,
  m: 2 ** 20,
  G: 2 ** 30,
  GiB: 2 ** 30,
  GB: 1e9,
};

/** `-n` and `-c` of head and tail; undefined: it is no number. */
function amountOf(text: string): { sign: string; count: number } | undefined {
  const [, sign = '', digits, unit = ''] = /^([-+]?)(\d+)([a-zA-Z]*)$/.exec(text) ?? [];
  return digits === undefined || !Object.hasOwn(UNITS, unit)
    ? undefined
    : { sign, count: Number(digits) * UNITS[unit] };
}

/** The first or the last this many of the pieces. */
function piecesOf(
  pieces: readonly string[] | string,
  isHead: boolean,
  { sign, count }: { sign: string; count: number },
): string {
  const { length } = pieces;
  let piece: readonly string[] | string;
  if (isHead) piece = pieces.slice(0, sign === '-' ? Math.max(0, length - count) : count);
  else piece = pieces.slice(sign === '+' ? Math.max(0, count - 1) : Math.max(0, length - count));
  return typeof piece === 'string' ? piece : piece.join('');
}

const LONG_ENDS = {
  '--lines': 'n',
  '--bytes': 'c',
  '--quiet': 'q',
  '--silent': 'q',
  '--verbose': 'v',
  '--zero-terminated': 'z',
};

/** `head` and `tail`. */
const end =
  (name: 'head' | 'tail'): ShellCommand =>
  async (words, context) => {
    const [, old] = /^-(\d+)$/.exec(words[0] ?? '') ?? [];
    // An old way to write -n, which tail has with one file at most.
    if (name === 'tail' && old !== undefined && !(words.length < 2 || (words.length === 2 && !/^-./.test(words[1]))))
      if (!(words.length < 4 && words[1] === '--')) return failed(`tail: option used in invalid context -- ${old}`);
    const { given, options, rest, wrong, lacking } = read(
      old === undefined ? words : ['-n', old, ...words.slice(1)],
      'nc',
      'qvz',
      LONG_ENDS,
    );
    if (wrong) return unknown(name, wrong);
    if (lacking) return lacks(name, lacking);
    // The last of them counts, as the last of -q and -v.
    const kind = [...given.keys()].findLast(letter => letter === 'n' || letter === 'c') ?? 'n';
    const odd = options.find(([letter, value]) => 'nc'.includes(letter) && !amountOf(value));
    if (odd) return failed(`${name}: invalid number of ${odd[0] === 'n' ? 'lines' : 'bytes'}: '${odd[1]}'`);
    const amount = amountOf(given.get(kind) ?? '10')!;
    // tail.c: once from the start, always from there.
    if (name === 'tail' && options.some(([letter, value]) => 'nc'.includes(letter) && value.startsWith('+')))
      amount.sign = '+';
    // tail.c: nothing is to be written, so nothing is read.
    if (name === 'tail' && amount.count === 0 && amount.sign !== '+') return ran();
    const told = [...given.keys()].findLast(letter => letter === 'q' || letter === 'v');
    const separator = given.has('z') ? '\0' : '\n';
    const hasTitles = told === 'v' || (told !== 'q' && rest.length > 1);
    let stdout = '',
      stderr = '';
    for await (const { path, text, why } of inputs(rest, context)) {
      if (text === undefined && why === 'Is a directory') stderr += `${name}: error reading '${path}': ${why}\n`;
      else if (text === undefined) stderr += `${name}: cannot open '${path}' for reading: ${why}\n`;
      else {
        if (hasTitles) stdout += `${stdout === '' ? '' : '\n'}==> ${path === '-' ? 'standard input' : path} <==\n`;
        stdout += piecesOf(kind === 'c' ? text : recordsOf(text, separator), name === 'head', amount);
      }
    }
    return written(stdout, stderr);
  };

/** Records with what ends them; the last may have no end. */
export function recordsOf(text: string, separator: string): string[] {
  const records = text.split(separator);
  const last = records.pop()!;
  return [...records.map(each => each + separator), ...(last === '' ? [] : [last])];
}

const tac: ShellCommand = async (words, context) => {
  const { given, rest, wrong, lacking } = read(words, 's', 'b', { '--before': 'b', '--separator': 's' });
  if (wrong === '-r' || wrong === '--regex')
    return failed('tac: -r (a separator that is a regular expression) is not offered here');
  if (wrong) return unknown('tac', wrong);
  if (lacking) return lacks('tac', lacking);
  const separator = given.get('s') ?? '\n';
  if (separator === '') return failed('tac: an empty separator is not offered here');
  let stdout = '',
    stderr = '';
  for await (const { path, text, why } of inputs(rest, context)) {
    if (text === undefined)
      stderr +=
        why === 'Is a directory'
          ? `tac: ${path}: read error: ${why}\n`
          : `tac: failed to open '${path}' for reading: ${why}\n`;
    else if (given.has('b')) {
      const records = text.split(separator);
      stdout += records
        .map((each, i) => (i === 0 ? each : separator + each))
        .reverse()
        .join('');
    } else stdout += recordsOf(text, separator).reverse().join('');
  }
  return written(stdout, stderr);
};

/** The counts of a text by their letters. */
function countsOf(text: string): Record<string, number> {
  const bytes = Uint8Array.from(text, character => character.charCodeAt(0));
  const decoded = new TextDecoder().decode(bytes);
  let longest = 0;
  for (const line of decoded.split('\n')) {
    let width = 0;
    for (const character of line) width = character === '\t' ? width - (width % 8) + 8 : width + 1;
    longest = Math.max(longest, width);
  }
  return {
    l: text.split('\n').length - 1,
    w: decoded.match(/[^\s]+/g)?.length ?? 0,
    m: [...decoded].length,
    c: text.length,
    L: longest,
  };
}

const wc: ShellCommand = async (words, context) => {
  const { given, rest, wrong } = read(words, '', 'lwmcL', {
    '--lines': 'l',
    '--words': 'w',
    '--chars': 'm',
    '--bytes': 'c',
    '--max-line-length': 'L',
  });
  if (wrong) return unknown('wc', wrong);
  const shown = [...'lwmcL'].filter(letter => (given.size === 0 ? 'lwc'.includes(letter) : given.has(letter)));
  const rows: { counts: Record<string, number>; path: string | undefined }[] = [];
  let stderr = '',
    size = 0,
    least = 1,
    isFirstRead: boolean | undefined;
  const total: Record<string, number> = { l: 0, w: 0, m: 0, c: 0, L: 0 };
  for await (const { path, text, why } of inputs(rest, context)) {
    isFirstRead ??= text !== undefined || why === 'Is a directory';
    if (text === undefined) stderr += `wc: ${path}: ${why}\n`;
    // A folder counts as empty, and is no regular file.
    if (text === undefined && why !== 'Is a directory') continue;
    const counts = countsOf(text ?? '');
    if (path === '-' || text === undefined) least = 7;
    else size += counts.c;
    for (const letter of 'lwmc') total[letter] += counts[letter];
    total.L = Math.max(total.L, counts.L);
    rows.push({ counts, path: rest.length === 0 ? undefined : path });
  }
  if (rest.length > 1) rows.push({ counts: total, path: 'total' });
  // As compute_number_width() has it.
  const width = (rest.length <= 1 && shown.length === 1) || !isFirstRead ? 1 : Math.max(least, String(size).length);
  const stdout = rows
    .map(
      ({ counts, path }) =>
        `${shown.map(letter => String(counts[letter]).padStart(width)).join(' ')}${path === undefined ? '' : ` ${path}`}\n`,
    )
    .join('');
  return ran(stdout, stderr === '' ? 0 : 1, stderr);
};

/** Without what is in front of the last slash. */
function lastOf(name: string): string {
  const bare = name.replace(/\/+$/, '');
  return bare === '' ? name.slice(0, 1) : bare.slice(bare.lastIndexOf('/') + 1);
}
function folderOf(name: string): string {
  const bare = name.replace(/\/+$/, '');
  if (bare === '') return name.startsWith('/') ? '/' : '.';
  if (!bare.includes('/')) return '.';
  return bare.replace(/\/+[^/]*$/, '') || '/';
}

/** The same, with `--` where options end: at the first word that is none. `takesNext`: an option whose value is the next word. */
function endingOptions(words: readonly string[], takesNext: RegExp): readonly string[] {
  let end = 0;
  while (/^-./.test(words[end] ?? '') && words[end] !== '--') end += takesNext.test(words[end]) ? 2 : 1;
  return end >= words.length
    ? words
    : [...words.slice(0, end), '--', ...words.slice(words[end] === '--' ? end + 1 : end)];
}

const names =
  (name: 'basename' | 'dirname'): ShellCommand =>
  async words => {
    const isBase = name === 'basename';
    const { given, rest, wrong, lacking } = read(
      endingOptions(words, /^(?:-[az]*s|--suffix)$/),
      isBase ? 's' : '',
      isBase ? 'az' : 'z',
      {
        '--zero': 'z',
        ...(isBase ? { '--suffix': 's', '--multiple': 'a' } : {}),
      },
    );
    if (wrong) return unknown(name, wrong);
    if (lacking) return lacks(name, lacking);
    const help = `Try '${name} --help' for more information.`;
    if (rest.length === 0) return failed(`${name}: missing operand\n${help}`);
    const isMany = !isBase || given.has('a') || given.has('s');
    if (!isMany && rest.length > 2) return failed(`${name}: extra operand '${rest[2]}'\n${help}`);
    const suffix = given.get('s') ?? (isMany ? '' : (rest[1] ?? ''));
    const ended = (base: string): string =>
      suffix !== '' && base !== suffix && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base;
    const found = (isMany ? rest : rest.slice(0, 1)).map(each => (isBase ? ended(lastOf(each)) : folderOf(each)));
    return ran(found.map(each => each + (given.has('z') ? '\0' : '\n')).join(''));
  };

export const PIECES: Record<string, ShellCommand> = {
  head: end('head'),
  tail: end('tail'),
  tac,
  wc,
  basename: names('basename'),
  dirname: names('dirname'),
};
