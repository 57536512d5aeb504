/**
 * Random single instructions, drawn from the rows of the instruction table, with the state that each starts from: mostly operands that point to memory
 * which is there. And the files in which runner.c gets them and says how they ended.
 */
import { featuresOf } from '../../../cpu/architecture/index.ts';
import { decode, newDecoded, rows, type Row } from '../../../cpu/table/index.ts';
import { CODE, DATA, DATA_SIZE, START, STACK, STACK_SIZE, type FloatState, type Span } from '../../oracle/fixture.ts';
import type { Setting } from '../../oracle/machine.ts';
import { generator } from '../machine.ts';
import { SELECTOR } from './machine.ts';

const SPANS = 4,
  SPAN_BYTES = 64,
  MAX_CHANGES = 700;
/** Words of runner.c's structures. */
const START_WORDS = 218,
  START_SPANS = 21,
  START_FX = 90,
  END_WORDS = 850,
  END_CHANGES = 22,
  END_FX = 722;
export const START_BYTES = START_WORDS * 4,
  END_BYTES = END_WORDS * 4;

const TF = 0x100,
  AC = 1 << 18;
/** EFLAGS that a case may start with: arithmetic flags and DF. */
const FLAGS = 0xcd5;

const SUPPORTED = featuresOf();
/** Instructions that CPUID does not show are not drawn (differences.ts lists those that turn up all the same), nor hypercalls: the host may be a guest. */
const drawn: readonly Row[] = rows.filter(
  row => row.long !== 'only' && row.feature !== 'vmcall' && (row.feature === undefined || SUPPORTED.has(row.feature)),
);

export interface NativeEnd {
  signal: number;
  vector: number;
  errorCode: number;
  cr2: number;
  ip: number;
  flags: number;
  registers: number[];
  /** CS SS DS ES FS GS. */
  selectors: number[];
  /** Bytes that changed: address and new value. */
  changed: Map<number, number>;
  float: FloatState;
}

/** Draws cases from one seed. */
export class Drawer {
  private readonly random: () => number;
  private readonly decoded = newDecoded();

  constructor(seed: number) {
    this.random = generator(seed);
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
  private pointer(): number {
    const x = this.below(100);
    if (x < 55) return DATA + this.below(DATA_SIZE / 16 - 8) * 16;
    if (x < 80) return DATA + this.below(DATA_SIZE - 128);
    if (x < 88) return STACK + this.below(STACK_SIZE - 128);
    if (x < 96)
      return this.pick([DATA, DATA + 0x1000, DATA + DATA_SIZE, STACK, STACK + STACK_SIZE]) + this.below(64) - 32;
    return this.random();
  }

  private value(): number {
    const x = this.below(100);
    if (x < 30) return this.random();
    if (x < 50) return this.below(64);
    if (x < 65)
      return (
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
          ...Object.values(SELECTOR),
        ]) >>> 0
      );
    return this.pointer() >>> 0;
  }

  private bytes(n: number): number[] {
    return Array.from({ length: n }, () => this.below(256));
  }

  private instruction(bits: 16 | 32): number[] {
    for (;;) {
      const code = this.bytesOf(this.pick(drawn), bits);
      if (this.decoded.row?.feature !== 'vmcall') return code;
    }
  }

  private bytesOf(row: Row, bits: 16 | 32): number[] {
    const code: number[] = [];
    if (row.prefix !== 0x66 && row.prefix !== 0 && this.chance(20)) code.push(0x66);
    if (this.chance(8)) code.push(0x67);
    if (this.chance(10)) code.push(this.pick([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]));
    if (this.chance(row.lock ? 30 : 3)) code.push(0xf0);
    if (this.chance(/^(movs|cmps|stos|lods|scas|ins|outs)$/.test(row.op) ? 50 : 4)) code.push(this.pick([0xf2, 0xf3]));
    if (this.chance(2)) code.push(this.pick([0x66, 0xf2, 0xf3, 0xf0, 0x2e]));
    if (row.prefix) code.push(row.prefix);
    if (row.map > 0) code.push(0x0f);
    if (row.map === 2) code.push(0x38);
    if (row.map === 3) code.push(0x3a);
    code.push(row.opcode + (row.operands.some(code => code[0] === 'Z') ? this.below(8) : 0));
    if (row.modrm) {
      const mod = row.mod === 'r' || (row.mod === undefined && this.chance(45)) ? 3 : this.below(3);
      code.push((mod << 6) | ((row.reg ?? this.below(8)) << 3) | (row.rm ?? this.below(8)));
    }
    code.push(...this.bytes(12));
    if (this.chance(2)) code[this.below(Math.min(code.length, 6))] = this.below(256);
    const { decoded } = this;
    decode(Uint8Array.from(code), 0, 15, bits, decoded);
    // What follows is INT3, as in the rest of the page.
    return code.slice(0, decoded.row === null ? 15 : decoded.length);
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

  private floats(): FloatState {
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
      xm: Array.from({ length: 8 }, () => this.vector()),
    };
  }

  next(): Setting {
    const bits = this.chance(20) ? 16 : 32;
    const code = this.instruction(bits);
    const registers = Array.from({ length: 8 }, () => this.value());
    // Of 16-bit code, segments begin where data and stack do; bits 16 to 31 of ESP are the stack's in any case (runner.c).
    const inSegment = (address: number) => (bits === 16 ? address & 0x1fff : address);
    registers[4] =
      bits === 16
        ? (STACK & ~0xffff) | (0x800 + this.below(64) * 2)
        : this.chance(95)
          ? STACK + 0x800 + this.below(64) * 4
          : this.pointer() >>> 0;
    for (const index of [3, 5, 6, 7]) if (this.chance(65)) registers[index] = inSegment(this.pointer()) >>> 0;
    if (this.chance(60)) registers[1] = this.below(40);
    const { decoded } = this;
    decode(Uint8Array.from([...code, ...Array(16).fill(0xcc)]), 0, 31, bits, decoded);
    if (
      decoded.row !== null &&
      decoded.memory &&
      decoded.base >= 0 &&
      decoded.base !== 4 &&
      decoded.base !== decoded.index &&
      this.chance(85)
    ) {
      // The base is made such that the operand lies where memory is.
      const index = decoded.index < 0 ? 0 : registers[decoded.index]! << decoded.scale;
      registers[decoded.base] =
        (inSegment(this.pointer() - (decoded.segment >= 4 ? DATA + 0x800 : 0)) - index - decoded.displacement) >>> 0;
    }
    const memory: Span[] = [];
    const span = (address: number, bytes: Uint8Array): void => {
      const from = Math.min(Math.max(address, DATA), DATA + DATA_SIZE - SPAN_BYTES);
      memory.push([from, bytes]);
    };
    const random = () =>
      Uint8Array.from(
        Array.from({ length: SPAN_BYTES / 4 }, () => this.word()).flatMap(w => [
          w & 255,
          (w >>> 8) & 255,
          (w >>> 16) & 255,
          w >>> 24,
        ]),
      );
    if (decoded.row !== null && decoded.memory && this.chance(70)) {
      const index = decoded.index < 0 ? 0 : registers[decoded.index]! << decoded.scale;
      const at = ((decoded.base < 0 ? 0 : registers[decoded.base]!) + index + decoded.displacement) >>> 0;
      span((bits === 16 ? DATA + (at & 0xffff) : at) & ~15, random());
    }
    memory.push([bits === 16 ? STACK + (registers[4]! & 0xfff) : STACK + 0x800, random()]);
    return {
      bits,
      code: Uint8Array.from(code),
      at: CODE + START,
      registers: registers.map(value => BigInt(value >>> 0)),
      bases: { fs: 0n, gs: 0n },
      flags: 0x202 | TF | (this.random() & FLAGS) | (this.chance(10) ? AC : 0),
      memory,
      float: this.floats(),
    };
  }
}

/** Writes the case into words of runner.c's input. */
export function encode({ bits, code, registers, flags, memory, float }: Setting, words: Int32Array): void {
  words.fill(0);
  const bytes = new Uint8Array(words.buffer, words.byteOffset, START_BYTES);
  words[0] = bits;
  words[1] = code.length;
  bytes.set(code, 8);
  words.set(
    registers.map(value => Number(BigInt.asIntN(32, value))),
    6,
  );
  words[14] = flags;
  words.set(
    bits === 16
      ? [SELECTOR.CODE16, SELECTOR.STACK16, SELECTOR.DATA16, SELECTOR.EXTRA16, SELECTOR.FS, 0]
      : [SELECTOR.CODE, SELECTOR.DATA, SELECTOR.DATA, SELECTOR.DATA, SELECTOR.FS, 0],
    15,
  );
  for (const [i, [address, data]] of memory.slice(0, SPANS).entries()) {
    words[START_SPANS + i * 17] = address;
    bytes.set(data, (START_SPANS + i * 17 + 1) * 4);
  }
  const { cw, sw, tw, mx, st, xm } = float!;
  const fx = words.subarray(START_FX);
  fx[0] = cw | (sw << 16);
  fx[1] = tw;
  fx[6] = mx;
  const put = (at: number, value: bigint, n: number): void => {
    for (let i = 0; i < n; i++) fx[at + i] = Number((value >> BigInt(32 * i)) & 0xffffffffn);
  };
  for (let i = 0; i < 8; i++) {
    put(8 + 4 * i, st[i]!, 3);
    put(40 + 4 * i, xm[i]!, 4);
  }
}

/** How the case ended, from words of runner.c's output; undefined: it did not end. */
export function decodeEnd(words: Int32Array): NativeEnd | undefined {
  if (words[0] !== 1) return undefined;
  const [, signal, vector, errorCode, cr2, ip, flags] = words;
  const changed = new Map<number, number>();
  for (let i = 0; i < Math.min(words[21]!, MAX_CHANGES); i++)
    changed.set(words[END_CHANGES + i]! >>> 8, words[END_CHANGES + i]! & 255);
  const fx = words.subarray(END_FX);
  const big = (at: number, n: number): bigint => {
    let value = 0n;
    for (let i = n - 1; i >= 0; i--) value = (value << 32n) | BigInt(fx[at + i]! >>> 0);
    return value;
  };
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];
  return {
    signal: signal!,
    vector: vector!,
    errorCode: errorCode! >>> 0,
    cr2: cr2! >>> 0,
    ip: ip! >>> 0,
    flags: flags!,
    registers: Array.from(words.subarray(7, 15), value => value >>> 0),
    selectors: [...words.subarray(15, 21)],
    changed,
    float: {
      cw: fx[0]! & 0xffff,
      sw: fx[0]! >>> 16,
      tw: fx[1]! & 0xff,
      mx: fx[6]!,
      st: eight.map(i => big(8 + 4 * i, 3) & ((1n << 80n) - 1n)),
      xm: eight.map(i => big(40 + 4 * i, 4)),
    },
  };
}
