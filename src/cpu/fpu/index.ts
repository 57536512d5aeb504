/** The floating-point and SIMD unit: x87, MMX, SSE. What the rest of the processor may use of it. */
import type { CoreOpFactory } from '../ops/core.ts';
import { FCW, FPR, FTW, MXCSR, XMM } from '../architecture/registers.ts';
import { convertOps } from './convert.ts';
import { moveOps } from './moves.ts';
import { packedOps } from './packed.ts';
import { sseOps } from './sse.ts';
import { resetX87 } from './stack.ts';
import { stringOps } from './strings.ts';
import { x87Ops } from './x87.ts';
import { environmentOps } from './x87-env.ts';
import { transcendentalOps } from './x87-transcendental.ts';

/** Semantics by row.op. */
export const fpuOps: Record<string, CoreOpFactory> = {
  ...x87Ops,
  ...transcendentalOps,
  ...environmentOps,
  ...packedOps,
  ...moveOps,
  ...sseOps,
  ...convertOps,
  ...stringOps,
};

/** RESET (SDM vol. 3, table 9-1): not quite FNINIT, as every exception is unmasked and the registers hold zeros; firmware and kernels run FNINIT. */
export function resetFpu(R: Int32Array): void {
  resetX87(R);
  R[FCW] = 0x40;
  R[FTW] = 0xff;
  R[MXCSR] = 0x1f80;
  R.fill(0, FPR, XMM + 64);
}
