/**
 * Intel 82540EM Gigabit Ethernet controller: its registers in memory and through an I/O window, EEPROM, transceiver, interrupts and their timers.
 * Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (317453). What a wire cannot do here never happens: no
 * collisions, no lost link. Frames leave at once, not at 1 Gb/s. VLAN tags, wake-up and the manageability block's filters are not built.
 */
import type { State, Timer } from '../../bus.ts';
import { PCI, PciFunction } from '../../pci/pci.ts';
import { assignState, copyState, subState } from '../../state.ts';
import { cardName } from '../ethernet.ts';
import { Microwire } from '../microwire.ts';
import type { NicDevice, NicParts } from '../models.ts';
import { Phy } from './phy.ts';
import { Receiver } from './receiver.ts';
import {
  CTRL,
  EECD,
  EERD,
  ICR,
  KEPT_BYTES,
  RAH_AV,
  REG,
  REGISTER_BYTES,
  STAT,
  STATUS_LU,
  STATUS_UP,
  WRITABLE,
} from './registers.ts';
import { Statistics } from './statistics.ts';
import { Transmitter } from './transmitter.ts';

const VENDOR = 0x8086,
  DEVICE = 0x100e,
  SUBSYSTEM = 0x001e;
const IO_BYTES = 64,
  FLASH_BAR = 1;
/** Units of the interrupt timers: ITR, and RDTR, RADV, TIDV, TADV. */
const ITR_NS = 256,
  DELAY_NS = 1024;
/** How soon a busy wire is tried again. */
const WIRE_BUSY_NS = 100_000;
/** Receive and transmit packet buffers, KiB. */
const PBA_INITIAL = 0x00100030;
const EEPROM_WORDS = 64,
  EEPROM_SUM = 0xbaba;

/** Causes that a delayed one waits with. */
interface Delays {
  short: Timer;
  longest: Timer;
}

export class E1000 implements NicDevice {
  readonly name: string;
  readonly fn = new PciFunction('82540EM', {
    vendor: VENDOR,
    device: DEVICE,
    revision: 2,
    class: 0x020000,
    // Without power management and MSI there is no list of capabilities (4.1).
    status: 0x0220,
    interruptPin: 1,
    subsystemVendor: VENDOR,
    subsystem: SUBSYSTEM,
  });
  private readonly r = {
    regs: new Uint32Array(KEPT_BYTES / 4),
    ioAddress: 0,
    /** The interrupt line, and when it may rise again. */
    asserted: false,
    nextInterruptNs: 0,
    deadlines: [Infinity, Infinity, Infinity, Infinity, Infinity, Infinity],
  };
  private readonly parts: NicParts;
  private readonly eeprom: Microwire;
  private readonly phy: Phy;
  private readonly transmitter: Transmitter;
  private readonly receiver: Receiver;
  private readonly throttle: Timer;
  private readonly wire: Timer;
  private readonly receives: Delays;
  private readonly transmits: Delays;

  /** Takes `ethernet.receive`. @throws RangeError for an address that no station can have */
  constructor(parts: NicParts) {
    const { mac, timers, ethernet, place } = parts;
    if (mac.length !== 6 || mac[0] & 1)
      throw new RangeError('a network card’s address is six bytes, the first of them even');
    this.name = cardName('e1000', place);
    this.parts = parts;
    const { regs } = this.r;
    this.eeprom = new Microwire(new Uint8Array(eepromWords(mac).buffer));
    this.phy = new Phy(
      () => this.cause(ICR.LSC, false),
      () => ethernet.isDown === true,
    );
    ethernet.linkChanged = () => this.cause(ICR.LSC, false);
    const statistics = new Statistics(regs);
    const { fn } = this,
      { dma } = fn;
    this.transmitter = new Transmitter({
      regs,
      dma,
      statistics,
      send: frame => ethernet.send(frame),
      isWireBusy: () => ethernet.busy === true,
      cause: (bits, delayed) => this.cause(bits, delayed),
    });
    this.receiver = new Receiver({ regs, dma, statistics, cause: (bits, delayed) => this.cause(bits, delayed) });
    this.throttle = timers.create('e1000 interrupt', () => this.update());
    this.wire = timers.create('e1000 wire', () => this.transmit());
    const delays = (what: string, bits: number): Delays => {
      const due = (): void => this.cause(bits, false);
      return { short: timers.create(`e1000 ${what}`, due), longest: timers.create(`e1000 ${what} at last`, due) };
    };
    this.receives = delays('receive', ICR.RXT0);
    this.transmits = delays('transmit', ICR.TXDW);
    ethernet.receive = frame => {
      if (fn.busMaster) this.receiver.receive(frame);
    };
    ethernet.canReceive = () => !fn.busMaster || this.receiver.ready;
    fn.allow(PCI.COMMAND, 2, 0x0140 | fn.writable[PCI.COMMAND]);
    fn.writable[PCI.LATENCY] = 0xff;
    fn.addBar(0, {
      kind: 'memory',
      size: REGISTER_BYTES,
      read: (offset, size) => this.readBytes(offset, size),
      write: (offset, value, size) => this.writeBytes(offset, value, size),
    });
    fn.addBar(FLASH_BAR + 1, {
      kind: 'io',
      size: IO_BYTES,
      width: 4,
      read: (offset, size) => this.readIo(offset, size),
      write: (offset, value, size) => this.writeIo(offset, value, size),
    });
    this.reset();
  }

  // ---- reset

  /** The RESET pin. */
  reset(): void {
    const { r } = this;
    r.regs.fill(0);
    r.ioAddress = 0;
    this.phy.reset();
    this.softReset();
  }

  /** CTRL.RST (13.4.1): all but the EEPROM's pins and the addresses, which come from it again. */
  private softReset(): void {
    const { r, eeprom } = this;
    r.regs.fill(0);
    const set = (register: number, value: number): void => {
      r.regs[register >>> 2] = value;
    };
    set(REG.CTRL, CTRL.FD | CTRL.SPEED_1000 | CTRL.SLU | CTRL.ASDE);
    set(REG.EECD, EECD.PRES);
    set(REG.PBA, PBA_INITIAL);
    set(REG.LEDCTL, 0x07068302);
    set(REG.RAL, eeprom.word(0) | (eeprom.word(1) << 16));
    set(REG.RAH, (eeprom.word(2) | RAH_AV) >>> 0);
    r.nextInterruptNs = 0;
    this.transmitter.reset();
    for (const timer of this.timers) timer.cancel();
    this.update();
  }

  private get timers(): Timer[] {
    const { throttle, wire, receives, transmits } = this;
    return [throttle, wire, receives.short, receives.longest, transmits.short, transmits.longest];
  }

  // ---- access

  /** Registers are doublewords; parts of one are read as the bus does it, and written not at all (13.2). */
  private readBytes(offset: number, size: number): number {
    const value = this.read(offset & ~3);
    return size === 4 ? value : (value >>> (8 * (offset & 3))) & (2 ** (8 * size) - 1);
  }

  private writeBytes(offset: number, value: number, size: number): void {
    if (size === 4 && !(offset & 3)) this.write(offset, value >>> 0);
  }

  /** IOADDR and IODATA (13.2.2). */
  private readIo(offset: number, size: number): number {
    if (size !== 4) return 2 ** (8 * size) - 1;
    return offset === 0
      ? this.r.ioAddress
      : offset === 4 && this.r.ioAddress < REGISTER_BYTES
        ? this.read(this.r.ioAddress & ~3)
        : 0xffffffff;
  }

  private writeIo(offset: number, value: number, size: number): void {
    if (size !== 4) return;
    if (offset === 0) this.r.ioAddress = value >>> 0;
    else if (offset === 4 && this.r.ioAddress < REGISTER_BYTES) this.write(this.r.ioAddress & ~3, value >>> 0);
  }

  private read(register: number): number {
    const { regs } = this.r;
    const value = this.look(register);
    if (register === REG.ICR) {
      regs[REG.ICR >>> 2] = 0;
      this.update();
    } else if (register >= STAT.FIRST && register <= STAT.LAST) regs[register >>> 2] = 0;
    return value;
  }

  /** A register without what a read does. */
  private look(register: number): number {
    const { regs } = this.r;
    if (register === REG.STATUS) return this.parts.ethernet.isDown ? STATUS_UP & ~STATUS_LU : STATUS_UP;
    if (register === REG.EECD) return ((regs[register >>> 2] & ~EECD.DO) | (this.eeprom.dataOut ? EECD.DO : 0)) >>> 0;
    // What is only written.
    if (register === REG.ICS || register === REG.IMC) return 0;
    return regs[register >>> 2] ?? 0;
  }

  private write(register: number, value: number): void {
    const { regs } = this.r;
    const at = register >>> 2;
    if (register >= KEPT_BYTES || (register >= STAT.FIRST && register <= STAT.LAST)) return;
    switch (register) {
      case REG.CTRL:
        return this.control(value);
      case REG.EECD:
        return this.serial(value);
      case REG.EERD:
        regs[at] =
          value & EERD.START
            ? ((this.eeprom.word((value >>> 8) & 0xff) << 16) | (value & 0xff00) | EERD.DONE) >>> 0
            : value;
        return;
      case REG.MDIC:
        regs[at] = this.phy.access(value);
        if (value & (1 << 29)) this.cause(ICR.MDAC, false);
        return;
      case REG.ICR:
        regs[at] &= ~value;
        return this.update();
      case REG.ICS:
        return this.cause(value & ICR.ALL, false);
      case REG.IMS:
        regs[at] |= value & ICR.ALL;
        return this.update();
      case REG.IMC:
        regs[REG.IMS >>> 2] &= ~value;
        return this.update();
      default:
        regs[at] = value & (WRITABLE.get(register) ?? 0xffffffff);
    }
    if (register === REG.TDT || register === REG.TCTL) this.transmit();
    // FPD: the driver is notified of what waits now.
    if (register === REG.RDTR && value & 0x80000000) this.cause(ICR.RXT0, false);
  }

  private control(value: number): void {
    if (value & CTRL.RST) return this.softReset();
    if (value & CTRL.PHY_RST) this.phy.reset();
    const rises = (value & ~this.r.regs[REG.CTRL >>> 2] & CTRL.SLU) !== 0;
    this.r.regs[REG.CTRL >>> 2] = value & ~(CTRL.RST | CTRL.PHY_RST);
    if (rises || value & CTRL.PHY_RST) this.cause(ICR.LSC, false);
  }

  /** EECD: the EEPROM's pins, for the driver that has requested access to them. */
  private serial(value: number): void {
    this.r.regs[REG.EECD >>> 2] =
      (value & (EECD.SK | EECD.CS | EECD.DI | EECD.FWE | EECD.REQ)) | EECD.PRES | (value & EECD.REQ ? EECD.GNT : 0);
    this.eeprom.drive((value & EECD.CS) !== 0, (value & EECD.SK) !== 0, (value & EECD.DI) !== 0);
  }

  private transmit(): void {
    this.wire.cancel();
    if (this.fn.busMaster && this.transmitter.run()) this.wire.set(this.parts.timers.clock.nowNs() + WIRE_BUSY_NS);
  }

  // ---- interrupts

  /** Sets causes; those of single frames may wait, for others or for a while (13.4.30-31, 13.4.44-45). */
  private cause(bits: number, delayed: boolean): void {
    if (bits === 0) return;
    const { regs } = this.r;
    const waits = (delays: Delays, short: number, longest: number): boolean => {
      const units = regs[short >>> 2];
      if (!delayed || units === 0) {
        delays.short.cancel();
        delays.longest.cancel();
        return false;
      }
      const now = this.parts.timers.clock.nowNs();
      delays.short.set(now + units * DELAY_NS);
      if (regs[longest >>> 2] !== 0 && delays.longest.deadlineNs === Infinity)
        delays.longest.set(now + regs[longest >>> 2] * DELAY_NS);
      return true;
    };
    if (bits & ICR.RXT0 && waits(this.receives, REG.RDTR, REG.RADV)) bits &= ~ICR.RXT0;
    if (bits & ICR.TXDW && waits(this.transmits, REG.TIDV, REG.TADV)) bits &= ~ICR.TXDW;
    regs[REG.ICR >>> 2] |= bits;
    this.update();
  }

  /** The interrupt line: it rises no sooner after the last time than ITR says. */
  private update(): void {
    const { r, parts } = this;
    const wanted = (r.regs[REG.ICR >>> 2] & r.regs[REG.IMS >>> 2]) !== 0;
    if (wanted && !r.asserted) {
      const now = parts.timers.clock.nowNs();
      if (now < r.nextInterruptNs) return this.throttle.set(r.nextInterruptNs);
      r.nextInterruptNs = now + r.regs[REG.ITR >>> 2] * ITR_NS;
    }
    r.asserted = wanted;
    parts.irq.set(wanted);
  }

  // ---- state

  save(): State {
    this.r.deadlines = this.timers.map(({ deadlineNs }) => deadlineNs);
    this.transmitter.beforeSave();
    return {
      ...copyState(this.r),
      eeprom: this.eeprom.save(),
      phy: this.phy.save(),
      transmitter: copyState(this.transmitter.state),
    };
  }

  /** @throws StateError */
  restore(state: State): void {
    const { name, transmitter } = this;
    this.eeprom.restore(`${name} eeprom`, subState(name, state, 'eeprom'));
    this.phy.restore(`${name} phy`, subState(name, state, 'phy'));
    const sent = subState(name, state, 'transmitter');
    // Of any length.
    if (sent.gathered instanceof Uint8Array) transmitter.state.gathered = new Uint8Array(sent.gathered.length);
    assignState(`${name} transmitter`, transmitter.state, sent);
    transmitter.afterRestore();
    assignState(name, this.r, state);
    this.timers.forEach((timer, i) => timer.set(this.r.deadlines[i]));
    this.parts.irq.set(this.r.asserted);
  }

  /** Registers by name, without what a read does. */
  peek(): State {
    return Object.fromEntries(
      [...Object.entries(REG), ...Object.entries(STAT)]
        .filter(([, register]) => register < KEPT_BYTES)
        .map(([name, register]) => [name, this.look(register)]),
    );
  }
}

/** What the board's maker wrote to the EEPROM (chapter 5): address, identifiers, and what makes the sum of all words 0xBABA. */
function eepromWords(mac: Uint8Array): Uint16Array {
  const words = new Uint16Array(EEPROM_WORDS);
  for (let i = 0; i < 3; i++) words[i] = mac[2 * i] | (mac[2 * i + 1] << 8);
  // LEDs as they are by default; no boards' identification.
  words[4] = 0xffff;
  words[8] = words[9] = 0xffff;
  // Signature 01, subsystem and device identifiers are to be loaded.
  words[0x0a] = 0x4408;
  words[0x0b] = SUBSYSTEM;
  words[0x0c] = VENDOR;
  words[0x0d] = DEVICE;
  words[0x0e] = VENDOR;
  words[0x3f] = EEPROM_SUM - words.reduce((sum, word) => sum + word, 0);
  return words;
}
