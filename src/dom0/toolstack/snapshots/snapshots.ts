/** Snapshots of domains, with their disks: taken, gone back to, deleted. */
import { states } from '../parts.ts';
import { attachDrives, type DriveImage, noMedia, type SavedState } from '../../../hypervisor/index.ts';
import { drivesDiffer } from '../../../hypervisor/disks/index.ts';
import { domainsOf, type Job } from '../domains/index.ts';
import type { DomainInfo } from '../wire.ts';
import { baseName, ideName, type NamedFile } from '../../definitions/index.ts';
import { type DefinedDisk, judgeDefinition, prepareToRead } from '../../definitions/config/index.ts';
import type { CommandHost, Guest, Uses } from '../command-host.ts';
import { isTransfer, type Storage } from '../../host/storage/index.ts';
import { isNetworkDisk } from '../../../formats/nbd/index.ts';
import { modelOf } from '../../backends/device-model/index.ts';
import { loadBackends } from '../../backends/index.ts';
import { savedDisks } from '../devices/index.ts';
import { targetsOf } from '../drives-now.ts';
import type { Blueprint } from '../running-domain.ts';
import { blueprintOf, foundIn, savedDrives } from '../saved-blueprint.ts';
import { readSaved } from '../saved-file.ts';
import { StateBlob } from '../state-blob.ts';
import {
  CHECKPOINTS,
  currentOf,
  laterThan,
  MOST_DESCRIPTION,
  type SnapshotRecord,
  SnapshotRecords,
  volumesOf,
} from './record.ts';

/** So much of a state is copied to its volume at once. */
const COPIED_BYTES = 2 ** 22;

/** @throws Error with a sentence where Domain 0 has no files */
export function recordsOf({ files: { own: files } }: Uses<'files'>): SnapshotRecords {
  if (!files) throw new Error('Domain 0 has no place for files here: there are no snapshots.');
  return new SnapshotRecords(files);
}

/** The host's disk. @throws Error with a sentence where it has none */
export async function diskOf(host: Uses<'disk'>): Promise<Storage> {
  const storage = await host.disk.openDevices();
  if (!storage) throw new Error('This host has no disk of its own: there is no place for copies of disks.');
  return storage;
}

/** Devices that a domain may write, each once. */
export function writableDevices(drives: readonly DriveImage[]): string[] {
  return [
    ...new Set(
      drives.flatMap(({ readOnly, medium }) => (!readOnly && medium && 'device' in medium ? [medium.name] : [])),
    ),
  ];
}

/** Nobody but the domain may have its disks: what the other writes, or has read, would not be of the moment. They lie on this host. @throws Error with a sentence */
export function refuseShared(storage: Storage, devices: readonly string[], domain: string): void {
  for (const device of devices) {
    if (isNetworkDisk(device))
      throw new Error(`${device} is a disk of another machine, and cannot be copied here. Take the snapshot there.`);
    const other = storage.whoHas(device).find(who => who !== domain);
    if (other !== undefined)
      throw new Error(
        `Device ${device} is shared with ${other}, which has it open. Stop ${other}, or give one of the two another disk.`,
      );
  }
}

/** A name that no volume has; LVM2 takes these characters alone. */
function volumeName(storage: Storage, ...words: string[]): string {
  const name = words
    .map(word => word.replace(/[^\w+.-]/g, '_'))
    .join('.')
    .slice(0, 110);
  const taken = new Set(storage.volumes.map(volume => volume.name));
  for (let n = 1; ; n++) {
    const numbered = n === 1 ? name : `${name}.${n}`;
    if (!taken.has(numbered)) return numbered;
  }
}

/**
 * Volumes that are made together, unfinished until `make` is done: where one cannot be, or what follows fails, there are none. Where the host ends meanwhile
 * the next one sees to it (unfinished.ts).
 */
export async function withVolumes<T>(storage: Storage, make: (made: string[]) => Promise<T>): Promise<T> {
  const made: string[] = [];
  try {
    const result = await make(made);
    storage.setUnfinished(made, false);
    return result;
  } catch (error) {
    for (const name of made) storage.removeUnused(name);
    throw error;
  }
}

/** How a domain is called that is named by its name, its number or its UUID; one that is not there as it was named. */
export async function domainName(host: Uses<'domains' | 'managed' | 'toolstack'>, word: string): Promise<string> {
  const found = host.domains.all().find(({ id, name }) => String(id) === word || name === word);
  if (found) return found.name;
  const byUuid = [...host.toolstack.members.values()].find(({ uuid }) => uuid === word.toLowerCase());
  return byUuid?.name ?? (await host.managed?.find(word))?.name ?? word;
}

/** What it writes lies on the host's own disk, where it can be copied. @throws Error in libvirt's words */
function refuseBeneath({ files: { allowed } }: Uses<'files'>, disks: readonly DefinedDisk[]): void {
  for (const { vdev, target, format, readOnly } of disks)
    if (!readOnly && allowed?.has(target))
      throw new Error(
        `unsupported configuration: internal snapshot for disk ${vdev} unsupported for storage type ${format}: ${target} is a file of the machine beneath. Give the domain a volume in its place, or copy the file while it does not run.`,
      );
}

/** Paths of the files that a domain has in its drives. */
const filesIn = (host: Uses<'disk'>, disks: readonly DefinedDisk[]): string[] =>
  disks.map(({ target }) => target).filter(target => target !== '' && !host.disk.isDevice(target));

/**
 * A domain that runs, with its memory unless its disks alone are wanted; of one that is defined and does not, its disks alone. `leftOut`: devices that are
 * not kept. @throws Error with a sentence, and nothing is left
 */
export async function takeSnapshot(
  host: CommandHost,
  domain: string,
  name: string,
  description = '',
  disksOnly = false,
  leftOut: readonly string[] = [],
): Promise<SnapshotRecord> {
  if (description.length > MOST_DESCRIPTION)
    throw new Error(`The description has ${description.length} characters. Write at most ${MOST_DESCRIPTION}.`);
  const records = recordsOf(host);
  const storage = await diskOf(host);
  await records.refuseName(domain, name);
  const member = domainsOf(host).running(domain);
  const managed = member ? undefined : await host.managed?.find(domain);
  if (!member && !managed) throw new Error(`${domain} is an invalid domain identifier (rc=-6)`);
  const named = managed?.definition.disks
    .filter(({ target, readOnly }) => !readOnly && host.disk.isDevice(target))
    .flatMap(({ target }) => (isTransfer(target) ? (storage.transferOf(managed.name) ?? []) : target));
  const definition = member ? member.blueprint.text : managed!.text;
  const { disks: defined } = member ? member.blueprint.definition : managed!.definition;
  refuseBeneath(host, defined);
  const owner = member?.name ?? managed!.name,
    createdMs = host.clock.epochMs();
  const others = await records.list(owner),
    parent = currentOf(others)?.name;
  // What is saved at intervals comes and goes: it is not the domain's current one, unless it goes back to it.
  const isCheckpoint = (CHECKPOINTS as readonly string[]).includes(name);
  const record = {
    domain: owner,
    name,
    createdMs,
    definition,
    files: filesIn(host, defined),
    ...(description ? { description } : {}),
    ...(parent === undefined ? {} : { parent }),
    ...(isCheckpoint ? {} : { currentMs: laterThan(others, createdMs) }),
  };
  const inJob = <T>(work: (job: Job) => Promise<T>): Promise<T> => host.toolstack.jobs.run(owner, 'Snapshot', work);
  return inJob(job =>
    withVolumes(storage, async made => {
      const disks: SnapshotRecord['disks'] = [];
      const copy = (devices: readonly string[]): void => {
        refuseShared(storage, devices, record.domain);
        for (const device of devices) {
          const volume = volumeName(storage, 'snap', domain, name, baseName(device));
          storage.copyToVolume(device, volume, { unfinished: true });
          made.push(volume);
          disks.push({ device, volume });
        }
      };
      if (!member) {
        if (!named?.length)
          throw new Error(
            `${record.domain} does not run and may write to no device of the host: there is nothing to keep. Its image files are not changed.`,
          );
        copy(named.filter(device => !leftOut.includes(device)));
        await records.write({ ...record, disks });
        return { ...record, disks };
      }
      const devices = writableDevices(member.blueprint.drives ?? []).filter(device => !leftOut.includes(device));
      if (disksOnly && devices.length === 0)
        throw new Error(`${record.domain} may write to no device of the host: of its disks there is nothing to keep.`);
      const file = new StateBlob();
      // What it has under way comes to its disks before they are copied, as for a state.
      await host.toolstack.save(member, job.signal, disksOnly ? async () => {} : file.put, () => copy(devices));
      job.commit();
      const keep = (): Promise<SnapshotRecord['state']> =>
        keepState(storage, file.whole(), volumeName(storage, 'snap', domain, name, 'state'), job, made);
      const stood = member.paused ? ({ paused: true } as const) : {};
      const state = disksOnly ? ({ disksOnly } as const) : { state: await keep(), ...stood };
      const whole: SnapshotRecord = { ...record, disks, ...state };
      await records.write(whole);
      return whole;
    }),
  );
}

/** A state in a volume of its own. @throws Error with a sentence */
async function keepState(
  storage: Storage,
  saved: Blob,
  volume: string,
  job: Job,
  made: string[],
): Promise<SnapshotRecord['state']> {
  const bytes = saved.size;
  storage.createVolume(volume, bytes, { unfinished: true });
  made.push(volume);
  const medium = storage.medium(`vg0/${volume}`);
  for (let at = 0; at < bytes; at += COPIED_BYTES)
    medium.write(at, new Uint8Array(await saved.slice(at, at + COPIED_BYTES).arrayBuffer()));
  job.wrote(bytes, bytes);
  medium.flush();
  return { volume, bytes };
}

/** @throws Error with a sentence */
export async function deleteSnapshot(host: CommandHost, domain: string, name: string): Promise<void> {
  const records = recordsOf(host);
  // A record that cannot be read goes, too; its volumes are for lvremove then.
  const record = await records.read(domain, name).catch((error: Error) => {
    if (/has no snapshot/.test(error.message)) throw error;
    return undefined;
  });
  // Its children are recorded as having no parent.
  if (!record) {
    await records.remove(domain, name);
    return records.close({ domain, name, createdMs: 0, definition: '', disks: [] }, host.clock.epochMs());
  }
  const storage = await diskOf(host);
  const volumes = volumesOf(record).filter(volume => storage.volumes.some(each => each.name === volume));
  const used = volumes.find(volume => storage.whoHas(`vg0/${volume}`).length > 0);
  if (used !== undefined)
    throw new Error(`Logical volume vg0/${used} of snapshot ${name} is used by ${storage.whoHas(`vg0/${used}`)[0]}.`);
  // Wherever the host ends, the snapshot is whole, or nothing of it is left.
  storage.setUnfinished(volumes, true);
  try {
    await records.remove(domain, name);
  } catch (error) {
    storage.setUnfinished(volumes, false);
    throw error;
  }
  for (const volume of volumes) storage.removeVolume(volume);
  await records.close(record, host.clock.epochMs());
}

/**
 * The domain as it was: what it is now is gone, where there is one. Undefined: it did not run then, and does not now. `images`: files for its drives;
 * `concerns` hears of the domains that it is about. @throws Error with a sentence; as long as that is about the snapshot, nothing has changed
 */
export async function revertTo(
  host: CommandHost,
  domain: string,
  name: string,
  images: readonly NamedFile[] = [],
  concerns: (domid: number) => void = () => {},
  isPaused?: boolean,
): Promise<DomainInfo | undefined> {
  const record = await recordsOf(host).read(domain, name);
  const storage = await diskOf(host);
  for (const volume of volumesOf(record))
    if (!storage.volumes.some(each => each.name === volume))
      throw new Error(`The volume vg0/${volume} of snapshot ${name} is gone: it cannot be gone back to.`);
  refuseShared(
    storage,
    record.disks.map(({ device }) => device),
    record.domain,
  );
  const now = [...host.toolstack.members.values()].filter(member => member.name === record.domain);
  for (const member of now) concerns(member.record.id);
  const stood = now.filter(({ paused }) => paused);
  const blueprint =
    record.state &&
    (await blueprintFrom(
      host,
      storage,
      record,
      now.find(({ ending }) => !ending),
      images,
    ));
  if (blueprint) {
    host.toolstack.refuseToBuild(blueprint, now);
    await (await states.load()).refuseOtherPlaces(host, blueprint);
  }
  const freeMiB =
    host.domains.facts.freeMiB + now.reduce((sum, { memoryMiB, released }) => sum + (released ? 0 : memoryMiB), 0);
  const { memoryMiB = 0 } = blueprint?.definition ?? {};
  if (memoryMiB > freeMiB)
    throw new Error(
      `The snapshot has ${memoryMiB} MiB of memory, and ${freeMiB} MiB are free. Destroy another domain.`,
    );
  const pairs = record.disks.map(({ device }) => ({ path: device, by: '' }));
  const made: string[] = [];
  // Nobody else opens the devices before they are as they were.
  const holds = record.disks
    .filter(({ device }) => storage.isThere(device))
    .map(({ device }) => storage.look(device, record.domain));
  const letGo = (): void => holds.splice(0).forEach(({ close }) => close());
  try {
    record.disks.forEach(({ device, volume }, i) => {
      pairs[i].by = volumeName(storage, 'revert', domain, baseName(device));
      storage.copyToVolume(`vg0/${volume}`, pairs[i].by, { unfinished: true });
      made.push(pairs[i].by);
    });
    for (const member of now)
      if (host.toolstack.members.get(member.record.id) === member)
        await host.toolstack.remove(member, false, 'from snapshot');
    letGo();
    storage.exchange(pairs);
    // It is what it was then, unless somebody says otherwise, or has pressed Pause meanwhile.
    const paused = (isPaused ?? record.paused === true) || now.some(member => member.paused && !stood.includes(member));
    const built =
      blueprint && (await build(host, blueprint, { made: concerns, paused }, () => storage.exchange(pairs)));
    await recordsOf(host).enter(record, host.clock.epochMs());
    return built && host.domains.describe(built);
  } finally {
    letGo();
    for (const each of made) storage.removeUnused(each);
  }
}

/** Where it cannot be built, `takeBack` has its disks as they were before. @throws Error with a sentence */
async function build(
  host: Uses<'toolstack'>,
  blueprint: Blueprint,
  options: { made: (domid: number) => void; paused: boolean },
  takeBack: () => void,
): Promise<Guest> {
  try {
    await loadBackends(['drives']);
    const built = await host.toolstack.build(blueprint, { ...options, why: 'from snapshot' });
    if (options.paused) built.why.paused = 'from snapshot';
    return built;
  } catch (error) {
    takeBack();
    throw new Error(
      `${(error as Error).message} The domain was destroyed, and its disks are as they were before: create it again.`,
    );
  }
}

/** @throws Error with a sentence where a file of its drives is missing or another, or the state cannot be read */
async function blueprintFrom(
  host: CommandHost,
  storage: Storage,
  record: SnapshotRecord,
  now: Guest | undefined,
  images: readonly NamedFile[],
) {
  const { name, state } = record;
  const file = new StateBlob(),
    medium = storage.medium(`vg0/${state!.volume}`);
  for (let at = 0; at < state!.bytes; at += COPIED_BYTES) {
    const piece = new Uint8Array(Math.min(COPIED_BYTES, state!.bytes - at));
    medium.read(at, piece);
    file.put(piece);
  }
  const from = file.whole();
  const saved = await readSaved(host.toolstack.runners, from, `snapshot ${name}`);
  const media = new Map<string, NonNullable<DriveImage['medium']>>(),
    inDrives = new Map<string, NonNullable<DriveImage['medium']>>();
  const targets = await targetsOf(saved, blueprintOf(saved, {}, [], name).definition);
  for (const file of await filesOf(host, record, images)) {
    const medium = await host.files.mediumOf(file);
    media.set(baseName(file.name), medium);
    for (const { vdev, target } of targets) if (target === file.name) inDrives.set(vdev, medium);
  }
  for (const { medium, vdev, place } of now?.blueprint.drives ?? []) {
    if (!medium || 'device' in medium) continue;
    media.set(baseName(medium.name), medium);
    inDrives.set(vdev ?? ideName(place), medium);
  }
  const found = foundIn(inDrives, media);
  const drives = savedDrives(saved, (label, _kind, vdev) =>
    host.disk.isDevice(label) ? { name: label, device: true } : found(label, vdev),
  );
  refuseOtherFiles(host, saved, drives);
  return blueprintOf(saved, { file: from }, drives, `snapshot ${name}`);
}

/** Files that were in its drives: as they are given, or at their paths. */
async function filesOf(host: CommandHost, record: SnapshotRecord, images: readonly NamedFile[]): Promise<NamedFile[]> {
  const paths = await pathsOf(host, record);
  const found = await Promise.all(
    paths.map(path =>
      host.files.readFile(path).then(
        data => [{ name: path, data }],
        () => [],
      ),
    ),
  );
  return [
    ...found.flat().filter(({ name }) => !images.some(image => baseName(image.name) === baseName(name))),
    ...images,
  ];
}

/** Paths of the files that a domain had in its drives. */
export async function pathsOf(host: CommandHost, { name, definition, files }: SnapshotRecord): Promise<string[]> {
  if (files) return files;
  await prepareToRead(definition);
  return filesIn(host, judgeDefinition(name, definition).definition.disks);
}

/** Files are where they were; whether they are what they were is seen before anything changes. @throws Error with a sentence */
function refuseOtherFiles(host: Uses<'disk' | 'parts'>, saved: SavedState, drives: readonly DriveImage[]): void {
  const isFile = (label: string): boolean => label !== '' && !host.disk.isDevice(label);
  const virtual = savedDisks(saved.toolstack?.disks)?.disks ?? [];
  const emulated = modelOf(saved)?.drives ?? saved.about.drives ?? [];
  const had = [
    ...emulated.map(drive => ({ drive, is: ({ place }: DriveImage) => place === drive.place })),
    ...virtual
      .filter(({ place }) => place < 0)
      .map(({ drive, vdev }) => ({ drive, is: (image: DriveImage) => image.place < 0 && image.vdev === vdev })),
  ].filter(({ drive }) => isFile(drive.label));
  for (const { drive, is } of had) {
    const image = drives.find(each => each.medium && is(each));
    const open = image
      ? attachDrives([{ ...image, place: drive.place }], host.parts.openMedium ?? noMedia, () => {})
      : [];
    const difference = drivesDiffer([drive], open);
    if (difference) throw new Error(`The domain cannot go back: ${difference}.`);
  }
}
