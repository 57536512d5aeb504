/** The floating-point and SIMD unit: x87, MMX, SSE. What the rest of the processor may use of it. */
import type { OpFactory } from '../ops/context.ts';
import { MXCSR, XMM } from '../registers.ts';
import { resetX87 } from './stack.ts';
import { x87Ops } from './x87.ts';
import { environmentOps } from './x87-env.ts';

/** Semantics by row.op. */
export const fpuOps: Record<string, OpFactory> = { ...x87Ops, ...environmentOps };

/** RESET (SDM vol. 3, table 9-1): x87 as after FNINIT with its registers zero, XMM zero, MXCSR 1F80. */
export function resetFpu(R: Int32Array): void {
  resetX87(R);
  // SDM: FCW is 0040h after power-up and 037Fh only after FNINIT.
  R[MXCSR] = 0x1f80;
  R.fill(0, XMM, XMM + 64);
}
