import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CodeSize, DECODED, decode, disassemble, newDecoded, type Row, rows, type Syntax } from './index.ts';
import { difference, normalised, unknownToObjdump } from './normalise.ts';
import { randomCode, samples } from './samples.ts';

interface Line {
  length: number;
  text: string;
}

function hasObjdump(): boolean {
  return spawnSync('objdump', ['--version']).status === 0;
}

const MACHINE: Record<CodeSize, readonly [machine: string, options: string]> = {
  16: ['i8086', 'i8086'],
  32: ['i386', 'i386'],
  64: ['i386:x86-64', 'intel64'],
};

/** Disassembles a flat binary from address 0: a line for each address at which objdump begins an instruction. */
function objdump(bytes: Uint8Array, bits: CodeSize, syntax: Syntax): Map<number, Line> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-objdump-'));
  try {
    const file = join(folder, 'code.bin');
    writeFileSync(file, bytes);
    const options = [
      '-D',
      '-z',
      '-b',
      'binary',
      '-m',
      MACHINE[bits][0],
      '-M',
      `${MACHINE[bits][1]},${syntax}`,
      '--insn-width=32',
      file,
    ];
    const result = spawnSync('objdump', options, { encoding: 'utf8', maxBuffer: 1 << 30 });
    if (result.status !== 0) throw new Error(`objdump failed: ${result.stderr}`);
    const lines = new Map<number, Line>();
    for (const line of result.stdout.split('\n')) {
      const match = /^ *([0-9a-f]+):\t([0-9a-f ]+?) *(?:\t(.*))?$/.exec(line);
      if (match)
        lines.set(Number.parseInt(match[1]!, 16), { length: match[2]!.split(' ').length, text: match[3] ?? '' });
    }
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const present = hasObjdump();
const strict = process.env.RINGSIDE_STRICT === '1';
if (!present && !strict) console.warn('objdump (binutils) is not installed: the disassembler is not compared with it.');

function text(bytes: number[], bits: CodeSize, syntax: Syntax, eip = 0): string {
  const decoded = newDecoded();
  const code = Uint8Array.from(bytes);
  decode(code, 0, code.length, bits, decoded);
  return disassemble(decoded, eip, syntax, code);
}

describe('disassembler', () => {
  it('prints bytes that are no instruction as data', () => {
    expect(text([0x0f, 0x04, 0x90], 32, 'intel')).toBe('db 0xf,0x4');
    expect(text([0x0f, 0x04, 0x90], 32, 'att')).toBe('.byte 0xf,0x4');
  });

  it('wraps branch targets as the processor does', () => {
    expect(text([0xeb, 0xfe], 32, 'intel', 0xfffffffe)).toBe('jmp 0xfffffffe');
    expect(text([0xeb, 0x02], 32, 'intel', 0xfffffffe)).toBe('jmp 0x2');
    expect(text([0xeb, 0x10], 16, 'intel', 0xfff8)).toBe('jmp 0xa');
  });
});

describe.skipIf(!present && !strict)('disassembler and decoder beside objdump', () => {
  for (const bits of [16, 32, 64] as const) {
    it(`agree on every row in both syntaxes, ${bits}-bit`, () => {
      const decoded = newDecoded();
      const code: number[] = [];
      const shown: { row: Row; at: number }[] = [];
      const seen = new Set<Row>();
      for (const row of rows) {
        for (const sample of samples(row, bits)) {
          const bytes = Uint8Array.from([...sample, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90]);
          const status = decode(bytes, 0, bytes.length, bits, decoded);
          // Where a more specific row takes the encoding (PAUSE over NOP), that row's own sample shows it.
          if (status === DECODED && decoded.row !== row) continue;
          expect(status, `${row.mnemonic} ${row.operands} ${sample}`).toBe(DECODED);
          seen.add(row);
          if (unknownToObjdump(decoded)) continue;
          shown.push({ row, at: code.length });
          code.push(...bytes.subarray(0, decoded.length), 0x90, 0x90, 0x90, 0x90);
        }
      }
      const absent = rows.filter(row => row.long !== (bits === 64 ? 'invalid' : 'only') && !seen.has(row));
      expect(absent.map(row => `${row.mnemonic} ${row.operands}`)).toEqual([]);

      const bytes = Uint8Array.from(code);
      const differences: string[] = [];
      for (const syntax of ['intel', 'att'] as const) {
        const lines = objdump(bytes, bits, syntax);
        for (const { row, at } of shown) {
          const line = lines.get(at);
          decode(bytes, at, bytes.length - at, bits, decoded);
          const ours = normalised(disassemble(decoded, at, syntax), 'ours', row);
          const theirs = line === undefined ? 'nothing' : normalised(line.text, 'theirs', row);
          if (ours !== theirs || line?.length !== decoded.length) {
            differences.push(
              `${Buffer.from(bytes.subarray(at, at + decoded.length)).toString('hex')}: ${ours} / objdump: ${theirs}`,
            );
          }
        }
      }
      expect(differences).toEqual([]);
    });

    it(`agree on validity and length of 70,000 random instructions, ${bits}-bit`, () => {
      const code = randomCode(20261120 + bits, bits, 45_000);
      const lines = objdump(code, bits, 'intel');
      const differences: string[] = [];
      let compared = 0;
      for (const [at, line] of lines) {
        if (at + 15 > code.length) continue;
        compared++;
        const found = difference(code, at, bits, line.length, line.text);
        if (found !== '') differences.push(`${Buffer.from(code.subarray(at, at + 15)).toString('hex')}: ${found}`);
      }
      expect(compared).toBeGreaterThan(70_000);
      expect(differences).toEqual([]);
    });
  }
});
