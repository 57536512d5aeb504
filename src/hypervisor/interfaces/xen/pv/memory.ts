/**
 * A paravirtual domain's memory as its own page tables show it, with machine frame numbers in the entries.
 * For the hypervisor's reads and writes at linear addresses (hypercall arguments, bounce frames, instructions to emulate).
 */
import { registers as R } from '../../../../cpu/architecture/index.ts';
import { FRAME_BYTES } from '../../../memory/machine.ts';
import { PTE_PRESENT } from './pte.ts';
import type { PageTables, Walk } from './tables.ts';

/** Bytes of the longest instruction. */
export const MAX_INSTRUCTION = 15;

/** Reads what can be read of the instruction at CS:EIP into MAX_INSTRUCTION bytes: how many. */
export function fetchInstruction(regs: Int32Array, memory: Pick<PvMemory, 'read'>, code: Uint8Array): number {
  const linear = (regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_BASE] + regs[R.EIP]) >>> 0;
  let length = MAX_INSTRUCTION;
  while (length > 0 && !memory.read(linear, code.subarray(0, length))) length--;
  return length;
}

export class PvMemory {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly written: (mfn: number) => void;
  private readonly tables: PageTables;
  /** Frame of the top table in use. */
  private readonly base: () => number;
  private readonly at: Walk = { table: -1, slot: 0, low: 0, high: 0, write: false, user: false };

  constructor(
    words: Int32Array,
    bytes: Uint8Array,
    tables: PageTables,
    base: () => number,
    written: (mfn: number) => void,
  ) {
    this.tables = tables;
    this.base = base;
    this.words = words;
    this.bytes = bytes;
    this.written = written;
  }

  /** Result is one object, overwritten by the next walk. */
  walk(linear: number): Walk {
    return this.tables.walk(this.words, this.base(), linear, this.at);
  }

  /** Byte offset in machine memory for an access by the kernel (ring 1, CR0.WP set); -1 where it would fault. */
  offset(linear: number, write: boolean): number {
    const { low, write: writable } = this.walk(linear);
    if (!(low & PTE_PRESENT) || (write && !writable)) return -1;
    return (low >>> 12) * FRAME_BYTES + (linear & (FRAME_BYTES - 1));
  }

  /** False, with nothing promised about `into`, where a page is missing. */
  read(linear: number, into: Uint8Array): boolean {
    return this.forEachPage(linear, into.length, false, (offset, from, count) =>
      into.set(this.bytes.subarray(offset, offset + count), from),
    );
  }

  /** False where a page is missing or read-only; then nothing was written. */
  write(linear: number, from: Uint8Array): boolean {
    if (!this.forEachPage(linear, from.length, true, () => {})) return false;
    return this.forEachPage(linear, from.length, true, (offset, start, count) => {
      this.bytes.set(from.subarray(start, start + count), offset);
      this.written(offset >>> 12);
    });
  }

  private forEachPage(
    linear: number,
    length: number,
    write: boolean,
    visit: (offset: number, at: number, count: number) => void,
  ): boolean {
    for (let at = 0; at < length; ) {
      const address = (linear + at) >>> 0;
      const count = Math.min(length - at, FRAME_BYTES - (address & (FRAME_BYTES - 1)));
      const offset = this.offset(address, write);
      if (offset < 0) return false;
      visit(offset, at, count);
      at += count;
    }
    return true;
  }
}
