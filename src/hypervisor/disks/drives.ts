/** Opens the media of a domain's drives, and what lies in them. */
import type { IdeAttachment } from '../../devices/ide/index.ts';
import { type BlockDevice, MemoryDisk } from '../../formats/blocks/index.ts';
import { HostError } from '../memory/machine.ts';
import type { DriveQueue } from './drive-queue.ts';
import type { DriveImage, OpenMedium } from './media.ts';
import { OverlayDisk } from './overlay-disk.ts';
import { isQcow2, Qcow2Error, Qcow2Source } from '../../formats/qcow2/index.ts';
import { readDiskRecord, restoreChanges } from './saved-disks.ts';

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
    let reported: Error | undefined;
    const failed = (error: Error): Error => {
      if (!reported) {
        reported = new Error(
          `${medium.name} ${error instanceof Qcow2Error ? error.message : 'cannot be read any more: the file was changed or moved after it was given. Give it again and boot again.'}`,
        );
        problem(reported.message);
      }
      return reported;
    };
    const file = 'bytes' in medium ? new MemoryDisk(medium.bytes, { readOnly: true }) : open(medium);
    const sectorBytes = kind === 'cdrom' ? 2048 : 512;
    const source = kind === 'disk' ? unwrap(file, medium) : file;
    return { place, kind, disk: new OverlayDisk(source, { sectorBytes, readOnly, label: medium.name, failed }) };
  });
  for (const record of changes) {
    const disk = readDiskRecord(record);
    if (disk) restoreChanges(attached, disk.place, disk.changes);
  }
  return attached;
}

/** The disk in a file: the file, or what a qcow2 image says. @throws HostError where that cannot be read, or is to be written */
function unwrap(file: BlockDevice, { name }: { name: string }): BlockDevice {
  if (!beginsAsQcow2(file)) return file;
  if (!file.readOnly)
    throw new HostError(
      `${name} is a qcow2 image, and those are not written. Without rw, what the guest writes is kept in memory.`,
    );
  try {
    return new Qcow2Source(file);
  } catch (error) {
    if (error instanceof Qcow2Error) throw new HostError(`${name} ${error.message}`);
    throw error;
  }
}

/** False also where it cannot be read: its reader hears of that. */
function beginsAsQcow2(file: BlockDevice): boolean {
  const magic = new Uint8Array(4);
  if (file.bytes < magic.length) return false;
  file.request({ op: 'read', at: 0, pieces: [magic], waits: true }, () => {});
  return isQcow2(magic);
}
