import { describe, expect, it } from 'vitest';
import { buildLookup } from './decode.ts';
import {
  type CodeSize,
  DECODED,
  type Decoded,
  decode,
  MORE_BYTES,
  newDecoded,
  RIP,
  rows,
  TOO_LONG,
  UNDEFINED,
  undefinedFlags,
} from './index.ts';

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.split(' '), byte => Number.parseInt(byte, 16));
}

function decoded(text: string, codeSize: CodeSize = 32): Decoded & { status: number } {
  const bytes = bytesOf(text);
  const out = newDecoded();
  return { ...out, status: decode(bytes, 0, bytes.length, codeSize, out), ...out };
}

describe('the instruction table', () => {
  it('has no two rows that claim the same encoding', () => {
    for (const long of [false, true]) {
      const conflicts: string[] = [];
      buildLookup(long, (a, b) =>
        conflicts.push(
          `${a.mnemonic} ${a.operands} / ${b.mnemonic} ${b.operands} (map ${b.map}, ${b.opcode.toString(16)})`,
        ),
      );
      expect(conflicts).toEqual([]);
    }
  });

  it('names each mnemonic, operation and flag with the letters that it promises', () => {
    for (const row of rows) {
      expect(row.mnemonic).toMatch(/^[a-z][a-z0-9]*$/);
      expect(row.op).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(`${row.reads ?? ''}${row.writes ?? ''}`).toMatch(/^[OSZAPCDIT]*$/);
    }
  });
});

describe('decoding', () => {
  it('reads 16-bit and 32-bit addressing as SDM vol. 2, tables 2-1 to 2-3, say', () => {
    expect(decoded('8b 42 fe', 16)).toMatchObject({
      status: DECODED,
      length: 3,
      base: 5,
      index: 6,
      displacement: -2,
      segment: 2,
      operandSize: 16,
      reg: 0,
    });
    expect(decoded('8b 0e 34 12', 16)).toMatchObject({ base: -1, index: -1, displacement: 0x1234, segment: 3, reg: 1 });
    expect(decoded('8b 84 8d 78 56 34 12')).toMatchObject({
      base: 5,
      index: 1,
      scale: 2,
      displacement: 0x12345678,
      segment: 2,
    });
    expect(decoded('8b 04 25 00 00 00 80')).toMatchObject({
      base: -1,
      index: -1,
      displacement: -0x80000000,
      segment: 3,
    });
    expect(decoded('8b 04 24')).toMatchObject({ base: 4, index: -1, segment: 2 });
    expect(decoded('65 67 8b 07')).toMatchObject({ base: 3, index: -1, segment: 5, addressSize: 16 });
    expect(decoded('48 8b 05 10 00 00 00', 64)).toMatchObject({ base: RIP, displacement: 16, operandSize: 64 });
    expect(decoded('4f 8b 64 bd 08', 64)).toMatchObject({
      reg: 12,
      base: 13,
      index: 15,
      scale: 2,
      displacement: 8,
      segment: 3,
    });
  });

  it('extends immediates as the form says', () => {
    expect(decoded('83 c0 ff')).toMatchObject({ immediate: -1 });
    expect(decoded('04 ff')).toMatchObject({ immediate: 255 });
    expect(decoded('66 05 ff ff')).toMatchObject({ immediate: -1, operandSize: 16 });
    expect(decoded('cd 80')).toMatchObject({ immediate: 128 });
    expect(decoded('c2 00 ff')).toMatchObject({ immediate: 0xff00 });
    expect(decoded('c8 10 ff 02')).toMatchObject({ immediate: 0xff10, immediate2: 2 });
    expect(decoded('ea 78 56 34 92 08 00')).toMatchObject({ immediate: 0x92345678 | 0, immediate2: 8 });
    expect(decoded('ea f0 ff 00 f0', 16)).toMatchObject({ immediate: 0xfff0, immediate2: 0xf000 });
    expect(decoded('48 b8 01 00 00 00 02 00 00 00', 64)).toMatchObject({
      immediate: 1,
      immediateHigh: 2,
      opcodeReg: 0,
    });
    expect(decoded('a1 00 00 00 90')).toMatchObject({ memory: true, base: -1, displacement: 0x90000000 | 0 });
  });

  it('refuses LOCK on whatever has no memory destination to lock', () => {
    expect(decoded('f0 01 c8').status).toBe(UNDEFINED);
    expect(decoded('f0 01 08')).toMatchObject({ status: DECODED, lock: true });
    expect(decoded('f0 39 08').status).toBe(UNDEFINED);
    expect(decoded('f0 90').status).toBe(UNDEFINED);
    expect(decoded('f0 0f a3 08').status).toBe(UNDEFINED);
    expect(decoded('f0 0f ab 08').status).toBe(DECODED);
  });

  it('takes F3 and F2 as part of the opcode before 66, and leaves them as REP elsewhere', () => {
    expect(decoded('f3 90').row!.op).toBe('pause');
    expect(decoded('f3 a4')).toMatchObject({ repeat: 0xf3 });
    expect(decoded('66 f3 0f b8 c1')).toMatchObject({ operandSize: 16, repeat: 0 });
    expect(decoded('f2 f3 a4')).toMatchObject({ repeat: 0xf3 });
  });

  it('accepts the encodings that processors know and the SDM does not tell', () => {
    expect(decoded('d6').row!.op).toBe('salc');
    expect(decoded('f1').row!.op).toBe('icebp');
    expect(decoded('82 c0 01').row!.op).toBe('add');
    expect(decoded('d1 f0').row!.op).toBe('shl');
    expect(decoded('f6 c8 01')).toMatchObject({ status: DECODED, length: 3 });
    expect(decoded('dc d1').row).toMatchObject({ op: 'fcom', operands: ['STi'] });
  });

  it('refuses encodings that name no operand', () => {
    for (const text of [
      '8e c8',
      '8c f0',
      '8d c1',
      'c4 c0',
      '62 c0',
      'ff f8',
      'fe d0',
      '0f 20 c8',
      '0f c7 c9',
      '0f 04',
      '0f ba c0 01',
      'ff e8',
    ]) {
      expect(decoded(text).status, text).toBe(UNDEFINED);
    }
  });

  it('ignores mod in MOV to and from control registers', () => {
    expect(decoded('0f 20 00')).toMatchObject({ length: 3, memory: false, rm: 0, operandSize: 32 });
  });

  it('asks for more bytes at the end of what it was given and gives up at 15', () => {
    expect(decoded('3e '.repeat(14).trim()).status).toBe(MORE_BYTES);
    expect(decoded(`${'3e '.repeat(14)}90`)).toMatchObject({ status: DECODED, length: 15 });
    expect(decoded(`${'3e '.repeat(15)}90`).status).toBe(TOO_LONG);
    expect(decoded('81 05 00 00 00').status).toBe(MORE_BYTES);
    expect(decoded(`${'66 '.repeat(8)}81 05 00 00 00 00 00 00 00 00`).status).toBe(TOO_LONG);
  });

  it('leaves no trace of the instruction before', () => {
    const out = newDecoded();
    const long = bytesOf('f0 65 67 81 46 10 00 00 00 80');
    const plain = bytesOf('f4');
    expect(decode(long, 0, long.length, 32, out)).toBe(DECODED);
    decode(plain, 0, 1, 32, out);
    expect({ ...out, row: null, length: 0, opcodeReg: 0 }).toEqual(newDecoded());
  });
});

describe('undefined flags (SDM vol. 2)', () => {
  const mask = (text: string, count?: number): number => {
    const instruction = decoded(text);
    return undefinedFlags(instruction.row!, instruction, count);
  };
  it('are none for a shift by 0, and OF comes in for counts above 1', () => {
    expect(mask('c1 e0 20')).toBe(0);
    expect(mask('d1 e0')).toBe(0x10);
    expect(mask('c1 e0 02')).toBe(0x810);
    expect(mask('d2 e0', 8)).toBe(0x811);
    expect(mask('d2 c0', 8)).toBe(0x800);
    expect(mask('d2 e0')).toBe(0x811);
  });
  it('are all for DIV and none for ADD', () => {
    expect(mask('f7 f1')).toBe(0x8d5);
    expect(mask('01 c8')).toBe(0);
  });
});
