/** Image files of the host's, read and written in place. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { HEAD_BYTES } from '../../dom0/index.ts';
import type { OpenMedium } from '../../hypervisor/disks/index.ts';
import type { DiskSource } from '../../hypervisor/disks/index.ts';
import { HostError } from '../../hypervisor/memory/index.ts';
import { UsageError } from './usage-error.ts';

export interface Image {
  name: string;
  fd: number;
  bytes: number;
  /** Its first bytes, for a look at what it is. */
  head: Buffer;
}

/** @throws UsageError with the option that named it */
export function open(path: string, option: string, flags: 'r' | 'r+' = 'r'): Image {
  let fd = -1;
  try {
    fd = openSync(path, flags);
    const status = fstatSync(fd);
    if (status.isDirectory()) throw new UsageError(`${path} is a folder; name an image file (${option}).`);
    const head = Buffer.alloc(Math.min(status.size, HEAD_BYTES));
    readSync(fd, head, 0, head.length, 0);
    return { name: path, fd, bytes: status.size, head };
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`${path} does not exist; check the path (${option}).`);
    throw new UsageError(`${path} cannot be ${flags === 'r' ? 'read' : 'written'} (${code}) (${option}).`);
  }
}

function source(image: Image, writes: boolean): DiskSource {
  const { fd, bytes } = image;
  const whole = (move: (from: number) => number, length: number): boolean => {
    try {
      for (let at = 0; at < length; ) {
        const count = move(at);
        if (count <= 0) return false;
        at += count;
      }
      return true;
    } catch {
      return false;
    }
  };
  return {
    bytes,
    read: (at, into) => whole(from => readSync(fd, into, from, into.length - from, at + from), into.length),
    ...(writes
      ? {
          write: (at: number, from: Uint8Array) => whole(start => writeSync(fd, from, start, from.length - start, at + start), from.length),
          flush: () => {
            fsyncSync(fd);
            return true;
          },
        }
      : {}),
  };
}

/** Opens a medium by its path; what the guest writes is kept in memory, unless it goes into the file. @throws HostError */
export const openFile: OpenMedium = medium => {
  if (!('path' in medium)) throw new HostError(`${medium.name} has no path.`);
  const writes = medium.writes === true;
  try {
    return source(open(medium.path, 'disk', writes ? 'r+' : 'r'), writes);
  } catch (error) {
    throw error instanceof UsageError ? new HostError(error.message) : error;
  }
};
