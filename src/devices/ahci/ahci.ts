/**
 * Serial ATA host bus adapter of the 82801I (ICH9), in AHCI mode: one port with a disk, 32 commands at a time.
 * Source: Serial ATA Advanced Host Controller Interface (AHCI) 1.3.1; identifiers: Intel, I/O Controller Hub 9 (ICH9) Family Datasheet (316972), 14.1.
 * Not built: message-signalled interrupts, command completion coalescing, enclosure management, port multipliers, power states of the link.
 */
import type { Device, IrqLine, State } from '../bus.ts';
import { PciFunction } from '../pci/pci.ts';
import { assignState, copyState, resetState, subState } from '../state.ts';
import { AhciPort } from './port.ts';
import { CAP, GHC, HBA, PORT_BYTES, PORTS, VERSION } from './registers.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';

/** AHCI's registers lie behind the sixth base address register. */
const ABAR = 5,
  ABAR_BYTES = 0x800;

const initial = () => ({ control: GHC.AHCI >>> 0, is: 0 });

export class Ahci implements Device {
  readonly name = 'ahci';
  readonly fn = new PciFunction('ICH9 AHCI', {
    vendor: 0x8086,
    device: 0x2922,
    revision: 2,
    class: 0x010601,
    interruptPin: 1,
  });
  readonly port: AhciPort;
  private readonly r = initial();
  private readonly irq: IrqLine;

  constructor(irq: IrqLine) {
    this.irq = irq;
    this.port = new AhciPort(this.fn, () => this.update());
    this.fn.addBar(ABAR, {
      kind: 'memory',
      size: ABAR_BYTES,
      read: (offset, size) => this.readBytes(offset, size),
      write: (offset, value, size) => this.writeBytes(offset, value, size),
    });
  }

  /** Another disk is on the port's cable, or none: the driver is notified by an interrupt. `serial`: at most 20 characters. */
  connect(medium: BlockDevice | undefined, serial = ''): void {
    this.port.connect(medium, serial);
  }

  /** Registers are doublewords (3): parts of one are read, and written not at all. */
  private readBytes(offset: number, size: number): number {
    const value = this.read(offset & ~3);
    return size === 4 ? value : (value >>> (8 * (offset & 3))) & (2 ** (8 * size) - 1);
  }

  private writeBytes(offset: number, value: number, size: number): void {
    if (size !== 4 || offset & 3) return;
    if (offset >= PORTS) {
      if (offset < PORTS + PORT_BYTES) this.port.write(offset - PORTS, value >>> 0);
      return;
    }
    const { r } = this;
    if (offset === HBA.IS) r.is &= ~value;
    else if (offset === HBA.GHC) {
      if (value & GHC.RESET) return this.resetAdapter();
      // There is nothing but AHCI.
      r.control = ((value & GHC.INTERRUPTS) | GHC.AHCI) >>> 0;
    }
    this.update();
  }

  private read(register: number): number {
    if (register >= PORTS) return register < PORTS + PORT_BYTES ? this.port.read(register - PORTS) : 0;
    switch (register) {
      case HBA.CAP:
        return CAP.SLOTS | CAP.AHCI_ONLY | CAP.GEN2 | CAP.OVERRIDE | CAP.QUEUED;
      case HBA.GHC:
        return this.r.control;
      case HBA.IS:
        return this.r.is;
      case HBA.PI:
        return 1;
      case HBA.VS:
        return VERSION;
      default:
        return 0;
    }
  }

  private update(): void {
    const { r, port, irq } = this;
    if (port.interrupts) r.is |= 1;
    irq.set(r.is !== 0 && (r.control & GHC.INTERRUPTS) !== 0);
  }

  private resetAdapter(): void {
    resetState(this.r, initial());
    this.port.reset();
  }

  /** The RESET pin. */
  reset(): void {
    this.resetAdapter();
  }

  save(): State {
    return { ...copyState(this.r), port: this.port.save() };
  }

  /** @throws StateError */
  restore(state: State): void {
    const port = subState(this.name, state, 'port');
    assignState(this.name, this.r, state);
    this.port.restore(`${this.name} port`, port);
    this.update();
  }

  peek(): State {
    return {
      ...Object.fromEntries(Object.entries(HBA).map(([name, register]) => [name, this.read(register)])),
      port: this.port.peek(),
    };
  }
}
