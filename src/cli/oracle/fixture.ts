/**
 * Fixtures of single instructions and short blocks that were recorded on a real processor: JSON lines, gzipped or plain.
 * The format is described in test/oracle/README.md.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Linear addresses of the machine around a case. */
export const CODE = 0x20000,
  CODE_SIZE = 0x1000,
  START = 0x400;
export const DATA = 0x30000,
  DATA_SIZE = 0x2000;
export const STACK = 0x34000,
  STACK_SIZE = 0x1000;

/** Bytes at a linear address. */
export type Span = readonly [address: number, bytes: Uint8Array];

/** x87 and SSE state. ST registers are 80-bit integers, XMM 128-bit ones. */
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
  cr2: number | undefined;
  ip: number;
  flags: number;
  /** All eight registers as they should be at the end. */
  registers: number[];
  memory: Span[];
  /** As it should be at the end (ST by the final TOP); undefined where the case has none. */
  float: FloatState | undefined;
}

export interface Case {
  form: string;
  bits: 16 | 32;
  code: Uint8Array;
  registers: number[];
  flags: number;
  memory: Span[];
  float: FloatState | undefined;
  undefinedFlags: number;
  undefinedStatus: number;
  undefinedMemory: readonly (readonly [address: number, length: number])[];
  undefinedRegisters: readonly (readonly [index: number, mask: number])[];
  tolerance: 'x87' | 'rcp' | undefined;
  outcome: Outcome;
  /** Where it stands. */
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

function spans(value: unknown, name: string): Span[] {
  return optionalList(value, name).map(entry => {
    const [address, data] = pair(
      entry,
      name,
      at => number(at, `${name}: address`),
      text => bytes(text, name),
    );
    const inside = (base: number, size: number): boolean => address >= base && address + data.length <= base + size;
    if (!inside(DATA, DATA_SIZE) && !inside(STACK, STACK_SIZE))
      refuse(`${name}: ${data.length} bytes at ${address.toString(16)} are outside data and stack`);
    return [address, data] as const;
  });
}

const registerIndex = (value: unknown): number => number(value, 'register index', 7);

function eight(value: unknown, bits: number, name: string): bigint[] {
  if (value === undefined) return Array<bigint>(8).fill(0n);
  const entries = list(value, name);
  if (entries.length !== 8) refuse(`${name} has ${entries.length} entries instead of 8`);
  return entries.map(entry => wide(entry, bits, name));
}

function floatState(value: unknown): FloatState | undefined {
  if (value === undefined) return undefined;
  const x = object(value, 'x');
  return {
    cw: number(x.cw, 'x.cw', 0xffff),
    sw: number(x.sw, 'x.sw', 0xffff),
    tw: number(x.tw, 'x.tw', 0xff),
    mx: number(x.mx, 'x.mx'),
    st: eight(x.st, 80, 'x.st'),
    xm: eight(x.xm, 128, 'x.xm'),
  };
}

/** What changed, applied to what was there; the new ST list is by the final TOP, at the same indexes. */
function changedFloat(initial: FloatState | undefined, value: unknown): FloatState | undefined {
  if (!initial) return undefined;
  const x = value === undefined ? {} : object(value, 'o.x');
  const changed = (base: bigint[], entries: unknown, bits: number, name: string): bigint[] => {
    const result = [...base];
    for (const entry of optionalList(entries, name)) {
      const [index, to] = pair(entry, name, registerIndex, text => wide(text, bits, name));
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

function parseCase(text: string, line: number): Case {
  const t = object(JSON.parse(text), 'the case');
  const o = object(t.o, 'o');
  const code = bytes(t.c, 'c');
  if (code.length > CODE_SIZE - START) refuse(`c has ${code.length} bytes; ${CODE_SIZE - START} fit`);
  const registers = list(t.r, 'r').map(entry => number(entry, 'r'));
  if (registers.length !== 8) refuse(`r has ${registers.length} entries instead of 8`);
  const finalRegisters = [...registers];
  for (const entry of list(o.r, 'o.r')) {
    const [index, value] = pair(entry, 'o.r', registerIndex, to => number(to, 'o.r'));
    finalRegisters[index] = value;
  }
  const float = floatState(t.x);
  return {
    form: typeof t.n === 'string' ? t.n : refuse('n is not a name'),
    bits: t.w === 16 || t.w === 32 ? t.w : refuse('w is neither 16 nor 32'),
    code,
    registers,
    flags: number(t.f, 'f'),
    memory: spans(t.m, 'm'),
    float,
    undefinedFlags: optionalNumber(t.u, 'u') ?? 0,
    undefinedStatus: optionalNumber(t.xu, 'xu') ?? 0,
    undefinedMemory: optionalList(t.mu, 'mu').map(entry =>
      pair(
        entry,
        'mu',
        at => number(at, 'mu'),
        length => number(length, 'mu'),
      ),
    ),
    undefinedRegisters: optionalList(t.ru, 'ru').map(entry =>
      pair(entry, 'ru', registerIndex, mask => number(mask, 'ru')),
    ),
    tolerance: t.tol === undefined || t.tol === 'x87' || t.tol === 'rcp' ? t.tol : refuse(`tol is neither x87 nor rcp`),
    outcome: {
      vector: number(o.v, 'o.v', 255),
      errorCode: optionalNumber(o.e, 'o.e'),
      cr2: optionalNumber(o.cr2, 'o.cr2'),
      ip: number(o.ip, 'o.ip'),
      flags: number(o.f, 'o.f'),
      registers: finalRegisters,
      memory: spans(o.m, 'o.m'),
      float: changedFloat(float, o.x),
    },
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
