/**
 * What a loader wants in the guest's memory, checked as a whole before a byte of it is written.
 */
import { LoadError } from '../../formats/elf/index.ts';

export { LoadError };

/** Guest-physical memory as a loader fills it. */
export interface GuestMemory {
  write(gpa: number, bytes: Uint8Array): void;
  fill(gpa: number, length: number, value: number): void;
}

/** One entry of the memory map; `type` as INT 15h, AX=E820h gives it (1: RAM). */
export interface E820Entry {
  base: number;
  length: number;
  type: number;
}

/** A file that the user named, for messages. */
export interface LoadedFile {
  name: string;
  data: Uint8Array;
}

interface Piece {
  address: number;
  bytes: Uint8Array;
  /** Bytes in memory; zeros behind `bytes`. */
  length: number;
}

const MIB = 1 << 20;
const RAM = 1;
const ADDRESS_LIMIT = 2 ** 32;

export class Plan {
  readonly memoryMiB: number;
  private readonly ram: { start: number; end: number }[] = [];
  private readonly pieces: Piece[] = [];

  constructor(e820: readonly E820Entry[], memoryMiB: number) {
    this.memoryMiB = memoryMiB;
    const entries = e820
      .filter(entry => entry.type === RAM && entry.base < ADDRESS_LIMIT)
      .sort((a, b) => a.base - b.base);
    for (const { base, length } of entries) {
      const end = Math.min(base + length, ADDRESS_LIMIT);
      const last = this.ram.at(-1);
      if (last && base <= last.end) last.end = Math.max(last.end, end);
      else this.ram.push({ start: base, end });
    }
  }

  /** End of the RAM that starts at or before `address` and holds it; `address` itself where there is none. */
  ramEnd(address: number): number {
    return this.ram.find(region => region.start <= address && address < region.end)?.end ?? address;
  }

  isRam(address: number, length: number): boolean {
    return this.ramEnd(address) >= address + length;
  }

  /** Where the pieces in [from, below) end, `from` when there is none. */
  usedEnd(from: number, below = ADDRESS_LIMIT): number {
    return this.pieces.reduce(
      (end, piece) => (piece.address < below ? Math.max(end, piece.address + piece.length) : end),
      from,
    );
  }

  /** Bytes at a fixed address, zeros behind them up to `length`. */
  put(address: number, bytes: Uint8Array, length = bytes.length): void {
    this.pieces.push({ address, bytes, length });
  }

  /** Room for `length` bytes in RAM in [from, below), lowest first; -1 when there is none. Nothing is taken yet. */
  find(length: number, align: number, from: number, below: number): number {
    for (const region of this.ram) {
      let address = roundUp(Math.max(region.start, from), align);
      for (;;) {
        if (address + length > Math.min(region.end, below)) break;
        const hit = this.pieces.find(
          piece => piece.address < address + length && address < piece.address + piece.length,
        );
        if (!hit) return address;
        address = roundUp(hit.address + hit.length, align);
      }
    }
    return -1;
  }

  /** Puts small structures: in low memory from 64 KiB on, where kernels expect a loader's data, else behind what is there. */
  place(bytes: Uint8Array, align: number, from = 0x10000): number {
    let address = this.find(bytes.length, align, from, 0xa0000);
    if (address < 0) address = this.find(bytes.length, align, MIB, ADDRESS_LIMIT);
    if (address < 0)
      throw new LoadError(
        `The guest's ${this.memoryMiB} MiB of memory leave no room for the kernel's start information; give it more.`,
      );
    this.put(address, bytes);
    return address;
  }

  /** Puts a ramdisk or module page-aligned at or above `from`. */
  placeModule(file: LoadedFile, from: number): number {
    const address = this.find(file.data.length, 0x1000, from, ADDRESS_LIMIT);
    if (address < 0) throw this.tooLarge(file, this.ramEnd(from) - from, from);
    this.put(address, file.data);
    return address;
  }

  /** For a file of which only `free` bytes find room, above the kernel that ends at `kernelEnd`. */
  tooLarge(file: LoadedFile, free: number, kernelEnd: number): LoadError {
    const missing = roundUp(file.data.length, 0x1000) - free;
    const enough = Math.max(this.memoryMiB + Math.ceil(missing / MIB), Math.ceil((kernelEnd + file.data.length) / MIB));
    return new LoadError(
      `${file.name} (${size(file.data.length)}) does not fit: of the guest's ${this.memoryMiB} MiB of memory ${size(Math.max(0, free))} are free above the ` +
        `kernel. Write memory = ${enough} or more.`,
    );
  }

  commit(memory: GuestMemory): void {
    for (const { address, bytes, length } of this.pieces) {
      if (bytes.length > 0) memory.write(address, bytes);
      if (length > bytes.length) memory.fill(address + bytes.length, length - bytes.length, 0);
    }
  }
}

export function roundUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

/** A size for a message: "96 KiB", "2.5 MiB", "40 MiB". */
export function size(bytes: number): string {
  const mib = bytes / MIB;
  if (mib < 1) return `${Math.ceil(bytes / 1024)} KiB`;
  return `${mib < 10 ? mib.toFixed(1) : Math.ceil(mib)} MiB`;
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A zero-terminated string. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}
