/**
 * The A20 gate: while it is closed bit 20 of the processor's addresses is 0, so every odd MiB shows the even one below it, as on the first PC/AT.
 * Source: Intel SDM vol. 3, 21.33.1 (segment wraparound, A20M#). Devices' own accesses to memory (DMA) do not pass the gate on a board; here they do.
 */

const MIB_FRAMES = 0x100;

import type { SecondStage } from './second-stage.ts';

export class A20Gate {
  private readonly stage: SecondStage;
  private readonly ramFrames: number;
  /** Translations are stale. */
  private readonly onChange: (open: boolean) => void;
  /** While it is closed: the entries as they are with an open gate. */
  private open: Int32Array | null = null;

  /** `ramFrames`: how far RAM reaches; what lies above has even addresses only. */
  constructor(stage: SecondStage, ramFrames: number, onChange: (open: boolean) => void) {
    this.stage = stage;
    this.ramFrames = ramFrames;
    this.onChange = onChange;
  }

  readonly set = (open: boolean): void => {
    const { ramFrames } = this,
      { words } = this.stage;
    if (open === (this.open === null)) return;
    if (this.open) {
      for (let gfn = MIB_FRAMES; gfn < ramFrames; gfn += 2 * MIB_FRAMES)
        words.set(this.open.subarray(gfn, gfn + MIB_FRAMES), gfn);
      this.open = null;
    } else {
      this.open = words.slice(0, ramFrames);
      for (let gfn = MIB_FRAMES; gfn < ramFrames; gfn += 2 * MIB_FRAMES)
        words.copyWithin(gfn, gfn - MIB_FRAMES, Math.min(gfn, ramFrames - MIB_FRAMES));
    }
    this.onChange(open);
  };

  /** Guest frame whose memory is seen at another. */
  shown(gfn: number): number {
    return this.open && gfn < this.ramFrames ? gfn & ~MIB_FRAMES : gfn;
  }

  /** A guest frame has got memory: it is seen wherever the gate shows it. */
  populated(gfn: number): void {
    const above = gfn | MIB_FRAMES;
    if (this.open && above < this.ramFrames) this.stage.put(above, this.stage.entry(gfn));
  }

  /** Entry of the second stage at a guest frame, whatever the gate shows there. */
  entry(gfn: number): number {
    return (gfn & MIB_FRAMES ? this.open?.[gfn] : undefined) ?? this.stage.entry(gfn);
  }
}
