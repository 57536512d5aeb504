/**
 * Operands of MMX and SSE instructions: registers as word indexes in R (MMn: FPR + 4n, XMMn: XMM + 4n), memory operands in scratch words of R, so
 * that a kernel sees no difference. Sources: SDM vol. 1, 9.5 (MMX and x87 state), 10.3-10.6; vol. 2, table 2-18 ff. (alignment).
 */
import type { Core, CoreOpFactory } from '../ops/core.ts';
import { DST, IMM, SRC } from '../record.ts';
import { FPR, FSW, FTW, XMM } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import { readyMmx, readySse } from './stack.ts';

/** Scratch words that hold a memory operand. */
export const SCRATCH = FPR + 32;

/** Changes n words (2 MMX, 4 XMM) at d, given those at s; d may be s. */
export type Kernel = (R: Int32Array, d: number, s: number, n: number) => void;
/** The same with an immediate byte. */
export type ImmediateKernel = (R: Int32Array, d: number, s: number, n: number, immediate: number) => void;

/** What every MMX instruction but EMMS does to the x87: TOP = 0, no register empty. */
export function enterMmx(R: Int32Array): void {
  R[FSW] &= ~0x3800;
  R[FTW] = 0xff;
}

/** Word index of MMn that is about to be written: its exponent becomes all ones. */
export function mmxTarget(R: Int32Array, n: number): number {
  const d = FPR + 4 * n;
  R[d + 2] = 0xffff;
  return d;
}

/** Bytes of memory that an operand code represents. */
export function memoryBytes(row: Row): number {
  for (const code of row.operands) {
    if (!'QWM'.includes(code[0])) continue;
    switch (code.slice(1)) {
      case 'b':
        return 1;
      case 'w':
        return 2;
      case 'd':
      case 'ss':
        return 4;
      case 'q':
      case 'sd':
        return 8;
      default:
        return 16;
    }
  }
  return 16;
}

/** Reads `bytes` at `linear` to SCRATCH, zero-extended to 16. */
export function readScratch(core: Core, linear: number, bytes: number): number {
  const R = core.R;
  if (bytes === 16) {
    core.memory.read128(linear, SCRATCH);
    return SCRATCH;
  }
  R[SCRATCH] =
    bytes >= 4 ? core.memory.read32(linear) : bytes === 2 ? core.memory.read16(linear) : core.memory.read8(linear);
  R[SCRATCH + 1] = bytes === 8 ? core.memory.read32((linear + 4) | 0) : 0;
  R[SCRATCH + 2] = R[SCRATCH + 3] = 0;
  return SCRATCH;
}

/** Reads the record's memory operand to SCRATCH; 16 bytes must be aligned. */
export function memorySource(core: Core, p: number, bytes: number): number {
  return readScratch(
    core,
    bytes === 16 ? core.addressing.aligned16(p, 16, false) : core.addressing.address(p, bytes, false),
    bytes,
  );
}

function storeWords(core: Core, linear: number, s: number, bytes: number): void {
  const R = core.R;
  for (let i = 0; i < bytes; i += 4) core.memory.write32((linear + i) | 0, R[s + (i >> 2)]);
}

/** Writes 4, 8 or 16 bytes from words at s. All or nothing. */
export function writeWords(core: Core, linear: number, s: number, bytes: number): void {
  if ((linear & 4095) > 4096 - bytes) core.memory.probeWrite(linear, bytes);
  if ((linear & 3) === 0) storeWords(core, linear, s, bytes);
  else core.memory.asWhole(() => storeWords(core, linear, s, bytes));
}

/** Instructions `op P,Q` and `op V,W`. */
export const binary =
  (kernel: Kernel): CoreOpFactory =>
  (row, memory) => {
    const bytes = memoryBytes(row);
    if (row.operands[0] === 'Pq') {
      return memory
        ? (core, p) => {
            readyMmx(core);
            const s = memorySource(core, p, bytes),
              R = core.R;
            enterMmx(R);
            kernel(R, mmxTarget(R, core.A[p + DST]), s, 2);
          }
        : (core, p) => {
            readyMmx(core);
            const R = core.R;
            enterMmx(R);
            kernel(R, mmxTarget(R, core.A[p + DST]), FPR + 4 * core.A[p + SRC], 2);
          };
    }
    return memory
      ? (core, p) => {
          readySse(core);
          const s = memorySource(core, p, bytes);
          kernel(core.R, XMM + 4 * core.A[p + DST], s, 4);
        }
      : (core, p) => {
          readySse(core);
          kernel(core.R, XMM + 4 * core.A[p + DST], XMM + 4 * core.A[p + SRC], 4);
        };
  };

/** Instructions `op P,Q,Ib` and `op V,W,Ib`. */
export const binaryImmediate =
  (kernel: ImmediateKernel): CoreOpFactory =>
  (row, memory) => {
    const bytes = memoryBytes(row),
      mmx = row.operands[0] === 'Pq';
    return (core, p) => {
      if (mmx) readyMmx(core);
      else readySse(core);
      const R = core.R;
      const s = memory ? memorySource(core, p, bytes) : (mmx ? FPR : XMM) + 4 * core.A[p + SRC];
      if (mmx) {
        enterMmx(R);
        kernel(R, mmxTarget(R, core.A[p + DST]), s, 2, core.A[p + IMM] & 0xff);
      } else kernel(R, XMM + 4 * core.A[p + DST], s, 4, core.A[p + IMM] & 0xff);
    };
  };
