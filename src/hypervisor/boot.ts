/** What a domain starts, and whether it can: asked before anything is made. */
import { memoryMap } from '../devices/e820.ts';
import type { Boot } from './domain.ts';
import { type EntryState, LoadError, loadKernel } from './loader/index.ts';
import { pvhMemoryMap } from './xen/memory-map.ts';

const KIB = 1024;
const MAX_OPTION_ROM_BYTES = 64 * KIB;
/** Sizes of flash parts that PC boards had in this range. */
const FIRMWARE_BYTES = [64 * KIB, 128 * KIB, 256 * KIB];

/**
 * Goes through all checks of loading without a guest.
 * @throws LoadError with a sentence for people.
 */
export function checkBoot(boot: Boot, memoryMiB: number, xen?: 'hvm' | 'pvh' | 'pv'): EntryState | undefined {
  if (boot.kind === 'firmware') {
    if (!FIRMWARE_BYTES.includes(boot.image.length))
      throw new LoadError(`${boot.name} has ${boot.image.length} bytes; a firmware image has 65536, 131072 or 262144. Take another file.`);
    if (boot.vgaBios && (boot.vgaBios[0] !== 0x55 || boot.vgaBios[1] !== 0xaa || boot.vgaBios.length > MAX_OPTION_ROM_BYTES))
      throw new LoadError('The VGA BIOS is no option ROM of at most 64 KiB: such a file starts with the bytes 55 AA. Take another file.');
    return undefined;
  }
  return loadKernel(
    { write() {}, fill() {} },
    {
      kernel: boot.kernel,
      name: boot.name,
      cmdline: boot.cmdline,
      memoryMiB,
      e820: xen === 'pvh' ? pvhMemoryMap(memoryMiB) : memoryMap(memoryMiB),
      ...(xen === 'pvh' ? { prefer: 'pvh' as const } : {}),
      ...(boot.ramdisk ? { initrd: boot.ramdisk } : {}),
    },
  );
}

/** Guest frames that a domain's p2m covers: to the end of RAM, or to 4 GiB where firmware or Xen's special pages lie there. */
export function p2mFrames(boot: Boot, memoryMiB: number, xen?: 'hvm' | 'pvh'): number {
  return boot.kind === 'firmware' || xen ? 0x100000 : memoryMiB * 256;
}
