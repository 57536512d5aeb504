/** Memory map of the board. Source: ACPI specification, chapter 15 (system address map). */

export const E820_RAM = 1,
  E820_RESERVED = 2;

export interface MemoryMapEntry {
  base: number;
  length: number;
  type: number;
}

const MIB = 1024 * 1024;
/** RAM below 4 GiB ends here at most: above are PCI windows, APICs, the flash. */
const LOW_RAM_LIMIT_MIB = 3584;

/** RAM of a board. */
export interface Ram {
  memoryMiB: number;
  /** So much of it lies below the PCI hole (as much as fits), the rest from 4 GiB on. */
  lowMiB?: number;
}

/** How much of the RAM lies below the PCI hole, in MiB. */
export const lowMiBOf = ({ memoryMiB, lowMiB = LOW_RAM_LIMIT_MIB }: Ram): number => Math.min(memoryMiB, lowMiB);

/** Conventional memory up to the EBDA, the hole of video and option ROMs, our tables, RAM from 1 MiB, and from 4 GiB on. */
export function memoryMap(ram: Ram): MemoryMapEntry[] {
  const { memoryMiB } = ram,
    low = lowMiBOf(ram);
  const map: MemoryMapEntry[] = [
    { base: 0, length: 0x9fc00, type: E820_RAM },
    { base: 0x9fc00, length: 0x400, type: E820_RESERVED },
    { base: 0xe0000, length: 0x20000, type: E820_RESERVED },
    { base: MIB, length: (low - 1) * MIB, type: E820_RAM },
  ];
  if (memoryMiB > low) map.push({ base: 4096 * MIB, length: (memoryMiB - low) * MIB, type: E820_RAM });
  return map;
}
