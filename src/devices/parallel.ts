/**
 * Standard parallel port (SPP, bidirectional) with a printer that takes every byte.
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Parallel port"; LPT1 0x378, IRQ 7.
 */
import type { IrqLine, PortRange } from './bus.ts';
import { RegisterDevice } from './register-device.ts';

const CONTROL_STROBE = 0x01,
  CONTROL_INIT = 0x04,
  CONTROL_SELECT = 0x08,
  CONTROL_IRQ = 0x10,
  CONTROL_INPUT = 0x20;
/** Status: not busy, acknowledge idle, paper there, selected, no error. */
const STATUS_IDLE = 0xd8;
/** Reserved bits 0-1 read 1; bit 2 (interrupt pending, PS/2) is low active and unused. */
const STATUS_RESERVED = 0x07;

const initial = () => ({ data: 0, control: CONTROL_INIT | CONTROL_SELECT });

export class ParallelPort extends RegisterDevice<ReturnType<typeof initial>> {
  readonly ports: PortRange;
  private readonly irq: IrqLine;
  private readonly print: (byte: number) => void;

  constructor(name: string, base: number, irq: IrqLine, print: (byte: number) => void) {
    super(name, initial);
    this.irq = irq;
    this.print = print;
    this.ports = {
      base,
      count: 3,
      read: offset => this.read(offset),
      write: (offset, value) => this.write(offset, value),
    };
  }

  private read(offset: number): number {
    const { r } = this;
    if (offset === 0) return r.control & CONTROL_INPUT ? 0xff : r.data;
    if (offset === 1) return STATUS_IDLE | STATUS_RESERVED;
    return r.control | 0xc0;
  }

  private write(offset: number, value: number): void {
    const { r } = this;
    if (offset === 0) r.data = value;
    if (offset !== 2) return;
    const strobed = (value & ~r.control & CONTROL_STROBE) !== 0;
    r.control = value & 0x3f;
    if (!strobed || r.control & CONTROL_INPUT) return;
    this.print(r.data);
    // ACK pulses low and back: its rising edge is the interrupt.
    if (r.control & CONTROL_IRQ) {
      this.irq.set(true);
      this.irq.set(false);
    }
  }

  get portRanges(): PortRange[] {
    return [this.ports];
  }
}
