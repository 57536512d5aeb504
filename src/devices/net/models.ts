/**
 * The network cards that a guest can have, by the names that definitions (`model=`) and `--nic` have for them. One line a card: definitions, the command line
 * and the page know it from here.
 */
import type { Device, Dma, IrqLine, Timers } from '../bus.ts';
import type { PciFunction } from '../pci/pci.ts';
import { E1000 } from './e1000/e1000.ts';
import type { Ethernet } from './ethernet.ts';
import { Ne2000Isa, NE2000_IRQ, Rtl8029 } from './ne2000.ts';
import { PcnetPci } from './pcnet-pci.ts';

/** A card as the board sees it: a device with one PCI function, or with ports on the ISA bus. */
export interface NicDevice extends Device {
  readonly fn?: PciFunction;
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

/** A line of the list. */
export interface NicKind {
  /** At most twelve letters. */
  name: string;
  /** In a sentence, with the name of Linux's driver. */
  title: string;
  /** The ISA interrupt of a card that is not on the PCI bus. */
  isaIrq?: number;
  /** The file with an expansion ROM that boots from the network by it (iPXE, in Debian's ipxe-qemu). */
  rom?: string;
  /** @throws RangeError for an address that no station can have */
  make(parts: NicParts): NicDevice;
}

export const NIC_MODELS = {
  pcnet: { name: 'AMD PCNet', title: 'an AMD PCNet (pcnet32)', rom: 'pxe-pcnet.rom', make: parts => new PcnetPci(parts) },
  e1000: { name: 'Intel e1000', title: 'an Intel 82540EM (e1000)', rom: 'pxe-e1000.rom', make: parts => new E1000(parts) },
  ne2k_pci: { name: 'NE2000 PCI', title: 'a Realtek RTL8029AS (ne2k-pci)', rom: 'pxe-ne2k_pci.rom', make: parts => new Rtl8029(parts) },
  ne2k_isa: { name: 'NE2000 ISA', title: 'an NE2000 at port 0x300, IRQ 5 (ne)', isaIrq: NE2000_IRQ, make: parts => new Ne2000Isa(parts) },
} satisfies Record<string, NicKind>;

export type NicModel = keyof typeof NIC_MODELS;

/** The file with the ROM that boots from the network by this card; undefined: it has no place for one. */
export const romOf = (model: NicModel | undefined): string | undefined => model && (NIC_MODELS[model] as NicKind).rom;

export const isNicModel = (name: string): name is NicModel => Object.hasOwn(NIC_MODELS, name);

/** A card and its wire. */
export interface NicAttachment extends Pick<NicParts, 'mac' | 'ethernet'> {
  model: NicModel;
}
