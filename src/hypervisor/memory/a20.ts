/**
 * The A20 gate: while it is closed bit 20 of the processor's addresses is 0, so every odd MiB shows the even one below it, as on the first PC/AT.
 * Source: Intel SDM vol. 3, 21.33.1 (segment wraparound, A20M#). Devices' own accesses to memory (DMA) do not pass the gate on a board; here they do.
 */
import type { FrameRange } from '../layout/ram-layout.ts';
import type { SecondStage } from './second-stage.ts';

const MIB_FRAMES = 0x100;

export class A20Gate {
  private readonly stage: SecondStage;
  private readonly ranges: readonly FrameRange[];
  /** Translations are stale. */
  private readonly onChange: (open: boolean) => void;
  /** While it is closed: by the first frame of each odd MiB of RAM, its entries as they are with an open gate. */
  private hidden: Map<number, Int32Array> | null = null;

  /** `ranges`: where RAM lies, each from an even MiB on; what lies elsewhere has even addresses only. */
  constructor(stage: SecondStage, ranges: readonly FrameRange[], onChange: (open: boolean) => void) {
    this.stage = stage;
    this.ranges = ranges;
    this.onChange = onChange;
  }

  readonly set = (open: boolean): void => {
    const { words } = this.stage,
      { hidden } = this;
    if (open === (hidden === null)) return;
    if (hidden) {
      for (const [gfn, entries] of hidden) words.set(entries, gfn);
      this.hidden = null;
    } else {
      this.hidden = new Map();
      for (const [first, end] of this.ranges)
        for (let gfn = first + MIB_FRAMES; gfn < end; gfn += 2 * MIB_FRAMES) {
          const entries = words.slice(gfn, Math.min(gfn + MIB_FRAMES, end));
          this.hidden.set(gfn, entries);
          words.copyWithin(gfn, gfn - MIB_FRAMES, gfn - MIB_FRAMES + entries.length);
        }
    }
    this.onChange(open);
  };

  /** The entry that the gate hides at a guest frame; undefined: it hides none. */
  private hiddenAt(gfn: number): number | undefined {
    return this.hidden?.get(gfn & -MIB_FRAMES)?.[gfn & (MIB_FRAMES - 1)];
  }

  /** Guest frame whose memory is seen at another. */
  shown(gfn: number): number {
    return this.hiddenAt(gfn) === undefined ? gfn : gfn & ~MIB_FRAMES;
  }

  /** A guest frame has got memory: it is seen wherever the gate shows it. */
  populated(gfn: number): void {
    const above = gfn | MIB_FRAMES;
    if (this.hiddenAt(above) !== undefined) this.stage.put(above, this.stage.entry(gfn));
  }

  /** Entry of the second stage at a guest frame, whatever the gate shows there. */
  entry(gfn: number): number {
    return this.hiddenAt(gfn) ?? this.stage.entry(gfn);
  }
}
