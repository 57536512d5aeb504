/** `ringside asm SOURCE`: assembles a program in nasm's language by the processor's own instruction table. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Assembled, assemble } from '../cpu/assembler/index.ts';
import { NOT_DONE, oneFile, tell } from './one-file.ts';

const USAGE = `Usage: ringside asm SOURCE [-o FILE] [-l]

Assembles 16-, 32- and 64-bit code in nasm's language to a flat program, as nasm -f bin does.

  -o, --output FILE  where the bytes go (SOURCE with .img for its ending)
  -l, --list         print each line with its address and bytes
`;

/** Bytes of a line that a listing shows. */
const SHOWN_BYTES = 8;

/** Source lines, each with the address and the bytes of what it has become. */
export function listing(source: string, { bytes, origin, pieces }: Assembled): string {
  const byLine = new Map(pieces.map(piece => [piece.line, piece]));
  const lines = source.split('\n').map((text, i) => {
    const piece = byLine.get(i + 1);
    if (!piece) return `${''.padEnd(28)}${text}`;
    const shown = Buffer.from(
      bytes.subarray(piece.offset, piece.offset + Math.min(piece.length, SHOWN_BYTES)),
    ).toString('hex');
    const address = (origin + piece.offset).toString(16).padStart(8, '0');
    return `${address}  ${`${shown}${piece.length > SHOWN_BYTES ? '…' : ''}`.padEnd(18)}${text}`;
  });
  return `${lines
    .map(line => line.trimEnd())
    .join('\n')
    .trimEnd()}\n`;
}

/** Returns the exit status: 0, 1 where the source has mistakes or a file cannot be read or written, 2 for wrong use. */
export function asm(argv: string[]): number {
  const asked = oneFile(argv, {
    command: 'asm',
    operand: 'SOURCE',
    kind: 'source',
    usage: USAGE,
    options: { list: { type: 'boolean', short: 'l' } },
    output: path => path.replace(/\.[^./\\]*$|$/, '.img'),
    lost: 'the bytes would go over the source',
  });
  if (typeof asked === 'number') return asked;
  const { path, output, isOn } = asked;
  try {
    const source = readFileSync(path, 'utf8');
    const result = assemble(source);
    if (result.problems.length > 0)
      return tell(
        NOT_DONE,
        result.problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'),
      );
    writeFileSync(output, result.bytes);
    if (isOn('list')) process.stdout.write(listing(source, result));
    return 0;
  } catch (error) {
    // Those of the file system have a code; anything else is a defect.
    if (!('code' in (error as object))) throw error;
    return tell(NOT_DONE, `ringside asm: ${(error as Error).message}`);
  }
}
