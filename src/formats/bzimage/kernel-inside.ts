/**
 * The ELF kernel inside a bzImage: what a hypervisor enters directly (PVH), as Xen's toolstack unpacks it.
 * Sources: Linux's Documentation/arch/x86/boot.rst, payload_offset and payload_length (boot protocol 2.08); lib/decompress.c, how payloads begin.
 */
import { DecodeError, has, isGzip, isXz, isZstd, loadUnpackers as load } from '../unpack/index.ts';
import { LoadError, view } from '../elf/index.ts';
import { isLinux, SETUP, setupBytesOf } from './header.ts';

const LIMIT_BYTES = 512 * 2 ** 20;
/** Kernels get three to seven times as large, and some begin with zeros: what gets larger by far is no kernel, and is not unpacked to the limit. */
const MOST_GROWTH = 16,
  FREE_BYTES = 16 * 2 ** 20;
const LIMITS = {
  limit: LIMIT_BYTES,
  isBomb: (bytes: number, consumed: number): boolean => bytes > FREE_BYTES + MOST_GROWTH * consumed,
};

/** What Linux can be packed with besides, by name and as lib/decompress.c tells them. */
const OTHER_PACKINGS = [
  { name: 'bzip2', magic: [0x42, 0x5a] },
  { name: 'lzma', magic: [0x5d, 0x00] },
  { name: 'lzo', magic: [0x89, 0x4c] },
  { name: 'lz4', magic: [0x02, 0x21] },
];

let unpackers: Awaited<ReturnType<typeof load>> | undefined;

/** Packed kernels can be unpacked from then on. */
export async function loadUnpackers(): Promise<void> {
  unpackers ??= await load();
}

/** Loads what unpacks this kernel, where it is packed: the smallest guests' are not. */
export async function prepareKernel(kernel: Uint8Array): Promise<void> {
  if (isGzip(kernel) || (isLinux(kernel) && kernel.length >= SETUP.PAYLOAD_LENGTH + 4)) await loadUnpackers();
}

function payloadOf(kernel: Uint8Array): Uint8Array {
  const file = view(kernel);
  const start = setupBytesOf(kernel) + file.getUint32(SETUP.PAYLOAD_OFFSET, true);
  return kernel.subarray(start, start + file.getUint32(SETUP.PAYLOAD_LENGTH, true));
}

/** Unpacked once for the checks before a domain is made and for its start. */
const unpacked = new WeakMap<Uint8Array, Uint8Array>();

/** The file itself, or what a gzip file holds: Xen's toolstack takes kernels packed like that. @throws LoadError */
export function unzipped(kernel: Uint8Array, name: string): Uint8Array {
  if (!isGzip(kernel)) return kernel;
  const known = unpacked.get(kernel);
  if (known) return known;
  try {
    const content = loadedUnpackers().gunzip(kernel, LIMITS);
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

/** `prepareKernel` came before it. */
function loadedUnpackers(): NonNullable<typeof unpackers> {
  if (!unpackers) throw new Error('What unpacks kernels is not loaded.');
  return unpackers;
}

/** `prepareKernel` came before it. @throws LoadError */
export function kernelInside(kernel: Uint8Array, name: string): Uint8Array {
  const known = unpacked.get(kernel);
  if (known) return known;
  const file = view(kernel);
  if (file.getUint16(SETUP.VERSION, true) < 0x208)
    throw new LoadError(
      `${name} is a Linux kernel from before 2.6.26, which cannot be entered as PVH. Start it on a PC (without --type).`,
    );
  const payload = payloadOf(kernel);
  try {
    let elf: Uint8Array;
    if (isXz(payload)) elf = loadedUnpackers().unxz(payload, { ...LIMITS, firstStreamOnly: true });
    else if (isGzip(payload)) elf = loadedUnpackers().gunzip(payload, LIMITS);
    else if (isZstd(payload)) elf = loadedUnpackers().unzstd(payload, { ...LIMITS, firstFrameOnly: true });
    else {
      const packing = OTHER_PACKINGS.find(({ magic }) => has(payload, 0, magic))?.name ?? 'something unknown';
      throw new LoadError(
        `${name} holds its kernel packed with ${packing}; for PVH and PV Ringside reads gzip, xz and zstd. Unpack it (extract-vmlinux), or start it on a PC (without --type).`,
      );
    }
    unpacked.set(kernel, elf);
    return elf;
  } catch (error) {
    if (error instanceof DecodeError)
      throw new LoadError(
        `${name} is damaged: the kernel inside cannot be unpacked (${error.message}). Copy or fetch it again.`,
      );
    throw error;
  }
}
