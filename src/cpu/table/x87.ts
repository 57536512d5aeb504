/**
 * x87 opcodes D8-DF. Source: SDM vol. 2, tables; the aliases that the SDM leaves out (DC D0, DC D8, DD C8, DE D0, DF C8,
 * DF D0, DF D8, DF C0, D9 D8) are those of the 287 and 387 that every processor since accepts.
 * Comparisons, FXCH, FLD, FST and FFREE name one register only; ST(0) is the other by definition.
 */
import { hex, row, type RowOptions } from './define.ts';
import type { Row } from './row.ts';

const FPU: RowOptions = { feature: 'fpu' };
/** Cases of the switch: on registers, on a double, on 32 bits of memory. */
const HOT_80 = { wide: 'r80' },
  HOT_64 = { wide: 'm64' },
  HOT_32 = { wide: 'm32' };
const CMOV: RowOptions = { feature: 'cmov', op: 'fcmovcc' };
/** CPUID's CMOV bit represents them too (SDM vol. 2, CPUID). */
const COMPARE: RowOptions = { feature: 'cmov', writes: 'OSZAPC', ...HOT_80 };
const fpu = (encoding: string, mnemonic: string, operands = '', options: RowOptions = {}): Row =>
  row(encoding, mnemonic, operands, { ...FPU, ...options });

/** The eight operations of D8, by ModRM.reg. In DC and DE the register forms of the last four are exchanged: /4 is FSUBR. */
const ARITHMETIC = ['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr'] as const;
const arithmetic = ARITHMETIC.flatMap((name, i) => {
  const integer = name.replace('f', 'fi');
  const compares = i === 2 || i === 3;
  const reversed = ARITHMETIC[i ^ (i >> 2)];
  return [
    fpu(`D8 /${i}m`, name, 'Mf32', compares ? {} : HOT_32),
    fpu(`D8 /${i}r`, name, compares ? 'STi' : 'ST0,STi', compares ? {} : HOT_80),
    fpu(`DA /${i}m`, integer, 'Mi32'),
    fpu(`DC /${i}m`, name, 'Mf64', compares ? {} : HOT_64),
    fpu(`DC /${i}r`, reversed, compares ? 'STi' : 'STi,ST0', compares ? {} : HOT_80),
    fpu(`DE /${i}m`, integer, 'Mi16'),
    ...(compares ? [] : [fpu(`DE /${i}r`, `${reversed}p`, 'STi,ST0', HOT_80)]),
  ];
});

/** D9 E0-FF, in runs from a first ModRM byte: no operand (ST(0), ST(1) by definition). */
const D9: readonly [number, string][] = [
  [0xe0, 'fchs fabs'],
  [0xe4, 'ftst fxam'],
  [0xe8, 'fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz'],
  [0xf0, 'f2xm1 fyl2x fptan fpatan fxtract fprem1 fdecstp fincstp'],
  [0xf8, 'fprem fyl2xp1 fsqrt fsincos frndint fscale fsin fcos'],
];
const HOT_D9 = new Set(['fchs', 'fabs', 'fld1', 'fldz']);
const withoutOperand = D9.flatMap(([first, names]) =>
  names.split(' ').map((name, i) => fpu(`D9 ${hex(first + i)}`, name, '', HOT_D9.has(name) ? HOT_80 : {})),
);

export const x87: Row[] = [
  ...arithmetic,
  ...withoutOperand,
  fpu('D9 /0m', 'fld', 'Mf32', HOT_32),
  fpu('D9 /2m', 'fst', 'Mf32', HOT_32),
  fpu('D9 /3m', 'fstp', 'Mf32', HOT_32),
  fpu('D9 /4m', 'fldenv', 'M'),
  fpu('D9 /5m', 'fldcw', 'Mw'),
  fpu('D9 /6m', 'fnstenv', 'M'),
  fpu('D9 /7m', 'fnstcw', 'Mw'),
  fpu('D9 /0r', 'fld', 'STi', HOT_80),
  fpu('D9 /1r', 'fxch', 'STi', HOT_80),
  fpu('D9 D0', 'fnop'),
  fpu('D9 /3r', 'fstp1', 'STi', { op: 'fstpnce' }),

  fpu('DA /0r', 'fcmovb', 'ST0,STi', { ...CMOV, cc: 2, reads: 'C' }),
  fpu('DA /1r', 'fcmove', 'ST0,STi', { ...CMOV, cc: 4, reads: 'Z' }),
  fpu('DA /2r', 'fcmovbe', 'ST0,STi', { ...CMOV, cc: 6, reads: 'ZC' }),
  fpu('DA /3r', 'fcmovu', 'ST0,STi', { ...CMOV, cc: 10, reads: 'P' }),
  fpu('DA E9', 'fucompp'),

  fpu('DB /0m', 'fild', 'Mi32', HOT_32),
  fpu('DB /1m', 'fisttp', 'Mi32', { feature: 'sse3' }),
  fpu('DB /2m', 'fist', 'Mi32'),
  fpu('DB /3m', 'fistp', 'Mi32'),
  fpu('DB /5m', 'fld', 'Mf80'),
  fpu('DB /7m', 'fstp', 'Mf80'),
  fpu('DB /0r', 'fcmovnb', 'ST0,STi', { ...CMOV, cc: 3, reads: 'C' }),
  fpu('DB /1r', 'fcmovne', 'ST0,STi', { ...CMOV, cc: 5, reads: 'Z' }),
  fpu('DB /2r', 'fcmovnbe', 'ST0,STi', { ...CMOV, cc: 7, reads: 'ZC' }),
  fpu('DB /3r', 'fcmovnu', 'ST0,STi', { ...CMOV, cc: 11, reads: 'P' }),
  // FENI, FDISI (8087) and FSETPM (287) do nothing since the 387 (SDM vol. 3, 23.18.8).
  fpu('DB E0', 'fneni', '', { op: 'fnop8087' }),
  fpu('DB E1', 'fndisi', '', { op: 'fnop8087' }),
  fpu('DB E2', 'fnclex'),
  fpu('DB E3', 'fninit'),
  fpu('DB E4', 'fnsetpm', '', { op: 'fnop8087' }),
  fpu('DB /5r', 'fucomi', 'ST0,STi', COMPARE),
  fpu('DB /6r', 'fcomi', 'ST0,STi', COMPARE),

  fpu('DD /0m', 'fld', 'Mf64', HOT_64),
  fpu('DD /1m', 'fisttp', 'Mi64', { feature: 'sse3' }),
  fpu('DD /2m', 'fst', 'Mf64', HOT_64),
  fpu('DD /3m', 'fstp', 'Mf64', HOT_64),
  fpu('DD /4m', 'frstor', 'M'),
  fpu('DD /6m', 'fnsave', 'M'),
  fpu('DD /7m', 'fnstsw', 'Mw'),
  fpu('DD /0r', 'ffree', 'STi'),
  fpu('DD /1r', 'fxch', 'STi', HOT_80),
  fpu('DD /2r', 'fst', 'STi', HOT_80),
  fpu('DD /3r', 'fstp', 'STi', HOT_80),
  fpu('DD /4r', 'fucom', 'STi'),
  fpu('DD /5r', 'fucomp', 'STi'),

  fpu('DE /2r', 'fcomp', 'STi'),
  fpu('DE D9', 'fcompp'),

  fpu('DF /0m', 'fild', 'Mi16'),
  fpu('DF /1m', 'fisttp', 'Mi16', { feature: 'sse3' }),
  fpu('DF /2m', 'fist', 'Mi16'),
  fpu('DF /3m', 'fistp', 'Mi16'),
  fpu('DF /4m', 'fbld', 'Mbcd'),
  fpu('DF /5m', 'fild', 'Mi64'),
  fpu('DF /6m', 'fbstp', 'Mbcd'),
  fpu('DF /7m', 'fistp', 'Mi64'),
  fpu('DF /0r', 'ffreep', 'STi'),
  fpu('DF /1r', 'fxch', 'STi', HOT_80),
  fpu('DF /2r', 'fstp', 'STi', HOT_80),
  fpu('DF /3r', 'fstp', 'STi', HOT_80),
  fpu('DF E0', 'fnstsw', 'AX'),
  fpu('DF /5r', 'fucomip', 'ST0,STi', COMPARE),
  fpu('DF /6r', 'fcomip', 'ST0,STi', COMPARE),
];
