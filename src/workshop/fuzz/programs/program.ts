/**
 * Draws a program: nested loops, calls, branches, faults and their handlers, accesses to devices and ports, stores into code that runs, string instructions,
 * x87, MMX and SSE, 32-bit code and a 16-bit segment. Whatever it does is right; all processors only have to agree. The map is in machine.ts.
 */
import { absolute, Assembler, at, EAX, EBP, EBX, ECX, EDI, EDX, ESI, indexed, WORK } from './assembler.ts';
import {
  CODE,
  CODE_END,
  DATA,
  DEVICE,
  END_PORT,
  MISSING,
  READ_ONLY,
  RESUME,
  SELECTOR_CODE16,
  WRITABLE_PAGES,
} from './map.ts';

/** Where a program begins: its mode, its descriptors, and what segment registers hold. */
export interface Start {
  mode: 'real' | 'virtual' | 'protected';
  segments: { index: number; selector: number; base: number; limit: number; rights: number }[];
  esp: number;
}

export interface Program {
  code: number[];
  entry: number;
  /** Addresses of constants that others may change while it runs. */
  patches: number[];
  /** Of code that is not flat 32-bit code; and what the table of descriptors holds besides. */
  start?: Start;
  descriptors?: Start['segments'];
}

type Random = () => number;

class Writer {
  readonly a: Assembler;
  readonly patches: number[] = [];
  /** Opcodes of INC and DEC, which turn into each other. */
  private readonly turns: number[] = [];
  private readonly random: Random;
  private readonly user: boolean;
  /** Calls of each function that comes later. */
  private readonly calls: [end: number, narrow: boolean][][] = [[], [], []];
  private readonly farCalls: number[] = [];
  private level = 0;
  private functions = 0;
  constructor(a: Assembler, random: Random, user: boolean) {
    this.a = a;
    this.random = random;
    this.user = user;
  }

  private below(n: number): number {
    return this.random() % n;
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  private get work(): number {
    return this.pick(WORK);
  }

  /** Memory that is there; now and then across a page's end, unaligned, or not there. */
  private place(): number[] {
    switch (this.below(12)) {
      case 0:
        return at(EBP, this.below(0x1f00));
      case 1:
        return absolute(DATA + 0xffc + this.below(8));
      case 2:
        return indexed(EBP, EAX, this.below(4), this.below(64));
      case 3:
        return at(ESI, this.below(64));
      case 4:
        return at(EDI, this.below(16) * 4);
      case 5:
        return absolute(this.pick([READ_ONLY, MISSING, DEVICE]) + this.below(64) * 4);
      default:
        return at(EBP, this.below(96) * 4);
    }
  }
  private size(): number {
    return this.pick([8, 16, 32, 32, 32]);
  }
  /** Where execution goes on after a fault: behind what is written next. */
  private guarded(write: () => void): void {
    const { a } = this;
    a.store(RESUME, 0);
    const target = a.here - 4;
    write();
    for (let i = 0; i < 4; i++) a.bytes[target - a.base + i] = (a.here >> (8 * i)) & 255;
  }

  arithmetic(): void {
    const { a } = this,
      bits = this.size(),
      wide = bits === 8 ? 0 : 1,
      opcode = this.below(8) * 8 + wide;
    switch (this.below(12)) {
      case 0:
      case 1:
        return a.registers(bits, [opcode], this.work, this.work);
      case 2:
        return a.memory(bits, [opcode + 2], this.work, this.place());
      case 3:
        return a.memory(bits, [opcode], this.work, this.place());
      case 4: {
        a.registers(32, [0x81], this.below(8), this.work);
        this.patches.push(a.here);
        return a.word(this.random());
      }
      case 5: {
        this.patches.push(a.constant(this.work, this.random()));
        return;
      }
      case 6: {
        a.prefix(32);
        this.turns.push(a.here);
        return a.emit(this.pick([0x40, 0x48]) + this.work);
      }
      case 7: {
        a.registers(bits, [0xc0 + wide], this.pick([0, 1, 2, 3, 4, 5, 7]), this.work);
        return a.emit(this.below(36));
      }
      case 8:
        return a.registers(bits, [0xd2 + wide], this.pick([0, 1, 4, 5, 7]), this.work);
      case 9:
        return a.registers(bits, [0xf6 + wide], this.pick([2, 3, 4, 5]), this.work);
      case 10:
        return a.registers(
          this.pick([16, 32]),
          [0x0f, this.pick([0xaf, 0xb6, 0xb7, 0xbe, 0xbf, 0xbc, 0xbd, 0xa3, 0xab, 0xb3, 0xbb, 0xa5, 0xad, 0xc1, 0xb1])],
          this.work,
          this.work,
        );
      default:
        return this.pick([
          () => a.registers(32, [0x0f, 0x40 + this.below(16)], this.work, this.work),
          () => a.registers(8, [0x0f, 0x90 + this.below(16)], 0, this.work),
          () => a.memory(32, [0x0f, 0x90 + this.below(16)], 0, this.place()),
          () => a.memory(32, [0x8d], this.work, this.place()),
          () => a.emit(this.pick([0x98, 0x99, 0x9e, 0x9f, 0xf5, 0xf8, 0xf9, 0x27, 0x37])),
          () => {
            a.memory(32, [0x0f, 0xba], this.pick([4, 5, 6, 7]), this.place());
            a.emit(this.below(32));
          },
          () => a.memory(32, [0x0f, this.pick([0xa3, 0xab, 0xb3])], this.work, at(EBP, 256)),
          () => {
            a.emit(0xf0);
            a.memory(32, this.pick([[0x0f, 0xb1], [0x0f, 0xc1], [0x01], [0x31]]), this.work, this.place());
          },
          () => a.memory(32, [0x87], this.work, this.place()),
          () => a.memory(32, [0x64, 0x8b], this.work, at(EBP, this.below(64) * 4)),
          () =>
            a.memory(32, [this.pick([0x64, 0x65]), this.pick([0x8b, 0x89, 0x03, 0x2b, 0x29])], this.work, this.place()),
          () => a.memory(32, [this.pick([0x64, 0x65]), 0xff], this.below(2), this.place()),
          () => {
            a.prefix(32);
            a.emit(0x0f, 0xc8 + this.work);
          },
          () => {
            a.prefix(32);
            a.emit(0x0f, 0x31);
          },
        ])();
    }
  }

  stack(): void {
    const { a } = this;
    a.prefix(32);
    switch (this.below(4)) {
      case 0:
        return a.emit(0x9c, 0x58 + this.work);
      case 1: {
        a.emit(0x50 + this.work);
        this.arithmetic();
        a.prefix(32);
        return a.emit(0x58 + this.work);
      }
      case 2:
        return a.emit(0x9c, this.pick([0xfa, 0xfb, 0x90]), 0x9d);
      default: {
        a.memory(32, [0xff], 6, this.place());
        a.prefix(32);
        return a.emit(0x58 + this.work);
      }
    }
  }

  /** A frame that EBP points to, what is pushed besides, and a register that moves to and fro: accesses at constant distances from registers. */
  frame(): void {
    const { a } = this,
      room = 8 + this.below(6) * 4,
      distance = this.pick([4, 8, 1, 0x40]);
    if (a.narrow) return this.arithmetic();
    a.emit(0x55, 0x89, 0xe5, 0x83, 0xec, room);
    for (let n = 2 + this.below(5); n > 0; n--) {
      const bits = this.size(),
        operation = this.pick([[0x88], [0x8a], [0x00], [0x2a], [0x30]]).map(opcode => opcode + (bits === 8 ? 0 : 1));
      this.pick([
        () => a.memory(bits, operation, this.work, at(EBP, -4 - this.below(room - 4))),
        () => a.memory(bits, operation, this.work, [0x44, 0x24, this.below(room - 4)]),
        () => a.memory(bits, operation, this.work, at(ESI, this.below(24) * 4)),
        () => a.emit(0x6a, this.below(128)),
        () => {
          a.emit(0x83, 0xc0 | ESI, this.pick([4, 0xfc, 1, 0xff]));
        },
      ])();
    }
    a.emit(0xc9);
    a.registers(32, [0x81], 0, EBP);
    a.word(distance);
    this.items(1 + this.below(2), 0);
    a.prefix(32);
    a.registers(32, [0x81], 5, EBP);
    a.word(distance);
  }

  /** Forward over something, or not. */
  branch(depth: number): void {
    const { a } = this,
      end = a.jump(0x0f, 0x80 + this.below(16));
    this.items(1 + this.below(3), depth);
    a.lead(end, a.here);
  }

  loop(depth: number): void {
    const { a } = this,
      nested = this.level > 0;
    if (nested) {
      a.prefix(32);
      a.emit(0x51);
    }
    a.constant(ECX, 1 + this.below(nested ? 12 : 60));
    const start = a.here;
    this.level++;
    this.items(1 + this.below(6), depth);
    this.level--;
    a.prefix(32);
    a.emit(0x49);
    a.lead(a.jump(0x0f, 0x85), start);
    if (nested) {
      a.prefix(32);
      a.emit(0x59);
    }
  }

  call(): void {
    const { a } = this,
      left = this.calls.length - this.functions;
    if (left === 0 || a.narrow) return this.arithmetic();
    const to = this.functions + this.below(left);
    if (this.below(4) === 0) {
      a.emit(0x9a);
      this.farCalls.push(a.here);
      a.word(0);
      a.emit(SELECTOR_CODE16, 0);
    } else this.calls[to]!.push([a.jump(0xe8), false]);
  }

  fault(): void {
    const { a } = this;
    this.guarded(
      this.pick([
        () => a.registers(32, [0xf7], this.pick([6, 7]), this.work),
        () => a.memory(32, [0xf7], this.pick([6, 7]), this.place()),
        () => a.emit(0x0f, 0x0b),
        () => a.memory(32, [0x8b], this.work, absolute(this.pick([MISSING, 0x100000, READ_ONLY]) + this.below(4096))),
        () => a.memory(32, [0x01], this.work, absolute(this.pick([MISSING, 0x100000, READ_ONLY]) + this.below(4096))),
        () => a.memory(32, [0xff], 6, absolute(MISSING)),
        () => a.emit(0xcd, 32 + this.below(4)),
        () => a.emit(0xcc),
        () => a.memory(32, [0x0f, 0x28], 1, at(EBP, 4)),
      ]),
    );
    // The handler of page faults has put the page there; the kernel takes it away again.
    if (!this.user && this.below(3) === 0) {
      a.store(WRITABLE_PAGES + (MISSING >>> 12) * 4, 0);
      a.memory(32, [0x0f, 0x01], 7, absolute(MISSING));
    }
  }

  device(): void {
    const { a } = this;
    switch (this.below(4)) {
      case 0:
        return a.emit(0xe4, 0x10 + this.below(4));
      case 1:
        return a.emit(0xe6, 0x10 + this.below(4));
      case 2:
        return a.memory(
          this.pick([8, 32]),
          [this.pick([0x8a, 0x88])],
          this.work,
          absolute(DEVICE + this.below(256) * 4),
        );
      default:
        return this.user ? a.emit(0x90) : a.emit(0x0f, 0xa2, 0x31, 0xc9, 0x41);
    }
  }

  /** Changes a constant, or turns INC into DEC, of what was written so far. */
  selfModification(): void {
    const { a } = this;
    const turn = this.turns.length > 0 && this.below(2) === 0;
    if (!turn && this.patches.length === 0) return this.arithmetic();
    const address = turn ? this.pick(this.turns) : this.pick(this.patches);
    if (turn) {
      a.memory(8, [0x80], 6, absolute(address));
      a.emit(8);
    } else if (this.below(3) === 0) {
      a.constant(EDI, address);
      a.emit(0xaa);
      a.constant(EDI, DATA + 0x400);
    } else
      a.memory(
        this.pick([8, 32]) === 8 ? 8 : 32,
        [this.pick([0x88, 0x89, 0x01])],
        this.work,
        absolute(address + this.below(2)),
      );
  }

  strings(): void {
    const { a } = this;
    a.prefix(32);
    a.emit(0x51);
    a.constant(ECX, this.pick([0, 1, 3, 17, 300]));
    a.constant(ESI, DATA + this.below(0xc00));
    a.constant(EDI, this.below(8) === 0 ? READ_ONLY - 64 : DATA + 0x800 + this.below(0x700));
    const down = this.below(4) === 0;
    if (down) a.emit(0xfd);
    const opcode = this.pick([0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xa6, 0xa7, 0xae, 0xaf]);
    this.guarded(() => {
      if (a.narrow) a.emit(0x67);
      if (a.narrow || this.below(6) === 0) a.emit(0x66);
      if (this.below(5) !== 0) a.emit(this.pick([0xf3, 0xf3, 0xf2]));
      a.emit(opcode);
    });
    if (down) a.emit(0xfc);
    a.prefix(32);
    a.emit(0x59);
    a.constant(ESI, DATA + this.below(64) * 4);
    a.constant(EDI, DATA + 0x400);
  }

  /** Mostly what keeps the stack's depth; overflow and underflow come with time. */
  x87(): void {
    const { a } = this;
    const value = () =>
      this.pick([
        () => at(EBP, this.below(64) * 8),
        () => at(EBP, this.below(64) * 8),
        () => at(ESI, this.below(8) * 8),
        () => this.place(),
      ])();
    for (let n = 1 + this.below(8); n > 0; n--) {
      const i = this.below(3);
      switch (this.below(16)) {
        case 0:
          a.memory(32, [0xdd], 0, value());
          break;
        case 1:
          a.memory(32, [0xd9], 0, value());
          break;
        case 2:
          a.memory(32, [0xdb], this.pick([0, 0, 0, 5]), value());
          break;
        case 3:
          a.memory(32, [0xdd], this.pick([3, 3, 2]), value());
          break;
        case 4:
          a.memory(32, [0xd9], this.pick([3, 3, 2]), value());
          break;
        case 5:
        case 6:
          a.emit(this.pick([0xd8, 0xdc]), 0xc0 | (this.pick([0, 1, 4, 5, 6, 7]) << 3) | i);
          break;
        case 7:
        case 8:
          a.emit(0xde, 0xc0 | (this.pick([0, 1, 4, 5, 6, 7]) << 3) | (1 + i));
          break;
        case 9:
          a.memory(32, [this.pick([0xd8, 0xdc, 0xdc])], this.pick([0, 1, 4, 5, 6, 7]), value());
          break;
        case 10:
          a.emit(0xd9, this.pick([0xe8, 0xee, 0xeb]));
          break;
        case 11:
          a.emit(0xd9, this.pick([0xc0, 0xc8]) | i);
          break;
        case 12:
          a.emit(0xd9, this.pick([0xe0, 0xe1, 0xfa, 0xfc, 0xe4]));
          break;
        case 13:
          a.emit(this.pick([0xdb, 0xdf]), this.pick([0xe8, 0xf0]) | i);
          break;
        case 14:
          a.emit(
            ...this.pick([
              [0xdd, 0xd8],
              [0xdd, 0xd9],
              [0xdd, 0xd8],
              [0xdf, 0xe0],
              [0xdd, 0xe9],
              [0xd9, 0xc9],
              [0xdd, 0xc0],
            ]),
          );
          break;
        default:
          this.pick([
            () => a.memory(32, [0xdb], this.pick([2, 3, 7]), value()),
            () => a.memory(32, [0xdf], this.pick([0, 5, 7]), value()),
            () => a.emit(0xdb, this.pick([0xe2, 0xe3])),
            () => {
              a.store(DATA + 0xe00, this.pick([0x37f, 0x37f, 0x27f, 0xf7f, 0x77f, 0x07f, 0x37e, 0x37b, 0x35f]));
              a.memory(32, [0xd9], 5, absolute(DATA + 0xe00));
            },
            () => a.emit(0x0f, 0x77),
            () => a.memory(32, [0x0f, this.pick([0x6f, 0x7f, 0xfe, 0xef])], this.below(8), at(EBP, this.below(32) * 8)),
          ])();
      }
    }
  }

  sse(): void {
    const { a } = this,
      x = () => this.below(8),
      place = () => (this.below(6) === 0 ? this.place() : absolute(DATA + this.below(32) * 16));
    for (let n = 1 + this.below(6); n > 0; n--) {
      const prefix = this.pick([[], [0x66], [0xf3], [0xf2]]);
      switch (this.below(7)) {
        case 0:
          a.memory(
            32,
            this.pick([
              [0x0f, 0x10],
              [0x0f, 0x28],
              [0x66, 0x0f, 0x6f],
              [0xf3, 0x0f, 0x6f],
              [0xf2, 0x0f, 0x10],
              [0xf3, 0x0f, 0x10],
            ]),
            x(),
            place(),
          );
          break;
        case 1:
          a.memory(
            32,
            this.pick([
              [0x0f, 0x11],
              [0x0f, 0x29],
              [0x66, 0x0f, 0x7f],
              [0xf3, 0x0f, 0x7f],
              [0xf2, 0x0f, 0x11],
              [0xf3, 0x0f, 0x11],
            ]),
            x(),
            place(),
          );
          break;
        case 2:
          a.memory(32, [...prefix, 0x0f, this.pick([0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f])], x(), place());
          break;
        case 3:
          a.emit(...prefix, 0x0f, this.pick([0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0x51]), 0xc0 | (x() << 3) | x());
          break;
        case 4:
          a.emit(
            0x66,
            0x0f,
            this.pick([0xfe, 0xfa, 0xef, 0xdb, 0xeb, 0xdf, 0xfc, 0xd4, 0x74, 0x76, 0x62, 0x6c, 0xf4, 0xd5]),
            0xc0 | (x() << 3) | x(),
          );
          break;
        case 5:
          a.emit(0x66, 0x0f, 0x70, 0xc0 | (x() << 3) | x(), this.random() & 255);
          break;
        default:
          this.pick([
            () => a.memory(32, [0xf2, 0x0f, 0x2a], x(), at(EBP, 4)),
            () => a.emit(0xf2, 0x0f, this.pick([0x2c, 0x2d]), 0xc0 | (EDX << 3) | x()),
            () => a.emit(0x66, 0x0f, this.pick([0x6e, 0x7e]), 0xc0 | (x() << 3) | EBX),
            () => a.emit(0x66, 0x0f, this.pick([0x2e, 0x2f]), 0xc0 | (x() << 3) | x()),
            () => a.memory(32, [0x66, 0x0f, this.pick([0xfe, 0xef, 0xdb])], x(), place()),
            () => {
              a.store(DATA + 0xe08, this.pick([0x1f80, 0x1fbf, 0x9fc0, 0x5f80, 0x1f00]));
              a.memory(32, [0x0f, 0xae], 2, absolute(DATA + 0xe08));
            },
          ])();
      }
    }
  }

  item(depth: number): void {
    const { a } = this;
    if (a.here > CODE_END - 1500) return;
    switch (this.below(21)) {
      case 20:
        return this.frame();
      case 0:
        return depth > 0 ? this.loop(depth - 1) : this.arithmetic();
      case 1:
      case 2:
        return depth > 0 ? this.branch(depth - 1) : this.arithmetic();
      case 3:
        return this.call();
      case 4:
        return this.fault();
      case 5:
        return this.below(3) === 0 ? this.device() : this.stack();
      case 6:
        return this.selfModification();
      case 7:
        return this.strings();
      case 8:
      case 9:
        return this.x87();
      case 10:
        return a.narrow ? this.x87() : this.sse();
      case 11:
        return this.stack();
      default:
        return this.arithmetic();
    }
  }
  items(n: number, depth: number): void {
    for (let i = 0; i < n; i++) this.item(depth);
  }

  write(): number {
    const { a } = this,
      entry = a.here;
    a.constant(ESI, DATA + 64);
    a.constant(EDI, DATA + 0x400);
    this.loop(2);
    this.items(2 + this.below(4), 2);
    a.emit(0xe6, END_PORT, 0xeb, 0xfc);
    this.level = 1;
    for (; this.functions < this.calls.length; ) {
      const start = a.here;
      for (const [end, narrow] of this.calls[this.functions]!) a.lead(end, start, narrow);
      this.functions++;
      this.items(1 + this.below(4), 1);
      a.emit(0xc3);
    }
    // The 16-bit segment's function, which a far call of 32 bits reaches.
    a.narrow = true;
    const start = a.here;
    for (const place of this.farCalls)
      for (let i = 0; i < 4; i++) a.bytes[place - a.base + i] = (start >> (8 * i)) & 255;
    this.items(1 + this.below(4), 1);
    a.emit(0x66, 0xcb);
    return entry;
  }
}

/** A program of its own for each state of `random`. `user`: it runs at CPL 3. */
export function drawProgram(random: Random, user: boolean): Program {
  const writer = new Writer(new Assembler(CODE), random, user),
    entry = writer.write();
  return { code: writer.a.bytes, entry, patches: writer.patches };
}
