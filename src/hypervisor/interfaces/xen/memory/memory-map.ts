/**
 * Memory of PVH domains: RAM from 0 without a hole, ACPI at 0xFC000000, the special pages. Source: what Xen's toolstack builds (libacpi, libxl_x86.c):
 * ACPI information page, then tables; RSDP where a scan of the BIOS area finds it; eight special pages from 0xFEFF8000.
 */
import { XEN_TYPE } from '../layout.ts';
import type { GuestRam } from '../../../layout/ram-layout.ts';
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

/** RAM that the hole below 4 GiB leaves no room for. */
export const highRam = ({ memoryMiB, lowMiB }: GuestRam): E820Entry[] =>
  memoryMiB > lowMiB ? [{ base: 4096 * MIB, length: (memoryMiB - lowMiB) * MIB, type: RAM }] : [];

export function pvhMemoryMap(ram: GuestRam): E820Entry[] {
  return [
    { base: 0, length: ram.lowMiB * MIB, type: RAM },
    { base: SPECIAL_PAGES * 4096, length: 0x8000, type: RESERVED },
    { base: RSDP & ~4095, length: 4096, type: NVS },
    { base: ACPI_INFO, length: 4096, type: NVS },
    { base: ACPI_TABLES, length: ACPI_TABLE_PAGES * 4096, type: NVS },
    ...highRam(ram),
  ];
}

/** What XENMEM_memory_map tells a domain. With firmware it lists the RAM from 1 MiB only: the BIOS has a map of its own. */
export function xenMemoryMap(type: number, ram: GuestRam): E820Entry[] {
  if (type === XEN_TYPE.PVH) return pvhMemoryMap(ram);
  return [{ base: MIB, length: (ram.lowMiB - 1) * MIB, type: RAM }, ...highRam(ram)];
}
