/**
 * Disks and the card of a guest of KVM that come while it runs, as functions of PCI, and go again once it has let go of them. Source: QEMU's device_add and
 * device_del; libvirt's qemuDomainDetachDeviceLive(), which waits five seconds for the guest (qemuDomainWaitForDeviceRemoval() in qemu_hotplug.c).
 */
import { loadDrives, VIRTIO_PLACE } from '../../../../devices/ide/index.ts';
import { NIC_SLOT, placeInSlot, slotOfDisk } from '../../../../devices/index.ts';
import { loadBackends } from '../../../backends/index.ts';
import { type Card, placeUnderKvm } from '../../../definitions/config/index.ts';
import { isOpenOnce, type Pluggable, queuedMedium } from '../../devices/index.ts';
import { changeDrive } from '../../hotplug.ts';
import type { DomainConsole, Member } from '../../running-domain.ts';
import type { Toolstack } from '../../toolstack.ts';
import type { ToolstackCore } from '../../toolstack-parts.ts';
import type { NewCard, NewDisk } from '../plugging.ts';

/** How long a detachment waits for the guest; a later one is reported as an event alone. */
const WAIT_MS = 5000,
  LOOK_MS = 20;

/** A disk of virtio. */
export async function attachDisk<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { image: given, defined }: NewDisk,
  say: (sentence: string) => void,
): Promise<void> {
  const place = placeUnderKvm(defined);
  if (place === undefined || place < VIRTIO_PLACE)
    throw new Error(`${defined.vdev} cannot come to a guest that runs: disks of virtio can, vda to vdh.`);
  await Promise.all([loadBackends(['drives']), loadDrives()]);
  await toolstack.idle(member);
  if (member.attachments.at(place)) throw new Error(`target ${defined.vdev} already exists`);
  const { elsewhere } = toolstack.runners;
  const image = { ...given, place },
    wanted = { image, defined: { ...defined, place } };
  // A worker opens files itself, and reaches what is open here through its queue.
  const [here] = elsewhere && !isOpenOnce(image) ? [] : toolstack.drives.attach(member, [wanted], { say });
  const disk = here?.opened?.medium.disk;
  const name = image.medium?.name ?? '';
  const medium = disk ? (elsewhere ? queuedMedium(name, disk) : { name, disk }) : image.medium;
  // Its place is taken from now on: another one that is to come there meanwhile is refused.
  await changeDrive(toolstack, member, undefined, here ?? wanted, () =>
    member.runner.ask('plug', { drive: { ...image, ...(medium ? { medium } : {}) } }),
  );
  toolstack.listener.listed();
}

/** A card; without a model it is virtio's. */
export async function attachCard<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { mac: asked, rate, options, model = 'virtio' }: NewCard,
): Promise<{ devid: number; mac: string }> {
  const { network } = toolstack.services;
  await toolstack.idle(member);
  if (member.blueprint.definition.cards.length > 0)
    throw new Error('The guest has its card, and the board has a place for one.');
  const problem = toolstack.stations.problem(asked);
  if (problem) throw new Error(problem);
  const mac = asked ?? toolstack.stations.draw();
  network.attachCard(member.record, rate, options);
  const card: Card = { model, mac, ...(rate ? { rate } : {}), ...(options ? { options } : {}) };
  // As with a disk, its place is taken from now on.
  setCards(member, [card]);
  try {
    await member.runner.ask('plug', { nic: model, mac });
  } catch (error) {
    dropCard(toolstack, member);
    throw error;
  }
  toolstack.listener.listed();
  return { devid: 0, mac };
}

/** The guest is asked to let go of it, and waited for; false: `ejected` is called when it has. */
export async function detach<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  _kind: Pluggable,
  device: string,
  { waitMs = WAIT_MS }: { waitMs?: number } = {},
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
    (place === undefined ? member.blueprint.definition.cards.length > 0 : member.attachments.at(place) !== undefined);
  for (let waited = 0; waited < waitMs && isThere(); waited += LOOK_MS)
    await new Promise<void>(resolve => void toolstack.parts.later(LOOK_MS, resolve));
  return !isThere();
}

/** The guest has let go of what was in a slot, asked or not, and that is gone. */
export function ejected<Console extends DomainConsole>(
  core: Pick<ToolstackCore<Console>, 'services' | 'listener'>,
  member: Member<Console>,
  slot: number,
): void {
  if (slot === NIC_SLOT) dropCard(core, member);
  else void changeDrive(core, member, member.attachments.at(placeInSlot(slot)), undefined);
  core.listener.listed();
}

function dropCard({ services }: Pick<ToolstackCore<DomainConsole>, 'services'>, member: Member): void {
  services.network.detachCard(member.record.id);
  setCards(member, []);
}

function setCards(member: Member, cards: Card[]): void {
  const { blueprint } = member;
  member.blueprint = { ...blueprint, definition: { ...blueprint.definition, cards } };
}
