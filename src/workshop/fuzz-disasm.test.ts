import { describe, expect, it } from 'vitest';
import {
  type CodeSize,
  DECODED,
  decode,
  disassemble,
  newDecoded,
  type Row,
  rows,
  type Syntax,
} from '../cpu/table/index.ts';
import { hasObjdump, objdump } from './fuzz/beside-objdump.ts';
import { difference, normalised, unknownToObjdump } from '../cpu/table/test-support/normalise.ts';
import { randomCode, samples } from '../cpu/table/samples.ts';

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

  it('names in 64-bit code what objdump names there', () => {
    expect(text([0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff], 64, 'intel')).toBe('mov eax,DWORD PTR [rip+0xfffffffffffffff0]');
    expect(text([0x8b, 0x05, 0xf0, 0xff, 0xff, 0xff], 64, 'att')).toBe('mov -0x10(%rip),%eax');
    expect(text([0x48, 0x0f, 0x50, 0xc1], 64, 'att')).toBe('movmskps %xmm1,%rax');
    expect(text([0x66, 0x48, 0x0f, 0x3a, 0x61, 0xc1, 0x0c], 64, 'intel')).toBe('pcmpestriq xmm0,xmm1,0xc');
    expect(text([0x45, 0x0f, 0xc2, 0xcb, 0x06], 64, 'intel')).toBe('cmpnleps xmm9,xmm11');
    expect(text([0xf2, 0x0f, 0xc2, 0xca, 0x08], 64, 'intel')).toBe('cmpsd xmm1,xmm2,0x8');
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
