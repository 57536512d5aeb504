/** Image files of the host's, read and written in place; what is packed is unpacked into memory. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  damaged,
  HEAD_BYTES,
  imageHead,
  LastUnpacked,
  MOST_UNPACKED_BYTES,
  PACKED_HEAD_BYTES,
} from '../../dom0/service/index.ts';
import type { OpenMedium } from '../../hypervisor/disks/index.ts';
import { type BlockDevice, deviceOf, MemoryDisk } from '../../formats/blocks/index.ts';
import { HostError } from '../../hypervisor/memory/index.ts';
import {
  DecodeError,
  isGzip,
  isXz,
  unpackers,
  nameInside,
  type Packing,
  packingOf,
  TooLargeError,
  unpacksHere,
} from '../../formats/unpack/index.ts';
import { fileBytes } from '../file-bytes.ts';
import { FileDevice } from '../file-device.ts';
import { UsageError } from './usage-error.ts';

const { gunzip, headInside, statedBytes, unxz, unzstd } = await unpackers.load();

export interface Image {
  name: string;
  fd: number;
  bytes: number;
  /** Its first bytes, for a look at what it is. */
  head: Uint8Array;
  /** Of one that was packed: with what, and what is in it. */
  packing?: Packing | undefined;
  content?: Uint8Array;
}

/** An image, unpacked; one that is to be written is as it is. @throws UsageError with the option that named it */
export function open(path: string, option: string, flags: 'r' | 'r+' = 'r'): Image {
  const image = openAsIs(path, option, flags);
  if (flags === 'r+' || !unpacksHere(image.head)) return image;
  try {
    const content = contentOf(image);
    return content
      ? {
          ...image,
          bytes: content.length,
          head: imageHead(new MemoryDisk(content)),
          packing: packingOf(image.head),
          content,
        }
      : image;
  } catch (error) {
    closeSync(image.fd);
    throw error instanceof DecodeError ? new UsageError(damaged(path, image.head, error)) : error;
  }
}

/** What a file is called and begins with, without a look at the rest of it: of one that is packed, what is in it. @throws UsageError */
export function lookAt(path: string, option: string): { name: string; head: Uint8Array } {
  const { fd, head } = openAsIs(path, option);
  closeSync(fd);
  const packing = packingOf(head);
  if (!packing || !unpacksHere(head)) return { name: path, head: head.subarray(0, HEAD_BYTES) };
  return {
    name: nameInside(path, packing),
    head: headInside(head, HEAD_BYTES),
  };
}

/** By path, size and time. */
const unpacked = new LastUnpacked<Uint8Array>();

/** Undefined: it has more than is kept. @throws DecodeError */
function contentOf({ name, fd, head }: Image): Uint8Array | undefined {
  const { size, mtimeMs } = fstatSync(fd);
  const key = `${size} ${mtimeMs} ${name}`;
  const known = unpacked.get(key);
  if (known) return known;
  const packed = fileBytes(name);
  try {
    if (!isGzip(head) && (statedBytes(packed) ?? 0) > MOST_UNPACKED_BYTES) return undefined;
    const content = isGzip(head)
      ? gunzipped(packed)
      : (isXz(head) ? unxz : unzstd)(packed, { limit: MOST_UNPACKED_BYTES });
    unpacked.set(key, content);
    return content;
  } catch (error) {
    if (error instanceof TooLargeError || (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      return undefined;
    throw error;
  }
}

/** @throws DecodeError */
function gunzipped(packed: Uint8Array): Uint8Array {
  try {
    return gunzipSync(packed, { maxOutputLength: MOST_UNPACKED_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw error;
    // It knows where a file is damaged.
    return gunzip(packed, { limit: MOST_UNPACKED_BYTES });
  }
}

function openAsIs(path: string, option: string, flags: 'r' | 'r+' = 'r'): Image {
  let fd = -1;
  try {
    fd = openSync(path, flags);
    const status = fstatSync(fd);
    if (status.isDirectory()) throw new UsageError(`${path} is a folder; name an image file (${option}).`);
    const file = deviceOf(status.size, (at, into) => void readSync(fd, into, 0, into.length, at));
    const head = imageHead(file, PACKED_HEAD_BYTES);
    return { name: path, fd, bytes: status.size, head };
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`${path} does not exist; check the path (${option}).`);
    throw new UsageError(`${path} cannot be ${flags === 'r' ? 'read' : 'written'} (${code}) (${option}).`);
  }
}

function device(image: Image, writes: boolean): BlockDevice {
  if (!image.content) return new FileDevice(image.fd, writes);
  closeSync(image.fd);
  return new MemoryDisk(image.content, { readOnly: true });
}

/** Opens a medium by its path; what the guest writes is kept in memory, unless it goes into the file. @throws HostError */
export const openFile: OpenMedium = medium => {
  if (!('path' in medium)) throw new HostError(`${medium.name} has no path.`);
  const writes = medium.writes === true;
  try {
    return device(open(medium.path, 'disk', writes ? 'r+' : 'r'), writes);
  } catch (error) {
    throw error instanceof UsageError ? new HostError(error.message) : error;
  }
};
