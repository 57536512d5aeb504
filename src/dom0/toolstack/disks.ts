/**
 * A guest's paravirtual disks: their nodes in the store, their back ends, and what is kept of them in a saved state.
 * Source: libxl__device_disk_add (tools/libs/light/libxl_disk.c) for the nodes.
 */
import type { Disk } from '../../devices/ide/disk.ts';
import { SavedStateError } from '../../hypervisor/index.ts';
import { areDrives, describeDrives, diskRecords, drivesDiffer, readDiskRecord, restoreChanges, type SavedDrive } from '../../hypervisor/disks/saved-disks.ts';
import { deviceNumber } from '../backends/vbd/device-number.ts';
import { Vbd } from '../backends/vbd/vbd.ts';
import { type BackendParts, type DeviceId, XenbusBackend } from '../backends/xenbus.ts';
import { removeDevicePaths, writeDevicePaths } from './device-paths.ts';

/** A disk for the PV drivers of a guest. */
export interface GuestDisk {
  /** xvda, hda, sda, d0 …: `deviceNumber` knows it, and no other disk of the guest has the same number. */
  vdev: string;
  kind: 'disk' | 'cdrom';
  readOnly: boolean;
  disk: Disk;
  /** Where the medium is, for people. */
  target: string;
  /** An emulated drive has the same medium: whoever saves that drive saves what the guest changed. */
  emulated?: boolean;
}

/** What is kept of the disks in a saved state. */
interface SavedDisks {
  /** Of media that no emulated drive has: what they were, with the device number for the place. */
  drives: SavedDrive[];
  /** What the guest changed of those (saved-disks.ts). */
  changes: Uint8Array[];
  /** By device number, of a guest that was saved unasked: where its ring was. */
  rings: { devid: number; ring: unknown }[];
}

/** @throws SavedStateError where the state says something else than `Disks.save` writes */
export function savedDisks(state: { disks?: unknown } | undefined): SavedDisks | undefined {
  if (state?.disks === undefined) return undefined;
  const saved = state.disks as Partial<SavedDisks> | null;
  const good =
    Array.isArray(saved?.drives) && areDrives(saved.drives) && Array.isArray(saved.changes) && saved.changes.every(bytes => bytes instanceof Uint8Array) &&
    Array.isArray(saved.rings) && saved.rings.every(each => Number.isInteger(each?.devid));
  if (!good) throw new SavedStateError('The record of the toolstack does not say what disks the guest had. Save the guest anew.');
  return saved as SavedDisks;
}

const refuse = (sentence: string): never => {
  throw new SavedStateError(sentence);
};

interface Attached {
  id: DeviceId;
  given: GuestDisk;
  vbd: Vbd;
  backend: XenbusBackend;
}

export class Disks {
  private readonly parts: BackendParts;
  private readonly attached: Attached[] = [];

  /** The guest does not run yet. @throws SavedStateError where the media are others than those it had */
  constructor(parts: BackendParts, domid: number, disks: readonly GuestDisk[], saved?: SavedDisks) {
    this.parts = parts;
    if (saved) restore(saved, disks);
    for (const given of disks) {
      const id = { kind: 'vbd', domid, devid: deviceNumber(given.vdev) ?? refuse(`${given.vdev} is no virtual disk.`) };
      writePaths(parts, id, given);
      const vbd = new Vbd(given);
      const ring = saved?.rings.find(({ devid }) => devid === id.devid)?.ring;
      this.attached.push({ id, given, vbd, backend: new XenbusBackend(parts, id, vbd, ring) });
    }
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
    const own = this.attached.filter(({ given }) => !given.emulated).map(({ id: { devid }, given: { kind, disk } }) => ({ place: devid, kind, disk }));
    const rings = this.attached.map(({ id: { devid }, backend }) => ({ devid, ring: backend.save() }));
    return { drives: describeDrives(own, refuse), changes: [...diskRecords(own)], rings: unasked ? rings.filter(({ ring }) => ring !== undefined) : [] };
  }

  close(): void {
    for (const { id, backend } of this.attached.splice(0)) {
      backend.close();
      removeDevicePaths(this.parts.client, id);
    }
  }
}

function restore({ drives, changes }: SavedDisks, disks: readonly GuestDisk[]): void {
  const own = disks.filter(({ emulated }) => !emulated).map(({ vdev, kind, disk }) => ({ place: deviceNumber(vdev) ?? -1, kind, disk }));
  const difference = drivesDiffer(drives, own);
  if (difference) refuse(`The domain cannot be restored: ${difference}.`);
  for (const record of changes) {
    const change = readDiskRecord(record) ?? refuse('A disk of the saved guest contradicts itself. Save the guest anew.');
    restoreChanges(own, change.place, change.changes);
  }
}

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
      'discard-enable': disk.discard ? 1 : 0,
      specification: 'xen',
      params: `aio:${target}`,
    },
  });
}
