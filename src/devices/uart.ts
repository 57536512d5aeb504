/**
 * National Semiconductor PC16550D UART with FIFOs.
 * Source: PC16550D datasheet (TL/C/8652). PC wiring: OUT2 gates the interrupt, but not in QEMU (hw/char/serial.c, serial_update_irq), on whose
 * devices HVM guests of Xen run; COM1 0x3F8 IRQ 4, COM2 0x2F8 IRQ 3.
 * A byte leaves at once when it is written; bytes from outside wait in a queue until the receiver has room, so none is overrun.
 */
import type { Device, IrqLine, PortRange, State } from './bus.ts';
import { assignState, copyState, resetState } from './state.ts';

/** Registers by offset: RBR when read and THR when written, as IIR and FCR; with LCR's DLAB the first two are the divisor. */
const RBR = 0,
  THR = 0,
  IER = 1,
  IIR = 2,
  FCR = 2,
  LCR = 3,
  MCR = 4,
  LSR = 5,
  MSR = 6,
  SCR = 7;
const IER_RDA = 1,
  IER_THRE = 2,
  IER_LINE = 4,
  IER_MODEM = 8;
const IIR_NONE = 1,
  IIR_MODEM = 0,
  IIR_THRE = 2,
  IIR_RDA = 4,
  IIR_LINE = 6,
  IIR_TIMEOUT = 12,
  IIR_FIFO = 0xc0;
const LCR_BREAK = 0x40,
  LCR_DLAB = 0x80;
const MCR_DTR = 1,
  MCR_RTS = 2,
  MCR_OUT1 = 4,
  MCR_OUT2 = 8,
  MCR_LOOP = 16;
const LSR_DR = 1,
  LSR_OE = 2,
  LSR_BI = 16,
  LSR_THRE = 32,
  LSR_TEMT = 64,
  LSR_FIFO_ERROR = 128;
const MSR_CTS = 16,
  MSR_DSR = 32,
  MSR_RI = 64,
  MSR_DCD = 128;
const FCR_ENABLE = 1,
  FCR_CLEAR_RX = 2,
  FCR_CLEAR_TX = 4;
const TRIGGERS = [1, 4, 8, 14];
const FIFO_BYTES = 16;
/** Bytes from outside that wait beyond the chip's own FIFO. */
const QUEUE_BYTES = 4096;
/** Reads of LSR in a row, with no other register between, that are a loop waiting for data: a loop that sends stops at the first, since THR is always empty. */
const POLLS = 4;
/** Levels of a connected terminal's modem lines. */
const CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD;

const initial = () => ({
  ier: 0,
  lcr: 0,
  mcr: 0,
  /** Error bits of LSR: OE, and BI with its FIFO error. DR, THRE and TEMT are computed. */
  errors: 0,
  /** Delta bits of MSR (0-3) and the levels last seen (4-7). */
  msr: CONNECTED,
  scratch: 0,
  /** 115200 / divisor baud. */
  divisor: 1,
  fifo: new Uint8Array(FIFO_BYTES),
  fifoHead: 0,
  fifoLength: 0,
  fifoEnabled: false,
  trigger: 1,
  /** THR empty interrupt waits to be seen. */
  threPending: false,
});

export class Uart implements Device {
  readonly name: string;
  readonly ports: PortRange;
  private readonly r = initial();
  private readonly queue = new Uint8Array(QUEUE_BYTES);
  private queueHead = 0;
  private queueLength = 0;
  private polls = 0;
  private readonly irq: IrqLine;
  private readonly transmit: (byte: number) => void;
  private readonly gated: boolean;

  /** `gated`: the interrupt goes through OUT2, as on an IBM PC. */
  constructor(name: string, base: number, irq: IrqLine, transmit: (byte: number) => void, gated = true) {
    this.name = name;
    this.gated = gated;
    this.irq = irq;
    this.transmit = transmit;
    this.ports = {
      base,
      count: 8,
      read: offset => this.read(offset),
      write: (offset, value) => this.write(offset, value),
    };
  }

  /** Bytes from the other end of the line. Returns how many were taken; offer the rest again later. */
  input(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, QUEUE_BYTES - this.queueLength);
    for (let i = 0; i < count; i++) this.queue[(this.queueHead + this.queueLength + i) % QUEUE_BYTES] = bytes[i];
    this.queueLength += count;
    this.fill();
    this.update();
    return count;
  }

  /** Bytes that `input` would take now. */
  get room(): number {
    return QUEUE_BYTES - this.queueLength;
  }

  private get capacity(): number {
    return this.r.fifoEnabled ? FIFO_BYTES : 1;
  }

  /** Moves waiting bytes into the receiver. In loopback the line is disconnected. */
  private fill(): void {
    const { r } = this;
    if (r.mcr & MCR_LOOP) return;
    while (this.queueLength > 0 && r.fifoLength < this.capacity) {
      r.fifo[(r.fifoHead + r.fifoLength) % FIFO_BYTES] = this.queue[this.queueHead];
      r.fifoLength++;
      this.queueHead = (this.queueHead + 1) % QUEUE_BYTES;
      this.queueLength--;
    }
  }

  /** A byte on the receiver's own input (loopback): what does not fit is an overrun. */
  private receive(byte: number): void {
    const { r } = this;
    if (r.fifoLength === this.capacity) {
      r.errors |= LSR_OE;
      // Without FIFO the holding register is overwritten; with it the byte in the shift register is lost.
      if (!r.fifoEnabled) r.fifo[r.fifoHead] = byte;
      return;
    }
    r.fifo[(r.fifoHead + r.fifoLength) % FIFO_BYTES] = byte;
    r.fifoLength++;
  }

  private modemLines(): number {
    const { mcr } = this.r;
    if (!(mcr & MCR_LOOP)) return CONNECTED;
    return (
      (mcr & MCR_RTS ? MSR_CTS : 0) |
      (mcr & MCR_DTR ? MSR_DSR : 0) |
      (mcr & MCR_OUT1 ? MSR_RI : 0) |
      (mcr & MCR_OUT2 ? MSR_DCD : 0)
    );
  }

  /** Sets the delta bits; that of RI only for its trailing edge. */
  private modemChanged(): void {
    const { r } = this;
    const lines = this.modemLines();
    const changed = (lines ^ r.msr) & 0xf0;
    const deltas = ((changed & ~MSR_RI) | (changed & MSR_RI & r.msr)) >> 4;
    r.msr = lines | (r.msr & 15) | deltas;
  }

  /** Pending interrupt of the highest priority, as IIR shows it (without the FIFO bits). */
  private cause(): number {
    const { r } = this;
    if (r.ier & IER_LINE && r.errors !== 0) return IIR_LINE;
    // A character below the trigger level would raise the time-out four character times later: nothing is gained by waiting.
    if (r.ier & IER_RDA && r.fifoLength > 0) return r.fifoLength >= r.trigger ? IIR_RDA : IIR_TIMEOUT;
    if (r.ier & IER_THRE && r.threPending) return IIR_THRE;
    if (r.ier & IER_MODEM && r.msr & 15) return IIR_MODEM;
    return IIR_NONE;
  }

  private update(): void {
    // OUT2 is inactive in loopback, whatever MCR says.
    const open = !this.gated || (this.r.mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    this.irq.set(open && this.cause() !== IIR_NONE);
  }

  /**
   * Somebody reads what arrives: the received-data interrupt is on, or a loop does nothing but look at LSR. A patient terminal waits for this,
   * since systems clear the FIFO, and what is in it, when they find and open the port.
   */
  get listening(): boolean {
    return (this.r.ier & IER_RDA) !== 0 || this.polls >= POLLS;
  }

  private read(offset: number): number {
    const { r } = this;
    this.polls = offset === LSR ? Math.min(POLLS, this.polls + 1) : 0;
    switch (offset) {
      case RBR: {
        if (r.lcr & LCR_DLAB) return r.divisor & 0xff;
        const byte = r.fifo[r.fifoHead];
        if (r.fifoLength > 0) {
          r.fifoHead = (r.fifoHead + 1) % FIFO_BYTES;
          r.fifoLength--;
          // Without FIFO the next byte has yet to come in: the request falls in between, and interrupt controllers wait for it to rise.
          if (!r.fifoEnabled) this.update();
          this.fill();
          this.update();
        }
        return byte;
      }
      case IER:
        return r.lcr & LCR_DLAB ? r.divisor >> 8 : r.ier;
      case IIR: {
        const cause = this.cause();
        // Reading IIR is what clears the THRE interrupt, if it is the one shown.
        if (cause === IIR_THRE) {
          r.threPending = false;
          this.update();
        }
        return cause | (r.fifoEnabled ? IIR_FIFO : 0);
      }
      case LCR:
        return r.lcr;
      case MCR:
        return r.mcr;
      case LSR: {
        const value = (r.fifoLength > 0 ? LSR_DR : 0) | r.errors | LSR_THRE | LSR_TEMT;
        if (r.errors !== 0) {
          r.errors = 0;
          this.update();
        }
        return value;
      }
      case MSR: {
        const value = r.msr;
        r.msr &= 0xf0;
        this.update();
        return value;
      }
      default:
        return r.scratch;
    }
  }

  private write(offset: number, value: number): void {
    const { r } = this;
    this.polls = 0;
    switch (offset) {
      case THR:
        if (r.lcr & LCR_DLAB) {
          r.divisor = (r.divisor & 0xff00) | value;
          return;
        }
        if (r.mcr & MCR_LOOP) this.receive(value);
        else this.transmit(value);
        r.threPending = true;
        break;
      case IER:
        if (r.lcr & LCR_DLAB) {
          r.divisor = (r.divisor & 0xff) | (value << 8);
          return;
        }
        // Enabling it while THR is empty asserts the THRE interrupt at once (and again, should it have been seen before).
        if (value & ~r.ier & IER_THRE) r.threPending = true;
        r.ier = value & 15;
        break;
      case FCR: {
        const enable = (value & FCR_ENABLE) !== 0;
        if (value & FCR_CLEAR_RX || enable !== r.fifoEnabled) r.fifoLength = 0;
        if (value & FCR_CLEAR_TX) r.threPending = true;
        r.fifoEnabled = enable;
        r.trigger = enable ? TRIGGERS[value >> 6] : 1;
        this.fill();
        break;
      }
      case LCR:
        // A break looped back is a zero byte with BI.
        if (r.mcr & MCR_LOOP && value & ~r.lcr & LCR_BREAK) {
          this.receive(0);
          r.errors |= LSR_BI | (r.fifoEnabled ? LSR_FIFO_ERROR : 0);
        }
        r.lcr = value;
        break;
      case MCR:
        r.mcr = value & 0x1f;
        this.modemChanged();
        this.fill();
        break;
      case SCR:
        r.scratch = value;
        return;
      default:
        return;
    }
    this.update();
  }

  get portRanges(): PortRange[] {
    return [this.ports];
  }

  /** Master reset: the divisor and the scratch register keep their values, bytes that wait outside stay there. */
  reset(): void {
    const { divisor, scratch } = this.r;
    resetState(this.r, { ...initial(), divisor, scratch });
    this.fill();
    this.update();
  }

  save(): State {
    const waiting = new Uint8Array(this.queueLength);
    for (let i = 0; i < waiting.length; i++) waiting[i] = this.queue[(this.queueHead + i) % QUEUE_BYTES];
    return { ...copyState(this.r), waiting };
  }

  restore(state: State): void {
    assignState(this.name, this.r, state);
    const waiting = state.waiting instanceof Uint8Array ? state.waiting : new Uint8Array();
    this.queueHead = 0;
    this.queueLength = Math.min(waiting.length, QUEUE_BYTES);
    this.queue.set(waiting.subarray(0, this.queueLength));
  }

  peek(): State {
    const { r } = this;
    return { ...copyState(r), iir: this.cause(), baud: r.divisor ? 115200 / r.divisor : 0, waiting: this.queueLength };
  }
}
