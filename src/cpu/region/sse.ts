/**
 * SSE in a region: bitwise operations, sums and shuffles of 32-bit lanes inline; arithmetic on singles and doubles, and what C libraries search strings with, by
 * the functions that the interpreter's instructions are made of (fpu/sse.ts, packed.ts, strings.ts). XMM registers stay in the state. What is unusual (CR0.TS,
 * exceptions that are not masked, memory that is not aligned) leaves the region.
 */
import { ALL } from '../architecture/flags.ts';
import { CR0, CR4, ECX, MXCSR, XMM } from '../architecture/registers.ts';
import { type laneFunctions, MODE, USUAL } from '../fpu/sse.ts';
import { SCRATCH } from '../fpu/vector.ts';
import type { Value } from '../gen/emitter.ts';
import type { Decoded } from '../table/index.ts';
import { miss, number } from './text.ts';

/** CR0.EM and TS; CR4.OSFXSR. */
const CR0_STOP = 12,
  OSFXSR = 512;

/** One lane of the result. */
const LANES: Record<string, (a: Value, b: Value) => Value> = {
  pxor: (a, b) => `${a} ^ ${b}`,
  pand: (a, b) => `${a} & ${b}`,
  por: (a, b) => `${a} | ${b}`,
  pandn: (a, b) => `~${a} & ${b}`,
  paddd: (a, b) => `(${a} + ${b}) | 0`,
  psubd: (a, b) => `(${a} - ${b}) | 0`,
  pcmpeqd: (a, b) => `-(${a} === ${b})`,
  pcmpgtd: (a, b) => `-(${a} > ${b})`,
  pcmpeqb: (a, b) => `equalBytes(${a}, ${b})`,
  pcmpeqw: (a, b) => `equal16(${a}, ${b})`,
  paddb: (a, b) => `addBytes(${a}, ${b})`,
  paddw: (a, b) => `add16(${a}, ${b})`,
  psubb: (a, b) => `subtractBytes(${a}, ${b})`,
  psubw: (a, b) => `subtract16(${a}, ${b})`,
};
for (const [op, lane] of [
  ['and', 'pand'],
  ['or', 'por'],
  ['xor', 'pxor'],
  ['andn', 'pandn'],
] as const)
  LANES[`${op}ps`] = LANES[`${op}pd`] = LANES[lane]!;
/** Moves whose memory need not be aligned: strings seldom are. */
const UNALIGNED = new Set(['movups', 'movupd', 'movdqu', 'lddqu']);
const MOVES = new Set(['movaps', 'movups', 'movapd', 'movupd', 'movdqa', 'movdqu']);
/** What one function does to the target, given where its words and the source's are. */
const CALLS = new Set(['pshufb', 'pcmpistri']);
const ARITHMETIC = /^(add|sub|mul|div|min|max|sqrt)([ps])([sd])$/;

/** MXCSR: a denormal operand, underflow, an inexact result, an invalid operation were seen. */
const DE = 2,
  UE = 16,
  PE = 32,
  IE = 1;
/** The least normal single. */
const LEAST = 2 ** -126;
const SIGNS: Record<string, string> = { add: '+', sub: '-', mul: '*' };

/**
 * Lanes of singles inline where no flag changes: what may set one was seen already, or cannot happen to these numbers. Else `all` does them. A sum tells of all
 * lanes at once: it is finite exactly if each is, since doubles hold the sum of any singles.
 */
function singles(op: string, target: number, from: number, lanes: number, all: string): string {
  const each = [...Array(lanes).keys()],
    sign = SIGNS[op];
  const load = each.map(i => `a${i} = FLOATS[${target + i}], b${i} = FLOATS[${from + i}]`).join(', ');
  const sum = (of: (i: number) => string) => each.map(of).join(' + '),
    seen = (flags: number) => `(mxcsr & ${flags}) === ${flags}`;
  const normal = (i: number) => `Math.abs(a${i}) >= ${LEAST} && Math.abs(b${i}) >= ${LEAST}`;
  if (op === 'min' || op === 'max') {
    const quiet = `${seen(DE)} && (c = ${sum(i => `a${i} + b${i}`)}) === c || ${each.map(i => `a${i} === a${i} && b${i} === b${i} && ${normal(i)}`).join(' && ')}`;
    // Without a branch that nobody can foresee.
    const take = each
      .map(
        i =>
          `t = -(a${i} ${op === 'min' ? '<' : '>'} b${i}); R[${target + i}] = R[${target + i}] & t | R[${from + i}] & ~t;`,
      )
      .join(' ');
    return `{ const ${load}; let c = 0; if (${seen(DE | IE)} || ${quiet}) { ${take} } else { ${all} } }`;
  }
  if (sign === undefined) return all;
  const results = each.map(i => `r${i}_ = Math.fround(a${i} ${sign} b${i})`).join(', ');
  const old = op === 'mul' ? DE | UE | PE : DE | PE;
  const fits = each
    .map(i => `m${i} < Infinity && ${op === 'mul' ? `m${i} > ${LEAST} && ` : ''}${normal(i)}`)
    .join(' && ');
  const put = each.map(i => `FLOATS[${target + i}] = r${i}_;`).join(' ');
  return `{ const ${load}, ${results}, ${each.map(i => `m${i} = Math.abs(r${i}_)`).join(', ')};
if (${seen(old)} && ${sum(i => `m${i}`)} < Infinity || (mxcsr & ${PE}) !== 0 && ${fits}) { ${put} } else { ${all} } }`;
}

/** What a region with SSE asks when control enters it: its text, before the first instruction and again behind what it calls. */
export const SSE_ENTER = `const noSse = (R[${CR0}] & ${CR0_STOP}) !== 0 || (R[${CR4}] & ${OSFXSR}) === 0; let mxcsr = R[${MXCSR}];`;
export const SSE_RELOAD = `mxcsr = R[${MXCSR}];`;

/** True for an instruction that `sseText` expands. Memory operands are flat. */
export function isSse({ row, memory }: Decoded): boolean {
  const { op, operands } = row!;
  if (op === 'pmovmskb') return operands[1] === 'Ux';
  if (operands[0]?.[0] !== 'V' && !(MOVES.has(op) && !memory)) return false;
  return (
    op in LANES ||
    CALLS.has(op) ||
    op === 'pshufd' ||
    ARITHMETIC.test(op) ||
    (memory ? UNALIGNED.has(op) : MOVES.has(op))
  );
}

/** 16 bytes from anywhere in a page: four words, or the halves of five. */
function unalignedLoad(target: number, address: Value, leave: (condition: Value) => string): string {
  const words = (of: (i: number) => string) => [0, 1, 2, 3].map(i => `R[${target + i}] = ${of(i)};`).join(' ');
  return `${leave('noSse')} t = ${address}; ${leave(`${miss('TR', 't', 1)} || (t & 4095) > 4080`)} h = (e ^ t) >>> 2;
if ((a = (t & 3) << 3) === 0) { ${words(i => `M4[h + ${i}]`)} } else { b = 32 - a; ${words(i => `M4[h + ${i}] >>> a | M4[h + ${i + 1}] << b`)} } `;
}

/** `address`: text of the memory operand's address; `leave`: text that leaves the region if the condition holds, with the instruction not begun. */
export function sseText(
  at: Decoded,
  address: Value,
  leave: (condition: Value) => string,
): { text: string; setsFlags: boolean } {
  const text = textOf(at, address, leave);
  return { text, setsFlags: at.row!.op === 'pcmpistri' };
}

function textOf(at: Decoded, address: Value, leave: (condition: Value) => string): string {
  const { op, operands } = at.row!,
    arithmetic = ARITHMETIC.exec(op);
  const loads = operands[0]![0] === 'V',
    target = XMM + (loads ? at.reg : at.rm) * 4,
    other = XMM + (loads ? at.rm : at.reg) * 4;
  if (at.memory && UNALIGNED.has(op)) return unalignedLoad(target, address, leave);
  let text = leave(`noSse${arithmetic === null ? '' : ` || (mxcsr & ${MODE}) !== ${USUAL}`}`);
  const words = arithmetic?.[2] === 's' ? (arithmetic[3] === 'd' ? 2 : 1) : 4;
  if (at.memory)
    text += ` t = ${address}; ${leave(miss('TR', 't', words === 4 ? 16 : 4) + (words === 2 ? ' || (t & 4095) === 4092' : ''))} h = (e ^ t) >>> 2;`;
  const source = (i: number): Value => (at.memory ? (i === 0 ? 'M4[h]' : `M4[h + ${i}]`) : `R[${other + i}]`);
  if (op === 'pmovmskb') return `${text} r${at.reg} = byteSigns(R, ${XMM + at.rm * 4}, 4); `;
  if (CALLS.has(op)) {
    if (at.memory) for (let i = 0; i < 4; i++) text += ` R[${SCRATCH + i}] = ${source(i)};`;
    const from = at.memory ? SCRATCH : other;
    if (op === 'pshufb') return `${text} shuffleBytes(R, ${target}, ${from}, 4); `;
    return `${text} t = implicitIndex(R, ${target}, ${from}, ${at.immediate & 0xff}); r${ECX} = t & 255; fk = ${ALL}; fb = t >>> 8; fr = ~fb >>> 6 & 1; `;
  }
  if (arithmetic !== null) {
    if (at.memory) for (let i = 0; i < words; i++) text += ` R[${SCRATCH + i}] = ${source(i)};`;
    const lanes = arithmetic[2] === 's' ? 1 : arithmetic[3] === 'd' ? 2 : 4;
    const name: keyof typeof laneFunctions = `${arithmetic[1] as 'add'}${arithmetic[3] === 'd' ? 'Doubles' : 'Singles'}`;
    const from = at.memory ? SCRATCH : other,
      all = `numbers(R); mxcsr = R[${MXCSR}] |= ${name}(R, ${target}, ${from}, ${lanes});`;
    return `${text} ${arithmetic[3] === 's' ? singles(arithmetic[1]!, target, from, lanes, all) : all} `;
  }
  if (op === 'pshufd') {
    // The names of what is read, since the target may be the source.
    text += ` a = ${source(at.immediate & 3)}; b = ${source((at.immediate >> 2) & 3)}; c = ${source((at.immediate >> 4) & 3)}; r = ${source((at.immediate >> 6) & 3)};`;
    return `${text} R[${target}] = a; R[${target + 1}] = b; R[${target + 2}] = c; R[${target + 3}] = r; `;
  }
  for (let i = 0; i < 4; i++)
    text += ` R[${number(target + i)}] = ${MOVES.has(op) ? source(i) : LANES[op]!(`R[${target + i}]`, source(i))};`;
  return `${text} `;
}
