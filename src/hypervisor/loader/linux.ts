/**
 * Linux bzImage, 32-bit entry.
 * Source: Linux's Documentation/arch/x86/boot.rst (boot protocol 2.02 to 2.15) and zero-page.rst.
 */

import { view } from '../../formats/elf/index.ts';
import { isLongLinux, kernelVersion, LOADED_HIGH, SETUP, setupBytesOf } from '../../formats/bzimage/index.ts';
import type { EntryState, LoadOptions } from './entry.ts';
import { refuseLong } from './refuse-long.ts';
import { setUint64 } from '../memory/words.ts';
import { type GuestMemory, hex, LoadError, size, Plan, roundUp, text } from './plan.ts';

const MIB = 1 << 20;
/** "Undefined" loader, as boot.rst tells loaders without a number to say. */
const LOADER_UNDEFINED = 0xff;

const ZERO_PAGE_BYTES = 0x1000;
/**
 * Where loaders put what they tell a kernel, as boot.rst's picture of memory has it. What lies below is the kernel's: Linux 2.4 unpacks itself over 0x2000 to
 * 0x90000 (arch/i386/boot/compressed/misc.c, LOW_BUFFER_START and its like) and loads segment registers afterwards.
 */
const BOOT_DATA = 0x90000;
const ACPI_RSDP_ADDR = 0x70;
const ALT_MEM_K = 0x1e0;
const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const E820_MAX = 128;
const BOOT_CS = 0x10;
const BOOT_DS = 0x18;
/** Flat 4-GiB descriptors in the places that boot.rst asks for: code at 0x10, data at 0x18. */
const GDT = [0, 0, 0, 0, 0x0000ffff, 0x00cf9b00, 0x0000ffff, 0x00cf9300];

/** Checks, then loads; see loadKernel. */
export function loadLinux(memory: GuestMemory, options: LoadOptions): EntryState {
  const { kernel, name, initrd, cmdline } = options;
  const file = view(kernel);
  const version = file.getUint16(SETUP.VERSION, true);
  const spelled = `${version >> 8}.${String(version & 0xff).padStart(2, '0')}`;
  if (version < 0x202)
    throw new LoadError(
      `${name} is a Linux kernel with boot protocol ${spelled}; Ringside needs 2.02 (Linux 2.4) or later. Use a newer kernel.`,
    );
  if (!(kernel[SETUP.LOADFLAGS] & LOADED_HIGH))
    throw new LoadError(`${name} is a zImage, which loads low; Ringside boots bzImages. Build the kernel as bzImage.`);
  const setupBytes = setupBytesOf(kernel);
  refuseLong(isLongLinux(kernel), options, 'Linux kernel', 'a kernel built for i386 (686 or 686-pae)');
  if (isRealModeOnly(file, version))
    throw new LoadError(
      `${name} has a kernel's header, and starts in 16-bit mode with a BIOS, as iPXE and memdisk do. Boot it from a CD or disk with a boot loader (SYSLINUX, GRUB's linux16).`,
    );
  // boot.rst: before 2.04 the field has 16 bits, which wrap with LOADED_HIGH; the file's length counts.
  const codeBytes = version >= 0x204 ? file.getUint32(SETUP.SYSSIZE, true) * 16 : kernel.length - setupBytes;
  // The last of the 16-byte units need not be full.
  if (kernel.length < setupBytes + codeBytes - 15) {
    throw new LoadError(
      `${name} is truncated: its header says ${setupBytes + codeBytes} bytes, the file has ${kernel.length}. Copy or fetch it again.`,
    );
  }
  const code = kernel.subarray(setupBytes, setupBytes + codeBytes);

  const plan = new Plan(options.e820, options.memoryMiB);
  const relocatable = version >= 0x205 && kernel[SETUP.RELOCATABLE_KERNEL] !== 0;
  const preferred = version >= 0x20a && relocatable ? file.getUint32(SETUP.PREF_ADDRESS, true) : 0;
  const loadAddress = preferred || MIB;
  // The kernel unpacks itself in place and may use this much from its load address before it reads the memory map.
  const kernelBytes = Math.max(code.length, version >= 0x20a ? file.getUint32(SETUP.INIT_SIZE, true) : 0);
  if (!plan.isRam(loadAddress, kernelBytes)) {
    const enough = Math.ceil((loadAddress + kernelBytes) / MIB) + 1;
    throw new LoadError(
      `${name} does not fit: it needs ${size(kernelBytes)} of memory at ${hex(loadAddress)}, the guest has ${plan.memoryMiB} MiB. Write memory = ${enough} or more.`,
    );
  }
  plan.put(loadAddress, code, kernelBytes);

  const commandLine = text(cmdline);
  const longest = version >= 0x206 ? file.getUint32(SETUP.CMDLINE_SIZE, true) : 255;
  if (commandLine.length - 1 > longest) {
    throw new LoadError(
      `The command line for ${name} is too long: ${commandLine.length - 1} bytes, and this kernel takes ${longest}. Shorten cmdline.`,
    );
  }

  const zeroPage = new Uint8Array(ZERO_PAGE_BYTES);
  const headerEnd = Math.min(SETUP.HEADER + kernel[SETUP.JUMP_LENGTH], 0x290);
  zeroPage.set(kernel.subarray(SETUP.SETUP_SECTS, headerEnd), SETUP.SETUP_SECTS);
  const page = view(zeroPage);
  page.setUint8(SETUP.TYPE_OF_LOADER, LOADER_UNDEFINED);
  page.setUint32(SETUP.CODE32_START, loadAddress, true);

  const initrdAddress = placeInitrd(plan, options, version, { start: loadAddress, end: loadAddress + kernelBytes });
  if (initrd && initrdAddress > 0) {
    page.setUint32(SETUP.RAMDISK_IMAGE, initrdAddress, true);
    page.setUint32(SETUP.RAMDISK_SIZE, initrd.data.length, true);
  }

  setTextScreen(page);
  tellMemory(page, plan, options, version);
  const zeroPageAddress = plan.place(zeroPage, 0x1000, BOOT_DATA);
  const gdtAddress = plan.place(new Uint8Array(Uint32Array.from(GDT).buffer), 16, BOOT_DATA);
  page.setUint32(SETUP.CMD_LINE_PTR, plan.place(commandLine, 16, BOOT_DATA), true);
  plan.commit(memory);

  return {
    kind: 'linux',
    about: `${kernelVersion(kernel)} at ${hex(loadAddress)}${initrdAddress ? `, initrd at ${hex(initrdAddress)}` : ''}`,
    eip: loadAddress,
    registers: { eax: 0, ebx: 0, ecx: 0, edx: 0, esi: zeroPageAddress, edi: 0, ebp: 0, esp: 0 },
    gdt: { base: gdtAddress, limit: GDT.length * 4 - 1 },
    cs: BOOT_CS,
    ds: BOOT_DS,
  };
}

/**
 * True for programs that have the header for boot loaders' sake and no 32-bit entry: no address to jump to (iPXE), no protected-mode code (memdisk), or no
 * alignment of it, which kernels say from 2.05 on.
 */
const isRealModeOnly = (file: DataView, version: number): boolean =>
  file.getUint32(SETUP.CODE32_START, true) === 0 ||
  file.getUint32(SETUP.SYSSIZE, true) === 0 ||
  (version >= 0x205 && file.getUint32(SETUP.KERNEL_ALIGNMENT, true) === 0);

/** Puts the initrd as high as the kernel takes it: its address; 0: there is none. @throws LoadError */
function placeInitrd(
  plan: Plan,
  { kernel, name, initrd }: LoadOptions,
  version: number,
  loaded: { start: number; end: number },
): number {
  if (!initrd || initrd.data.length === 0) return 0;
  // boot.rst: kernels before 2.03 take an initrd below 0x38000000.
  const highest = version >= 0x203 ? view(kernel).getUint32(SETUP.INITRD_ADDR_MAX, true) : 0x37ffffff;
  const end = Math.min(plan.ramEnd(loaded.start), highest + 1);
  const address = Math.floor((end - initrd.data.length) / 0x1000) * 0x1000;
  if (address < loaded.end) {
    if (end === highest + 1) {
      throw new LoadError(
        `${initrd.name} (${size(initrd.data.length)}) does not fit: ${name} takes an initrd below ${hex(end)} only, which leaves ${size(end - loaded.end)}. Use a smaller one.`,
      );
    }
    throw plan.tooLarge(initrd, Math.max(0, end - roundUp(loaded.end, 0x1000)), loaded.end);
  }
  plan.put(address, initrd.data);
  return address;
}

/** How much memory there is, by the fields of all ages, and where the root pointer of ACPI lies. */
function tellMemory(page: DataView, plan: Plan, options: LoadOptions, version: number): void {
  const upperKib = Math.max(0, Math.floor((plan.ramEnd(MIB) - MIB) / 1024));
  page.setUint16(2, Math.min(upperKib, 0xffff), true);
  page.setUint32(ALT_MEM_K, upperKib, true);
  if (options.acpiRsdp && version >= 0x20e) setUint64(page, ACPI_RSDP_ADDR, options.acpiRsdp);
  const map = options.e820.slice(0, E820_MAX);
  page.setUint8(E820_ENTRIES, map.length);
  map.forEach((entry, i) => {
    setUint64(page, E820_TABLE + i * 20, entry.base);
    setUint64(page, E820_TABLE + i * 20 + 8, entry.length);
    page.setUint32(E820_TABLE + i * 20 + 16, entry.type, true);
  });
}

/** struct screen_info: VGA text mode 3, 80 x 25, as a BIOS would have left it, so that vgacon takes the screen. */
function setTextScreen(page: DataView): void {
  page.setUint8(0x06, 3); // orig_video_mode
  page.setUint8(0x07, 80); // orig_video_cols
  page.setUint16(0x0a, 3, true); // orig_video_ega_bx: colour, 256 KiB
  page.setUint8(0x0e, 25); // orig_video_lines
  page.setUint8(0x0f, 1); // orig_video_isVGA: VIDEO_TYPE_VGAC's switch
  page.setUint16(0x10, 16, true); // orig_video_points
}
