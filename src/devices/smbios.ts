/**
 * SMBIOS 2.8 tables: BIOS, system, baseboard, chassis, processor, memory, boot information.
 * Source: DMTF DSP0134 (System Management BIOS Reference Specification), 5.2.1 (32-bit entry point) and chapter 7 (structures).
 */
import { lowMiBOf, type Ram } from './e820.ts';
import type { Dma } from './bus.ts';

/** Entry point (paragraph-aligned in 0xF0000-0xFFFFF) and the structures after it. */
export const SMBIOS_ENTRY_ADDRESS = 0xf0000;
const STRUCTURES_ADDRESS = 0xf0020;

const word = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff];
const dword = (value: number): number[] => [...word(value), ...word(value >>> 16)];
const ascii = (value: string): number[] => [...value].map(c => c.charCodeAt(0));

/** One structure: header, formatted area, string set. Strings are numbered from 1 in the formatted area. */
function structure(type: number, handle: number, formatted: number[], strings: string[] = []): number[] {
  const set = strings.flatMap(value => [...ascii(value), 0]);
  return [type, 4 + formatted.length, ...word(handle), ...formatted, ...(set.length > 0 ? set : [0]), 0];
}

const MANUFACTURER = 'Ringside';
const VERSION = '1';
/** 4 GiB. */
const HIGH_KIB = 0x400000;

export function smbiosStructures(ram: Ram): { bytes: Uint8Array; count: number; largest: number } {
  const kib = ram.memoryMiB * 1024;
  const all = [
    // BIOS: vendor, version, segment, date, size (64 KiB), characteristics (PCI, selectable boot), extension (ACPI; targeted content), release.
    structure(
      0,
      0x0000,
      [1, 2, ...word(0xf000), 3, 0, ...dword(0x00010080), ...dword(0), 0x01, 0x04, 1, 0, 0xff, 0xff],
      [MANUFACTURER, VERSION, '11/20/2026'],
    ),
    // System: no serial number, UUID not set, woken by the power switch.
    structure(
      1,
      0x0100,
      [1, 2, 3, 0, ...new Array<number>(16).fill(0), 6, 0, 0],
      [MANUFACTURER, 'Ringside PC', VERSION],
    ),
    structure(2, 0x0200, [1, 2, 3, 0, 0, 0x09, 0, ...word(0x0300), 0x0a, 0], [MANUFACTURER, 'i440FX', VERSION]),
    // Chassis: other; states safe; one power cord.
    structure(3, 0x0300, [1, 0x01, 2, 0, 0, 3, 3, 3, 2, ...dword(0), 0, 1, 0, 0, 0], [MANUFACTURER, VERSION]),
    processor(),
    // Physical memory array: on the board, system memory, no ECC.
    structure(16, 0x1000, [0x01, 0x03, 0x03, ...dword(kib), ...word(0xfffe), ...word(1), ...dword(0), ...dword(0)]),
    memoryDevice(ram),
    ...mappedAddresses(ram),
    structure(32, 0x2000, [0, 0, 0, 0, 0, 0, 0]),
    structure(127, 0x7f00, []),
  ];
  return {
    bytes: Uint8Array.from(all.flat()),
    count: all.length,
    largest: Math.max(...all.map(bytes => bytes.length)),
  };
}

/** CPU socket, central processor, family "other", enabled, upgrade other, no cache handles, one core. */
const processor = (): number[] =>
  structure(
    4,
    0x0400,
    [
      1,
      0x03,
      0x01,
      2,
      ...dword(0),
      ...dword(0),
      3,
      0,
      ...word(0),
      ...word(2000),
      ...word(2000),
      0x41,
      0x01,
      ...word(0xffff),
      ...word(0xffff),
      ...word(0xffff),
      0,
      0,
      0,
      1,
      1,
      1,
      ...word(0x02),
      ...word(0x01),
    ],
    ['CPU 0', MANUFACTURER, VERSION],
  );

const memoryDevice = (ram: Ram): number[] =>
  structure(
    17,
    0x1100,
    [
      ...word(0x1000),
      ...word(0xfffe),
      ...word(64),
      ...word(64),
      ...word(Math.min(ram.memoryMiB, 0x7ffe)),
      0x09,
      0,
      1,
      0,
      0x07,
      ...word(0x02),
      ...word(0),
      2,
      0,
      0,
      0,
      0,
    ],
    ['DIMM 0', MANUFACTURER],
  );

/** Where the memory array lies, first and last KiB: below the PCI hole, and what lies from 4 GiB on. */
function mappedAddresses(ram: Ram): number[][] {
  const low = lowMiBOf(ram) * 1024,
    high = ram.memoryMiB * 1024 - low;
  const mapped = (handle: number, first: number, kib: number): number[] =>
    structure(19, handle, [...dword(first), ...dword(first + kib - 1), ...word(0x1000), 1]);
  return [mapped(0x1300, 0, low), ...(high > 0 ? [mapped(0x1301, HIGH_KIB, high)] : [])];
}

export function smbiosEntryPoint(address: number, ram: Ram): Uint8Array {
  const { bytes, count, largest } = smbiosStructures(ram);
  const sum = (part: number[]) => -part.reduce((a, b) => a + b, 0) & 0xff;
  const inner = [...ascii('_DMI_'), 0, ...word(bytes.length), ...dword(address), ...word(count), 0x28];
  inner[5] = sum(inner);
  const entry = [...ascii('_SM_'), 0, 0x1f, 2, 8, ...word(largest), 0, 0, 0, 0, 0, 0, ...inner];
  entry[4] = sum(entry);
  return Uint8Array.from(entry);
}

/** Writes entry point and structures into guest memory, in the BIOS area or from the given address. */
export function installSmbios(dma: Dma, ram: Ram, at = SMBIOS_ENTRY_ADDRESS): void {
  const structures = at + STRUCTURES_ADDRESS - SMBIOS_ENTRY_ADDRESS;
  dma.write(at, smbiosEntryPoint(structures, ram));
  dma.write(structures, smbiosStructures(ram).bytes);
}
