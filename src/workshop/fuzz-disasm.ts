/**
 * npm run -s fuzz:disasm -- [--cases N] [--seed S] [--limit N]
 *
 * Compares the text and length of random 64-bit instructions with objdump's, in Intel's and in AT&T's syntax. They are drawn from the rows of the instruction
 * table, with random prefixes, REX, ModRM, SIB, displacements and immediates. src/cpu/table/test-support/normalise.ts lists the spellings that differ.
 * Needs binutils.
 */
import { hasObjdump, objdump } from './fuzz/beside-objdump.ts';
import { DECODED, decode, disassemble, newDecoded, type Row, rows } from '../cpu/table/index.ts';
import { normalised, unknownToObjdump } from '../cpu/table/test-support/normalise.ts';
import { generator } from './fuzz/machine.ts';
import { number } from './harness/options.ts';
import { program } from './harness/program.ts';

/** Cases that one objdump gets. */
const BATCH = 20_000;
const NOP = 0x90,
  BITS = 64;
/** Of the words before the mnemonic these change nothing: whether they are said, and in which order, is left open. */
const IDLE = /(?:addr(?:16|32)|data(?:16|32)|rex\.[WRXB]+) /g;
const PREFIXES = /^(?:(?:lock|rep\w*|notrack|addr\d+|data\d+|[c-gs]s|rex\.\w+) )*/;

/** Words before the mnemonic, and what follows in the form in which both sides are equal. */
function comparable(text: string, whose: 'ours' | 'theirs', row: Row): string {
  const spaced = text.replace(/\s+/g, ' '),
    words = PREFIXES.exec(spaced)![0];
  return words.replace(IDLE, '') + normalised(spaced.slice(words.length), whose, row);
}

function draw(random: () => number, row: Row): number[] {
  const below = (n: number) => random() % n;
  const code: number[] = [];
  // Where 66h has no meaning, and next to REX.W, which overrides it, objdump prints either.
  const narrow = row.operands.some(operand => /^[A-Z]?[vz]$/.test(operand)) && !row.rexW && below(5) === 0;
  if (narrow) code.push(0x66);
  if (below(8) === 0) code.push(0x67);
  if (below(8) === 0) code.push([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65][below(6)]!);
  if (row.lock && below(4) === 0) code.push(0xf0);
  if (row.prefix) code.push(row.prefix);
  if (row.rexW || below(4) > 0) {
    const rex = 0x40 | below(16) | (row.rexW ? 8 : 0);
    // REX.R of a segment register is ignored; objdump prints no register then.
    code.push(rex & ~(narrow ? 8 : 0) & ~(row.operands.some(operand => operand[0] === 'S') ? 4 : 0));
  }
  if (row.map > 0) code.push(0x0f);
  if (row.map === 2) code.push(0x38);
  if (row.map === 3) code.push(0x3a);
  code.push(row.opcode + (row.operands.some(operand => operand[0] === 'Z') ? below(8) : 0));
  if (row.modrm) {
    const mod = row.mod === 'r' || (row.mod === undefined && below(100) < 35) ? 3 : below(3);
    const rm = row.rm ?? below(8);
    code.push((mod << 6) | ((row.reg ?? below(8)) << 3) | rm);
    // An SIB byte without index but with a scale is printed with an imaginary register.
    if (mod !== 3 && rm === 4) {
      const sib = below(256);
      code.push((sib & 0x38) === 0x20 ? sib & 0x3f : sib);
    }
  }
  while (code.length < 22) code.push(below(256));
  return code;
}

/** Lines about instructions of one batch that objdump names otherwise, and how many were compared. */
function compareBatch(random: () => number, cases: number): { compared: number; differences: string[] } {
  const possible = rows.filter(row => row.long !== 'invalid');
  const decoded = newDecoded();
  const code: number[] = [];
  const starts: number[] = [];
  while (starts.length < cases) {
    const bytes = Uint8Array.from(draw(random, possible[random() % possible.length]!));
    if (decode(bytes, 0, 15, BITS, decoded) !== DECODED || unknownToObjdump(decoded)) continue;
    starts.push(code.length);
    code.push(...bytes.subarray(0, decoded.length), NOP, NOP, NOP, NOP, NOP, NOP);
  }
  const bytes = Uint8Array.from(code);
  const differences: string[] = [];
  for (const syntax of ['intel', 'att'] as const) {
    const lines = objdump(bytes, BITS, syntax);
    for (const at of starts) {
      decode(bytes, at, bytes.length - at, BITS, decoded);
      const row = decoded.row!;
      const line = lines.get(at);
      const ours = comparable(disassemble(decoded, at, syntax), 'ours', row);
      const theirs = line === undefined ? 'nothing' : comparable(line.text, 'theirs', row);
      if (ours === theirs && line?.length === decoded.length) continue;
      const shown = Buffer.from(bytes.subarray(at, at + decoded.length)).toString('hex');
      differences.push(`${shown}: ${ours} (${decoded.length}) / objdump: ${theirs} (${line?.length ?? 0})`);
    }
  }
  return { compared: starts.length, differences };
}

/** Where objdump is not here, nothing differs. */
export const main = program({
  name: 'fuzz:disasm',
  options: { cases: number(100_000), seed: number(1), limit: number(20) },
  run: ({ cases, seed, limit }, write) => {
    if (!hasObjdump()) {
      write('fuzz:disasm was skipped: objdump (binutils) is not installed.\n');
      return 0;
    }
    const random = generator(seed);
    let failed = 0,
      done = 0;
    while (done < cases) {
      const { compared, differences } = compareBatch(random, Math.min(BATCH, cases - done));
      done += compared;
      for (const line of differences) if (failed++ < limit) write(`DIFFERS ${line}\n`);
    }
    write(`${done} instructions in two syntaxes, ${failed} differ\n`);
    return failed === 0 ? 0 : 1;
  },
});
