/**
 * The ELF kernel inside a bzImage: what a hypervisor enters directly (PVH), as Xen's toolstack unpacks it.
 * Sources: Linux's Documentation/arch/x86/boot.rst, payload_offset and payload_length (boot protocol 2.08); lib/decompress.c, how payloads begin.
 */
import { DecodeError, has, isGzip, isXz, isZstd, unpackers } from '../unpack/index.ts';
import { LoadError, view } from '../elf/index.ts';
import { SETUP, setupBytesOf } from './header.ts';
import { LIMITS, unpacked } from './unzip.ts';

/** What Linux can be packed with besides, by name and as lib/decompress.c tells them. */
const OTHER_PACKINGS = [
  { name: 'bzip2', magic: [0x42, 0x5a] },
  { name: 'lzma', magic: [0x5d, 0x00] },
  { name: 'lzo', magic: [0x89, 0x4c] },
  { name: 'lz4', magic: [0x02, 0x21] },
];

function payloadOf(kernel: Uint8Array): Uint8Array {
  const file = view(kernel);
  const start = setupBytesOf(kernel) + file.getUint32(SETUP.PAYLOAD_OFFSET, true);
  return kernel.subarray(start, start + file.getUint32(SETUP.PAYLOAD_LENGTH, true));
}

/** `prepareUnpackers` came before it. @throws LoadError */
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
    if (isXz(payload)) elf = unpackers.get().unxz(payload, { ...LIMITS, firstStreamOnly: true });
    else if (isGzip(payload)) elf = unpackers.get().gunzip(payload, LIMITS);
    else if (isZstd(payload)) elf = unpackers.get().unzstd(payload, { ...LIMITS, firstFrameOnly: true });
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
