/**
 * A drive of a running guest comes, goes, or gets another medium. Whatever keeps something of it changes together: the guest's attachments, what it is built from
 * again, what serves the drive, and its virtual device in the store. A step that fails undoes those before it.
 */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import { removableKind } from '../../devices/ide/index.ts';
import type { DriveImage, Medium } from '../../hypervisor/index.ts';
import { backend, loadBackends } from '../backends/index.ts';
import type { DefinedDisk } from '../definitions/config/index.ts';
import { ideName } from '../definitions/index.ts';
import type { Attachment, Attachments } from './attachments.ts';
import { definedAs } from './opened-drives.ts';
import { type Devices, type GuestDisk, isOpenOnce, type OpenedDrive, queuedMedium } from './devices/index.ts';
import { kindOf } from './kinds/index.ts';
import type { Blueprint, DomainConsole, Member } from './running-domain.ts';
import type { Toolstack } from './toolstack.ts';
import type { ToolstackCore } from './toolstack-parts.ts';

/** What the definition calls it. */
const vdevOf = ({ vdev, place }: DriveImage): string => vdev ?? ideName(place);

/** By what the definition calls it. */
export const driveNamed = ({ drives }: Attachments, vdev: string): Attachment | undefined =>
  drives.find(({ image }) => vdevOf(image) === vdev);

/** A list with `next` in place of `before`; either may be absent. */
const exchanged = <T>(list: readonly T[], before: T | undefined, next: T | undefined): T[] => [
  ...list.flatMap(one => (one === before ? (next ?? []) : one)),
  ...(next === undefined || (before !== undefined && list.includes(before)) ? [] : [next]),
];

type Serving = Pick<ToolstackCore<DomainConsole>, 'services'>;

/**
 * `next` takes the place of `before`; either may be absent. Then `tell` is called, which tells the guest. What `before` held is closed at the end. @throws what
 * a step does: all is as it was, and what `next` held is closed
 */
export async function changeDrive(
  toolstack: Serving,
  member: Member,
  before: Attachment | undefined,
  next: Attachment | undefined,
  tell: () => unknown = () => {},
): Promise<void> {
  const { attachments } = member;
  try {
    exchange(toolstack, member, before, next);
    await tell();
  } catch (error) {
    if (next ? attachments.drives.includes(next) : before && !attachments.drives.includes(before))
      exchange(toolstack, member, next, before);
    next?.held?.close();
    throw error;
  }
  before?.held?.close();
}

/** At once; what is undone by the opposite. @throws what a step does: all is as it was */
function exchange(
  { services }: Serving,
  member: Member,
  before: Attachment | undefined,
  next: Attachment | undefined,
): void {
  const { id } = member.record;
  const serve = (drive: Attachment | undefined, other: Attachment | undefined): void => {
    if (drive?.opened?.emulated) services.attachDrive(id, drive.opened.emulated);
    else if (other?.opened?.emulated) services.emptyDrive(id, other.opened.emulated.place);
  };
  serve(next, before);
  try {
    if (member.attached) offer(services.devices(id).disks, before?.opened?.pv, next?.opened?.pv);
  } catch (error) {
    serve(before, next);
    throw error;
  }
  member.attachments.drives = exchanged(member.attachments.drives, before, next);
  member.blueprint = withDrive(member.blueprint, before, next);
}

/** The virtual device of a disk. One that stays says what lies in it now, as libxl_cdrom_insert() leaves it: PV drivers leave CDs of full virtual machines alone. */
function offer(disks: Devices['disks'], before: GuestDisk | undefined, next: GuestDisk | undefined): void {
  if (before && next) disks.change(next.vdev, { disk: next.disk, target: next.target });
  else if (next) disks.add(next);
  else if (before) disks.drop(disks.find(before.vdev)!.id);
}

/** What the guest is built from again, with `next` in place of `before`. */
function withDrive(blueprint: Blueprint, before: Attachment | undefined, next: Attachment | undefined): Blueprint {
  const { drives = [], definition } = blueprint;
  const name = before && vdevOf(before.image);
  const image = drives.find(each => vdevOf(each) === name);
  const defined = before && definedAs({ ...before.image, vdev: name! }, definition.disks);
  return {
    ...blueprint,
    drives: exchanged(drives, image, next?.image),
    definition: { ...definition, disks: exchanged(definition.disks, defined, next?.defined) },
  };
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
  member: Member<Console>,
  disc: Disc,
  say: (sentence: string) => void,
): Promise<void> {
  const { medium, defined } = disc;
  const { vdev } = defined;
  if (medium) await loadBackends(defined.kind === 'cdrom' ? ['drives', 'vbd'] : ['drives']);
  // What a guest has written of the file in a drive goes to another host ahead of it, by the drive's place.
  await toolstack.idle(member);
  const kind = kindOf(member.blueprint.definition);
  const drive = driveNamed(member.attachments, vdev);
  if (drive?.image.kind === 'disk') throw new Error(`${vdev} is a hard disk, and stays as long as the guest.`);
  if (!drive && defined.kind === 'floppy') throw new Error('Virtual device not found');
  if (drive && drive.image.place >= 0 && kind.hasBoard) return changeEmulated(toolstack, member, drive, disc, say);
  // Of a full virtual machine a drive is a part that no one adds while it runs.
  if (!drive && (!medium || !member.attached || kind.hasBoard)) throw new Error('Virtual device not found');
  const { plugging } = await kind.running();
  if (drive) await plugging.detach(toolstack, member, 'disks', vdev);
  const image: DriveImage = { place: -1, vdev, kind: 'cdrom', readOnly: true, ...(medium ? { medium } : {}) };
  await plugging.attachDisk(toolstack, member, { image, defined: { ...defined, place: -1 } }, say);
}

/** The same, of which what is written is in memory alone. */
function openedThere(medium: Medium | undefined): Medium | undefined {
  if (!medium || !('keptAs' in medium)) return medium;
  const { keptAs: _, ...file } = medium;
  return file;
}

async function changeEmulated<Console extends DomainConsole>(
  toolstack: Toolstack<Console>,
  member: Member<Console>,
  before: Attachment,
  { medium: given, defined }: Disc,
  say: (sentence: string) => void,
): Promise<void> {
  const { medium: _before, ...emptyDrive } = before.image;
  const { place } = emptyDrive;
  const { readOnly, target, format } = defined;
  const isElsewhere = toolstack.runners.elsewhere && !member.model;
  // A PC that began without a queue to Domain 0 opens its files itself.
  const medium = isElsewhere && member.record.drivesOffset === 0 ? openedThere(given) : given;
  const image: DriveImage = { ...emptyDrive, readOnly, ...(medium ? { medium } : {}) };
  // A worker opens files itself, and reaches what is open here through its queue.
  const opensItself = isElsewhere && !(medium && isOpenOnce({ medium }));
  const [here] = opensItself || !medium ? [] : toolstack.drives.attach(member, [{ image, defined }], { say });
  const disk = here?.opened?.medium.disk ?? null;
  const own = member.blueprint.definition.disks.find(each => each.vdev === defined.vdev);
  const next: Attachment = {
    image,
    defined: own && { ...own, target, format },
    opened: disk || before.opened ? openedAs(before, place, disk, target) : undefined,
    held: here?.held,
  };
  await changeDrive(toolstack, member, before, next, () => {
    const name = medium?.name ?? '';
    if (isElsewhere)
      return member.runner.ask('insertMedium', place, disk ? queuedMedium(name, disk) : medium, readOnly);
    if (member.model) return member.model.insertMedium(place, disk);
    return member.runner.ask('insertMedium', place, disk ? { name, disk } : undefined, readOnly);
  });
  toolstack.runners.poke();
}

/** A drive that has another disk in it, with its virtual device if it has one. */
function openedAs({ opened }: Attachment, place: number, disk: BlockDevice | null, target: string): OpenedDrive {
  const drive = { place, kind: removableKind(place), disk };
  const pv = opened?.pv && { pv: { ...opened.pv, disk: disk ?? backend('drives').NO_DISC, target } };
  return { medium: drive, emulated: { ...drive }, ...pv };
}
