/**
 * Disks and the card of a guest of KVM that come while it runs, as functions of PCI, and go again once it has let go of them. Source: QEMU's device_add and
 * device_del; libvirt's qemuDomainDetachDeviceLive(), which waits five seconds for the guest (qemuDomainWaitForDeviceRemoval() in qemu_hotplug.c).
 */
import { type IdeAttachment, loadDrives, VIRTIO_PLACE } from '../../../../devices/ide/index.ts';
import { NIC_SLOT, type NicModel, placeInSlot, slotOfDisk } from '../../../../devices/index.ts';
import type { DriveImage } from '../../../../hypervisor/index.ts';
import { backend, loadBackends } from '../../../backends/index.ts';
import { type Card, type DefinedDisk, placeUnderKvm } from '../../../definitions/config/index.ts';
import { isOpenOnce, queuedMedium } from '../../devices/index.ts';
import type { ToolstackCore } from '../../toolstack-parts.ts';
import type { DomainConsole, Member } from '../../running-domain.ts';
import type { Toolstack } from '../../toolstack.ts';

/** How long a detachment waits for the guest; a later one is reported as an event alone. */
const WAIT_MS = 5000,
  LOOK_MS = 20;

/** A disk of virtio with the medium of `image`; what it is goes into the definition, so that it is there after a restart. @throws Error with a sentence */
export async function plugDisk<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  image: DriveImage,
  defined: DefinedDisk,
  say: (sentence: string) => void,
): Promise<void> {
  const place = placeUnderKvm(defined);
  if (place === undefined || place < VIRTIO_PLACE)
    throw new Error(`${defined.vdev} cannot come to a guest that runs: disks of virtio can, vda to vdh.`);
  await Promise.all([loadBackends(['drives']), loadDrives()]);
  await toolstack.idle(member);
  if (member.blueprint.drives?.some(drive => drive.place === place))
    throw new Error(`target ${defined.vdev} already exists`);
  const { elsewhere } = toolstack.runners;
  const wanted: DriveImage = { ...image, place };
  // A worker opens files itself, and reaches what is open here through its queue.
  const opensItself = elsewhere && !isOpenOnce(image);
  const opened = opensItself ? undefined : openedFor(toolstack, member, wanted, defined, say);
  const disk = opened?.disk;
  const name = image.medium?.name ?? '';
  const medium = disk ? (elsewhere ? queuedMedium(name, disk) : { name, disk }) : image.medium;
  // Its place is taken from now on: another one that is to come there meanwhile is refused.
  if (opened) {
    const { ide = [], disks = [], all = [] } = member.opened ?? {};
    member.opened = { ide: [...ide, opened], disks, all: [...all, opened] };
    if (elsewhere) toolstack.services.attachDrive(member.record.id, opened);
  }
  const { blueprint } = member;
  const { definition } = blueprint;
  member.blueprint = {
    ...blueprint,
    drives: [...(blueprint.drives ?? []), wanted],
    definition: { ...definition, disks: [...definition.disks, { ...defined, place }] },
  };
  try {
    await member.runner.ask('plug', { drive: { ...wanted, ...(medium ? { medium } : {}) } });
  } catch (error) {
    forget(toolstack, member, slotOfDisk(place));
    throw error;
  }
  toolstack.listener.listed();
}

/** The disk of an image that Domain 0 opens. @throws Error with a sentence: nothing of it is open then */
function openedFor<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  wanted: DriveImage,
  defined: DefinedDisk,
  say: (sentence: string) => void,
): IdeAttachment | undefined {
  const devices = member.devices.length,
    kept = member.kept.length;
  try {
    const image = toolstack.drives.withDevice(member, wanted, defined, say);
    return backend('drives').attachDrives([image], toolstack.hotplug.openMedium, say)[0];
  } catch (error) {
    for (const each of [...member.devices.splice(devices), ...member.kept.splice(kept)]) each.close();
    throw error;
  }
}

/** A card; without a model it is virtio's. Its station address. @throws Error with a sentence */
export async function plugCard<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { mac: asked, rate, options, model = 'virtio' }: Omit<Card, 'model' | 'pv'> & { model?: NicModel | undefined },
): Promise<string> {
  const { network } = toolstack.services;
  await toolstack.idle(member);
  if (member.blueprint.definition.cards.length > 0)
    throw new Error('The guest has its card, and the board has a place for one.');
  const problem = toolstack.stations.problem(asked);
  if (problem) throw new Error(problem);
  const mac = asked ?? toolstack.stations.draw();
  network.attachCard(member.record, rate, options);
  const { blueprint } = member;
  const card: Card = { model, mac, ...(rate ? { rate } : {}), ...(options ? { options } : {}) };
  // As with a disk, its place is taken from now on.
  member.blueprint = { ...blueprint, definition: { ...blueprint.definition, cards: [card] } };
  try {
    await member.runner.ask('plug', { nic: model, mac });
  } catch (error) {
    forget(toolstack, member, NIC_SLOT);
    throw error;
  }
  toolstack.listener.listed();
  return mac;
}

/** By its target or station address: the guest is asked to let go of it, and waited for. True: it has; false: `ejected` says when. @throws Error with a sentence: there is no such device, or it stays */
export async function unplug<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  device: string,
  waitMs = WAIT_MS,
): Promise<boolean> {
  await toolstack.idle(member);
  const { record, blueprint, runner } = member;
  const { cards, disks } = blueprint.definition;
  const disk = disks.find(({ vdev }) => vdev === device);
  const isCard = cards.some(({ mac }) => device === mac || device === '0');
  if (!disk && !isCard)
    throw new Error(
      device.includes(':')
        ? `device not found: no device matching MAC address ${device} found`
        : `device not found: disk ${device} not found`,
    );
  const place = disk && placeUnderKvm(disk);
  if (place !== undefined && place < VIRTIO_PLACE)
    throw new Error(`${device} is an IDE drive, and stays as long as the guest.`);
  const slot = place === undefined ? NIC_SLOT : slotOfDisk(place);
  await runner.ask('plug', { slot });
  toolstack.runners.poke();
  const isThere = (): boolean =>
    toolstack.members.get(record.id) === member &&
    (isCard
      ? member.blueprint.definition.cards.length > 0
      : member.blueprint.drives?.some(drive => drive.place === place) === true);
  for (let waited = 0; waited < waitMs && isThere(); waited += LOOK_MS)
    await new Promise<void>(resolve => void toolstack.hotplug.later(LOOK_MS, resolve));
  return !isThere();
}

/** The guest has let go of what was in a slot, asked or not, and that is gone. */
export function ejected<Console extends DomainConsole>(
  core: Pick<ToolstackCore<Console>, 'services' | 'drives' | 'listener'>,
  member: Member<Console>,
  slot: number,
): void {
  forget(core, member, slot);
  core.listener.listed();
}

/** What Domain 0 has of a slot's disk or card. */
function forget<Console extends DomainConsole>(
  { services, drives }: Pick<ToolstackCore<Console>, 'services' | 'drives'>,
  member: Member<Console>,
  slot: number,
): void {
  const { id } = member.record;
  const { blueprint } = member;
  const { definition } = blueprint;
  if (slot === NIC_SLOT) {
    services.network.detachCard(id);
    member.blueprint = { ...blueprint, definition: { ...definition, cards: [] } };
  } else {
    const place = placeInSlot(slot);
    const { opened } = member;
    const disk = opened?.all.find(drive => drive.place === place)?.disk;
    const others = <Of extends { place: number }>(drives: readonly Of[] = []): Of[] =>
      drives.filter(drive => drive.place !== place);
    if (opened) member.opened = { ...opened, ide: others(opened.ide), all: others(opened.all) };
    services.emptyDrive(id, place);
    if (disk) drives.closeDisk(member, disk);
    member.blueprint = {
      ...blueprint,
      drives: others(blueprint.drives),
      definition: { ...definition, disks: definition.disks.filter(each => placeUnderKvm(each) !== place) },
    };
  }
}
