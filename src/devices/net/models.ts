/**
 * The network cards that a guest can have, by the names that definitions (`model=`) and `--nic` have for them. One line a card: definitions, the command line
 * and the page know it from here. A card's program is loaded (`loadNic`) before a board has it: most guests have none, or another.
 */
import { part } from '../../formats/loading/index.ts';
import type { Device, IrqLine, Timers } from '../bus.ts';
import type { PciFunction } from '../pci/pci.ts';
import { virtioDevicePrograms } from '../virtio/programs.ts';
import type { Ethernet } from './ethernet.ts';

/** A card as the board sees it: a device with one PCI function, or with ports on the ISA bus. */
export interface NicDevice extends Device {
  readonly fn?: PciFunction;
}

/** What a card is made of. It takes `ethernet.receive`. */
export interface NicParts {
  timers: Timers;
  irq: IrqLine;
  /** Station address: six bytes, not a group address. */
  mac: Uint8Array;
  ethernet: Ethernet;
  /** Which of its board's cards it is (0: the first, or the only one). */
  place?: number;
}

/** @throws RangeError for an address that no station can have */
export type NicClass = new (parts: NicParts) => NicDevice;

/** A line of the list. */
export interface NicKind {
  /** At most twelve letters. */
  name: string;
  /** In a sentence, with the name of Linux's driver. */
  title: string;
  /** The ISA interrupt of a card that is not on the PCI bus. IRQ 9 is ACPI's here, and drivers of ISA cards do not share theirs. */
  isaIrq?: number;
  /** The file with an expansion ROM that boots from the network by it (iPXE, in Debian's ipxe-qemu). */
  rom?: string;
  load(): Promise<NicClass>;
}

const CARD = 'is the guest’s network card';
const pcnet = part(() => import('./pcnet-pci.ts'), CARD),
  e1000 = part(() => import('./e1000/e1000.ts'), CARD),
  ne2000 = part(() => import('./ne2000.ts'), CARD);

export const NIC_MODELS = {
  pcnet: {
    name: 'AMD PCNet',
    title: 'an AMD PCNet (pcnet32)',
    rom: 'pxe-pcnet.rom',
    load: async () => (await pcnet.load()).PcnetPci,
  },
  e1000: {
    name: 'Intel e1000',
    title: 'an Intel 82540EM (e1000)',
    rom: 'pxe-e1000.rom',
    load: async () => (await e1000.load()).E1000,
  },
  ne2k_pci: {
    name: 'NE2000 PCI',
    title: 'a Realtek RTL8029AS (ne2k-pci)',
    rom: 'pxe-ne2k_pci.rom',
    load: async () => (await ne2000.load()).Rtl8029,
  },
  ne2k_isa: {
    name: 'NE2000 ISA',
    title: 'an NE2000 at port 0x300, IRQ 5 (ne)',
    isaIrq: 5,
    load: async () => (await ne2000.load()).Ne2000Isa,
  },
  virtio: {
    name: 'virtio',
    title: 'a virtio-net (virtio_net)',
    rom: 'pxe-virtio.rom',
    load: async () => (await virtioDevicePrograms.load()).VirtioNet,
  },
} satisfies Record<string, NicKind>;

export type NicModel = keyof typeof NIC_MODELS;

/** A card of a domain, before it has a wire. */
export interface BoardCard {
  place: number;
  model: NicModel;
  /** Its station address: six bytes in hexadecimal with colons (absent: that of every card of older states). */
  mac?: string;
}

const loaded = new Map<NicModel, NicClass>();

/** Boards can have this card from then on. */
export async function loadNic(model: NicModel): Promise<void> {
  if (!loaded.has(model)) loaded.set(model, await NIC_MODELS[model].load());
}

/** All cards, where domains are made at once. */
export const loadNics = async (): Promise<void> =>
  void (await Promise.all((Object.keys(NIC_MODELS) as NicModel[]).map(loadNic)));

/** @throws Error where nobody has loaded it */
export function nicClass(model: NicModel): NicClass {
  const its = loaded.get(model);
  if (!its) throw new Error(`The network card ${model} is not loaded.`);
  return its;
}

/** The file with the ROM that boots from the network by this card; undefined: it has no place for one. */
export const romOf = (model: NicModel | undefined): string | undefined => model && (NIC_MODELS[model] as NicKind).rom;

export const isNicModel = (name: string): name is NicModel => Object.hasOwn(NIC_MODELS, name);

/** A card and its wire. */
export interface NicAttachment extends Pick<NicParts, 'mac' | 'ethernet' | 'place'> {
  model: NicModel;
}
