/**
 * Fixtures of single instructions and short blocks that were recorded on a real processor: JSON lines, gzipped or plain.
 * The format is described in test/oracle/README.md and, for 64-bit code, at the head of make/gen.py.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Linear addresses of the machine around a case; 64-bit code knows more (LONG_AREAS). */
export const CODE = 0x20000,
  CODE_SIZE = 0x1000,
  START = 0x400;
export const DATA = 0x30000,
  DATA_SIZE = 0x2000;
export const STACK = 0x34000,
  STACK_SIZE = 0x1000;

/** CS of 64-bit code, as Linux has it. */
export const CODE64_SELECTOR = 0x33;

export interface Area {
  base: number;
  size: number;
  holds: 'code' | 'data';
}
const area = (holds: Area['holds'], base: number, size: number): Area => ({ base, size, holds });

/** What is mapped for a case of 32 or 16 bits. */
export const AREAS: readonly Area[] = [
  area('code', CODE, CODE_SIZE),
  area('data', DATA, DATA_SIZE),
  area('data', STACK, STACK_SIZE),
];

/** And for one of 64 bits: data across 4 GiB, code across 8 GiB, a stack across 12 GiB, and all of AREAS again 20 TiB up. */
export const LONG_AREAS: readonly Area[] = [
  ...AREAS,
  area('code', 0x1_0002_0000, 0x1000),
  area('data', 0xffff_f000, 0x2000),
  area('data', 0x1_0003_4000, 0x1000),
  area('code', 0x1_ffff_f000, 0x2000),
  area('data', 0x2_0003_0000, 0x2000),
  area('data', 0x2_ffff_f000, 0x2000),
  area('code', 0x1234_0002_0000, 0x1000),
  area('data', 0x1234_0003_0000, 0x2000),
  area('data', 0x1234_0003_4000, 0x1000),
];

/** Bytes at a linear address. */
export type Span = readonly [address: number, bytes: Uint8Array];

/** x87 and SSE state. ST registers are 80-bit integers, XMM 128-bit ones: 8 of them, or 16 in 64-bit code. */
export interface FloatState {
  cw: number;
  sw: number;
  tw: number;
  mx: number;
  st: bigint[];
  xm: bigint[];
}

export interface Outcome {
  vector: number;
  errorCode: number | undefined;
  cr2: bigint | undefined;
  ip: bigint;
  /** Selector; undefined where it is not given. */
  cs: number | undefined;
  flags: number;
  /** All registers as they should be at the end. */
  registers: bigint[];
  memory: Span[];
  /** As it should be at the end (ST by the final TOP); undefined where the case has none. */
  float: FloatState | undefined;
}

export interface Case {
  form: string;
  bits: 16 | 32 | 64;
  code: Uint8Array;
  /** Linear address of the code. */
  at: number;
  /** Eight of 32 bits or sixteen of 64, unsigned. */
  registers: bigint[];
  /** Of 64-bit code. */
  bases: { fs: bigint; gs: bigint };
  flags: number;
  memory: Span[];
  float: FloatState | undefined;
  undefinedFlags: number;
  undefinedStatus: number;
  undefinedMemory: readonly (readonly [address: number, length: number])[];
  undefinedRegisters: readonly (readonly [index: number, mask: bigint])[];
  tolerance: 'x87' | 'rcp' | undefined;
  outcome: Outcome;
  /** Vendor of the processor that was asked, where the fixture names it. */
  vendor: string | undefined;
  /** Its line in the file. */
  line: number;
}

/** A fixture file is not what it should be; the message names file and line. */
export class FixtureError extends Error {}

/** Thrown with a sentence about one field; the reader adds file and line. */
class FieldError extends Error {}
const refuse = (what: string): never => {
  throw new FieldError(what);
};

type Json = Record<string, unknown>;
const object = (value: unknown, name: string): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : refuse(`${name} is not an object`);
const list = (value: unknown, name: string): unknown[] =>
  Array.isArray(value) ? value : refuse(`${name} is not a list`);
const optionalList = (value: unknown, name: string): unknown[] => (value === undefined ? [] : list(value, name));
const number = (value: unknown, name: string, max = 0xffff_ffff): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
    ? value
    : refuse(`${name} is not a whole number from 0 to ${max}`);
const optionalNumber = (value: unknown, name: string, max?: number): number | undefined =>
  value === undefined ? undefined : number(value, name, max);

function bytes(value: unknown, name: string): Uint8Array {
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value))
    return refuse(`${name} is not a string of hexadecimal bytes`);
  return Uint8Array.from(Buffer.from(value, 'hex'));
}

/** An integer of `bits` bits, big-endian hexadecimal. */
function wide(value: unknown, bits: number, name: string): bigint {
  if (typeof value !== 'string' || !new RegExp(`^[0-9a-f]{1,${bits / 4}}$`, 'i').test(value))
    return refuse(`${name} is not a ${bits}-bit hexadecimal number`);
  return BigInt(`0x${value}`);
}

function pair<A, B>(value: unknown, name: string, first: (value: unknown) => A, second: (value: unknown) => B): [A, B] {
  const entry = list(value, name);
  if (entry.length !== 2) refuse(`${name} is not a pair`);
  return [first(entry[0]), second(entry[1])];
}

/** How a case writes values of registers and addresses: numbers, or of 64-bit code hexadecimal strings. */
interface Notation {
  bits: 16 | 32 | 64;
  /** Registers, general and XMM. */
  count: number;
  value(json: unknown, name: string): bigint;
}
const NARROW: Notation = { bits: 32, count: 8, value: (json, name) => BigInt(number(json, name)) };
const LONG: Notation = { bits: 64, count: 16, value: (json, name) => wide(json, 64, name) };

/** A linear address of the lower half. */
function address(json: unknown, name: string, { value }: Notation): number {
  const at = value(json, name);
  return at < 1n << 47n ? Number(at) : refuse(`${name}: ${at.toString(16)} is no address of a program`);
}

function spans(value: unknown, name: string, notation: Notation): Span[] {
  const areas = (notation.bits === 64 ? LONG_AREAS : AREAS).filter(({ holds }) => holds === 'data');
  return optionalList(value, name).map(entry => {
    const [at, data] = pair(
      entry,
      name,
      where => address(where, `${name}: address`, notation),
      text => bytes(text, name),
    );
    if (!areas.some(({ base, size }) => at >= base && at + data.length <= base + size))
      refuse(`${name}: ${data.length} bytes at ${at.toString(16)} are outside data and stack`);
    return [at, data] as const;
  });
}

const registerIndex =
  ({ count }: Notation) =>
  (value: unknown): number =>
    number(value, 'register index', count - 1);

function registersOf(value: unknown, bits: number, name: string, count: number): bigint[] {
  if (value === undefined) return Array<bigint>(count).fill(0n);
  const entries = list(value, name);
  if (entries.length !== count) refuse(`${name} has ${entries.length} entries instead of ${count}`);
  return entries.map(entry => wide(entry, bits, name));
}

function floatState(value: unknown, { count }: Notation): FloatState | undefined {
  if (value === undefined) return undefined;
  const x = object(value, 'x');
  return {
    cw: number(x.cw, 'x.cw', 0xffff),
    sw: number(x.sw, 'x.sw', 0xffff),
    tw: number(x.tw, 'x.tw', 0xff),
    mx: number(x.mx, 'x.mx'),
    st: registersOf(x.st, 80, 'x.st', 8),
    xm: registersOf(x.xm, 128, 'x.xm', count),
  };
}

/** What changed, applied to what was there; the new ST list is by the final TOP, at the same indexes. */
function changedFloat(initial: FloatState | undefined, value: unknown, notation: Notation): FloatState | undefined {
  if (!initial) return undefined;
  const x = value === undefined ? {} : object(value, 'o.x');
  const changed = (base: bigint[], entries: unknown, bits: number, name: string): bigint[] => {
    const result = [...base];
    for (const entry of optionalList(entries, name)) {
      const [index, to] = pair(entry, name, registerIndex(notation), text => wide(text, bits, name));
      result[index] = to;
    }
    return result;
  };
  return {
    cw: optionalNumber(x.cw, 'o.x.cw', 0xffff) ?? initial.cw,
    sw: optionalNumber(x.sw, 'o.x.sw', 0xffff) ?? initial.sw,
    tw: optionalNumber(x.tw, 'o.x.tw', 0xff) ?? initial.tw,
    mx: optionalNumber(x.mx, 'o.x.mx') ?? initial.mx,
    st: changed(initial.st, x.st, 80, 'o.x.st'),
    xm: changed(initial.xm, x.xm, 128, 'o.x.xm'),
  };
}

function parseOutcome(o: Json, notation: Notation, { registers, float }: Pick<Case, 'registers' | 'float'>): Outcome {
  const finalRegisters = [...registers];
  for (const entry of list(o.r, 'o.r')) {
    const [index, value] = pair(entry, 'o.r', registerIndex(notation), to => notation.value(to, 'o.r'));
    finalRegisters[index] = value;
  }
  return {
    vector: number(o.v, 'o.v', 255),
    errorCode: optionalNumber(o.e, 'o.e'),
    cr2: o.cr2 === undefined ? undefined : notation.value(o.cr2, 'o.cr2'),
    ip: notation.value(o.ip, 'o.ip'),
    cs: notation.bits === 64 ? (optionalNumber(o.cs, 'o.cs', 0xffff) ?? CODE64_SELECTOR) : undefined,
    flags: number(o.f, 'o.f'),
    registers: finalRegisters,
    memory: spans(o.m, 'o.m', notation),
    float: changedFloat(float, o.x, notation),
  };
}

function parseCase(text: string, line: number): Case {
  const t = object(JSON.parse(text), 'the case');
  const o = object(t.o, 'o');
  const bits = t.w === 16 || t.w === 32 || t.w === 64 ? t.w : refuse('w is none of 16, 32 and 64');
  const notation = bits === 64 ? LONG : NARROW;
  const base = (json: unknown, name: string) => (bits === 64 ? notation.value(json, name) : 0n);
  const code = bytes(t.c, 'c');
  const at = t.at === undefined ? CODE + START : address(t.at, 'at', notation);
  const areas = bits === 64 ? LONG_AREAS : AREAS;
  const page = areas.find(({ holds, base: first, size }) => holds === 'code' && at >= first && at < first + size);
  if (!page) return refuse(`at ${at.toString(16)} is no code`);
  const room = page.base + page.size - at;
  if (code.length > room) refuse(`c has ${code.length} bytes; ${room} fit`);
  const registers = list(t.r, 'r').map(entry => notation.value(entry, 'r'));
  if (registers.length !== notation.count) refuse(`r has ${registers.length} entries instead of ${notation.count}`);
  const float = floatState(t.x, notation);
  return {
    form: typeof t.n === 'string' ? t.n : refuse('n is not a name'),
    bits,
    code,
    at,
    registers,
    bases: { fs: base(t.fs, 'fs'), gs: base(t.gs, 'gs') },
    flags: number(t.f, 'f'),
    memory: spans(t.m, 'm', notation),
    float,
    undefinedFlags: optionalNumber(t.u, 'u') ?? 0,
    undefinedStatus: optionalNumber(t.xu, 'xu') ?? 0,
    undefinedMemory: optionalList(t.mu, 'mu').map(entry =>
      pair(
        entry,
        'mu',
        from => address(from, 'mu', notation),
        length => number(length, 'mu'),
      ),
    ),
    undefinedRegisters: optionalList(t.ru, 'ru').map(entry =>
      pair(entry, 'ru', registerIndex(notation), mask => notation.value(mask, 'ru')),
    ),
    tolerance: t.tol === undefined || t.tol === 'x87' || t.tol === 'rcp' ? t.tol : refuse(`tol is neither x87 nor rcp`),
    outcome: parseOutcome(o, notation, { registers, float }),
    vendor: t.by === undefined || typeof t.by === 'string' ? t.by : refuse('by is not a name'),
    line,
  };
}

/** Where a gzip file is damaged: behind the longest beginning that only lacks its end. */
function damageOffset(bytes: Buffer): number {
  let good = 0,
    bad = bytes.length + 1;
  while (bad - good > 1) {
    const length = (good + bad) >> 1;
    let reason: string | undefined;
    try {
      gunzipSync(bytes.subarray(0, length));
    } catch (error) {
      reason = (error as NodeJS.ErrnoException).code;
    }
    if (reason === 'Z_BUF_ERROR') good = length;
    else bad = length;
  }
  return good;
}

/** Reads a whole file. Throws FixtureError with file and line (and what is wrong there). */
export function readFixtures(path: string): Case[] {
  let data: Buffer;
  try {
    data = readFileSync(path);
  } catch (error) {
    throw new FixtureError(
      `${path}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message}`,
    );
  }
  if (data[0] === 0x1f && data[1] === 0x8b) {
    try {
      data = gunzipSync(data);
    } catch (error) {
      throw new FixtureError(`${path}: broken gzip file: ${(error as Error).message} at byte ${damageOffset(data)}`);
    }
  }
  const cases: Case[] = [];
  for (let line = 1, offset = 0; offset < data.length; line++) {
    const newline = data.indexOf(10, offset);
    const end = newline < 0 ? data.length : newline;
    const text = data.toString('utf8', offset, end);
    if (text.trim() !== '') {
      try {
        cases.push(parseCase(text, line));
      } catch (error) {
        if (!(error instanceof FieldError || error instanceof SyntaxError)) throw error;
        const what =
          error instanceof SyntaxError
            ? `not a line of JSON (${error.message.replace(/[^\x20-\x7e]+/g, '?')})`
            : error.message;
        throw new FixtureError(`${path}:${line}: ${what}; the line starts at byte ${offset}`);
      }
    }
    offset = end + 1;
  }
  if (cases.length === 0) throw new FixtureError(`${path}:1: holds no case`);
  return cases;
}
