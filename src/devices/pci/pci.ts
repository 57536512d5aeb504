/**
 * PCI bus 0: configuration mechanism 1, functions, base address registers.
 * Source: PCI Local Bus Specification 2.1, 3.2.2.3.2 (mechanism 1), chapter 6 (configuration space).
 */
import type { Device, Dma, MemoryRange, PortRange, State } from '../bus.ts';
import type { IoBus } from '../io-bus.ts';
import { OverlapError, RangeLimitError } from '../io-bus.ts';
import { StateError, subState } from '../state.ts';
import { FunctionDma } from './function-dma.ts';

/** Configuration header (type 0). */
export const PCI = {
  VENDOR: 0x00,
  DEVICE: 0x02,
  COMMAND: 0x04,
  STATUS: 0x06,
  REVISION: 0x08,
  PROG_IF: 0x09,
  SUBCLASS: 0x0a,
  CLASS: 0x0b,
  LATENCY: 0x0d,
  HEADER: 0x0e,
  BAR0: 0x10,
  SUBSYSTEM_VENDOR: 0x2c,
  SUBSYSTEM: 0x2e,
  ROM: 0x30,
  CAPABILITIES: 0x34,
  INTERRUPT_LINE: 0x3c,
  INTERRUPT_PIN: 0x3d,
} as const;
export const COMMAND_IO = 1,
  COMMAND_MEMORY = 2,
  COMMAND_MASTER = 4;
/** Index of the expansion ROM among the BARs. */
const ROM_BAR = 6;
const STATUS_WRITE_CLEARS = 0xf9;
/** Status: there is a list of capabilities (PCI Local Bus Specification 2.2, 6.7). They lie behind the header, on doublewords. */
const HAS_CAPABILITIES = 0x10,
  FIRST_CAPABILITY = 0x40;

export interface PciIdentity {
  vendor: number;
  device: number;
  revision?: number;
  /** Class, subclass, programming interface: 0xCCSSPP. */
  class: number;
  subsystemVendor?: number;
  subsystem?: number;
  /** 0x80: more functions in this slot. */
  header?: number;
  /** INTA-INTD as 1-4; 0: none. */
  interruptPin?: number;
  status?: number;
}

/** What answers behind a base address register; `base` is filled in when it is mapped. */
export interface Bar extends Pick<PortRange, 'readBlock' | 'writeBlock'> {
  kind: 'io' | 'memory';
  /** Bytes, a power of two (at least 4 for I/O, 16 for memory). */
  size: number;
  prefetchable?: boolean;
  /** Widest port access, as in PortRange. */
  width?: 1 | 2 | 4;
  read(offset: number, size: number): number;
  write(offset: number, value: number, size: number): void;
  /** The window moved (guest-physical address or port); -1: it is gone. */
  moved?(base: number): void;
}

/** What a function's message goes by: a write of a doubleword (SDM vol. 3, 11.11). */
export type SendMessage = (address: number, data: number) => void;

/** A function's interrupts as messages (msi-x.ts), as its bus has them. */
export interface FunctionMessages {
  /** Configuration space was written: what waits and is not masked any more goes out. */
  sendPending(): void;
  reset(): void;
  save(): State;
  /** @throws StateError */
  restore(state: State): void;
}

/** One function's configuration space. Registers are read-only unless a mask says otherwise. */
export class PciFunction {
  readonly name: string;
  readonly config = new Uint8Array(256);
  /** Its way to memory. */
  readonly dma = new FunctionDma(() => this.busMaster);
  /** Bits that a write changes, and bits that writing 1 clears. */
  readonly writable = new Uint8Array(256);
  readonly writeClears = new Uint8Array(256);
  /** Called after a write to configuration space. */
  onConfigWrite: ((offset: number, size: number) => void) | undefined;
  /** Called before software reads configuration space. */
  onConfigRead: ((offset: number, size: number) => void) | undefined;
  /** Its interrupts as messages, where it has those. */
  messages: FunctionMessages | undefined;
  private readonly initialConfig = new Uint8Array(256);
  private readonly bars: (Bar | undefined)[] = [];
  private readonly mapped: (PortRange | MemoryRange | undefined)[] = [];
  private bus: IoBus | undefined;
  private deliver: SendMessage | undefined;
  private nextCapability = FIRST_CAPABILITY;

  constructor(name: string, identity: PciIdentity) {
    this.name = name;
    const { config } = this;
    this.put(PCI.VENDOR, identity.vendor, 2);
    this.put(PCI.DEVICE, identity.device, 2);
    this.put(PCI.STATUS, identity.status ?? 0x0280, 2);
    config[PCI.REVISION] = identity.revision ?? 0;
    config[PCI.PROG_IF] = identity.class & 0xff;
    config[PCI.SUBCLASS] = (identity.class >> 8) & 0xff;
    config[PCI.CLASS] = identity.class >> 16;
    config[PCI.HEADER] = identity.header ?? 0;
    config[PCI.INTERRUPT_PIN] = identity.interruptPin ?? 0;
    this.put(PCI.SUBSYSTEM_VENDOR, identity.subsystemVendor ?? 0x1af4, 2);
    this.put(PCI.SUBSYSTEM, identity.subsystem ?? 0x1100, 2);
    this.writable[PCI.COMMAND] = COMMAND_MASTER;
    this.writeClears[PCI.STATUS + 1] = STATUS_WRITE_CLEARS;
    if (identity.interruptPin) this.writable[PCI.INTERRUPT_LINE] = 0xff;
  }

  /** Sets a little-endian field as hardware does, whatever is writable. */
  put(offset: number, value: number, size: number): void {
    for (let i = 0; i < size; i++) this.config[offset + i] = (value >>> (8 * i)) & 0xff;
  }

  get(offset: number, size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.config[(offset + i) & 0xff] << (8 * i);
    return value >>> 0;
  }

  /** Makes `size` bytes from `offset` writable in the bits of `mask`. */
  allow(offset: number, size: number, mask = 0xffffffff): void {
    for (let i = 0; i < size; i++) this.writable[offset + i] = (mask >>> (8 * i)) & 0xff;
  }

  /** One more capability, the last of the list; `body` follows its identifier and its pointer. Returns where it is. */
  addCapability(id: number, body: Uint8Array): number {
    const { config } = this;
    const at = this.nextCapability;
    this.nextCapability = (at + 2 + body.length + 3) & ~3;
    let link: number = PCI.CAPABILITIES;
    while (config[link] !== 0) link = config[link] + 1;
    config[link] = at;
    config[at] = id;
    config.set(body, at + 2);
    config[PCI.STATUS] |= HAS_CAPABILITIES;
    return at;
  }

  /** Writes a message's datum to its address; nothing goes out from a function that may not master the bus. */
  sendMessage(address: number, data: number): void {
    if (this.busMaster) this.deliver?.(address, data);
  }

  addBar(index: number, bar: Bar): void {
    this.bars[index] = bar;
    const offset = PCI.BAR0 + 4 * index;
    this.put(offset, bar.kind === 'io' ? 1 : bar.prefetchable ? 8 : 0, 4);
    this.allow(offset, 4, ~(bar.size - 1) & (bar.kind === 'io' ? ~3 : ~15));
    this.writable[PCI.COMMAND] |= bar.kind === 'io' ? COMMAND_IO : COMMAND_MEMORY;
  }

  /** Expansion ROM: decoded while bit 0 of its base register and the memory bit of the command register are set. */
  setRom(bytes: Uint8Array): void {
    let size = 2048;
    while (size < bytes.length) size *= 2;
    const rom = new Uint8Array(size);
    rom.set(bytes);
    this.bars[ROM_BAR] = {
      kind: 'memory',
      size,
      read: (offset, width) => {
        let value = 0;
        for (let i = 0; i < width; i++) value |= rom[offset + i] << (8 * i);
        return value >>> 0;
      },
      write: () => {},
    };
    this.allow(PCI.ROM, 4, ~(size - 1) | 1);
    this.writable[PCI.COMMAND] |= COMMAND_MEMORY;
  }

  barSizes(): { index: number; kind: 'io' | 'memory'; size: number }[] {
    return this.bars.flatMap((bar, index) =>
      bar && index < ROM_BAR ? [{ index, kind: bar.kind, size: bar.size }] : [],
    );
  }

  /** Decides what reset gives back, where BARs appear and messages go. */
  plug(bus: IoBus, deliver?: SendMessage): void {
    this.bus = bus;
    this.deliver = deliver;
    this.initialConfig.set(this.config);
  }

  get busMaster(): boolean {
    return (this.config[PCI.COMMAND] & COMMAND_MASTER) !== 0;
  }

  /** What software reads. */
  read(offset: number, size: number): number {
    this.onConfigRead?.(offset, size);
    return this.get(offset, size);
  }

  write(offset: number, value: number, size: number): void {
    for (let i = 0; i < size; i++) {
      const at = (offset + i) & 0xff;
      const byte = (value >>> (8 * i)) & 0xff;
      const mask = this.writable[at];
      this.config[at] = ((this.config[at] & ~mask) | (byte & mask)) & ~(byte & this.writeClears[at]);
    }
    if (offset < PCI.COMMAND + 2 || (offset < PCI.ROM + 4 && offset + size > PCI.BAR0)) this.mapBars();
    this.messages?.sendPending();
    this.onConfigWrite?.(offset, size);
  }

  /** Base of a BAR as programmed; -1 while it does not decode. */
  private barBase(index: number, bar: Bar): number {
    const value = this.get(index === ROM_BAR ? PCI.ROM : PCI.BAR0 + 4 * index, 4);
    const io = bar.kind === 'io';
    if (index === ROM_BAR && !(value & 1)) return -1;
    if (!(this.config[PCI.COMMAND] & (io ? COMMAND_IO : COMMAND_MEMORY))) return -1;
    const base = io ? (value & 0xfffc) >>> 0 : (value & ~15) >>> 0;
    // Address 0 is "not assigned"; so is the answer to sizing, which lies at the very top.
    if (base === 0 || (io && value > 0xffff) || base + bar.size > (io ? 0x10000 : 0xfec00000)) return -1;
    return base;
  }

  private mapBars(): void {
    this.bars.forEach((bar, index) => {
      if (!bar) return;
      const base = this.barBase(index, bar);
      const now = this.mapped[index];
      if ((now?.base ?? -1) === base) return;
      this.unmap(index);
      if (base < 0 || !this.bus) {
        bar.moved?.(-1);
        return;
      }
      const { read, write, readBlock, writeBlock } = bar;
      try {
        if (bar.kind === 'io') {
          const range: PortRange = {
            base,
            count: bar.size,
            width: bar.width ?? 4,
            read,
            write,
            ...(readBlock ? { readBlock } : {}),
            ...(writeBlock ? { writeBlock } : {}),
          };
          this.bus.plugPorts(range);
          this.mapped[index] = range;
        } else {
          const range: MemoryRange = { base, length: bar.size, read, write };
          this.bus.plugMemory(range);
          this.mapped[index] = range;
        }
      } catch (error) {
        // A guest put a window over another device: the one that was there first answers.
        if (!(error instanceof OverlapError || error instanceof RangeLimitError)) throw error;
      }
      bar.moved?.(this.mapped[index] ? base : -1);
    });
  }

  private unmap(index: number): void {
    const now = this.mapped[index];
    if (!now || !this.bus) return;
    if ('count' in now) this.bus.unplugPorts(now);
    else this.bus.unplugMemory(now);
    this.mapped[index] = undefined;
  }

  reset(): void {
    this.config.set(this.initialConfig);
    this.messages?.reset();
    this.mapBars();
    this.onConfigWrite?.(0, 256);
  }

  restore(config: Uint8Array): void {
    this.config.set(config);
    this.mapBars();
    this.onConfigWrite?.(0, 256);
  }
}

const FUNCTIONS = 256;

/** Bus 0 and the host bridge's address register. */
export class PciBus implements Device {
  readonly name = 'pci';
  private readonly functions: (PciFunction | undefined)[] = new Array(FUNCTIONS);
  private readonly bus: IoBus;
  private readonly memory: Dma | undefined;
  private readonly deliver: SendMessage | undefined;
  private readonly unplugged = new Set<number>();
  private address = 0;
  private readonly resetControl: PortRange;

  readonly ports: PortRange;

  /**
   * `resetControl`: what answers byte accesses at 0xCF9, inside the address register (PIIX3). `memory`: what functions on the bus reach. `deliver`: where
   * their messages go.
   */
  constructor(bus: IoBus, resetControl: PortRange, memory?: Dma, deliver?: SendMessage) {
    this.bus = bus;
    this.memory = memory;
    this.deliver = deliver;
    this.resetControl = resetControl;
    this.ports = {
      base: 0xcf8,
      count: 8,
      width: 4,
      read: (offset, size) => (offset >= 4 ? this.readData(offset - 4, size) : this.readAddress(offset, size)),
      write: (offset, value, size) =>
        offset >= 4 ? this.writeData(offset - 4, value, size) : this.writeAddress(offset, value, size),
    };
  }

  /** `memory`: what this function reaches, where that is not what all do. */
  add(slot: number, number: number, fn: PciFunction, memory = this.memory): void {
    this.functions[(slot << 3) | number] = fn;
    fn.dma.lead(memory);
    fn.plug(this.bus, this.deliver);
  }

  /** Takes a function from the bus until the next reset: nothing answers for it any more. */
  unplug(slot: number, number: number): void {
    const at = (slot << 3) | number;
    this.functions[at]?.write(PCI.COMMAND, 0, 2);
    this.unplugged.add(at);
  }

  /** Nothing is there any more. */
  remove(slot: number, number: number): void {
    this.at(slot, number)?.write(PCI.COMMAND, 0, 2);
    this.functions[(slot << 3) | number] = undefined;
  }

  /** The function at a slot, for code that assembles or shows the machine. */
  at(slot: number, number: number): PciFunction | undefined {
    return this.functions[(slot << 3) | number];
  }

  /** The address register is a doubleword: narrower accesses pass to the ISA bus. */
  private readAddress(offset: number, size: number): number {
    if (size === 4) return this.address;
    if (offset === 1 && size === 1) return this.resetControl.read(0, 1);
    return size === 2 ? 0xffff : 0xff;
  }

  private writeAddress(offset: number, value: number, size: number): void {
    if (size === 4) this.address = (value & 0x80fffffc) >>> 0;
    else if (offset === 1 && size === 1) this.resetControl.write(0, value, 1);
  }

  private selected(): PciFunction | undefined {
    // Enable bit set, bus 0: there is no bridge behind which others could be.
    if ((this.address & 0xffff0000) >>> 0 !== 0x80000000) return undefined;
    const at = (this.address >> 8) & 0xff;
    return this.unplugged.has(at) ? undefined : this.functions[at];
  }

  /** An access to configuration space past the address register: bus from bit 8 of `bdf`, device and function below. Returns what is read. */
  configAccess(bdf: number, offset: number, size: number, read: boolean, value: number): number {
    const fn = bdf > 0xff || this.unplugged.has(bdf) ? undefined : this.functions[bdf];
    if (!read) fn?.write(offset, value, size);
    return !read ? 0 : fn ? fn.read(offset, size) : 0xffffffff >>> (32 - 8 * size);
  }

  private readData(offset: number, size: number): number {
    const fn = this.selected();
    if (!fn) return 0xffffffff >>> (32 - 8 * size);
    return fn.read((this.address & 0xfc) + offset, size);
  }

  private writeData(offset: number, value: number, size: number): void {
    this.selected()?.write((this.address & 0xfc) + offset, value, size);
  }

  get portRanges(): PortRange[] {
    return [this.ports];
  }

  reset(): void {
    this.unplugged.clear();
    this.address = 0;
    this.resetControl.write(0, 0, 1);
    for (const fn of this.functions) fn?.reset();
  }

  save(): State {
    const state: State = { address: this.address, resetControl: this.resetControl.read(0, 1) };
    this.functions.forEach((fn, at) => {
      if (!fn) return;
      const key = `${at >> 3}.${at & 7}`;
      state[key] = fn.config.slice();
      if (fn.messages) state[`${key} messages`] = fn.messages.save();
    });
    return state;
  }

  restore(state: State): void {
    this.functions.forEach((fn, at) => {
      if (!fn) return;
      const key = `${at >> 3}.${at & 7}`;
      const config = state[key];
      if (!(config instanceof Uint8Array) || config.length !== 256) throw new StateError(this.name, key, 'is missing');
    });
    if (typeof state.address !== 'number') throw new StateError(this.name, 'address', 'is not a number');
    this.address = state.address;
    // Earlier versions did not save it. Without bit 2 nothing is reset.
    this.resetControl.write(0, typeof state.resetControl === 'number' ? state.resetControl & 2 : 0, 1);
    this.functions.forEach((fn, at) => {
      const key = `${at >> 3}.${at & 7}`;
      fn?.messages?.restore(subState(this.name, state, `${key} messages`));
      fn?.restore(state[key] as Uint8Array);
    });
  }

  peek(): State {
    const state: State = { address: this.address };
    this.functions.forEach((fn, at) => {
      if (!fn) return;
      const name = `00:${(at >> 3).toString(16).padStart(2, '0')}.${at & 7} ${fn.name}`;
      state[name] = fn.config.slice();
      if (fn.messages) state[`${name} messages`] = fn.messages.save();
    });
    return state;
  }
}
