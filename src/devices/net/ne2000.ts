/**
 * The NE2000 and what is compatible with it: a DP8390 with 16 KiB of RAM and the station address in a PROM on its local bus, and 32 ports: 16 registers, 8 that
 * are one data port, 8 whose read resets the chip. On the ISA bus, and as Realtek's RTL8029AS on PCI.
 * Sources: National application note AN-729 and the NE2000's own jumper table (PROM, RAM, ports); RTL8029AS datasheet (page 3, identification bytes). The
 * RTL8029AS's serial EEPROM cannot be reached through 9346CR: what it holds is in the PROM and in configuration space.
 */
import type { PortRange, State } from '../bus.ts';
import { PciFunction } from '../pci/pci.ts';
import { assignState, copyState, resetState, StateError, subState } from '../state.ts';
import { Dp8390 } from './dp8390.ts';
import { cardName } from './ethernet.ts';
import type { NicDevice, NicParts } from './models.ts';

/** Where the card is on the ISA bus. */
const ISA_PORT = 0x300;
const PORTS = 32,
  DATA_PORT = 0x10,
  RESET_PORT = 0x18;
const RAM_AT = 0x4000,
  RAM_BYTES = 0x4000;
const PROM_BYTES = 32;
/** What marks a card for 16-bit slots in the last two places of the PROM. */
const WORD_CARD = 0x57;

/** Registers of the RTL8029AS. Page 0: identification. Page 3: CONFIG0 to CONFIG3, which 9346CR lets be written, and two bytes of the device's number. */
const ID0 = 0x0a,
  ID1 = 0x0b;
const R9346CR = 1,
  CONFIG0 = 3,
  CONFIG2 = 5,
  CONFIG3 = 6,
  ASID0 = 0x0e,
  ASID1 = 0x0f;
const WRITE_ENABLE = 0xc0;
/** CONFIG2: medium, flow control. CONFIG3: full duplex, sleep, power down. */
const CONFIG2_WRITABLE = 0xe0,
  CONFIG3_WRITABLE = 0x46;

abstract class Ne2000 implements NicDevice {
  readonly name: string;
  protected readonly chip: Dp8390;
  private readonly ram = new Uint8Array(RAM_BYTES);
  private readonly prom = new Uint8Array(PROM_BYTES);

  /** Takes `ethernet.receive`. Throws RangeError for an address that no station can have. */
  constructor({ timers, irq, mac, ethernet, place }: NicParts) {
    if (mac.length !== 6 || mac[0] & 1)
      throw new RangeError('a network card’s address is six bytes, the first of them even');
    this.name = cardName('ne2k', place);
    // Eight data lines on a bus of sixteen: each byte is seen at two addresses.
    for (let i = 0; i < PROM_BYTES; i++) this.prom[i] = i < 12 ? mac[i >> 1] : i < 28 ? 0 : WORD_CARD;
    const { ram, prom } = this;
    const chip = new Dp8390({
      timers,
      irq,
      readLocal: address => (address < RAM_AT ? prom[address % PROM_BYTES] : (ram[address - RAM_AT] ?? 0xff)),
      writeLocal: (address, value) => {
        if (address >= RAM_AT) ram[address - RAM_AT] = value;
      },
      send: frame => ethernet.send(frame),
      isWireBusy: () => ethernet.busy === true,
      readExtra: (page, register) => this.readExtra(page, register),
      writeExtra: (page, register, value) => this.writeExtra(page, register, value),
    });
    this.chip = chip;
    ethernet.receive = frame => chip.receive(frame);
    ethernet.canReceive = () => chip.canReceive;
  }

  /** The DP8390 itself has nothing there. */
  protected readExtra(_page: number, _register: number): number {
    return 0xff;
  }

  protected writeExtra(_page: number, _register: number, _value: number): void {}

  protected read(offset: number, size: number): number {
    if (size > 1)
      return this.narrow(offset, size) ? this.read(offset, 1) | (this.read(offset + 1, 1) << 8) : this.chip.readData();
    if (offset < DATA_PORT) return this.chip.read(offset);
    if (offset < RESET_PORT) return this.chip.readData() & 0xff;
    this.chip.reset();
    return 0;
  }

  protected write(offset: number, value: number, size: number): void {
    if (size > 1 && this.narrow(offset, size)) {
      this.write(offset, value & 0xff, 1);
      this.write(offset + 1, value >> 8, 1);
    } else if (offset < DATA_PORT) this.chip.write(offset, value);
    else if (offset < RESET_PORT) this.chip.writeData(value);
  }

  /** Whether a word is two accesses of a byte each: only the data port takes words, and only while the chip transfers such. */
  private narrow(offset: number, size: number): boolean {
    return offset < DATA_PORT || offset + size > RESET_PORT || this.chip.transferBytes === 1;
  }

  protected readBlock(offset: number, size: number, into: Uint8Array): number {
    const { chip } = this;
    if (offset < DATA_PORT || offset >= RESET_PORT || size !== chip.transferBytes) return 0;
    let done = 0;
    for (; done + size <= into.length && chip.hasData; done += size) {
      const value = chip.readData();
      into[done] = value;
      if (size === 2) into[done + 1] = value >> 8;
    }
    return done;
  }

  protected writeBlock(offset: number, size: number, from: Uint8Array): number {
    const { chip } = this;
    if (offset < DATA_PORT || offset >= RESET_PORT || size !== chip.transferBytes) return 0;
    let done = 0;
    for (; done + size <= from.length && chip.takesData; done += size)
      chip.writeData(size === 2 ? from[done] | (from[done + 1] << 8) : from[done]);
    return done;
  }

  /** What answers the 32 ports. */
  protected get handlers(): Pick<PortRange, 'read' | 'write' | 'readBlock' | 'writeBlock'> & { width: 2 } {
    return {
      width: 2,
      read: (offset, size) => this.read(offset, size),
      write: (offset, value, size) => this.write(offset, value, size),
      readBlock: (offset, size, into) => this.readBlock(offset, size, into),
      writeBlock: (offset, size, from) => this.writeBlock(offset, size, from),
    };
  }

  reset(): void {
    this.chip.reset();
  }

  save(): State {
    return { chip: this.chip.save(), ram: this.ram.slice() };
  }

  restore(state: State): void {
    const { ram } = state;
    if (!(ram instanceof Uint8Array) || ram.length !== RAM_BYTES)
      throw new StateError(this.name, 'ram', `is not ${RAM_BYTES} bytes`);
    this.chip.restore(this.name, subState(this.name, state, 'chip'));
    this.ram.set(ram);
  }

  peek(): State {
    return { ...this.chip.peek(), prom: this.prom.slice() };
  }
}

/** The card in an ISA slot. */
export class Ne2000Isa extends Ne2000 {
  readonly portRanges: PortRange[] = [{ base: ISA_PORT, count: PORTS, ...this.handlers }];
}

export class Rtl8029 extends Ne2000 {
  readonly fn = new PciFunction('RTL8029AS', {
    vendor: 0x10ec,
    device: 0x8029,
    class: 0x020000,
    status: 0x0200,
    interruptPin: 1,
    subsystemVendor: 0x10ec,
    subsystem: 0x8029,
  });
  private readonly config = { r9346cr: 0, config2: 0, config3: 0 };

  constructor(parts: NicParts) {
    super(parts);
    this.fn.addBar(0, { kind: 'io', size: PORTS, ...this.handlers });
  }

  protected override readExtra(page: number, register: number): number {
    const { config } = this;
    if (page === 0) return register === ID0 ? 0x50 : register === ID1 ? 0x43 : 0xff;
    switch (register) {
      case R9346CR:
        return config.r9346cr;
      case CONFIG0:
        return 0;
      case CONFIG2:
        return config.config2;
      case CONFIG3:
        return config.config3;
      case ASID0:
        return 0x29;
      case ASID1:
        return 0x80;
      default:
        return 0xff;
    }
  }

  protected override writeExtra(_page: number, register: number, value: number): void {
    const { config } = this;
    if (register === R9346CR) config.r9346cr = value & WRITE_ENABLE;
    if (config.r9346cr !== WRITE_ENABLE) return;
    if (register === CONFIG2) config.config2 = value & CONFIG2_WRITABLE;
    if (register === CONFIG3) config.config3 = value & CONFIG3_WRITABLE;
  }

  override reset(): void {
    super.reset();
    resetState(this.config, { r9346cr: 0, config2: 0, config3: 0 });
  }

  override save(): State {
    return { ...super.save(), config: copyState(this.config) };
  }

  override restore(state: State): void {
    const config = subState(this.name, state, 'config');
    super.restore(state);
    assignState(this.name, this.config, config);
  }

  override peek(): State {
    return { ...super.peek(), ...this.config };
  }
}
