/**
 * The second switch, which runs 16-bit code: real mode, virtual-8086 mode, 16-bit segments of protected mode. It needs segments that begin on 4 bytes
 * and reach to 64 KiB at least (KEY_FLAT of 16-bit code, see `Cpu.modeChanged`); bases are read when an instruction runs, since such code loads
 * segments all the time. Within 64 KiB an aligned access cannot pass a limit, so alignment, which the TLB test covers, is all that is checked.
 *
 * Address, TLB and the ways out are written once, before and behind the cases: there are many more of them than in the first switch, as everything
 * comes in 16 and in 32 bits, and there is less to gain. Word INDEX of a record says more here: see `narrowIndex`.
 */
import { CS, ES, SEG, SEG_BASE, SEG_WORDS, SS } from '../registers.ts';

/** Word of R that holds a segment's base. */
export const baseWord = (segment: number): number => SEG + segment * SEG_WORDS + SEG_BASE;
/**
 * Bits of INDEX besides index register (0-3) and scale (4-5): which bits of the address must be 0 in 6-7, `baseWord` from 9 on, ones in 16-31 for a
 * 32-bit address: such a one must lie below 64 KiB, a 16-bit one wraps there.
 */
export const narrowIndex = (base: number, wideAddress: boolean): number => (base << 9) | (wideAddress ? -65536 : 0);
export const narrowAlignment = (bytes: number): number => (bytes - 1) << 6;

const base = (segment: number): string => `R[${baseWord(segment)}]`;
const NEXT = 'p = A[p + 1]; continue;';
const ARRAY = { 16: 'M2', 32: 'M4' } as const;
type Size = 16 | 32;
const register = (word: number, size: Size) => (size === 32 ? `R[A[p + ${word}]]` : `R16[A[p + ${word}] << 1]`);
/** SP less an operand in `h`; where that is in memory in `r`. */
const slot = (size: Size) =>
  `h = (R[4] - ${size / 8}) & 65535; r = (h + ${base(SS)}) | 0; if (((e = TW[(r >>> 12) | u]) | r) & ${size / 8 - 1}) break; r = (e ^ r) >>> ${size / 16};`;
/** What lies at `r` (an offset in the stack segment) in `t`. */
const load = (size: Size) => `r = (h + ${base(SS)}) | 0; if (((e = TR[(r >>> 12) | u]) | r) & ${size / 8 - 1}) break; t = ${ARRAY[size]}[(e ^ r) >>> ${size / 16}];`;
/** LODS or STOS of one element, upwards: DF is bit 10 of EFLAGS. */
const element = (pointer: number, at: string, table: string, bytes: 1 | 2, text: string) =>
  `t = (R16[${pointer * 2}] + ${at}) | 0; if (((e = ${table}[(t >>> 12) | u]) ${bytes === 2 ? '| t) & 1' : '& 1)'} | R[14] & 1024) break; ${
    text.replace('CELL', `${bytes === 2 ? 'M2' : 'M1'}[(e ^ t) >>> ${bytes - 1}]`)} R16[${pointer * 2}] = R16[${pointer * 2}] + ${bytes}; ${NEXT}`;

/**
 * Ways out of the cases: `break` leaves the record to its function; `break taken` takes the direct branch; `break look` goes to EIP `t` with `h` in SP.
 */
export const NARROW_SPECIAL: Record<string, string> = {
  'narrow.goto': 'n = (n + 1) | 0; if ((q = A[p + 4]) === 0) break; p = q; continue;',
  'narrow.cross': 'n = (n + 1) | 0; t = (S[2] + 4096) | 0; h = R16[8]; break look;',
  nop: NEXT,
  'setcc.r': `R8[A[p + 3]] = condition(A[p + 7], fk, fa, fb, fr) ? 1 : 0; ${NEXT}`,
  jmp: 'break taken;',
  'jcxz.16': `if (R16[2] === 0) break taken; ${NEXT}`,
  'loop.16': `if (R16[2] !== 1) { if (((S[2] + A[p + 5]) >>> 16) | (q = A[p + 4]) === 0) break; R16[2] = R16[2] - 1; p = q; continue; } R16[2] = 0; ${NEXT}`,
  // IMM holds the word of the selector.
  'push.s': `${slot(16)} M2[r] = R[A[p + 7]]; R16[8] = h; ${NEXT}`,
  'cbw.16': `R16[0] = R8[0] << 24 >> 24; ${NEXT}`,
  'cbw.32': `R[0] = R[0] << 16 >> 16; ${NEXT}`,
  'cwd.16': `R16[4] = R[0] << 16 >> 31; ${NEXT}`,
  'cwd.32': `R[2] = R[0] >> 31; ${NEXT}`,
  'lea.16': `R16[A[p + 2] << 1] = R[A[p + 4]] + (R[(e = A[p + 5]) & 15] << ((e >>> 4) & 3)) + A[p + 6]; ${NEXT}`,
  'lea.32': `R[A[p + 2]] = (R[A[p + 4]] + (R[(e = A[p + 5]) & 15] << ((e >>> 4) & 3)) + A[p + 6]) | 0; ${NEXT}`,
  // IMM holds the word of the source segment's base.
  'lods.8': element(6, 'R[A[p + 7]]', 'TR', 1, 'R8[0] = CELL;'),
  'lods.16': element(6, 'R[A[p + 7]]', 'TR', 2, 'R16[0] = CELL;'),
  'stos.8': element(7, base(ES), 'TW', 1, 'CELL = R8[0];'),
  'stos.16': element(7, base(ES), 'TW', 2, 'CELL = R16[0];'),
};
for (const size of [16, 32] as const) {
  const bytes = size / 8, array = ARRAY[size];
  const operand = `t = ${array}[h >>> ${size / 16}];`;
  const pushNext = `if (t >>> 16) break; ${array}[r] = S[2] + A[p + 7];`;
  Object.assign(NARROW_SPECIAL, {
    [`push.r.${size}`]: `${slot(size)} ${array}[r] = ${register(2, size)}; R16[8] = h; ${NEXT}`,
    [`push.i.${size}`]: `${slot(size)} ${array}[r] = A[p + 7]; R16[8] = h; ${NEXT}`,
    [`push.m.${size}`]: `${operand} ${slot(size)} ${array}[r] = t; R16[8] = h; ${NEXT}`,
    [`pop.r.${size}`]: `h = R16[8]; ${load(size)} R16[8] = h + ${bytes}; ${register(2, size)} = t; ${NEXT}`,
    [`leave.${size}`]: `h = R16[10]; ${load(size)} ${size === 16 ? 'R16[10]' : 'R[5]'} = t; R16[8] = h + ${bytes}; ${NEXT}`,
    [`call.${size}`]: `${slot(size)} t = (S[2] + A[p + 5]) | 0; ${pushNext} if ((q = A[p + 4]) === 0) break look; R16[8] = h; p = q; continue;`,
    [`ret.${size}`]: `h = R16[8]; ${load(size)} h = h + ${bytes} + A[p + 7]; break look;`,
    [`jmpind.r.${size}`]: `t = ${register(3, size)}; h = R16[8]; break look;`,
    [`jmpind.m.${size}`]: `${operand} h = R16[8]; break look;`,
    [`callind.r.${size}`]: `${slot(size)} t = ${register(3, size)}; ${pushNext} break look;`,
    [`callind.m.${size}`]: `${operand} ${slot(size)} ${pushNext} break look;`,
  });
}

/** 0 no memory operand, 1 one that is read, 2 one that is written: the order of the cases' numbers. */
export const narrowAccess = (name: string, writes: (op: string) => boolean): 0 | 1 | 2 => {
  const [op, size, places] = name.split('.') as [string, string, string?];
  if (size === 'm') return 1;
  if (name in NARROW_SPECIAL || places === undefined || !places.includes('m')) return 0;
  return places[0] === 'm' && writes(op) ? 2 : 1;
};

/** Text before the cases, for a record whose case is `q`: machine offset of the memory operand in `h`. */
export const narrowOperand = (firstRead: number, firstWrite: number): string => `
        if (q >= ${firstRead}) {
          e = A[p + 5];
          t = (R[A[p + 4]] + (R[e & 15] << ((e >>> 4) & 3)) + A[p + 6]) | 0;
          if (t & e & -65536) break slow;
          t = ((t & 65535) + R[(e >>> 9) & 63]) | 0;
          c = q < ${firstWrite} ? TR[(t >>> 12) | u] : TW[(t >>> 12) | u];
          if ((c & 1) | (t & (e >>> 6) & 3)) break slow;
          h = c ^ t;
        }`;

/** The end of a form's case, given its flag text: most leave their four words to what follows the cases, with their kind in `c`. */
export function narrowEnd(flags: string): string {
  const [, kind, result] = /^fk = ([^;]+);(?: fa = a; fb = b;)? fr = (r|r << \d+);$/.exec(flags) ?? /^fk = ([^;]+); fr = ([^;]+); fb = .*$/.exec(flags) ?? [];
  if (kind === undefined) return `${flags} ${NEXT}`;
  const [, high] = / fr = [^;]+; fb = (.*);$/.exec(flags) ?? [];
  return `${high === undefined ? '' : `b = ${high}; `}${result === 'r' ? '' : `r = ${result}; `}c = ${kind}; break flags;`;
}
export const NARROW_FLAGS = ' fk = c; fa = a; fb = b; fr = r; p = A[p + 1]; continue;';

/** Text behind them. The record's function does what leaves the first 64 KiB, and what is not known yet. */
export const NARROW_TAKEN = `
        t = (S[2] + A[p + 5]) | 0;
        if (t >>> 16) break slow;
        if ((q = A[p + 4]) !== 0) { p = q; continue; }
        h = R16[8];`;
export const NARROW_LOOK = `
        if (t >>> 16) break slow;
        c = (t + ${base(CS)}) | 0;
        if ((q = PM[CP[(c >>> 12) | u] + (c & 4095)]) === 0) break slow;
        R16[8] = h;
        S[2] = t - (c & 4095);
        p = q;
        continue;`;
