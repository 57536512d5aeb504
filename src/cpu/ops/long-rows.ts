/**
 * Rows of 64-bit code that functions run: those of other code, whose writes of 32 bits clear the high half, and what is of its own where operands have 64 bits.
 * Source: SDM vol. 2, at each mnemonic.
 */
import type { Cpu } from '../cpu.ts';
import { CF, OF, ZF } from '../architecture/flags.ts';
import { resultFlags, SUB64 } from '../architecture/long-flags.ts';
import { EAX, EBX, ECX, EDX, FA, FB, FK, FR, HIGH } from '../architecture/registers.ts';
import { DE } from '../faults.ts';
import { DST, IMM, META, META_ADDRESS32, META_LOCK, META_SEGMENT, SRC } from '../record.ts';
import { EXIT, S_HIGH, S_STOP } from '../scratch.ts';
import { fpuOps } from '../fpu/ops.ts';
import { operandBits } from '../table/operands.ts';
import type { Row } from '../table/index.ts';
import { arithmeticOps, read } from './arithmetic.ts';
import type { LongOpFactory, Op, OpFactory } from './context.ts';
import { pairOf } from './long.ts';

// ---- rows of other code ----

/** Registers of 32 bits that an op writes next to its operands. */
const ALSO_WRITES: Readonly<Record<string, readonly number[]>> = {
  div: [EAX, EDX],
  idiv: [EAX, EDX],
  cpuid: [EAX, EBX, ECX, EDX],
  rdtsc: [EAX, EDX],
  rdtscp: [EAX, ECX, EDX],
  rdmsr: [EAX, EDX],
  in: [EAX],
  pcmpistri: [ECX],
  pcmpestri: [ECX],
};
/** Ops that write their operand where they set ZF. */
const WRITES_BY_ZF = new Set(['lar', 'lsl']);
/** Ops whose first operand is not written. */
const READS = new Set(['bt', 'verr', 'verw', 'lldt', 'ltr', 'lmsw', 'ud0', 'ud1', 'nop', 'cmpxchg', 'div', 'idiv']);

/** Words of the record that name registers of 32 bits which the row writes. */
function written(row: Row, memory: boolean, size: 16 | 32 | 64): number[] {
  const [code] = row.operands;
  if (code === undefined || READS.has(row.op) || operandBits(code, size) < 32) return [];
  if (code[0] === 'G' || code[0] === 'Z') return [DST];
  return !memory && (code[0] === 'E' || code[0] === 'R') ? [SRC] : [];
}

/** The function of a row of other code in 64-bit code. */
export const longOf =
  (make: OpFactory): LongOpFactory =>
  (row, memory, size) => {
    const run = make(row, memory, size === 16 ? 16 : 32);
    const words = written(row, memory, size),
      wide = row.operands[0] === undefined || operandBits(row.operands[0], size) >= 32,
      also = wide ? (ALSO_WRITES[row.op] ?? []) : [];
    if (words.length === 0 && also.length === 0) return run;
    const byZf = WRITES_BY_ZF.has(row.op);
    return (cpu, p) => {
      run(cpu, p);
      if (cpu.S[S_STOP] === EXIT || (byZf && (cpu.getFlags() & ZF) === 0)) return;
      for (const word of words) cpu.R[cpu.A[p + word]! + HIGH] = 0;
      for (const register of also) cpu.R[register + HIGH] = 0;
    };
  };

// ---- operands of 64 bits ----

/**
 * A number of 64 bits without sign, of its halves. By `BigInt.asUintN(64, …)` it is not made where it may meet another one in a variable: V8 11 takes such a
 * variable for a machine word, and ends the program (RepresentationChangerError, node 20).
 */
const quadOf = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
/** A general register by its word; a new value for it. */
const registerOf = (cpu: Cpu, n: number): bigint => quadOf(cpu.R[n]!, cpu.R[n + HIGH]!);
function setRegisterTo(cpu: Cpu, n: number, value: bigint): void {
  cpu.R[n] = Number(BigInt.asIntN(32, value));
  cpu.R[n + HIGH] = Number(BigInt.asIntN(32, value >> 32n));
}
function readQuad(cpu: Cpu, linear: number): bigint {
  const low = cpu.memory.read64(linear);
  return quadOf(low, cpu.S[S_HIGH]!);
}
const readQuadRm = (cpu: Cpu, p: number, memory: boolean): bigint =>
  memory ? readQuad(cpu, cpu.addressing.address(p, 8, false)) : registerOf(cpu, cpu.A[p + SRC]!);

/** Read-modify-write of 64 bits in memory; with LOCK through Atomics. `change` may run more than once. */
function modifyAt(cpu: Cpu, p: number, linear: number, change: (value: bigint) => bigint): void {
  if ((cpu.A[p + META]! & META_LOCK) !== 0) {
    const at = cpu.memory.hostAtomic(linear, 8);
    if (at >= 0) {
      for (;;) {
        const found = Atomics.load(cpu.M8, at >>> 3),
          wanted = BigInt.asIntN(64, change(quadOf(Number(BigInt.asIntN(32, found)), Number(found >> 32n))));
        if (Atomics.compareExchange(cpu.M8, at >>> 3, found, wanted) === found) return;
      }
    }
  }
  cpu.memory.probeWrite(linear, 8);
  const value = change(readQuad(cpu, linear));
  cpu.memory.write64(linear, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
}
function modify(cpu: Cpu, p: number, memory: boolean, change: (value: bigint) => bigint): void {
  if (memory) modifyAt(cpu, p, cpu.addressing.address(p, 8, true), change);
  else setRegisterTo(cpu, cpu.A[p + SRC]!, change(registerOf(cpu, cpu.A[p + SRC]!)));
}
/** A count of 0 changes nothing, but memory must be writable. */
function touch(cpu: Cpu, p: number, memory: boolean, bits: number): void {
  if (memory) cpu.memory.probeWrite(cpu.addressing.address(p, bits / 8, true), bits / 8);
  else if (bits === 32) cpu.R[cpu.A[p + SRC]! + HIGH] = 0;
}

const bitOf = (value: bigint, n: number): number => Number((value >> BigInt(n)) & 1n);
const flagsOf = (value: bigint): number =>
  resultFlags(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));

/** A row that has a function of its own where its operands have 64 bits, and else that of other code. */
const ofQuads =
  (quads: (row: Row, memory: boolean) => Op, make: OpFactory): LongOpFactory =>
  (row, memory, size) =>
    operandBits(row.operands[0]!, size) === 64 ? quads(row, memory) : longOf(make)(row, memory, size);

const divide =
  (signed: boolean) =>
  (_row: Row, memory: boolean): Op =>
  (cpu, p) => {
    const as = (bits: number, value: bigint) => (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value));
    const divisor = as(64, readQuadRm(cpu, p, memory)),
      dividend = as(128, (registerOf(cpu, EDX) << 64n) | registerOf(cpu, EAX));
    if (divisor === 0n) cpu.fault(DE);
    const quotient = dividend / divisor;
    if (as(64, quotient) !== quotient) cpu.fault(DE);
    setRegisterTo(cpu, EAX, quotient);
    setRegisterTo(cpu, EDX, dividend - quotient * divisor);
  };

/** RCL and RCR: a rotate of 65 bits. */
const rotateCarry =
  (left: boolean) =>
  (row: Row, memory: boolean): Op => {
    const byCl = row.operands[1] === 'CL';
    return (cpu, p) => {
      const count = (byCl ? cpu.R8[ECX * 4]! : cpu.A[p + IMM]!) & 63;
      if (count === 0) return touch(cpu, p, memory, 64);
      const start = cpu.getFlags(),
        places = BigInt(left ? count : 65 - count);
      let result = 0n;
      modify(cpu, p, memory, value => {
        const all = (BigInt(start & CF) << 64n) | value;
        result = BigInt.asUintN(65, (all << places) | (all >> (65n - places)));
        return BigInt.asUintN(64, result);
      });
      const carry = bitOf(result, 64),
        overflow = bitOf(result, 63) ^ (left ? carry : bitOf(result, 62));
      cpu.setFlags((start & ~(CF | OF)) | (carry !== 0 ? CF : 0) | (overflow !== 0 ? OF : 0));
    };
  };

const doubleShift =
  (left: boolean) =>
  (row: Row, memory: boolean): Op => {
    const byCl = row.operands[2] === 'CL';
    return (cpu, p) => {
      const count = (byCl ? cpu.R8[ECX * 4]! : cpu.A[p + IMM]!) & 63;
      if (count === 0) return touch(cpu, p, memory, 64);
      const source = registerOf(cpu, cpu.A[p + DST]!),
        n = BigInt(count);
      let result = 0n,
        carry = 0,
        overflow = 0;
      modify(cpu, p, memory, value => {
        result = BigInt.asUintN(64, left ? (value << n) | (source >> (64n - n)) : (value >> n) | (source << (64n - n)));
        carry = bitOf(value, left ? 64 - count : count - 1);
        overflow = bitOf(result ^ value, 63);
        return result;
      });
      cpu.setFlags(flagsOf(result) | (carry !== 0 ? CF : 0) | (overflow !== 0 ? OF : 0));
    };
  };

/** Bit tests of memory by a bit offset in a register, which reaches outside of the operand. */
const bitTest =
  (change: ((value: bigint, bit: bigint) => bigint) | null): LongOpFactory =>
  (_row, _memory, size) =>
  (cpu, p) => {
    const { A, S } = cpu,
      meta = A[p + META]!,
      register = A[p + DST]!,
      bits = BigInt(size);
    const index = BigInt.asIntN(size, registerOf(cpu, register)),
      low = cpu.addressing.offset(p),
      at = BigInt.asUintN(
        (meta & META_ADDRESS32) !== 0 ? 32 : 64,
        pairOf(low, S[S_HIGH]!) + (index >> BigInt(Math.log2(size))) * (bits / 8n),
      ),
      bit = index & (bits - 1n);
    const linear = cpu.addressing.long(
      (meta >>> META_SEGMENT) & 7,
      Number(BigInt.asIntN(32, at)),
      Number(BigInt.asIntN(32, at >> 32n)),
      size / 8,
    );
    cpu.memory.checkAlignment(linear, size / 8);
    let old = 0n;
    if (change === null)
      old = size === 64 ? readQuad(cpu, linear) : BigInt.asUintN(size, BigInt(read(cpu, linear, size)));
    else modifySized(cpu, p, linear, size, value => change((old = value), 1n << bit));
    cpu.setFlags((cpu.getFlags() & ~CF) | Number((old >> bit) & 1n));
  };

function modifySized(cpu: Cpu, p: number, linear: number, size: 16 | 32 | 64, change: (value: bigint) => bigint): void {
  if (size === 64) return modifyAt(cpu, p, linear, change);
  const array = size === 32 ? cpu.M4 : cpu.M2;
  if ((cpu.A[p + META]! & META_LOCK) !== 0) {
    const at = cpu.memory.hostAtomic(linear, size / 8);
    if (at >= 0) {
      const cell = at / (size / 8);
      for (;;) {
        const found = Atomics.load(array, cell),
          wanted = Number(BigInt.asIntN(32, change(BigInt.asUintN(size, BigInt(found)))));
        if (Atomics.compareExchange(array, cell, found, wanted) === found) return;
      }
    }
  }
  cpu.memory.probeWrite(linear, size / 8);
  const value = Number(BigInt.asIntN(32, change(BigInt.asUintN(size, BigInt(read(cpu, linear, size))))));
  if (size === 32) cpu.memory.write32(linear, value);
  else cpu.memory.write16(linear, value);
}

/** Flags of the accumulator less what was found, which is the accumulator's new value; true: they are equal. */
function compared(cpu: Cpu, low: number, high: number): boolean {
  const { R } = cpu,
    accumulator = R[EAX]!,
    accumulatorHigh = R[EAX + HIGH]!;
  R[FK] = SUB64;
  R[FA] = accumulatorHigh;
  R[FA + HIGH] = accumulator;
  R[FB] = high;
  R[FB + HIGH] = low;
  R[FR + HIGH] = accumulator - low;
  R[FR] = (accumulatorHigh - high - (accumulator >>> 0 < low >>> 0 ? 1 : 0)) | (accumulator === low ? 0 : 1);
  R[EAX] = low;
  R[EAX + HIGH] = high;
  return accumulator === low && accumulatorHigh === high;
}

/** CMPXCHG of 64 bits, by halves: kernels take their locks and count by it. */
const compareQuad: Op = (cpu, p) => {
  const { R, S, A, M8, memory } = cpu,
    linear = cpu.addressing.address(p, 8, true),
    n = A[p + DST]!,
    source = R[n]!,
    sourceHigh = R[n + HIGH]!;
  const at = (A[p + META]! & META_LOCK) !== 0 ? memory.hostAtomic(linear, 8) : -1;
  if (at >= 0) {
    const found = Atomics.compareExchange(M8, at >>> 3, pairOf(R[EAX]!, R[EAX + HIGH]!), pairOf(source, sourceHigh));
    compared(cpu, Number(BigInt.asIntN(32, found)), Number(found >> 32n));
    return;
  }
  memory.probeWrite(linear, 8);
  const low = memory.read64(linear),
    high = S[S_HIGH]!,
    equal = low === R[EAX] && high === R[EAX + HIGH];
  memory.write64(linear, equal ? source : low, equal ? sourceHigh : high);
  compared(cpu, low, high);
};
const compareQuadRegister: Op = (cpu, p) => {
  const { R, A } = cpu,
    n = A[p + DST]!,
    to = A[p + SRC]!,
    source = R[n]!,
    sourceHigh = R[n + HIGH]!;
  if (!compared(cpu, R[to]!, R[to + HIGH]!)) return;
  R[to] = source;
  R[to + HIGH] = sourceHigh;
};

/** Of operands of 32 bits either the accumulator or the destination loses its high half: what is written does. */
const cmpxchg: LongOpFactory = (row, memory, size) => {
  if (operandBits(row.operands[0]!, size) === 64) return memory ? compareQuad : compareQuadRegister;
  const run = arithmeticOps.cmpxchg!(row, memory, size === 16 ? 16 : 32);
  if (operandBits(row.operands[0]!, size) !== 32) return run;
  return (cpu, p) => {
    run(cpu, p);
    if ((cpu.getFlags() & ZF) === 0) cpu.R[EAX + HIGH] = 0;
    if (!memory && (cpu.getFlags() & ZF) !== 0) cpu.R[cpu.A[p + SRC]! + HIGH] = 0;
  };
};

const cmpxchg8b: LongOpFactory = (row, memory) => {
  const run = arithmeticOps.cmpxchg8b!(row, memory, 32);
  return (cpu, p) => {
    run(cpu, p);
    if ((cpu.getFlags() & ZF) === 0) cpu.R[EAX + HIGH] = cpu.R[EDX + HIGH] = 0;
  };
};

/**
 * CMPXCHG16B with LOCK, in memory at `cell` of M8: JavaScript has no atomic access of 16 bytes, so the halves are exchanged one behind the other, each where
 * it still is as it was compared; the first goes back where the second has changed. docs/engine.md says what another worker can see of that.
 */
function exchangeHalves(cpu: Cpu, cell: number): readonly [low: bigint, high: bigint, equal: boolean] {
  const { R, M8 } = cpu,
    of = (n: number): bigint => pairOf(R[n]!, R[n + HIGH]!);
  const expectedLow = of(EAX),
    expectedHigh = of(EDX),
    high = Atomics.load(M8, cell + 1);
  if (high !== expectedHigh) return [Atomics.load(M8, cell), high, false];
  const low = Atomics.compareExchange(M8, cell, expectedLow, of(EBX));
  if (low !== expectedLow) return [low, high, false];
  const found = Atomics.compareExchange(M8, cell + 1, expectedHigh, of(ECX));
  if (found === expectedHigh) return [low, high, true];
  Atomics.compareExchange(M8, cell, of(EBX), expectedLow);
  return [low, found, false];
}

/** It writes in any case: what was found, where that is not RDX:RAX (SDM vol. 2). */
const cmpxchg16b: LongOpFactory = () => (cpu, p) => {
  const { A, memory } = cpu,
    linear = cpu.addressing.aligned16(p, 16, true);
  const at = (A[p + META]! & META_LOCK) !== 0 ? memory.hostAtomic(linear, 16) : -1;
  let low: bigint, high: bigint, equal: boolean;
  if (at >= 0) [low, high, equal] = exchangeHalves(cpu, at >>> 3);
  else {
    memory.probeWrite(linear, 16);
    low = readQuad(cpu, linear);
    high = readQuad(cpu, (linear + 8) | 0);
    equal = low === registerOf(cpu, EAX) && high === registerOf(cpu, EDX);
    const store = (to: number, value: bigint) =>
      memory.write64(to, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    store(linear, equal ? registerOf(cpu, EBX) : low);
    store((linear + 8) | 0, equal ? registerOf(cpu, ECX) : high);
  }
  if (!equal) {
    setRegisterTo(cpu, EAX, low);
    setRegisterTo(cpu, EDX, high);
  }
  const flags = cpu.getFlags();
  cpu.setFlags(equal ? flags | ZF : flags & ~ZF);
};

const xlat: LongOpFactory = () => (cpu, p) => {
  const { R, R8, A } = cpu,
    meta = A[p + META]!;
  const sum = (R[EBX]! >>> 0) + R8[0]!,
    high = (meta & META_ADDRESS32) !== 0 ? 0 : (R[EBX + HIGH]! + (sum >= 2 ** 32 ? 1 : 0)) | 0;
  R8[0] = cpu.memory.read8(cpu.addressing.long((meta >>> META_SEGMENT) & 7, sum | 0, high, 1));
};

const popcnt =
  (_row: Row, memory: boolean): Op =>
  (cpu, p) => {
    let value = readQuadRm(cpu, p, memory),
      count = 0n;
    const isZero = value === 0n;
    for (; value !== 0n; value &= value - 1n) count++;
    setRegisterTo(cpu, cpu.A[p + DST]!, count);
    cpu.setFlags(isZero ? ZF : 0);
  };

export const longOps: Record<string, LongOpFactory> = {
  div: ofQuads(divide(false), arithmeticOps.div!),
  idiv: ofQuads(divide(true), arithmeticOps.idiv!),
  rcl: ofQuads(rotateCarry(true), arithmeticOps.rcl!),
  rcr: ofQuads(rotateCarry(false), arithmeticOps.rcr!),
  shld: ofQuads(doubleShift(true), arithmeticOps.shld!),
  shrd: ofQuads(doubleShift(false), arithmeticOps.shrd!),
  bt: bitTest(null),
  bts: bitTest((value, bit) => value | bit),
  btr: bitTest((value, bit) => value & ~bit),
  btc: bitTest((value, bit) => value ^ bit),
  popcnt: ofQuads(popcnt, fpuOps.popcnt!),
  cmpxchg,
  cmpxchg8b,
  cmpxchg16b,
  xlat,
};
