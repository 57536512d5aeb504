/** Integer instructions that are too rare or too odd for descriptions (gen/semantics.ts). Source: SDM vol. 2, at each mnemonic. */
import type { Cpu } from '../cpu.ts';
import { AF, CF, EXPLICIT, OF, PF, SF, SUB, ZF } from '../architecture/flags.ts';
import { operandBits } from '../table/operands.ts';
import { EAX, EBX, ECX, EDX, FA, FB, FK, FR } from '../architecture/registers.ts';
import { DE } from '../faults.ts';
import { DST, IMM, META, META_ADDRESS16, META_LOCK, META_SEGMENT, SRC } from '../record.ts';
import type { OpFactory } from './context.ts';
import type { Row } from '../table/index.ts';

export const byteIndex = (n: number) => (n & 3) * 4 + (n >> 2);

/** A register by encoding number; narrow ones zero-extended. */
export function getRegister(cpu: Cpu, n: number, bits: number): number {
  return bits === 32 ? cpu.R[n]! : bits === 16 ? cpu.R16[n * 2]! : cpu.R8[byteIndex(n)]!;
}
export function setRegister(cpu: Cpu, n: number, bits: number, value: number): void {
  if (bits === 32) cpu.R[n] = value;
  else if (bits === 16) cpu.R16[n * 2] = value;
  else cpu.R8[byteIndex(n)] = value;
}
export function read(cpu: Cpu, linear: number, bits: number): number {
  return bits === 32 ? cpu.memory.read32(linear) : bits === 16 ? cpu.memory.read16(linear) : cpu.memory.read8(linear);
}
export function write(cpu: Cpu, linear: number, bits: number, value: number): void {
  if (bits === 32) cpu.memory.write32(linear, value);
  else if (bits === 16) cpu.memory.write16(linear, value);
  else cpu.memory.write8(linear, value);
}
/** The r/m operand. */
export function readRm(cpu: Cpu, p: number, memory: boolean, bits: number): number {
  return memory ? read(cpu, cpu.addressing.address(p, bits / 8, false), bits) : getRegister(cpu, cpu.A[p + SRC]!, bits);
}

const widthOf = (row: Row, operandSize: 16 | 32, operand = 0) => operandBits(row.operands[operand]!, operandSize);

/** Read-modify-write of the r/m operand; with LOCK (or `always`) through Atomics. `change` may run more than once. */
export function modify(
  cpu: Cpu,
  p: number,
  memory: boolean,
  bits: number,
  change: (value: number) => number,
  always = false,
): void {
  if (!memory) {
    setRegister(cpu, cpu.A[p + SRC]!, bits, change(getRegister(cpu, cpu.A[p + SRC]!, bits)));
    return;
  }
  modifyAt(
    cpu,
    cpu.addressing.address(p, bits / 8, true),
    bits,
    change,
    always || (cpu.A[p + META]! & META_LOCK) !== 0,
  );
}

function modifyAt(cpu: Cpu, linear: number, bits: number, change: (value: number) => number, locked: boolean): void {
  if (locked) {
    const at = cpu.memory.hostAtomic(linear, bits / 8);
    if (at >= 0) {
      const array = bits === 32 ? cpu.M4 : bits === 16 ? cpu.M2 : cpu.M1;
      const cell = at / (bits / 8);
      for (;;) {
        const value = Atomics.load(array, cell);
        if (Atomics.compareExchange(array, cell, value, change(value)) === value) return;
      }
    }
  }
  cpu.memory.probeWrite(linear, bits / 8);
  write(cpu, linear, bits, change(read(cpu, linear, bits)));
}

/** CF and OF as given, AF clear, SF ZF PF from the result. */
function setShiftFlags(cpu: Cpu, result: number, bits: number, cf: number, of: number): void {
  const { R } = cpu;
  R[FK] = EXPLICIT | ((32 - bits) << 4);
  R[FR] = result << (32 - bits);
  R[FB] = (cf !== 0 ? CF : 0) | (of !== 0 ? OF : 0);
}

const signExtend = (value: number, bits: number) => (value << (32 - bits)) >> (32 - bits);

/** High 32 bits of an unsigned 32 x 32 product. */
export function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff,
    a1 = a >>> 16,
    b0 = b & 0xffff,
    b1 = b >>> 16;
  const low = Math.imul(a0, b0) >>> 0;
  const middle = (Math.imul(a1, b0) >>> 0) + (low >>> 16);
  const middle2 = (Math.imul(a0, b1) >>> 0) + (middle % 65536);
  return (Math.imul(a1, b1) + Math.floor(middle / 65536) + Math.floor(middle2 / 65536)) | 0;
}

/**
 * CF and OF of IMUL: whether a signed product needs more bits than it was given. Doubles hold every product that could compare equal exactly. A function of its
 * own, with type feedback of its own: V8 compiles a product that was always small into one that overflows, and throws the whole region back to bytecode then.
 */
export function productFlags(a: number, b: number, product: number): number {
  return product === a * b ? 0 : CF | OF;
}

/** DIV and IDIV of 32 bits: the quotient of a 64-bit dividend, in two exact steps. */
function divide32(high: number, low: number, divisor: number): { quotient: number; remainder: number } {
  // Unsigned high:low / divisor with high < divisor. 16 bits of quotient at a time: every intermediate is below 2^53.
  const d = divisor >>> 0;
  const first = (high >>> 0) * 65536 + (low >>> 16);
  const q1 = Math.floor(first / d),
    r1 = first - q1 * d;
  const second = r1 * 65536 + (low & 0xffff);
  const q0 = Math.floor(second / d);
  return { quotient: q1 * 65536 + q0, remainder: second - q0 * d };
}

const divide: OpFactory = (row, memory, size) => {
  const bits = widthOf(row, size);
  return (cpu, p) => {
    const { R, R8, R16 } = cpu;
    const d = readRm(cpu, p, memory, bits);
    if (d === 0) cpu.fault(DE);
    if (bits === 32) {
      if (R[EDX]! >>> 0 >= d >>> 0) cpu.fault(DE);
      const { quotient, remainder } = divide32(R[EDX]!, R[EAX]!, d);
      R[EAX] = quotient | 0;
      R[EDX] = remainder | 0;
      return;
    }
    const n = bits === 8 ? R16[EAX * 2]! : R16[EDX * 2]! * 65536 + R16[EAX * 2]!;
    const quotient = Math.floor(n / d);
    if (quotient >= 2 ** bits) cpu.fault(DE);
    if (bits === 8) {
      R8[0] = quotient;
      R8[1] = n % d;
    } else {
      R16[EAX * 2] = quotient;
      R16[EDX * 2] = n % d;
    }
  };
};

const divideSigned: OpFactory = (row, memory, size) => {
  const bits = widthOf(row, size);
  return (cpu, p) => {
    const { R, R8, R16 } = cpu;
    const d = signExtend(readRm(cpu, p, memory, bits), bits);
    if (d === 0) cpu.fault(DE);
    if (bits === 32) {
      let high = R[EDX]!,
        low = R[EAX]!;
      const negative = high < 0;
      if (negative) {
        low = -low | 0;
        high = (~high + (low === 0 ? 1 : 0)) | 0;
      }
      const divisor = Math.abs(d);
      if (high >>> 0 >= divisor) cpu.fault(DE);
      const { quotient, remainder } = divide32(high, low, divisor);
      const q = negative !== d < 0 ? -quotient : quotient;
      if (q > 0x7fffffff || q < -0x80000000) cpu.fault(DE);
      R[EAX] = q | 0;
      R[EDX] = (negative ? -remainder : remainder) | 0;
      return;
    }
    const n = bits === 8 ? signExtend(R16[EAX * 2]!, 16) : (R16[EDX * 2]! << 16) | R16[EAX * 2]!;
    const q = Math.trunc(n / d);
    if (q !== signExtend(q, bits) || q > 0x7fff) cpu.fault(DE);
    if (bits === 8) {
      R8[0] = q;
      R8[1] = n % d;
    } else {
      R16[EAX * 2] = q;
      R16[EDX * 2] = n % d;
    }
  };
};

/** RCL and RCR: a rotate of BITS + 1 bits through CF. Only CF and OF change. */
const rotateCarry =
  (left: boolean): OpFactory =>
  (row, memory, size) => {
    const bits = widthOf(row, size);
    const byCl = row.operands[1] === 'CL';
    return (cpu, p) => {
      const count = ((byCl ? cpu.R8[ECX * 4]! : cpu.A[p + IMM]!) & 31) % (bits + 1);
      const masked = (byCl ? cpu.R8[ECX * 4]! : cpu.A[p + IMM]!) & 31;
      if (masked === 0) {
        if (memory) cpu.memory.probeWrite(cpu.addressing.address(p, bits / 8, true), bits / 8);
        return;
      }
      let carry = 0,
        result = 0;
      const start = cpu.getFlags();
      modify(cpu, p, memory, bits, value => {
        carry = start & 1;
        result = value;
        for (let i = 0; i < count; i++) {
          if (left) {
            const out = (result >>> (bits - 1)) & 1;
            result = (result << 1) | carry;
            carry = out;
          } else {
            const out = result & 1;
            result = (bits === 32 ? result >>> 1 : (result & ((1 << bits) - 1)) >>> 1) | (carry << (bits - 1)) | 0;
            carry = out;
          }
          if (bits < 32) result &= (1 << bits) - 1;
        }
        return result;
      });
      const top = (result >>> (bits - 1)) & 1,
        below = (result >>> (bits - 2)) & 1;
      const of = left ? top ^ carry : top ^ below;
      cpu.setFlags((start & ~(CF | OF)) | (carry !== 0 ? CF : 0) | (of !== 0 ? OF : 0));
    };
  };

/** SHLD and SHRD. A 16-bit count above 16 is undefined; what is done then is what recent processors do: the operands go round. */
const doubleShift =
  (left: boolean): OpFactory =>
  (row, memory, size) => {
    const bits = size;
    const byCl = row.operands[2] === 'CL';
    return (cpu, p) => {
      const count = (byCl ? cpu.R8[ECX * 4]! : cpu.A[p + IMM]!) & 31;
      if (count === 0) {
        if (memory) cpu.memory.probeWrite(cpu.addressing.address(p, bits / 8, true), bits / 8);
        return;
      }
      const source = getRegister(cpu, cpu.A[p + DST]!, bits);
      let cf = 0,
        of = 0,
        result = 0;
      modify(cpu, p, memory, bits, value => {
        if (bits === 32) {
          result = left ? (value << count) | (source >>> (32 - count)) : (value >>> count) | (source << (32 - count));
          cf = left ? (value >>> (32 - count)) & 1 : (value >>> (count - 1)) & 1;
        } else {
          // Three words in a row, so that counts of 17 to 31 are defined.
          const n = count > 16 ? count - 16 : count;
          const a = count > 16 ? source : value,
            b = count > 16 ? value : source;
          result = (left ? (((a << 16) | b) << n) >>> 16 : ((b << 16) | a) >>> n) & 0xffff;
          cf = left ? (a >>> (16 - n)) & 1 : (a >>> (n - 1)) & 1;
        }
        of = ((result ^ value) >>> (bits - 1)) & 1;
        return result;
      });
      setShiftFlags(cpu, result, bits, cf, of);
    };
  };

/** Bit tests with the offset in a register and the operand in memory: the offset reaches any bit of a string (SDM vol. 2, BT). */
const bitTest =
  (change: ((value: number, bit: number) => number) | null): OpFactory =>
  (_row, _memory, size) =>
  (cpu, p) => {
    const index = size === 32 ? cpu.R[cpu.A[p + DST]!]! : (cpu.R[cpu.A[p + DST]!]! << 16) >> 16;
    const bytes = size / 8;
    const delta = (index >> (size === 32 ? 5 : 4)) * bytes;
    const meta = cpu.A[p + META]!;
    let offset = (cpu.addressing.offset(p) + delta) | 0;
    if ((meta & META_ADDRESS16) !== 0) offset &= 0xffff;
    const bit = index & (size - 1);
    const linear = cpu.addressing.linear((meta >>> META_SEGMENT) & 7, offset, bytes, change !== null);
    let old = 0;
    if (change === null) old = read(cpu, linear, size);
    else {
      modifyAt(
        cpu,
        linear,
        size,
        value => {
          old = value;
          return change(value, bit);
        },
        (meta & META_LOCK) !== 0,
      );
    }
    const flags = cpu.getFlags();
    cpu.setFlags((flags & ~CF) | ((old >>> bit) & 1));
  };

const cmpxchg: OpFactory = (row, memory, size) => {
  const bits = widthOf(row, size);
  return (cpu, p) => {
    const { R } = cpu;
    const accumulator = getRegister(cpu, EAX, bits),
      source = getRegister(cpu, cpu.A[p + DST]!, bits);
    let found = 0;
    modify(cpu, p, memory, bits, value => {
      found = value;
      return value === accumulator ? source : value;
    });
    const shift = 32 - bits;
    R[FK] = SUB | (shift << 4);
    R[FA] = accumulator << shift;
    R[FB] = found << shift;
    R[FR] = ((accumulator << shift) - (found << shift)) | 0;
    if (found !== accumulator) setRegister(cpu, EAX, bits, found);
  };
};

const cmpxchg8b: OpFactory = () => (cpu, p) => {
  const { R } = cpu;
  const linear = cpu.addressing.address(p, 8, true);
  const flags = cpu.getFlags();
  const at = (cpu.A[p + META]! & META_LOCK) !== 0 ? cpu.memory.hostAtomic(linear, 8) : -1;
  if (at >= 0) {
    // Both halves at once takes a BigInt; only LOCK pays for it.
    const expected = (BigInt(R[EDX]!) << 32n) | BigInt(R[EAX]! >>> 0),
      wanted = (BigInt(R[ECX]!) << 32n) | BigInt(R[EBX]! >>> 0);
    const found = Atomics.compareExchange(cpu.M8, at >>> 3, expected, wanted);
    if (found !== expected) {
      R[EAX] = Number(BigInt.asIntN(32, found));
      R[EDX] = Number(found >> 32n);
    }
    cpu.setFlags(found === expected ? flags | ZF : flags & ~ZF);
    return;
  }
  cpu.memory.probeWrite(linear, 8);
  const low = cpu.memory.read32(linear),
    high = cpu.memory.read32((linear + 4) | 0);
  const equal = low === R[EAX] && high === R[EDX];
  if (equal) cpu.memory.writeHalves(linear, R[EBX]!, R[ECX]!);
  else {
    cpu.memory.writeHalves(linear, low, high);
    R[EAX] = low;
    R[EDX] = high;
  }
  cpu.setFlags(equal ? flags | ZF : flags & ~ZF);
};

/** Decimal adjustment, as the operation sections of the SDM spell it out. */
const szp = (value: number) => {
  let x = value & 0xff;
  x ^= x >> 4;
  return (
    ((value & 0xff) === 0 ? ZF : 0) | ((value & 0x80) !== 0 ? SF : 0) | (((0x9669 >> (x & 15)) & 1) !== 0 ? PF : 0)
  );
};

const daa =
  (subtract: boolean): OpFactory =>
  () =>
  cpu => {
    const { R8 } = cpu;
    const old = R8[0]!,
      flags = cpu.getFlags();
    let al = old,
      cf = 0,
      af = 0;
    if ((old & 15) > 9 || (flags & AF) !== 0) {
      al = subtract ? al - 6 : al + 6;
      cf = (flags & CF) !== 0 || (subtract ? old < 6 : al > 0xff) ? CF : 0;
      af = AF;
    }
    if (old > 0x99 || (flags & CF) !== 0) {
      al = subtract ? al - 0x60 : al + 0x60;
      cf = CF;
    }
    R8[0] = al;
    cpu.setFlags(cf | af | szp(al));
  };

const aaa =
  (subtract: boolean): OpFactory =>
  () =>
  cpu => {
    const { R8, R16 } = cpu;
    const flags = cpu.getFlags();
    const adjust = (R8[0]! & 15) > 9 || (flags & AF) !== 0;
    if (adjust) {
      if (subtract) {
        R16[EAX * 2]! -= 6;
        R8[1]! -= 1;
      } else R16[EAX * 2]! += 0x106;
    }
    R8[0]! &= 15;
    cpu.setFlags((adjust ? CF | AF : 0) | szp(R8[0]!));
  };

const aam: OpFactory = () => (cpu, p) => {
  const base = cpu.A[p + IMM]! & 255;
  if (base === 0) cpu.fault(DE);
  const al = cpu.R8[0]!;
  cpu.R8[1] = Math.floor(al / base);
  cpu.R8[0] = al % base;
  cpu.setFlags(szp(cpu.R8[0]!));
};

const aad: OpFactory = () => (cpu, p) => {
  const { R8 } = cpu;
  const al = (R8[0]! + R8[1]! * (cpu.A[p + IMM]! & 255)) & 255;
  R8[0] = al;
  R8[1] = 0;
  cpu.setFlags(szp(al));
};

const xlat: OpFactory = () => (cpu, p) => {
  const { R, R8, R16 } = cpu;
  const meta = cpu.A[p + META]!;
  const offset = (meta & META_ADDRESS16) !== 0 ? (R16[EBX * 2]! + R8[0]!) & 0xffff : (R[EBX]! + R8[0]!) | 0;
  R8[0] = cpu.memory.read8(cpu.addressing.linear((meta >>> META_SEGMENT) & 7, offset, 1, false));
};

const flagOp =
  (change: (flags: number) => number): OpFactory =>
  () =>
  cpu =>
    cpu.setFlags(change(cpu.getFlags()));

export const arithmeticOps: Record<string, OpFactory> = {
  div: divide,
  idiv: divideSigned,
  rcl: rotateCarry(true),
  rcr: rotateCarry(false),
  shld: doubleShift(true),
  shrd: doubleShift(false),
  bt: bitTest(null),
  bts: bitTest((v, b) => v | (1 << b)),
  btr: bitTest((v, b) => v & ~(1 << b)),
  btc: bitTest((v, b) => v ^ (1 << b)),
  cmpxchg,
  cmpxchg8b,
  daa: daa(false),
  das: daa(true),
  aaa: aaa(false),
  aas: aaa(true),
  aam,
  aad,
  xlat,
  clc: flagOp(f => f & ~CF),
  stc: flagOp(f => f | CF),
  cmc: flagOp(f => f ^ CF),
  lahf: () => cpu => {
    cpu.R8[1] = (cpu.getFlags() & 0xd5) | 2;
  },
  sahf: () => cpu => cpu.setFlags((cpu.getFlags() & OF) | (cpu.R8[1]! & (SF | ZF | AF | PF | CF))),
  salc: () => cpu => {
    cpu.R8[0] = (cpu.getFlags() & CF) !== 0 ? 0xff : 0;
  },
};
