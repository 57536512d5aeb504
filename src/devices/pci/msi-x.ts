/**
 * Interrupts as messages: a function's table of vectors, each an address and a datum to write there, and the bits of those that wait.
 * Source: PCI Local Bus Specification 3.0, 6.8.2 (MSI-X).
 */
import type { State } from '../bus.ts';
import { assignState, copyState, resetState } from '../state.ts';
import type { FunctionMessages, PciFunction } from './pci.ts';

export const MSIX_CAPABILITY = 0x11;
/** Message control, at 2 of the capability. */
const ENABLE = 0x80,
  FUNCTION_MASK = 0x40,
  CONTROL_HIGH = 3;
/** Words of a table entry; bit 0 of the last one masks the vector. */
const ENTRY_WORDS = 4,
  DATA = 2,
  VECTOR_CONTROL = 3,
  MASKED = 1;
const BAR_BYTES = 4096,
  PENDING_AT = 2048,
  MOST_VECTORS = PENDING_AT / 16;

const initial = (vectors: number) => ({
  table: Uint32Array.from({ length: ENTRY_WORDS * vectors }, (_, i) => ((i & 3) === VECTOR_CONTROL ? MASKED : 0)),
  pending: new Uint32Array(Math.ceil(vectors / 32)),
});

export class MsiX implements FunctionMessages {
  readonly vectors: number;
  private readonly fn: PciFunction;
  private readonly capability: number;
  private readonly r: ReturnType<typeof initial>;

  /** Table and waiting bits have a BAR of their own. @throws RangeError for more vectors than that has room for */
  constructor(fn: PciFunction, vectors: number, bar: number) {
    if (vectors < 1 || vectors > MOST_VECTORS)
      throw new RangeError(`a function has 1 to ${MOST_VECTORS} vectors here, not ${vectors}`);
    this.fn = fn;
    this.vectors = vectors;
    this.r = initial(vectors);
    const body = new Uint8Array(10);
    const view = new DataView(body.buffer);
    view.setUint16(0, vectors - 1, true);
    view.setUint32(2, bar, true);
    view.setUint32(6, PENDING_AT | bar, true);
    this.capability = fn.addCapability(MSIX_CAPABILITY, body);
    fn.writable[this.capability + CONTROL_HIGH] = ENABLE | FUNCTION_MASK;
    fn.messages = this;
    fn.addBar(bar, {
      kind: 'memory',
      size: BAR_BYTES,
      read: (offset, size) => this.read(offset, size),
      write: (offset, value, size) => this.write(offset, value, size),
    });
  }

  private get control(): number {
    return this.fn.config[this.capability + CONTROL_HIGH];
  }

  /** Messages are used, and the interrupt pin is not. */
  get enabled(): boolean {
    return (this.control & ENABLE) !== 0;
  }

  /** A vector's message goes out, or waits while it is masked. */
  signal(vector: number): void {
    if (!this.enabled || vector < 0 || vector >= this.vectors) return;
    if (this.isMasked(vector)) this.r.pending[vector >>> 5] |= 1 << (vector & 31);
    else this.send(vector);
  }

  private isMasked(vector: number): boolean {
    return (this.control & FUNCTION_MASK) !== 0 || (this.r.table[ENTRY_WORDS * vector + VECTOR_CONTROL] & MASKED) !== 0;
  }

  private send(vector: number): void {
    const { table } = this.r,
      at = ENTRY_WORDS * vector;
    // Above 4 GiB there is no interrupt controller.
    if (table[at + 1] === 0) this.fn.sendMessage(table[at], table[at + DATA]);
  }

  /** What waits and is not masked any more goes out. */
  sendPending(): void {
    const { pending } = this.r;
    if (!this.enabled) return;
    for (let vector = 0; vector < this.vectors; vector++) {
      const bit = 1 << (vector & 31);
      if ((pending[vector >>> 5] & bit) === 0 || this.isMasked(vector)) continue;
      pending[vector >>> 5] &= ~bit;
      this.send(vector);
    }
  }

  /** Software reads and writes doublewords and quadwords (6.8.2); parts of one are read as the bus does it, and written not at all. */
  private read(offset: number, size: number): number {
    const { table, pending } = this.r;
    const word = offset >>> 2;
    const value = offset < PENDING_AT ? table[word] : pending[word - PENDING_AT / 4];
    return ((value ?? 0) >>> (8 * (offset & 3))) & (size === 4 ? 0xffffffff : 2 ** (8 * size) - 1);
  }

  private write(offset: number, value: number, size: number): void {
    const { table } = this.r;
    const word = offset >>> 2;
    if (size !== 4 || offset & 3 || word >= table.length) return;
    const field = word & 3;
    table[word] = field === VECTOR_CONTROL ? value & MASKED : field === 0 ? value & ~3 : value;
    if (field === VECTOR_CONTROL) this.sendPending();
  }

  reset(): void {
    resetState(this.r, initial(this.vectors));
  }

  save(): State {
    return copyState(this.r);
  }

  /** A state of fewer vectors leaves the others as they are after RESET. @throws StateError */
  restore({ table, pending }: State): void {
    const { r } = this;
    const whole = initial(this.vectors);
    const fill = (to: Uint32Array, from: unknown): unknown =>
      from instanceof Uint32Array && from.length <= to.length ? (to.set(from), to) : from;
    assignState(`${this.fn.name} messages`, r, {
      table: fill(whole.table, table),
      pending: fill(whole.pending, pending),
    } as State);
  }
}
