/**
 * Hypercalls by number: dispatch, multicall, the hypercall page, counters.
 * Source: xen/include/public/xen.h; results are 0, a count, or a negated errno.
 */
import { XEN } from '../memory/layout.ts';
import { FRAME_BYTES } from '../memory/machine.ts';
import { EFAULT, EINVAL, ENOSYS, HYPERCALL } from './abi.ts';
import { TRACE_KIND } from '../domain/trace.ts';
import type { XenGuest } from './guest.ts';

/** One hypercall: its arguments as the registers hold them, and the result. */
export type Hypercall = (xen: XenGuest, args: readonly number[]) => number;

const COUNTED = 64;
/** Slots of the hypercall page, 32 bytes each. */
const SLOT_BYTES = 32,
  SLOTS = FRAME_BYTES / SLOT_BYTES;
const MULTICALL_ENTRY_BYTES = 32,
  MULTICALL_ARGS = 6,
  ARGS_IN_ENTRY = 8;
/** Calls of a multicall that are made before others have their turn. */
const CALLS_A_TURN = 256;

/** Makes a call. */
export function hypercall(xen: XenGuest, number: number, args: readonly number[]): number {
  xen.words[xen.xen + XEN.HYPERCALLS]++;
  const call = xen.hypercalls[number];
  if (!call) xen.words[xen.xen + XEN.UNKNOWN_HYPERCALLS]++;
  else if (number < COUNTED) xen.words[xen.xen + XEN.CALLS + number]++;
  const result = call ? call(xen, args) | 0 : -ENOSYS;
  const { trace } = xen.parts;
  if (trace.on) trace.add(TRACE_KIND.HYPERCALL, xen.current, number, args[0], result);
  return result;
}

/** The page for HVM guests: mov eax, n; vmcall; ret in each slot, and ud2 for iret. */
export function hypercallPage(): Uint8Array {
  const page = new Uint8Array(FRAME_BYTES).fill(0xcc);
  for (let slot = 0; slot < SLOTS; slot++) {
    page.set(slot === HYPERCALL.IRET ? [0x0f, 0x0b] : [0xb8, slot, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3], slot * SLOT_BYTES);
  }
  return page;
}

/**
 * multicall: a list of calls; each has its result written back, and none stops the others but one: after a paravirtual guest's iret its registers are
 * a program's, which makes no calls, and EAX stays what the iret gave it. A long list goes on after others had their turn, and so does a long call
 * in it: its entry says then what is left.
 */
export const multicall: Hypercall = (xen, [list, count]) => {
  if (xen.inMulticall) return -EINVAL;
  xen.inMulticall = true;
  try {
    for (let i = 0; i < count >>> 0; i++) {
      const at = (list + i * MULTICALL_ENTRY_BYTES) >>> 0;
      const goOn = (): number => {
        xen.continueWith(0, at);
        return xen.continueWith(1, (count >>> 0) - i);
      };
      if (i === CALLS_A_TURN) return goOn();
      const entry = xen.access.view(at, MULTICALL_ENTRY_BYTES);
      if (!entry) return -EFAULT;
      const args = Array.from({ length: MULTICALL_ARGS }, (_, n) => entry.getInt32(ARGS_IN_ENTRY + n * 4, true));
      const number = entry.getUint32(0, true);
      const result = hypercall(xen, number, args);
      const rest = xen.takeContinuation();
      if (rest) {
        for (const [argument, value] of rest) if (!xen.access.writeWord(at + ARGS_IN_ENTRY + argument * 4, value)) return -EFAULT;
        return goOn();
      }
      const written = xen.access.writeWord(at + 4, result);
      if (number === HYPERCALL.IRET && !xen.isHvm) return result;
      if (!written) return -EFAULT;
    }
  } finally {
    xen.inMulticall = false;
  }
  return 0;
};
