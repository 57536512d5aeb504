/** What operand codes say (row.ts): how many bits, and which register. */
import { CS, FS } from '../architecture/registers.ts';
import type { Decoded } from './row.ts';

/** Operand size in bits of an operand code, given the instruction's. Immediates of 32 bits are sign-extended to 64. */
export function operandBits<S extends 16 | 32 | 64>(code: string, operandSize: S): 8 | 16 | 32 | S {
  if (code === 'AL' || code === 'CL' || code === '1') return 8;
  if (code === 'rAX') return operandSize;
  const narrower = operandSize === 64 ? 32 : operandSize;
  if (code === 'eAX') return narrower;
  const size = code.slice(1);
  if (size[0] === 'b') return 8;
  if (size[0] === 'w') return 16;
  if (size[0] === 'd') return 32;
  if (size[0] === 'y' && operandSize === 16) return 32;
  if (size[0] === 'z' && code[0] !== 'I' && code[0] !== 'J') return narrower;
  return operandSize;
}

/** Encoding number of the register that operand `code` names. */
export function operandRegister(code: string, d: Decoded): number {
  if (code === 'AL' || code === 'rAX') return 0;
  if (code[0] === 'G') return d.reg;
  if (code[0] === 'Z') return d.opcodeReg;
  return d.rm;
}

/**
 * True if in flat mode (KEY_FLAT of mode.ts) the address of a memory operand is its linear address and needs no check: 32 bits, in one of the segments that are
 * flat there; code segments cannot be written.
 */
export const isFlatOperand = ({ addressSize, segment }: Decoded): boolean =>
  addressSize === 32 && segment < FS && segment !== CS;

/** … needs the base of FS or GS added, and a look whether that segment is more than a base: kernels and C libraries keep there what each processor or thread has of its own. */
export const isBasedOperand = ({ addressSize, segment }: Decoded): boolean => addressSize === 32 && segment >= FS;
