/** For tests: what GNU objdump makes of bytes, and the bytes to show it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Syntax } from './disassemble.ts';
import type { CodeSize, Row } from './row.ts';

export interface Line {
  length: number;
  text: string;
}

export function hasObjdump(): boolean {
  return spawnSync('objdump', ['--version']).status === 0;
}

const MACHINE: Record<CodeSize, readonly [machine: string, options: string]> = { 16: ['i8086', 'i8086'], 32: ['i386', 'i386'], 64: ['i386:x86-64', 'intel64'] };

/** Disassembles a flat binary from address 0: a line for each address at which objdump begins an instruction. */
export function objdump(bytes: Uint8Array, bits: CodeSize, syntax: Syntax): Map<number, Line> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-objdump-'));
  try {
    const file = join(folder, 'code.bin');
    writeFileSync(file, bytes);
    const options = ['-D', '-z', '-b', 'binary', '-m', MACHINE[bits][0], '-M', `${MACHINE[bits][1]},${syntax}`, '--insn-width=32', file];
    const result = spawnSync('objdump', options, { encoding: 'utf8', maxBuffer: 1 << 30 });
    if (result.status !== 0) throw new Error(`objdump failed: ${result.stderr}`);
    const lines = new Map<number, Line>();
    for (const line of result.stdout.split('\n')) {
      const match = /^ *([0-9a-f]+):\t([0-9a-f ]+?) *(?:\t(.*))?$/.exec(line);
      if (match) lines.set(Number.parseInt(match[1]!, 16), { length: match[2]!.split(' ').length, text: match[3] ?? '' });
    }
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes after the opcode that a sample can use for displacement and immediate. */
const FILL = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf1];
const FILL_NEGATIVE = [0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80];
/** mod and rm of the memory forms shown, for 16-bit addresses and for longer ones (with an SIB byte where rm is 4). */
const MEMORY_16 = [[0, 6], [1, 2], [2, 7]] as const;
const MEMORY_32 = [[0, 3], [0, 5], [1, 4, 0x8b], [2, 6], [0, 4, 0x24], [0, 4, 0xcd]] as const;

/** Instructions without operand that have an operand size. */
const SIZED = /^(ret|retf|iret|pusha|popa|pushf|popf|enter|leave|cbw|cwd|[ls][gi]dt|pushsreg|popsreg|fldenv|fnstenv|frstor|fnsave)$/;

/** Encodings that between them show each form of a row: memory and registers, operand sizes, address sizes. */
export function samples(row: Row, bits: CodeSize): number[][] {
  if (row.long === (bits === 64 ? 'invalid' : 'only')) return [];
  const opcode = [...(row.map > 0 ? [0x0f] : []), ...(row.map === 2 ? [0x38] : row.map === 3 ? [0x3a] : []), row.opcode];
  const inOpcode = row.operands.includes('Zv') || row.operands.includes('Zb');
  const sized = SIZED.test(row.op) || row.prefix !== 0 && row.prefix !== 0x66 && row.operands.some(code => /^([EGMRXYZI]?[vz]|Ap|Mp|Ma|rAX|eAX|Jz)$/.test(code));
  const made: number[][] = [];
  const add = (tail: readonly number[], addressPrefix = false, step = 0): void => {
    for (const size of sized && !(bits === 64 && row.long === 'f64') ? [[], [0x66]] : [[]]) {
      for (const rex of bits === 64 && sized && size.length === 0 ? [[], [0x48]] : bits === 64 && row.modrm ? [[], [0x41]] : [[]]) {
        const mandatory = row.prefix ? [row.prefix] : [];
        const prefixes = [...(addressPrefix ? [0x67] : []), ...size, ...mandatory, ...rex];
        made.push([...prefixes, ...opcode.slice(0, -1), opcode.at(-1)! + step, ...tail]);
      }
    }
  };
  if (!row.modrm) {
    for (const fill of [FILL, FILL_NEGATIVE]) add(fill);
    if (inOpcode) add(FILL, false, 5);
    if (row.operands.some(code => /^[OXY]/.test(code)) || row.op === 'jcxz') add(FILL, true);
    return made;
  }
  const regs = row.reg === undefined ? (row.operands.some(code => /^[SC]/.test(code)) ? [0, 2, 3] : [0, 5]) : [row.reg];
  for (const reg of regs) {
    if (row.mod !== 'm') {
      for (const rm of row.rm === undefined ? [1, 7] : [row.rm]) add([0xc0 | (reg << 3) | rm, ...FILL_NEGATIVE]);
    }
    if (row.mod !== 'r' && !row.operands.some(code => /^[CD]d$/.test(code))) {
      for (const other of [false, true]) {
        const short = bits === 16 ? !other : bits === 32 && other;
        const forms: readonly (readonly number[])[] = short ? MEMORY_16 : MEMORY_32;
        for (const [mod, rm, ...sib] of other ? forms.slice(1, 2) : forms) add([(mod! << 6) | (reg << 3) | rm!, ...sib, ...FILL], other);
      }
    }
  }
  return made;
}
