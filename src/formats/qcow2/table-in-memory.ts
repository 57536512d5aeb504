/** Tables of an image in memory: L1, L2, those of reference counts. Source: QEMU's docs/interop/qcow2.txt. */
import type { BlockDevice } from '../blocks/index.ts';
import { ENTRY_BYTES, SECTOR_BYTES, TWO_32, viewOf } from './header.ts';

/** Bits 9 to 55 of an entry are an offset; those of its upper half. */
const OFFSET_HIGH = 0x00ffffff,
  OFFSET_LOW = ~0x1ff;
/** In the upper half of an entry of L1 or L2: what it names has one reference, this one. */
export const COPIED = 0x80000000;

/** An entry in two halves. */
export interface Entry {
  high: number;
  low: number;
}
export const NO_ENTRY: Entry = { high: 0, low: 0 };

export const offsetOf = ({ high, low }: Entry): number => (high & OFFSET_HIGH) * TWO_32 + ((low & OFFSET_LOW) >>> 0);
export const entryAt = (at: number): Entry => ({ high: Math.floor(at / TWO_32), low: at % TWO_32 });
/** What is there, with that reference alone. */
export function copiedAt(at: number): Entry {
  const { high, low } = entryAt(at);
  return { high: (COPIED | high) >>> 0, low };
}

/** Of a block of reference counts of this many bits each; those of less than a byte begin at its lowest bit. */
export function countIn(view: DataView, index: number, bits: number): number {
  const first = Math.floor((index * bits) / 8);
  if (bits < 8) return (view.getUint8(first) >>> ((index * bits) % 8)) & (2 ** bits - 1);
  let count = 0;
  for (let i = 0; i < bits / 8; i++) count = count * 256 + view.getUint8(first + i);
  return count;
}

/** A table that is written as a whole or by the sectors that changed: a power cut leaves each of them as it was or as it is to be. */
export class Table {
  /** Where it lies in the file. */
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly changed = new Set<number>();

  constructor(at: number, bytes: Uint8Array) {
    this.at = at;
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  /** Of a file, in whole sectors; behind the file's end are zeros. */
  static read(file: BlockDevice, at: number, bytes: number): Table {
    const into = new Uint8Array(Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES);
    const there = Math.max(0, Math.min(into.length, file.bytes - at));
    if (there > 0) file.read(at, into.subarray(0, there));
    return new Table(at, into);
  }

  get isChanged(): boolean {
    return this.changed.size > 0;
  }

  entry(index: number): Entry {
    const at = index * ENTRY_BYTES;
    return { high: this.view.getUint32(at), low: this.view.getUint32(at + 4) };
  }

  setEntry(index: number, { high, low }: Entry): void {
    const at = index * ENTRY_BYTES;
    this.view.setUint32(at, high);
    this.view.setUint32(at + 4, low);
    this.noteAt(at);
  }

  setCount(index: number, bits: number, count: number): void {
    const at = Math.floor((index * bits) / 8);
    if (bits < 8) {
      const shift = (index * bits) % 8;
      const others = this.view.getUint8(at) & ~((2 ** bits - 1) << shift);
      this.view.setUint8(at, others | (count << shift));
    } else
      for (let i = bits / 8 - 1, rest = count; i >= 0; i--, rest = Math.floor(rest / 256))
        this.view.setUint8(at + i, rest % 256);
    this.noteAt(at);
  }

  /** A byte of it has changed. */
  noteAt(at: number): void {
    this.changed.add(Math.floor(at / SECTOR_BYTES));
  }

  noteAll(): void {
    for (let at = 0; at < this.bytes.length; at += SECTOR_BYTES) this.noteAt(at);
  }

  /** Sectors that changed, each run of them at once. What could not be written has changed still. @throws what `file` throws */
  writeTo(file: BlockDevice): void {
    const sectors = [...this.changed].sort((one, other) => one - other);
    for (let i = 0; i < sectors.length; ) {
      const first = sectors[i];
      let count = 1;
      while (sectors[i + count] === first + count) count++;
      const from = first * SECTOR_BYTES;
      file.write(this.at + from, this.bytes.subarray(from, from + count * SECTOR_BYTES));
      for (let sector = first; sector < first + count; sector++) this.changed.delete(sector);
      i += count;
    }
  }
}
