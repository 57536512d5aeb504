/** The stack: SS:ESP or SS:SP, as the stack segment says. */
import type { MemoryAccess } from './access.ts';
import type { Addressing } from './addressing.ts';
import type { Mode } from './mode.ts';
import { ESP, HIGH, SS } from './architecture/registers.ts';
import type { Views } from './views.ts';

/** High half of a sum of 64 bits and a signed word. */
export const addedHigh = (low: number, high: number, delta: number): number => {
  const sum = (low >>> 0) + delta;
  return (high + (sum < 0 ? -1 : sum >= 2 ** 32 ? 1 : 0)) | 0;
};

export class Stack {
  private readonly R: Int32Array;
  private readonly mode: Mode;
  private readonly addressing: Addressing;
  private readonly memory: MemoryAccess;

  constructor({ R }: Views, mode: Mode, addressing: Addressing, memory: MemoryAccess) {
    this.R = R;
    this.mode = mode;
    this.addressing = addressing;
    this.memory = memory;
  }

  /** Linear address of the slot `delta` bytes from the top. */
  at(delta: number, size: number, write: boolean): number {
    const { R } = this,
      esp = (R[ESP]! + delta) | 0;
    if (this.mode.long) return this.addressing.long(SS, esp, addedHigh(R[ESP]!, R[ESP + HIGH]!, delta), size);
    return this.addressing.linear(SS, this.mode.stack32 ? esp : esp & 0xffff, size, write);
  }

  move(delta: number): void {
    const { R } = this;
    const esp = (R[ESP]! + delta) | 0;
    if (this.mode.long) R[ESP + HIGH] = addedHigh(R[ESP]!, R[ESP + HIGH]!, delta);
    R[ESP] = this.mode.stack32 || this.mode.long ? esp : (R[ESP]! & -65536) | (esp & 0xffff);
  }

  push(value: number, size: 16 | 32): void {
    if (size === 32) this.memory.write32(this.at(-4, 4, true), value);
    else this.memory.write16(this.at(-2, 2, true), value);
    this.move(size === 32 ? -4 : -2);
  }

  push64(low: number, high: number): void {
    this.memory.write64(this.at(-8, 8, true), low, high);
    this.move(-8);
  }

  /** What lies `delta` bytes from the top; ESP is moved by the caller, once nothing can fault any more. */
  top(size: 16 | 32 | 64, delta = 0): number {
    if (size === 64) return this.memory.read64(this.at(delta, 8, false));
    return size === 32 ? this.memory.read32(this.at(delta, 4, false)) : this.memory.read16(this.at(delta, 2, false));
  }
}
