/**
 * A guest's paravirtual disks: their nodes in the store, their back ends, and what is kept of them in a saved state.
 * Source: libxl__device_disk_add (tools/libs/light/libxl_disk.c) for the nodes.
 */
import type { BlockDevice } from '../../../formats/blocks/index.ts';
import type { IdeAttachment } from '../../../devices/ide/index.ts';
import { type DriveImage, type Medium, SavedStateError } from '../../../hypervisor/index.ts';
import { areDrives, type SavedDrive } from '../../../hypervisor/disks/index.ts';
import { deviceNumber } from '../../definitions/config/index.ts';
import type { Vbd } from '../../backends/vbd/index.ts';
import {
  backend,
  type BackendParts,
  backendPath,
  type DeviceId,
  frontendPath,
  XenbusBackend,
} from '../../backends/index.ts';
import type { DomainPaths } from '../domain-paths.ts';
import { ideName } from '../../definitions/index.ts';
import { removeDevicePaths, writeDevicePaths } from './device-paths.ts';

/** A disk for the PV drivers of a guest. */
export interface GuestDisk {
  /** xvda, hda, sda, d0 …: `deviceNumber` knows it, and no other disk of the guest has the same number. */
  vdev: string;
  kind: 'disk' | 'cdrom';
  readOnly: boolean;
  /** NO_DISC: nothing lies in the drive. */
  disk: BlockDevice;
  /** Where the medium is, for people; empty: there is none. */
  target: string;
  /** Place of the emulated drive that has the same medium, and whose changes are saved with that; -1: none has. */
  place: number;
  /** That drive is in another worker, and its changes are saved here. */
  isQueued?: true;
  /** A new domain has the disk. */
  begin?(): void;
}

/** A drive of a guest, with its medium open; `disk` null: nothing is in it. */
export type OpenDrive = IdeAttachment & {
  vdev: string;
  readOnly: boolean;
  /** Where the medium is, for people. */
  target: string;
};

/**
 * Which drives of a guest are emulated, and which are for PV drivers; a PC that shows nothing of Xen has no `type`. `isQueued`: the emulated ones are in another
 * worker.
 */
export function divideDrives(
  drives: readonly OpenDrive[],
  type: DomainPaths['type'] | undefined,
  isQueued = false,
): { ide: IdeAttachment[]; disks: GuestDisk[] } {
  if (type === undefined) return { ide: drives.map(bare), disks: [] };
  const ide: IdeAttachment[] = [],
    disks: GuestDisk[] = [];
  for (const drive of drives) {
    if (drive.kind === 'floppy') {
      // Xen has no floppy disks for PV drivers.
      if (type === 'hvm') ide.push(bare(drive));
      continue;
    }
    const { vdev, kind, readOnly, target, disk } = drive;
    const place = type === 'hvm' ? drive.place : -1;
    if (disk && place >= 0) {
      const shared = shareDisk(disk);
      ide.push({ place, kind, disk: shared.emulated });
      disks.push({
        vdev,
        kind,
        readOnly,
        target,
        place,
        disk: shared.pv,
        begin: shared.begin,
        ...(isQueued ? { isQueued } : {}),
      });
    } else {
      if (place >= 0) ide.push(bare(drive));
      disks.push({ vdev, kind, readOnly, target, place, disk: disk ?? backend('drives').NO_DISC });
    }
  }
  return { ide, disks };
}

/**
 * Opens drives in Domain 0, and divides them. `changes`: what the guest had changed of them as another domain. `all`: each by its place, or the number of its
 * device where it has none, for what is kept of them. `isQueued`: see divideDrives. @throws what `open` does
 */
export function openInDomain0(
  images: readonly DriveImage[],
  type: DomainPaths['type'] | undefined,
  open: (images: readonly DriveImage[]) => IdeAttachment[],
  isQueued = false,
): { ide: IdeAttachment[]; disks: GuestDisk[]; all: IdeAttachment[] } {
  const named = images.map(image => ({ ...image, vdev: image.vdev ?? ideName(image.place) }));
  const all = open(
    named.map(image => ({ ...image, place: image.place < 0 ? (deviceNumber(image.vdev) ?? -1) : image.place })),
  );
  const drives = named.map(
    ({ place, vdev, readOnly, medium }, i): OpenDrive => ({
      ...all[i],
      place,
      vdev,
      readOnly,
      target: medium?.name ?? '',
    }),
  );
  return { ...divideDrives(drives, type, isQueued), all };
}

/** A medium that is open here, as a drive in another worker knows it. */
export const queuedMedium = (name: string, disk: BlockDevice): Extract<Medium, { queued: unknown }> => {
  const { sectorBytes, bytes, readOnly } = disk;
  return { name, queued: { sectorBytes, bytes, readOnly, label: 'label' in disk ? String(disk.label) : name } };
};

const bare = ({ place, ...drive }: OpenDrive): IdeAttachment =>
  drive.kind === 'disk' ? { place, kind: 'disk', disk: drive.disk } : { place, kind: drive.kind, disk: drive.disk };

/** The emulated drive's side of a medium that PV drivers share. */
export interface SharedDrive {
  /** The listener is told at once, and whenever it changes, whether PV drivers have used the medium. */
  whenClaimed(listener: (isClaimed: boolean) => void): void;
}

/**
 * A medium that an emulated drive and PV drivers share, one after the other: the drive cannot write any more once the PV drivers have used it. Xen leaves it
 * to the guest to unplug the drive first.
 */
function shareDisk(disk: BlockDevice): { emulated: BlockDevice; pv: BlockDevice; begin: () => void } {
  let claimed = false;
  let tell = (_isClaimed: boolean): void => {};
  const setClaimed = (isClaimed: boolean): void => {
    if (claimed === isClaimed) return;
    claimed = isClaimed;
    tell(isClaimed);
  };
  const whenClaimed: SharedDrive['whenClaimed'] = listener => {
    tell = listener;
    tell(claimed);
  };
  const emulated = disk.behind((request, done) =>
    claimed && (request.op === 'write' || request.op === 'discard')
      ? done(new Error('The PV drivers have the medium.'))
      : disk.request(request, done),
  );
  Object.assign(emulated, { whenClaimed });
  const pv = disk.behind((request, done) => {
    if (request.op !== 'flush') setClaimed(true);
    disk.request(request, done);
  });
  const begin = (): void => setClaimed(false);
  return { emulated, pv, begin };
}

/** A disk in a saved state. */
export interface SavedDisk {
  vdev: string;
  readOnly: boolean;
  /** On the IDE channels, where an emulated drive has the same medium; -1: there is none. */
  place: number;
  /** What the medium was, with the device number for its place. */
  drive: SavedDrive;
  /** Of a guest that was saved unasked: where its ring was. */
  ring?: unknown;
}

interface SavedDisks {
  disks: SavedDisk[];
  /** What the guest changed of media that are not saved with an emulated drive (saved-disks.ts). */
  changes: Uint8Array[];
}

/** @throws SavedStateError where the state says something else than `Disks.save` writes */
export function savedDisks(state: { disks?: unknown } | undefined): SavedDisks | undefined {
  if (state?.disks === undefined) return undefined;
  const saved = state.disks as Partial<SavedDisks> | null;
  const good =
    Array.isArray(saved?.disks) &&
    saved.disks.every(
      each =>
        deviceNumber(String(each?.vdev)) !== undefined &&
        typeof each.readOnly === 'boolean' &&
        Number.isInteger(each.place) &&
        areDrives([each.drive]),
    ) &&
    Array.isArray(saved.changes) &&
    saved.changes.every(bytes => bytes instanceof Uint8Array);
  if (!good)
    throw new SavedStateError(
      'The record of the toolstack does not say what disks the guest had. Save the guest anew.',
    );
  return saved as SavedDisks;
}

const refuse = (sentence: string): never => {
  throw new SavedStateError(sentence);
};

interface Attached {
  id: DeviceId;
  given: GuestDisk;
  vbd: Vbd;
  backend?: XenbusBackend;
  /** Of the saved state, until the back end has it. */
  ring?: unknown;
}

export interface DiskInfo {
  devid: number;
  vdev: string;
  /** XENBUS_STATE of the back end, and where that is in the store. */
  state: number;
  path: string;
  /** Of the front end; -1: it has none. */
  port: number;
  ref: number;
}

/** Source: main_blocklist() in tools/xl/xl_block.c; its third column is the front end's domain. */
export function formatBlockList(domid: number, disks: readonly DiskInfo[]): string {
  const row = (...[vdev, be, handle, state, port, ref, path]: (string | number)[]): string =>
    `${String(vdev).padEnd(5)} ${String(be).padEnd(3)} ${String(handle).padEnd(6)} ${String(state).padEnd(5)} ${String(port).padEnd(6)} ${String(ref).padEnd(8)} ${String(path).padEnd(30)}\n`;
  return [
    row('Vdev', 'BE', 'handle', 'state', 'evt-ch', 'ring-ref', 'BE-path'),
    ...disks.map(({ devid, state, port, ref, path }) => row(devid, 0, domid, state, port, ref, path)),
  ].join('');
}

export class Disks {
  private readonly parts: BackendParts;
  private readonly domid: number;
  private readonly attached: Attached[] = [];

  /** Writes what the guest finds in the store. It does not run yet. @throws SavedStateError where the media are others than those it had */
  constructor(parts: BackendParts, domid: number, disks: readonly GuestDisk[], saved?: SavedDisks) {
    this.parts = parts;
    this.domid = domid;
    if (saved) restore(saved, disks);
    for (const given of disks) {
      given.begin?.();
      const id = { kind: 'vbd', domid, devid: deviceNumber(given.vdev) ?? refuse(`${given.vdev} is no virtual disk.`) };
      writePaths(parts, id, given);
      this.attached.push({
        id,
        given,
        vbd: this.backEnd(id, given),
        ring: saved?.disks.find(({ vdev }) => vdev === given.vdev)?.ring,
      });
    }
  }

  private backEnd({ domid, devid }: DeviceId, given: GuestDisk): Vbd {
    const { io, recordOf } = this.parts;
    const guest = recordOf?.(domid);
    const { Vbd } = backend('vbd');
    if (!io || !guest) return new Vbd(given);
    return new Vbd({ ...given, follows: { io, guest, devid } });
  }

  /** The back ends begin: all that the guest had of its own is in the store. */
  start(): void {
    for (const each of this.attached) {
      const { id, vbd, ring } = each;
      each.backend = new XenbusBackend(this.parts, id, vbd, ring);
      delete each.ring;
    }
  }

  /** A disk for a guest that runs: its front end finds it in the store. @throws Error with a sentence */
  add(given: GuestDisk): void {
    const id = {
      kind: 'vbd',
      domid: this.domid,
      devid: deviceNumber(given.vdev) ?? refuse(`${given.vdev} is no virtual disk.`),
    };
    if (this.attached.some(each => each.id.devid === id.devid))
      throw new Error(`The guest has a disk ${given.vdev} already.`);
    given.begin?.();
    writePaths(this.parts, id, given);
    const vbd = this.backEnd(id, given);
    this.attached.push({ id, given, vbd, backend: new XenbusBackend(this.parts, id, vbd) });
  }

  /** By the name or the number of its device; undefined: the guest has no such disk. */
  find(device: string): Attached | undefined {
    const devid = /^\d+$/.test(device) ? Number(device) : deviceNumber(device);
    return this.attached.find(({ id }) => id.devid === devid);
  }

  /** Another disc lies in an emulated drive. The virtual device stays, and says so, as libxl_cdrom_insert() leaves it: what PV drivers leave alone. */
  change(device: string, disc: Pick<GuestDisk, 'disk' | 'target'>): void {
    const found = this.find(device);
    if (!found) return;
    Object.assign(found.given, disc);
    found.vbd.change(disc.disk);
    this.parts.client.write(`${backendPath(found.id)}/params`, paramsOf(disc.target));
  }

  /** Takes a disk away, whatever its front end does. */
  drop({ devid }: DeviceId): void {
    const at = this.attached.findIndex(({ id }) => id.devid === devid);
    const [gone] = at < 0 ? [] : this.attached.splice(at, 1);
    gone?.backend?.close();
    if (gone) removeDevicePaths(this.parts.client, gone.id);
  }

  /** As `xl block-list` has them. */
  list(): DiskInfo[] {
    const { client } = this.parts;
    return this.attached.map(({ id, given: { vdev } }) => {
      const number = (path: string, name: string): number => Number(client.read(`${path}/${name}`) ?? -1);
      const front = frontendPath(id),
        path = backendPath(id);
      return {
        devid: id.devid,
        vdev,
        path,
        state: number(path, 'state'),
        port: number(front, 'event-channel'),
        ref: number(front, 'ring-ref'),
      };
    });
  }

  /** Each with its back end, for those who look. */
  get all(): readonly { given: GuestDisk; vbd: Vbd }[] {
    return this.attached;
  }

  get size(): number {
    return this.attached.length;
  }

  /** Counts of each disk, by the name of its device. */
  get counts(): { vdev: string; counts: Vbd['counts'] }[] {
    return this.attached.map(({ given: { vdev }, vbd: { counts } }) => ({ vdev, counts }));
  }

  /** `unasked`: the guest knows nothing of it, and goes on with the rings that it has. @throws SavedStateError */
  save(unasked: boolean): SavedDisks {
    const filled = this.attached.filter(({ given }) => given.disk !== backend('drives').NO_DISC);
    if (filled.length === 0) return { disks: [], changes: [] };
    const { describeDrives, diskRecords } = backend('drives');
    const disks = filled.map(({ given, backend }): SavedDisk => {
      const { vdev, readOnly, place } = given;
      const ring = unasked ? backend?.save() : undefined;
      return {
        vdev,
        readOnly,
        place,
        drive: describeDrives([asDrive(given)], refuse)[0],
        ...(ring === undefined ? {} : { ring }),
      };
    });
    return {
      disks,
      changes: [
        ...diskRecords(
          filled.filter(({ given }) => given.place < 0 || given.isQueued).map(({ given }) => asDrive(given)),
        ),
      ],
    };
  }

  close(): void {
    for (const { id, backend } of this.attached.splice(0)) {
      backend?.close();
      removeDevicePaths(this.parts.client, id);
    }
  }
}

/** As saved-disks.ts knows drives: by the device number. */
const asDrive = ({ vdev, kind, disk }: GuestDisk): IdeAttachment => ({
  place: deviceNumber(vdev) ?? -1,
  ...(disk === backend('drives').NO_DISC ? { kind: 'cdrom', disk: null } : { kind, disk }),
});

function restore({ disks: saved, changes }: SavedDisks, disks: readonly GuestDisk[]): void {
  if (disks.length === 0 && saved.length === 0 && changes.length === 0) return;
  const { drivesDiffer, readDiskRecord, restoreChanges } = backend('drives');
  const own = disks.filter(({ place }) => place < 0).map(asDrive);
  // Whoever has the emulated drive looks at its medium.
  const difference = drivesDiffer(
    saved.filter(({ place }) => place < 0).map(({ drive }) => drive),
    own,
  );
  if (difference) refuse(`The domain cannot be restored: ${difference}.`);
  for (const record of changes) {
    const change =
      readDiskRecord(record) ?? refuse('A disk of the saved guest contradicts itself. Save the guest anew.');
    restoreChanges(disks.map(asDrive), change.place, change.changes);
  }
}

/** What lies in the drive, as the store has it. */
const paramsOf = (target: string): string => (target === '' ? '' : `aio:${target}`);

function writePaths({ client }: BackendParts, id: DeviceId, { vdev, kind, readOnly, target, disk }: GuestDisk): void {
  writeDevicePaths(client, id, {
    frontend: { 'virtual-device': id.devid, 'device-type': kind, trusted: 1 },
    backend: {
      removable: kind === 'cdrom' ? 1 : 0,
      bootable: 1,
      dev: vdev,
      type: 'qdisk',
      mode: readOnly ? 'r' : 'w',
      'device-type': kind,
      'discard-enable': disk.discards ? 1 : 0,
      specification: 'xen',
      params: paramsOf(target),
    },
  });
}
