/** The forced emulation prefix: ud2 and "xen". Source: xen/include/public/arch-x86/xen.h, XEN_EMULATE_PREFIX. */
import { ipOf, isLongCode, type Processor, registers as R } from '../../../cpu/architecture/index.ts';
import type { GuestAccess } from '../../memory/guest-access.ts';

export const FORCED_PREFIX: readonly number[] = [0x0f, 0x0b, 0x78, 0x65, 0x6e];
const RESUME_FLAG = 0x10000;

/**
 * Moves EIP behind the prefix if it is one, and clears RF, as hvm_ud_intercept does (xen/arch/x86/hvm/hvm.c). What emulates the instruction that comes
 * next is the processor itself, which has no other way to run one. False: another invalid opcode.
 */
export function stepOverPrefix(processor: Processor, access: GuestAccess): boolean {
  const { regs } = processor;
  const cs = R.SEG + R.CS * R.SEG_WORDS;
  const isLong = isLongCode(regs),
    eip = ipOf(regs),
    base = isLong ? 0 : regs[cs + R.SEG_BASE];
  if (!isLong && eip + FORCED_PREFIX.length - 1 > regs[cs + R.SEG_LIMIT] >>> 0) return false;
  const code = access.read(base + eip, FORCED_PREFIX.length);
  if (!code || FORCED_PREFIX.some((byte, i) => code[i] !== byte)) return false;
  const behind = eip + FORCED_PREFIX.length;
  regs[R.EIP] = behind;
  if (isLong) regs[R.EIP + R.HIGH] = Math.floor(behind / 2 ** 32);
  processor.eflags &= ~RESUME_FLAG;
  return true;
}
