/** A processor's controls as the guest's interface needs them, with what somebody chose to exit besides (view/exit-controls.ts). */
import type { Processor } from '../../cpu/architecture/index.ts';
import { type ExitControls, publishExitControls, USUAL_EXIT_CONTROLS } from '../view/exit-controls.ts';

/** Bytes of an MSR bitmap (SDM vol. 3C, 25.6.9): reads of 0-1FFF, reads of C0000000-C0001FFF, then writes. */
const MSR_BITMAP_BYTES = 4096,
  HIGH_MSRS = 1024,
  WRITES = 2048;

/** An MSR bitmap, or none, with the exits of these besides. */
export function withMsrs(
  known: Uint8Array | null,
  reads: readonly number[],
  writes: readonly number[],
): Uint8Array | null {
  if (reads.length + writes.length === 0) return known;
  const bitmap = new Uint8Array(MSR_BITMAP_BYTES);
  if (known) bitmap.set(known);
  const set = (index: number, at: number): void => {
    const bit = index & 0x1fff;
    bitmap[at + (index >>> 0 >= 0xc0000000 ? HIGH_MSRS : 0) + (bit >>> 3)] |= 1 << (bit & 7);
  };
  for (const index of reads) set(index, 0);
  for (const index of writes) set(index, WRITES);
  return bitmap;
}

export class ChosenExits {
  chosen = USUAL_EXIT_CONTROLS;
  private readonly controls: Processor['controls'];
  private readonly counters: Int32Array;
  /** As the guest's interface, and who keeps its shadow page tables, have set them. */
  private readonly needed: Readonly<Processor['controls']>;

  constructor({ controls }: Processor, counters: Int32Array) {
    this.controls = controls;
    this.counters = counters;
    this.needed = { ...controls };
  }

  /** From the next instruction on: an instruction that may exit asks its control each time. */
  choose(chosen: ExitControls): void {
    this.chosen = chosen;
    const { controls, needed } = this;
    controls.invlpg = needed.invlpg || chosen.invlpg;
    controls.rdtsc = chosen.rdtsc;
    controls.cr3Load = needed.cr3Load || chosen['cr3-load'];
    controls.cr3Store = chosen['cr3-store'];
    controls.pause = needed.pause && chosen.pause;
    controls.pauseLoop = chosen['pause-loop'] ? { gap: chosen['ple-gap'], window: chosen['ple-window'] } : null;
    controls.exceptionBitmap = needed.exceptionBitmap | chosen.exceptions;
    controls.msrBitmap = withMsrs(needed.msrBitmap, chosen.msrReads, chosen.msrWrites);
    publishExitControls(this.counters, chosen);
  }

  /** Only somebody's choice made this MSR exit. */
  isMsrChosen(index: number, write: boolean): boolean {
    return (write ? this.chosen.msrWrites : this.chosen.msrReads).includes(index >>> 0);
  }
}
