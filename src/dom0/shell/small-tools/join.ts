/** `join` of two sorted files. Sources: the manual of coreutils 9.1, and its src/join.c. */
import type { ExecResult } from 'just-bash/browser';
import type { ShellCommand } from '../shell-command.ts';
import { failed, read, unknown } from './options.ts';
import { byteText, inputs, lacks, recordsOf, written } from './pieces.ts';

type Line = readonly string[];
/** A field of a line, from 0; of file 0: that which both have alike. */
interface Field {
  file: 0 | 1 | 2;
  field: number;
}
interface Form {
  /** Of each file, the field that is compared, from 0. */
  fields: readonly [number, number];
  /** Absent: the common field, and all others of both. */
  list: readonly Field[] | undefined;
  /** How many fields lines have, with `-o auto`. */
  counts: readonly [number, number] | undefined;
  filler: string;
  separator: string;
}

/** Fields between blanks, or between each two of a character; of '' the line is one. */
function fieldsOf(line: string, tab: string | undefined): string[] {
  // Behind blanks at the end is one more, which is empty.
  if (tab === undefined) return /[^ \t\n]/.test(line) ? line.replace(/^[ \t\n]+/, '').split(/[ \t\n]+/) : [];
  return line === '' ? [] : tab === '' ? [line] : line.split(tab);
}

function compared(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** `0,1.2 2.1`. Undefined: a part of it is something else. */
function listOf(text: string): Field[] | undefined {
  const found: Field[] = [];
  for (const part of text.split(/[, \t]/)) {
    const [, file, field] = /^(?:0|([12])\.([1-9]\d*))$/.exec(part) ?? ['', 'none'];
    if (file === 'none') return undefined;
    found.push(file === undefined ? { file: 0, field: 0 } : { file: Number(file) as 1 | 2, field: Number(field) - 1 });
  }
  return found;
}

/** prjoin(): one line of what is written, of a line of each file or of one. */
function joined(one: Line | undefined, other: Line | undefined, form: Form): string {
  const { fields, list, counts, filler, separator } = form;
  const common = one ? one[fields[0]] : other?.[fields[1]];
  const shown = (field: string | undefined): string => field || filler;
  if (list)
    return list
      .map(({ file, field }) => shown(file === 0 ? common : (file === 1 ? one : other)?.[field]))
      .join(separator);
  const others = (line: Line | undefined, i: 0 | 1): string[] =>
    Array.from({ length: counts?.[i] ?? line?.length ?? 0 }, (_, field) => shown(line?.[field])).filter(
      (_field, at) => at !== fields[i],
    );
  return [shown(common), ...others(one, 0), ...others(other, 1)].join(separator);
}

interface Asked {
  form: Form;
  /** Lines of which file are written where the other has none. */
  alone: ReadonlySet<string>;
  pairs: boolean;
}

/** Both files' lines as one, which both are in order. */
function all(
  one: readonly Line[],
  other: readonly Line[],
  { form, alone, pairs }: Asked,
  compare: (one: string, other: string) => number,
): string[] {
  const [a, b] = form.fields;
  const result: string[] = [];
  const endOf = (lines: readonly Line[], from: number, field: number): number => {
    let end = from + 1;
    while (end < lines.length && compare(lines[end][field] ?? '', lines[from][field] ?? '') === 0) end++;
    return end;
  };
  for (let i = 0, j = 0; i < one.length || j < other.length; ) {
    const order = i >= one.length ? 1 : j >= other.length ? -1 : compare(one[i][a] ?? '', other[j][b] ?? '');
    if (order < 0) {
      if (alone.has('1')) result.push(joined(one[i], undefined, form));
      i++;
    } else if (order > 0) {
      if (alone.has('2')) result.push(joined(undefined, other[j], form));
      j++;
    } else {
      const [ends, otherEnds] = [endOf(one, i, a), endOf(other, j, b)];
      if (pairs)
        for (const line of one.slice(i, ends))
          for (const each of other.slice(j, otherEnds)) result.push(joined(line, each, form));
      [i, j] = [ends, otherEnds];
    }
  }
  return result;
}

/** What options say of fields and lines; a string: what is wrong with them. */
function askedOf(options: readonly [letter: string, value: string][]): (Asked & { isAuto: boolean }) | string {
  const values = (letters: string): string[] =>
    options.filter(([letter]) => letters.includes(letter)).map(([, value]) => value);
  const wrongFile = values('av').find(value => value !== '1' && value !== '2');
  if (wrongFile !== undefined) return `invalid file number: '${wrongFile}'`;
  const wrongField = values('12j').find(value => !/^0*[1-9]\d*$/.test(value));
  if (wrongField !== undefined) return `invalid field number: '${wrongField}'`;
  const [first, second] = [new Set(values('1j')), new Set(values('2j'))];
  for (const each of [first, second]) if (each.size > 1) return `incompatible join fields ${[...each].join(', ')}`;
  const isAuto = values('o').includes('auto');
  const list = isAuto ? [] : values('o').map(listOf);
  const wrongList = list.indexOf(undefined);
  if (wrongList >= 0) return `invalid field specifier: '${values('o')[wrongList]}'`;
  const fillers = new Set(values('e')),
    tabs = new Set(values('t'));
  if (fillers.size > 1) return 'conflicting empty-field replacement strings';
  if (tabs.size > 1) return 'incompatible tabs';
  const [tab = ' '] = tabs;
  if (tab !== '\\0' && [...tab].length > 1) return `multi-character tab '${tab}'`;
  return {
    isAuto,
    alone: new Set(values('av')),
    pairs: !options.some(([letter]) => letter === 'v'),
    form: {
      fields: [Number([...first][0] ?? 1) - 1, Number([...second][0] ?? 1) - 1],
      list: list.length > 0 ? list.flatMap(each => each ?? []) : undefined,
      counts: undefined,
      filler: byteText([...fillers][0] ?? ''),
      separator: tab === '\\0' ? '\0' : tab === '' ? '\n' : tab,
    },
  };
}

export const join: ShellCommand = async (words, context): Promise<ExecResult> => {
  const { given, options, rest, wrong, lacking } = read(words, 'aejotv12', 'izCN', {
    '--ignore-case': 'i',
    '--check-order': 'C',
    '--nocheck-order': 'N',
    '--zero-terminated': 'z',
  });
  if (wrong === '--header') return failed('join: --header is not offered here: join the lines behind it (tail -n +2)');
  if (wrong) return unknown('join', wrong);
  if (lacking) return lacks('join', lacking);
  const asked = askedOf(options);
  if (typeof asked === 'string') return failed(`join: ${asked}`);
  if (rest.length !== 2)
    return failed(
      rest.length < 2
        ? `join: missing operand${rest.length === 1 ? ` after '${rest[0]}'` : ''}\nTry 'join --help' for more information.`
        : `join: extra operand '${rest[2]}'\nTry 'join --help' for more information.`,
    );
  if (rest[0] === '-' && rest[1] === '-') return failed('join: both files cannot be standard input');
  const ignores = given.has('i');
  const compare = (one: string, other: string): number =>
    ignores ? compared(one.toUpperCase(), other.toUpperCase()) : compared(one, other);
  const separator = given.has('z') ? '\0' : '\n',
    tab = given.has('t') ? (given.get('t') === '' ? '' : asked.form.separator) : undefined;
  const files: Line[][] = [];
  for await (const { path, text, why } of inputs(rest, context)) {
    if (text === undefined) return failed(`join: ${path}: ${why}`);
    const lines = recordsOf(text, separator).map(each => (each.endsWith(separator) ? each.slice(0, -1) : each));
    const field = asked.form.fields[files.length];
    const read = lines.map(line => fieldsOf(line, tab));
    const at = read.findIndex((line, i) => i > 0 && compare(read[i - 1][field] ?? '', line[field] ?? '') > 0);
    if (at >= 0) return failed(`join: ${path}:${at + 1}: is not sorted: ${lines[at]}`);
    files.push(read);
  }
  const [one, other] = files;
  const counts = asked.isAuto ? ([one[0]?.length ?? 0, other[0]?.length ?? 0] as const) : undefined;
  const lines = all(one, other, { ...asked, form: { ...asked.form, counts } }, compare);
  return written(lines.map(line => line + separator).join(''), '');
};
