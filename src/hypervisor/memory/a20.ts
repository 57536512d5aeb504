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
  /** While it is closed: the entries of each range as they are with an open gate. */
  private open: Int32Array[] | null = null;

  /** `ranges`: where RAM lies, each from an even MiB on; what lies elsewhere has even addresses only. */
  constructor(stage: SecondStage, ranges: readonly FrameRange[], onChange: (open: boolean) => void) {
    this.stage = stage;
    this.ranges = ranges;
    this.onChange = onChange;
  }

  readonly set = (open: boolean): void => {
    const { ranges } = this,
      { words } = this.stage;
    if (open === (this.open === null)) return;
    const { open: kept } = this;
    if (kept) {
      ranges.forEach(([first, end], i) => {
        for (const gfn of oddMibs(first, end)) words.set(kept[i]!.subarray(gfn - first, gfn - first + MIB_FRAMES), gfn);
      });
      this.open = null;
    } else {
      this.open = ranges.map(([first, end]) => words.slice(first, end));
      for (const [first, end] of ranges)
        for (const gfn of oddMibs(first, end)) words.copyWithin(gfn, gfn - MIB_FRAMES, Math.min(gfn, end - MIB_FRAMES));
    }
    this.onChange(open);
  };

  /** The range of RAM in which a guest frame lies; -1: it lies in none. */
  private rangeOf(gfn: number): number {
    return this.ranges.findIndex(([first, end]) => gfn >= first && gfn < end);
  }

  /** Guest frame whose memory is seen at another. */
  shown(gfn: number): number {
    return this.open && this.rangeOf(gfn) >= 0 ? gfn & ~MIB_FRAMES : gfn;
  }

  /** A guest frame has got memory: it is seen wherever the gate shows it. */
  populated(gfn: number): void {
    const above = gfn | MIB_FRAMES;
    if (this.open && this.rangeOf(above) >= 0) this.stage.put(above, this.stage.entry(gfn));
  }

  /** Entry of the second stage at a guest frame, whatever the gate shows there. */
  entry(gfn: number): number {
    const range = this.open && gfn & MIB_FRAMES ? this.rangeOf(gfn) : -1;
    return range < 0 ? this.stage.entry(gfn) : this.open![range]![gfn - this.ranges[range]![0]]!;
  }
}

/** The first frame of each odd MiB. */
function* oddMibs(first: number, end: number): Generator<number> {
  for (let gfn = first + MIB_FRAMES; gfn < end; gfn += 2 * MIB_FRAMES) yield gfn;
}
