/**
 * QEMU's firmware configuration device: selector 0x510, data 0x511, DMA 0x514.
 * Source: QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device" (docs/specs/fw_cfg).
 * Items are read-only to the guest; nothing waits: a DMA transfer is complete when the write that starts it is.
 */
import type { Dma, PortRange, State } from './bus.ts';
import { copyState } from './state.ts';
import { RegisterDevice } from './register-device.ts';

/** Selectors of the items that have a fixed one. */
export const FW_CFG = {
  SIGNATURE: 0x00,
  ID: 0x01,
  RAM_SIZE: 0x03,
  NOGRAPHIC: 0x04,
  CPUS: 0x05,
  KERNEL_ADDRESS: 0x07,
  KERNEL_SIZE: 0x08,
  INITRD_ADDRESS: 0x0a,
  INITRD_SIZE: 0x0b,
  BOOT_DEVICE: 0x0c,
  BOOT_MENU: 0x0e,
  MAX_CPUS: 0x0f,
  KERNEL_ENTRY: 0x10,
  KERNEL_DATA: 0x11,
  INITRD_DATA: 0x12,
  CMDLINE_ADDRESS: 0x13,
  CMDLINE_SIZE: 0x14,
  CMDLINE_DATA: 0x15,
  SETUP_ADDRESS: 0x16,
  SETUP_SIZE: 0x17,
  SETUP_DATA: 0x18,
  FILE_DIRECTORY: 0x19,
  IRQ0_OVERRIDE: 0x8002,
} as const;
const FIRST_FILE = 0x20;
const FEATURES = 3;
const DMA_SIGNATURE = [0x51, 0x45, 0x4d, 0x55, 0x20, 0x43, 0x46, 0x47];
const DMA_ERROR = 1,
  DMA_READ = 2,
  DMA_SKIP = 4,
  DMA_SELECT = 8,
  DMA_WRITE = 16;
const FILE_NAME_BYTES = 56;
/** One transfer moves at most this much at a time through memory of ours. */
const CHUNK_BYTES = 64 * 1024;
/** Of the bus: the processor's addresses have 36 bits. */
const ADDRESS_END = 2 ** 36;

const initial = () => ({ selector: 0, offset: 0, dmaHigh: 0 });

const ascii = (text: string): number[] => [...text].map(c => c.charCodeAt(0));

export class FwCfg extends RegisterDevice<ReturnType<typeof initial>> {
  readonly portRanges: PortRange[];
  private readonly items = new Map<number, Uint8Array>();
  private readonly files: { name: string; selector: number; length: number }[] = [];
  private readonly dma: Dma;

  constructor(dma: Dma) {
    super('fw-cfg', initial);
    this.dma = dma;
    this.set(FW_CFG.SIGNATURE, Uint8Array.from(ascii('QEMU')));
    this.setNumber(FW_CFG.ID, FEATURES, 4);
    this.updateDirectory();
    this.portRanges = [
      {
        base: 0x510,
        count: 2,
        width: 2,
        // The selector is write-only, and the data register shares its port with the selector's high byte.
        read: (offset, size) => (size === 1 && offset === 1 ? this.readByte() : 0),
        write: (offset, value) => {
          if (offset === 0) this.select(value);
        },
        readBlock: (offset, size, into) => (size === 1 && offset === 1 ? this.readBytes(into) : 0),
      },
      {
        base: 0x514,
        count: 8,
        width: 4,
        read: (offset, size) => this.readDma(offset, size),
        write: (offset, value, size) => this.writeDma(offset, value, size),
      },
    ];
  }

  set(selector: number, bytes: Uint8Array): void {
    this.items.set(selector, bytes);
  }

  /** A little-endian number of `size` bytes. */
  setNumber(selector: number, value: number, size: number): void {
    this.set(
      selector,
      Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff),
    );
  }

  /** A named file; replaces one of that name. Throws where the name does not fit. */
  setFile(name: string, bytes: Uint8Array): void {
    if (name.length >= FILE_NAME_BYTES)
      throw new Error(`${name}: a fw_cfg file name has at most ${FILE_NAME_BYTES - 1} characters`);
    let file = this.files.find(known => known.name === name);
    if (!file) {
      file = { name, selector: FIRST_FILE + this.files.length, length: 0 };
      this.files.push(file);
    }
    file.length = bytes.length;
    this.set(file.selector, bytes);
    this.updateDirectory();
  }

  /** Count and entries, big-endian; sorted by name, as firmware may rely on. */
  private updateDirectory(): void {
    const bytes = new Uint8Array(4 + 64 * this.files.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.files.length);
    [...this.files]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .forEach((file, i) => {
        view.setUint32(4 + 64 * i, file.length);
        view.setUint16(8 + 64 * i, file.selector);
        bytes.set(ascii(file.name), 12 + 64 * i);
      });
    this.set(FW_CFG.FILE_DIRECTORY, bytes);
  }

  private select(selector: number): void {
    this.r.selector = selector;
    this.r.offset = 0;
  }

  private readByte(): number {
    const { r } = this;
    // Past the end, and of items that are not there, zeros are read.
    return this.items.get(r.selector)?.[r.offset++] ?? 0;
  }

  private readBytes(into: Uint8Array): number {
    for (let i = 0; i < into.length; i++) into[i] = this.readByte();
    return into.length;
  }

  private readDma(offset: number, size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= DMA_SIGNATURE[offset + i] << (8 * i);
    return value;
  }

  /** The address is big-endian; its low half starts the transfer. */
  private writeDma(offset: number, value: number, size: number): void {
    if (size !== 4) return;
    const swapped =
      (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
    if (offset === 0) this.r.dmaHigh = swapped;
    else if (offset === 4) {
      this.transfer(this.r.dmaHigh * 2 ** 32 + swapped);
      this.r.dmaHigh = 0;
    }
  }

  private transfer(address: number): void {
    const { r, dma } = this;
    const command = new Uint8Array(16);
    dma.read(address, command);
    const view = new DataView(command.buffer);
    const control = view.getUint32(0);
    const length = view.getUint32(4);
    const target = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
    if (control & DMA_SELECT) this.select(control >>> 16);
    const item = this.items.get(r.selector);
    let result = 0;
    if (control & DMA_WRITE) result = DMA_ERROR;
    else if (control & DMA_SKIP) r.offset += length;
    else if (control & DMA_READ) {
      const count = item ? Math.max(0, Math.min(length, item.length - r.offset)) : 0;
      if (item && count > 0) dma.write(target, item.subarray(r.offset, r.offset + count));
      // Past the item's end zeros are written, to the end of the address space at most.
      const end = Math.min(target + length, ADDRESS_END);
      const zeros = new Uint8Array(Math.max(0, Math.min(end - target - count, CHUNK_BYTES)));
      for (let at = target + count; at < end; at += zeros.length)
        dma.write(at, zeros.subarray(0, Math.min(zeros.length, end - at)));
      r.offset += length;
    }
    const answer = new Uint8Array(4);
    new DataView(answer.buffer).setUint32(0, result);
    dma.write(address, answer);
  }

  override peek(): State {
    return { ...copyState(this.r), files: this.files.map(file => `${file.name} ${file.length}`) };
  }
}
