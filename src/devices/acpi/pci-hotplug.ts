/**
 * PCI hot plug of a board like QEMU's `pc`: functions come to a running guest and go. The guest's ACPI hears by general-purpose event 1, asks which slots have
 * changed, and says when it has let go of one. Source: QEMU's docs/specs/acpi_pci_hotplug.rst and hw/acpi/pcihp.c; ACPI specification, 4.8.4.1 (general-purpose
 * event registers), 5.6.4 (their methods), 6.3.3 (_EJx).
 */
import type { Device, IrqLine, PortRange, Timer, Timers } from '../bus.ts';
import type { IrqLines } from '../irq-lines.ts';
import { type IdeAttachment, VIRTIO_DISKS } from '../ide/piix-ide.ts';
import { NIC_MODELS, type NicAttachment, nicClass, type NicKind } from '../net/models.ts';
import type { PciBus, PciFunction } from '../pci/pci.ts';
import { MOST_CARDS, slotOfCard, VIRTIO_DISK_SLOT } from '../pci/slots.ts';
import { RegisterDevice } from '../register-device.ts';
import { virtioDisks } from '../virtio/disks.ts';
import { ownSlot, virtioDevice } from '../virtio/kinds.ts';
import type { VirtioHost } from '../virtio/transport.ts';
import * as aml from './aml.ts';
import type { Aml } from './aml.ts';
import { GPE0_BASE, GPE0_BYTES, PCI_HOTPLUG_BASE, PCI_HOTPLUG_BYTES, SCI_IRQ } from './piix4-pm.ts';

/** Those whose functions come and go. */
const SLOTS: readonly number[] = [
  ...Array.from({ length: MOST_CARDS }, (_, place) => slotOfCard(place)),
  ...Array.from({ length: VIRTIO_DISKS }, (_, i) => VIRTIO_DISK_SLOT + i),
].sort((a, b) => a - b);
/** Of the registers behind PCI_HOTPLUG_BASE, each with a bit for each slot. */
const UP = 0,
  DOWN = 4,
  EJECT = 8,
  REMOVABLE = 12;
const EVENT = 1 << 1;
/** What Notify says of a slot: look whether something has come; let go of what is there (ACPI specification, 5.6.6). */
const DEVICE_CHECK = 1,
  EJECT_REQUEST = 3;
/** A field of doublewords whose bits that are not written become 0. */
const DWORDS_WRITE_ZEROS = 0x43;
const SYSTEM_IO = 1;

const initial = () => ({ status: 0, enable: 0, up: 0, down: 0 });

/** What the board has and gives. */
export interface HotplugBoard {
  timers: Timers;
  pci: PciBus;
  /** In the order of restoring; the last one stays that. */
  devices: Device[];
  intx(slot: number): IrqLine;
}

type Plugged = Device & { readonly fn: PciFunction };

/** Timers that go with their device. */
class OwnTimers implements Timers {
  readonly clock;
  private readonly board: Timers;
  private readonly own: Timer[] = [];

  constructor(board: Timers) {
    this.board = board;
    this.clock = board.clock;
  }

  create(name: string, callback: () => void): Timer {
    const timer = this.board.create(name, callback);
    this.own.push(timer);
    return timer;
  }

  remove(): void {
    for (const timer of this.own.splice(0)) timer.remove();
  }
}

/** A slot's name in QEMU's tables: its first function's number, times eight functions. */
const nameOf = (slot: number): string => `S${(slot << 3).toString(16).toUpperCase().padStart(2, '0')}`;

export class PciHotplug extends RegisterDevice<ReturnType<typeof initial>> {
  readonly addedLater = true;
  /** Slots that the guest has emptied, until the owner of the board takes them out of it. */
  readonly emptied: number[] = [];
  private readonly board: HotplugBoard;
  private readonly removable = SLOTS.reduce((bits, slot) => bits | (1 << slot), 0);
  private sci: IrqLine | undefined;
  private readonly timers = new Map<number, OwnTimers>();
  /** Of cards, by their slots; of one that is gone it leads nowhere. */
  private readonly wires = new Map<number, NicAttachment['ethernet']>();

  readonly portRanges: PortRange[] = [
    {
      base: GPE0_BASE,
      count: GPE0_BYTES,
      width: 4,
      read: (offset, size) => this.readEvents(offset, size),
      write: (offset, value, size) => this.writeEvents(offset, value, size),
    },
    {
      base: PCI_HOTPLUG_BASE,
      count: PCI_HOTPLUG_BYTES,
      width: 4,
      read: offset => this.readSlots(offset),
      write: (offset, value) => {
        if (offset === EJECT) this.eject(value);
      },
    },
  ];

  constructor(board: HotplugBoard) {
    super('acpi-hotplug', initial);
    this.board = board;
  }

  // ---- registers

  private readEvents(offset: number, size: number): number {
    const value = (this.r.status | (this.r.enable << 16)) >>> (8 * offset);
    return size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1);
  }

  /** The first half is status: a one that is written clears it. */
  private writeEvents(offset: number, value: number, size: number): void {
    const { r } = this;
    for (let i = 0; i < size; i++) {
      const at = offset + i,
        byte = ((value >>> (8 * i)) & 0xff) << (8 * (at & 1));
      if (at < 2) r.status &= ~byte;
      else r.enable = (r.enable & (0xff00 >> (8 * (at & 1)))) | byte;
    }
    this.drive();
  }

  private readSlots(offset: number): number {
    const { r } = this;
    if (offset === UP) {
      const { up } = r;
      r.up = 0;
      return up >>> 0;
    }
    return (offset === DOWN ? r.down : offset === REMOVABLE ? this.removable : 0) >>> 0;
  }

  private raise(): void {
    this.r.status |= EVENT;
    this.drive();
  }

  /** Its request line, the last of these. */
  driveBy(lines: IrqLines): void {
    this.sci = lines.source(SCI_IRQ);
  }

  private drive(): void {
    this.sci?.set((this.r.status & this.r.enable) !== 0);
  }

  // ---- functions that come

  /** Timers and interrupt of what is in a slot from now on; `wire`: of a card. */
  partsOf(slot: number, wire?: NicAttachment['ethernet']): { timers: Timers; irq: IrqLine } {
    const timers = new OwnTimers(this.board.timers);
    this.timers.set(slot, timers);
    if (wire) this.wires.set(slot, wire);
    return { timers, irq: this.board.intx(slot) };
  }

  /** A disk of virtio; the guest is notified. @throws RangeError, Error with a sentence where its place is taken or does not exist */
  plugDisk(drive: IdeAttachment): void {
    for (const { number, device } of virtioDisks([drive], number => this.free(VIRTIO_DISK_SLOT + number)))
      this.insert(device, VIRTIO_DISK_SLOT + number);
  }

  /** A card, likewise. @throws RangeError, Error with a sentence where there is one, or it is none of the PCI bus */
  plugCard(card: NicAttachment): void {
    const its = nicClass(card.model);
    if ((NIC_MODELS[card.model] as NicKind).isaIrq !== undefined)
      throw new Error('Cards of the ISA bus do not come while it runs.');
    const slot = slotOfCard(card.place ?? 0);
    const device = new its({ ...this.free(slot, card.ethernet), ...card });
    this.insert(device as Plugged, slot);
  }

  /** A folder, likewise: a device as definitions have it in a word, which names its slot, and its name on the board. */
  plugFolder(item: string, name: string, host: VirtioHost): void {
    const slot = ownSlot(item);
    if (slot === undefined) throw new Error('What comes while a guest runs names its slot.');
    this.insert(virtioDevice(item, { ...this.free(slot), name, seed: 0, host }), slot);
  }

  /** @throws Error with a sentence: something is there */
  private free(slot: number, wire?: NicAttachment['ethernet']): { timers: Timers; irq: IrqLine } {
    const there = this.board.pci.at(slot, 0);
    if (there) throw new Error(`PCI slot ${slot} has a ${there.name} already.`);
    return this.partsOf(slot, wire);
  }

  private insert(device: Plugged, slot: number): void {
    const { devices, pci } = this.board;
    // The request lines stay last, since the others drive them.
    devices.splice(-1, 0, device);
    pci.add(slot, 0, device.fn);
    device.reset();
    this.r.up |= 1 << slot;
    this.raise();
  }

  // ---- functions that go

  /** The guest is asked to let go of what is in a slot; `emptied` has that once it has. @throws Error with a sentence: nothing is there that could go */
  remove(slot: number): void {
    if (!(this.removable & (1 << slot)) || !this.board.pci.at(slot, 0))
      throw new Error(`PCI slot ${slot} has nothing that could go.`);
    this.r.down |= 1 << slot;
    this.raise();
  }

  /** The guest has let go of the lowest of these slots, at its own wish or at the host's. */
  private eject(slots: number): void {
    const slot = 31 - Math.clz32(slots & -slots);
    if (slot < 0 || !(this.removable & (1 << slot))) return;
    const { pci, devices } = this.board;
    this.r.up &= ~(1 << slot);
    this.r.down &= ~(1 << slot);
    const fn = pci.at(slot, 0);
    const at = devices.findIndex(device => fn && (device as Partial<Plugged>).fn === fn);
    if (at < 0) return;
    // It drives no line any more, and asks for nothing.
    devices[at]!.reset();
    devices.splice(at, 1);
    pci.remove(slot, 0);
    this.timers.get(slot)?.remove();
    this.timers.delete(slot);
    const wire = this.wires.get(slot);
    delete wire?.receive;
    delete wire?.canReceive;
    delete wire?.linkChanged;
    this.emptied.push(slot);
  }

  /** What was to go is gone then: who starts again is not asked. */
  override reset(): void {
    for (const slot of SLOTS) if (this.r.down & (1 << slot)) this.eject(1 << slot);
    super.reset();
    this.drive();
  }

  // ---- what the guest's ACPI finds

  /** Terms for the PCI root's device, and for the root of the name space. */
  static terms(): { bus: Aml; root: Aml } {
    const notify = (slot: number): Aml => [0x86, ...aml.path(nameOf(slot)), ...aml.arg(1)];
    const bus = [
      aml.region('PCST', SYSTEM_IO, PCI_HOTPLUG_BASE, 8),
      aml.field(
        'PCST',
        [
          ['PCIU', 32],
          ['PCID', 32],
        ],
        DWORDS_WRITE_ZEROS,
      ),
      aml.region('SEJ', SYSTEM_IO, PCI_HOTPLUG_BASE + EJECT, 4),
      aml.field('SEJ', [['B0EJ', 32]], DWORDS_WRITE_ZEROS),
      ...SLOTS.map(slot =>
        aml.device(
          nameOf(slot),
          aml.name('_ADR', slot << 16),
          aml.name('_SUN', slot),
          // Method(_EJ0, 1) { B0EJ = 1 << slot }
          aml.method('_EJ0', 1, aml.store(1 << slot, 'B0EJ')),
        ),
      ),
      // Method(DVNT, 2) { If (Arg0 & bit) { Notify (slot, Arg1) } … }
      aml.method('DVNT', 2, ...SLOTS.map(slot => aml.when(aml.and(aml.arg(0), 1 << slot), notify(slot)))),
      aml.method('PCNT', 0, aml.call('DVNT', 'PCIU', DEVICE_CHECK), aml.call('DVNT', 'PCID', EJECT_REQUEST)),
      // Ports that belong to the board.
      aml.device(
        'PHPR',
        aml.name('_HID', aml.eisaId('PNP0A06')),
        aml.name('_UID', aml.text('PCI Hotplug resources')),
        aml.name(
          '_CRS',
          aml.resources(aml.ioPort(PCI_HOTPLUG_BASE, PCI_HOTPLUG_BYTES), aml.ioPort(GPE0_BASE, GPE0_BYTES)),
        ),
      ),
    ].flat();
    return { bus, root: aml.scope('\\_GPE', aml.method('_E01', 0, aml.call('\\_SB.PCI0.PCNT'))) };
  }
}
