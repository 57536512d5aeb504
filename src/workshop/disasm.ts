/**
 * npm run -s disasm -- FILE [--bits 16|32|64] [--offset N] [--syntax intel|att] [--base ADDR]
 *
 * Disassembles a flat binary by the processor's own instruction table: address, bytes, text; bytes that are no instruction as data.
 * A binary that ends inside an instruction is listed, the rest as data, and told of: status 2.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  type CodeSize,
  DECODED,
  decode,
  disassemble,
  MORE_BYTES,
  newDecoded,
  type Syntax,
} from '../cpu/table/index.ts';

const USAGE = `usage: npm run -s disasm -- FILE [--bits 16|32|64] [--offset N] [--syntax intel|att] [--base ADDR]
  FILE           a flat binary
  --bits N       code size (default 32)
  --offset N     byte of the file to begin at (default 0; decimal, or hexadecimal with 0x)
  --syntax NAME  intel (default) or att
  --base ADDR    address of the file's first byte (default 0)`;

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

class Misuse extends Error {}

function numeric(name: string, value: string): number {
  const number = /^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number))
    throw new Misuse(`${name} ${value}: not a number; write it in decimal, or in hexadecimal with 0x`);
  return number;
}

function parse(argv: string[]): { file: string; code: Uint8Array; listing: Listing } | null {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      bits: { type: 'string', default: '32' },
      offset: { type: 'string', default: '0' },
      syntax: { type: 'string', default: 'intel' },
      base: { type: 'string', default: '0' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const [file, ...more] = positionals;
  if (file === undefined) throw new Misuse('no file given; --help says how');
  if (more.length > 0) throw new Misuse(`one file at a time, and ${more[0]} is a second one`);
  const bits = Number(values.bits);
  if (bits !== 16 && bits !== 32 && bits !== 64) throw new Misuse(`--bits ${values.bits}: code is 16, 32 or 64 bits`);
  const { syntax } = values;
  if (syntax !== 'intel' && syntax !== 'att') throw new Misuse(`--syntax ${syntax}: there are intel and att`);
  const offset = numeric('--offset', values.offset);
  const base = numeric('--base', values.base);
  if (bits !== 64 && base >= 2 ** 32)
    throw new Misuse(`--base ${values.base}: beyond the 4 GiB that ${bits}-bit code can address`);
  let code: Uint8Array;
  try {
    code = readFileSync(file);
  } catch (error) {
    const { code: reason, message } = error as NodeJS.ErrnoException;
    const why =
      reason === 'ENOENT' ? 'there is no such file' : reason === 'EISDIR' ? 'this is a folder, not a file' : message;
    throw new Misuse(`${file}: ${why}`);
  }
  if (offset > code.length) throw new Misuse(`--offset ${values.offset}: ${file} ends after ${code.length} bytes`);
  if (code.length === 0) throw new Misuse(`${file}: empty, there is nothing at byte 0`);
  return { file, code, listing: { bits, syntax, offset, base } };
}

/** Returns the exit status: 0, or 2 for wrong use, a file that cannot be read or one that ends inside an instruction. */
export function main(argv: string[]): number {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    process.stderr.write(`disasm: ${(error as Error).message.split('\n')[0]}\n`);
    return 2;
  }
  if (parsed === null) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const lines = list(parsed.code, parsed.listing);
  let ready: string[] = [];
  let next = lines.next();
  for (; !next.done; next = lines.next()) {
    ready.push(next.value);
    if (ready.length === LINES) {
      process.stdout.write(`${ready.join('\n')}\n`);
      ready = [];
    }
  }
  if (ready.length > 0) process.stdout.write(`${ready.join('\n')}\n`);
  if (next.value < 0) return 0;
  process.stderr.write(
    `disasm: ${parsed.file}: the instruction at byte 0x${next.value.toString(16)} is cut off by the end of the file, at 0x${parsed.code.length.toString(16)}\n`,
  );
  return 2;
}
