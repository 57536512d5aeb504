/** The stack: SS:ESP or SS:SP, as the stack segment says. */
import type { MemoryAccess } from './access.ts';
import type { Addressing } from './addressing.ts';
import type { Mode } from './mode.ts';
import { ESP, SS } from './architecture/registers.ts';
import type { Views } from './views.ts';

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
    const esp = (this.R[ESP]! + delta) | 0;
    return this.addressing.linear(SS, this.mode.stack32 ? esp : esp & 0xffff, size, write);
  }

  move(delta: number): void {
    const { R } = this;
    const esp = (R[ESP]! + delta) | 0;
    R[ESP] = this.mode.stack32 ? esp : (R[ESP]! & -65536) | (esp & 0xffff);
  }

  push(value: number, size: 16 | 32): void {
    if (size === 32) this.memory.write32(this.at(-4, 4, true), value);
    else this.memory.write16(this.at(-2, 2, true), value);
    this.move(size === 32 ? -4 : -2);
  }

  /** What lies `delta` bytes from the top; ESP is moved by the caller, once nothing can fault any more. */
  top(size: 16 | 32, delta = 0): number {
    return size === 32 ? this.memory.read32(this.at(delta, 4, false)) : this.memory.read16(this.at(delta, 2, false));
  }
}
