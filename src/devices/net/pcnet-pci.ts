/** The Am79C970A as a PCI function: 32 bytes of I/O space and the same 32 bytes of memory. Source: datasheet, "PCI Configuration Registers". */
import type { State } from '../bus.ts';
import { PCI, PciFunction } from '../pci/pci.ts';
import { cardName } from './ethernet.ts';
import type { NicDevice, NicParts } from './models.ts';
import { Pcnet, PCNET_PORTS } from './pcnet.ts';

/** Interrupt line's neighbours: minimum grant and maximum latency. */
const MIN_GNT = 0x3e;
const PARITY_AND_SERR = 0x0140;

export class PcnetPci implements NicDevice {
  readonly name: string;
  readonly fn = new PciFunction('Am79C970A', {
    vendor: 0x1022,
    device: 0x2000,
    revision: 0x16,
    class: 0x020000,
    status: 0x0280,
    interruptPin: 1,
    subsystemVendor: 0x1022,
    subsystem: 0x2000,
  });
  private readonly chip: Pcnet;

  /** Takes `ethernet.receive`. Throws RangeError for an address that no station can have. */
  constructor({ timers, irq, mac, ethernet, place }: NicParts) {
    if (mac.length !== 6 || mac[0] & 1)
      throw new RangeError('a network card’s address is six bytes, the first of them even');
    this.name = cardName('pcnet', place);
    const { fn } = this;
    const chip = new Pcnet(mac, {
      timers,
      dma: fn.dma,
      irq,
      busMaster: () => fn.busMaster,
      send: frame => ethernet.send(frame),
      isWireBusy: () => ethernet.busy === true,
      isDown: () => ethernet.isDown === true,
      latency: value => fn.put(MIN_GNT, value, 2),
    });
    this.chip = chip;
    ethernet.receive = frame => chip.receive(frame);
    ethernet.canReceive = () => chip.canReceive;
    fn.allow(PCI.COMMAND, 2, PARITY_AND_SERR | fn.writable[PCI.COMMAND]);
    fn.writable[PCI.LATENCY] = 0xff;
    const read = (offset: number, size: number): number => chip.read(offset, size);
    const write = (offset: number, value: number, size: number): void => chip.write(offset, value, size);
    fn.addBar(0, { kind: 'io', size: PCNET_PORTS, width: 4, read, write });
    fn.addBar(1, { kind: 'memory', size: PCNET_PORTS, read, write });
  }

  reset(): void {
    this.chip.reset();
  }

  save(): State {
    return this.chip.save();
  }

  restore(state: State): void {
    this.chip.restore(this.name, state);
  }

  peek(): State {
    return this.chip.peek();
  }
}
