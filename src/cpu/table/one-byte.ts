/**
 * One-byte opcodes without x87. Source: SDM vol. 2, appendix A, table A-2, and the instruction pages; the undocumented
 * encodings (82, D6, F1, /6 of the shifts, F6 /1) are those that every processor since the 386 accepts.
 */
import { conditional, hex, row, type RowOptions } from './define.ts';
import type { Row } from './row.ts';

const ARITHMETIC = 'OSZAPC';
/** Group 1 (table A-6) in the order of ModRM.reg, which is also bits 3-5 of the opcodes 00-3F. */
const GROUP_1: readonly [string, RowOptions][] = [
  ['add', { writes: ARITHMETIC }],
  ['or', { writes: ARITHMETIC, undefined: 'A' }],
  ['adc', { writes: ARITHMETIC, reads: 'C' }],
  ['sbb', { writes: ARITHMETIC, reads: 'C' }],
  ['and', { writes: ARITHMETIC, undefined: 'A' }],
  ['sub', { writes: ARITHMETIC }],
  ['xor', { writes: ARITHMETIC, undefined: 'A' }],
  ['cmp', { writes: ARITHMETIC }],
];
const alu = GROUP_1.flatMap(([name, flags], i) => {
  const at = (low: number): string => hex(i * 8 + low);
  const toMemory = { ...flags, lock: name !== 'cmp' };
  return [
    row(at(0), name, 'Eb,Gb', toMemory),
    row(at(1), name, 'Ev,Gv', toMemory),
    row(at(2), name, 'Gb,Eb', flags),
    row(at(3), name, 'Gv,Ev', flags),
    row(at(4), name, 'AL,Ib', flags),
    row(at(5), name, 'rAX,Iz', flags),
    row(`80 /${i}`, name, 'Eb,Ib', toMemory),
    row(`81 /${i}`, name, 'Ev,Iz', toMemory),
    row(`82 /${i}`, name, 'Eb,Ib', { ...toMemory, long: 'invalid' }),
    row(`83 /${i}`, name, 'Ev,Ibs', toMemory),
  ];
});

/**
 * Group 2: a count of 0 changes no flag. OF is defined for a count of 1 only; SHL and SHR by the operand's width or more leave CF undefined.
 * /6 is SHL again.
 */
const SHIFT = { writes: ARITHMETIC, undefined: 'A', } as const;
const ROTATE = { writes: 'OC' } as const;
const GROUP_2: readonly [string, RowOptions][] = [
  ['rol', ROTATE], ['ror', ROTATE], ['rcl', { ...ROTATE, reads: 'C' }], ['rcr', { ...ROTATE, reads: 'C' }],
  ['shl', SHIFT], ['shr', SHIFT], ['shl', SHIFT], ['sar', SHIFT],
];
const shifts = GROUP_2.flatMap(([name, flags], i) => {
  const variable = { ...flags, undefined: `${flags.undefined ?? ''} count!=1:O${name === 'shl' || name === 'shr' ? ' count>=width:C' : ''}`.trim() };
  return [
    row(`C0 /${i}`, name, 'Eb,Ib', variable),
    row(`C1 /${i}`, name, 'Ev,Ib', variable),
    row(`D0 /${i}`, name, 'Eb,1', flags),
    row(`D1 /${i}`, name, 'Ev,1', flags),
    row(`D2 /${i}`, name, 'Eb,CL', variable),
    row(`D3 /${i}`, name, 'Ev,CL', variable),
  ];
});

const segments = (['ES', 'CS', 'SS', 'DS'] as const).flatMap((name, i) => {
  const push = row(hex(i * 8 + 6), 'push', name, { op: 'pushsreg', long: 'invalid' });
  return name === 'CS' ? [push] : [push, row(hex(i * 8 + 7), 'pop', name, { op: 'popsreg', long: 'invalid' })];
});

const INC = { writes: 'OSZAP' } as const;
const MUL = { writes: ARITHMETIC, undefined: 'SZAP' } as const;
const DIV = { writes: ARITHMETIC, undefined: ARITHMETIC } as const;
const LOGIC = { writes: ARITHMETIC, undefined: 'A' } as const;
/** Group 3. Both /0 and /1 are TEST. */
const group3 = (['b', 'v'] as const).flatMap((size, i) => {
  const opcode = hex(0xf6 + i);
  const operand = `E${size}`;
  const immediate = size === 'b' ? 'Ib' : 'Iz';
  return [
    row(`${opcode} /0`, 'test', `${operand},${immediate}`, LOGIC),
    row(`${opcode} /1`, 'test', `${operand},${immediate}`, LOGIC),
    row(`${opcode} /2`, 'not', operand, { lock: true }),
    row(`${opcode} /3`, 'neg', operand, { writes: ARITHMETIC, lock: true }),
    row(`${opcode} /4`, 'mul', operand, MUL),
    row(`${opcode} /5`, 'imul', operand, MUL),
    row(`${opcode} /6`, 'div', operand, DIV),
    row(`${opcode} /7`, 'idiv', operand, DIV),
    row(`${hex(0xfe + i)} /0`, 'inc', operand, { ...INC, lock: true }),
    row(`${hex(0xfe + i)} /1`, 'dec', operand, { ...INC, lock: true }),
  ];
});

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
  row('50+r', 'push', 'Zv', { long: 'd64' }),
  row('58+r', 'pop', 'Zv', { long: 'd64' }),
  row('60', 'pusha', '', { long: 'invalid' }),
  row('61', 'popa', '', { long: 'invalid' }),
  row('62 m', 'bound', 'Gv,Ma', { long: 'invalid' }),
  row('63', 'arpl', 'Ew,Gw', { writes: 'Z', long: 'invalid' }),
  row('63', 'movsxd', 'Gv,Ez', { long: 'only' }),
  row('68', 'push', 'Iz', { long: 'd64' }),
  row('69', 'imul', 'Gv,Ev,Iz', MUL),
  row('6A', 'push', 'Ibs', { long: 'd64' }),
  row('6B', 'imul', 'Gv,Ev,Ibs', MUL),
  row('6C', 'ins', 'Yb,DX', { ...IO, reads: 'D' }),
  row('6D', 'ins', 'Yv,DX', { ...IO, reads: 'D' }),
  row('6E', 'outs', 'DX,Xb', { ...IO, reads: 'D' }),
  row('6F', 'outs', 'DX,Xv', { ...IO, reads: 'D' }),
  ...conditional('', 0x70, 'j', 'jcc', 'Jb', { long: 'f64' }),

  row('84', 'test', 'Eb,Gb', LOGIC),
  row('85', 'test', 'Ev,Gv', LOGIC),
  row('86', 'xchg', 'Eb,Gb', { lock: true }),
  row('87', 'xchg', 'Ev,Gv', { lock: true }),
  row('88', 'mov', 'Eb,Gb'),
  row('89', 'mov', 'Ev,Gv'),
  row('8A', 'mov', 'Gb,Eb'),
  row('8B', 'mov', 'Gv,Ev'),
  // A segment register goes to memory as 16 bits whatever the operand size.
  row('8C m', 'mov', 'Mw,Sw', { op: 'movsreg' }),
  row('8C r', 'mov', 'Rv,Sw', { op: 'movsreg' }),
  row('8D m', 'lea', 'Gv,M'),
  row('8E', 'mov', 'Sw,Ew', { op: 'movtosreg' }),
  row('8F /0', 'pop', 'Ev', { long: 'd64' }),

  row('90+r', 'xchg', 'Zv,rAX'),
  row('90', 'nop'),
  row('F3 90', 'pause'),
  row('98', 'cbw'),
  row('99', 'cwd'),
  row('9A', 'callf', 'Ap', { long: 'invalid' }),
  row('9B', 'fwait', '', { feature: 'fpu' }),
  row('9C', 'pushf', '', { reads: 'OSZAPCDIT', long: 'd64' }),
  row('9D', 'popf', '', { writes: 'OSZAPCDIT', long: 'd64' }),
  row('9E', 'sahf', '', { writes: 'SZAPC' }),
  row('9F', 'lahf', '', { reads: 'SZAPC' }),

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
  row('AA', 'stos', 'Yb,AL', { reads: 'D' }),
  row('AB', 'stos', 'Yv,rAX', { reads: 'D' }),
  row('AC', 'lods', 'AL,Xb', { reads: 'D' }),
  row('AD', 'lods', 'rAX,Xv', { reads: 'D' }),
  row('AE', 'scas', 'AL,Yb', REP_COMPARE),
  row('AF', 'scas', 'rAX,Yv', REP_COMPARE),
  row('B0+r', 'mov', 'Zb,Ib'),
  row('B8+r', 'mov', 'Zv,Iv'),

  row('C2', 'ret', 'Iw', { long: 'f64' }),
  row('C3', 'ret', '', { long: 'f64' }),
  // Memory forms only: with mod 3 these bytes are VEX prefixes, which this processor does not have.
  row('C4 m', 'les', 'Gv,Mp', { op: 'lseg', long: 'invalid' }),
  row('C5 m', 'lds', 'Gv,Mp', { op: 'lseg', long: 'invalid' }),
  row('C6 /0', 'mov', 'Eb,Ib'),
  row('C7 /0', 'mov', 'Ev,Iz'),
  row('C8', 'enter', 'Iw,Ib', { long: 'd64' }),
  row('C9', 'leave', '', { long: 'd64' }),
  row('CA', 'retf', 'Iw'),
  row('CB', 'retf'),
  row('CC', 'int3'),
  row('CD', 'int', 'Ib'),
  row('CE', 'into', '', { reads: 'O', long: 'invalid' }),
  row('CF', 'iret', '', { writes: 'OSZAPCDIT' }),

  row('D4', 'aam', 'Ib', { writes: ARITHMETIC, undefined: 'OAC', long: 'invalid' }),
  row('D5', 'aad', 'Ib', { writes: ARITHMETIC, undefined: 'OAC', long: 'invalid' }),
  row('D6', 'salc', '', { reads: 'C', long: 'invalid' }),
  row('D7', 'xlat'),

  row('E0', 'loopne', 'Jb', { reads: 'Z', long: 'f64' }),
  row('E1', 'loope', 'Jb', { reads: 'Z', long: 'f64' }),
  row('E2', 'loop', 'Jb', { long: 'f64' }),
  row('E3', 'jcxz', 'Jb', { long: 'f64' }),
  row('E4', 'in', 'AL,Ib', IO),
  row('E5', 'in', 'eAX,Ib', IO),
  row('E6', 'out', 'Ib,AL', IO),
  row('E7', 'out', 'Ib,eAX', IO),
  row('E8', 'call', 'Jz', { long: 'f64' }),
  row('E9', 'jmp', 'Jz', { long: 'f64' }),
  row('EA', 'jmpf', 'Ap', { long: 'invalid' }),
  row('EB', 'jmp', 'Jb', { long: 'f64' }),
  row('EC', 'in', 'AL,DX', IO),
  row('ED', 'in', 'eAX,DX', IO),
  row('EE', 'out', 'DX,AL', IO),
  row('EF', 'out', 'DX,eAX', IO),

  row('F1', 'int1', '', { op: 'icebp' }),
  row('F4', 'hlt', '', { privilege: 0 }),
  row('F5', 'cmc', '', { reads: 'C', writes: 'C' }),
  row('F8', 'clc', '', { writes: 'C' }),
  row('F9', 'stc', '', { writes: 'C' }),
  row('FA', 'cli', '', { writes: 'I', privilege: 'iopl' }),
  row('FB', 'sti', '', { writes: 'I', privilege: 'iopl' }),
  row('FC', 'cld', '', { writes: 'D' }),
  row('FD', 'std', '', { writes: 'D' }),
  row('FF /2', 'call', 'Ev', { op: 'callind', long: 'f64' }),
  row('FF /3m', 'callf', 'Mp', { op: 'callfind' }),
  row('FF /4', 'jmp', 'Ev', { op: 'jmpind', long: 'f64' }),
  row('FF /5m', 'jmpf', 'Mp', { op: 'jmpfind' }),
  row('FF /6', 'push', 'Ev', { long: 'd64' }),
];
