/**
 * ACPI tables for this board: RSDP, RSDT, XSDT, FADT, FACS, DSDT and, with APICs, MADT.
 * Source: ACPI specification, chapter 5 (table layouts; FADT of revision 3, so that every 32-bit system since 2000 reads it).
 */
import type { Dma } from '../bus.ts';
import { LOW_RAM_LIMIT_MIB } from '../e820.ts';
import { CMOS_CENTURY } from '../rtc.ts';
import { dsdt } from './dsdt.ts';
import { ACPI_DISABLE, ACPI_ENABLE, GPE0_STATUS, PM1_CONTROL, PM1_STATUS, PM_BASE, PM_TIMER, SCI_IRQ, SMI_COMMAND_PORT } from './piix4-pm.ts';

export interface AcpiOptions {
  memoryMiB: number;
  /** Describe local APICs and an I/O APIC (MADT). */
  apic: boolean;
  processors?: number;
}

/** Where `installAcpi` puts the RSDP (paragraph-aligned in the BIOS area, as the search wants) and the tables it points at. */
export const RSDP_ADDRESS = 0xe0000;
const TABLES_ADDRESS = 0xe0040;
const TABLES_LIMIT = 0xf0000;
const LOCAL_APIC_ADDRESS = 0xfee00000, IO_APIC_ADDRESS = 0xfec00000;

/** FADT flags. */
const WBINVD = 1 << 0, PROC_C1 = 1 << 2, SLP_BUTTON = 1 << 5, RESET_REG_SUP = 1 << 10;
/** FADT IAPC_BOOT_ARCH: there are ISA devices, and an 8042. */
const LEGACY_DEVICES = 1, HAS_8042 = 2;
const SYSTEM_IO = 1;

/** Little-endian fields at fixed offsets. */
class Table {
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

  /** Generic address structure. */
  address(at: number, bits: number, address: number): this {
    return this.u8(at, SYSTEM_IO).u8(at + 1, bits).u8(at + 2, 0).u8(at + 3, 0).u32(at + 4, address).u32(at + 8, 0);
  }
}

/** The byte at `at` makes the sum of `length` bytes zero. */
export function setChecksum(bytes: Uint8Array, at: number, length = bytes.length): void {
  bytes[at] = 0;
  let sum = 0;
  for (let i = 0; i < length; i++) sum += bytes[i];
  bytes[at] = -sum & 0xff;
}

const HEADER_BYTES = 36;

/** A table with its header: signature, length, revision, checksum, OEM and creator. */
function sdt(signature: string, revision: number, body: Uint8Array | number[]): Uint8Array {
  const table = new Table(HEADER_BYTES + body.length);
  table.ascii(0, signature, 4).u32(4, table.bytes.length).u8(8, revision).ascii(10, 'RNGSID', 6).ascii(16, 'RINGSIDE', 8).u32(24, 1).ascii(28, 'RSDE', 4).u32(32, 1);
  table.bytes.set(body, HEADER_BYTES);
  setChecksum(table.bytes, 9);
  return table.bytes;
}

function facs(): Uint8Array {
  return new Table(64).ascii(0, 'FACS', 4).u32(4, 64).u8(32, 1).bytes;
}

function fadt(facsAddress: number, dsdtAddress: number): Uint8Array {
  // Offsets in the table, of which `body` starts after the header.
  const table = new Table(244);
  table.u32(36, facsAddress).u32(40, dsdtAddress).u8(45, 0).u16(46, SCI_IRQ).u32(48, SMI_COMMAND_PORT).u8(52, ACPI_ENABLE).u8(53, ACPI_DISABLE)
    .u32(56, PM_BASE + PM1_STATUS).u32(64, PM_BASE + PM1_CONTROL).u32(76, PM_BASE + PM_TIMER).u32(80, PM_BASE + GPE0_STATUS)
    .u8(88, 4).u8(89, 2).u8(91, 4).u8(92, 4)
    // Latencies that say "no C2, no C3".
    .u16(96, 0xfff).u16(98, 0xfff).u8(108, CMOS_CENTURY).u16(109, LEGACY_DEVICES | HAS_8042).u32(112, WBINVD | PROC_C1 | SLP_BUTTON | RESET_REG_SUP)
    // Reset register: a hard reset through 0xCF9.
    .address(116, 8, 0xcf9).u8(128, 6)
    .u32(132, facsAddress).u32(140, dsdtAddress)
    .address(148, 32, PM_BASE + PM1_STATUS).address(172, 16, PM_BASE + PM1_CONTROL).address(208, 32, PM_BASE + PM_TIMER).address(220, 32, PM_BASE + GPE0_STATUS);
  return sdt('FACP', 3, table.bytes.subarray(HEADER_BYTES));
}

/** Local APIC per processor, one I/O APIC, the ISA interrupts that do not sit where their number says or are level-triggered, NMI on LINT1. */
function madt(processors: number): Uint8Array {
  const body: number[] = [];
  const dword = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
  // PCAT_COMPAT: two 8259s as well.
  body.push(...dword(LOCAL_APIC_ADDRESS), ...dword(1));
  for (let id = 0; id < processors; id++) body.push(0, 8, id, id, ...dword(1));
  body.push(1, 12, processors, 0, ...dword(IO_APIC_ADDRESS), ...dword(0));
  const override = (irq: number, pin: number, flags: number) => body.push(2, 10, 0, irq, ...dword(pin), flags & 0xff, flags >> 8);
  // The timer is on pin 2; level and active high (0x0D) what PCI or the SCI can drive.
  override(0, 2, 0);
  for (const irq of [5, 9, 10, 11]) override(irq, irq, 0x0d);
  body.push(4, 6, 0xff, 0, 0, 1);
  return sdt('APIC', 3, body);
}

export interface AcpiTable {
  address: number;
  bytes: Uint8Array;
}

/** Every table, placed. The first is the RSDP. Throws where they do not fit their area. */
export function acpiTables({ memoryMiB, apic, processors = 1 }: AcpiOptions): AcpiTable[] {
  const placed: AcpiTable[] = [];
  let next = TABLES_ADDRESS;
  const place = (bytes: Uint8Array): number => {
    const address = next;
    placed.push({ address, bytes });
    next = (next + bytes.length + 63) & ~63;
    if (next > TABLES_LIMIT) throw new Error('ACPI tables do not fit below 0xF0000');
    return address;
  };
  // PCI memory starts past RAM; at 2 GiB where little of it is there, so that windows do not depend on the size.
  const pciMemoryBase = Math.max(0x80000000, Math.min(memoryMiB, LOW_RAM_LIMIT_MIB) * 1024 * 1024);
  const facsAddress = place(facs());
  const dsdtAddress = place(sdt('DSDT', 1, dsdt({ pciMemoryBase })));
  const tables = [place(fadt(facsAddress, dsdtAddress))];
  if (apic) tables.push(place(madt(processors)));
  const pointers = (bytes: number) => tables.flatMap(address => Array.from({ length: bytes }, (_, i) => (i < 4 ? (address >>> (8 * i)) & 0xff : 0)));
  const rsdtAddress = place(sdt('RSDT', 1, pointers(4)));
  const xsdtAddress = place(sdt('XSDT', 1, pointers(8)));
  const rsdp = new Table(36).ascii(0, 'RSD PTR ', 8).ascii(9, 'RNGSID', 6).u8(15, 2).u32(16, rsdtAddress).u32(20, 36).u32(24, xsdtAddress);
  setChecksum(rsdp.bytes, 8, 20);
  setChecksum(rsdp.bytes, 32);
  return [{ address: RSDP_ADDRESS, bytes: rsdp.bytes }, ...placed];
}

/** Writes the tables into guest memory. Returns the address of the RSDP. */
export function installAcpi(dma: Dma, options: AcpiOptions): number {
  for (const { address, bytes } of acpiTables(options)) dma.write(address, bytes);
  return RSDP_ADDRESS;
}
