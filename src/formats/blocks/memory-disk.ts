/** Devices in memory, and what a function reads. */
import { type BlockDevice, ImmediateDevice } from './block-device.ts';

/** Bytes in memory: for tests and small images. The array is the disk: writes change it, and past its end are zeros. */
export class MemoryDisk extends ImmediateDevice {
  readonly data: Uint8Array;

  constructor(data: Uint8Array, { sectorBytes, readOnly }: { sectorBytes?: number; readOnly?: boolean } = {}) {
    super({ sectorBytes, readOnly, discards: false });
    this.data = data;
  }

  get bytes(): number {
    return this.data.length;
  }

  read(at: number, into: Uint8Array): void {
    const part = this.data.subarray(at, at + into.length);
    into.set(part);
    into.fill(0, part.length);
  }

  override write(at: number, from: Uint8Array): void {
    this.data.set(from.subarray(0, Math.max(0, this.data.length - at)), Math.min(at, this.data.length));
  }
}

class ReadDevice extends ImmediateDevice {
  readonly bytes: number;
  private readonly from: (at: number, into: Uint8Array) => void;

  constructor(bytes: number, from: (at: number, into: Uint8Array) => void) {
    super({ readOnly: true });
    this.bytes = bytes;
    this.from = from;
  }

  read(at: number, into: Uint8Array): void {
    this.from(at, into);
  }
}

/** What a function reads, and nobody writes. */
export const deviceOf = (bytes: number, read: (at: number, into: Uint8Array) => void): BlockDevice =>
  new ReadDevice(bytes, read);
