/**
 * The PC's keyboard controller (Intel 8042 with the PS/2 program) and system control port A (0x92).
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller"; port 0x92: PIIX3 (290550).
 * Keyboard on port 1 (IRQ 1), mouse on port 2 (IRQ 12).
 */
import type { Clock, Device, IrqLine, PortRange, State, Timer, Timers } from '../bus.ts';
import { assignState, copyState, resetState, subState } from '../state.ts';
import { Keyboard } from './keyboard.ts';
import { Mouse } from './mouse.ts';
import { translate } from './scancodes.ts';

/** Commands, to port 0x64; beside them 0x20 to 0x3F and 0x60 to 0x7F read and write the RAM, 0xF0 and more pulse the output port. */
const DISABLE_MOUSE = 0xa7,
  ENABLE_MOUSE = 0xa8,
  TEST_MOUSE_PORT = 0xa9,
  SELF_TEST = 0xaa,
  TEST_KEYBOARD_PORT = 0xab,
  DISABLE_KEYBOARD = 0xad,
  ENABLE_KEYBOARD = 0xae,
  READ_INPUT_PORT = 0xc0,
  READ_OUTPUT_PORT = 0xd0,
  WRITE_OUTPUT_PORT = 0xd1,
  WRITE_KEYBOARD_BUFFER = 0xd2,
  WRITE_MOUSE_BUFFER = 0xd3,
  WRITE_TO_MOUSE = 0xd4,
  READ_TEST_INPUTS = 0xe0;
/** The controller's command byte is the first of its RAM. */
const CCB = 0;
const STATUS_OBF = 0x01,
  STATUS_SYSTEM = 0x04,
  STATUS_COMMAND = 0x08,
  STATUS_UNLOCKED = 0x10,
  STATUS_AUX = 0x20;
const CCB_IRQ1 = 0x01,
  CCB_IRQ12 = 0x02,
  CCB_SYSTEM = 0x04,
  CCB_NO_KEYBOARD = 0x10,
  CCB_NO_MOUSE = 0x20,
  CCB_TRANSLATE = 0x40;
/** Output port: bit 0 low resets the processor, bit 1 is A20, bits 4 and 5 follow the interrupt requests. */
const OUT_NOT_RESET = 0x01,
  OUT_A20 = 0x02,
  OUT_IRQ1 = 0x10,
  OUT_IRQ12 = 0x20;
/** Eleven bits at some 15 kHz: a device's byte is not there at once. */
const BYTE_NS = 700_000;
/** Before the code of a key that is let go, in sets 2 and 3. */
const BREAK_PREFIX = 0xf0;
const NONE = 0,
  CONTROLLER = 1,
  KEYBOARD = 2,
  MOUSE = 3;

const initial = () => ({
  ram: Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? CCB_IRQ1 | CCB_SYSTEM | CCB_TRANSLATE | CCB_NO_MOUSE : 0)),
  /** Last byte in the output buffer and who put it there (NONE: it was read). */
  output: 0,
  from: NONE,
  aux: false,
  lastWasCommand: false,
  /** Command whose data byte on port 0x60 is awaited; 0: none. */
  command: 0,
  outputPort: OUT_NOT_RESET | OUT_A20,
  /** Break prefix swallowed by the translation. */
  release: false,
  port92: 0x02,
});

export class I8042 implements Device {
  readonly name = 'i8042';
  readonly keyboard: Keyboard;
  readonly mouse: Mouse;
  private readonly r = initial();
  private readonly clock: Clock;
  private readonly timer: Timer;
  private readonly irq1: IrqLine;
  private readonly irq12: IrqLine;
  private readonly onReset: () => void;
  private readonly onA20: (open: boolean) => void;

  readonly dataPorts: PortRange = {
    base: 0x60,
    count: 1,
    read: () => this.readData(),
    write: (_offset, value) => this.writeData(value),
  };
  readonly commandPorts: PortRange = {
    base: 0x64,
    count: 1,
    read: () => this.status(),
    write: (_offset, value) => this.writeCommand(value),
  };
  readonly port92: PortRange = {
    base: 0x92,
    count: 1,
    read: () => this.readPort92(),
    write: (_offset, value) => this.writePort92(value),
  };

  /** `onA20`: the gate was opened or closed. */
  constructor(
    timers: Timers,
    irq1: IrqLine,
    irq12: IrqLine,
    onReset: () => void,
    onA20: (open: boolean) => void = () => {},
  ) {
    this.clock = timers.clock;
    this.timer = timers.create('i8042', () => this.transfer());
    this.irq1 = irq1;
    this.irq12 = irq12;
    this.onReset = onReset;
    this.onA20 = onA20;
    this.keyboard = new Keyboard(() => this.schedule());
    this.mouse = new Mouse(() => this.schedule());
  }

  /** A20 gate: false forces bit 20 of the processor's addresses to 0. */
  get a20(): boolean {
    return (this.r.outputPort & OUT_A20) !== 0;
  }

  private get ccb(): number {
    return this.r.ram[CCB];
  }

  private canSend(): number {
    if (this.keyboard.hasData && !(this.ccb & CCB_NO_KEYBOARD)) return KEYBOARD;
    if (this.mouse.hasData && !(this.ccb & CCB_NO_MOUSE)) return MOUSE;
    return NONE;
  }

  /** A byte is on its way as soon as the output buffer is free. */
  private schedule(): void {
    if (this.r.from !== NONE || this.timer.deadlineNs !== Infinity || this.canSend() === NONE) return;
    this.timer.set(this.clock.nowNs() + BYTE_NS);
  }

  private transfer(): void {
    const { r } = this;
    if (r.from !== NONE) return;
    const who = this.canSend();
    if (who === NONE) return;
    if (who === MOUSE) {
      this.put(this.mouse.next(), MOUSE);
      return;
    }
    const byte = this.keyboard.next();
    if (!(this.ccb & CCB_TRANSLATE)) {
      this.put(byte, KEYBOARD);
      return;
    }
    if (byte === BREAK_PREFIX) {
      r.release = true;
      this.schedule();
      return;
    }
    this.put(translate(byte) | (r.release ? 0x80 : 0), KEYBOARD);
    if (byte < 0xe0) r.release = false;
  }

  private put(byte: number, from: number): void {
    const { r } = this;
    r.output = byte;
    r.from = from;
    r.aux = from === MOUSE;
    this.updateIrqs();
  }

  private updateIrqs(): void {
    const { r } = this;
    const full = r.from !== NONE;
    this.irq1.set(full && !r.aux && (this.ccb & CCB_IRQ1) !== 0);
    this.irq12.set(full && r.aux && (this.ccb & CCB_IRQ12) !== 0);
  }

  private status(): number {
    const { r } = this;
    return (
      STATUS_UNLOCKED |
      (r.from !== NONE ? STATUS_OBF : 0) |
      (this.ccb & CCB_SYSTEM ? STATUS_SYSTEM : 0) |
      (r.lastWasCommand ? STATUS_COMMAND : 0) |
      (r.from !== NONE && r.aux ? STATUS_AUX : 0)
    );
  }

  private readData(): number {
    const { r } = this;
    const byte = r.output;
    if (r.from !== NONE) {
      r.from = NONE;
      this.updateIrqs();
      this.schedule();
    }
    return byte;
  }

  private writeData(value: number): void {
    const { r } = this;
    r.lastWasCommand = false;
    const { command } = r;
    r.command = 0;
    if (command >= 0x60 && command <= 0x7f) {
      r.ram[command & 0x1f] = value;
      this.updateIrqs();
      this.schedule();
      return;
    }
    switch (command) {
      case WRITE_OUTPUT_PORT:
        this.writeOutputPort(value);
        return;
      case WRITE_KEYBOARD_BUFFER:
        this.put(value, KEYBOARD);
        return;
      case WRITE_MOUSE_BUFFER:
        this.put(value, MOUSE);
        return;
      case WRITE_TO_MOUSE:
        // Sending to a device enables its interface.
        r.ram[CCB] &= ~CCB_NO_MOUSE;
        this.mouse.receive(value);
        return;
      default:
        r.ram[CCB] &= ~CCB_NO_KEYBOARD;
        this.keyboard.receive(value);
    }
  }

  private writeOutputPort(value: number): void {
    const { r } = this;
    // The processor's reset is a pulse: nobody could end it.
    r.outputPort = OUT_NOT_RESET | (value & OUT_A20);
    r.port92 = (r.port92 & ~2) | (value & OUT_A20);
    this.onA20(this.a20);
    if (!(value & OUT_NOT_RESET)) this.onReset();
  }

  private writeCommand(value: number): void {
    const { r } = this;
    r.lastWasCommand = true;
    r.command = 0;
    if (value >= 0x20 && value <= 0x3f) {
      this.put(r.ram[value & 0x1f], CONTROLLER);
      return;
    }
    if (value >= 0x60 && value <= 0x7f) {
      r.command = value;
      return;
    }
    if (value >= 0xf0) {
      // Pulses output bits whose bit here is 0 for 6 µs; bit 0 is the processor's reset.
      if (!(value & 1)) this.onReset();
      return;
    }
    switch (value) {
      case DISABLE_MOUSE:
        r.ram[CCB] |= CCB_NO_MOUSE;
        return;
      case ENABLE_MOUSE:
        r.ram[CCB] &= ~CCB_NO_MOUSE;
        this.schedule();
        return;
      case TEST_MOUSE_PORT:
      case TEST_KEYBOARD_PORT:
        this.put(0x00, CONTROLLER);
        return;
      case SELF_TEST:
        r.ram[CCB] |= CCB_SYSTEM;
        this.put(0x55, CONTROLLER);
        return;
      case DISABLE_KEYBOARD:
        r.ram[CCB] |= CCB_NO_KEYBOARD;
        return;
      case ENABLE_KEYBOARD:
        r.ram[CCB] &= ~CCB_NO_KEYBOARD;
        this.schedule();
        return;
      case READ_INPUT_PORT:
        // Keyboard not locked, manufacturing jumper not installed, colour display.
        this.put(0xa0, CONTROLLER);
        return;
      case READ_OUTPUT_PORT:
        this.put(
          r.outputPort | (r.from !== NONE && !r.aux ? OUT_IRQ1 : 0) | (r.from !== NONE && r.aux ? OUT_IRQ12 : 0),
          CONTROLLER,
        );
        return;
      case WRITE_OUTPUT_PORT:
      case WRITE_KEYBOARD_BUFFER:
      case WRITE_MOUSE_BUFFER:
      case WRITE_TO_MOUSE:
        r.command = value;
        return;
      case READ_TEST_INPUTS:
        // Both clock lines idle high unless disabled.
        this.put((this.ccb & CCB_NO_KEYBOARD ? 0 : 1) | (this.ccb & CCB_NO_MOUSE ? 0 : 2), CONTROLLER);
        return;
      default:
    }
  }

  private readPort92(): number {
    return this.r.port92;
  }

  private writePort92(value: number): void {
    const { r } = this;
    const resets = (value & ~r.port92 & 1) !== 0;
    r.port92 = value & 0x0b;
    r.outputPort = (r.outputPort & ~OUT_A20) | (value & OUT_A20);
    this.onA20(this.a20);
    if (resets) this.onReset();
  }

  get portRanges(): PortRange[] {
    return [this.dataPorts, this.commandPorts, this.port92];
  }

  reset(): void {
    resetState(this.r, initial());
    this.keyboard.reset();
    this.mouse.reset();
    this.timer.cancel();
    this.updateIrqs();
    this.onA20(this.a20);
  }

  save(): State {
    return {
      ...copyState(this.r),
      keyboard: this.keyboard.save(),
      mouse: this.mouse.save(),
      deadlineNs: this.timer.deadlineNs,
    };
  }

  restore(state: State): void {
    assignState(this.name, this.r, state);
    this.keyboard.restore(subState(this.name, state, 'keyboard'));
    this.mouse.restore(subState(this.name, state, 'mouse'));
    this.timer.set(typeof state.deadlineNs === 'number' ? state.deadlineNs : Infinity);
    this.onA20(this.a20);
  }

  peek(): State {
    return { ...copyState(this.r), status: this.status(), keyboard: this.keyboard.save(), mouse: this.mouse.save() };
  }
}
