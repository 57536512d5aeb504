/**
 * One IDE channel: task file ports, device control, two drives, and its half of the PIIX3's bus master.
 * Sources: ATA/ATAPI-6, clause 7 (interface register definitions); "Programming Interface for Bus Master IDE Controller" 1.0 (SFF-8038i).
 */
import type { IrqLine, PortRange, State } from '../bus.ts';
import { EXECUTE_DEVICE_DIAGNOSTIC } from './commands.ts';
import type { PciFunction } from '../pci/pci.ts';
import { assignState, copyState, resetState, StateError } from '../state.ts';
import { ABRT, type DmaTarget, type Drive, type DriveHost, ERR } from './drive.ts';

const CONTROL_NIEN = 0x02,
  CONTROL_SRST = 0x04,
  CONTROL_HOB = 0x80;
const DEVICE_SELECT = 0x10;
const MASTER_START = 0x01,
  MASTER_TO_MEMORY = 0x08;
const STATUS_ACTIVE = 0x01,
  STATUS_ERROR = 0x02,
  STATUS_IRQ = 0x04,
  STATUS_CAPABLE = 0x60;
/** A table of physical region descriptors lies in one 64-KiB block. */
const MOST_DESCRIPTORS = 8192;
const END_OF_TABLE = 0x80000000;
/**
 * What is read where no drive answers. The host pulls DD7 down, so that BSY is 0 (ATA/ATAPI-6, table 4 and 9.1), since who waits for it to end would wait
 * for ever; a single drive answers for the other with zeros, and so does QEMU for a channel without any (ide_ioport_read).
 */
const NOBODY = 0;

const initial = () => ({ device: 0, control: 0, masterCommand: 0, masterStatus: STATUS_CAPABLE, table: 0 });

interface Region {
  address: number;
  length: number;
}

export class IdeChannel implements DriveHost {
  readonly drives: (Drive | null)[] = [null, null];
  private readonly r = initial();
  private readonly irq: IrqLine;
  private readonly fn: PciFunction;
  readonly taskPorts: PortRange;
  readonly controlPorts: PortRange;

  /** `fn`: the PCI function whose channel it is. */
  constructor(base: number, control: number, irq: IrqLine, fn: PciFunction) {
    this.irq = irq;
    this.fn = fn;
    this.taskPorts = {
      base,
      count: 8,
      width: 4,
      read: (offset, size) => this.readTask(offset, size),
      write: (offset, value, size) => this.writeTask(offset, value, size),
      readBlock: (offset, size, into) => (offset === 0 ? (this.selected?.readBlock(size, into) ?? 0) : 0),
      writeBlock: (offset, size, from) => (offset === 0 ? (this.selected?.writeBlock(size, from) ?? 0) : 0),
    };
    this.controlPorts = {
      base: control,
      count: 1,
      read: () => this.alternateStatus(),
      write: (_offset, value) => this.writeControl(value),
    };
  }

  private get selected(): Drive | null {
    return this.drives[this.r.device & DEVICE_SELECT ? 1 : 0];
  }

  // ---- ports

  private readTask(offset: number, size: number): number {
    if (offset === 0) return this.selected?.readData(size) ?? NOBODY;
    // Only the data register is wider than a byte.
    if (size > 1) return this.readTask(offset, 1) | (size === 2 ? this.readTask(offset + 1, 1) << 8 : 0xffffff00);
    const { selected } = this;
    if (!selected) return NOBODY;
    if (offset === 7) this.look();
    return offset === 7 ? selected.readStatus() : selected.readRegister(offset, (this.r.control & CONTROL_HOB) !== 0);
  }

  private writeTask(offset: number, value: number, size: number): void {
    if (offset === 0) {
      this.selected?.writeData(value, size);
      return;
    }
    if (size > 1) {
      this.writeTask(offset, value & 0xff, 1);
      this.writeTask(offset + 1, (value >> 8) & 0xff, 1);
      return;
    }
    // Any write to the command block makes the next read one of the current values.
    this.r.control &= ~CONTROL_HOB;
    if (offset < 7) {
      if (offset === 6) this.r.device = value;
      for (const drive of this.drives) drive?.writeRegister(offset, value);
      if (offset === 6) this.interruptChanged();
    } else if (value === EXECUTE_DEVICE_DIAGNOSTIC) this.diagnose();
    else this.selected?.command(value);
  }

  /** EXECUTE DEVICE DIAGNOSTIC goes to both drives; device 0 reports. */
  private diagnose(): void {
    for (const drive of this.drives) drive?.resetRegisters();
    this.r.device = 0;
    const drive = this.drives[0];
    if (!drive) return;
    drive.r.intrq = true;
    this.interruptChanged();
  }

  /** The guest looks whether the drive is ready. */
  private look(): void {
    const { selected } = this;
    if (selected?.busy) selected.settle();
  }

  private alternateStatus(): number {
    this.look();
    return this.selected ? this.selected.r.status : NOBODY;
  }

  private writeControl(value: number): void {
    const { r } = this;
    const before = r.control;
    r.control = value;
    // Software reset: while SRST is set the drives are busy.
    if (value & ~before & CONTROL_SRST) {
      this.stopMaster();
      for (const drive of this.drives) {
        if (!drive) continue;
        drive.resetRegisters();
        drive.r.status = 0x80;
      }
    } else if (before & ~value & CONTROL_SRST) {
      for (const drive of this.drives) drive?.resetRegisters();
      r.device = 0;
    }
    this.interruptChanged();
  }

  interruptChanged(): void {
    const { r } = this;
    const level = (this.selected?.r.intrq ?? false) && !(r.control & CONTROL_NIEN);
    if (level) r.masterStatus |= STATUS_IRQ;
    this.irq.set(level);
  }

  // ---- bus master

  readMaster(offset: number): number {
    const { r } = this;
    switch (offset) {
      case 0:
        return r.masterCommand;
      case 2:
        this.look();
        return r.masterStatus;
      case 4:
      case 5:
      case 6:
      case 7:
        return (r.table >>> (8 * (offset - 4))) & 0xff;
      default:
        return 0;
    }
  }

  writeMaster(offset: number, value: number): void {
    const { r } = this;
    switch (offset) {
      case 0: {
        const starts = (value & ~r.masterCommand & MASTER_START) !== 0;
        const stops = (r.masterCommand & ~value & MASTER_START) !== 0;
        r.masterCommand = value & (MASTER_START | MASTER_TO_MEMORY);
        if (starts) {
          r.masterStatus |= STATUS_ACTIVE;
          this.dmaReady();
        } else if (stops) this.stopMaster();
        return;
      }
      case 2:
        // Error and interrupt are cleared by ones; the drives' capabilities are the BIOS's to set.
        r.masterStatus =
          (r.masterStatus & ~(value & (STATUS_ERROR | STATUS_IRQ)) & ~STATUS_CAPABLE) | (value & STATUS_CAPABLE);
        return;
      case 4:
      case 5:
      case 6:
      case 7: {
        const shift = 8 * (offset - 4);
        r.table = (((r.table & ~(0xff << shift)) | (value << shift)) & ~3) >>> 0;
        return;
      }
      default:
    }
  }

  private stopMaster(): void {
    this.r.masterCommand &= ~MASTER_START;
    this.r.masterStatus &= ~STATUS_ACTIVE;
  }

  /** Both the master and the drive must be ready; the second of the two starts the transfer. */
  dmaReady(): void {
    const { r, selected } = this;
    if (
      !selected ||
      selected.r.dmaDirection === 0 ||
      selected.busy ||
      !(r.masterCommand & MASTER_START) ||
      !(r.masterStatus & STATUS_ACTIVE)
    )
      return;
    const toMemory = (r.masterCommand & MASTER_TO_MEMORY) !== 0;
    const regions =
      this.fn.busMaster && toMemory === (selected.r.dmaDirection === 1) ? this.regions(selected.r.dmaBytes) : null;
    if (!regions) {
      // A table that is too short, or the wrong direction: the transfer cannot be finished.
      this.masterDone(false, 0);
      selected.r.dmaDirection = 0;
      selected.r.error = ABRT;
      selected.r.status = 0x50 | ERR;
      selected.r.intrq = true;
      this.interruptChanged();
      return;
    }
    selected.runDma(this.target(regions.list, regions.more));
  }

  /** The physical regions of a transfer of `bytes`; null where the table ends before. */
  private regions(bytes: number): { list: Region[]; more: boolean } | null {
    const list: Region[] = [];
    const entry = new Uint8Array(8);
    const view = new DataView(entry.buffer);
    let left = bytes;
    for (let i = 0; i < MOST_DESCRIPTORS; i++) {
      this.fn.dma.read(this.r.table + 8 * i, entry);
      const length = view.getUint16(4, true) & ~1 || 65536;
      const flags = view.getUint32(4, true);
      list.push({ address: (view.getUint32(0, true) & ~1) >>> 0, length: Math.min(length, left) });
      const last = (flags & END_OF_TABLE) !== 0;
      // The table may describe more than the drive transfers: then the master stays active.
      if (length >= left) return { list, more: length > left || !last };
      left -= length;
      if (last) return null;
    }
    return null;
  }

  private target(regions: Region[], more: boolean): DmaTarget {
    const { dma } = this.fn;
    let index = 0;
    let within = 0;
    const pieces = (bytes: number): Region[] => {
      const list: Region[] = [];
      while (bytes > 0 && index < regions.length) {
        const { address, length } = regions[index];
        const count = Math.min(bytes, length - within);
        list.push({ address: address + within, length: count });
        bytes -= count;
        within += count;
        if (within === length) {
          index++;
          within = 0;
        }
      }
      return list;
    };
    return {
      put: from => {
        let at = 0;
        for (const { address, length } of pieces(from.length)) {
          dma.write(address, from.subarray(at, at + length));
          at += length;
        }
      },
      take: into => {
        let at = 0;
        for (const { address, length } of pieces(into.length)) {
          dma.read(address, into.subarray(at, at + length));
          at += length;
        }
      },
      end: ok => this.masterDone(ok, more ? STATUS_ACTIVE : 0),
    };
  }

  private masterDone(ok: boolean, active: number): void {
    const { r } = this;
    r.masterStatus = (r.masterStatus & ~STATUS_ACTIVE) | active | (ok ? 0 : STATUS_ERROR);
  }

  // ---- the whole

  reset(): void {
    resetState(this.r, initial());
    for (const drive of this.drives) drive?.reset();
    this.irq.set(false);
  }

  save(): State {
    return { ...copyState(this.r), drives: this.drives.map(drive => drive?.save() ?? null) };
  }

  restore(name: string, state: State): void {
    const { drives } = state;
    if (!Array.isArray(drives) || drives.length !== 2) throw new StateError(name, 'drives', 'are not two');
    this.drives.forEach((drive, i) => {
      if ((drive === null) !== (drives[i] === null))
        throw new StateError(name, `drive ${i}`, drive ? 'is missing' : 'is not in this machine');
    });
    assignState(name, this.r, state);
    this.drives.forEach((drive, i) => drive?.restore(`${name} drive ${i}`, drives[i] as State));
    this.dmaReady();
  }

  peek(): State {
    return { ...copyState(this.r), drives: this.drives.map(drive => drive?.peek() ?? null) };
  }
}
