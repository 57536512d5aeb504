/**
 * Memory of PVH domains: RAM from 0 without a hole, ACPI at 0xFC000000, the special pages. Source: what Xen's toolstack builds (libacpi, libxl_x86.c):
 * ACPI information page, then tables; RSDP where a scan of the BIOS area finds it; eight special pages from 0xFEFF8000.
 */
import { XEN_TYPE } from '../layout.ts';
import type { E820Entry } from '../../../loader/index.ts';
import { SPECIAL_PAGES } from '../abi.ts';

const MIB = 2 ** 20;
const RAM = 1,
  RESERVED = 2,
  NVS = 4;
export const ACPI_INFO = 0xfc000000,
  ACPI_TABLES = 0xfc001000,
  ACPI_TABLE_PAGES = 1,
  RSDP = 0xfffc0;

export function pvhMemoryMap(memoryMiB: number): E820Entry[] {
  return [
    { base: 0, length: memoryMiB * MIB, type: RAM },
    { base: SPECIAL_PAGES * 4096, length: 0x8000, type: RESERVED },
    { base: RSDP & ~4095, length: 4096, type: NVS },
    { base: ACPI_INFO, length: 4096, type: NVS },
    { base: ACPI_TABLES, length: ACPI_TABLE_PAGES * 4096, type: NVS },
  ];
}

/** What XENMEM_memory_map tells a domain. With firmware it lists the RAM from 1 MiB only: the BIOS has a map of its own. */
export function xenMemoryMap(type: number, memoryMiB: number): E820Entry[] {
  if (type === XEN_TYPE.PVH) return pvhMemoryMap(memoryMiB);
  return [{ base: MIB, length: (memoryMiB - 1) * MIB, type: RAM }];
}
