/**
 * Disks and cards of a guest of KVM that come while it runs, as functions of PCI, and go again once it has let go of them. Source: QEMU's device_add and
 * device_del; libvirt's qemuDomainDetachDeviceLive(), which waits five seconds for the guest (qemuDomainWaitForDeviceRemoval() in qemu_hotplug.c).
 */
import { loadDrives, VIRTIO_PLACE } from '../../../../devices/ide/index.ts';
import { cardInSlot, MOST_CARDS, placeInSlot, slotOfCard, slotOfDisk } from '../../../../devices/index.ts';
import { loadBackends } from '../../../backends/index.ts';
import { type Card, emulatedCards, placeUnderKvm } from '../../../definitions/config/index.ts';
import { isOpenOnce, type Pluggable, queuedMedium } from '../../devices/index.ts';
import { changeDrive } from '../../hotplug.ts';
import type { DomainConsole, Member } from '../../running-domain.ts';
import type { Toolstack } from '../../toolstack.ts';
import type { ToolstackCore } from '../../toolstack-parts.ts';
import { type NewCard, type NewDisk, setCards } from '../plugging.ts';

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

/** A card behind the others, or where one is gone; without a model it is virtio's. */
export async function attachCard<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { mac: asked, rate, options, model = 'virtio' }: NewCard,
): Promise<{ devid: number; mac: string }> {
  const { network } = toolstack.services;
  await toolstack.idle(member);
  const { cards } = member.blueprint.definition;
  const place = freePlace(emulatedCards(member.blueprint.definition));
  if (place === undefined)
    throw new Error(`The guest has ${MOST_CARDS} cards, and its board has no place for another.`);
  const problem = toolstack.stations.problem(asked);
  if (problem) throw new Error(problem);
  const mac = asked ?? toolstack.stations.draw();
  network.attachCard(member.record, { place, rate, options });
  const card: Card = {
    model,
    mac,
    ...(place > 0 ? { place } : {}),
    ...(rate ? { rate } : {}),
    ...(options ? { options } : {}),
  };
  // As with a disk, its place is taken from now on.
  setCards(member, [...cards, card]);
  try {
    await member.runner.ask('plug', { card: { place, model, mac } });
  } catch (error) {
    dropCard(toolstack, member, place);
    throw error;
  }
  toolstack.listener.listed();
  return { devid: place, mac };
}

/** As libvirt numbers them (qemuAssignDeviceNetAlias()), and where no number is left the first that is free. */
function freePlace(cards: readonly { place: number }[]): number | undefined {
  const next = Math.max(-1, ...cards.map(({ place }) => place)) + 1;
  if (next < MOST_CARDS) return next;
  const taken = new Set(cards.map(({ place }) => place));
  return Array.from({ length: MOST_CARDS }, (_, place) => place).find(place => !taken.has(place));
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
  const { definition } = blueprint;
  const disk = definition.disks.find(({ vdev }) => vdev === device);
  const card = emulatedCards(definition).find(each => device === each.mac || device === String(each.place));
  if (!disk && !card)
    throw new Error(
      device.includes(':')
        ? `device not found: no device matching MAC address ${device} found`
        : `device not found: disk ${device} not found`,
    );
  const place = disk && placeUnderKvm(disk);
  if (place !== undefined && place < VIRTIO_PLACE)
    throw new Error(`${device} is an IDE drive, and stays as long as the guest.`);
  const slot = card ? slotOfCard(card.place) : slotOfDisk(place!);
  await runner.ask('plug', { slot });
  toolstack.runners.poke();
  const isThere = (): boolean =>
    toolstack.members.get(record.id) === member &&
    (card
      ? emulatedCards(member.blueprint.definition).some(each => each.place === card.place)
      : member.attachments.at(place!) !== undefined);
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
  const card = cardInSlot(slot);
  if (card !== undefined) dropCard(core, member, card);
  else void changeDrive(core, member, member.attachments.at(placeInSlot(slot)), undefined);
  core.listener.listed();
}

function dropCard({ services }: Pick<ToolstackCore<DomainConsole>, 'services'>, member: Member, place: number): void {
  services.network.detachCard(member.record.id, place);
  setCards(
    member,
    member.blueprint.definition.cards.filter(card => (card.place ?? 0) !== place),
  );
}
