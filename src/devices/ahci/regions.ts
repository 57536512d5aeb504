/** The regions of memory that a command's data go to or come from (AHCI 1.3.1, 4.2.3.3). */
import type { FunctionDma } from '../pci/function-dma.ts';
import { REGION_BYTES } from './registers.ts';

interface Region {
  address: number;
  length: number;
}

export class Regions {
  /** In all. */
  readonly bytes: number;
  private readonly dma: FunctionDma;
  private readonly list: Region[] = [];

  /** Reads `count` descriptors at `at`. */
  constructor(dma: FunctionDma, at: number, count: number) {
    this.dma = dma;
    const table = new Uint8Array(count * REGION_BYTES);
    dma.read(at, table);
    const view = new DataView(table.buffer);
    let bytes = 0;
    for (let entry = 0; entry < table.length; entry += REGION_BYTES) {
      const address = (view.getUint32(entry, true) & ~1) >>> 0,
        length = (view.getUint32(entry + 12, true) & 0x3fffff) + 1;
      this.list.push({ address, length });
      bytes += length;
    }
    this.bytes = bytes;
  }

  private pieces(bytes: number): Region[] {
    const found: Region[] = [];
    let left = bytes;
    for (const { address, length } of this.list) {
      if (left === 0) break;
      const count = Math.min(left, length);
      found.push({ address, length: count });
      left -= count;
    }
    return found;
  }

  /** The first bytes in place (`Dma.views`); null: not all of that is memory which the adapter may reach, and a copy has to be moved. */
  views(bytes: number, forWriting: boolean): Uint8Array[] | null {
    const { dma } = this;
    const views: Uint8Array[] = [];
    for (const { address, length } of this.pieces(bytes)) {
      const its = dma.views(address, length, forWriting);
      if (!its) return null;
      views.push(...its);
    }
    return views;
  }

  put(from: Uint8Array): void {
    let at = 0;
    for (const { address, length } of this.pieces(from.length)) {
      this.dma.write(address, from.subarray(at, at + length));
      at += length;
    }
  }

  take(into: Uint8Array): void {
    let at = 0;
    for (const { address, length } of this.pieces(into.length)) {
      this.dma.read(address, into.subarray(at, at + length));
      at += length;
    }
  }
}
