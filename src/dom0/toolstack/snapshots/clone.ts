/**
 * A domain's twin: a managed domain with a name, a UUID, station addresses and disks of its own. Disks that are volumes or images on the host's disk share with
 * them what neither writes; other image files are copied to volumes, with what the guest changed. Source: virt-clone(1) for what is changed of a definition.
 */
import { domainsOf } from '../domains/index.ts';
import { attachDrives, type DriveImage, noMedia, readStateFrom } from '../../../hypervisor/index.ts';
import { type DiskChange, diskRecords, readDiskRecord, restoreChanges } from '../../../hypervisor/disks/index.ts';
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import { type DefinedDisk, type Definition, deviceNumber, writeXlConfig } from '../../definitions/config/index.ts';
import type { CommandHost, Guest, Uses } from '../command-host.ts';
import type { ManagedDomain } from '../managed/index.ts';
import { namesFiles, pathsIn, spellFiles } from '../../host/files/index.ts';
import { copyInTurns, IMAGES, imageVolume, isTransfer, type Storage } from '../../host/storage/index.ts';
import { StateBlob } from '../state-blob.ts';
import { diskOf, refuseShared, withVolumes } from './snapshots.ts';

/** The twin's own disk: a volume, and how its definition names that. */
interface Copy {
  volume: string;
  target: string;
}

interface Changed {
  place: number;
  changes: DiskChange[];
}

/** A disk that the twin has as a volume, its source an image file. */
interface ImageCopy {
  volume: string;
  /** As what is kept of it has its place. */
  image: DriveImage;
}

const placeOf = ({ place, vdev = '' }: DriveImage): number => (place < 0 ? (deviceNumber(vdev) ?? -1) : place);

/**
 * Of a domain that runs its disks are copied as of one moment, as if its power had been cut then; it goes on. `absolute`: from a path of the definition to one
 * of Domain 0's files. @throws Error with a sentence, and nothing is left
 */
export async function cloneDomain(
  host: CommandHost,
  domain: string,
  name: string,
  absolute: (path: string) => string,
): Promise<ManagedDomain> {
  const { managed: all } = host;
  if (!all) throw new Error('Domain 0 has no place for files here, where the definition would be kept.');
  const member = domainsOf(host).running(domain);
  const managed = await all.find(domain);
  if (!member && !managed) throw new Error(`${domain} is an invalid domain identifier (rc=-6)`);
  if (host.toolstack.isTaken(name) || (await all.find(name))) throw new Error(`VM name '${name}' already exists`);
  if (!/^(?!\.{1,2}$)[\w.+-]{1,64}$/.test(name))
    throw new Error(`${name.slice(0, 80)} is no name for a clone: take up to 64 letters, digits and . _ + -.`);
  const definition = member?.blueprint.definition ?? managed!.definition;
  if (!member && managed!.errors.length > 0) throw new Error(managed!.errors.join('\n'));
  // A transfer disk is made for each domain.
  const copied = definition.disks.filter(
    ({ kind, target, readOnly }) => kind === 'disk' && !readOnly && target !== '' && !isTransfer(target),
  );
  const storage = copied.length === 0 ? undefined : await diskOf(host);
  const copyOf = ({ vdev, target }: DefinedDisk): Copy => {
    const path = `${IMAGES}/${name}-${vdev}.img`;
    const image = storage?.image(target) && imageVolume(path);
    return image ? { volume: image, target: path } : { volume: `${name}-${vdev}`, target: `/dev/vg0/${name}-${vdev}` };
  };
  const define = async (): Promise<ManagedDomain> =>
    all.define(await all.pathOf(name), writeXlConfig(twinOf(host, definition, name, copyOf, absolute)));
  if (!storage) return define();
  return withVolumes(storage, async made => {
    const files: ImageCopy[] = [];
    for (const disk of copied.filter(each => !host.disk.isDevice(each.target)))
      files.push({ volume: copyOf(disk).volume, image: await imageOf(host, member, disk.vdev, disk.target) });
    // From here to the next wait it is one moment.
    const changed = !member || files.length === 0 ? [] : changesOf(member);
    for (const disk of copied.filter(each => host.disk.isDevice(each.target))) {
      refuseShared(storage, [disk.target], domain);
      const { volume } = copyOf(disk);
      storage.copyToVolume(disk.target, volume, { unfinished: true });
      made.push(volume);
    }
    const changes = changed ?? (await savedChanges(host, member!));
    for (const file of files) await copyImage(host, storage, file, changes, made);
    return define();
  });
}

/** The definition with what a twin has of its own; a UUID is drawn when it is kept. */
function twinOf(
  host: Uses<'disk' | 'toolstack'>,
  definition: Definition,
  name: string,
  copyOf: (disk: DefinedDisk) => Copy,
  absolute: (path: string) => string,
): Definition {
  const { uuid: _uuid, ...rest } = definition;
  const path = (written: string): string => {
    if (written === '' || host.disk.isDevice(written)) return written;
    return namesFiles(written) ? spellFiles(pathsIn(written).map(absolute)) : absolute(written);
  };
  const disks = definition.disks.map(disk =>
    disk.kind === 'disk' && !disk.readOnly && disk.target !== '' && !isTransfer(disk.target)
      ? { ...disk, target: copyOf(disk).target, format: 'raw' }
      : { ...disk, target: path(disk.target) },
  );
  const draw = (): string => host.toolstack.stations.draw();
  return {
    ...rest,
    name,
    disks,
    ...(rest.kernel === undefined ? {} : { kernel: path(rest.kernel) }),
    ...(rest.ramdisk === undefined ? {} : { ramdisk: path(rest.ramdisk) }),
    cards: rest.cards.map(card => ({ ...card, mac: draw() })),
  };
}

/** The image file that a domain has, or would have. @throws Error with a sentence */
async function imageOf(
  host: Uses<'files'>,
  member: Guest | undefined,
  vdev: string,
  target: string,
): Promise<DriveImage> {
  const drive = member?.blueprint.drives?.find(each => each.vdev === vdev);
  if (drive) return { ...drive, place: placeOf(drive) };
  const medium = await host.files.mediumOf({ name: target, data: await host.files.readFile(target) });
  return { place: deviceNumber(vdev) ?? 0, vdev, kind: 'disk', readOnly: false, medium };
}

/** What a guest has changed of image files that Domain 0 has open; undefined: another worker has some of them open. */
function changesOf({ attachments, blueprint }: Guest): Changed[] | undefined {
  const isFile = ({ medium, readOnly }: DriveImage): boolean =>
    !readOnly && medium !== undefined && !('device' in medium);
  const all = attachments.media;
  if (!(blueprint.drives ?? []).filter(isFile).every(drive => all.some(({ place }) => place === placeOf(drive))))
    return undefined;
  return [...diskRecords(all)].flatMap(record => readDiskRecord(record) ?? []);
}

/** As a saved state has them. */
export async function savedChanges(host: Uses<'toolstack'>, member: Guest): Promise<Changed[]> {
  const file = new StateBlob();
  await host.toolstack.jobs.run(member.name, 'Save', ({ signal }) => host.toolstack.save(member, signal, file.put));
  return (await readStateFrom(file.whole(), member.name, () => {})).disks;
}

/** Writes an image, with what was changed of it, to a new volume; zeros take no room there. @throws Error with a sentence */
async function copyImage(
  host: Uses<'clock' | 'parts'>,
  storage: Storage,
  { volume, image }: ImageCopy,
  changes: readonly Changed[],
  made: string[],
): Promise<void> {
  const attached = attachDrives([image], host.parts.openMedium ?? noMedia, () => {});
  for (const change of changes) restoreChanges(attached, change.place, change.changes);
  const disk = attached[0].disk as BlockDevice;
  const { bytes } = disk;
  storage.createVolume(volume, bytes, { unfinished: true });
  made.push(volume);
  // Nobody else has it before it is whole.
  const { medium, close } = storage.open(`/dev/vg0/${volume}`, 'xl clone', true);
  try {
    await copyInTurns(bytes, host.clock, (at, piece) => {
      disk.read(at, piece);
      if (piece.some(byte => byte !== 0)) medium.write(at, piece);
    });
    medium.flush();
  } finally {
    close();
  }
}
