/**
 * PVH kernels: ELF files with Xen's note of a 32-bit physical entry point.
 * Source: xen/include/public/arch-x86/hvm/start_info.h and elfnote.h; docs/misc/pvh.pandoc.
 */

import { readElf, view } from '../../formats/elf/index.ts';
import type { EntryState, LoadOptions } from './entry.ts';
import { pvhEntry } from './kernel-kind.ts';
import { setUint64 } from '../memory/words.ts';
import { type GuestMemory, hex, LoadError, Plan, text } from './plan.ts';
import { refuseLong } from './refuse-long.ts';
import { placeSegments } from './segments.ts';

const START_MAGIC = 0x336ec578;
const START_INFO_BYTES = 56;
const MODULE_BYTES = 32;
const MEMORY_MAP_BYTES = 24;
const MAX_CMDLINE_BYTES = 4095;
const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const GDT = [0, 0, 0x0000ffff, 0x00cf9b00, 0x0000ffff, 0x00cf9300];

/** Checks, then loads; see loadKernel. */
export function loadPvh(memory: GuestMemory, options: LoadOptions): EntryState {
  const { name, cmdline } = options;
  const elf = readElf(options.kernel, name);
  const entry = pvhEntry(elf) ?? (options.prefer === 'note' ? elf.entry : undefined);
  if (entry === undefined) throw new LoadError(`${name} has no PVH entry note. Use a kernel built with CONFIG_PVH.`);
  refuseLong(elf.bits === 64, options);
  const plan = new Plan(options.e820, options.memoryMiB);
  const kernelEnd = placeSegments(plan, elf.segments, name);
  if (!plan.isRam(entry, 1))
    throw new LoadError(`${name} starts at ${hex(entry)}, where the guest has no memory. Build or fetch it again.`);
  const commandLine = text(cmdline);
  if (commandLine.length - 1 > MAX_CMDLINE_BYTES) {
    throw new LoadError(
      `The command line for ${name} is too long: ${commandLine.length - 1} bytes, at most ${MAX_CMDLINE_BYTES}. Shorten cmdline.`,
    );
  }

  const modules: NonNullable<LoadOptions['modules']> = [
    ...(options.initrd ? [options.initrd] : []),
    ...(options.modules ?? []),
  ];
  const placed = modules.map(module => ({
    start: plan.placeModule(module, kernelEnd),
    bytes: module.data.length,
    cmdline: module.cmdline,
  }));
  // As Xen's domain builder does, the start information lies behind kernel and modules: a PVH guest may use low memory as it likes.
  const above = plan.usedEnd(kernelEnd);
  const put = (bytes: Uint8Array, align: number) => {
    const address = plan.find(bytes.length, align, above, 2 ** 32);
    if (address < 0)
      throw new LoadError(
        `The guest's ${plan.memoryMiB} MiB of memory leave no room behind ${name}. Write memory = ${plan.memoryMiB + 1} or more.`,
      );
    plan.put(address, bytes);
    return address;
  };
  const start = new Uint8Array(START_INFO_BYTES);
  const moduleList = new Uint8Array(placed.length * MODULE_BYTES);
  placed.forEach((module, i) => {
    setUint64(view(moduleList), i * MODULE_BYTES, module.start);
    setUint64(view(moduleList), i * MODULE_BYTES + 8, module.bytes);
    if (module.cmdline !== undefined) setUint64(view(moduleList), i * MODULE_BYTES + 16, put(text(module.cmdline), 8));
  });
  const map = new Uint8Array(options.e820.length * MEMORY_MAP_BYTES);
  options.e820.forEach((entry, i) => {
    setUint64(view(map), i * MEMORY_MAP_BYTES, entry.base);
    setUint64(view(map), i * MEMORY_MAP_BYTES + 8, entry.length);
    view(map).setUint32(i * MEMORY_MAP_BYTES + 16, entry.type, true);
  });
  const data = view(start);
  data.setUint32(0, START_MAGIC, true);
  data.setUint32(4, 1, true); // version
  data.setUint32(12, placed.length, true);
  setUint64(data, 16, placed.length > 0 ? put(moduleList, 8) : 0);
  setUint64(data, 24, put(commandLine, 8));
  setUint64(data, 32, options.acpiRsdp ?? 0);
  setUint64(data, 40, put(map, 8));
  data.setUint32(48, options.e820.length, true);
  const startAddress = put(start, 8);
  const gdtAddress = put(new Uint8Array(Uint32Array.from(GDT).buffer), 8);
  plan.commit(memory);

  return {
    kind: 'pvh',
    about: `the kernel, entered by its PVH note at ${hex(entry)}${placed.length > 0 ? `, ${placed.length} module${placed.length > 1 ? 's' : ''}` : ''}`,
    eip: entry,
    registers: { eax: 0, ebx: startAddress, ecx: 0, edx: 0, esi: 0, edi: 0, ebp: 0, esp: 0 },
    gdt: { base: gdtAddress, limit: GDT.length * 4 - 1 },
    cs: CODE_SELECTOR,
    ds: DATA_SELECTOR,
  };
}
