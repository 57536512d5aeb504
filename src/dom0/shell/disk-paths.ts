/** Paths that programs are given for disks: the host's devices, and images among Domain 0's files that lie on its disk. */
import type { DiskService, FileService } from '../toolstack/index.ts';
import { GROUP, isDevice, type Storage } from '../host/storage/index.ts';
import { absolutePath, type Surroundings } from '../toolstack/programs/index.ts';

export interface DiskHost {
  readonly disk: Pick<DiskService, 'openDevices'>;
  readonly files: Pick<FileService, 'realPath' | 'own'>;
}

/**
 * The host's disk and the path by which it knows what is written; undefined: that is a file, or nothing. Images that lie under overlays are as they are now.
 * @throws Error with a sentence: there is no disk
 */
export async function onDisk(
  host: DiskHost,
  written: string,
  around: Pick<Surroundings, 'directory'>,
): Promise<{ storage: Storage; path: string } | undefined> {
  const storage = await host.disk.openDevices();
  if (isDevice(written)) {
    if (!storage) throw new Error(`${written}: this host has no disk of its own: there are no devices.`);
    return { storage, path: written };
  }
  if (!storage) return undefined;
  const path = await host.files.realPath(absolutePath(written, around));
  return storage.image(path) ? { storage, path } : undefined;
}

/** A file on the host's disk by its own path, whatever is in it; undefined: it does not lie there. */
export async function storedAt(host: DiskHost, path: string): Promise<{ storage: Storage; path: string } | undefined> {
  const storage = await host.disk.openDevices();
  const file = storage?.file(path);
  return storage && file ? { storage, path: `/dev/${GROUP}/${file.volume}` } : undefined;
}
