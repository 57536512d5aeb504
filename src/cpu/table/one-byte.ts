/**
 * One-byte opcodes without x87. Source: SDM vol. 2, appendix A, table A-2, and the instruction pages; the undocumented
 * encodings (82, D6, F1, /6 of the shifts, F6 /1) are those that every processor since the 386 accepts.
 */
import { conditional, hex, row, type RowOptions } from './define.ts';
import type { Row } from './row.ts';

const ARITHMETIC = 'OSZAPC';
/** Cases of the switches that most of group 1 have, by operands. */
const BYTES = { wide: 'r8', narrow: 'r8 m8' },
  WORDS = { wide: 'r32 m32', narrow: 'r16 m16 r32 m32' };
const COMMON: Hot = { 'Eb,Gb': BYTES, 'Ev,Gv': WORDS, 'Gb,Eb': BYTES, 'Gv,Ev': WORDS, 'Eb,Ib': BYTES, 'Ev,Iz': WORDS };
/** … and what kernels do with what each processor has of its own. */
const PER_PROCESSOR = { ...WORDS, wide: 'r32 m32 s32' };
/** What has no operand in memory. */
const REGISTERS = { wide: 'r32', narrow: 'r16 r32' };
const BOTH_BYTES = { wide: 'r8 m8', narrow: 'r8 m8' };
const CARRY: Hot = { 'Ev,Gv': REGISTERS, 'Gv,Ev': WORDS, 'Ev,Iz': REGISTERS };
type Hot = Record<string, Pick<RowOptions, 'wide' | 'narrow'>>;
/** Group 1 (table A-6) in the order of ModRM.reg, which is also bits 3-5 of the opcodes 00-3F. */
const GROUP_1: readonly [string, RowOptions, Hot][] = [
  ['add', { writes: ARITHMETIC }, { ...COMMON, 'Gv,Ev': PER_PROCESSOR, 'Eb,Gb': BOTH_BYTES, 'Gb,Eb': BOTH_BYTES }],
  ['or', { writes: ARITHMETIC, undefined: 'A' }, { ...COMMON, 'Gb,Eb': BOTH_BYTES }],
  ['adc', { writes: ARITHMETIC, reads: 'C' }, CARRY],
  ['sbb', { writes: ARITHMETIC, reads: 'C' }, CARRY],
  ['and', { writes: ARITHMETIC, undefined: 'A' }, { ...COMMON, 'Ev,Iz': { ...WORDS, wide: 'r16 r32 m32' } }],
  ['sub', { writes: ARITHMETIC }, { ...COMMON, 'Gv,Ev': PER_PROCESSOR }],
  ['xor', { writes: ARITHMETIC, undefined: 'A' }, { ...COMMON, 'Eb,Gb': BOTH_BYTES, 'Gb,Eb': BOTH_BYTES }],
  [
    'cmp',
    { writes: ARITHMETIC },
    {
      ...COMMON,
      'Eb,Gb': BOTH_BYTES,
      'Gb,Eb': BOTH_BYTES,
      'Eb,Ib': BOTH_BYTES,
      'Ev,Iz': { ...WORDS, wide: 'r16 m16 r32 m32' },
    },
  ],
];
const alu = GROUP_1.flatMap(([name, flags, hot], i) => {
  const at = (low: number): string => hex(i * 8 + low);
  const toMemory = { ...flags, lock: name !== 'cmp' };
  return [
    row(at(0), name, 'Eb,Gb', { ...toMemory, ...hot['Eb,Gb'] }),
    row(at(1), name, 'Ev,Gv', { ...toMemory, ...hot['Ev,Gv'] }),
    row(at(2), name, 'Gb,Eb', { ...flags, ...hot['Gb,Eb'] }),
    row(at(3), name, 'Gv,Ev', { ...flags, ...hot['Gv,Ev'] }),
    row(at(4), name, 'AL,Ib', flags),
    row(at(5), name, 'rAX,Iz', flags),
    row(`80 /${i}`, name, 'Eb,Ib', { ...toMemory, ...hot['Eb,Ib'] }),
    row(`81 /${i}`, name, 'Ev,Iz', { ...toMemory, ...hot['Ev,Iz'] }),
    row(`82 /${i}`, name, 'Eb,Ib', { ...toMemory, long: 'invalid' }),
    row(`83 /${i}`, name, 'Ev,Ibs', toMemory),
  ];
});

/**
 * Group 2: a count of 0 changes no flag. OF is defined for a count of 1 only; SHL and SHR by the operand's width or more leave CF undefined.
 * /6 is SHL again.
 */
const SHIFT = { writes: ARITHMETIC, undefined: 'A' } as const;
const ROTATE = { writes: 'OC' } as const;
/** Cases of the switches: of bytes, of words, of words by CL. */
type ShiftHot = readonly [bytes?: RowOptions, words?: RowOptions, byCl?: RowOptions];
const ROTATE_HOT: ShiftHot = [{}, { wide: 'r32', narrow: 'r16' }];
const SHIFT_HOT: ShiftHot = [{ narrow: 'r8' }, REGISTERS, REGISTERS];
const GROUP_2: readonly [string, RowOptions, ShiftHot][] = [
  ['rol', ROTATE, ROTATE_HOT],
  ['ror', ROTATE, ROTATE_HOT],
  ['rcl', { ...ROTATE, reads: 'C' }, []],
  ['rcr', { ...ROTATE, reads: 'C' }, []],
  ['shl', SHIFT, SHIFT_HOT],
  ['shr', SHIFT, [{ wide: 'r8', narrow: 'r8' }, { wide: 'r16 r32', narrow: 'r16 r32' }, REGISTERS]],
  ['shl', SHIFT, SHIFT_HOT],
  ['sar', SHIFT, SHIFT_HOT],
];
const shifts = GROUP_2.flatMap(([name, flags, [bytes, words, byCl]], i) => {
  const variable = {
    ...flags,
    undefined: `${flags.undefined ?? ''} count!=1:O${name === 'shl' || name === 'shr' ? ' count>=width:C' : ''}`.trim(),
  };
  return [
    row(`C0 /${i}`, name, 'Eb,Ib', { ...variable, ...bytes }),
    row(`C1 /${i}`, name, 'Ev,Ib', { ...variable, ...words }),
    row(`D0 /${i}`, name, 'Eb,1', flags),
    row(`D1 /${i}`, name, 'Ev,1', flags),
    row(`D2 /${i}`, name, 'Eb,CL', variable),
    row(`D3 /${i}`, name, 'Ev,CL', { ...variable, ...byCl }),
  ];
});

const segments = (['ES', 'CS', 'SS', 'DS'] as const).flatMap((name, i) => {
  const push = row(hex(i * 8 + 6), 'push', name, { op: 'pushsreg', long: 'invalid', narrow: 'r16' });
  return name === 'CS' ? [push] : [push, row(hex(i * 8 + 7), 'pop', name, { op: 'popsreg', long: 'invalid' })];
});

const INC = { writes: 'OSZAP' } as const;
const MUL = { writes: ARITHMETIC, undefined: 'SZAP' } as const;
const DIV = { writes: ARITHMETIC, undefined: ARITHMETIC } as const;
const LOGIC = { writes: ARITHMETIC, undefined: 'A' } as const;
/** Group 3. Both /0 and /1 are TEST. */
const group3 = (['b', 'v'] as const).flatMap((size, i) => {
  const opcode = hex(0xf6 + i);
  const registers = i === 0 ? { narrow: 'r8' } : REGISTERS;
  const count = { ...INC, lock: true, ...(i === 0 ? { narrow: 'r8 m8' } : PER_PROCESSOR) };
  const operand = `E${size}`;
  const immediate = size === 'b' ? 'Ib' : 'Iz';
  return [
    row(`${opcode} /0`, 'test', `${operand},${immediate}`, {
      ...LOGIC,
      ...(i === 0 ? BOTH_BYTES : { ...WORDS, wide: 'r16 r32 m32' }),
    }),
    row(`${opcode} /1`, 'test', `${operand},${immediate}`, LOGIC),
    row(`${opcode} /2`, 'not', operand, { lock: true, ...registers }),
    row(`${opcode} /3`, 'neg', operand, { writes: ARITHMETIC, lock: true, ...registers }),
    row(`${opcode} /4`, 'mul', operand, i === 0 ? MUL : { ...MUL, wide: 'r32' }),
    row(`${opcode} /5`, 'imul', operand, MUL),
    row(`${opcode} /6`, 'div', operand, DIV),
    row(`${opcode} /7`, 'idiv', operand, DIV),
    row(`${hex(0xfe + i)} /0`, 'inc', operand, count),
    row(`${hex(0xfe + i)} /1`, 'dec', operand, count),
  ];
});

/** Loads and stores of 32 bits without an index register have cases of their own. */
const MOV = { ...WORDS, wide: 'r32 m16 m32 n32 s32' } as const;
/** Overflow and parity are tested so seldom that they have no cases of their own. */
const NEEDS_VERDICTS = [0, 1, 10, 11];
const IO = { privilege: 'iopl' } as const;
const REP_COMPARE = { reads: 'D', writes: ARITHMETIC } as const;

export const oneByte: Row[] = [
  ...alu,
  ...segments,
  ...shifts,
  ...group3,

  row('27', 'daa', '', { reads: 'AC', writes: ARITHMETIC, undefined: 'O', long: 'invalid' }),
  row('2F', 'das', '', { reads: 'AC', writes: ARITHMETIC, undefined: 'O', long: 'invalid' }),
  row('37', 'aaa', '', { reads: 'A', writes: ARITHMETIC, undefined: 'OSZP', long: 'invalid' }),
  row('3F', 'aas', '', { reads: 'A', writes: ARITHMETIC, undefined: 'OSZP', long: 'invalid' }),
  row('40+r', 'inc', 'Zv', { ...INC, long: 'invalid' }),
  row('48+r', 'dec', 'Zv', { ...INC, long: 'invalid' }),
  row('50+r', 'push', 'Zv', { long: 'd64', ...REGISTERS }),
  row('58+r', 'pop', 'Zv', { long: 'd64', ...REGISTERS }),
  row('60', 'pusha', '', { long: 'invalid' }),
  row('61', 'popa', '', { long: 'invalid' }),
  row('62 m', 'bound', 'Gv,Ma', { long: 'invalid' }),
  row('63', 'arpl', 'Ew,Gw', { writes: 'Z', long: 'invalid' }),
  row('63', 'movsxd', 'Gv,Ez', { long: 'only' }),
  row('68', 'push', 'Iz', { long: 'd64', ...REGISTERS }),
  row('69', 'imul', 'Gv,Ev,Iz', { ...MUL, ...REGISTERS }),
  row('6A', 'push', 'Ibs', { long: 'd64' }),
  row('6B', 'imul', 'Gv,Ev,Ibs', MUL),
  row('6C', 'ins', 'Yb,DX', { ...IO, reads: 'D' }),
  row('6D', 'ins', 'Yv,DX', { ...IO, reads: 'D' }),
  row('6E', 'outs', 'DX,Xb', { ...IO, reads: 'D' }),
  row('6F', 'outs', 'DX,Xv', { ...IO, reads: 'D' }),
  ...conditional('', 0x70, 'j', 'jcc', 'Jb', cc => ({
    long: 'f64',
    branch: true,
    ...(NEEDS_VERDICTS.includes(cc) ? {} : REGISTERS),
  })),

  row('84', 'test', 'Eb,Gb', { ...LOGIC, ...BYTES }),
  row('85', 'test', 'Ev,Gv', { ...LOGIC, ...WORDS, wide: 'r32' }),
  row('86', 'xchg', 'Eb,Gb', { lock: true, narrow: 'r8' }),
  row('87', 'xchg', 'Ev,Gv', { lock: true, ...REGISTERS }),
  row('88', 'mov', 'Eb,Gb', BOTH_BYTES),
  row('89', 'mov', 'Ev,Gv', MOV),
  row('8A', 'mov', 'Gb,Eb', BOTH_BYTES),
  row('8B', 'mov', 'Gv,Ev', MOV),
  // A segment register goes to memory as 16 bits whatever the operand size.
  row('8C m', 'mov', 'Mw,Sw', { op: 'movsreg' }),
  row('8C r', 'mov', 'Rv,Sw', { op: 'movsreg' }),
  row('8D m', 'lea', 'Gv,M', { wide: 'm32 n32', narrow: 'm16 m32' }),
  row('8E', 'mov', 'Sw,Ew', { op: 'movtosreg' }),
  row('8F /0', 'pop', 'Ev', { long: 'd64' }),

  row('90+r', 'xchg', 'Zv,rAX'),
  row('90', 'nop', '', { wide: 'r16 r32', narrow: 'r16 r32' }),
  row('F3 90', 'pause'),
  row('98', 'cbw', '', { ...REGISTERS }),
  row('99', 'cwd', '', { ...REGISTERS }),
  row('9A', 'callf', 'Ap', { long: 'invalid', ends: true }),
  row('9B', 'fwait', '', { feature: 'fpu' }),
  row('9C', 'pushf', '', { reads: 'OSZAPCDIT', long: 'd64' }),
  row('9D', 'popf', '', { writes: 'OSZAPCDIT', long: 'd64' }),
  row('9E', 'sahf', '', { writes: 'SZAPC', long: 'invalid' }),
  row('9E', 'sahf', '', { writes: 'SZAPC', long: 'only', feature: 'lahf_lm' }),
  row('9F', 'lahf', '', { reads: 'SZAPC', long: 'invalid' }),
  row('9F', 'lahf', '', { reads: 'SZAPC', long: 'only', feature: 'lahf_lm' }),

  row('A0', 'mov', 'AL,Ob'),
  row('A1', 'mov', 'rAX,Ov'),
  row('A2', 'mov', 'Ob,AL'),
  row('A3', 'mov', 'Ov,rAX'),
  row('A4', 'movs', 'Yb,Xb', { reads: 'D' }),
  row('A5', 'movs', 'Yv,Xv', { reads: 'D' }),
  row('A6', 'cmps', 'Xb,Yb', REP_COMPARE),
  row('A7', 'cmps', 'Xv,Yv', REP_COMPARE),
  row('A8', 'test', 'AL,Ib', LOGIC),
  row('A9', 'test', 'rAX,Iz', LOGIC),
  row('AA', 'stos', 'Yb,AL', { reads: 'D', narrow: 'r8' }),
  row('AB', 'stos', 'Yv,rAX', { reads: 'D', narrow: 'r16' }),
  row('AC', 'lods', 'AL,Xb', { reads: 'D', wide: 'r8', narrow: 'r8' }),
  row('AD', 'lods', 'rAX,Xv', { reads: 'D', narrow: 'r16' }),
  row('AE', 'scas', 'AL,Yb', { ...REP_COMPARE, wide: 'r8' }),
  row('AF', 'scas', 'rAX,Yv', REP_COMPARE),
  row('B0+r', 'mov', 'Zb,Ib'),
  row('B8+r', 'mov', 'Zv,Iv'),

  row('C2', 'ret', 'Iw', { long: 'f64', ends: true }),
  row('C3', 'ret', '', { long: 'f64', ends: true, ...REGISTERS }),
  // Memory forms only: with mod 3 these bytes are VEX prefixes, which this processor does not have.
  row('C4 m', 'les', 'Gv,Mp', { op: 'lseg', long: 'invalid' }),
  row('C5 m', 'lds', 'Gv,Mp', { op: 'lseg', long: 'invalid' }),
  row('C6 /0', 'mov', 'Eb,Ib', BOTH_BYTES),
  row('C7 /0', 'mov', 'Ev,Iz', { ...WORDS, wide: 'r32 m16 m32' }),
  row('C8', 'enter', 'Iw,Ib', { long: 'd64' }),
  row('C9', 'leave', '', { long: 'd64', ...REGISTERS }),
  row('CA', 'retf', 'Iw', { ends: true }),
  row('CB', 'retf', '', { ends: true }),
  row('CC', 'int3', '', { ends: true }),
  row('CD', 'int', 'Ib', { ends: true }),
  row('CE', 'into', '', { reads: 'O', long: 'invalid' }),
  row('CF', 'iret', '', { writes: 'OSZAPCDIT', ends: true }),

  row('D4', 'aam', 'Ib', { writes: ARITHMETIC, undefined: 'OAC', long: 'invalid' }),
  row('D5', 'aad', 'Ib', { writes: ARITHMETIC, undefined: 'OAC', long: 'invalid' }),
  row('D6', 'salc', '', { reads: 'C', long: 'invalid' }),
  row('D7', 'xlat'),

  row('E0', 'loopne', 'Jb', { reads: 'Z', long: 'f64', branch: true }),
  row('E1', 'loope', 'Jb', { reads: 'Z', long: 'f64', branch: true }),
  row('E2', 'loop', 'Jb', { long: 'f64', branch: true, narrow: 'r16 r32' }),
  row('E3', 'jcxz', 'Jb', { long: 'f64', branch: true, narrow: 'r16 r32' }),
  row('E4', 'in', 'AL,Ib', IO),
  row('E5', 'in', 'eAX,Ib', IO),
  row('E6', 'out', 'Ib,AL', IO),
  row('E7', 'out', 'Ib,eAX', IO),
  row('E8', 'call', 'Jz', { long: 'f64', ends: true, branch: true, ...REGISTERS }),
  row('E9', 'jmp', 'Jz', { long: 'f64', ends: true, branch: true, ...REGISTERS }),
  row('EA', 'jmpf', 'Ap', { long: 'invalid', ends: true }),
  row('EB', 'jmp', 'Jb', { long: 'f64', ends: true, branch: true }),
  row('EC', 'in', 'AL,DX', IO),
  row('ED', 'in', 'eAX,DX', IO),
  row('EE', 'out', 'DX,AL', IO),
  row('EF', 'out', 'DX,eAX', IO),

  row('F1', 'int1', '', { op: 'icebp', ends: true }),
  row('F4', 'hlt', '', { privilege: 0, ends: true }),
  row('F5', 'cmc', '', { reads: 'C', writes: 'C' }),
  row('F8', 'clc', '', { writes: 'C' }),
  row('F9', 'stc', '', { writes: 'C' }),
  row('FA', 'cli', '', { writes: 'I', privilege: 'iopl' }),
  row('FB', 'sti', '', { writes: 'I', privilege: 'iopl' }),
  row('FC', 'cld', '', { writes: 'D' }),
  row('FD', 'std', '', { writes: 'D' }),
  row('FF /2', 'call', 'Ev', { op: 'callind', long: 'f64', ends: true, ...WORDS }),
  row('FF /3m', 'callf', 'Mp', { op: 'callfind', ends: true }),
  row('FF /4', 'jmp', 'Ev', { op: 'jmpind', long: 'f64', ends: true, ...WORDS }),
  row('FF /5m', 'jmpf', 'Mp', { op: 'jmpfind', ends: true }),
  row('FF /6', 'push', 'Ev', { long: 'd64', wide: 'm32', narrow: 'm16 m32' }),
];
