/** A processor's controls as the guest's interface needs them, with what somebody chose to exit besides (view/exit-controls.ts). */
import type { Processor } from '../../cpu/architecture/index.ts';
import { type ExitControls, publishExitControls, USUAL_EXIT_CONTROLS } from '../view/exit-controls.ts';

/** Bytes of an MSR bitmap (SDM vol. 3C, 25.6.9): reads of 0-1FFF, reads of C0000000-C0001FFF, then writes. */
const MSR_BITMAP_BYTES = 4096,
  HIGH_MSRS = 1024,
  WRITES = 2048;

export class ChosenExits {
  chosen = USUAL_EXIT_CONTROLS;
  private readonly controls: Processor['controls'];
  private readonly counters: Int32Array;
  /** What the interface needs. */
  private readonly exceptionBitmap: number;
  private readonly msrBitmap: Uint8Array | null;
  private readonly pause: boolean;
  private readonly invlpg: boolean;
  private readonly cr3Load: boolean;

  /** The guest's interface, and who keeps its shadow page tables, have set what they need. */
  constructor({ controls }: Processor, counters: Int32Array) {
    this.controls = controls;
    this.counters = counters;
    this.exceptionBitmap = controls.exceptionBitmap;
    this.msrBitmap = controls.msrBitmap;
    this.pause = controls.pause;
    this.invlpg = controls.invlpg;
    this.cr3Load = controls.cr3Load;
  }

  /** From the next instruction on: whoever executes one that may exit asks its control each time. */
  choose(chosen: ExitControls): void {
    this.chosen = chosen;
    const { controls, exceptionBitmap, invlpg, cr3Load } = this;
    controls.invlpg = invlpg || chosen.invlpg;
    controls.rdtsc = chosen.rdtsc;
    controls.cr3Load = cr3Load || chosen['cr3-load'];
    controls.cr3Store = chosen['cr3-store'];
    controls.pause = chosen.pause && this.pause;
    controls.pauseLoop = chosen['pause-loop'] ? { gap: chosen['ple-gap'], window: chosen['ple-window'] } : null;
    controls.exceptionBitmap = exceptionBitmap | chosen.exceptions;
    controls.msrBitmap = this.bitmapOf(chosen);
    publishExitControls(this.counters, chosen);
  }

  private bitmapOf({ msrReads, msrWrites }: ExitControls): Uint8Array | null {
    if (msrReads.length + msrWrites.length === 0) return this.msrBitmap;
    const bitmap = new Uint8Array(MSR_BITMAP_BYTES);
    if (this.msrBitmap) bitmap.set(this.msrBitmap);
    const set = (index: number, at: number): void => {
      const bit = index & 0x1fff;
      bitmap[at + (index >>> 0 >= 0xc0000000 ? HIGH_MSRS : 0) + (bit >>> 3)] |= 1 << (bit & 7);
    };
    for (const index of msrReads) set(index, 0);
    for (const index of msrWrites) set(index, WRITES);
    return bitmap;
  }

  /** Only somebody's choice made this MSR exit. */
  isMsrChosen(index: number, write: boolean): boolean {
    return (write ? this.chosen.msrWrites : this.chosen.msrReads).includes(index >>> 0);
  }
}
