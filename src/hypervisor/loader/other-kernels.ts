/** Loaders of all kernels but multiboot's, and why a file is none: loaded for the kernel at hand (prepareKernel), as the smallest guests' are multiboot. */
import { isLinux, kernelInside } from '../../formats/bzimage/index.ts';
import { isElf, readElf } from '../../formats/elf/index.ts';
import type { EntryState, LoadOptions } from './entry.ts';
import { isXens } from './kernel-kind.ts';
import { loadPvh } from './pvh.ts';
import { looksLike } from './looks-like.ts';
import { hasMultiboot2Header, multibootHeader } from './multiboot.ts';
import { type GuestMemory, LoadError } from './plan.ts';

export { loadLinux } from './linux.ts';

/** An ELF kernel with a note, or the one inside of a bzImage. @throws LoadError */
export const loadByNote = (memory: GuestMemory, options: LoadOptions): EntryState =>
  loadPvh(
    memory,
    isLinux(options.kernel) ? { ...options, kernel: kernelInside(options.kernel, options.name) } : options,
  );

/** A sentence without its subject. */
export function whyNotKernel(kernel: Uint8Array, options: LoadOptions): string {
  const { name } = options;
  if (isElf(kernel)) {
    let elf: ReturnType<typeof readElf>;
    try {
      elf = readElf(kernel, name);
    } catch (error) {
      if (error instanceof LoadError) return error.message.slice(name.length + 1);
      throw error;
    }
    if (options.prefer === 'pvh' && multibootHeader(kernel) >= 0)
      return 'has no PVH entry note (XEN_ELFNOTE_PHYS32_ENTRY), only a multiboot header. Start it on a PC (without --type), or use a kernel with PVH.';
    if (hasMultiboot2Header(kernel))
      return 'is a multiboot 2 kernel, and Ringside boots multiboot 1. Build it with a multiboot 1 header.';
    if (elf.notes.some(isXens)) {
      return 'is a kernel for Xen paravirtual (PV) guests only: it has no PVH entry note. Start it with type = "pv" (--type pv), or use one with PVH.';
    }
    return 'is an ELF program without a multiboot header or a PVH note, so nothing says how to start it. Use a kernel image.';
  }
  if (kernel.length < 1024)
    return `is not a kernel: it has only ${kernel.length} bytes and looks like ${looksLike(kernel).what}. ${looksLike(kernel).advice}`;
  const { what, advice } = looksLike(kernel);
  return `is not a kernel: it looks like ${what}. ${advice}`;
}
