/** The floating-point and SIMD unit: x87, MMX, SSE. What the rest of the processor may use of it before its instructions are loaded (ops.ts). */
import { FCW, FPR, FTW, MXCSR, XMM } from '../architecture/registers.ts';
import { resetX87 } from './stack.ts';

/** RESET (SDM vol. 3, table 9-1): not quite FNINIT, as every exception is unmasked and the registers hold zeros; firmware and kernels run FNINIT. */
export function resetFpu(R: Int32Array): void {
  resetX87(R);
  R[FCW] = 0x40;
  R[FTW] = 0xff;
  R[MXCSR] = 0x1f80;
  R.fill(0, FPR, XMM + 64);
}
