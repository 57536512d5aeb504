/**
 * ACPI tables of a guest of Xen with nothing but local APICs: RSDP, RSDT, XSDT, FADT (hardware-reduced), DSDT, MADT.
 * Source: ACPI specification 5.0, chapters 4.1 (hardware-reduced ACPI) and 5.
 */
import type { Dma } from '../bus.ts';
import * as aml from './aml.ts';
import { type AcpiBlobs, linkTables, placeAcpi, sdt, Table, XEN } from './tables.ts';

const FADT_BYTES = 268,
  FADT_REVISION = 5;
const WBINVD = 1 << 0,
  PROC_C1 = 1 << 2,
  POWER_BUTTON = 1 << 4,
  SLEEP_BUTTON = 1 << 5,
  HW_REDUCED = 1 << 20;
/** IAPC_BOOT_ARCH: do not look for VGA, nor for a CMOS clock. */
const NO_VGA = 1 << 2,
  NO_RTC = 1 << 5;
const LOCAL_APIC_ADDRESS = 0xfee00000;

export function buildPvhAcpi(processors: number, apicIdStep = 1, online = processors): AcpiBlobs {
  const fadt = new Table(FADT_BYTES);
  fadt.u16(109, NO_VGA | NO_RTC).u32(112, WBINVD | PROC_C1 | POWER_BUTTON | SLEEP_BUTTON | HW_REDUCED);
  const dword = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
  const madt = [...dword(LOCAL_APIC_ADDRESS), ...dword(0)];
  for (let id = 0; id < processors; id++) madt.push(0, 8, id, id * apicIdStep, ...dword(id < online ? 1 : 0));
  return linkTables(
    {
      dsdt: sdt('DSDT', 2, aml.scope('\\_SB')),
      fadt: sdt('FACP', FADT_REVISION, fadt.bytes.subarray(36)),
      others: [sdt('APIC', 3, madt)],
    },
    XEN,
  );
}

/** Writes root pointer and tables to their places in guest memory. Returns the address of the root pointer. */
export function installPvhAcpi(
  dma: Dma,
  at: { rsdp: number; tables: number },
  processors: number,
  apicIdStep = 1,
  online = processors,
): number {
  const blobs = buildPvhAcpi(processors, apicIdStep, online);
  placeAcpi(blobs, at.tables);
  dma.write(at.rsdp, blobs.rsdp);
  dma.write(at.tables, blobs.tables);
  return at.rsdp;
}
