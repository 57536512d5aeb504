/** What a domain starts, and whether it can: asked before anything is made. */
import { memoryMap } from '../devices/e820.ts';
import { isLinuxForFirmware } from '../devices/firmware-linux.ts';
import type { Boot } from './domain.ts';
import { type EntryState, LoadError, loadKernel } from './loader/index.ts';
import { pvhMemoryMap } from './xen/memory-map.ts';
import { planPv } from './xen/pv/builder.ts';

const KIB = 1024;
const MAX_OPTION_ROM_BYTES = 64 * KIB;
/** Sizes of flash parts that PC boards had in this range. */
const FIRMWARE_BYTES = [64 * KIB, 128 * KIB, 256 * KIB];

/**
 * Goes through all checks of loading without a guest. `xen`: what the domain shows of Xen; absent: a plain PC.
 * @throws LoadError with a sentence for people.
 */
export function checkBoot(boot: Boot, memoryMiB: number, xen?: 'hvm' | 'pvh' | 'pv'): EntryState | undefined {
  if (boot.kind === 'firmware') {
    if (!FIRMWARE_BYTES.includes(boot.image.length))
      throw new LoadError(`${boot.name} has ${boot.image.length} bytes; a firmware image has 65536, 131072 or 262144. Take another file.`);
    if (boot.loader) {
      if (xen !== 'hvm') throw new LoadError(`${boot.loader.name} starts firmware in HVM guests of Xen alone. Add --type hvm.`);
      const files = { kernel: boot.loader.data, name: boot.loader.name, cmdline: '', modules: [{ name: boot.name, data: boot.image, cmdline: 'firmware' }] };
      loadKernel({ write() {}, fill() {} }, { ...files, memoryMiB, e820: memoryMap(memoryMiB), prefer: 'note' });
    }
    if (boot.vgaBios && (boot.vgaBios[0] !== 0x55 || boot.vgaBios[1] !== 0xaa || boot.vgaBios.length > MAX_OPTION_ROM_BYTES))
      throw new LoadError('The VGA BIOS is no option ROM of at most 64 KiB: such a file starts with the bytes 55 AA. Take another file.');
    if (boot.linux && !isLinuxForFirmware(boot.linux.kernel))
      throw new LoadError('The kernel for the firmware is no Linux bzImage of boot protocol 2.03 or later. Take another kernel, or leave out --bios.');
    if (boot.linux?.initrd && boot.linux.initrd.length + boot.linux.kernel.length > (memoryMiB - 2) * 2 ** 20)
      throw new LoadError(`Kernel and initial RAM disk do not fit the guest's ${memoryMiB} MiB of memory. Give it more, or a smaller RAM disk.`);
    return undefined;
  }
  const { kernel, name, cmdline, ramdisk } = boot;
  if (boot.kind === 'pv') {
    planPv({ kernel, name, cmdline, ...(ramdisk ? { ramdisk } : {}) }, memoryMiB);
    return undefined;
  }
  const isPvh = boot.kind === 'pvh';
  return loadKernel(
    { write() {}, fill() {} },
    {
      kernel,
      name,
      cmdline,
      memoryMiB,
      e820: isPvh ? pvhMemoryMap(memoryMiB) : memoryMap(memoryMiB),
      ...(isPvh ? { prefer: 'pvh' as const } : xen ? { prefer: 'note' as const } : {}),
      ...(ramdisk ? { initrd: ramdisk } : {}),
    },
  );
}

/** Guest frames that a domain's p2m covers: to the end of RAM, or to 4 GiB where firmware or Xen's special pages lie there. */
export function p2mFrames(boot: Boot, memoryMiB: number, xen?: 'hvm' | 'pvh'): number {
  return boot.kind === 'firmware' || xen ? 0x100000 : memoryMiB * 256;
}
