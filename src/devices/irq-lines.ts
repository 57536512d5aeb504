/**
 * Wired-OR of interrupt requests: several devices on one ISA interrupt (a PIRQ routed onto the SCI's, two UARTs), one pin at each
 * interrupt controller.
 * Sources are numbered in the order in which the machine asks for them, which is the same in every run, so their levels can be saved as bits.
 */
import type { IrqLine } from './bus.ts';
import { RegisterDevice } from './register-device.ts';

/** ISA interrupts; I/O APIC pins above 15 have no source on this board. */
export const IRQ_COUNT = 16;

const initial = () => ({ asserted: new Uint32Array(IRQ_COUNT) });

export class IrqLines extends RegisterDevice<ReturnType<typeof initial>> {
  private sources = 0;
  private readonly pins: (level: boolean, irq: number) => void;

  /** `pins` is called when the level of an interrupt changes. */
  constructor(name: string, pins: (level: boolean, irq: number) => void) {
    super(name, initial);
    this.pins = pins;
  }

  /** One more request line on an interrupt. At most 32 share one. */
  source(irq: number): IrqLine {
    const route = this.routed();
    return { set: level => route.set(irq, level) };
  }

  /** A request line that can move between interrupts (PIRQ): `set(irq, level)`; it takes the same bit on all of them. */
  routed(): { set(irq: number, level: boolean): void } {
    const bit = this.sources++;
    if (bit > 31) throw new Error('more than 32 interrupt sources');
    const mask = (1 << bit) >>> 0;
    const asserted = this.r.asserted;
    return {
      set: (irq, level) => {
        const before = asserted[irq];
        const after = level ? (before | mask) >>> 0 : (before & ~mask) >>> 0;
        if (before === after) return;
        asserted[irq] = after;
        if ((before === 0) !== (after === 0)) this.pins(after !== 0, irq);
      },
    };
  }

  override reset(): void {
    for (let irq = 0; irq < IRQ_COUNT; irq++) {
      if (this.r.asserted[irq] !== 0) this.pins(false, irq);
      this.r.asserted[irq] = 0;
    }
  }
}
