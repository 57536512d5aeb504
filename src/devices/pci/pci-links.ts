/**
 * The four PCI interrupt wires (PIRQA to PIRQD) and the ISA interrupts that they are led to. They belong to the owner of the interrupt controllers: a device model
 * says which pins its devices assert, and what the routing registers of its ISA bridge hold.
 * Source: 82371FB/SB (PIIX3) datasheet, 290550, PIRQRC[A:D]; xen/include/public/hvm/dm_op.h, set_pci_intx_level and set_pci_link_route.
 */
import type { IrqLines } from '../irq-lines.ts';
import { RegisterDevice } from '../register-device.ts';

const LINKS = 4;
/** Interrupt 0 is the timer's: no link leads there. */
const NOWHERE = 0;

/** `asserted`: of each link, a bit a slot. Slots are wired in rotation, so that one pin of each is on a link. */
const initial = () => ({ asserted: new Uint32Array(LINKS), routes: new Uint8Array(LINKS) });

export class PciLinks extends RegisterDevice<ReturnType<typeof initial>> {
  private readonly lines: { set(irq: number, level: boolean): void }[];

  constructor(irqs: IrqLines) {
    super('pci-links', initial);
    this.lines = Array.from({ length: LINKS }, () => irqs.routed());
  }

  /** Interrupt pin (0 INTA to 3 INTD) of a slot. */
  setIntx(slot: number, pin: number, level: boolean): void {
    const { asserted } = this.r;
    const link = (slot - 1 + pin) & (LINKS - 1);
    const bit = (1 << slot) >>> 0;
    asserted[link] = level ? asserted[link] | bit : asserted[link] & ~bit;
    this.drive(link);
  }

  /** Leads a link (0 PIRQA) to an ISA interrupt; 0: nowhere. */
  setRoute(link: number, irq: number): void {
    const { routes } = this.r;
    if (routes[link] === irq) return;
    if (routes[link] !== NOWHERE) this.lines[link].set(routes[link], false);
    routes[link] = irq;
    this.drive(link);
  }

  private drive(link: number): void {
    const { routes, asserted } = this.r;
    if (routes[link] !== NOWHERE) this.lines[link].set(routes[link], asserted[link] !== 0);
  }

  /** The routes are the ISA bridge's, which is reset, too. */
  override reset(): void {
    this.r.asserted.fill(0);
    for (let link = 0; link < LINKS; link++) this.drive(link);
  }
}
