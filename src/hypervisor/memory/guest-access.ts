/**
 * Arguments of hypercalls in the guest's memory, at linear addresses through the page tables of the vCPU that calls. Everything is copied once;
 * what is not mapped, or is no RAM, ends in -EFAULT.
 */
import { P2M_READ, P2M_WRITE } from '../../cpu/architecture/index.ts';
import { FRAME_BYTES } from './machine.ts';
import type { SecondStage } from './second-stage.ts';

const OFFSET_MASK = FRAME_BYTES - 1;

/** What it takes to reach a guest's memory. */
export interface AccessParts {
  /** Machine memory. */
  bytes: Uint8Array;
  stage: SecondStage;
  /**
   * Linear to guest-physical of the current vCPU, for a kernel's access; -1: not mapped (for writing). What is beyond the addresses of the vCPU's code
   * wraps around.
   */
  translate(linear: number, write: boolean): number;
  /** A machine frame was written: nothing decoded from it may be used again. */
  written(mfn: number): void;
  /** Makes memory of a guest frame that is populated on demand, or has it come that is away. */
  demand?(gfn: number): void;
}

export class GuestAccess {
  private readonly parts: AccessParts;

  constructor(parts: AccessParts) {
    this.parts = parts;
  }

  /** Guest-physical address of a linear one; -1: not mapped. */
  physical(linear: number, write = false): number {
    return this.parts.translate(linear, write);
  }

  /** Byte offset in machine memory of a linear address; -1: no memory there that may be read (written, with `write`). */
  machineOffset(linear: number, write: boolean): number {
    const physical = this.physical(linear, write);
    return physical < 0 ? -1 : this.physicalOffset(physical, write);
  }

  /** Byte offset in machine memory of a guest-physical address. */
  physicalOffset(physical: number, write: boolean): number {
    const { stage } = this.parts;
    const gfn = Math.floor(physical / FRAME_BYTES);
    if (stage.isToCome(gfn)) this.parts.demand?.(gfn);
    return stage.rights(gfn) & (write ? P2M_WRITE : P2M_READ) ? stage.offset(physical) : -1;
  }

  /** Copies from the guest; undefined: -EFAULT. */
  read(linear: number, length: number): Uint8Array<ArrayBuffer> | undefined {
    const into = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const offset = this.machineOffset(linear + at, false);
      if (offset < 0) return undefined;
      const count = Math.min(length - at, FRAME_BYTES - (offset & OFFSET_MASK));
      into.set(this.parts.bytes.subarray(offset, offset + count), at);
      at += count;
    }
    return into;
  }

  /** Copies to the guest; false: -EFAULT, and what lies before the hole is written. */
  write(linear: number, from: Uint8Array): boolean {
    for (let at = 0; at < from.length; ) {
      const offset = this.machineOffset(linear + at, true);
      if (offset < 0) return false;
      const count = Math.min(from.length - at, FRAME_BYTES - (offset & OFFSET_MASK));
      this.parts.bytes.set(from.subarray(at, at + count), offset);
      this.parts.written(Math.floor(offset / FRAME_BYTES));
      at += count;
    }
    return true;
  }

  /** Copies a structure. */
  view(linear: number, length: number): DataView | undefined {
    const bytes = this.read(linear, length);
    return bytes && new DataView(bytes.buffer);
  }

  /** Writes a structure, or its first `length` bytes from `from` on, back to where it came from. */
  put(linear: number, view: DataView, from = 0, length = view.byteLength - from): boolean {
    return this.write(linear + from, new Uint8Array(view.buffer, view.byteOffset + from, length));
  }

  readWord(linear: number): number | undefined {
    return this.view(linear, 4)?.getUint32(0, true);
  }

  writeWord(linear: number, value: number): boolean {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, value >>> 0, true);
    return this.put(linear, view);
  }
}
