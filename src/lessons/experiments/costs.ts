/**
 * The published table of costs: what one of each thing that an experiment counts takes on a processor of silicon. Virtual time knows none of them, since every
 * instruction takes 4 ns there; a row's counts times these are its microseconds. A teacher may put other numbers into the page's table.
 */

/** Nanoseconds of one, and where they are from. */
export interface Cost {
  says: string;
  ns: number;
  source: string;
}

/** Cycles of a Xeon X5570 in a nanosecond, and those of an exit there. */
const XEON_GHZ = 2.93,
  EXIT_CYCLES = 2000;

export const COSTS = {
  exit: {
    says: 'a VM exit and the entry after it',
    ns: EXIT_CYCLES / XEON_GHZ,
    source:
      'Landau, Ben-Yehuda and Gordon, SplitX, 2011, table 1: 2,000 cycles with KVM on a Xeon X5570 of 2.93 GHz, without what caches lose',
  },
  trap: {
    says: 'a paravirtual guest’s way to Xen and back, by a gate',
    ns: EXIT_CYCLES / 2 / XEON_GHZ,
    source: 'assumed: half of an exit, since no second set of control registers and segments is loaded',
  },
  switch: {
    says: 'another domain gets the processor, or gives it back',
    ns: 3000,
    source: 'assumed: a switch of address spaces, and caches that are cold after it',
  },
  copy: {
    says: 'a KiB copied',
    ns: 1024 / 4,
    source: 'assumed: 4 GB/s, as memory of those years had',
  },
  instruction: {
    says: 'an instruction',
    ns: 0.4,
    source: 'assumed: one a cycle at 2.5 GHz',
  },
} as const satisfies Record<string, Cost>;

export type CostId = keyof typeof COSTS;
/** Nanoseconds by their ids: the table’s, or what somebody put there. */
export type CostTable = Readonly<Record<CostId, number>>;

export const PUBLISHED: CostTable = Object.fromEntries(
  Object.entries(COSTS).map(([id, { ns }]) => [id, ns]),
) as unknown as CostTable;
