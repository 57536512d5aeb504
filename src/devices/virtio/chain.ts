/** What a driver offers by one chain of descriptors: pieces of memory that the device reads, and others that it writes. */
import type { Dma } from '../bus.ts';

/** Bytes that lie in pieces, in their order. */
export class Pieces {
  private readonly dma: Dma;
  private readonly list: { address: number; length: number }[] = [];
  bytes = 0;

  get places(): readonly { address: number; length: number }[] {
    return this.list;
  }

  constructor(dma: Dma) {
    this.dma = dma;
  }

  add(address: number, length: number): void {
    this.list.push({ address, length });
    this.bytes += length;
  }

  /** Fills `into` from byte `at` on; what lies behind the end stays as it is. */
  read(at: number, into: Uint8Array): void {
    this.visit(at, into.length, (address, from, count) => this.dma.read(address, into.subarray(from, from + count)));
  }

  /** Writes from byte `at` on; what has no room is lost. */
  write(at: number, from: Uint8Array): void {
    this.visit(at, from.length, (address, start, count) =>
      this.dma.write(address, from.subarray(start, start + count)),
    );
  }

  /** This many bytes from byte `at` on in place, as `Dma.views` has them. */
  views(at: number, length: number, forWriting: boolean): Uint8Array[] | null {
    const all: Uint8Array[] = [];
    let found = 0;
    this.visit(at, length, (address, _from, count) => {
      const its = this.dma.views?.(address, count, forWriting);
      if (!its) return;
      found += count;
      all.push(...its);
    });
    return found === length ? all : null;
  }

  private visit(at: number, length: number, move: (address: number, from: number, count: number) => void): void {
    let before = 0,
      done = 0;
    for (const piece of this.list) {
      const within = at + done - before;
      before += piece.length;
      if (within >= piece.length) continue;
      const count = Math.min(length - done, piece.length - within);
      move(piece.address + within, done, count);
      done += count;
      if (done === length) return;
    }
  }
}

export interface Chain {
  /** Index of the first descriptor, by which it is given back. */
  head: number;
  /** Where the driver's ring names it. */
  place: number;
  readable: Pieces;
  writable: Pieces;
}
