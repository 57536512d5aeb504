/**
 * For tests: what must be rewritten before our text and objdump's (binutils 2.40) are compared. Each rule says why the two may differ;
 * a rule here is a difference in spelling, never in what the instruction is.
 */
import type { Syntax } from './disassemble.ts';

/** Rules for objdump's text. */
const THEIRS: readonly [why: string, pattern: RegExp, replacement: string][] = [
  ['comments: the target of a RIP-relative operand', / +#.*$/, ''],
  ['columns', /\s+/g, ' '],
  ['x87 control of old coprocessors carries a remark', /\((8087|287) only\)/, ''],
  ['a redundant REX prefix is printed as a word of its own', /rex(\.[WRXB]+)? /g, ''],
  ['an address-size prefix is printed too where the operand is a plain address, although its width shows', /addr(16|32) (?=.*(?:0x|movabs))/, ''],
  ['an SIB byte without index is printed as the imaginary registers EIZ, RIZ', /(\+|,%)[er]iz([*,])1/, ''],
  ['MONITOR and MWAIT: AT&T names the registers that are implied', /(monitor|mwait) .*/, '$1'],
  ['LDDQU and INVPCID: no width is printed', /^(lddqu|invpcid) (\w+),(?!XMM|OW)(?=.*[[:])/, '$1 $2,@'],
];
/** Rules for ours. */
const OURS: readonly [why: string, pattern: RegExp, replacement: string][] = [
  ['LDDQU and INVPCID: no width is printed', /^(lddqu|invpcid) (\w+),(XMMWORD|OWORD) PTR /, '$1 $2,@'],
  ['m16:64 is printed as m16:32', /^(call|jmp|l[sfg]s)(.*)TBYTE/, '$1$2FWORD'],
];
/** The source of MOV to a segment register, LAR and LSL is 16 bits; objdump prints a register of the operand size. */
const NARROW_SOURCE = /^(mov|lar|lsl)[a-z]? /;

export function normaliseTheirs(text: string, syntax: Syntax): string {
  let result = text;
  for (const [, pattern, replacement] of THEIRS) result = result.replace(pattern, replacement);
  return syntax === 'intel' ? result.trim() : result.trim();
}

export function normaliseOurs(text: string): string {
  let result = text;
  for (const [, pattern, replacement] of OURS) result = result.replace(pattern, replacement);
  return result;
}
void NARROW_SOURCE;
