/** Kernels in gzip files, as Xen's toolstack takes them, and what unpacks those and the kernels inside of bzImages. */
import { DecodeError, isGzip, unpackers } from '../unpack/index.ts';
import { LoadError } from '../elf/index.ts';
import { isLinux, SETUP } from './header.ts';

const LIMIT_BYTES = 512 * 2 ** 20;
/** Kernels get three to seven times as large, and some begin with zeros: what gets larger by far is no kernel, and is not unpacked to the limit. */
const MOST_GROWTH = 16,
  FREE_BYTES = 16 * 2 ** 20;
export const LIMITS = {
  limit: LIMIT_BYTES,
  isBomb: (bytes: number, consumed: number): boolean => bytes > FREE_BYTES + MOST_GROWTH * consumed,
};

/** Packed kernels can be unpacked from then on. */
export async function loadUnpackers(): Promise<void> {
  await unpackers.load();
}

/** Loads what unpacks this kernel, where it is packed: the smallest guests' are not. */
export async function prepareUnpackers(kernel: Uint8Array): Promise<void> {
  if (isGzip(kernel) || (isLinux(kernel) && kernel.length >= SETUP.PAYLOAD_LENGTH + 4)) await loadUnpackers();
}

/** Unpacked once for the checks before a domain is made and for its start. */
export const unpacked = new WeakMap<Uint8Array, Uint8Array>();

/** The file itself, or what a gzip file holds: Xen's toolstack takes kernels packed like that. @throws LoadError */
export function unzipped(kernel: Uint8Array, name: string): Uint8Array {
  if (!isGzip(kernel)) return kernel;
  const known = unpacked.get(kernel);
  if (known) return known;
  try {
    const content = unpackers.get().gunzip(kernel, LIMITS);
    unpacked.set(kernel, content);
    return content;
  } catch (error) {
    if (error instanceof DecodeError)
      throw new LoadError(
        `${name} is damaged: it is a gzip file that cannot be unpacked (${error.message}). Copy or fetch it again.`,
      );
    throw error;
  }
}
