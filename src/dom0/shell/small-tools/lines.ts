/** `cut`, `fold`, `nl` and `paste`, as coreutils 9.1 has them. Source: its manual, and src/cut.c, src/fold.c, src/nl.c and src/paste.c. */
import type { ShellCommand } from '../shell-command.ts';
import { failed, read, unknown } from './options.ts';
import { byteText, inputs, lacks, recordsOf, written } from './pieces.ts';

/** Whether a place, from 1, is in a list; a string: what is wrong with that. */
function placesOf(list: string, kind: 'fields' | 'bytes/characters'): ((place: number) => boolean) | string {
  const ranges: [number, number][] = [];
  for (const piece of list.split(/[, \t]/)) {
    const [, from, dash, to] = /^(\d*)(-?)(\d*)$/.exec(piece) ?? [];
    if (from === undefined || (from === '' && to === ''))
      return piece === '-'
        ? 'invalid range with no endpoint: -'
        : `invalid ${kind === 'fields' ? 'field value' : 'byte/character position'} '${piece}'`;
    const first = from === '' ? 1 : Number(from),
      last = dash === '' ? first : to === '' ? Infinity : Number(to);
    if (first === 0 || last === 0)
      return kind === 'fields' ? 'fields are numbered from 1' : 'byte/character positions are numbered from 1';
    if (last < first) return 'invalid decreasing range';
    ranges.push([first, last]);
  }
  return place => ranges.some(([first, last]) => place >= first && place <= last);
}

const cut: ShellCommand = async (words, context) => {
  const help = "\nTry 'cut --help' for more information.";
  // Each list is one; the last would be the only one that is seen.
  let lists = 0;
  for (const word of words.slice(0, words.includes('--') ? words.indexOf('--') : undefined))
    if (/^(?:-[snz]*[bcf]|--(?:bytes|characters|fields)(?:=|$))/.test(word)) lists++;
  if (words.some(word => /^--(?:output-delimiter)$/.test(word)))
    return failed('cut: --output-delimiter is written with = here');
  const delimiterOf = words.find(word => word.startsWith('--output-delimiter='))?.slice('--output-delimiter='.length);
  const isOther = words.includes('--complement');
  const { given, rest, wrong, lacking } = read(
    words.filter(word => !/^--(?:complement$|output-delimiter=)/.test(word)),
    'bcfd',
    'nsz',
    {
      '--bytes': 'b',
      '--characters': 'c',
      '--fields': 'f',
      '--delimiter': 'd',
      '--only-delimited': 's',
      '--zero-terminated': 'z',
    },
  );
  if (wrong) return unknown('cut', wrong);
  if (lacking) return lacks('cut', lacking);
  const kinds = ['b', 'c', 'f'].filter(letter => given.has(letter));
  if (lists > 1 || kinds.length > 1) return failed(`cut: only one list may be specified${help}`);
  if (kinds.length === 0) return failed(`cut: you must specify a list of bytes, characters, or fields${help}`);
  const [kind] = kinds,
    byField = kind === 'f';
  if (!byField && given.has('d'))
    return failed(`cut: an input delimiter may be specified only when operating on fields${help}`);
  if (!byField && given.has('s'))
    return failed(`cut: suppressing non-delimited lines makes sense\n\tonly when operating on fields${help}`);
  const delimiter = given.get('d') ?? '\t';
  // The empty one is a NUL.
  if (new TextEncoder().encode(delimiter).length > 1)
    return failed(`cut: the delimiter must be a single character${help}`);
  const places = placesOf(given.get(kind)!, byField ? 'fields' : 'bytes/characters');
  if (typeof places === 'string') return failed(`cut: ${places}${help}`);
  const isIn = isOther ? (place: number) => !places(place) : places;
  const split = delimiter === '' ? '\0' : delimiter,
    end = given.has('z') ? '\0' : '\n';
  if (split === end) return failed('cut: a delimiter that ends lines is not offered here');
  if (!byField && delimiterOf !== undefined) return failed('cut: --output-delimiter with bytes is not offered here');
  let stdout = '',
    stderr = '';
  for await (const { path, text, why } of inputs(rest, context)) {
    if (text === undefined) stderr += `cut: ${path}: ${why}\n`;
    else
      for (const record of recordsOf(text, end)) {
        const line = record.endsWith(end) ? record.slice(0, -1) : record;
        if (byField && !line.includes(split)) stdout += given.has('s') ? '' : line + end;
        else {
          const pieces = byField ? line.split(split) : line.split('');
          stdout += pieces.filter((_piece, i) => isIn(i + 1)).join(byField ? (delimiterOf ?? split) : '') + end;
        }
      }
  }
  return written(stdout, stderr);
};

const nl: ShellCommand = async (words, context) => {
  const { given, rest, wrong, lacking } = read(words, 'bihfnsvwld', 'p', {
    '--body-numbering': 'b',
    '--line-increment': 'i',
    '--number-format': 'n',
    '--number-separator': 's',
    '--starting-line-number': 'v',
    '--number-width': 'w',
  });
  const odd = ['p', 'h', 'f', 'l', 'd'].find(letter => given.has(letter));
  if (wrong) return unknown('nl', wrong);
  if (lacking) return lacks('nl', lacking);
  if (odd !== undefined) return failed(`nl: -${odd} is not offered here`);
  const style = given.get('b') ?? 't',
    form = given.get('n') ?? 'rn';
  if (/^p/.test(style)) return failed('nl: -b with a pattern is not offered here');
  if (!/^[atn]$/.test(style)) return failed(`nl: invalid body numbering style: '${style}'`);
  if (!/^(?:ln|rn|rz)$/.test(form)) return failed(`nl: invalid line numbering format: '${form}'`);
  const [start, step, width] = [given.get('v') ?? '1', given.get('i') ?? '1', given.get('w') ?? '6'];
  for (const [value, what] of [
    [start, 'starting line number'],
    [step, 'line number increment'],
    [width, 'line number field width'],
  ])
    if (!/^-?\d+$/.test(value) || (value === width && Number(width) < 1))
      return failed(`nl: invalid ${what}: '${value}'`);
  const separator = given.get('s') ?? '\t',
    wide = Number(width);
  let at = Number(start),
    stdout = '',
    stderr = '';
  for await (const { path, text, why } of inputs(rest, context)) {
    if (text === undefined) stderr += `nl: ${path}: ${why}\n`;
    else if (/^(?:\\:){1,3}$/m.test(text)) return failed('nl: logical pages (lines of \\:) are not offered here');
    else
      for (const record of recordsOf(text, '\n')) {
        const line = record.replace(/\n$/, '');
        if (style === 'n' || (style === 't' && line === ''))
          stdout += `${' '.repeat(wide + separator.length)}${line}\n`;
        else {
          const digits =
            form === 'rz'
              ? `${at < 0 ? '-' : ''}${String(Math.abs(at)).padStart(wide - (at < 0 ? 1 : 0), '0')}`
              : String(at);
          stdout += `${form === 'ln' ? digits.padEnd(wide) : digits.padStart(wide)}${separator}${line}\n`;
          at += Number(step);
        }
      }
  }
  return written(stdout, stderr);
};

/** What is between columns, one after the other; a backslash with another letter is the letter, as in paste's collapse_escapes(). Undefined: it ends in a backslash. */
function delimitersOf(list: string): string[] | undefined {
  if (/(?<!\\)(?:\\\\)*\\$/.test(list)) return undefined;
  const named: Record<string, string> = { 0: '', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
  const found = [...list.matchAll(/\\(.)|([^\\])/gs)].map(([, escaped, plain]) => plain ?? named[escaped] ?? escaped);
  return found.length === 0 ? [''] : found;
}

const paste: ShellCommand = async (words, context) => {
  const { given, rest, wrong, lacking } = read(words, 'd', 'sz', {
    '--delimiters': 'd',
    '--serial': 's',
    '--zero-terminated': 'z',
  });
  if (wrong) return unknown('paste', wrong);
  if (lacking) return lacks('paste', lacking);
  const list = given.get('d') ?? '\t';
  const delimiters = delimitersOf(byteText(list));
  if (!delimiters) return failed(`paste: delimiter list ends with an unescaped backslash: ${list}`);
  const separator = given.has('z') ? '\0' : '\n';
  const isSerial = given.has('s');
  const columns: string[][] = [];
  let stderr = '',
    standard: string[] | undefined;
  for await (const { path, text, why } of inputs(rest, context)) {
    if (text === undefined && !isSerial) return failed(`paste: ${path}: ${why}`);
    if (text === undefined) stderr += `paste: ${path}: ${why}\n`;
    else {
      const lines = recordsOf(text, separator).map(each => (each.endsWith(separator) ? each.slice(0, -1) : each));
      // Columns of standard input take its lines one after the other.
      if (path !== '-') columns.push(lines);
      else if (isSerial) columns.push(standard ? [] : lines);
      else columns.push((standard ??= lines));
      if (path === '-') standard ??= lines;
    }
  }
  const joined = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell : delimiters[(i - 1) % delimiters.length] + cell)).join('') + separator;
  if (isSerial) return written(columns.map(joined).join(''), stderr);
  let stdout = '';
  while (columns.some(column => column.length > 0)) stdout += joined(columns.map(column => column.shift() ?? ''));
  return written(stdout, stderr);
};

const isBlank = (character: string): boolean => character === ' ' || character === '\t';

/** One line in pieces as wide as it says. */
function folded(line: string, width: number, byBytes: boolean, atBlanks: boolean): string[] {
  const after = (column: number, character: string): number => {
    if (byBytes) return column + 1;
    if (character === '\b') return Math.max(0, column - 1);
    if (character === '\r') return 0;
    return character === '\t' ? column + 8 - (column % 8) : column + 1;
  };
  const pieces: string[] = [];
  let piece = '',
    column = 0;
  for (const character of line) {
    while (after(column, character) > width && piece !== '') {
      const blank = atBlanks ? [...piece].findLastIndex(isBlank) : -1;
      const end = blank < 0 ? piece.length : blank + 1;
      pieces.push(piece.slice(0, end));
      piece = piece.slice(end);
      column = [...piece].reduce(after, 0);
    }
    column = after(column, character);
    piece += character;
  }
  return piece === '' && pieces.length > 0 ? pieces : [...pieces, piece];
}

const fold: ShellCommand = async (words, context) => {
  const { given, rest, wrong, lacking } = read(
    words.map(word => word.replace(/^-(\d+)$/, '-w$1')),
    'w',
    'bs',
    { '--width': 'w', '--bytes': 'b', '--spaces': 's' },
  );
  if (wrong) return unknown('fold', wrong);
  if (lacking) return lacks('fold', lacking);
  const width = given.get('w') ?? '80';
  if (!/^0*[1-9]\d*$/.test(width)) return failed(`fold: invalid number of columns: '${width}'`);
  let stdout = '',
    stderr = '';
  for await (const { path, text, why } of inputs(rest, context)) {
    if (text === undefined) stderr += `fold: ${path}: ${why}\n`;
    else
      for (const record of recordsOf(text, '\n')) {
        const line = record.replace(/\n$/, '');
        stdout += folded(line, Number(width), given.has('b'), given.has('s')).join('\n') + record.slice(line.length);
      }
  }
  return written(stdout, stderr);
};

export const LINES: Record<string, ShellCommand> = { cut, fold, nl, paste };
