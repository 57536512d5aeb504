/**
 * Draws programs of code that is not flat 32-bit code: real mode, virtual-8086 mode, segments of protected mode with bases and limits, of 16 and of 32 bits, with
 * stacks of either size. Each item loads its segments and goes round a loop; a fault in it goes on behind it. FS stays as it is and begins at 0: what is done
 * to the code and to RESUME goes through it.
 */
import { CS, DS, ES, FS, GS, SS } from '../../../cpu/index.ts';
import { CODE, DATA, END_PORT, RESUME } from './map.ts';
import type { Program, Start } from './program.ts';

type Random = () => number;

const FIRST_SELECTOR = 0x43,
  DATA_RIGHTS = 0xf3,
  CODE_RIGHTS = 0xfb,
  BIG = 0x4000;
const CODE_SELECTOR = 0x7b,
  FS_SELECTOR = 0x73,
  SELECTORS = 6;

class Writer {
  readonly bytes: number[] = [];
  readonly start: Start;
  readonly patches: number[] = [];
  private readonly random: Random;
  private readonly wide: boolean;
  /** Segments that DS, ES, SS and GS may have. */
  private readonly choices: { selector: number; base: number; limit: number; rights: number }[];
  private readonly csBase: number;
  /** Ends of near calls, with the bytes that their targets take; places of far pointers. */
  private readonly calls: { end: number; size: number }[] = [];
  private readonly farCalls: { at: number; size: number }[] = [];

  constructor(random: Random) {
    this.random = random;
    const mode = this.pick(['real', 'virtual', 'protected', 'protected'] as const),
      paragraphs = mode !== 'protected';
    this.wide = !paragraphs && this.below(2) === 0;
    const short = !paragraphs && this.below(2) === 0;
    this.csBase = paragraphs
      ? ((CODE >> 4) - this.below(0x200)) << 4
      : this.pick([0, 0, CODE - 0x100, CODE - 0x1004, CODE - 2]);
    const cs = {
      selector: paragraphs ? this.csBase >> 4 : CODE_SELECTOR,
      base: this.csBase,
      limit: this.pick(short ? [0xffff, 0x4fff, 0x3ff0] : [0xffff]),
      rights: paragraphs ? (mode === 'real' ? 0x93 : 0xf3) : CODE_RIGHTS | (this.wide ? BIG : 0),
    };
    const big = !paragraphs && this.below(3) === 0 ? BIG : this.wide ? BIG : 0;
    // Not each is one that the second tier likes: limits and bases that are odd, segments that cannot be written, or expand down.
    this.choices = Array.from({ length: SELECTORS }, (_, i) => {
      const base = this.pick([DATA, DATA + 0x800, 0xf000, CODE, 0, DATA + 0x10 * this.below(64)]);
      if (paragraphs)
        return {
          selector: base >> 4,
          base,
          limit: mode === 'real' && i < 2 && this.below(4) === 0 ? -1 : 0xffff,
          rights: mode === 'real' ? 0x93 : 0xf3,
        };
      const odd = short && this.below(3) === 0;
      return {
        selector: FIRST_SELECTOR + i * 8,
        base: odd ? base + 2 : base,
        limit: this.pick(short ? [0x1fff, 0x7ff, 0xffff, -1, 0x1002] : [0xffff, -1]),
        rights: (odd ? this.pick([DATA_RIGHTS, DATA_RIGHTS ^ 2, DATA_RIGHTS | 4]) : DATA_RIGHTS) | big,
      };
    });
    this.start = {
      mode,
      esp: this.esp(),
      segments: [
        { index: CS, ...cs },
        ...[DS, ES, SS, GS].map((index, i) => ({ index, ...this.choices[i]! })),
        {
          index: FS,
          selector: paragraphs ? 0 : FS_SELECTOR,
          base: 0,
          limit: 0xffff,
          rights: mode === 'real' ? 0x93 : DATA_RIGHTS,
        },
      ],
    };
  }
  /** All that the table of descriptors holds. */
  get descriptors(): Start['segments'] {
    return [...this.start.segments, ...this.choices.map(choice => ({ index: 0, ...choice }))];
  }

  private below(n: number): number {
    return this.random() % n;
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  private get size(): 16 | 32 {
    return this.wide ? 32 : 16;
  }
  private esp(): number {
    return this.pick([0xff0, 0xffe, 0x800, 6, 0x1000]) | this.pick([0, 0, 0x50000]);
  }
  private get linear(): number {
    return CODE + this.bytes.length;
  }
  private get eip(): number {
    return this.linear - this.csBase;
  }

  private emit(...bytes: readonly number[]): void {
    for (const byte of bytes) this.bytes.push(byte & 255);
  }
  private number(value: number, bits: number): void {
    for (let shift = 0; shift < bits; shift += 8) this.emit(value >> shift);
  }
  /** Prefix for operands of this many bits. */
  private operand(bits: number): void {
    if (bits !== 8 && bits !== this.size) this.emit(0x66);
  }
  private put(at: number, value: number, bits: number): void {
    for (let i = 0; i < bits / 8; i++) this.bytes[at + i] = (value >> (8 * i)) & 255;
  }

  /** An instruction on `reg` and memory. */
  private memory(
    bits: number,
    opcode: readonly number[],
    reg: number,
    segment = this.below(5) === 0 ? this.pick([0x26, 0x36, 0x3e, 0x65, 0x2e]) : 0,
  ): void {
    const address = this.below(3) === 0 ? 48 - this.size : this.size;
    if (segment !== 0) this.emit(segment);
    if (address !== this.size) this.emit(0x67);
    this.operand(bits);
    this.emit(...opcode);
    const distance = this.below(8) === 0 ? this.random() & 0xffff : this.below(0x400) & (this.below(4) === 0 ? -1 : -4),
      rm = this.below(8),
      mod = this.below(3);
    if (address === 16) {
      this.emit((mod << 6) | (reg << 3) | rm);
      if (mod === 1) this.emit(distance);
      else if (mod === 2 || rm === 6) this.number(distance, 16);
    } else {
      this.emit((mod << 6) | (reg << 3) | rm);
      const index = this.pick([0, 1, 3, 6, 7, 4]),
        base = this.pick([3, 5, 6, 7, 4]);
      if (rm === 4) this.emit((this.below(2) << 6) | (index << 3) | base);
      if (mod === 1) this.emit(distance & 0x7f);
      else if (mod === 2 || rm === 5 || (rm === 4 && base === 5)) this.number(distance, 32);
    }
  }
  private registers(bits: number, opcode: readonly number[], reg = this.work, rm = this.work): void {
    this.operand(bits);
    this.emit(...opcode, 0xc0 | (reg << 3) | rm);
  }
  private get work(): number {
    return this.pick([0, 2, 3, 5, 6, 7]);
  }
  private constant(register: number, value: number, bits: number): void {
    this.operand(bits);
    this.emit(0xb8 + register);
    this.number(value, bits);
  }
  private bits(): number {
    return this.pick([8, 16, 16, 32]);
  }
  /** A segment register, loaded from AX. */
  private load(segment: number, selector = this.pick(this.choices).selector): void {
    this.constant(0, selector, 16);
    this.emit(0x8e, 0xc0 | (segment << 3));
  }
  /** A store of a constant at a linear address, through FS. */
  private store(address: number, value: number, bits: number): void {
    this.emit(0x64);
    this.operand(bits);
    this.emit(bits === 8 ? 0xc6 : 0xc7, this.wide ? 5 : 6);
    this.number(address, this.size);
    this.number(value, bits);
  }

  private instruction(): void {
    const bits = this.bits(),
      wide = bits === 8 ? 0 : 1;
    this.pick<() => void>([
      () => this.memory(bits, [this.below(8) * 8 + wide + this.pick([0, 2])], this.work),
      () => this.memory(bits, [this.pick([0x88, 0x8a]) + wide], this.work),
      () => this.memory(bits, [this.pick([0x88, 0x8a, 0x00, 0x2a]) + wide], this.work),
      () => this.registers(bits, [this.below(8) * 8 + wide + 2]),
      () => {
        this.registers(bits === 8 ? 16 : bits, [0x81], this.below(8));
        this.patches.push(this.linear);
        this.number(this.random(), bits === 8 ? 16 : bits);
      },
      () => {
        this.operand(bits === 8 ? 16 : bits);
        this.emit(this.pick([0x40, 0x48]) + this.work);
      },
      () => this.memory(bits, [0xfe | wide], this.below(2)),
      () => {
        this.operand(bits === 8 ? 16 : bits);
        this.emit(0x50 + this.work);
      },
      () => {
        this.operand(bits === 8 ? 16 : bits);
        this.emit(0x58 + this.work);
      },
      () => this.memory(bits === 8 ? 16 : bits, [0xff], 6),
      () => this.memory(bits === 8 ? 16 : bits, [0x8f], 0),
      () => this.emit(0x6a, this.random()),
      () => {
        this.operand(this.pick([16, 32]));
        this.emit(this.pick([0x60, 0x61]));
      },
      () => this.emit(0x9c, this.pick([0xfa, 0xfb, 0x90]), 0x9d),
      () => this.emit(this.pick([0x1e, 0x06, 0x16, 0x0e]), this.pick([0x1f, 0x07])),
      () => this.load(this.pick([DS, ES, GS, SS])),
      () => this.load(this.pick([DS, ES])),
      () => this.registers(this.pick([16, 32]), [0x8c], this.below(6)),
      () => this.memory(16, [0x8c], this.below(6)),
      () => this.memory(this.pick([16, 32]), this.pick([[0xc4], [0xc5], [0x0f, 0xb5]]), this.work),
      () => this.memory(this.pick([16, 32]), [0x8d], this.work, 0),
      () => {
        const repeat = this.below(3) === 0;
        if (repeat) {
          this.emit(0x51);
          this.constant(1, this.below(20), 32);
        }
        if (this.below(4) === 0) this.emit(this.pick([0xfc, 0xfd]));
        if (this.below(5) === 0) this.emit(this.pick([0x26, 0x2e, 0x36]));
        if (this.below(4) === 0) this.emit(0x67);
        if (repeat) this.emit(this.pick([0xf2, 0xf3]));
        this.operand(bits);
        this.emit(this.pick([0xa4, 0xaa, 0xac, 0xa6, 0xae]) + wide);
        if (repeat) this.emit(0x59);
      },
      () => {
        this.registers(bits, [0xc0 + wide], this.pick([0, 1, 2, 3, 4, 5, 7]));
        this.emit(this.below(36));
      },
      () => this.memory(bits, [0xd0 + wide + this.pick([0, 2])], this.pick([0, 1, 4, 5, 7])),
      () => this.registers(bits, [0xf6 + wide], this.pick([2, 3, 4, 5, 6, 7])),
      () =>
        this.registers(this.pick([16, 32]), [
          0x0f,
          this.pick([0xaf, 0xb6, 0xb7, 0xbe, 0xbf, 0xbc, 0xbd, 0xa3, 0xab, 0xb3, 0xbb, 0xc1]),
        ]),
      () => this.memory(16, [0x0f, this.pick([0xb6, 0xb7, 0xbe, 0xbf, 0xaf, 0xa3])], this.work),
      () => this.memory(8, [0x0f, 0x90 + this.below(16)], 0),
      () => this.registers(bits, [0x86 + wide]),
      () => this.memory(bits, [0x86 + wide], this.work),
      () => {
        this.operand(this.pick([16, 32]));
        this.emit(this.pick([0x98, 0x99]));
      },
      () => this.emit(this.pick([0xd7, 0x27, 0x37, 0xf5, 0xf8, 0xf9, 0x9e, 0x9f])),
      () => this.emit(0xc8, this.below(64), 0, this.pick([0, 0, 0, 1, 3]), 0xc9),
      () => this.over(() => this.emit(0x70 + this.below(16), 0)),
      () => this.over(() => this.emit(this.pick([0xe3, 0xeb]), 0)),
      () => {
        const size = this.pick([16, 16, 32]) as 16 | 32;
        this.operand(size);
        this.emit(0xe8);
        this.number(0, size);
        this.calls.push({ end: this.bytes.length, size });
      },
      () => {
        this.emit(0x9a);
        this.farCalls.push({ at: this.bytes.length, size: this.size });
        this.number(0, this.size + 16);
      },
      () => {
        this.constant(0, this.eip + (this.wide ? 7 : 5), this.size);
        this.emit(0xff, 0xe0);
      },
      () => this.emit(0xcd, 32 + this.below(4)),
      () => this.emit(this.pick([0xe4, 0xe6]), 0x10 + this.below(4)),
      () => {
        if (this.patches.length > 0) this.store(this.pick(this.patches), this.random(), this.pick([8, 16]));
      },
    ])();
  }
  /** A short jump over an instruction or two. */
  private over(jump: () => void): void {
    jump();
    const from = this.bytes.length;
    this.instruction();
    if (this.below(2) === 0) this.instruction();
    if (this.bytes.length - from < 128) this.bytes[from - 1] = this.bytes.length - from;
  }

  private item(): void {
    this.store(RESUME, 0, 32);
    const resume = this.bytes.length - 4;
    for (const segment of [DS, ES, SS]) if (this.below(3) === 0) this.load(segment);
    this.constant(4, this.esp(), 32);
    this.constant(1, 1 + this.below(60), 32);
    const start = this.bytes.length;
    for (const register of [3, 5, 6, 7]) {
      this.registers(32, [0x81], 4, register);
      this.number(this.pick([0x7fc, 0x7fe, 0x3fc, 0xffc, 0xffff]), 32);
    }
    for (let n = 1 + this.below(8); n > 0; n--) this.instruction();
    const back = start - this.bytes.length;
    if (this.below(2) === 0 && back > -120) {
      if (this.below(3) === 0) this.emit(0x67);
      this.emit(this.pick([0xe2, 0xe2, 0xe1]));
      this.emit(start - this.bytes.length - 1);
    } else {
      this.operand(this.pick([16, 32]));
      this.emit(0x49, 0x0f, 0x85);
      this.number(start - this.bytes.length - this.size / 8, this.size);
    }
    this.put(resume, this.eip, 32);
  }

  write(): Program {
    for (let n = 2 + this.below(5); n > 0; n--) this.item();
    this.emit(0xe6, END_PORT, 0xeb, 0xfc);
    // One function for near calls of each size, one for far calls.
    for (const size of [16, 32] as const) {
      const start = this.bytes.length;
      for (const { end, size: own } of this.calls) if (own === size) this.put(end - size / 8, start - end, size);
      this.instruction();
      this.operand(size);
      this.emit(0xc3);
    }
    const far = this.eip;
    for (const { at, size } of this.farCalls) {
      // By another pair of segment and offset where there are several.
      const shift = this.start.mode === 'protected' ? 0 : this.below(Math.min(16, far >> 4));
      this.put(at, far - shift * 16, size);
      this.put(at + size / 8, this.start.segments[0]!.selector + shift, 16);
    }
    this.instruction();
    this.emit(0xcb);
    return {
      code: this.bytes,
      entry: CODE - this.csBase,
      patches: this.patches,
      start: this.start,
      descriptors: this.descriptors,
    };
  }
}

/** A program of its own for each state of `random`. */
export const drawSegmented = (random: Random): Program => new Writer(random).write();
