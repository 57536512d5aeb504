/**
 * The PCI bus of the simulated host, as Domain 0's drivers see it: configuration space, registers in memory, interrupt lines, and machine memory that a
 * device may reach. A device gets no other memory than its driver has asked for.
 */
import { type Device, type Dma, IoBus, type IrqLine } from '../../../devices/index.ts';
import { PCI, PciBus, PciFunction } from '../../../devices/pci/index.ts';
import { DOMAIN_0, FRAME_BYTES, HostError, type Machine } from '../../../hypervisor/memory/index.ts';

/** Where the registers of devices are: above all RAM. */
const FIRST_WINDOW = 0xf0000000;
const BARS = 6;
const MIB = 2 ** 20;

/** Memory that a driver and its device share. */
export interface DmaMemory {
  bytes: Uint8Array;
  /** The device's address of the first byte. */
  address: number;
}

/** A function that was found on the bus, with its registers in reach. */
export interface HostFunction {
  slot: number;
  vendor: number;
  device: number;
  read(register: number): number;
  write(register: number, value: number): void;
  /** Takes machine memory for the device, in Domain 0's name. @throws HostError */
  share(bytes: number): DmaMemory;
  /**
   * Lets the device reach bytes of machine memory that somebody has mapped, until `unmap`. @returns the device's address of them; undefined: they lie elsewhere,
   * and have to be copied
   */
  map(bytes: Uint8Array): number | undefined;
  unmap(bytes: Uint8Array): void;
  /** Called in Domain 0's turn while the interrupt line is up. */
  onInterrupt(handler: () => void): void;
  /** Has the handler called in Domain 0's next turn, as the line would. */
  interruptAgain(): void;
}

/** A function's configuration space, as the bus answers for it. */
export interface HostConfigSpace {
  /** Slot and function: bits 7-3 and 2-0. */
  bdf: number;
  read(offset: number, size: number): number;
  /** Bytes of its windows that a driver has found, by the number of their base address register. */
  windows: ReadonlyMap<number, number>;
}

interface Slot {
  device: Device;
  level: boolean;
  /** The handler is to be called again. */
  again: boolean;
  handler: (() => void) | undefined;
  /** See HostConfigSpace. */
  windows: Map<number, number>;
  /** Its device reaches these: first byte and end. */
  shared: { from: number; to: number }[];
  /** Frames that it reaches for a while: how often each was mapped. */
  mapped: Map<number, number>;
}

export class HostBus {
  private readonly machine: Machine;
  private readonly wake: () => void;
  private readonly bus = new IoBus();
  readonly pci = new PciBus(this.bus, { base: 0xcf9, count: 1, read: () => 0xff, write: () => {} });
  private readonly slots = new Map<number, Slot>();
  private nextWindow = FIRST_WINDOW;
  /** Frames of Domain 0, with those of its drivers. */
  frames = 0;
  /** What is left of Domain 0's own memory. */
  private own: { mfn: number; frames: number };

  /**
   * `memoryMiB`: what Domain 0 gets before anybody else (dom0_mem); its drivers take from that first. `wake`: an interrupt line has risen, and Domain 0 is to
   * have a turn. @throws HostError
   */
  constructor(machine: Machine, memoryMiB = 0, wake = (): void => {}) {
    this.machine = machine;
    this.wake = wake;
    this.own = this.takeRun((memoryMiB * MIB) / FRAME_BYTES);
    this.pci.add(
      0,
      0,
      new PciFunction('440FX host bridge', {
        vendor: 0x8086,
        device: 0x1237,
        revision: 2,
        class: 0x060000,
        status: 0x0280,
      }),
    );
  }

  /** Puts a device with one function into a slot. `make` gets its interrupt line. */
  plug<D extends Device & { fn: PciFunction }>(slot: number, make: (irq: IrqLine) => D): D {
    const state: Slot = {
      device: undefined as unknown as Device,
      level: false,
      again: false,
      handler: undefined,
      windows: new Map(),
      shared: [],
      mapped: new Map(),
    };
    const irq: IrqLine = {
      set: level => {
        const rises = level && !state.level;
        state.level = level;
        if (rises) this.wake();
      },
    };
    const device = make(irq);
    state.device = device;
    this.slots.set(slot, state);
    this.pci.add(slot, 0, device.fn, this.memoryOf(state));
    return device;
  }

  /** All of an access lies in what was shared, or in frames that are mapped, or it is lost: what an IOMMU does. */
  private memoryOf({ shared, mapped }: Slot): Dma {
    const isMapped = (address: number, length: number): boolean => {
      for (let mfn = Math.floor(address / FRAME_BYTES); mfn * FRAME_BYTES < address + length; mfn++)
        if (!mapped.has(mfn)) return false;
      return true;
    };
    const at = (address: number, length: number): boolean =>
      isMapped(address, length) || shared.some(({ from, to }) => address >= from && address + length <= to);
    return {
      views: (address, length) =>
        at(address, length) ? [this.machine.bytes.subarray(address, address + length)] : null,
      read: (address, into) =>
        void (at(address, into.length)
          ? into.set(this.machine.bytes.subarray(address, address + into.length))
          : into.fill(0xff)),
      write: (address, from) => {
        if (at(address, from.length)) this.machine.bytes.set(from, address);
      },
    };
  }

  /** Zeroed frames that lie side by side, in Domain 0's name. @throws HostError */
  private takeRun(frames: number): { mfn: number; frames: number } {
    const mfn = frames === 0 ? -1 : this.machine.allocateRun(frames, DOMAIN_0);
    if (mfn < 0 && frames > 0)
      throw new HostError(`The host has too little memory for Domain 0's drivers: ${frames} frames are wanted.`);
    this.frames += frames;
    return { mfn, frames };
  }

  /** Looks for a function, as a driver does at start, gives its memory windows addresses and switches it on. Undefined: there is none. */
  find(vendor: number, device: number): HostFunction | undefined {
    for (const slot of this.slots.keys()) {
      const config = (offset: number, size: number): number => this.pci.configAccess(slot << 3, offset, size, true, 0);
      if (config(PCI.VENDOR, 2) === vendor && config(PCI.DEVICE, 2) === device) return this.open(slot, vendor, device);
    }
    return undefined;
  }

  private open(slot: number, vendor: number, device: number): HostFunction {
    const { machine, bus } = this;
    const bdf = slot << 3;
    const state = this.slots.get(slot)!;
    const set = (offset: number, value: number, size: number): void =>
      void this.pci.configAccess(bdf, offset, size, false, value);
    let first = -1;
    for (let bar = 0; bar < BARS; bar++) {
      const offset = PCI.BAR0 + 4 * bar;
      set(offset, 0xffffffff, 4);
      const mask = this.pci.configAccess(bdf, offset, 4, true, 0);
      if (mask === 0) continue;
      const size = (~(mask & (mask & 1 ? ~3 : ~15)) >>> 0) + 1;
      state.windows.set(bar, mask & 1 ? size & 0xffff : size);
      // Windows in I/O space are not needed: they stay without an address.
      if (mask & 1) {
        set(offset, 0, 4);
        continue;
      }
      this.nextWindow = Math.ceil(this.nextWindow / size) * size;
      set(offset, this.nextWindow, 4);
      if (first < 0) first = this.nextWindow;
      this.nextWindow += size;
    }
    // Memory, and bus master.
    set(PCI.COMMAND, 6, 2);
    return {
      slot,
      vendor,
      device,
      read: register => bus.readMemory(first + register, 4),
      write: (register, value) => bus.writeMemory(first + register, value, 4),
      share: bytes => {
        const frames = Math.ceil(bytes / FRAME_BYTES);
        const { mfn } = frames <= this.own.frames ? this.own : this.takeRun(frames);
        if (mfn === this.own.mfn) this.own = { mfn: mfn + frames, frames: this.own.frames - frames };
        const from = mfn * FRAME_BYTES,
          to = from + frames * FRAME_BYTES;
        state.shared.push({ from, to });
        return { bytes: machine.bytes.subarray(from, to), address: from };
      },
      map: bytes => {
        if (bytes.buffer !== machine.memory) return undefined;
        eachFrame(bytes.byteOffset, bytes.length, mfn => state.mapped.set(mfn, (state.mapped.get(mfn) ?? 0) + 1));
        return bytes.byteOffset;
      },
      unmap: bytes =>
        eachFrame(bytes.byteOffset, bytes.length, mfn => {
          const left = (state.mapped.get(mfn) ?? 1) - 1;
          if (left > 0) state.mapped.set(mfn, left);
          else state.mapped.delete(mfn);
        }),
      onInterrupt: handler => {
        state.handler = handler;
      },
      interruptAgain: () => {
        state.again = true;
        this.wake();
      },
    };
  }

  /** An interrupt line is up. */
  get pending(): boolean {
    for (const { level, again, handler } of this.slots.values()) if ((level || again) && handler) return true;
    return false;
  }

  /** Calls the handlers of lines that are up, in the order of slots. */
  poll(): void {
    for (const slot of this.slots.values()) {
      if (!slot.level && !slot.again) continue;
      slot.again = false;
      slot.handler?.();
    }
  }

  /** What is on the bus, in the order of slots. */
  functions(): HostConfigSpace[] {
    return Array.from(
      { length: 256 },
      (_, bdf): HostConfigSpace => ({
        bdf,
        read: (offset, size) => this.pci.configAccess(bdf, offset, size, true, 0),
        windows: this.slots.get(bdf >> 3)?.windows ?? new Map(),
      }),
    ).filter(({ read }) => read(PCI.VENDOR, 2) !== 0xffff);
  }

  /** What `lspci -n` shows: slot and function, class, vendor and device, revision. */
  list(): string[] {
    const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
    return this.functions().map(({ bdf, read }) => {
      const revision = read(PCI.REVISION, 1);
      return `00:${hex(bdf >> 3, 2)}.${bdf & 7} ${hex(read(PCI.SUBCLASS, 2), 4)}: ${hex(read(PCI.VENDOR, 2), 4)}:${hex(read(PCI.DEVICE, 2), 4)}${revision ? ` (rev ${hex(revision, 2)})` : ''}`;
    });
  }
}

function eachFrame(address: number, length: number, visit: (mfn: number) => void): void {
  for (let mfn = Math.floor(address / FRAME_BYTES); mfn * FRAME_BYTES < address + length; mfn++) visit(mfn);
}
