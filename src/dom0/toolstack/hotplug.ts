/**
 * Disks and network cards that come to a running guest and go again. Source: libxl__device_add_async() and libxl__initiate_device_generic_remove() in
 * tools/libs/light/libxl_device.c: the back end asks the front end to close, and is taken away once it has.
 */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { putDisc, removableKind } from '../../devices/ide/index.ts';
import type { DriveImage, Medium, OpenMedium } from '../../hypervisor/index.ts';
import { backend, loadBackends, XENBUS_STATE, type XenbusBackend } from '../backends/index.ts';
import type { Card, DefinedDisk } from '../definitions/config/index.ts';
import { kindOf } from './kinds/index.ts';
import { ideName } from '../definitions/index.ts';
import {
  DEVICE_KINDS,
  type DeviceOf,
  type Hotplug,
  isOpenOnce,
  openInDomain0,
  type Pluggable,
  queuedMedium,
} from './devices/index.ts';
import type { DomainConsole, Member } from './running-domain.ts';
import type { Toolstack } from './toolstack.ts';
import type { Later } from '../host/index.ts';

/** How long a front end may take to let go (LIBXL_DESTROY_TIMEOUT), and how often it is looked at. */
const CLOSE_MS = 10_000,
  LOOK_MS = 20;

interface Parts {
  openMedium: OpenMedium;
  later: Later;
}

/** A disk for PV drivers, with the medium of `image`; what it is goes into the definition, so that it is there after a restart. @throws Error with a sentence */
export async function attachDisk<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  { openMedium }: Parts,
  member: Member<Console>,
  image: DriveImage,
  defined: DefinedDisk,
  say: (sentence: string) => void,
): Promise<void> {
  await toolstack.idle(member);
  const { disks } = toolstack.services.devices(member.record.id);
  if (disks.find(image.vdev ?? '')) throw new Error(`The guest has a disk ${image.vdev} already.`);
  const before = member.devices.length,
    keptBefore = member.kept.length;
  try {
    const drive = toolstack.drives.withDevice(member, { ...image, place: -1 }, defined, say);
    const opened = openInDomain0([drive], 'pvh', images => backend('drives').attachDrives(images, openMedium, say));
    for (const disk of opened.disks) disks.add(disk);
    const { ide = [], disks: others = [], all = [] } = member.opened ?? {};
    member.opened = { ide, disks: [...others, ...opened.disks], all: [...all, ...opened.all] };
  } catch (error) {
    for (const each of [...member.devices.splice(before), ...member.kept.splice(keptBefore)]) each.close();
    throw error;
  }
  const { blueprint } = member;
  const { definition } = blueprint;
  member.blueprint = {
    ...blueprint,
    drives: [...(blueprint.drives ?? []), { ...image, place: -1 }],
    definition: { ...definition, disks: [...definition.disks, defined] },
  };
  toolstack.runners.poke();
}

/** @throws Error with a sentence: the guest does not let go of it, unless it is taken by `force` */
export async function detachDisk<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  parts: Parts,
  member: Member<Console>,
  vdev: string,
  force: boolean,
): Promise<void> {
  const { id, given } = await detach(toolstack, parts, member, 'disks', vdev, force);
  const { opened, blueprint } = member;
  if (opened) {
    member.opened = {
      ...opened,
      disks: opened.disks.filter(each => each !== given),
      all: opened.all.filter(({ place }) => place !== id.devid),
    };
  }
  toolstack.drives.closeDisk(member, given.disk);
  member.blueprint = { ...blueprint, drives: blueprint.drives?.filter(each => each.vdev !== given.vdev) ?? [] };
}

/** Nothing lies in the drive, or this does; what the drive is. */
export interface Disc {
  medium?: Medium;
  defined: DefinedDisk;
}

/**
 * Puts another disk into a guest's CD-ROM or floppy drive, or takes the disk out. An emulated drive tells the guest, however it has locked its tray, as xl has it. PV
 * drivers know of no change of a medium: a virtual CD goes, and another one comes. It is there after a restart. @throws Error with a sentence; then the drive
 * is as it was, but a virtual CD may be gone
 */
export async function changeDisc<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  parts: Parts,
  member: Member<Console>,
  { medium, defined }: Disc,
  say: (sentence: string) => void,
): Promise<void> {
  const { vdev } = defined;
  if (medium) await loadBackends(defined.kind === 'cdrom' ? ['drives', 'vbd'] : ['drives']);
  // What a guest has written of the file in a drive goes to another host ahead of it, by the drive's place.
  await toolstack.idle(member);
  const drive = member.blueprint.drives?.find(each => (each.vdev ?? ideName(each.place)) === vdev);
  if (drive?.kind === 'disk') throw new Error(`${vdev} is a hard disk, and stays as long as the guest.`);
  if (!drive && defined.kind === 'floppy') throw new Error('Virtual device not found');
  if (drive && drive.place >= 0 && kindOf(member.blueprint.definition).hasBoard)
    return changeEmulated(toolstack, parts, member, drive, { ...(medium ? { medium } : {}), defined }, say);
  // Of a full virtual machine a drive is a part that no one adds while it runs.
  if (!drive && (!medium || !member.attached || member.blueprint.definition.kind === 'hvm'))
    throw new Error('Virtual device not found');
  if (drive) await detachDisk(toolstack, parts, member, vdev, false);
  await attachDisk(
    toolstack,
    parts,
    member,
    { place: -1, vdev, kind: 'cdrom', readOnly: true, ...(medium ? { medium } : {}) },
    { ...defined, place: -1 },
    say,
  );
}

/** The same, of which what is written is in memory alone. */
function openedThere(medium: Medium | undefined): Medium | undefined {
  if (!medium || !('keptAs' in medium)) return medium;
  const { keptAs: _, ...file } = medium;
  return file;
}

async function changeEmulated<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  { openMedium }: Parts,
  member: Member<Console>,
  drive: DriveImage,
  { medium: given, defined }: Disc,
  say: (sentence: string) => void,
): Promise<void> {
  const { place } = drive;
  const isElsewhere = toolstack.runners.elsewhere && !member.model;
  // A PC that began without a queue to Domain 0 opens its files itself.
  const medium = isElsewhere && member.record.drivesOffset === 0 ? openedThere(given) : given;
  const { medium: _before, ...emptyDrive } = drive;
  const { readOnly } = defined;
  const wanted: DriveImage = { ...emptyDrive, readOnly, ...(medium ? { medium } : {}) };
  const kind = removableKind(place);
  // A worker opens files itself, and reaches what is open here through its queue.
  const opensItself = isElsewhere && !(medium && isOpenOnce({ medium }));
  const devices = [...member.devices],
    keptBefore = [...member.kept];
  try {
    const [opened] =
      opensItself || !medium
        ? []
        : backend('drives').attachDrives([toolstack.drives.withDevice(member, wanted, defined, say)], openMedium, say);
    const disk = opened?.disk ?? null;
    if (isElsewhere) {
      toolstack.services.attachDrive(member.record.id, { place, kind, disk });
      await member.runner.ask('insertMedium', place, disk ? queuedMedium(medium?.name ?? '', disk) : medium, readOnly);
    } else if (member.model) member.model.insertMedium(place, disk);
    else
      await member.runner.ask('insertMedium', place, disk ? { name: medium?.name ?? '', disk } : undefined, readOnly);
    if (member.opened || disk) exchange(toolstack, member, { place, kind, disk }, defined);
  } catch (error) {
    for (const device of member.devices.filter(each => !devices.includes(each))) device.close();
    for (const image of member.kept.filter(each => !keptBefore.includes(each))) image.close();
    member.devices = devices;
    member.kept = keptBefore;
    throw error;
  }
  // What was in the drive is nobody's any more.
  toolstack.drives.closeUnused(member);
  const { blueprint } = member;
  const { definition } = blueprint;
  const disks = definition.disks.map(each =>
    each.vdev === defined.vdev ? { ...each, target: defined.target, format: defined.format } : each,
  );
  member.blueprint = {
    ...blueprint,
    drives: blueprint.drives?.map(each => (each === drive ? wanted : each)) ?? [],
    definition: { ...definition, disks },
  };
  toolstack.runners.poke();
}

/** What Domain 0 has open of the drive; the store says what lies in it (PV drivers leave CDs of full virtual machines alone). */
function exchange<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  drive: { place: number; kind: 'cdrom' | 'floppy'; disk: BlockDevice | null },
  { vdev, target }: DefinedDisk,
): void {
  const { place, disk } = drive;
  const { ide, disks, all } = member.opened ?? { ide: [], disks: [], all: [] };
  putDisc(ide, place, disk);
  putDisc(all, place, disk);
  // A worker had this drive's files open itself until now.
  const isNew = disk !== null && !all.some(each => each.place === place);
  member.opened = isNew ? { ide: [...ide, { ...drive }], disks, all: [...all, { ...drive }] } : { ide, disks, all };
  if (member.attached)
    toolstack.services
      .devices(member.record.id)
      .disks.change(vdev, { disk: disk ?? backend('drives').NO_DISC, target });
}

/** A card for PV drivers: its number, and its station address. @throws Error with a sentence */
export async function attachCard<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { mac: asked, rate, options }: Omit<Card, 'model' | 'pv'>,
): Promise<{ devid: number; mac: string }> {
  await toolstack.idle(member);
  const { cards } = toolstack.services.devices(member.record.id);
  const problem = toolstack.stations.problem(asked);
  if (problem) throw new Error(problem);
  const mac = asked ?? toolstack.stations.draw();
  const devid = cards.add({ mac, rate, on: options, emulated: false });
  const { blueprint } = member;
  const { definition } = blueprint;
  const card: Card = { pv: true, mac, ...(rate ? { rate } : {}), ...(options ? { options } : {}) };
  member.blueprint = { ...blueprint, definition: { ...definition, cards: [...definition.cards, card] } };
  toolstack.runners.poke();
  return { devid, mac };
}

/** A device of a kind that comes and goes leaves. By its number, or the name that people have for it. @throws Error with a sentence: it stays, unless it is taken by `force` */
export async function detach<Console extends DomainConsole, Kind extends Pluggable>(
  toolstack: Toolstack<Console>,
  { later }: Parts,
  member: Member<Console>,
  kind: Kind,
  device: string,
  force: boolean,
): Promise<DeviceOf<Kind>> {
  await toolstack.idle(member);
  const { noun, called, stays, without } = DEVICE_KINDS[kind].hotplug as Hotplug<unknown>;
  const devices = toolstack.services.devices(member.record.id)[kind];
  const found = devices.find(device);
  if (!found) throw new Error(`The guest has no ${noun} ${device}.`);
  const why = stays(found.given, member.blueprint.definition);
  if (why) throw new Error(why);
  if (!force) await letGo(toolstack, later, found.backend, `${noun} ${called(found.given, device)}`);
  devices.drop(found.id);
  const { blueprint } = member;
  member.blueprint = { ...blueprint, definition: without(found.given, blueprint.definition) };
  return found as DeviceOf<Kind>;
}

/** Asks the front end to close, and waits until it has. @throws Error with a sentence where it does not */
async function letGo<Console extends DomainConsole>(
  { runners }: Toolstack<Console>,
  later: Later,
  backend: XenbusBackend | undefined,
  what: string,
): Promise<void> {
  if (!backend) return;
  backend.detach();
  runners.poke();
  for (let waited = 0; waited < CLOSE_MS; waited += LOOK_MS) {
    if (backend.xenbusState === XENBUS_STATE.CLOSED) return;
    await new Promise<void>(resolve => void later(LOOK_MS, resolve));
  }
  throw new Error(
    `The guest has not let go of its ${what} within ${CLOSE_MS / 1000} s: unmount it there, or take it away by force (-f).`,
  );
}
