/** Page-table entries of a paravirtual guest (PAE, three levels): their bits, and how many of a table are the guest's own. */
import { FRAME_TYPE } from '../../../layout/layout.ts';

export const PTE_PRESENT = 1,
  PTE_WRITE = 2,
  PTE_USER = 4,
  PTE_ACCESSED = 0x20,
  PTE_DIRTY = 0x40,
  PTE_LARGE = 0x80,
  PTE_GLOBAL = 0x100;

/** L2 slots from here on belong to the hypervisor (0xF5800000). */
export const FIRST_XEN_L2_SLOT = 428;

export const ENTRIES = 512,
  LAST_L3_SLOT = 3,
  L3_ENTRIES = 4;

/** Entries of a table that are the guest's and hold references; 0: no page table. */
export function entriesOf(type: number): number {
  switch (type) {
    case FRAME_TYPE.L1:
    case FRAME_TYPE.L2:
      return ENTRIES;
    case FRAME_TYPE.L2_XEN:
      return FIRST_XEN_L2_SLOT;
    case FRAME_TYPE.L3:
      return L3_ENTRIES;
    default:
      return 0;
  }
}
