/**
 * ACPI tables for this board: RSDP, RSDT, XSDT, FADT, FACS, DSDT and, with APICs, MADT, with a HPET its own.
 * Source: ACPI specification, chapter 5 (table layouts; FADT of revision 3, so that every 32-bit system since 2000 reads it).
 */
import type { Dma } from '../bus.ts';
import { lowMiBOf, type Ram } from '../e820.ts';
import { HPET_BASE, HPET_ID } from '../hpet.ts';
import { CMOS_CENTURY } from '../rtc.ts';
import { dsdt } from './dsdt.ts';
import type { PciHotplug } from './pci-hotplug.ts';
import {
  ACPI_DISABLE,
  ACPI_ENABLE,
  GPE0_BASE,
  GPE0_STATUS,
  PM1_CONTROL,
  PM1_STATUS,
  PM_BASE,
  PM_TIMER,
  SCI_IRQ,
  SMI_COMMAND_PORT,
} from './piix4-pm.ts';

export interface AcpiOptions extends Ram {
  /** Describe local APICs and an I/O APIC (MADT). */
  apic: boolean;
  processors?: number;
  /** Of these this many are enabled (all): the others may come later. */
  online?: number;
  /** Who made the tables (default: this machine). */
  maker?: AcpiMaker;
  /** From one processor's APIC identifier to the next one's (default 1). */
  apicIdStep?: number;
  /** Describe a HPET. */
  hpet?: boolean;
  /** Describe PCI's hot plug. */
  hotplug?: typeof PciHotplug | undefined;
}

/** Who made tables, as their headers say. */
export interface AcpiMaker {
  /** 6, 8 and 4 characters at most. */
  oem: string;
  table: string;
  creator: string;
}

const RINGSIDE: AcpiMaker = { oem: 'RNGSID', table: 'RINGSIDE', creator: 'RSDE' };
/** In guests of Xen (tools/libacpi/acpi2_0.h). */
export const XEN: AcpiMaker = { oem: 'Xen', table: 'HVM', creator: 'HVML' };

/** What a board with these options has tables for. */
export function acpiOf(
  board: Ram & {
    apic?: boolean;
    processors?: number;
    online?: number;
    apicIdStep?: number;
    xenPlatform?: boolean;
    hpet?: boolean;
    hotplug?: typeof PciHotplug | undefined;
  },
): AcpiOptions {
  const { memoryMiB, apic = false, processors = 1, online = processors, apicIdStep = 1, hpet = false } = board;
  return {
    memoryMiB,
    lowMiB: lowMiBOf(board),
    apic,
    processors,
    online,
    apicIdStep,
    hpet: hpet && apic,
    hotplug: board.hotplug,
    maker: board.xenPlatform ? XEN : RINGSIDE,
  };
}

/** Where `installAcpi` puts the RSDP (paragraph-aligned in the BIOS area, as the search wants) and the tables it points at. */
export const RSDP_ADDRESS = 0xe0000;
const TABLES_ADDRESS = 0xe0040;
const TABLES_LIMIT = 0xf0000;
const LOCAL_APIC_ADDRESS = 0xfee00000,
  IO_APIC_ADDRESS = 0xfec00000;

/** FADT flags. */
const WBINVD = 1 << 0,
  PROC_C1 = 1 << 2,
  SLP_BUTTON = 1 << 5,
  RESET_REG_SUP = 1 << 10;
/** FADT IAPC_BOOT_ARCH: there are ISA devices, and an 8042. */
const LEGACY_DEVICES = 1,
  HAS_8042 = 2;
const SYSTEM_MEMORY = 0,
  SYSTEM_IO = 1;

/** Little-endian fields at fixed offsets. */
export class Table {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
  }

  u8(at: number, value: number): this {
    this.view.setUint8(at, value);
    return this;
  }

  u16(at: number, value: number): this {
    this.view.setUint16(at, value, true);
    return this;
  }

  u32(at: number, value: number): this {
    this.view.setUint32(at, value >>> 0, true);
    return this;
  }

  ascii(at: number, value: string, length: number): this {
    for (let i = 0; i < length; i++) this.bytes[at + i] = i < value.length ? value.charCodeAt(i) : 0x20;
    return this;
  }

  name(at: number, value: string, length: number): this {
    putName(this.bytes, at, value, length);
    return this;
  }

  /** Generic address structure. */
  address(at: number, bits: number, address: number): this {
    return this.u8(at, SYSTEM_IO)
      .u8(at + 1, bits)
      .u8(at + 2, 0)
      .u8(at + 3, 0)
      .u32(at + 4, address)
      .u32(at + 8, 0);
  }
}

/** Sets the byte at `at` so that all of them sum to zero. */
function setChecksum(bytes: Uint8Array, at: number): void {
  bytes[at] = 0;
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes[at] = -sum & 0xff;
}

const HEADER_BYTES = 36;

/** A table with its header: signature, length, revision. Maker and checksum come when it is placed. */
export function sdt(signature: string, revision: number, body: Uint8Array | number[]): Uint8Array {
  const table = new Table(HEADER_BYTES + body.length);
  table.ascii(0, signature, 4).u32(4, table.bytes.length).u8(8, revision).u32(24, 1).u32(32, 1);
  table.bytes.set(body, HEADER_BYTES);
  return table.bytes;
}

function facs(): Uint8Array {
  return new Table(64).ascii(0, 'FACS', 4).u32(4, 64).u8(32, 1).bytes;
}

/** FACS and DSDT are filled in when the tables are linked. */
function fadt(gpe0: number): Uint8Array {
  // Offsets in the table, of which `body` starts after the header.
  const table = new Table(244);
  table
    .u8(45, 0)
    .u16(46, SCI_IRQ)
    .u32(48, SMI_COMMAND_PORT)
    .u8(52, ACPI_ENABLE)
    .u8(53, ACPI_DISABLE)
    .u32(56, PM_BASE + PM1_STATUS)
    .u32(64, PM_BASE + PM1_CONTROL)
    .u32(76, PM_BASE + PM_TIMER)
    .u32(80, gpe0)
    .u8(88, 4)
    .u8(89, 2)
    .u8(91, 4)
    .u8(92, 4)
    // Latencies that say "no C2, no C3".
    .u16(96, 0xfff)
    .u16(98, 0xfff)
    .u8(108, CMOS_CENTURY)
    .u16(109, LEGACY_DEVICES | HAS_8042)
    .u32(112, WBINVD | PROC_C1 | SLP_BUTTON | RESET_REG_SUP)
    // Reset register: a hard reset through 0xCF9.
    .address(116, 8, 0xcf9)
    .u8(128, 6)
    .address(148, 32, PM_BASE + PM1_STATUS)
    .address(172, 16, PM_BASE + PM1_CONTROL)
    .address(208, 32, PM_BASE + PM_TIMER)
    .address(220, 32, gpe0);
  return sdt('FACP', 3, table.bytes.subarray(HEADER_BYTES));
}

/** The I/O APIC's identifier: as RESET leaves it and QEMU's tables have it; in guests of Xen 1, as hvmloader sets it (IOAPIC_ID). */
export const ioApicIdOf = ({ apicIdStep = 1 }: Pick<AcpiOptions, 'apicIdStep'>): number => (apicIdStep > 1 ? 1 : 0);

/** Local APIC per processor, one I/O APIC, the ISA interrupts that do not sit where their number says or are level-triggered, NMI on LINT1. */
function madt(processors: number, apicIdStep: number, online: number): Uint8Array {
  const body: number[] = [];
  const dword = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
  // PCAT_COMPAT: two 8259s as well.
  body.push(...dword(LOCAL_APIC_ADDRESS), ...dword(1));
  for (let id = 0; id < processors; id++) body.push(0, 8, id, id * apicIdStep, ...dword(id < online ? 1 : 0));
  body.push(1, 12, ioApicIdOf({ apicIdStep }), 0, ...dword(IO_APIC_ADDRESS), ...dword(0));
  const override = (irq: number, pin: number, flags: number) =>
    body.push(2, 10, 0, irq, ...dword(pin), flags & 0xff, flags >> 8);
  // The timer is on pin 2; level and active high (0x0D) what PCI or the SCI can drive.
  override(0, 2, 0);
  for (const irq of [5, 9, 10, 11]) override(irq, irq, 0x0d);
  body.push(4, 6, 0xff, 0, 0, 1);
  return sdt('APIC', 3, body);
}

/** IA-PC HPET Specification 1.0a, 3.2.4: which timer block, where its registers are. */
function hpetTable(): Uint8Array {
  // Fewest ticks of a period: 128 are 2 µs.
  const table = new Table(20).u32(0, HPET_ID).u8(4, SYSTEM_MEMORY).u8(5, 64).u32(8, HPET_BASE).u8(16, 0).u16(17, 128);
  return sdt('HPET', 1, table.bytes);
}

/** A place in one of the two blobs that holds an offset into `tables` and wants the address of `tables` added. */
export interface Pointer {
  in: 'rsdp' | 'tables';
  offset: number;
  size: 4 | 8;
}

/** A checksum byte and the bytes it makes sum to zero. */
export interface Checksum {
  in: 'rsdp' | 'tables';
  offset: number;
  start: number;
  length: number;
}

/** The tables as position-independent blobs: for a place of our own, or for firmware that chooses one (QEMU's table loader). */
export interface AcpiBlobs {
  rsdp: Uint8Array;
  tables: Uint8Array;
  pointers: Pointer[];
  checksums: Checksum[];
}

/** Boards differ in little of what the table says, and writing it takes longer than all other tables. */
const written = new Map<string, Uint8Array>();

/** A copy, to be signed. */
function dsdtTable(pciMemoryBase: number, hpet: boolean, hotplug: typeof PciHotplug | undefined): Uint8Array {
  const key = `${pciMemoryBase} ${hpet} ${hotplug !== undefined}`;
  let table = written.get(key);
  if (!table) written.set(key, (table = sdt('DSDT', 1, dsdt({ pciMemoryBase, hpet, hotplug: hotplug?.terms() }))));
  return table.slice();
}

export function buildAcpi(options: AcpiOptions): AcpiBlobs {
  const { apic, processors = 1, apicIdStep = 1, online = processors, maker, hpet = false, hotplug } = options;
  const lowMiB = lowMiBOf(options);
  // PCI memory starts past RAM, which ends where the hole begins if it goes on at 4 GiB; at 2 GiB where little is there, so that windows do not depend on the size.
  const pciMemoryBase = (options.memoryMiB > lowMiB ? lowMiB : Math.max(2048, lowMiB)) * 1024 * 1024;
  return linkTables(
    {
      facs: facs(),
      dsdt: dsdtTable(pciMemoryBase, hpet, hotplug),
      fadt: fadt(hotplug ? GPE0_BASE : PM_BASE + GPE0_STATUS),
      others: [...(apic ? [madt(processors, apicIdStep, online)] : []), ...(hpet ? [hpetTable()] : [])],
    },
    maker,
  );
}

/** Puts the maker into a table's header. */
function sign(bytes: Uint8Array, maker: AcpiMaker): void {
  putName(bytes, 10, maker.oem, 6);
  putName(bytes, 16, maker.table, 8);
  putName(bytes, 28, maker.creator, 4);
}

function putName(bytes: Uint8Array, at: number, value: string, length: number): void {
  for (let i = 0; i < length; i++) bytes[at + i] = i < value.length ? value.charCodeAt(i) : 0;
}

/** Lays tables out and notes where each has the address of another: FADT to FACS (where there is one) and DSDT, root tables to all but these. */
export function linkTables(
  parts: { facs?: Uint8Array; dsdt: Uint8Array; fadt: Uint8Array; others: Uint8Array[] },
  maker = RINGSIDE,
): AcpiBlobs {
  const placed: { offset: number; bytes: Uint8Array }[] = [];
  const pointers: Pointer[] = [];
  const checksums: Checksum[] = [];
  let next = 0;
  const place = (bytes: Uint8Array, ...at: [offset: number, size: 4 | 8][]): number => {
    const offset = next;
    placed.push({ offset, bytes });
    for (const [field, size] of at) pointers.push({ in: 'tables', offset: offset + field, size });
    next = (next + bytes.length + 63) & ~63;
    return offset;
  };
  /** A table with a header, whose checksum is at 9. */
  const placeTable = (bytes: Uint8Array, ...at: [offset: number, size: 4 | 8][]): number => {
    sign(bytes, maker);
    const offset = place(bytes, ...at);
    checksums.push({ in: 'tables', offset: offset + 9, start: offset, length: bytes.length });
    return offset;
  };
  const description = new Table(parts.fadt.length);
  description.bytes.set(parts.fadt);
  const pointersOfFadt: [offset: number, size: 4 | 8][] = [
    [40, 4],
    [140, 8],
  ];
  if (parts.facs) {
    // Both fields: systems that look at one of them compare it with the other (Xen: "32/64X FACS address mismatch").
    const facsAt = place(parts.facs);
    description.u32(36, facsAt).u32(132, facsAt);
    pointersOfFadt.unshift([36, 4], [132, 8]);
  }
  const dsdtAt = placeTable(parts.dsdt);
  description.u32(40, dsdtAt).u32(140, dsdtAt);
  const tables = [placeTable(description.bytes, ...pointersOfFadt), ...parts.others.map(table => placeTable(table))];
  const root = (signature: string, size: 4 | 8): number =>
    placeTable(
      sdt(
        signature,
        1,
        tables.flatMap(address => Array.from({ length: size }, (_, i) => (i < 4 ? (address >>> (8 * i)) & 0xff : 0))),
      ),
      ...tables.map((_, i): [number, 4 | 8] => [HEADER_BYTES + i * size, size]),
    );
  const rsdtAt = root('RSDT', 4);
  const xsdtAt = root('XSDT', 8);
  const rsdp = new Table(36)
    .ascii(0, 'RSD PTR ', 8)
    .name(9, maker.oem, 6)
    .u8(15, 2)
    .u32(16, rsdtAt)
    .u32(20, 36)
    .u32(24, xsdtAt);
  pointers.push({ in: 'rsdp', offset: 16, size: 4 }, { in: 'rsdp', offset: 24, size: 8 });
  checksums.push({ in: 'rsdp', offset: 8, start: 0, length: 20 }, { in: 'rsdp', offset: 32, start: 0, length: 36 });
  const all = new Uint8Array(next);
  for (const { offset, bytes } of placed) all.set(bytes, offset);
  return { rsdp: rsdp.bytes, tables: all, pointers, checksums };
}

/** The blobs with `tables` at an address: pointers and checksums filled in. */
export function placeAcpi(blobs: AcpiBlobs, address: number): void {
  for (const { in: blob, offset } of blobs.pointers) {
    const view = new DataView(blobs[blob].buffer);
    view.setUint32(offset, view.getUint32(offset, true) + address, true);
  }
  for (const { in: blob, offset, start, length } of blobs.checksums)
    setChecksum(blobs[blob].subarray(start, start + length), offset - start);
}

/** Writes the tables into guest memory, in the BIOS area or at the given address. Returns the address of the RSDP. */
export function installAcpi(
  dma: Dma,
  options: AcpiOptions,
  at = { rsdp: RSDP_ADDRESS, tables: TABLES_ADDRESS },
): number {
  const blobs = buildAcpi(options);
  if (at.tables === TABLES_ADDRESS && TABLES_ADDRESS + blobs.tables.length > TABLES_LIMIT)
    throw new Error('ACPI tables do not fit below 0xF0000');
  placeAcpi(blobs, at.tables);
  dma.write(at.rsdp, blobs.rsdp);
  dma.write(at.tables, blobs.tables);
  return at.rsdp;
}
