/** What a domain starts: whether it can, asked before anything is made, and how it gets there. */
import type { CpuModel, Processor } from '../../cpu/architecture/index.ts';
import { featuresOf, registers as R } from '../../cpu/architecture/index.ts';
import { memoryMap } from '../../devices/index.ts';
import { isLinuxForFirmware } from '../../devices/index.ts';
import type { Boot, BootRules } from './booted.ts';
import type { BuiltDomain } from './built-domain.ts';
import {
  isLongKernel,
  type EntryState,
  kernelKind,
  type LoadedFile,
  LoadError,
  loadKernel,
  type LoadOptions,
  unzipped,
} from '../loader/index.ts';
import { type GuestRam, HIGH_FIRST, layoutOf, ramEnd, ramOf } from '../layout/ram-layout.ts';
import { enterKernel } from './enter-kernel.ts';

const KIB = 1024;
const MAX_OPTION_ROM_BYTES = 64 * KIB;
/** What lies below 1 MiB, too, and the most that the chipset decodes below 4 GiB (flash parts of PC boards; QEMU's limit is half of it). Erase blocks have 4 KiB. */
const LEAST_FIRMWARE = 64 * KIB,
  MOST_FIRMWARE = 16 * 1024 * KIB,
  FIRMWARE_BLOCK = 4 * KIB;
const CR0_PE_ET = 0x11;

/** It starts a kernel of 64 bits, which needs a processor with 64-bit code. Paravirtual ones are refused later. */
export const isLongBoot = (boot: Boot): boolean =>
  (boot.kind === 'kernel' || boot.kind === 'pvh') && isLongKernel(boot.kernel, boot.name);

/** Goes through all checks of loading without a guest. @throws LoadError with a sentence for people. */
export function checkBoot(
  boot: Boot,
  ram: GuestRam,
  rules: BootRules = {},
  cpuLevel?: CpuModel,
): EntryState | undefined {
  const { memoryMiB, lowMiB } = ram;
  if (boot.kind === 'firmware') {
    const { length } = boot.image;
    if (length < LEAST_FIRMWARE || length > MOST_FIRMWARE || length % FIRMWARE_BLOCK !== 0)
      throw new LoadError(
        `${boot.name} has ${length} bytes; a firmware image has 64 KiB to 16 MiB, in whole blocks of 4096 bytes. Take another file.`,
      );
    if (boot.loader) {
      if (!rules.loaderE820)
        throw new LoadError(`${boot.loader.name} starts firmware in HVM guests of Xen alone. Add --type hvm.`);
      loadKernel({ write() {}, fill() {} }, loaderOptions(boot.loader, boot, ram, rules));
    }
    if (
      boot.vgaBios &&
      (boot.vgaBios[0] !== 0x55 || boot.vgaBios[1] !== 0xaa || boot.vgaBios.length > MAX_OPTION_ROM_BYTES)
    )
      throw new LoadError(
        'The VGA BIOS is no option ROM of at most 64 KiB: such a file starts with the bytes 55 AA. Take another file.',
      );
    if (boot.linux && !isLinuxForFirmware(boot.linux.kernel))
      throw new LoadError(
        'The kernel for the firmware is no Linux bzImage of boot protocol 2.03 or later. Take another kernel, or leave out --bios.',
      );
    if (boot.linux?.initrd && boot.linux.initrd.length + boot.linux.kernel.length > (lowMiB - 2) * 2 ** 20)
      throw new LoadError(
        `Kernel and initial RAM disk do not fit the guest's ${lowMiB} MiB of memory${lowMiB < memoryMiB ? ' below the PCI hole' : ''}. Give it more, or a smaller RAM disk.`,
      );
    return undefined;
  }
  const { kernel, name, cmdline, ramdisk } = boot;
  if (rules.judge) {
    rules.judge(boot, memoryMiB);
    return undefined;
  }
  return loadKernel(
    { write() {}, fill() {} },
    {
      kernel,
      name,
      cmdline,
      memoryMiB,
      // A 64-bit kernel gets a processor with 64-bit code (`isLongBoot`), unless another is asked for.
      features: featuresOf(cpuLevel ?? 'x86-64-v2'),
      e820: rules.e820?.(ram) ?? memoryMap(ram),
      ...(rules.prefer ? { prefer: rules.prefer } : {}),
      ...(ramdisk ? { initrd: ramdisk } : {}),
    },
  );
}

/** Guest frames that a PC's p2m covers: to the end of RAM, and at least to 4 GiB where firmware lies there. */
export function p2mFrames(boot: Boot, ram: GuestRam): number {
  return Math.max(boot.kind === 'firmware' ? HIGH_FIRST : 0, ramEnd(layoutOf(ram)));
}

/** Loads what a domain boots into its fresh memory and puts the processor at its entry; returns what it was, for logs. @throws LoadError */
export function loadBoot({ options, processor, memory, platform, map, guest, traits }: BuiltDomain): string {
  const { boot, memoryMiB, record } = options,
    ram = ramOf(record),
    { boot: rules } = traits;
  const loaded = guest.load(boot);
  if (loaded !== undefined) return loaded;
  if (boot.kind !== 'firmware') {
    const kernel = unzipped(boot.kernel, boot.name);
    const { prefer } = rules;
    // What a hypervisor starts by its note has the place of firmware: no BIOS was there before it, and the timer of a fresh board is quiet (pit_reset, vpic_reset).
    const acpiRsdp = platform.installTables(!prefer || kernelKind(kernel, prefer) !== 'pvh');
    const entry = loadKernel(memory, {
      kernel,
      name: boot.name,
      cmdline: boot.cmdline,
      memoryMiB,
      features: featuresOf(options.cpuLevel),
      e820: rules.e820?.(ram) ?? platform.e820?.() ?? [],
      acpiRsdp,
      setVideo: (width, height, depth) => platform.setPicture?.(width, height, depth),
      ...(prefer ? { prefer } : {}),
      ...(boot.ramdisk ? { initrd: boot.ramdisk } : {}),
    });
    enterKernel(processor, entry);
    if (entry.kind === 'pvh') enterAsPvh(processor);
    return entry.about;
  }
  if (boot.loader) {
    enterKernel(processor, loadKernel(memory, loaderOptions(boot.loader, boot, ram, rules)));
    enterAsPvh(processor);
    return `${boot.loader.name} with ${boot.name}, firmware`;
  }
  map.firmware?.load(boot.image);
  if (traits.firmware === 'ram') guest.placeFirmware(boot.image);
  return `${boot.name}, firmware`;
}

/** A loader of the hypervisor's own is entered like a PVH kernel, with the firmware as a module of that name. */
function loaderOptions(
  loader: LoadedFile,
  { image, name }: { image: Uint8Array; name: string },
  ram: GuestRam,
  { loaderE820 }: BootRules,
): LoadOptions {
  return {
    kernel: loader.data,
    name: loader.name,
    cmdline: '',
    modules: [{ name, data: image, cmdline: 'firmware' }],
    memoryMiB: ram.memoryMiB,
    e820: loaderE820?.(ram) ?? [],
    prefer: 'note',
  };
}

/** What the ABI of PVH says of the registers beyond those of other kernels (xen/docs/misc/pvh.pandoc). */
function enterAsPvh({ regs }: Processor): void {
  const task = R.SEG + R.TR * R.SEG_WORDS;
  regs[R.CR0] = CR0_PE_ET;
  regs[R.CR4] = 0;
  regs[task + R.SEG_BASE] = 0;
  regs[task + R.SEG_LIMIT] = 0x67;
  regs[task + R.SEG_RIGHTS] = 0x8b;
}
