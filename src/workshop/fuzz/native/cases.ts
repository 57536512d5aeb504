/**
 * Random single instructions, drawn from the rows of the instruction table, with the state that each starts from: mostly operands that point to memory
 * which is there.
 */
import { featuresOf } from '../../../cpu/architecture/index.ts';
import { decode, newDecoded, RIP, rows, type Row } from '../../../cpu/table/index.ts';
import { CODE, DATA, DATA_SIZE, START, STACK, STACK_SIZE, type FloatState, type Span } from '../../oracle/fixture.ts';
import type { Setting } from '../../oracle/machine.ts';
import { generator } from '../machine.ts';
import { SELECTOR } from './machine.ts';

/** Of 16-bit code, segments begin where data and stack do. */
const inSegment = (address: bigint, bits: Bits) => (bits === 16 ? address & 0x1fffn : address);

export type Bits = Setting['bits'];

const SPAN_BYTES = 64;
const TF = 0x100,
  AC = 1 << 18;
/** EFLAGS that a case may start with: arithmetic flags and DF. */
const FLAGS = 0xcd5;
const REX = 0x40,
  REX_W = 8;
const FS = 4,
  GS = 5;

const SUPPORTED = featuresOf('x86-64-v2');
/** Instructions that CPUID does not show are not drawn (differences.ts lists those that turn up all the same), nor hypercalls: the host may be a guest. */
const shown = rows.filter(({ feature }) => feature !== 'vmcall' && (feature === undefined || SUPPORTED.has(feature)));
/** Rows that 64-bit code lacks are drawn there: what their bytes mean instead is compared, too. */
const drawn: Readonly<Record<'narrow' | 'long', readonly Row[]>> = {
  narrow: shown.filter(row => row.long !== 'only'),
  long: shown,
};

/** Where a case has its code, data and stack: `data` of DATA_SIZE bytes, `stack` of STACK_SIZE. */
interface Place {
  code: number;
  data: number;
  stack: number;
}
const LOW: Place = { code: CODE + START, data: DATA, stack: STACK };
/** Those of 64-bit code: below 4 GiB, data across 4 GiB, code across 8 and stack across 12 GiB, and far up (make/gen.py of the oracle). */
const PLACES: readonly Place[] = [
  LOW,
  { code: 0x1_0002_0400, data: 0xffff_f000, stack: 0x1_0003_4000 },
  { code: 0x2_0000_0000, data: 0x2_0003_0000, stack: 0x2_ffff_f800 },
  { code: 0x1234_0002_0400, data: 0x1234_0003_0000, stack: 0x1234_0003_4000 },
];
/** The place whose instruction may cross a multiple of 4 GiB. */
const SEAM = PLACES[2]!;

/** Draws cases from one seed. */
export class Drawer {
  private readonly random: () => number;
  private readonly decoded = newDecoded();
  private readonly bits: Bits | undefined;
  private place = LOW;
  /** Bases of the segments; no narrow case has a GS. */
  private fs = 0n;
  private gs = 0n;

  /** `bits`: of all cases; without it they are drawn. */
  constructor(seed: number, bits?: Bits) {
    this.random = generator(seed);
    this.bits = bits;
  }

  private below(n: number): number {
    return this.random() % n;
  }
  private pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
  private chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** An address of data or stack; now and then where a page ends or nothing is. */
  private pointer(): bigint {
    const { data, stack } = this.place;
    const x = this.below(100);
    const near = () => {
      if (x < 55) return data + this.below(DATA_SIZE / 16 - 8) * 16;
      if (x < 80) return data + this.below(DATA_SIZE - 128);
      if (x < 88) return stack + this.below(STACK_SIZE - 128);
      return this.pick([data, data + 0x1000, data + DATA_SIZE, stack, stack + STACK_SIZE]) + this.below(64) - 32;
    };
    if (x < 96) return BigInt(near());
    return this.place === LOW ? BigInt(this.random()) : this.faraway();
  }

  /** Canonical or not (SDM vol. 1, 3.3.7.1), on either side of the edges of what is. */
  private faraway(): bigint {
    const edge = this.pick([1n << 47n, -1n << 47n, 1n << 63n, 0n, 1n << 48n, 1n << 32n]);
    return this.chance(50) ? edge + BigInt(this.below(256) - 128) : this.wide();
  }

  private wide(): bigint {
    return (BigInt(this.random()) << 32n) | BigInt(this.random());
  }

  private value(): bigint {
    const x = this.below(100);
    if (x < 30) return this.wide();
    if (x < 50) return BigInt(this.below(64));
    if (x < 65)
      return BigInt(
        this.pick([
          0,
          -1,
          1,
          0x80000000,
          0x7fffffff,
          0xffff,
          0x8000,
          0x7fff,
          0xff,
          0x80,
          0x7f,
          0x10000,
          0xffffffff,
          0x100000000,
          -0x80000000,
          -0x8000,
          ...Object.values(SELECTOR),
        ]),
      );
    if (x < 70) return this.pick([1n << 63n, (1n << 63n) - 1n, 0x8000_0000_8000_0000n, 0xffff_ffff_8000_0000n]);
    return this.pointer();
  }

  private bytes(n: number): number[] {
    return Array.from({ length: n }, () => this.below(256));
  }

  private instruction(bits: Bits): number[] {
    for (;;) {
      const code = this.bytesOf(this.pick(drawn[bits === 64 ? 'long' : 'narrow']), bits);
      if (this.decoded.row?.feature !== 'vmcall') return code;
    }
  }

  private bytesOf(row: Row, bits: Bits): number[] {
    const code: number[] = [];
    if (row.prefix !== 0x66 && row.prefix !== 0 && this.chance(20)) code.push(0x66);
    if (this.chance(8)) code.push(0x67);
    if (this.chance(10)) code.push(this.pick([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]));
    if (this.chance(row.lock ? 30 : 3)) code.push(0xf0);
    if (this.chance(/^(movs|cmps|stos|lods|scas|ins|outs)$/.test(row.op) ? 50 : 4)) code.push(this.pick([0xf2, 0xf3]));
    if (this.chance(2)) code.push(this.pick([0x66, 0xf2, 0xf3, 0xf0, 0x2e]));
    if (row.prefix) code.push(row.prefix);
    if (bits === 64) {
      // Before another prefix it means nothing (SDM vol. 2, 2.2.1).
      if (row.rexW || this.chance(60)) code.push(REX | this.below(16) | (row.rexW ? REX_W : 0));
      if (this.chance(2)) code.push(this.pick([0x66, 0x67, 0xf2, 0xf3, 0x64, 0x2e, REX | this.below(16)]));
    }
    if (row.map > 0) code.push(0x0f);
    if (row.map === 2) code.push(0x38);
    if (row.map === 3) code.push(0x3a);
    code.push(row.opcode + (row.operands.some(code => code[0] === 'Z') ? this.below(8) : 0));
    if (row.modrm) {
      const mod = row.mod === 'r' || (row.mod === undefined && this.chance(45)) ? 3 : this.below(3);
      code.push((mod << 6) | ((row.reg ?? this.below(8)) << 3) | (row.rm ?? this.below(8)));
    }
    const operand = bits === 64 ? this.operandBytes(row, code) : [];
    code.push(...operand, ...this.bytes(12 - operand.length));
    if (this.chance(2)) code[this.below(Math.min(code.length, 6))] = this.below(256);
    const { decoded } = this;
    decode(Uint8Array.from(code), 0, 15, bits, decoded);
    // What follows is INT3, as in the rest of the page.
    return code.slice(0, decoded.row === null ? 15 : decoded.length);
  }

  /** In 64-bit code, what follows an opcode or ModRM byte that takes an address as such: one that mostly is near. */
  private operandBytes(row: Row, code: readonly number[]): number[] {
    if (this.chance(10)) return [];
    const little = (value: bigint, n: number) =>
      Array.from({ length: n }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
    if (row.operands.some(operand => operand === 'Ob' || operand === 'Ov')) return little(this.pointer(), 8);
    const relative = row.modrm && (code.at(-1)! & 0xc7) === 5;
    return relative ? little(this.pointer() - BigInt(this.place.code + code.length + 4), 4) : [];
  }

  private float80(): bigint {
    const [low, high] = [this.random(), this.random()];
    const exponent = this.pick([
      0,
      1,
      0x3fff,
      0x7ffe,
      0x7fff,
      0x3fff + this.below(70) - 5,
      0x3fff + this.below(64),
      0x3fff - this.below(64),
      this.below(0x8000),
    ]);
    const mantissa = this.pick([
      0n,
      1n << 63n,
      (1n << 63n) | BigInt(low),
      (BigInt(high) << 32n) | BigInt(low) | (1n << 63n),
      (BigInt(high) << 32n) | BigInt(low),
      3n << 62n,
    ]);
    return (
      (BigInt(exponent | (this.below(2) << 15)) << 64n) |
      (exponent === 0 && this.chance(70) ? mantissa & ~(1n << 63n) : mantissa)
    );
  }

  private word(): number {
    const x = this.below(100);
    if (x < 40) return this.random();
    // Floats: of moderate size, special ones.
    if (x < 70)
      return (
        (((0x3f800000 + ((this.below(40) - 20) << 23)) | (this.random() & 0x7fffff)) ^ (this.below(2) << 31)) >>> 0
      );
    return this.pick([
      0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 1, 0x807fffff, 0x7f7fffff, 0x3f800000, 0x3ff00000,
      0x7ff00000, 0x7ff80000, 0x40490fdb, 0xffffffff,
    ]);
  }

  private vector(): bigint {
    let value = 0n;
    for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(this.word());
    return value;
  }

  private floats(bits: Bits): FloatState {
    const masked = this.chance(75);
    return {
      cw: (this.below(4) << 10) | (this.pick([0, 2, 3, 3]) << 8) | 0x40 | (masked ? 0x3f : this.below(64)),
      sw: (this.below(8) << 11) | (this.random() & 0x4700) | (this.chance(50) ? 0 : this.below(128)),
      tw: this.pick([0, 0xff, 0xff, this.below(256)]),
      mx:
        (masked ? 0x1f80 : this.below(64) << 7) |
        (this.below(4) << 13) |
        (this.chance(20) ? 0x8000 : 0) |
        (this.chance(20) ? 0x40 : 0) |
        (this.chance(50) ? 0 : this.below(64)),
      st: Array.from({ length: 8 }, () => this.float80()),
      xm: Array.from({ length: bits === 64 ? 16 : 8 }, () => this.vector()),
    };
  }

  private widthOfCase(): Bits {
    if (this.bits !== undefined) return this.bits;
    return this.chance(50) ? 64 : this.chance(20) ? 16 : 32;
  }

  private registers(bits: Bits): bigint[] {
    const { stack } = this.place;
    const long = bits === 64;
    const registers = Array.from({ length: long ? 16 : 8 }, () => this.value());
    // Of 16-bit code, bits 16 to 31 of ESP are the stack's in any case (runner.c).
    const near =
      bits === 16
        ? (STACK & ~0xffff) | (0x800 + this.below(64) * 2)
        : stack + 0x800 + (this.below(64) - (long ? 8 : 0)) * (long ? 8 : 4);
    registers[4] = bits === 16 || this.chance(95) ? BigInt(near) : this.pointer();
    for (const index of [3, 5, 6, 7]) if (this.chance(65)) registers[index] = inSegment(this.pointer(), bits);
    if (this.chance(60)) registers[1] = BigInt(this.below(40));
    return registers;
  }

  private segmentBase(): bigint {
    const { segment } = this.decoded;
    return segment === FS ? this.fs : segment === GS ? this.gs : 0n;
  }

  /** What the memory operand of `decoded` has next to its base: index and displacement. */
  private offset(registers: readonly bigint[]): bigint {
    const { index, scale, displacement } = this.decoded;
    return (index < 0 ? 0n : registers[index]! << BigInt(scale)) + BigInt(displacement);
  }

  /** Makes the base such that the operand of `decoded` lies where memory is. */
  private aim(registers: bigint[], bits: Bits): void {
    registers[this.decoded.base] = inSegment(this.pointer() - this.segmentBase(), bits) - this.offset(registers);
  }

  /** Where the operand is; `next`: the address behind the instruction. */
  private address(registers: readonly bigint[], next: bigint): bigint {
    const { base, addressSize } = this.decoded;
    const first = base === RIP ? next : base < 0 ? 0n : registers[base]!;
    return BigInt.asUintN(addressSize, first + this.offset(registers)) + this.segmentBase();
  }

  next(): Setting {
    const bits = this.widthOfCase();
    const long = bits === 64;
    this.place = long ? this.pick(PLACES) : LOW;
    const { data, stack } = this.place;
    const at = this.place.code - (this.place === SEAM ? this.below(12) : 0);
    this.fs = BigInt(data + 0x800);
    // A program may ask the kernel for bases in its own half alone.
    this.gs = long ? this.pick([0n, BigInt(data), this.wide() >> 17n]) : 0n;
    const code = this.instruction(bits);
    const registers = this.registers(bits);
    const { decoded } = this;
    decode(Uint8Array.from([...code, ...Array(16).fill(0xcc)]), 0, 31, bits, decoded);
    const hasMemory = decoded.row !== null && decoded.memory;
    if (hasMemory && decoded.base >= 0 && decoded.base < RIP && decoded.base !== 4 && decoded.base !== decoded.index)
      if (this.chance(85)) this.aim(registers, bits);
    const unsigned = registers.map(value => BigInt.asUintN(long ? 64 : 32, value));
    const memory: Span[] = [];
    const words = () => new Uint8Array(Uint32Array.from({ length: SPAN_BYTES / 4 }, () => this.word()).buffer);
    if (hasMemory && this.chance(70)) {
      const address = this.address(unsigned, BigInt(at + decoded.length));
      const wanted = bits === 16 ? DATA + Number(address & 0xffffn) : Number(address);
      memory.push([Math.min(Math.max(wanted - (wanted % 16), data), data + DATA_SIZE - SPAN_BYTES), words()]);
    }
    memory.push([bits === 16 ? STACK + Number(unsigned[4]! & 0xfffn) : stack + 0x800, words()]);
    return {
      bits,
      code: Uint8Array.from(code),
      at,
      registers: unsigned,
      bases: long ? { fs: this.fs, gs: this.gs } : { fs: 0n, gs: 0n },
      flags: 0x202 | TF | (this.random() & FLAGS) | (this.chance(10) ? AC : 0),
      memory,
      float: this.floats(bits),
    };
  }
}
