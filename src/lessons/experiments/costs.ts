/**
 * The published table of costs: what one of each thing that an experiment counts takes on a processor of silicon. Virtual time knows none of them, since every
 * instruction takes 4 ns there; a row's counts times these are its microseconds. Whoever teaches may put other numbers into the page's table.
 */

/** Nanoseconds of one, and where they are from. */
export interface Cost {
  says: string;
  ns: number;
  source: string;
}

/** Adams and Agesen's Core 2 Duo, 2.66 GHz; their Pentium 4, 3.8 GHz. */
const CORE_2 = 2.66,
  PENTIUM_4 = 3.8;

export const COSTS = {
  exit: {
    says: 'a VM exit and the entry after it',
    ns: (937 + 1186) / CORE_2,
    source:
      'Adams and Agesen, ASPLOS 2006, table 1: 937 and 1,186 cycles on a Core 2 Duo of 2.66 GHz (quoted from memory)',
  },
  trap: {
    says: 'a paravirtual guest’s way to Xen and back, by a gate',
    ns: 2030 / PENTIUM_4,
    source:
      'Adams and Agesen, ASPLOS 2006: 2,030 cycles for RDTSC by trap and emulate on a Pentium 4 of 3.8 GHz (quoted from memory)',
  },
  switch: {
    says: 'another domain gets the processor, or gives it back',
    ns: 3000,
    source: 'assumed: a switch of address spaces, and caches that are cold after it',
  },
  copy: {
    says: 'a KiB copied',
    ns: 1024 / 4,
    source: 'assumed: 4 GB/s, as memory of the same years has them',
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
