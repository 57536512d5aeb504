/**
 * Multiboot 1 kernels: ELF, or any format with the header's own addresses.
 * Source: Multiboot Specification 0.6.96; section numbers below are its.
 */

import { refuseLong } from './refuse-long.ts';
import { isElf, readElf, type Segment, view } from '../../formats/elf/index.ts';
import type { EntryState, FrameBuffer, LoadOptions } from './entry.ts';
import { setUint64 } from '../memory/words.ts';
import { type GuestMemory, hex, LoadError, Plan, text } from './plan.ts';
import { placeSegments } from './segments.ts';

const MIB = 1 << 20;
const HEADER_MAGIC = 0x1badb002;
const LOADER_MAGIC = 0x2badb002;
/** Section 3.1: the header lies within the first 8192 bytes, aligned to 4. */
const SEARCH_BYTES = 8192;
const MULTIBOOT2_MAGIC = 0xe85250d6;
const FLAG_ADDRESSES = 1 << 16;
/** Bits 0-15 are demands; 0 modules on pages, 1 memory map, 2 video mode (a wish: section 3.1.4 lets the loader decide). */
const KNOWN_DEMANDS = 7;
const FLAG_VIDEO = 1 << 2;
/** Header fields of the wish, and what it may be; 0 leaves a number to us. */
const VIDEO_FIELDS = 32,
  VIDEO_LINEAR = 0;
const DEFAULT_VIDEO = { width: 1024, height: 768, depth: 32 };
const INFO_BYTES = 120;
const INFO_MEMORY = 1 << 0;
const INFO_CMDLINE = 1 << 2;
const INFO_MODULES = 1 << 3;
const INFO_MEMORY_MAP = 1 << 6;
const INFO_LOADER_NAME = 1 << 9;
const INFO_FRAME_BUFFER = 1 << 12;
const FRAME_BUFFER_INDEXED = 0,
  FRAME_BUFFER_RGB = 1,
  FRAME_BUFFER_TEXT = 2;
const MAX_CMDLINE_BYTES = 4095;
const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const GDT = [0, 0, 0x0000ffff, 0x00cf9b00, 0x0000ffff, 0x00cf9300];

/** File offset of the header, -1 when there is none. */
export function multibootHeader(kernel: Uint8Array): number {
  const file = view(kernel);
  for (let at = 0; at + 12 <= Math.min(kernel.length, SEARCH_BYTES); at += 4) {
    if (file.getUint32(at, true) !== HEADER_MAGIC) continue;
    if ((HEADER_MAGIC + file.getUint32(at + 4, true) + file.getUint32(at + 8, true)) % 2 ** 32 === 0) return at;
  }
  return -1;
}

/** Whether the file has a multiboot 2 header (within its first 32768 bytes, aligned to 8). */
export function hasMultiboot2Header(kernel: Uint8Array): boolean {
  const file = view(kernel);
  for (let at = 0; at + 16 <= Math.min(kernel.length, 32768); at += 8)
    if (file.getUint32(at, true) === MULTIBOOT2_MAGIC) return true;
  return false;
}

/** Checks, then loads; see loadKernel. */
export function loadMultiboot(memory: GuestMemory, options: LoadOptions): EntryState {
  const { kernel, name, cmdline } = options;
  const header = multibootHeader(kernel);
  const flags = view(kernel).getUint32(header + 4, true);
  const unknown = flags & 0xffff & ~KNOWN_DEMANDS;
  if (unknown)
    throw new LoadError(
      `${name} demands multiboot features that Ringside does not know (flags ${hex(flags)}). Build it with flags 0 to 2 only.`,
    );
  const { entry, segments } = flags & FLAG_ADDRESSES ? addressedImage(kernel, header, name) : elfImage(options);

  const plan = new Plan(options.e820, options.memoryMiB);
  const kernelEnd = placeSegments(plan, segments, name);
  if (!segments.some(segment => entry >= segment.physical && entry < segment.physical + segment.memoryBytes)) {
    throw new LoadError(
      `${name} starts at ${hex(entry)}, which is outside what it loads. Link it again with its entry inside a segment.`,
    );
  }
  const commandLine = text(withName(name, cmdline));
  if (commandLine.length - 1 > MAX_CMDLINE_BYTES) {
    throw new LoadError(
      `The command line for ${name} is too long: ${commandLine.length - 1} bytes, at most ${MAX_CMDLINE_BYTES}. Shorten cmdline.`,
    );
  }

  const modules: NonNullable<LoadOptions['modules']> = [
    ...(options.initrd ? [options.initrd] : []),
    ...(options.modules ?? []),
  ];
  const placed = modules.map(module => ({ start: plan.placeModule(module, Math.max(kernelEnd, MIB)), module }));

  const info = new Uint8Array(INFO_BYTES);
  const data = view(info);
  const map = new Uint8Array(options.e820.length * 24);
  options.e820.forEach((entry, i) => {
    const at = i * 24;
    view(map).setUint32(at, 20, true); // size of the rest of the entry
    setUint64(view(map), at + 4, entry.base);
    setUint64(view(map), at + 12, entry.length);
    view(map).setUint32(at + 20, entry.type, true);
  });
  const moduleList = new Uint8Array(placed.length * 16);
  placed.forEach(({ start, module }, i) => {
    const list = view(moduleList);
    list.setUint32(i * 16, start, true);
    list.setUint32(i * 16 + 4, start + module.data.length, true);
    list.setUint32(i * 16 + 8, plan.place(text(withName(module.name, module.cmdline ?? '')), 4), true);
  });
  const lowerKib = Math.min(640, Math.floor(plan.ramEnd(0) / 1024));
  const upperKib = Math.max(0, Math.floor((plan.ramEnd(MIB) - MIB) / 1024));
  data.setUint32(
    0,
    INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME | INFO_FRAME_BUFFER,
    true,
  );
  putFrameBuffer(data, flags & FLAG_VIDEO ? setVideo(kernel, header, options) : undefined);
  data.setUint32(4, lowerKib, true);
  data.setUint32(8, upperKib, true);
  data.setUint32(16, plan.place(commandLine, 4), true);
  data.setUint32(20, placed.length, true);
  data.setUint32(24, placed.length > 0 ? plan.place(moduleList, 4) : 0, true);
  data.setUint32(44, map.length, true);
  data.setUint32(48, plan.place(map, 4), true);
  data.setUint32(64, plan.place(text('Ringside'), 4), true);
  const infoAddress = plan.place(info, 8);
  const gdtAddress = plan.place(new Uint8Array(Uint32Array.from(GDT).buffer), 8);
  plan.commit(memory);

  return {
    kind: 'multiboot',
    about: `multiboot kernel entered at ${hex(entry)}${placed.length > 0 ? `, ${placed.length} module${placed.length > 1 ? 's' : ''}` : ''}`,
    eip: entry,
    registers: { eax: LOADER_MAGIC, ebx: infoAddress, ecx: 0, edx: 0, esi: 0, edi: 0, ebp: 0, esp: 0 },
    gdt: { base: gdtAddress, limit: GDT.length * 4 - 1 },
    cs: CODE_SELECTOR,
    ds: DATA_SELECTOR,
  };
}

/** A command line as boot loaders hand it over, whose first word is the file's name: so do GRUB Legacy, whose documents specify the format, and QEMU. */
function withName(name: string, words: string): string {
  return words === '' ? name : `${name} ${words}`;
}

/** Sets the graphics mode that the kernel wishes for, if there is an adapter that can. */
function setVideo(kernel: Uint8Array, header: number, { setVideo: set }: LoadOptions): FrameBuffer | undefined {
  if (header + VIDEO_FIELDS + 16 > kernel.length) return undefined;
  const [kind, width, height, depth] = [0, 4, 8, 12].map(field =>
    view(kernel).getUint32(header + VIDEO_FIELDS + field, true),
  );
  if (kind !== VIDEO_LINEAR) return undefined;
  return set?.(width || DEFAULT_VIDEO.width, height || DEFAULT_VIDEO.height, depth || DEFAULT_VIDEO.depth);
}

/** Section 3.3, framebuffer_*: the picture, or the text screen that is there without one. */
function putFrameBuffer(info: DataView, picture: FrameBuffer | undefined): void {
  const { address, pitch, width, height, depth } = picture ?? {
    address: 0xb8000,
    pitch: 160,
    width: 80,
    height: 25,
    depth: 16,
  };
  setUint64(info, 88, address);
  info.setUint32(96, pitch, true);
  info.setUint32(100, width, true);
  info.setUint32(104, height, true);
  info.setUint8(108, depth);
  info.setUint8(109, picture ? (depth === 8 ? FRAME_BUFFER_INDEXED : FRAME_BUFFER_RGB) : FRAME_BUFFER_TEXT);
  // Position and size of red, green, blue. (Of an indexed picture: no palette is passed, the standard one is loaded.)
  const fields = { 15: [10, 5, 5, 5, 0, 5], 16: [11, 5, 5, 6, 0, 5] }[depth] ?? [16, 8, 8, 8, 0, 8];
  if (picture && depth > 8) fields.forEach((field, i) => info.setUint8(110 + i, field));
}

/** Section 3.1.3: the header says where the file's bytes go. */
function addressedImage(kernel: Uint8Array, header: number, name: string): { entry: number; segments: Segment[] } {
  if (header + 32 > kernel.length)
    throw new LoadError(`${name} is truncated: inside its multiboot header. Copy or fetch it again.`);
  const [headerAddress, load, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map(field =>
    view(kernel).getUint32(header + field, true),
  );
  const start = header - (headerAddress - load);
  const damaged = new LoadError(
    `${name} has a damaged multiboot header: its addresses contradict each other. Build or fetch it again.`,
  );
  if (load > headerAddress || start < 0) throw damaged;
  const fileBytes = loadEnd === 0 ? kernel.length - start : loadEnd - load;
  const memoryBytes = bssEnd === 0 ? fileBytes : bssEnd - load;
  if (fileBytes <= 0 || memoryBytes < fileBytes) throw damaged;
  if (start + fileBytes > kernel.length) {
    throw new LoadError(
      `${name} is truncated: its multiboot header says ${start + fileBytes} bytes, the file has ${kernel.length}. Copy or fetch it again.`,
    );
  }
  return {
    entry,
    segments: [{ virtual: load, physical: load, bytes: kernel.subarray(start, start + fileBytes), memoryBytes }],
  };
}

function elfImage(options: LoadOptions): { entry: number; segments: Segment[] } {
  const { kernel, name } = options;
  if (!isElf(kernel))
    throw new LoadError(
      `${name} has a multiboot header without load addresses and is no ELF file. Build it as ELF or set flag 16.`,
    );
  const elf = readElf(kernel, name),
    { entry, segments } = elf;
  refuseLong(elf.bits === 64, options);
  // Kernels linked for high addresses give a virtual entry; the segment that holds it says where that is physically.
  const home = segments.find(segment => entry >= segment.virtual && entry < segment.virtual + segment.memoryBytes);
  return { entry: home ? entry - home.virtual + home.physical : entry, segments };
}
