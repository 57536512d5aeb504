/** MMX and SSE next to general registers and memory of 64 bits, and FXSAVE of sixteen XMM registers. Source: SDM vol. 2, at each mnemonic. */
import type { Cpu } from '../cpu.ts';
import { CR4_OSFXSR } from '../architecture/control-bits.ts';
import { CR4, FDP, FIP, FPR, HIGH, MXCSR, XMM } from '../architecture/registers.ts';
import { fpuOps } from '../fpu/ops.ts';
import { IE, OUT, PE, toInteger, unpackInt64, W, X, ZERO } from '../fpu/softfloat.ts';
import { packLane, report, roundingMode, roundLane, unpackLane } from '../fpu/sse.ts';
import { readyMmx, readySse } from '../fpu/stack.ts';
import { crcBytes, type LengthOf, stringCompare, wordLength } from '../fpu/strings.ts';
import { enterMmx, memoryBytes, memorySource, mmxTarget } from '../fpu/vector.ts';
import { DST, IMM, META, META_OPERAND64, SRC } from '../record.ts';
import { S_HIGH } from '../scratch.ts';
import { operandBits } from '../table/operands.ts';
import type { Row } from '../table/index.ts';
import { byteIndex } from './arithmetic.ts';
import type { LongOpFactory, Op } from './context.ts';
import { longOf } from './long-rows.ts';

/** The r/m operand of 64 bits: the low half; the high one is in S_HIGH. */
function readRm64(cpu: Cpu, p: number, memory: boolean): number {
  if (memory) return cpu.memory.read64(cpu.addressing.address(p, 8, false));
  const from = cpu.A[p + SRC]!;
  cpu.S[S_HIGH] = cpu.R[from + HIGH]!;
  return cpu.R[from]!;
}
function writeRm64(cpu: Cpu, p: number, memory: boolean, low: number, high: number): void {
  if (memory) return cpu.memory.write64(cpu.addressing.address(p, 8, true), low, high);
  const to = cpu.A[p + SRC]!;
  cpu.R[to] = low;
  cpu.R[to + HIGH] = high;
}

/** A row that has a function of its own where its operand size is 64, and else that of other code. */
const atRexW =
  (quads: (row: Row, memory: boolean) => Op, op: string): LongOpFactory =>
  (row, memory, size) =>
    size === 64 ? quads(row, memory) : longOf(fpuOps[op]!)(row, memory, size);

/** MOVQ between a general register or memory and MMX or XMM. */
const movq = (row: Row, memory: boolean): Op => {
  const mmx = row.operands.includes('Pd'),
    store = row.operands[0]![0] === 'E';
  return (cpu, p) => {
    const { R, A } = cpu;
    if (mmx) readyMmx(cpu);
    else readySse(cpu);
    if (store) {
      const from = (mmx ? FPR : XMM) + 4 * A[p + DST]!;
      writeRm64(cpu, p, memory, R[from]!, R[from + 1]!);
      if (mmx) enterMmx(R);
      return;
    }
    const low = readRm64(cpu, p, memory),
      high = cpu.S[S_HIGH]!;
    if (mmx) enterMmx(R);
    const to = mmx ? mmxTarget(R, A[p + DST]!) : XMM + 4 * A[p + DST]!;
    R[to] = low;
    R[to + 1] = high;
    if (!mmx) R[to + 2] = R[to + 3] = 0;
  };
};

const pextrq =
  (_row: Row, memory: boolean): Op =>
  (cpu, p) => {
    readySse(cpu);
    const from = XMM + 4 * cpu.A[p + DST]! + 2 * (cpu.A[p + IMM]! & 1);
    writeRm64(cpu, p, memory, cpu.R[from]!, cpu.R[from + 1]!);
  };
const pinsrq =
  (_row: Row, memory: boolean): Op =>
  (cpu, p) => {
    readySse(cpu);
    const low = readRm64(cpu, p, memory),
      to = XMM + 4 * cpu.A[p + DST]! + 2 * (cpu.A[p + IMM]! & 1);
    cpu.R[to] = low;
    cpu.R[to + 1] = cpu.S[S_HIGH]!;
  };

const toRegister =
  (double: boolean, truncate: boolean) =>
  (row: Row, memory: boolean): Op => {
    const bytes = memoryBytes(row);
    return (cpu, p) => {
      readySse(cpu);
      const { R, A } = cpu,
        from = memory ? memorySource(cpu, p, bytes) : XMM + 4 * A[p + SRC]!,
        mxcsr = R[MXCSR]!;
      unpackLane(R, from, double, mxcsr, X);
      const flags = toInteger(X, 64, truncate ? 3 : roundingMode(mxcsr)) & (IE | PE),
        low = W[OUT]!,
        high = W[OUT + 1]!;
      report(cpu, flags);
      R[A[p + DST]!] = low;
      R[A[p + DST]! + HIGH] = high;
    };
  };

const fromRegister =
  (double: boolean) =>
  (_row: Row, memory: boolean): Op =>
  (cpu, p) => {
    readySse(cpu);
    const { R } = cpu,
      low = readRm64(cpu, p, memory),
      to = XMM + 4 * cpu.A[p + DST]!;
    unpackInt64(low, cpu.S[S_HIGH]!, X);
    const flags = W[X] === ZERO ? 0 : roundLane(X, double, R[MXCSR]!);
    packLane(X, double);
    const out = W[OUT]!,
      outHigh = W[OUT + 1]!;
    report(cpu, flags);
    R[to] = out;
    if (double) R[to + 1] = outHigh;
  };

const movnti = (): Op => (cpu, p) => {
  const from = cpu.A[p + DST]!;
  cpu.memory.write64(cpu.addressing.address(p, 8, true), cpu.R[from]!, cpu.R[from + HIGH]!);
};

const crc32: LongOpFactory = (row, memory, size) => {
  const bits = operandBits(row.operands[1]!, size);
  return (cpu, p) => {
    const { R, R8, A } = cpu,
      to = A[p + DST]!;
    let crc = R[to]!;
    if (bits === 64) {
      const low = readRm64(cpu, p, memory);
      crc = crcBytes(crcBytes(crc, low, 4), cpu.S[S_HIGH]!, 4);
    } else {
      const at = memory ? cpu.addressing.address(p, bits / 8, false) : 0;
      const value =
        bits === 8
          ? memory
            ? cpu.memory.read8(at)
            : R8[byteIndex(A[p + SRC]!)]!
          : !memory
            ? R[A[p + SRC]!]!
            : bits === 16
              ? cpu.memory.read16(at)
              : cpu.memory.read32(at);
      crc = crcBytes(crc, value, bits / 8);
    }
    R[to] = crc;
    R[to + HIGH] = 0;
  };
};

const asLength = (low: number, high: number): number =>
  high === low >> 31 ? low : high < 0 ? -0x7fffffff : 0x7fffffff;
const quadLength: LengthOf = (R, register) => asLength(R[register]!, R[register + HIGH]!);
const explicitLengths =
  (mask: boolean): LongOpFactory =>
  (row, memory, size) =>
    longOf(stringCompare(size === 64 ? quadLength : wordLength, mask))(row, memory, size);

/** Of the area of 512 bytes: where XMM8 lies; the upper halves that FIP and FDP have with REX.W in the place of selectors. */
const XMM8_AT = 288,
  UPPER_POINTERS = [
    [12, FIP + HIGH],
    [20, FDP + HIGH],
  ] as const;
const upperXmm = XMM + 4 * 8;

const fxsave: LongOpFactory = (row, memory) => {
  const run = fpuOps.fxsave!(row, memory, 32);
  return (cpu, p) => {
    run(cpu, p);
    const { R } = cpu,
      at = cpu.addressing.aligned16(p, 512, true);
    if ((cpu.A[p + META]! & META_OPERAND64) !== 0)
      for (const [offset, word] of UPPER_POINTERS) cpu.memory.write32((at + offset) | 0, R[word]!);
    if ((R[CR4]! & CR4_OSFXSR) === 0) return;
    for (let i = 0; i < 32; i++) cpu.memory.write32((at + XMM8_AT + 4 * i) | 0, R[upperXmm + i]!);
  };
};
const fxrstor: LongOpFactory = (row, memory) => {
  const run = fpuOps.fxrstor!(row, memory, 32);
  return (cpu, p) => {
    run(cpu, p);
    const { R } = cpu,
      at = cpu.addressing.aligned16(p, 512, false);
    if ((cpu.A[p + META]! & META_OPERAND64) !== 0)
      for (const [offset, word] of UPPER_POINTERS) R[word] = cpu.memory.read32((at + offset) | 0);
    if ((R[CR4]! & CR4_OSFXSR) === 0) return;
    for (let i = 0; i < 32; i++) R[upperXmm + i] = cpu.memory.read32((at + XMM8_AT + 4 * i) | 0);
  };
};

export const longSse: Record<string, LongOpFactory> = {
  movd: atRexW(movq, 'movd'),
  pextrd: atRexW(pextrq, 'pextrd'),
  pinsrd: atRexW(pinsrq, 'pinsrd'),
  cvtss2si: atRexW(toRegister(false, false), 'cvtss2si'),
  cvttss2si: atRexW(toRegister(false, true), 'cvttss2si'),
  cvtsd2si: atRexW(toRegister(true, false), 'cvtsd2si'),
  cvttsd2si: atRexW(toRegister(true, true), 'cvttsd2si'),
  cvtsi2ss: atRexW(fromRegister(false), 'cvtsi2ss'),
  cvtsi2sd: atRexW(fromRegister(true), 'cvtsi2sd'),
  movnti: atRexW(movnti, 'movnti'),
  crc32,
  pcmpestri: explicitLengths(false),
  pcmpestrm: explicitLengths(true),
  fxsave,
  fxrstor,
};
