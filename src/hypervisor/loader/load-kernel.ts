/**
 * Puts a kernel, its ramdisk and its start information into a guest's memory, as a boot loader would: Linux bzImage, multiboot 1, PVH.
 */

import { isLinux, isLongLinux, loadUnpackers, prepareUnpackers, unzipped } from '../../formats/bzimage/index.ts';
import { isLongElf } from '../../formats/elf/index.ts';
import { kernelKind } from './kernel-kind.ts';
import { loadMultiboot } from './multiboot.ts';
import { type GuestMemory, LoadError } from './plan.ts';
import type { EntryState, LoadOptions } from './entry.ts';

let others: typeof import('./other-kernels.ts') | undefined;

const loadOthers = async (): Promise<void> => {
  others ??= await import('./other-kernels.ts');
};

/** All kernels can be loaded from then on. */
export const loadLoaders = async (): Promise<void> => void (await Promise.all([loadUnpackers(), loadOthers()]));

/** Loads what unpacks and loads this kernel, or says why it is none. */
export async function prepareKernel(kernel: Uint8Array, prefer: LoadOptions['prefer']): Promise<void> {
  await Promise.all([prepareUnpackers(kernel), kernelKind(kernel, prefer) === 'multiboot' ? undefined : loadOthers()]);
}

/** `prepareKernel` came before it. */
function loadedOthers(): NonNullable<typeof others> {
  if (!others) throw new Error('What loads this kernel is not loaded.');
  return others;
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
      return loadedOthers().loadLinux(memory, options);
    case 'pvh':
      return loadedOthers().loadByNote(memory, options);
    default:
      throw new LoadError(`${name} ${loadedOthers().whyNotKernel(kernel, options)}`);
  }
}
