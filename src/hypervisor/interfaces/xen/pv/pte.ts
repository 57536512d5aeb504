/** Bits of page-table entries that a paravirtual guest of any width has (SDM vol. 3, 4.4 and 4.5). */
export const PTE_PRESENT = 1,
  PTE_WRITE = 2,
  PTE_USER = 4,
  PTE_ACCESSED = 0x20,
  PTE_DIRTY = 0x40,
  PTE_LARGE = 0x80,
  PTE_GLOBAL = 0x100;
