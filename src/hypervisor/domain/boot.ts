/** What a domain starts: whether it can, asked before anything is made, and how it gets there. */
import type { Processor } from '../../cpu/architecture/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import { memoryMap } from '../../devices/index.ts';
import { isLinuxForFirmware, type LinuxForFirmware } from '../../devices/index.ts';
import type { OpenMedium } from '../disks/media.ts';
import type { Domain, DomainOptions } from './domain.ts';
import {
  type EntryState,
  kernelKind,
  type LoadedFile,
  LoadError,
  loadKernel,
  type LoadOptions,
  unzipped,
} from '../loader/index.ts';
import { enterKernel } from './vcpu.ts';
import { firmwareMemoryMap, firmwareTables, writeFirmwareInfo } from '../xen/hvm/hvmloader-info.ts';
import { pvhMemoryMap } from '../xen/memory/memory-map.ts';

const KIB = 1024;
const MAX_OPTION_ROM_BYTES = 64 * KIB;
const MIB = 0x100000;
/** What lies below 1 MiB, too, and the most that the chipset decodes below 4 GiB (flash parts of PC boards; QEMU's limit is half of it). Erase blocks have 4 KiB. */
const LEAST_FIRMWARE = 64 * KIB,
  MOST_FIRMWARE = 16 * MIB,
  FIRMWARE_BLOCK = 4 * KIB;
/** Firmware of a guest of Xen that fits below 1 MiB lies there alone (hvmloader's rombios and SeaBIOS); of what is larger, as OVMF is, the last part. */
const MOST_BELOW_1_MIB = 256 * KIB,
  OF_LARGER = 64 * KIB;
const CR0_PE_ET = 0x11;

/** What the machine starts: a kernel put into memory, or firmware at the reset vector. */
export type Boot =
  | {
      /** pvh, pv: entered as Xen's domain builder does; kernel: as a boot loader does. */ kind:
        | 'kernel'
        | 'pvh'
        | 'pv';
      kernel: Uint8Array;
      name: string;
      ramdisk?: { name: string; data: Uint8Array };
      cmdline: string;
    }
  | {
      kind: 'firmware';
      image: Uint8Array;
      name: string;
      vgaBios?: Uint8Array;
      /** Its authors had QEMU's machine before them (SeaBIOS, or an image that a person names): it gets QEMU's devices where an IBM PC's differ. */
      forQemu?: boolean;
      /** It lies in flash that it can write, on a PC; `keep`: where that is kept when the machine is gone. Absent: in ROM. */
      flash?: { keep?: { name: string; path: string; writes: true } };
      /** The network card's expansion ROM, to boot by it. */
      nicRom?: Uint8Array;
      /** SeaBIOS's device paths, first one first. */
      bootOrder?: string[];
      /** It starts boot sectors that do not end in 55 AA, too. */
      noSignatureCheck?: true;
      /** For firmware that starts kernels itself. */
      linux?: LinuxForFirmware;
      /** Xen's own hvmloader, which builds tables and puts the image where it belongs; absent: the image lies in ROM, as on a PC. */
      loader?: LoadedFile;
    };

let pv: typeof import('../xen/pv/builder.ts') | undefined;

/** `checkBoot` can judge kernels of paravirtual guests from then on: most guests are none. */
export async function loadPvBuilder(): Promise<void> {
  pv ??= await import('../xen/pv/builder.ts');
}

/**
 * Goes through all checks of loading without a guest. `xen`: what the domain shows of Xen; absent: a plain PC.
 * @throws LoadError with a sentence for people.
 */
export function checkBoot(boot: Boot, memoryMiB: number, xen?: 'hvm' | 'pvh' | 'pv'): EntryState | undefined {
  if (boot.kind === 'firmware') {
    const { length } = boot.image;
    if (length < LEAST_FIRMWARE || length > MOST_FIRMWARE || length % FIRMWARE_BLOCK !== 0)
      throw new LoadError(
        `${boot.name} has ${length} bytes; a firmware image has 64 KiB to 16 MiB, in whole blocks of 4096 bytes. Take another file.`,
      );
    if (boot.loader) {
      if (xen !== 'hvm')
        throw new LoadError(`${boot.loader.name} starts firmware in HVM guests of Xen alone. Add --type hvm.`);
      loadKernel({ write() {}, fill() {} }, hvmloaderOptions(boot.loader, boot, memoryMiB));
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
    if (boot.linux?.initrd && boot.linux.initrd.length + boot.linux.kernel.length > (memoryMiB - 2) * 2 ** 20)
      throw new LoadError(
        `Kernel and initial RAM disk do not fit the guest's ${memoryMiB} MiB of memory. Give it more, or a smaller RAM disk.`,
      );
    return undefined;
  }
  const { kernel, name, cmdline, ramdisk } = boot;
  if (boot.kind === 'pv') {
    if (!pv) throw new Error('The builder of paravirtual guests is not loaded.');
    pv.planPv({ kernel, name, cmdline, ...(ramdisk ? { ramdisk } : {}) }, memoryMiB);
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

/** The file where what firmware writes to its flash is kept. @throws HostError */
export const flashFileOf = (
  boot: Boot,
  openMedium: OpenMedium | undefined,
  problem: (sentence: string) => void,
): Pick<DomainOptions, 'flashFile' | 'problem'> =>
  openMedium && boot.kind === 'firmware' && boot.flash?.keep
    ? { flashFile: openMedium(boot.flash.keep, () => {}), problem }
    : {};

/** Whether a domain has its firmware below 4 GiB: on a PC in a ROM there; under Xen where it is too large to lie below 1 MiB alone. */
export const hasHighFirmware = (boot: Boot, isXen: boolean): boolean =>
  boot.kind === 'firmware' && !boot.loader && (!isXen || boot.image.length > MOST_BELOW_1_MIB);

/** Guest frames that a domain's p2m covers: to the end of RAM, or to 4 GiB where firmware or Xen's special pages lie there. */
export function p2mFrames(boot: Boot, memoryMiB: number, xen?: 'hvm' | 'pvh'): number {
  return boot.kind === 'firmware' || xen ? 0x100000 : memoryMiB * 256;
}

/** Loads what a domain boots into its fresh memory and puts the processor at its entry; returns what it was, for logs. @throws LoadError */
export function loadBoot({ options, processor, memory, platform, firmware, xen }: Domain): string {
  const { boot, memoryMiB } = options;
  if (boot.kind === 'pv' && xen) return xen.startPv(boot);
  if (boot.kind !== 'firmware') {
    const kernel = unzipped(boot.kernel, boot.name);
    const prefer = xen ? (xen.isPvh ? ('pvh' as const) : ('note' as const)) : undefined;
    // What Xen starts by its note has the place of firmware: no BIOS was there before it, and the timer of a fresh board is quiet (pit_reset, vpic_reset).
    const acpiRsdp = platform.installTables(!xen || kernelKind(kernel, prefer) !== 'pvh');
    const entry = loadKernel(memory, {
      kernel,
      name: boot.name,
      cmdline: boot.cmdline,
      memoryMiB,
      e820: xen?.isPvh ? pvhMemoryMap(memoryMiB) : (platform.e820?.() ?? []),
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
    enterKernel(processor, loadKernel(memory, hvmloaderOptions(boot.loader, boot, memoryMiB)));
    enterAsPvh(processor);
    return `${boot.loader.name} with ${boot.name}, firmware`;
  }
  firmware?.load(boot.image);
  if (xen) {
    // Firmware of a guest of Xen counts on what hvmloader does before it: it lies in RAM below 1 MiB, where it can write its variables (SeaBIOS forgets in
    // a ROM that it has found Xen), and is jumped to there.
    const low = boot.image.length > MOST_BELOW_1_MIB ? boot.image.subarray(-OF_LARGER) : boot.image;
    memory.write(MIB - low.length, low);
    processor.regs[R.SEG + R.CS * R.SEG_WORDS + R.SEG_BASE] = 0xf0000;
    const tables = firmwareTables(memoryMiB);
    platform.prepareForFirmware?.(tables);
    writeFirmwareInfo(memory, [tables.rsdp, tables.smbios, tables.mp], firmwareMemoryMap(memoryMiB));
  }
  return `${boot.name}, firmware`;
}

/** hvmloader is entered like a PVH kernel, with the firmware as a module of that name. */
function hvmloaderOptions(
  loader: LoadedFile,
  { image, name }: { image: Uint8Array; name: string },
  memoryMiB: number,
): LoadOptions {
  const modules = [{ name, data: image, cmdline: 'firmware' }];
  return {
    kernel: loader.data,
    name: loader.name,
    cmdline: '',
    modules,
    memoryMiB,
    e820: firmwareMemoryMap(memoryMiB),
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
