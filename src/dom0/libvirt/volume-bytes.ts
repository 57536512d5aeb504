/** The bytes of a volume: of a device of the host's disk, of a file that lies there, or of a file of Domain 0's tree, which is written as a whole. */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { AllowedFiles } from '../host/files/index.ts';
import { GROUP, isDevice, type OpenDisk, type Storage } from '../host/storage/index.ts';
import type { CommandHost, Uses } from '../toolstack/index.ts';
import { failing, LibvirtError } from './errors.ts';

export interface VolumeBytes {
  readonly length: number;
  /** @throws Error */
  read(at: number, count: number): Uint8Array;
  /** @throws LibvirtError behind its end */
  write(at: number, bytes: Uint8Array): void;
  /** What was written is kept when it is done. @throws LibvirtError */
  close(): Promise<void>;
}

/** The domains that have a device open, for sentences. */
const WHO = 'libvirt';

/** `writes`: nobody else has it meanwhile. @throws LibvirtError */
export const openBytes = (host: CommandHost, path: string, writes: boolean): Promise<VolumeBytes> =>
  open(host, path, { writes, isDisk: false });

/** The disk in a volume, whatever format that has. @throws LibvirtError */
export const openDiskIn = (host: CommandHost, { path }: { path: string }, writes: boolean): Promise<VolumeBytes> =>
  open(host, path, { writes, isDisk: true });

/** `isDisk`: of a qcow2 image what is in it, and not the file. @throws LibvirtError */
function open(
  host: Uses<'disk' | 'files'>,
  path: string,
  { writes, isDisk }: { writes: boolean; isDisk: boolean },
): Promise<VolumeBytes> {
  return failing(async () => {
    const storage = await host.disk.openDevices();
    const { allowed } = host.files;
    if (allowed?.has(path)) return ofAllowed(allowed, path, { writes, isDisk });
    const own = isDevice(path) ? path : await host.files.realPath(path);
    const file = storage?.file(own);
    const device = isDevice(own) ? own : file && `/dev/${GROUP}/${file.volume}`;
    if (storage && file?.isQcow2 && !isDisk) return ofImage(storage, file.volume, writes);
    return storage && device !== undefined
      ? ofDevice(writes ? storage.open(device, WHO, true) : storage.look(device, WHO), path)
      : ofFile(host, own, writes);
  });
}

/** This many bytes from a place on. */
function bytesAt(medium: BlockDevice, at: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  medium.read(at, bytes);
  return bytes;
}

/** A file of the machine beneath. That of an image which grows becomes longer as it is written. */
function ofAllowed(
  allowed: AllowedFiles,
  path: string,
  { writes, isDisk }: { writes: boolean; isDisk: boolean },
): VolumeBytes {
  const { format } = allowed.measure(path);
  if (isDisk) return ofDevice(allowed.open(path, WHO, writes, '', format), path);
  const { file, close } = allowed.openFile(path, writes);
  if (format === 'raw') return ofDevice({ medium: file, close }, path);
  return {
    get length() {
      return file.bytes;
    },
    read: (at, count) => bytesAt(file, at, count),
    write: (at, bytes) => {
      file.grow(at + bytes.length);
      file.write(at, bytes);
    },
    close: () =>
      failing(() => {
        try {
          if (writes) file.flush();
        } finally {
          close();
        }
      }),
  };
}

/** The file of a qcow2 image, which becomes longer as it is written. */
function ofImage(storage: Storage, volume: string, writes: boolean): VolumeBytes {
  let opened = writes ? storage.openFile(volume, WHO, 0) : undefined;
  let medium = opened?.medium ?? storage.fileMedium(volume);
  return {
    get length() {
      return medium.bytes;
    },
    read: (at, count) => bytesAt(medium, at, count),
    write: (at, bytes) => {
      if (at + bytes.length > medium.bytes) {
        opened?.close();
        opened = storage.openFile(volume, WHO, at + bytes.length);
        medium = opened.medium;
      }
      medium.write(at, bytes);
    },
    close: () =>
      failing(() => {
        if (writes) medium.flush();
        opened?.close();
      }),
  };
}

function ofDevice({ medium, close }: Pick<OpenDisk, 'medium' | 'close'>, path: string): VolumeBytes {
  return {
    length: medium.bytes,
    read: (at, count) => bytesAt(medium, at, count),
    write: (at, bytes) => {
      refuseBeyond(path, at + bytes.length, medium.bytes);
      medium.write(at, bytes);
    },
    close: () =>
      failing(() => {
        try {
          medium.flush();
        } finally {
          close();
        }
      }),
  };
}

async function ofFile({ files: { own: files } }: Uses<'files'>, path: string, writes: boolean): Promise<VolumeBytes> {
  if (!files) throw new LibvirtError('OPERATION_INVALID', 'Domain 0 has no place for files here', 'storage');
  const content = await files.readFileBuffer(path);
  const bytes = writes ? content.slice() : content;
  return {
    length: bytes.length,
    read: (at, count) => bytes.slice(at, at + count),
    write: (at, more) => {
      refuseBeyond(path, at + more.length, bytes.length);
      bytes.set(more, at);
    },
    close: async () => {
      if (writes) await failing(() => files.writeFile(path, bytes));
    },
  };
}

function refuseBeyond(path: string, end: number, length: number): void {
  if (end > length)
    throw new LibvirtError('SYSTEM_ERROR', `Unable to write ${path}: No space left on device`, 'streams');
}
