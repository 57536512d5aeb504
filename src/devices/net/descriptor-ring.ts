/**
 * Descriptors of the Am79C970A in guest memory, in the three layouts that SWSTYLE (BCR20) chooses.
 * Source: Am79C970A datasheet, publication 19436, "Receive Descriptors" and "Transmit Descriptors".
 *
 * | style | bytes | +0 | +4 | +8 |
 * | 0 | 8 | address 15-0, address 23-16 and flags | byte count, status | |
 * | 1, 2 | 16 | address | byte count and flags | status |
 * | 3 | 16 | status | byte count and flags | address |
 */
import type { Dma } from '../bus.ts';

/** A byte count is the two's complement of a length, in 12 bits: 0 represents 4096. */
const COUNT_MASK = 0xfff;

export class Descriptor {
  /** Guest-physical address of the descriptor, and of its buffer. */
  at = 0;
  buffer = 0;
  /** Bytes of the buffer, 1 to 4096. */
  length = 0;
  /** Upper half of RMD1 or TMD1. */
  flags = 0;
}

/** How descriptors are laid out; `upper` are address bits 31-24 of the 16-bit form, which has no room for them (CSR2, bits 15-8). */
export class DescriptorLayout {
  style = 0;
  upper = 0;
  private readonly dma: Dma;
  private readonly bytes = new Uint8Array(16);
  private readonly half = this.bytes.subarray(0, 8);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly out = new Uint8Array(4);

  constructor(dma: Dma) {
    this.dma = dma;
  }

  /** SSIZE32: software structures are 32 bits wide. */
  get wide(): boolean {
    return this.style >= 1 && this.style <= 3;
  }

  get size(): number {
    return this.wide ? 16 : 8;
  }

  fetch(at: number, into: Descriptor): void {
    const { view } = this;
    this.dma.read(at, this.wide ? this.bytes : this.half);
    into.at = at;
    if (this.wide) {
      into.buffer = view.getUint32(this.style === 3 ? 8 : 0, true);
      into.flags = view.getUint16(6, true);
    } else {
      into.buffer = ((view.getUint32(0, true) & 0xffffff) | (this.upper << 24)) >>> 0;
      into.flags = view.getUint8(3) << 8;
    }
    into.length = 0x1000 - (view.getUint16(4, true) & COUNT_MASK);
  }

  /** Flags last: with OWN clear the descriptor is the driver's. `status` is RMD2 or TMD2; the 16-bit form takes 16 bits of it (`status16`). */
  close(at: number, flags: number, status: number, status16: number): void {
    this.put(at + (!this.wide ? 6 : this.style === 3 ? 0 : 8), this.wide ? status : status16, this.wide ? 4 : 2);
    this.release(at, flags);
  }

  release(at: number, flags: number): void {
    if (this.wide) this.put(at + 6, flags, 2);
    else this.put(at + 3, flags >> 8, 1);
  }

  private put(at: number, value: number, size: number): void {
    const out = size === 4 ? this.out : this.out.subarray(0, size);
    for (let i = 0; i < size; i++) out[i] = value >>> (8 * i);
    this.dma.write(at >>> 0, out);
  }
}
