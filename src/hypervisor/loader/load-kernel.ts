/**
 * Puts a kernel, its ramdisk and its start information into a guest's memory, as a boot loader would: Linux bzImage, multiboot 1, PVH.
 */

import { isLinux, isLongLinux, loadUnpackers, prepareUnpackers, unzipped } from '../../formats/bzimage/index.ts';
import { part } from '../../formats/loading/index.ts';
import { isLongElf } from '../../formats/elf/index.ts';
import { kernelKind } from './kernel-kind.ts';
import { loadMultiboot } from './multiboot.ts';
import { type GuestMemory, LoadError } from './plan.ts';
import type { EntryState, LoadOptions } from './entry.ts';

/** What loads all kernels but multiboot's. */
const others = part(() => import('./other-kernels.ts'), 'loads kernels');

/** All kernels can be loaded from then on. */
export const loadLoaders = async (): Promise<void> => void (await Promise.all([loadUnpackers(), others.load()]));

/** Loads what unpacks and loads this kernel, or says why it is none. */
export async function prepareKernel(kernel: Uint8Array, prefer: LoadOptions['prefer']): Promise<void> {
  await Promise.all([prepareUnpackers(kernel), kernelKind(kernel, prefer) === 'multiboot' ? undefined : others.load()]);
}

/** Whether it is a kernel of 64 bits, in an ELF file or a bzImage, perhaps in a gzip file. @throws LoadError */
export function isLongKernel(given: Uint8Array, name: string): boolean {
  const kernel = unzipped(given, name);
  return isLinux(kernel) ? isLongLinux(kernel) : isLongElf(kernel);
}

/**
 * Loads a kernel; `prepareKernel` came before it. Nothing is written before every check has passed.
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
    case 'multiboot':
      return loadMultiboot(memory, options);
    case 'linux':
      return others.get().loadLinux(memory, options);
    case 'pvh':
      return others.get().loadByNote(memory, options);
    default:
      throw new LoadError(`${name} ${others.get().whyNotKernel(kernel, options)}`);
  }
}
