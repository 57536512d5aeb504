/**
 * A domain's RAM at its guest-physical addresses, for those who are not its processor: loaders, device DMA, save and restore.
 * Every write here drops what the processor has translated from that frame.
 */
import { P2M_WRITE } from '../../cpu/architecture/index.ts';
import type { Dma } from '../../devices/index.ts';
import { FRAME_BYTES, FRAME_SHIFT } from './machine.ts';
import type { SecondStage } from './second-stage.ts';

/** Frames that may be closed and are no ROM: from 1 MiB to the flash. */
const LOW_END = 0x100,
  ROM_START = 0xfffc0;
const OFFSET_MASK = FRAME_BYTES - 1;

/** Of an entry of the second stage: not a ROM. The frame buffer is closed to the processor only, to see what it writes. */
export function isWritableRam(entry: number, gfn: number): boolean {
  return (entry & P2M_WRITE) !== 0 || (gfn >= LOW_END && gfn < ROM_START);
}

export class GuestMemory implements Dma {
  private readonly bytes: Uint8Array;
  private readonly stage: SecondStage;
  /** Called with each frame that was written. */
  onWrite: (mfn: number) => void = () => {};
  /** Makes memory of a guest frame that is populated on demand, or has it come that is away. */
  onDemand: (gfn: number) => void = () => {};

  constructor(bytes: Uint8Array, stage: SecondStage) {
    this.bytes = bytes;
    this.stage = stage;
  }

  /** Byte offset in machine memory; -1 where no memory lies. */
  machineOffset(address: number): number {
    return this.stage.offset(address);
  }

  private writable(address: number): boolean {
    const gfn = Math.floor(address / FRAME_BYTES);
    return isWritableRam(this.stage.entry(gfn), gfn);
  }

  /** Bytes outside RAM read as 0xFF. */
  read(address: number, into: Uint8Array): void {
    this.forEachFrame(address, into.length, (offset, from, count) => {
      if (offset < 0) into.fill(0xff, from, from + count);
      else into.set(this.bytes.subarray(offset, offset + count), from);
    });
  }

  /** Bytes outside RAM are dropped. */
  write(address: number, from: Uint8Array): void {
    this.forEachFrame(address, from.length, (offset, start, count) => {
      if (offset < 0 || !this.writable(address + start)) return;
      this.bytes.set(from.subarray(start, start + count), offset);
      this.onWrite(offset >>> FRAME_SHIFT);
    });
  }

  /** Bytes outside RAM are dropped. */
  fill(address: number, length: number, value: number): void {
    const page = new Uint8Array(Math.min(length, FRAME_BYTES)).fill(value);
    this.forEachFrame(address, length, (offset, start, count) => {
      if (offset < 0 || !this.writable(address + start)) return;
      this.bytes.set(count === page.length ? page : page.subarray(0, count), offset);
      this.onWrite(offset >>> FRAME_SHIFT);
    });
  }

  /** Frames that lie side by side in the machine are one piece. Those for writing count as written from now on. */
  views(address: number, length: number, forWriting: boolean): Uint8Array[] | null {
    const pieces: Uint8Array[] = [];
    let isRam = true,
      first = 0,
      end = 0;
    const put = (): void => void (end > first && pieces.push(this.bytes.subarray(first, end)));
    this.forEachFrame(address, length, (offset, at, count) => {
      isRam &&= offset >= 0 && (!forWriting || this.writable(address + at));
      if (!isRam) return;
      if (forWriting) this.onWrite(offset >>> FRAME_SHIFT);
      if (offset !== end) {
        put();
        first = offset;
      }
      end = offset + count;
    });
    if (!isRam) return null;
    put();
    return pieces;
  }

  private forEachFrame(
    address: number,
    length: number,
    visit: (machineOffset: number, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < length; ) {
      const count = Math.min(length - at, FRAME_BYTES - ((address + at) & OFFSET_MASK));
      const gfn = Math.floor((address + at) / FRAME_BYTES);
      if (this.stage.isToCome(gfn)) this.onDemand(gfn);
      visit(this.machineOffset(address + at), at, count);
      at += count;
    }
  }
}
