/** Opens the media of a domain's drives, and what lies in them. */
import type { IdeAttachment } from '../../devices/ide/index.ts';
import { HostError } from '../memory/machine.ts';
import type { DriveQueue } from './drive-queue.ts';
import type { DriveImage, OpenMedium } from './media.ts';
import type { DiskSource } from './disk-source.ts';
import { OverlayDisk } from './overlay-disk.ts';
import { isQcow2, Qcow2Error, Qcow2Source } from '../../formats/qcow2/index.ts';
import { readDiskRecord, restoreChanges } from './saved-disks.ts';

/** A file that is in memory whole. */
const inMemory = (file: Uint8Array): DiskSource => ({
  bytes: file.length,
  read: (at, into) => {
    const part = file.subarray(at, at + into.length);
    into.set(part);
    return part.length === into.length;
  },
});

/**
 * The drives for a domain. `problem` gets a sentence, once a medium, when a file cannot be read any more; the guest sees a bad sector. `changes`: what the
 * guest had changed of them as another domain (DISK records). `queue`: the way to media that another worker has open. @throws what `open` does
 */
export function attachDrives(
  drives: readonly DriveImage[],
  open: OpenMedium,
  problem: (sentence: string) => void,
  changes: readonly Uint8Array[] = [],
  queue?: DriveQueue,
): IdeAttachment[] {
  const attached = drives.map(({ place, kind, readOnly, medium }): IdeAttachment => {
    if (!medium) return { place, kind: kind === 'floppy' ? kind : 'cdrom', disk: null };
    if ('disk' in medium) return { place, kind, disk: medium.disk };
    if ('queued' in medium) {
      if (!queue) throw new HostError(`${medium.name} is open in another worker, and there is no way to it.`);
      return { place, kind, disk: queue.disk(place, medium.queued) };
    }
    if ('device' in medium)
      throw new HostError(`${medium.name} is a device of the host, which Domain 0 opens, and nobody has opened it.`);
    let told = false;
    const failed = (): void => {
      if (told) return;
      told = true;
      problem(
        `${medium.name} cannot be read any more: the file was changed or moved after it was given. Give it again and boot once more.`,
      );
    };
    const file = 'bytes' in medium ? inMemory(medium.bytes) : open(medium, failed);
    const source = kind === 'disk' ? unwrap(file, medium, problem) : file;
    return {
      place,
      kind,
      disk: new OverlayDisk(source, { sectorBytes: kind === 'cdrom' ? 2048 : 512, readOnly, label: medium.name }),
    };
  });
  for (const record of changes) {
    const disk = readDiskRecord(record);
    if (disk) restoreChanges(attached, disk.place, disk.changes);
  }
  return attached;
}

/** The disk in a file: the file, or what a qcow2 image says. @throws HostError where that cannot be read, or is to be written */
function unwrap(file: DiskSource, { name }: { name: string }, problem: (sentence: string) => void): DiskSource {
  const magic = new Uint8Array(4);
  if (file.bytes < magic.length || !file.read(0, magic) || !isQcow2(magic)) return file;
  if (file.write)
    throw new HostError(
      `${name} is a qcow2 image, and those are not written. Without rw, what the guest writes is kept in memory.`,
    );
  let told = false;
  try {
    return new Qcow2Source(file, error => {
      if (!told) problem(`${name} ${error.message}`);
      told = true;
    });
  } catch (error) {
    if (error instanceof Qcow2Error) throw new HostError(`${name} ${error.message}`);
    throw error;
  }
}
