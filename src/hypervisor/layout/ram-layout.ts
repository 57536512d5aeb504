/**
 * Where the RAM of a guest lies: from 0 up to the PCI hole, and what the hole leaves no room for from 4 GiB on. Everything that counts a domain's frames of RAM
 * one by one (the builder, populate on demand, saved states) gets its guest frames here. Source: lowmem_end and highmem_end of libxl__build_hvm
 * (tools/libs/light/libxl_dom.c), from which the domain builder takes its ranges of memory.
 */

/** RAM that a guest has or is to have: all of it, and what of it lies below the hole. */
export interface GuestRam {
  memoryMiB: number;
  lowMiB: number;
}

/** Sizes of the hole that the domain builder takes: HVM_BELOW_4G_MMIO_LENGTH and HVM_BELOW_4G_MMIO_START (xen/include/public/hvm/e820.h), in MiB. */
export const LEAST_MMIO_HOLE_MIB = 256,
  MOST_MMIO_HOLE_MIB = 3840;

/** RAM around a hole of this many MiB below 4 GiB; absent: it is where it is on all boards, above what RAM there can be. */
export const ramAround = (memoryMiB: number, mmioHoleMiB?: number): GuestRam => ({
  memoryMiB,
  lowMiB: mmioHoleMiB === undefined ? memoryMiB : Math.min(memoryMiB, 4096 - mmioHoleMiB),
});

// ---- in frames

/** The first guest frame from 4 GiB on. */
export const HIGH_FIRST = 0x100000;

export const FRAMES_A_MIB = 256;

/** The same in frames: all of them, and those below the hole. */
export interface RamLayout {
  readonly ramFrames: number;
  readonly lowFrames: number;
}

export const layoutOf = ({ memoryMiB, lowMiB }: GuestRam): RamLayout => ({
  ramFrames: memoryMiB * FRAMES_A_MIB,
  lowFrames: lowMiB * FRAMES_A_MIB,
});

export const ramOf = ({ ramFrames, lowFrames }: RamLayout): GuestRam => ({
  memoryMiB: ramFrames / FRAMES_A_MIB,
  lowMiB: lowFrames / FRAMES_A_MIB,
});

/** Guest frame of the nth frame of RAM. */
export const ramGfn = ({ lowFrames }: RamLayout, n: number): number =>
  n < lowFrames ? n : HIGH_FIRST + (n - lowFrames);

/** The guest frame at which what lies from 4 GiB on ends. */
const highEnd = ({ ramFrames, lowFrames }: RamLayout): number => HIGH_FIRST + (ramFrames - lowFrames);

/** RAM may lie at this guest frame. */
export const isRamGfn = (ram: RamLayout, gfn: number): boolean =>
  gfn < ram.lowFrames || (gfn >= HIGH_FIRST && gfn < highEnd(ram));

/** Guest frames from the first to before the end. */
export type FrameRange = readonly [first: number, end: number];

/** Where RAM lies below the hole, and from 4 GiB on where some does. */
export function ramRanges(ram: RamLayout): readonly FrameRange[] {
  const low: FrameRange = [0, ram.lowFrames],
    high: FrameRange = [HIGH_FIRST, highEnd(ram)];
  return ram.ramFrames > ram.lowFrames ? [low, high] : [low];
}

/** The guest frame at which RAM ends. */
export const ramEnd = (ram: RamLayout): number => (ram.ramFrames > ram.lowFrames ? highEnd(ram) : ram.lowFrames);
