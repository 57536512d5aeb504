/**
 * npm run -s disasm -- FILE [--bits 16|32|64] [--offset N] [--syntax intel|att] [--base ADDR]
 *
 * Disassembles a flat binary by the processor's own instruction table: address, bytes, text; bytes that are no instruction are listed as data. If the file ends
 * inside an instruction, the rest is listed as data and the status is 2. `--bits`: 32 by default. `--offset`: byte of the file to begin at; `--base`: address of
 * the file's first byte; both 0 by default, in decimal, or in hexadecimal with 0x. `--syntax`: intel by default.
 */
import { readFileSync } from 'node:fs';
import {
  type CodeSize,
  DECODED,
  decode,
  disassemble,
  MORE_BYTES,
  newDecoded,
  type Syntax,
} from '../cpu/table/index.ts';

import { oneOf, type Option, WrongUse } from './harness/options.ts';
import { program, type Write } from './harness/program.ts';

/** Lines written at once. */
const LINES = 4096;

export interface Listing {
  bits: CodeSize;
  syntax: Syntax;
  /** Byte to begin at. */
  offset: number;
  /** Address of byte 0. */
  base: number;
}

/** Lines of text for `code` from `offset` to its end. Returns where an instruction begins that the end cuts off, -1 if none does. */
export function* list(code: Uint8Array, { bits, syntax, offset, base }: Listing): Generator<string, number> {
  const decoded = newDecoded();
  const digits = bits === 64 ? 12 : 8;
  let cut = -1;
  for (let at = offset; at < code.length; ) {
    const outcome = cut >= 0 ? MORE_BYTES : decode(code, at, code.length - at, bits, decoded);
    if (outcome === MORE_BYTES && cut < 0) cut = at;
    const length = outcome === DECODED ? decoded.length : 1;
    const bytes = code.subarray(at, at + length);
    const address = bits === 64 ? base + at : (base + at) % 2 ** 32;
    const text = disassemble(decoded, address, syntax, bytes);
    yield `${address.toString(16).padStart(digits, '0')}  ${Buffer.from(bytes).toString('hex').padEnd(22)} ${text}`;
    at += length;
  }
  return cut;
}

/** A number in decimal, or in hexadecimal with 0x; 0 where it is not given. */
const numeric: Option<number> = {
  shape: 'N',
  read: (texts, name) => {
    const given = texts.at(-1) ?? '0',
      number = /^(0x[0-9a-f]+|\d+)$/i.test(given) ? Number(given) : Number.NaN;
    if (!Number.isSafeInteger(number))
      throw new WrongUse(`${name} ${given}: not a number; write it in decimal, or in hexadecimal with 0x`);
    return number;
  },
};

/** What a file holds. @throws WrongUse */
function codeOf(file: string): Uint8Array {
  let code: Uint8Array;
  try {
    code = readFileSync(file);
  } catch (error) {
    const { code: reason, message } = error as NodeJS.ErrnoException;
    const why =
      reason === 'ENOENT' ? 'there is no such file' : reason === 'EISDIR' ? 'this is a folder, not a file' : message;
    throw new WrongUse(`${file}: ${why}`);
  }
  if (code.length === 0) throw new WrongUse(`${file}: empty, there is nothing at byte 0`);
  return code;
}

/** Writes the lines, some thousand at a time; returns what the generator returns. */
function writeAll(lines: Generator<string, number>, write: Write): number {
  let ready: string[] = [];
  const flush = (): void => {
    if (ready.length > 0) write(`${ready.join('\n')}\n`);
    ready = [];
  };
  for (;;) {
    const { done, value } = lines.next();
    if (!done) ready.push(value);
    if (done || ready.length === LINES) flush();
    if (done) return value;
  }
}

export const main = program({
  name: 'disasm',
  operands: 'FILE',
  options: { bits: oneOf(['16', '32', '64']), offset: numeric, syntax: oneOf(['intel', 'att']), base: numeric },
  run: ({ bits: digits = '32', offset, syntax = 'intel', base }, write, [file, ...more], complain) => {
    if (file === undefined) throw new WrongUse('no file given');
    if (more.length > 0) throw new WrongUse(`one file at a time, and ${more[0]} is a second one`);
    const bits = Number(digits) as CodeSize;
    if (bits !== 64 && base >= 2 ** 32)
      throw new WrongUse(`--base ${base}: beyond the 4 GiB that ${bits}-bit code can address`);
    const code = codeOf(file);
    if (offset > code.length) throw new WrongUse(`--offset ${offset}: ${file} ends after ${code.length} bytes`);
    const cut = writeAll(list(code, { bits, syntax, offset, base }), write);
    if (cut < 0) return 0;
    complain(
      `disasm: ${file}: the instruction at byte 0x${cut.toString(16)} is cut off by the end of the file, at 0x${code.length.toString(16)}\n`,
    );
    return 2;
  },
});
