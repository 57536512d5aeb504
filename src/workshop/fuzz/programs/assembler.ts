/** Writes instructions of 32-bit code, or the same in a 16-bit code segment: prefixes give both the same operands and addresses. */

/** General registers that programs calculate with; ECX counts, EBP points at the data, ESP at the stack. */
export const WORK = [0, 2, 3] as const;
export const EAX = 0,
  ECX = 1,
  EDX = 2,
  EBX = 3,
  ESP = 4,
  EBP = 5,
  ESI = 6,
  EDI = 7;

export class Assembler {
  readonly bytes: number[] = [];
  readonly base: number;
  /** What follows runs in a 16-bit code segment. */
  narrow = false;
  constructor(base: number) {
    this.base = base;
  }

  get here(): number {
    return this.base + this.bytes.length;
  }
  emit(...bytes: number[]): void {
    for (const byte of bytes) this.bytes.push(byte & 255);
  }
  word(value: number): void {
    this.emit(value, value >> 8, value >> 16, value >> 24);
  }

  /** Prefixes for an operand of this many bits, and for an address of 32 bits. */
  prefix(bits: number, memory = false): void {
    if (memory && this.narrow) this.emit(0x67);
    if (bits === (this.narrow ? 32 : 16)) this.emit(0x66);
  }

  /** An instruction on registers `reg` and `rm`. */
  registers(bits: number, opcode: readonly number[], reg: number, rm: number): void {
    this.prefix(bits);
    this.emit(...opcode, 0xc0 | (reg << 3) | rm);
  }
  /** … on `reg` and memory. */
  memory(bits: number, opcode: readonly number[], reg: number, place: readonly number[]): void {
    this.prefix(bits, true);
    this.emit(...opcode, place[0]! | (reg << 3), ...place.slice(1));
  }
  /** MOV of a constant to a 32-bit register; where the constant lies. */
  constant(register: number, value: number): number {
    this.prefix(32);
    this.emit(0xb8 + register);
    this.word(value);
    return this.here - 4;
  }
  /** MOV of a constant to a doubleword. */
  store(address: number, value: number): void {
    this.memory(32, [0xc7], 0, absolute(address));
    this.word(value);
  }

  /** A jump (`opcode` of its near form) to be given its target; where it ends. */
  jump(...opcode: number[]): number {
    this.emit(...opcode, 0, 0);
    if (!this.narrow) this.emit(0, 0);
    return this.here;
  }
  /** Lets the jump that ends at `end` lead to `target`. `narrow`: it is 16-bit code. */
  lead(end: number, target: number, narrow = this.narrow): void {
    const bytes = narrow ? 2 : 4;
    for (let i = 0; i < bytes; i++) this.bytes[end - this.base - bytes + i] = ((target - end) >> (8 * i)) & 255;
  }
}

/** ModRM and what follows of memory at an address, at a register plus a displacement, with an index: see SDM vol. 2, tables 2-2 and 2-3. */
export const absolute = (address: number): number[] => [0x05, ...doubleword(address)];
export const at = (register: number, displacement: number): number[] => [0x80 | register, ...doubleword(displacement)];
export const indexed = (base: number, index: number, scale: number, displacement: number): number[] => [
  0x84,
  (scale << 6) | (index << 3) | base,
  ...doubleword(displacement),
];
const doubleword = (value: number): number[] => [value, value >> 8, value >> 16, value >> 24].map(byte => byte & 255);
