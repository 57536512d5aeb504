/**
 * What hvmloader leaves for SeaBIOS in an HVM guest: a block at 0x1000 that names the tables and the memory map. SeaBIOS looks for it where CPUID shows Xen.
 * Source: the layout that hvmloader and SeaBIOS share (tools/firmware/hvmloader/seabios.c, SeaBIOS's src/fw/xen.c).
 */
import type { Dma } from '../../../../devices/index.ts';
import type { GuestRam } from '../../../layout/ram-layout.ts';
import type { E820Entry } from '../../../loader/index.ts';
import { highRam } from '../memory/memory-map.ts';
import { SPECIAL_PAGES, SPECIAL_PAGE_COUNT } from '../abi.ts';

const INFO = 0x1000,
  SIGNATURE = 'XenHVMSeaBIOS\0',
  CHECKSUM = 15,
  INFO_BYTES = 32,
  TABLES = INFO + INFO_BYTES,
  MAP_ENTRY_BYTES = 20;
/** The table of processors: behind the block, since systems read it that have mapped little memory by then (xv6: 224 MiB). */
const PROCESSOR_TABLE = INFO + 0x200;
const MIB = 2 ** 20;
const RAM = 1,
  RESERVED = 2,
  NVS = 4;
/** The tables lie in the last 64 KiB of RAM below the PCI hole, which the memory map keeps: firmware that assigns PCI resources itself may use any window. */
const TABLE_BYTES = 0x10000;

export interface FirmwareTables {
  acpi: number;
  rsdp: number;
  smbios: number;
  mp: number;
}

export function firmwareTables({ lowMiB }: GuestRam): FirmwareTables {
  const first = lowMiB * MIB - TABLE_BYTES;
  return { acpi: first, rsdp: first + 0x8000, smbios: first + 0x9000, mp: PROCESSOR_TABLE };
}

/** Memory map of an HVM guest with firmware, but for what the firmware takes itself. */
export function firmwareMemoryMap(ram: GuestRam): E820Entry[] {
  const { lowMiB } = ram;
  return [
    { base: 0, length: 0xa0000, type: RAM },
    { base: 0xf0000, length: 0x10000, type: RESERVED },
    { base: MIB, length: (lowMiB - 1) * MIB - TABLE_BYTES, type: RAM },
    { base: lowMiB * MIB - TABLE_BYTES, length: TABLE_BYTES, type: NVS },
    { base: SPECIAL_PAGES * 4096, length: SPECIAL_PAGE_COUNT * 4096, type: RESERVED },
    ...highRam(ram),
  ];
}

/** Writes the block. `tables`: addresses of RSDP, SMBIOS entry point and the like, which SeaBIOS tells apart by their signatures. */
export function writeFirmwareInfo(memory: Dma, tables: readonly number[], map: readonly E820Entry[]): void {
  const mapAt = TABLES + tables.length * 4;
  const bytes = new Uint8Array(mapAt - INFO + map.length * MAP_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < SIGNATURE.length; i++) bytes[i] = SIGNATURE.charCodeAt(i);
  bytes[14] = INFO_BYTES;
  [TABLES, tables.length, mapAt, map.length].forEach((word, i) => view.setUint32(16 + i * 4, word, true));
  tables.forEach((address, i) => view.setUint32(TABLES - INFO + i * 4, address, true));
  map.forEach(({ base, length, type }, i) => {
    const at = mapAt - INFO + i * MAP_ENTRY_BYTES;
    view.setBigUint64(at, BigInt(base), true);
    view.setBigUint64(at + 8, BigInt(length), true);
    view.setUint32(at + 16, type, true);
  });
  let sum = 0;
  for (let i = 0; i < INFO_BYTES; i++) sum += bytes[i];
  bytes[CHECKSUM] = -sum & 0xff;
  memory.write(INFO, bytes);
}
