/**
 * The network cards that a guest can have, by the names that definitions (`model=`) and `--nic` have for them. One line a card: definitions, the command line
 * and the page know it from here.
 */
import type { Device, Dma, IrqLine, Timers } from '../bus.ts';
import type { PciFunction } from '../pci/pci.ts';
import { E1000 } from './e1000/e1000.ts';
import type { Ethernet } from './ethernet.ts';
import { PcnetPci } from './pcnet-pci.ts';

/** A card as the board sees it: a device with one PCI function. */
export interface NicDevice extends Device {
  readonly fn: PciFunction;
}

/** What a card is made of. It takes `ethernet.receive`. */
export interface NicParts {
  timers: Timers;
  dma: Dma;
  irq: IrqLine;
  /** Station address: six bytes, not a group address. */
  mac: Uint8Array;
  ethernet: Ethernet;
}

interface NicKind {
  /** At most twelve letters. */
  name: string;
  /** In a sentence, with the name of Linux's driver. */
  title: string;
  /** @throws RangeError for an address that no station can have */
  make(parts: NicParts): NicDevice;
}

export const NIC_MODELS = {
  pcnet: { name: 'AMD PCNet', title: 'an AMD PCNet (pcnet32)', make: parts => new PcnetPci(parts) },
  e1000: { name: 'Intel e1000', title: 'an Intel 82540EM (e1000)', make: parts => new E1000(parts) },
} satisfies Record<string, NicKind>;

export type NicModel = keyof typeof NIC_MODELS;

export const isNicModel = (name: string): name is NicModel => Object.hasOwn(NIC_MODELS, name);

/** A card and its wire. */
export interface NicAttachment extends Pick<NicParts, 'mac' | 'ethernet'> {
  model: NicModel;
}
