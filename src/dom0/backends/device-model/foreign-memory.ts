/**
 * A guest's memory as Domain 0's device model reaches it: each frame is mapped for as long as it is used, so that a guest may give it away at any time.
 * What is written may be code: its processor hears of it.
 */
import type { Dma } from '../../../devices/index.ts';
import { FRAME_BYTES, FRAME_SHIFT, HostError } from '../../../hypervisor/memory/index.ts';
import type { Dom0, Mapping } from '../../../hypervisor/interfaces/xen/index.ts';

const OFFSET_MASK = FRAME_BYTES - 1;

export class ForeignMemory implements Dma {
  private readonly dom0: Dom0;
  private readonly domid: number;

  constructor(dom0: Dom0, domid: number) {
    this.dom0 = dom0;
    this.domid = domid;
  }

  /** Bytes outside RAM read as 0xFF. */
  read(address: number, into: Uint8Array): void {
    this.forEachFrame(address, into.length, false, (page, offset, from, count) => {
      if (page) into.set(page.bytes.subarray(offset, offset + count), from);
      else into.fill(0xff, from, from + count);
    });
  }

  /** Bytes outside RAM, and into a ROM, are dropped. */
  write(address: number, from: Uint8Array): void {
    this.forEachFrame(address, from.length, true, (page, offset, start, count) => {
      if (!page) return;
      page.bytes.set(from.subarray(start, start + count), offset);
      page.written();
    });
  }

  private forEachFrame(
    address: number,
    length: number,
    write: boolean,
    visit: (page: Mapping | undefined, offset: number, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < length; ) {
      const offset = (address + at) & OFFSET_MASK;
      const count = Math.min(length - at, FRAME_BYTES - offset);
      const page = this.map(Math.floor((address + at) / 2 ** FRAME_SHIFT), write);
      visit(page, offset, at, count);
      page?.unmap();
      at += count;
    }
  }

  private map(gfn: number, write: boolean): Mapping | undefined {
    if (write && !this.dom0.mayWrite(this.domid, gfn)) return undefined;
    try {
      return this.dom0.mapForeign(this.domid, gfn);
    } catch (error) {
      if (error instanceof HostError) return undefined;
      throw error;
    }
  }
}
