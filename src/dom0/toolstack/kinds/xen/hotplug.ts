/**
 * Disks and network cards of PV drivers that come to a running guest and go again. Source: libxl__device_add_async() and libxl__initiate_device_generic_remove() in
 * tools/libs/light/libxl_device.c: the back end asks the front end to close, and is taken away once it has.
 */
import { loadBackends, XENBUS_STATE, type XenbusBackend } from '../../../backends/index.ts';
import { type Card, deviceNumber } from '../../../definitions/config/index.ts';
import { DEVICE_KINDS, type Hotplug, type Pluggable } from '../../devices/index.ts';
import { changeDrive, driveNamed } from '../../hotplug.ts';
import type { DomainConsole, Member } from '../../running-domain.ts';
import type { Toolstack } from '../../toolstack.ts';
import { type NewCard, type NewDisk, type Plugging, setCards } from '../plugging.ts';

/** How long a front end may take to let go (LIBXL_DESTROY_TIMEOUT), and how often it is looked at. */
const CLOSE_MS = 10_000,
  LOOK_MS = 20;

async function attachDisk<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { image: given, defined }: NewDisk,
  say: (sentence: string) => void,
): Promise<void> {
  await toolstack.idle(member);
  const image = { ...given, place: -1 };
  const { disks } = toolstack.services.devices(member.record.id);
  if (disks.find(image.vdev ?? '')) throw new Error(`The guest has a disk ${image.vdev} already.`);
  const [disk] = toolstack.drives.attach(member, [{ image, defined }], { say });
  await changeDrive(toolstack, member, undefined, disk);
  toolstack.runners.poke();
}

async function attachCard<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  { mac: asked, rate, options }: NewCard,
): Promise<{ devid: number; mac: string }> {
  await loadBackends(['vif']);
  await toolstack.idle(member);
  const { cards } = toolstack.services.devices(member.record.id);
  const problem = toolstack.stations.problem(asked);
  if (problem) throw new Error(problem);
  const mac = asked ?? toolstack.stations.draw();
  const devid = cards.add({ mac, rate, on: options, emulated: false });
  const card: Card = { pv: true, mac, ...(rate ? { rate } : {}), ...(options ? { options } : {}) };
  setCards(member, [...member.blueprint.definition.cards, card]);
  toolstack.runners.poke();
  return { devid, mac };
}

/** @throws Error with a sentence: the guest does not let go of it, unless it is taken by `force` */
async function detach<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  kind: Pluggable,
  device: string,
  { force = false }: { force?: boolean } = {},
): Promise<undefined> {
  await toolstack.idle(member);
  const devices = toolstack.services.devices(member.record.id);
  const { noun, called, stays } = DEVICE_KINDS[kind].hotplug as Hotplug<unknown>;
  const found = devices[kind].find(device);
  if (!found) throw new Error(`The guest has no ${noun} ${device}.`);
  const why = stays(found.given, member.blueprint.definition);
  if (why) throw new Error(why);
  if (!force) await letGo(toolstack, found.backend, `${noun} ${called(found.given, device)}`);
  const { given } = found;
  if ('vdev' in given) {
    await changeDrive(toolstack, member, driveNamed(member.attachments, given.vdev), undefined);
    return undefined;
  }
  devices[kind].drop(found.id);
  setCards(
    member,
    member.blueprint.definition.cards.filter(({ mac }) => mac !== given.mac),
  );
  return undefined;
}

/** Asks the front end to close, and waits until it has. @throws Error with a sentence where it does not */
async function letGo<Console extends DomainConsole>(
  { runners, parts: { later } }: Toolstack<Console>,
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

export const plugging: Plugging = {
  wrongDisk: vdev => (deviceNumber(vdev) === undefined ? `${vdev} is no virtual disk.` : undefined),
  attachDisk,
  attachCard,
  arrived: 'is offered to the guest’s paravirtual driver.',
  has: (toolstack, { attached, record }, kind, device) =>
    attached !== undefined && toolstack.services.devices(record.id)[kind].find(device) !== undefined,
  detach,
};
