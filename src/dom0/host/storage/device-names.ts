/** How the host's devices are called: as they are written, as Storage knows them, and as people do. */
import { filePath, imageVolume } from './image-names.ts';
import { isNetworkDisk } from './nbd-address.ts';
import { isTransfer } from './transfer-names.ts';

export const GROUP = 'vg0';
/** Of an extent of that group. */
export const PE_BYTES = 4 * 2 ** 20;
/** Of a disk that is not there yet. */
export const DISK_BYTES = 500e9;

/** Whether a path is one of the host's devices, or a disk of another machine. */
export const isDevice = (path: string): boolean => path.startsWith('/dev/') || isTransfer(path) || isNetworkDisk(path);

/** A device as it was written, by the one path that this file knows it by: /dev/sdaN or /dev/vg0/NAME; an image file by that of its volume. */
export function canonical(written: string): string {
  const path = written.replace(/^phy:/, '').replace(/^(?!\/)/, '/dev/');
  const image = imageVolume(path);
  if (image !== undefined) return `/dev/${GROUP}/${image}`;
  // A hyphen of a name is doubled in /dev/mapper.
  const mapped = /^\/dev\/mapper\/vg0-(?!-)(.+)$/.exec(path);
  return mapped ? `/dev/${GROUP}/${mapped[1].replaceAll('--', '-')}` : path;
}

/** As people know it: a file's volume by the file. */
export const told = (path: string): string => filePath(volumeIn(path) ?? '') ?? path;

/** The volume that a path names; undefined: it names something else. */
export const volumeIn = (path: string): string | undefined => /^\/dev\/vg0\/([^/]+)$/.exec(canonical(path))?.[1];
