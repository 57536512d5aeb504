/**
 * Two cascaded Intel 8259A interrupt controllers with the edge/level control registers of the PIIX3.
 * Sources: Intel 8259A datasheet, order number 231468; 82371SB (PIIX3) datasheet, 290550, for ELCR (0x4D0, 0x4D1).
 * PC wiring: the slave's INT is the master's IR2; ports 0x20-0x21 and 0xA0-0xA1.
 */
import type { Device, PortRange, State } from './bus.ts';
import { assignState, copyState, resetState, subState } from './state.ts';

/** Master input that the slave's INT drives. */
const CASCADE = 2;
/** Input whose vector a spurious interrupt takes. */
const SPURIOUS = 7;

const ICW1_IC4 = 0x01,
  ICW1_SNGL = 0x02,
  ICW1_LTIM = 0x08,
  ICW1 = 0x10;
const ICW4_AEOI = 0x02,
  ICW4_SFNM = 0x10;
const OCW3 = 0x08,
  OCW3_RIS = 0x01,
  OCW3_RR = 0x02,
  OCW3_POLL = 0x04,
  OCW3_SMM = 0x20,
  OCW3_ESMM = 0x40;
/** OCW2 bits: rotate, specific, end of interrupt. */
const OCW2_R = 0x80,
  OCW2_SL = 0x40,
  OCW2_EOI = 0x20;

const initial = () => ({
  /** Levels on IR0-IR7. */
  lines: 0,
  irr: 0,
  isr: 0,
  imr: 0,
  /** Edge/level control register: 1 level. */
  elcr: 0,
  icw1: 0,
  icw3: 0,
  icw4: 0,
  /** Vector of IR0. */
  base: 0,
  /** Initialization word awaited on A0 = 1 (2, 3, 4); 0: operating. */
  awaiting: 0,
  /** False until a first initialization is complete: INT stays low. */
  ready: false,
  /** IR with the lowest priority. */
  lowest: 7,
  specialMask: false,
  rotateOnAeoi: false,
  readIsr: false,
  poll: false,
});

/** One 8259A. */
class Pic8259 {
  readonly r = initial();
  private readonly elcrWritable: number;
  private readonly cascadeBit: number;

  /** `elcrWritable`: inputs that may be level-triggered; `cascadeBit`: input of a slave, 0 for the slave itself. */
  constructor(elcrWritable: number, cascadeBit: number) {
    this.elcrWritable = elcrWritable;
    this.cascadeBit = cascadeBit;
  }

  private get levelMode(): number {
    return this.r.icw1 & ICW1_LTIM ? 0xff : this.r.elcr;
  }

  setLine(ir: number, level: boolean): void {
    const { r } = this;
    const bit = 1 << ir;
    if (level) {
      if (!(r.lines & bit)) r.irr |= bit;
      r.lines |= bit;
    } else {
      // The request must stay until the first INTA, edge-triggered or not; what drops earlier ends as a default IR7.
      r.lines &= ~bit;
      r.irr &= ~bit;
    }
  }

  /** IR that would be acknowledged now; -1: INT is low. */
  pending(): number {
    const { r } = this;
    const requests = r.irr & ~r.imr;
    if (requests === 0 || !r.ready) return -1;
    const blocking = r.specialMask ? r.isr & ~r.imr : r.isr;
    for (let i = 1; i <= 8; i++) {
      const ir = (r.lowest + i) & 7;
      const bit = 1 << ir;
      // Special fully nested mode: a slave in service may ask again, for a higher priority of its own.
      if (blocking & bit) return r.icw4 & ICW4_SFNM && bit === this.cascadeBit && requests & bit ? ir : -1;
      if (requests & bit) return ir;
    }
    return -1;
  }

  /** INTA: the IR served; -1: nothing asks any more (spurious). */
  acknowledge(): number {
    const { r } = this;
    const ir = this.pending();
    if (ir < 0) return -1;
    const bit = 1 << ir;
    if (!(this.levelMode & bit)) r.irr &= ~bit;
    if (r.icw4 & ICW4_AEOI) {
      if (r.rotateOnAeoi) r.lowest = ir;
    } else r.isr |= bit;
    return ir;
  }

  /** Highest priority in service; -1: none. In special mask mode, masked inputs do not count (datasheet, "special mask mode"). */
  private inService(): number {
    const { r } = this;
    const isr = r.specialMask ? r.isr & ~r.imr : r.isr;
    for (let i = 1; i <= 8; i++) {
      const ir = (r.lowest + i) & 7;
      if (isr & (1 << ir)) return ir;
    }
    return -1;
  }

  private ocw2(value: number): void {
    const { r } = this;
    const level = value & 7;
    if (value & OCW2_EOI) {
      const ir = value & OCW2_SL ? level : this.inService();
      if (ir < 0) return;
      r.isr &= ~(1 << ir);
      if (value & OCW2_R) r.lowest = ir;
    } else if ((value & (OCW2_R | OCW2_SL)) === (OCW2_R | OCW2_SL)) r.lowest = level;
    else if (!(value & OCW2_SL)) r.rotateOnAeoi = (value & OCW2_R) !== 0;
  }

  write(a0: number, value: number): void {
    const { r } = this;
    if (a0 === 0) {
      if (value & ICW1) {
        // Datasheet, "Initialization Command Words": edge sense, IMR and special mask are cleared, IR7 is the lowest priority, status read is IRR.
        r.icw1 = value;
        r.irr = r.lines & this.levelMode;
        r.imr = 0;
        r.isr = 0;
        r.lowest = 7;
        r.specialMask = false;
        r.readIsr = false;
        r.poll = false;
        r.rotateOnAeoi = false;
        r.icw3 = 0;
        r.ready = false;
        if (!(value & ICW1_IC4)) r.icw4 = 0;
        r.awaiting = 2;
      } else if (value & OCW3) {
        if (value & OCW3_ESMM) r.specialMask = (value & OCW3_SMM) !== 0;
        if (value & OCW3_POLL) r.poll = true;
        else if (value & OCW3_RR) r.readIsr = (value & OCW3_RIS) !== 0;
      } else this.ocw2(value);
      return;
    }
    switch (r.awaiting) {
      case 2:
        r.base = value & 0xf8;
        r.awaiting = r.icw1 & ICW1_SNGL ? (r.icw1 & ICW1_IC4 ? 4 : 0) : 3;
        break;
      case 3:
        r.icw3 = value;
        r.awaiting = r.icw1 & ICW1_IC4 ? 4 : 0;
        break;
      case 4:
        r.icw4 = value;
        r.awaiting = 0;
        break;
      default:
        r.imr = value;
        return;
    }
    if (r.awaiting === 0) r.ready = true;
  }

  /** A read without the poll: that one acknowledges and is the pair's business. */
  read(a0: number): number {
    const { r } = this;
    return a0 === 1 ? r.imr : r.readIsr ? r.isr : r.irr;
  }

  get elcr(): number {
    return this.r.elcr;
  }

  set elcr(value: number) {
    const { r } = this;
    const before = this.levelMode;
    r.elcr = value & this.elcrWritable;
    const after = this.levelMode;
    r.irr = (r.irr & ~after) | (r.lines & after);
    // An input that turns to edge keeps no request of its level.
    r.irr &= ~(before & ~after);
  }

  reset(): void {
    resetState(this.r, { ...initial(), lines: this.r.lines });
  }
}

export class Pic implements Device {
  readonly name = 'pic';
  private readonly master = new Pic8259(0xf8, 1 << CASCADE);
  private readonly slave = new Pic8259(0xde, 0);
  private readonly onInt: (level: boolean) => void;
  /** Level of the master's INT pin. */
  int = false;

  readonly masterPorts: PortRange;
  readonly slavePorts: PortRange;
  readonly elcrPorts: PortRange;

  /** `onInt` is called when the master's INT pin changes. */
  constructor(onInt: (level: boolean) => void) {
    this.onInt = onInt;
    const ports = (base: number, chip: Pic8259): PortRange => ({
      base,
      count: 2,
      read: offset => this.read(chip, offset),
      write: (offset, value) => {
        chip.write(offset, value);
        this.update();
      },
    });
    this.masterPorts = ports(0x20, this.master);
    this.slavePorts = ports(0xa0, this.slave);
    this.elcrPorts = {
      base: 0x4d0,
      count: 2,
      read: offset => (offset === 0 ? this.master : this.slave).elcr,
      write: (offset, value) => {
        (offset === 0 ? this.master : this.slave).elcr = value;
        this.update();
      },
    };
  }

  /** Level of ISA interrupt 0-15 (2 is the cascade: ignored). */
  setLine(irq: number, level: boolean): void {
    if (irq === CASCADE) return;
    if (irq < 8) this.master.setLine(irq, level);
    else this.slave.setLine(irq - 8, level);
    this.update();
  }

  /** Requested and not masked, and no INTA yet. */
  isWaiting(irq: number): boolean {
    const { r } = irq < 8 ? this.master : this.slave;
    return r.ready && (r.irr & ~r.imr & (1 << (irq & 7))) !== 0;
  }

  private update(): void {
    this.master.setLine(CASCADE, this.slave.pending() >= 0);
    const int = this.master.pending() >= 0;
    if (int === this.int) return;
    this.int = int;
    this.onInt(int);
  }

  /** The slave takes its INT low at INTA: what it still wants is a new edge at the master. */
  private acknowledgeSlave(): number {
    const ir = this.slave.acknowledge();
    this.master.setLine(CASCADE, false);
    return ir;
  }

  /** The processor's INTA cycles: the vector. Where no request is left, the vector of IR7 without a bit in service (datasheet, "default IR7"). */
  acknowledge(): number {
    const ir = this.master.acknowledge();
    let vector: number;
    if (ir === CASCADE) {
      const theirs = this.acknowledgeSlave();
      vector = this.slave.r.base + (theirs < 0 ? SPURIOUS : theirs);
    } else vector = this.master.r.base + (ir < 0 ? SPURIOUS : ir);
    this.update();
    return vector;
  }

  private read(chip: Pic8259, a0: number): number {
    if (!chip.r.poll) return chip.read(a0);
    // Poll command: this read is the INTA; bit 7 says whether there was an interrupt.
    chip.r.poll = false;
    const ir = chip === this.slave ? this.acknowledgeSlave() : chip.acknowledge();
    this.update();
    return ir < 0 ? 0 : 0x80 | ir;
  }

  /** As a PC BIOS leaves it: vectors 0x08 and 0x70, timer, keyboard, cascade, floppy and the slave's clock, mouse, coprocessor, disks unmasked. */
  setFirmwareDefaults(): void {
    for (const [chip, words] of [
      [this.master, [0x08, 0x04, 0x01]],
      [this.slave, [0x70, 0x02, 0x01]],
    ] as const) {
      chip.write(0, 0x11);
      for (const word of words) chip.write(1, word);
    }
    this.master.write(1, 0xb8);
    this.slave.write(1, 0x8f);
    this.update();
  }

  get portRanges(): PortRange[] {
    return [this.masterPorts, this.slavePorts, this.elcrPorts];
  }

  reset(): void {
    this.master.reset();
    this.slave.reset();
    this.update();
  }

  save(): State {
    return { master: copyState(this.master.r), slave: copyState(this.slave.r), int: this.int };
  }

  restore(state: State): void {
    assignState(this.name, this.master.r, subState(this.name, state, 'master'));
    assignState(this.name, this.slave.r, subState(this.name, state, 'slave'));
    this.int = state.int === true;
  }

  peek(): State {
    return this.save();
  }
}
