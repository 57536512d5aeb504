/**
 * Installs GRUB 2 for PC BIOS into an image, from the files of Debian's grub-pc-bin: what grub-mkimage and grub-bios-setup do.
 * Sources: GRUB manual, "Images" and "BIOS installation"; include/grub/i386/pc/boot.h and kernel.h, include/grub/offsets.h, include/grub/kernel.h
 * for the places of fields.
 */

import { readDeb } from './deb.ts';
import { lzmaLiterals } from './lzma-encoder.ts';

const SECTOR_BYTES = 512;

/** boot.img: sector of the core image (64 bits), and a jump that must go for drives whose BIOS passes their number. */
const KERNEL_SECTOR = 0x5c,
  DRIVE_CHECK = 0x66,
  TWO_NOPS = 0x9090;
/** From here on the boot sector holds the disk's signature and its partition table. */
const BOOT_CODE_END = 0x1b8;
/** diskboot.img ends with a block list: sector (64 bits), count, segment. Its own sector has been read by boot.img. */
const BLOCK_LIST = SECTOR_BYTES - 12;
/** lzma_decompress.img: sizes of what follows it. */
const COMPRESSED_SIZE = 0x08,
  UNCOMPRESSED_SIZE = 0x0c;
/** Headers of what is appended to the kernel. */
const MODULES_MAGIC = 0x676d696d,
  MODULES_HEADER_BYTES = 12,
  OBJECT_HEADER_BYTES = 8;
const OBJECT_ELF = 0,
  OBJECT_PREFIX = 3;
/** The core image is loaded to 0x8000 and must end below 0x78000. */
const MAX_CORE_BYTES = 0x70000;

/** The files of /usr/lib/grub/i386-pc by name. */
export type GrubFiles = ReadonlyMap<string, Uint8Array>;
const FOLDER = 'usr/lib/grub/i386-pc/';

/** Those of the package grub-pc-bin. */
export async function grubFiles(deb: Uint8Array): Promise<GrubFiles> {
  const files = new Map<string, Uint8Array>();
  for (const { path, type, data } of await readDeb(deb)) if (type === 'file' && path.startsWith(FOLDER)) files.set(path.slice(FOLDER.length), data);
  return files;
}

function file(files: GrubFiles, name: string): Uint8Array {
  const data = files.get(name);
  if (!data) throw new Error(`GRUB has no ${name}`);
  return data;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The modules and all that they need, dependencies first. `moddep.lst` has a line "name: needed needed" for each. */
export function grubModules(files: GrubFiles, names: readonly string[]): string[] {
  const lines = new TextDecoder().decode(file(files, 'moddep.lst')).split('\n');
  const needs = new Map(lines.filter(line => line.includes(':')).map(line => [line.split(':')[0], line.split(':')[1].trim().split(/\s+/)]));
  const found: string[] = [];
  const add = (name: string) => {
    if (name === '' || found.includes(name)) return;
    for (const needed of needs.get(name) ?? []) add(needed);
    found.push(name);
  };
  for (const name of names) add(name);
  return found;
}

/**
 * The core image: its first sector, the decompressor, the compressed kernel with `modules` (in the order in which they are loaded).
 * `prefix` is the folder of grub.cfg, with a device that may leave out the drive: the one that was booted from. `sector`: where it will lie.
 */
export function grubCore(files: GrubFiles, options: { prefix: string; modules: readonly string[]; sector: number }): Uint8Array {
  const kernel = loadedSegment(file(files, 'kernel.img'));
  const objects = [
    ...options.modules.map(name => object(OBJECT_ELF, file(files, `${name}.mod`))),
    object(OBJECT_PREFIX, new TextEncoder().encode(`${options.prefix}\0`)),
  ];
  const header = new Uint8Array(MODULES_HEADER_BYTES);
  view(header).setUint32(0, MODULES_MAGIC, true);
  view(header).setUint32(4, MODULES_HEADER_BYTES, true);
  view(header).setUint32(8, MODULES_HEADER_BYTES + objects.reduce((sum, { length }) => sum + length, 0), true);
  const whole = Buffer.concat([kernel, header, ...objects]);
  const packed = lzmaLiterals(whole);

  const decompressor = file(files, 'lzma_decompress.img').slice();
  view(decompressor).setUint32(COMPRESSED_SIZE, packed.length, true);
  view(decompressor).setUint32(UNCOMPRESSED_SIZE, whole.length, true);
  const first = file(files, 'diskboot.img').slice();
  const core = Buffer.concat([first, decompressor, packed]);
  if (core.length > MAX_CORE_BYTES) throw new Error(`GRUB's core image has ${core.length} bytes and may have ${MAX_CORE_BYTES}`);
  view(core).setBigUint64(BLOCK_LIST, BigInt(options.sector + 1), true);
  view(core).setUint16(BLOCK_LIST + 8, Math.ceil(core.length / SECTOR_BYTES) - 1, true);
  return core;
}

/** The boot sector's code, without the partition table. `sector`: where the core image lies. */
export function grubBootCode(files: GrubFiles, sector: number): Uint8Array {
  const boot = file(files, 'boot.img').slice(0, BOOT_CODE_END);
  view(boot).setBigUint64(KERNEL_SECTOR, BigInt(sector), true);
  view(boot).setUint16(DRIVE_CHECK, TWO_NOPS, true);
  return boot;
}

/** What a 32-bit ELF program loads; GRUB's kernel has one segment. */
function loadedSegment(elf: Uint8Array): Uint8Array {
  const data = view(elf);
  const headers = data.getUint32(28, true);
  const size = data.getUint16(42, true);
  const PT_LOAD = 1;
  for (let i = 0; i < data.getUint16(44, true); i++) {
    const at = headers + i * size;
    if (data.getUint32(at, true) !== PT_LOAD) continue;
    const start = data.getUint32(at + 4, true);
    return elf.subarray(start, start + data.getUint32(at + 16, true));
  }
  throw new Error("GRUB's kernel.img has nothing to load");
}

function object(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(OBJECT_HEADER_BYTES + Math.ceil(data.length / 4) * 4);
  view(bytes).setUint32(0, type, true);
  view(bytes).setUint32(4, bytes.length, true);
  bytes.set(data, OBJECT_HEADER_BYTES);
  return bytes;
}
