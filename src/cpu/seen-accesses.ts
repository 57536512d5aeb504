/** Accesses to data that a probe is to hear of, kept back until their instruction (or the delivery of an event) is complete: it may begin more than once. */
import type { Probe } from './architecture/edge.ts';

const READ = 0,
  WRITE = 1,
  ATOMIC = 2;

export class SeenAccesses {
  /** Four numbers each: kind, linear address, size, value (of ATOMIC: machine byte offset). */
  private readonly list: number[] = [];
  private readonly memory: Uint8Array;

  constructor(memory: Uint8Array) {
    this.memory = memory;
  }

  add(linear: number, size: number, write: boolean, value: number): void {
    this.list.push(write ? WRITE : READ, linear, size, value);
  }

  /** A read-modify-write at a byte offset of machine memory, about to happen. */
  addAtomic(linear: number, size: number, at: number): void {
    for (let part = 0; part < size; part += 4) {
      const bytes = Math.min(4, size - part);
      this.add(linear + part, bytes, false, this.load(at + part, bytes));
      this.list.push(ATOMIC, linear + part, bytes, at + part);
    }
  }

  private load(at: number, size: number): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = (value << 8) | this.memory[at + i]!;
    return value;
  }

  drop(): void {
    // As in Mmio.forget().
    if (this.list.length !== 0) this.list.length = 0;
  }

  tell(probe: Probe): void {
    const { list } = this;
    for (let i = 0; i < list.length; i += 4) {
      const size = list[i + 2]!;
      const value = list[i] === ATOMIC ? this.load(list[i + 3]!, size) : list[i + 3]!;
      probe.memory?.(list[i + 1]!, size, list[i] !== READ, size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1));
    }
    this.drop();
  }
}
