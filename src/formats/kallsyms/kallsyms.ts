/**
 * The table of symbols that a Linux kernel has in its own read-only data (CONFIG_KALLSYMS), found in the file that holds it: a stripped vmlinux names its
 * functions and variables there and nowhere else. Source: scripts/kallsyms.c of Linux 6.1, write_src(): offsets, base, count, names, markers, tokens and their
 * index follow each other, each aligned to a pointer; kernel/kallsyms.c for how they are read.
 */

export interface KallsymsSymbol {
  name: string;
  /** As nm has it: T is a function, D and B are variables; small letters are local. */
  type: string;
  /** Without its sign: 0xffffffff81000000. */
  address: bigint;
}

/** Symbols from one marker to the next. */
const A_MARKER = 256;
const TOKENS = 256,
  DIGIT_0 = 0x30;
/** Tokens of one letter each, which no compression of names takes away. */
const DIGITS = Uint8Array.from({ length: 20 }, (_, i) => (i & 1 ? 0 : DIGIT_0 + (i >> 1)));
/** A name of more than 127 tokens has its length in two bytes. */
const LONG_NAME = 0x80;
/** KSYM_NAME_LEN, with the type in front; a token is a part of a name. */
const MOST_LETTERS = 512;
/** Debian's kernels have a tenth of them, and of the letters of all names. */
const MOST_SYMBOLS = 2 ** 20,
  MOST_TEXT = 2 ** 26;
/** Steps of the search for a byte of the file: a kernel has one table of tokens and few bases, and what has more is no kernel. */
const STEPS_A_BYTE = 4;

/** How much searching is left. */
interface Search {
  steps: number;
}

const align = (at: number, to: number): number => Math.ceil(at / to) * to;

/** The tokens, and where their table begins; undefined: nothing there is that table. */
function tokensAt(file: Uint8Array, view: DataView, digits: number, pointer: number) {
  let end = digits;
  for (let token = DIGIT_0; token < TOKENS; token++) {
    end = file.indexOf(0, end) + 1;
    if (end === 0) return undefined;
  }
  const index = align(end, pointer);
  if (index + 2 * TOKENS > file.length) return undefined;
  const offset = (token: number): number => view.getUint16(index + 2 * token, true);
  const start = digits - offset(DIGIT_0);
  if (offset(0) !== 0 || start < 0) return undefined;
  const tokens: string[] = [];
  for (let token = 0; token < TOKENS; token++) {
    const from = start + offset(token),
      to = file.indexOf(0, from);
    if (to < from || to >= end || to - from > MOST_LETTERS) return undefined;
    tokens.push(String.fromCharCode(...file.subarray(from, to)));
  }
  return { tokens, start };
}

interface Found {
  /** Where the count is. */
  count: number;
  /** Of each name, where its tokens are and how many it has. */
  names: { at: number; length: number }[];
}

/** This many names from a place on, and where they end; undefined: one of them has none, or they lead behind `limit`. */
function namesAt(file: Uint8Array, from: number, count: number, limit: number, search: Search) {
  const names: Found['names'] = [],
    markers: number[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    if (i % A_MARKER === 0) markers.push(at - from);
    let length = file[at++]!;
    if (length & LONG_NAME) length = (length & (LONG_NAME - 1)) | (file[at++]! << 7);
    if (length === 0 || at + length > limit || search.steps-- <= 0) return undefined;
    names.push({ at, length });
    at += length;
  }
  return { names, markers, end: at };
}

/** The names whose markers lie before these tokens, with or without three bytes for each symbol between them: its place in the order of names (since 6.2, and in 6.1's later releases). */
function namesBefore(
  file: Uint8Array,
  view: DataView,
  tokens: number,
  pointer: number,
  search: Search,
): Found | undefined {
  for (let count = tokens - pointer - (tokens % pointer); count >= 2 * pointer; count -= pointer) {
    const symbols = view.getUint32(count, true);
    if (search.steps-- <= 0) return undefined;
    if (symbols === 0 || symbols > Math.min(MOST_SYMBOLS, tokens - count)) continue;
    // Their offsets lie before the base.
    if (count - pointer < align(4 * symbols, pointer) || !isBase(view, count - pointer, pointer)) continue;
    const found = namesAt(file, count + pointer, symbols, tokens, search);
    if (!found) continue;
    const start = align(found.end, pointer),
      end = align(start + 4 * found.markers.length, pointer);
    const isMarked = (marker: number, i: number): boolean => view.getUint32(start + 4 * i, true) === marker;
    const leadsThere = end === tokens || align(end + 3 * symbols, pointer) === tokens;
    if (leadsThere && found.markers.every(isMarked)) return { count, names: found.names };
  }
  return undefined;
}

/** Kernels lie on a page in the upper half, those of 64 bits in its last 2 GiB. */
const isBase = (view: DataView, at: number, pointer: number): boolean => {
  const low = view.getUint32(at, true);
  return low % 4096 === 0 && low >= 2 ** 30 && (pointer === 4 || view.getUint32(at + 4, true) === 2 ** 32 - 1);
};

/** The symbols of a kernel, in its order. `file`: an ELF kernel, unpacked; `bits`: of its pointers. Undefined: it has no such table, or of another version, or one that no kernel has. */
export function kallsymsOf(file: Uint8Array, bits: 32 | 64): KallsymsSymbol[] | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength),
    pointer = bits / 8,
    search = { steps: STEPS_A_BYTE * file.length };
  for (let digits = file.indexOf(DIGIT_0); digits >= 0; digits = file.indexOf(DIGIT_0, digits + 1)) {
    if (!DIGITS.every((byte, i) => file[digits + i] === byte)) continue;
    const table = tokensAt(file, view, digits, pointer);
    const found = table && namesBefore(file, view, table.start, pointer, search);
    if (table && found) return symbolsOf(file, view, found, table.tokens, pointer);
  }
  return undefined;
}

function symbolsOf(
  file: Uint8Array,
  view: DataView,
  { count, names }: Found,
  tokens: readonly string[],
  pointer: number,
): KallsymsSymbol[] | undefined {
  const isLong = pointer === 8,
    baseAt = count - pointer,
    base = isLong ? view.getBigUint64(baseAt, true) : BigInt(view.getUint32(baseAt, true)),
    offsets = baseAt - align(4 * names.length, pointer);
  const offsetOf = (i: number): number => view.getInt32(offsets + 4 * i, true);
  // What is not negative is an address of its own then, that of a variable of each processor, and others are negative (CONFIG_KALLSYMS_ABSOLUTE_PERCPU: 64 bits,
  // SMP).
  const isPerCpu = isLong && names.some((_, i) => offsetOf(i) < 0);
  const symbols: KallsymsSymbol[] = [];
  let letters = 0;
  for (const [i, { at, length }] of names.entries()) {
    if (length > MOST_LETTERS) return undefined;
    const text = Array.from(file.subarray(at, at + length), token => tokens[token]).join('');
    letters += text.length;
    if (text === '' || text.length > MOST_LETTERS || letters > MOST_TEXT) return undefined;
    const offset = offsetOf(i);
    const address = isPerCpu
      ? offset >= 0
        ? BigInt(offset)
        : base - 1n - BigInt(offset)
      : base + BigInt(offset >>> 0);
    symbols.push({ type: text[0]!, name: text.slice(1), address: BigInt.asUintN(8 * pointer, address) });
  }
  return symbols;
}
