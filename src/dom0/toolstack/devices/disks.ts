/**
 * A guest's paravirtual disks: their nodes in the store, their back ends, and what is kept of them in a saved state.
 * Source: libxl__device_disk_add (tools/libs/light/libxl_disk.c) for the nodes.
 */
import type { IdeAttachment } from '../../../devices/ide/index.ts';
import { SavedStateError } from '../../../hypervisor/index.ts';
import { areDrives, type SavedDrive } from '../../../hypervisor/disks/index.ts';
import { deviceNumber } from '../../definitions/config/index.ts';
import type { Vbd } from '../../backends/vbd/index.ts';
import { backend, type BackendParts, backendPath, type DeviceId, loadBackends } from '../../backends/index.ts';
import type { PluggableKind } from './device-kind.ts';
import { writeDevicePaths } from './device-paths.ts';
import type { GuestDisk } from './drives.ts';
import { type DeviceInfo, type SharedDevice, SharedDevices } from './shared-devices.ts';

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
export function savedDisks(disks: unknown): SavedDisks | undefined {
  if (disks === undefined) return undefined;
  const saved = disks as Partial<SavedDisks> | null;
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
      'The record of the toolstack does not say what disks the guest had. Save the guest again.',
    );
  return saved as SavedDisks;
}

const refuse = (sentence: string): never => {
  throw new SavedStateError(sentence);
};

export interface DiskInfo extends DeviceInfo {
  vdev: string;
  /** Of the front end; -1: it has none. */
  ref: number;
}

export class Disks extends SharedDevices<GuestDisk, Vbd, DiskInfo> {
  /** Writes what the guest finds in the store. It does not run yet. @throws SavedStateError where the media are others than those it had */
  constructor(parts: BackendParts, domid: number, disks: readonly GuestDisk[], saved?: SavedDisks) {
    super(parts, domid);
    if (saved) restore(saved, disks);
    for (const given of disks)
      this.attached.push({ ...this.make(given), rings: saved?.disks.find(({ vdev }) => vdev === given.vdev)?.ring });
  }

  private make(given: GuestDisk): SharedDevice<GuestDisk, Vbd> {
    const { parts, domid } = this;
    given.begin?.();
    const devid = deviceNumber(given.vdev) ?? refuse(`${given.vdev} is no virtual disk.`);
    const id = { kind: 'vbd', domid, devid };
    writePaths(parts, id, given);
    const { Vbd } = backend('vbd');
    return { id, given, driver: new Vbd({ ...given, follows: this.follower(devid) }) };
  }

  /** A disk for a guest that runs. @throws Error with a sentence */
  add(given: GuestDisk): void {
    if (this.find(given.vdev)) throw new Error(`The guest has a disk ${given.vdev} already.`);
    this.plug(this.make(given));
  }

  /** By the name or the number of its device; undefined: the guest has no such disk. */
  find(device: string): SharedDevice<GuestDisk, Vbd> | undefined {
    const devid = /^\d+$/.test(device) ? Number(device) : deviceNumber(device);
    return this.attached.find(({ id }) => id.devid === devid);
  }

  /** Another disc lies in an emulated drive. The virtual device stays, and says so, as libxl_cdrom_insert() leaves it: what PV drivers leave alone. */
  change(device: string, disc: Pick<GuestDisk, 'disk' | 'target'>): void {
    const found = this.find(device);
    if (!found) return;
    found.given = { ...found.given, ...disc };
    found.driver.change(disc.disk);
    this.parts.client.write(`${backendPath(found.id)}/params`, paramsOf(disc.target));
  }

  protected info(
    { given: { vdev } }: SharedDevice<GuestDisk, Vbd>,
    common: DeviceInfo,
    node: (name: string) => number,
  ): DiskInfo {
    return { ...common, vdev, ref: node('ring-ref') };
  }

  /** Counts of each disk, by the name of its device. */
  get counts(): { vdev: string; counts: Vbd['counts'] }[] {
    return this.attached.map(({ given: { vdev }, driver: { counts } }) => ({ vdev, counts }));
  }

  private get filled(): SharedDevice<GuestDisk, Vbd>[] {
    return this.attached.filter(({ given }) => given.disk !== backend('drives').NO_DISC);
  }

  describe(unasked = false): SavedDisks | undefined {
    if (this.attached.length === 0) return undefined;
    const disks = this.filled.map((each): SavedDisk => {
      const { vdev, readOnly, place } = each.given;
      const ring = this.savedRings(each, unasked);
      const drive = backend('drives').describeDrives([asDrive(each.given)], refuse)[0];
      return { vdev, readOnly, place, drive, ...(ring === undefined ? {} : { ring }) };
    });
    return { disks, changes: [] };
  }

  save(unasked: boolean): SavedDisks | undefined {
    const described = this.describe(unasked);
    if (!described) return undefined;
    const own = this.filled.filter(({ given }) => given.place < 0 || given.isQueued);
    return {
      ...described,
      changes: [
        ...backend('drives').diskRecords(
          own.map(({ given }) => asDrive(given)),
          true,
        ),
      ],
    };
  }
}

export const DISKS: PluggableKind<GuestDisk, Disks> = {
  load: () => loadBackends(['vbd']),
  planned: ({ disks }) => (disks.length > 0 ? disks : undefined),
  attach: ({ backends, record }, given, saved) => new Disks(backends, record.id, given ?? [], savedDisks(saved)),
  hotplug: {
    noun: 'disk',
    called: ({ vdev }) => vdev,
    stays: ({ place, vdev }) =>
      place >= 0 ? `${vdev} is an emulated drive, too: it stays as long as the guest.` : undefined,
  },
};

/** As saved-disks.ts knows drives: by the device number. */
const asDrive = ({ vdev, kind, disk }: GuestDisk): IdeAttachment => ({
  place: deviceNumber(vdev) ?? -1,
  ...(disk === backend('drives').NO_DISC ? { kind: 'cdrom', disk: null } : { kind, disk }),
});

function restore({ disks: saved, changes }: SavedDisks, disks: readonly GuestDisk[]): void {
  if (disks.length === 0 && saved.length === 0 && changes.length === 0) return;
  const { drivesDiffer, readDiskRecord, restoreChanges } = backend('drives');
  const own = disks.filter(({ place }) => place < 0).map(asDrive);
  // The code of the emulated drive looks at its medium.
  const difference = drivesDiffer(
    saved.filter(({ place }) => place < 0).map(({ drive }) => drive),
    own,
  );
  if (difference) refuse(`The domain cannot be restored: ${difference}.`);
  for (const record of changes) {
    const change =
      readDiskRecord(record) ?? refuse('A disk of the saved guest contradicts itself. Save the guest again.');
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
