/** What commands do with the host's disk and its volumes. */
import { part } from '../../formats/loading/index.ts';
import type { DriveImage } from '../../hypervisor/index.ts';
import { loadBackends } from '../backends/index.ts';
import type { NamedFile, PlannedDrive } from '../definitions/index.ts';
import type { DiskService, FileService, Line, Uses } from '../toolstack/index.ts';

const storageCommands = part(() => import('../host/storage/commands.ts'), 'changes volumes');

/** A command for volumes (storage/commands.ts), as a task: what it prints. @throws Error with what it says where it fails */
export const runDiskCommand = (
  disks: Pick<DiskService, 'openDevices'>,
  tasks: Uses<'tasks'>['tasks'],
  words: string[],
): Promise<string> =>
  tasks.run(words.join(' ') as Line, async task => {
    const storage = await disks.openDevices();
    if (!storage) throw new Error('This host has no disk of its own.');
    const { runStorageCommand } = await storageCommands.load();
    const { status, out, err } = runStorageCommand(storage, words);
    if (status !== 0) throw new Error(err.trim());
    task.message = out.trim();
    return out;
  });

/** Drives of a plan with their media: devices of the host, and files. */
export async function drivesFrom(
  given: Pick<FileService, 'mediumOf'>,
  disks: Pick<DiskService, 'deviceMedium'>,
  drives: readonly PlannedDrive[],
  files: readonly NamedFile[],
  domain: string,
): Promise<DriveImage[]> {
  await loadBackends(['drives']);
  return Promise.all(
    drives.map(async ({ image, ...drive }): Promise<DriveImage> => {
      if (image?.device) return { ...drive, medium: disks.deviceMedium(image.name, domain) };
      // A plan with an image that is neither is refused.
      const file = files.find(({ name }) => name === image?.name);
      return file ? { ...drive, medium: await given.mediumOf(file, !drive.readOnly && drive.kind !== 'cdrom') } : drive;
    }),
  );
}
