/** Functions of PCI come to a domain that runs, and go (devices/acpi/pci-hotplug.ts). A saved state has what there is then. */
import { loadDrives } from '../../devices/ide/index.ts';
import { loadNic, loadVirtio, type BoardCard, type PciHotplug } from '../../devices/index.ts';
import type { DriveImage } from '../disks/media.ts';
import { tracedDrives } from '../disks/traced-disk.ts';
import { HostError } from '../memory/machine.ts';
import type { Carried } from '../verbs/verb.ts';
import type { CardWire } from './card-wire.ts';
import type { Domain } from './domain.ts';
import { wired } from './nic.ts';

export { wired };

/** A disk of virtio with its medium, a card, or a folder: a device of virtio as definitions have it, under its name on the board. */
export type Plugged = { drive: DriveImage } | { card: BoardCard } | { folder: string; name: string };

function hotplugOf({ platform }: Domain): PciHotplug {
  if (!platform.hotplug) throw new HostError('Its board has no slots for what comes while it runs.');
  return platform.hotplug;
}

/** @throws HostError with a sentence: its place is taken, its medium cannot be read */
export async function plug(on: Carried, what: Plugged | { slot: number }): Promise<void> {
  const hotplug = hotplugOf(on.domain);
  if ('drive' in what) await loadDrives();
  if ('folder' in what) await loadVirtio([what.folder]);
  if ('card' in what) await loadNic(what.card.model);
  try {
    if ('card' in what) plugCard(on.domain, hotplug, what.card);
    else if ('drive' in what) plugDrive(on, hotplug, what.drive);
    else if ('folder' in what) plugFolder(on.domain, hotplug, what);
    else hotplug.remove(what.slot);
  } catch (error) {
    throw error instanceof HostError ? error : new HostError((error as Error).message);
  }
}

function plugDrive(on: Carried, hotplug: PciHotplug, { place, readOnly, medium }: DriveImage): void {
  const { options, io } = on.domain;
  if (!medium) throw new HostError('A disk has a medium.');
  const disk = on.open(medium, place, readOnly, 'disk');
  if (!disk) throw new HostError(`${medium.name} cannot be opened.`);
  const drive = { place, kind: 'disk' as const, disk };
  for (const traced of tracedDrives([drive], io, options.record)) hotplug.plugDisk(traced);
  options.ide = [...(options.ide ?? []), drive];
}

function plugFolder(
  { options: { folder } }: Domain,
  hotplug: PciHotplug,
  { folder: item, name }: Extract<Plugged, { folder: string }>,
): void {
  hotplug.plugFolder(item, name, { console: () => {}, ...(folder ? { folder } : {}) });
}

function plugCard({ options, timers, io }: Domain, hotplug: PciHotplug, plugged: BoardCard): void {
  const { machine, record } = options;
  const { cards = [], wires = new Map<number, CardWire>() } = options;
  // A place has one wire, whatever card is at its end.
  const card = wired(machine, record, timers, plugged, io, wires.get(plugged.place));
  hotplug.plugCard(card);
  // The one before it may have been without a link.
  card.ethernet.setLink(true);
  options.cards = [...cards, plugged];
  options.wires = wires.set(plugged.place, card.ethernet);
}
