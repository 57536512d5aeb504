/**
 * What firmware finds in fw_cfg about this machine: memory, processors, ACPI and SMBIOS tables.
 * Sources: QEMU documentation of fw_cfg; SeaBIOS's documentation of its runtime configuration; QEMU's table loader (128-byte commands).
 */
import { type AcpiOptions, buildAcpi } from './acpi/tables.ts';
import { memoryMap, type Ram } from './e820.ts';
import { FW_CFG, type FwCfg } from './fw-cfg.ts';
import { smbiosEntryPoint, smbiosStructures } from './smbios.ts';

const COMMAND_BYTES = 128,
  NAME_BYTES = 56;
const ALLOCATE = 1,
  ADD_POINTER = 2,
  ADD_CHECKSUM = 3;
/** Zones of ALLOCATE: anywhere in 32 bits, or the F segment where the RSDP is searched. */
const HIGH = 1,
  F_SEGMENT = 2;
const FILES = { rsdp: 'etc/acpi/rsdp', tables: 'etc/acpi/tables' } as const;

class LoaderScript {
  private readonly commands: Uint8Array[] = [];

  private command(kind: number): DataView {
    const bytes = new Uint8Array(COMMAND_BYTES);
    this.commands.push(bytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, kind, true);
    return view;
  }

  private name(view: DataView, at: number, file: string): void {
    for (let i = 0; i < file.length; i++) view.setUint8(at + i, file.charCodeAt(i));
  }

  allocate(file: string, alignment: number, zone: number): void {
    const view = this.command(ALLOCATE);
    this.name(view, 4, file);
    view.setUint32(4 + NAME_BYTES, alignment, true);
    view.setUint8(8 + NAME_BYTES, zone);
  }

  addPointer(file: string, target: string, offset: number, size: number): void {
    const view = this.command(ADD_POINTER);
    this.name(view, 4, file);
    this.name(view, 4 + NAME_BYTES, target);
    view.setUint32(4 + 2 * NAME_BYTES, offset, true);
    view.setUint8(8 + 2 * NAME_BYTES, size);
  }

  addChecksum(file: string, offset: number, start: number, length: number): void {
    const view = this.command(ADD_CHECKSUM);
    this.name(view, 4, file);
    [offset, start, length].forEach((value, i) => view.setUint32(4 + NAME_BYTES + 4 * i, value, true));
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.commands.length * COMMAND_BYTES);
    this.commands.forEach((command, i) => all.set(command, i * COMMAND_BYTES));
    return all;
  }
}

/** RAM entries of the memory map: 64-bit base, 64-bit length, type. */
function e820File(ram: Ram): Uint8Array {
  // Firmware carves its own reservations out of whole RAM below 1 MiB.
  const above = memoryMap(ram).filter(entry => entry.base >= 1 << 20);
  const [low] = above;
  const entries = [{ base: 0, length: low.base + low.length, type: 1 }, ...above.slice(1)];
  const bytes = new Uint8Array(20 * entries.length);
  const view = new DataView(bytes.buffer);
  entries.forEach(({ base, length, type }, i) => {
    [base, length].forEach((value, j) => {
      view.setUint32(20 * i + 8 * j, value % 2 ** 32, true);
      view.setUint32(20 * i + 8 * j + 4, Math.floor(value / 2 ** 32), true);
    });
    view.setUint32(20 * i + 16, type, true);
  });
  return bytes;
}

export function describeMachine(fwCfg: FwCfg, options: AcpiOptions): void {
  const { memoryMiB, processors = 1, apicIdStep = 1 } = options;
  fwCfg.setNumber(FW_CFG.RAM_SIZE, memoryMiB * 1024 * 1024, 8);
  fwCfg.setNumber(FW_CFG.NOGRAPHIC, 0, 2);
  fwCfg.setNumber(FW_CFG.CPUS, processors, 2);
  fwCfg.setNumber(FW_CFG.MAX_CPUS, processors, 2);
  fwCfg.setNumber(FW_CFG.BOOT_MENU, 0, 2);
  // The timer is on I/O APIC input 2.
  fwCfg.setNumber(FW_CFG.IRQ0_OVERRIDE, 1, 1);
  fwCfg.setFile('etc/e820', e820File(options));
  // The end of APIC identifiers.
  fwCfg.setFile('etc/max-cpus', Uint8Array.of((processors - 1) * apicIdStep + 1, 0));

  const blobs = buildAcpi(options);
  const script = new LoaderScript();
  script.allocate(FILES.rsdp, 16, F_SEGMENT);
  script.allocate(FILES.tables, 64, HIGH);
  for (const { in: blob, offset, size } of blobs.pointers) script.addPointer(FILES[blob], FILES.tables, offset, size);
  for (const { in: blob, offset, start, length } of blobs.checksums)
    script.addChecksum(FILES[blob], offset, start, length);
  fwCfg.setFile(FILES.rsdp, blobs.rsdp);
  fwCfg.setFile(FILES.tables, blobs.tables);
  fwCfg.setFile('etc/table-loader', script.bytes());

  fwCfg.setFile('etc/smbios/smbios-anchor', smbiosEntryPoint(0, options));
  fwCfg.setFile('etc/smbios/smbios-tables', smbiosStructures(options).bytes);
}

/** Devices to try first, in SeaBIOS's device paths. */
export function setBootOrder(fwCfg: FwCfg, paths: string[]): void {
  fwCfg.setFile('bootorder', new TextEncoder().encode(`${paths.join('\n')}\n\0`));
}
