/** Page tables of a 32-bit paravirtual guest: three levels, PAE (SDM vol. 3, 4.4), with the last GiB's L2 table shared with the hypervisor. */
import { registers as R } from '../../../../cpu/architecture/index.ts';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { PTE_LARGE, PTE_PRESENT, PTE_USER, PTE_WRITE } from './pte.ts';
import type { PageTables } from './tables.ts';

const { L1, L2, L3, L2_XEN } = FRAME_TYPE;
const ENTRIES = 512,
  L3_ENTRIES = 4,
  LAST_L3_SLOT = 3;
/** L2 slots from here on belong to the hypervisor (0xF5800000). */
export const FIRST_XEN_L2_SLOT = 428;
/** Bits 52-62 are ignored by no 32-bit processor; 40-51 are more memory than any machine here has. Bit 63 is NX. */
const HIGH_RESERVED = 0x7fffffff;
/** Address, PCD, PWT and P: the rest of a PDPTE is reserved (SDM vol. 3, table 4-8). */
const PDPTE_BITS = 0xfffff019;

const OWN_ENTRIES: Readonly<Record<number, number>> = {
  [L1]: ENTRIES,
  [L2]: ENTRIES,
  [L2_XEN]: FIRST_XEN_L2_SLOT,
  [L3]: L3_ENTRIES,
};

export const PAE: PageTables = {
  top: L3,
  levels: [L1, L2, L3],
  entriesOf: type => OWN_ENTRIES[type] ?? 0,
  below: (type, slot) => (type !== L3 ? L1 : slot === LAST_L3_SLOT ? L2_XEN : L2),
  isXens: (type, slot) => type === L2_XEN && slot >= FIRST_XEN_L2_SLOT,
  // The last GiB's table cannot be taken away: the hypervisor is in it.
  isFixed: (type, slot) => type === L3 && slot === LAST_L3_SLOT,
  isLegal: (type, low, high) =>
    (high & HIGH_RESERVED) === 0 && (type === L1 || ((low & PTE_LARGE) === 0 && (type !== L3 || high === 0))),

  complete(words, first, type, xenEntries) {
    if (type === L3) {
      if (!(words[first + 2 * LAST_L3_SLOT]! & PTE_PRESENT)) return false;
      words.fill(0, first + 2 * L3_ENTRIES, first + 2 * ENTRIES);
    } else if (type === L2_XEN)
      xenEntries().forEach((low, i) => {
        words[first + 2 * (FIRST_XEN_L2_SLOT + i)] = low;
        words[first + 2 * (FIRST_XEN_L2_SLOT + i) + 1] = 0;
      });
    return true;
  },

  walk(words, base, linear, at) {
    at.table = -1;
    at.low = at.high = 0;
    const l3 = words[(base << 10) + 2 * (linear >>> 30)]!;
    if (!(l3 & PTE_PRESENT)) return at;
    const l2 = words[((l3 >>> 12) << 10) + 2 * ((linear >>> 21) & 511)]!;
    if (!(l2 & PTE_PRESENT) || l2 & PTE_LARGE) return at;
    at.table = l2 >>> 12;
    at.slot = (linear >>> 12) & 511;
    const entry = (at.table << 10) + 2 * at.slot;
    at.low = words[entry]!;
    at.high = words[entry + 1]!;
    at.write = (l2 & at.low & PTE_WRITE) !== 0;
    at.user = (l2 & at.low & PTE_USER) !== 0;
    return at;
  },

  // Bits that a 64-bit hypervisor allows in the four top entries, PAE's own format does not know.
  load(words, base, regs) {
    regs[R.CR3] = base << 12;
    for (let slot = 0; slot < L3_ENTRIES; slot++) {
      const low = words[(base << 10) + 2 * slot]!;
      regs[R.PDPTE + 2 * slot] = low & PTE_PRESENT ? low & PDPTE_BITS : 0;
      regs[R.PDPTE + 2 * slot + 1] = 0;
    }
  },
};
