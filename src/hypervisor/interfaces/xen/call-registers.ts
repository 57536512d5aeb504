/** Registers of a hypercall, by the width of the code that makes it: number, arguments, result. Source: xen/include/public/arch-x86/xen-x86_32.h and xen-x86_64.h. */
import { isLongCode, registers as R, wideOf } from '../../../cpu/architecture/index.ts';
import type { Width } from './struct.ts';

const ARGUMENTS = { 32: [R.EBX, R.ECX, R.EDX, R.ESI, R.EDI], 64: [R.EDI, R.ESI, R.EDX, R.R10, R.R8] } as const;
/** The number of no hypercall. */
const NO_CALL = 0xffffffff;
const WORD = 2 ** 32;

/** 64-bit code, or any other. */
export const callerWidth = (regs: Int32Array): Width => (isLongCode(regs) ? 64 : 32);

/** In 64-bit code the high half of RAX counts, too: no call has such a number. */
export const callNumber = (regs: Int32Array): number =>
  isLongCode(regs) && regs[R.EAX + R.HIGH] !== 0 ? NO_CALL : regs[R.EAX] >>> 0;

/** Arguments with their signs. Most of a short hypercall's time were a closure over the registers. */
export function callArguments(regs: Int32Array): number[] {
  if (!isLongCode(regs)) return [regs[R.EBX], regs[R.ECX], regs[R.EDX], regs[R.ESI], regs[R.EDI]];
  return ARGUMENTS[64].map(word => wideOf(regs, word));
}

export function setArgument(regs: Int32Array, argument: number, value: number): void {
  const width = callerWidth(regs),
    word = ARGUMENTS[width][argument];
  regs[word] = value;
  if (width === 64) regs[word + R.HIGH] = Math.floor(value / WORD);
}

/** A result of 32 bits; in 64-bit code its sign goes on in RAX. */
export function setResult(regs: Int32Array, result: number): void {
  regs[R.EAX] = result;
  if (isLongCode(regs)) regs[R.EAX + R.HIGH] = result >> 31;
}
