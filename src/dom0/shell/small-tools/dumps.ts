/** Bytes in digits: hexdump and xxd as of bsdextrautils and vim, od as of coreutils. */
import type { ShellCommand } from '../shell-command.ts';
import { apart } from '../tool-options.ts';
import { contentOf, failed, ran, read, unknown } from './options.ts';

export const DUMPS: Record<string, ShellCommand> = {
  hexdump: async (words, context) => {
    const { given, rest, wrong } = read(words, 'ns', 'Cv');
    if (wrong) return unknown('hexdump', wrong);
    const content = await contentOf(rest[0] ?? '-', context);
    if (!content) return failed(`hexdump: ${rest[0]}: No such file or directory`);
    const start = numberOf(given.get('s') ?? '0'),
      piece = content.subarray(start, start + numberOf(given.get('n') ?? 'Infinity'));
    return ran(hexdump(piece, start, given.has('C'), given.has('v')));
  },

  xxd: async (words, context) => {
    const { given, rest, wrong } = read(words, 'lscg', 'pur', { '--plain': 'p', '--ps': 'p' });
    if (wrong) return unknown('xxd', wrong);
    const content = await contentOf(rest[0] ?? '-', context);
    if (!content) return failed(`xxd: ${rest[0]}: No such file or directory`, 2);
    if (given.has('r')) {
      const digits = new TextDecoder()
        .decode(content)
        .split('\n')
        .map(line => (given.has('p') ? line : line.replace(/^[0-9a-f]+: /i, '').replace(/ {2}.*$/, '')))
        .join('')
        .replace(/[^0-9a-f]/gi, '');
      return {
        ...ran((digits.match(/../g) ?? []).map(each => String.fromCharCode(Number.parseInt(each, 16))).join('')),
        stdoutKind: 'bytes',
      };
    }
    const start = numberOf(given.get('s') ?? '0'),
      piece = content.subarray(start, start + numberOf(given.get('l') ?? 'Infinity'));
    const across = Number(given.get('c') ?? (given.has('p') ? 30 : 16)),
      inGroup = Number(given.get('g') ?? 2);
    const lines: string[] = [];
    for (let at = 0; at < piece.length; at += across) {
      const row = [...piece.subarray(at, at + across)],
        hex = row.map(byte => two(byte));
      const text = given.has('u') ? hex.map(each => each.toUpperCase()) : hex;
      if (given.has('p')) lines.push(text.join(''));
      else {
        const width = 2 * across + Math.ceil(across / inGroup) - 1;
        lines.push(
          `${(start + at).toString(16).padStart(8, '0')}: ${text
            .map((each, i) => (i > 0 && i % inGroup === 0 ? ` ${each}` : each))
            .join('')
            .padEnd(width)}  ${row.map(shown).join('')}`,
        );
      }
    }
    return ran(lines.map(line => `${line}\n`).join(''));
  },

  od: async (words, context) => {
    const { given, rest, wrong } = read(words, 'AtNjw', 'abcdfhilosvx', {
      '--address-radix': 'A',
      '--format': 't',
      '--read-bytes': 'N',
      '--skip-bytes': 'j',
    });
    if (wrong) return unknown('od', wrong);
    const formats = apart(words, ['AtNjw', 'abcdfhilosvx']).filter(word =>
      /^-(?:[abcdfhilostx]|-format.*)$/.test(word),
    );
    const odd = formats.find(word => /^-[afhils]$/.test(word)) ?? (given.has('w') ? '-w' : undefined);
    if (odd) return failed(`od: ${odd} is not offered here`);
    if (formats.length > 1) return failed('od: several formats at once are not offered here');
    if (rest.length > 1) return failed('od: several files are not offered here');
    if (!/^[doxn]$/.test(given.get('A') ?? 'o'))
      return failed(`od: invalid output address radix '${given.get('A')}'; it must be one character from [doxn]`);
    const content = await contentOf(rest[0] ?? '-', context);
    if (!content) return failed(`od: ${rest[0]}: No such file or directory`);
    const form = given.has('c')
      ? 'c'
      : given.has('x')
        ? 'x2'
        : given.has('b')
          ? 'o1'
          : given.has('d')
            ? 'u2'
            : (given.get('t') ?? 'o2');
    const [, kind, size] = /^([cxoud])([1248]?)$/.exec(form) ?? [];
    if (kind === undefined) return failed(`od: invalid type string ‘${form}’`);
    const start = numberOf(given.get('j') ?? '0'),
      piece = content.subarray(start, start + numberOf(given.get('N') ?? 'Infinity'));
    return ran(od(piece, start, kind, Number(size || (kind === 'c' ? 1 : 4)), given.get('A') ?? 'o', given.has('v')));
  },
};

/** A number of bytes, as hexdump and od take it. */
const numberOf = (text: string): number =>
  text === 'Infinity'
    ? Infinity
    : Number(text.replace(/[kKmM]$/, '')) * (/k$/i.test(text) ? 1024 : /m$/i.test(text) ? 2 ** 20 : 1);

const two = (byte: number): string => byte.toString(16).padStart(2, '0');

const shown = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');

/** Rows of 16 bytes, those that are as the one before once as `*`, and the end's offset. */
function rows(
  bytes: Uint8Array,
  start: number,
  all: boolean,
  offset: (at: number) => string,
  row: (bytes: Uint8Array) => string,
): string {
  const lines: string[] = [];
  let before: string | undefined,
    isStarred = false;
  for (let at = 0; at < bytes.length; at += 16) {
    const text = row(bytes.subarray(at, at + 16));
    if (!all && text === before && at + 16 <= bytes.length) {
      if (!isStarred) lines.push('*\n');
      isStarred = true;
      continue;
    }
    isStarred = false;
    before = text;
    lines.push(`${offset(start + at)}${text}\n`);
  }
  const end = offset(start + bytes.length);
  return lines.join('') + (end === '' ? '' : `${end}\n`);
}

function hexdump(bytes: Uint8Array, start: number, isCanonical: boolean, all: boolean): string {
  if (bytes.length === 0) return '';
  if (isCanonical) {
    const half = (part: Uint8Array): string => [...part].map(two).join(' ').padEnd(23);
    return rows(
      bytes,
      start,
      all,
      at => at.toString(16).padStart(8, '0'),
      row => `  ${half(row.subarray(0, 8))}  ${half(row.subarray(8))}  |${[...row].map(shown).join('')}|`,
    );
  }
  return rows(
    bytes,
    start,
    all,
    at => at.toString(16).padStart(7, '0'),
    row =>
      Array.from({ length: Math.ceil(row.length / 2) }, (_, i) => ` ${two(row[2 * i + 1] ?? 0)}${two(row[2 * i])}`)
        .join('')
        .padEnd(40),
  );
}

/** Digits that the largest value of this many bytes has. */
const DIGITS: Record<string, Record<number, number>> = {
  x: { 1: 2, 2: 4, 4: 8, 8: 16 },
  o: { 1: 3, 2: 6, 4: 11, 8: 22 },
  u: { 1: 3, 2: 5, 4: 10, 8: 20 },
  d: { 1: 4, 2: 6, 4: 11, 8: 20 },
};

const ESCAPES: Record<number, string> = {
  0: '\\0',
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
};

function od(bytes: Uint8Array, start: number, kind: string, size: number, radix: string, all: boolean): string {
  const offset = (at: number): string =>
    radix === 'n'
      ? ''
      : radix === 'x'
        ? at.toString(16).padStart(6, '0')
        : radix === 'd'
          ? String(at).padStart(7, '0')
          : at.toString(8).padStart(7, '0');
  const value = (row: Uint8Array, at: number): string => {
    if (kind === 'c')
      return (
        ESCAPES[row[at]] ??
        (row[at] >= 0x20 && row[at] < 0x7f ? String.fromCharCode(row[at]) : row[at].toString(8).padStart(3, '0'))
      ).padStart(4);
    let number = 0n;
    for (let i = size - 1; i >= 0; i--) number = (number << 8n) | BigInt(row[at + i] ?? 0);
    if (kind === 'd') number = BigInt.asIntN(8 * size, number);
    const digits = DIGITS[kind][size];
    return ` ${kind === 'x' ? number.toString(16).padStart(digits, '0') : kind === 'o' ? number.toString(8).padStart(digits, '0') : number.toString().padStart(digits)}`;
  };
  return rows(bytes, start, all, offset, row =>
    Array.from({ length: Math.ceil(row.length / size) }, (_, i) => value(row, i * size)).join(''),
  );
}
