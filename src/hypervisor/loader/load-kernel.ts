/**
 * Puts a kernel, its ramdisk and its start information into a guest's memory, as a boot loader would: Linux bzImage, multiboot 1, PVH.
 */

import { isLinux, isLongLinux, kernelInside, unzipped } from '../../formats/bzimage/index.ts';
import { isElf, isLongElf, readElf } from '../../formats/elf/index.ts';
import { loadLinux } from './linux.ts';
import { looksLike } from './looks-like.ts';
import { hasMultiboot2Header, loadMultiboot, multibootHeader } from './multiboot.ts';
import { type GuestMemory, LoadError } from './plan.ts';
import { loadPvh, pvhEntry } from './pvh.ts';
import type { EntryState, LoadOptions } from './entry.ts';

const isXens = ({ owner }: { owner: string }): boolean => owner === 'Xen';

/** Which loader takes the file; undefined when it is no kernel that can be entered directly. */
export function kernelKind(
  kernel: Uint8Array,
  prefer: LoadOptions['prefer'] = 'multiboot',
): EntryState['kind'] | undefined {
  if (isLinux(kernel)) return prefer === 'pvh' ? 'pvh' : 'linux';
  const multiboot = prefer !== 'pvh' && multibootHeader(kernel) >= 0;
  if (multiboot && prefer === 'multiboot') return 'multiboot';
  if (isElf(kernel)) {
    try {
      const elf = readElf(kernel, '');
      // Without a note of Xen's it is entered where its header says; one with notes, but none to be entered by, is for PV guests.
      if (pvhEntry(elf) !== undefined || (prefer === 'note' && !multiboot && !elf.notes.some(isXens))) return 'pvh';
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
    }
  }
  return multiboot ? 'multiboot' : undefined;
}

/** Whether it is a kernel of 64 bits, in an ELF file or a bzImage, perhaps in a gzip file. @throws LoadError */
export function isLongKernel(given: Uint8Array, name: string): boolean {
  const kernel = unzipped(given, name);
  return isLinux(kernel) ? isLongLinux(kernel) : isLongElf(kernel);
}

/**
 * Loads a kernel. Nothing is written before every check has passed.
 * @throws LoadError with one message for the user: which file, what is wrong with it, what to do.
 */
export function loadKernel(memory: GuestMemory, given: LoadOptions): EntryState {
  const options = { ...given, kernel: unzipped(given.kernel, given.name) };
  const { kernel, name, cmdline, initrd } = options;
  if (kernel.length === 0) throw new LoadError(`${name} is empty. Copy or fetch it again.`);
  if (cmdline.includes('\0'))
    throw new LoadError(`The command line for ${name} holds a zero byte. Remove it from cmdline.`);
  if (initrd && initrd.data.length === 0)
    throw new LoadError(`${initrd.name} is empty. Copy or fetch it again, or remove ramdisk.`);
  switch (kernelKind(kernel, options.prefer)) {
    case 'linux':
      return loadLinux(memory, options);
    case 'multiboot':
      return loadMultiboot(memory, options);
    case 'pvh':
      return loadPvh(memory, isLinux(kernel) ? { ...options, kernel: kernelInside(kernel, name) } : options);
    default:
      throw new LoadError(`${name} ${whyNotKernel(kernel, options)}`);
  }
}

function whyNotKernel(kernel: Uint8Array, options: LoadOptions): string {
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
