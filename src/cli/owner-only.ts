/** Files with guests' memory and disks in them: those of hosts' states, saved states and their like. */
import { fchmodSync, fstatSync, openSync } from 'node:fs';

/** Of new files, and of folders made for them: nobody but their owner reads them. */
export const OWNER_ONLY = 0o600,
  OWNER_ONLY_FOLDER = 0o700;

/** An open file that all could read is its owner's alone from now on. */
export function keepToOwner(fd: number): void {
  if ((fstatSync(fd).mode & 0o077) === 0) return;
  try {
    fchmodSync(fd, OWNER_ONLY);
  } catch {
    // It is another user's, and this one may write it, or its file system has no modes.
  }
}

/** Opens it to be written from its start on. @throws Error of the file system */
export function openForOwner(path: string): number {
  const fd = openSync(path, 'w', OWNER_ONLY);
  if (fstatSync(fd).isFile()) keepToOwner(fd);
  return fd;
}
