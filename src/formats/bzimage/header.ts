/**
 * The setup header of a Linux bzImage: where its fields are, and what they say of the kernel.
 * Source: Linux's Documentation/arch/x86/boot.rst (boot protocol 2.02 to 2.15).
 */
import { view } from '../elf/index.ts';

/** Fields by boot.rst's names, in bytes from the file's beginning; the zero page has them at the same places. */
export const SETUP = {
  SETUP_SECTS: 0x1f1,
  SYSSIZE: 0x1f4,
  JUMP_LENGTH: 0x201,
  HEADER: 0x202,
  VERSION: 0x206,
  KERNEL_VERSION: 0x20e,
  TYPE_OF_LOADER: 0x210,
  LOADFLAGS: 0x211,
  CODE32_START: 0x214,
  RAMDISK_IMAGE: 0x218,
  RAMDISK_SIZE: 0x21c,
  HEAP_END_PTR: 0x224,
  CMD_LINE_PTR: 0x228,
  INITRD_ADDR_MAX: 0x22c,
  KERNEL_ALIGNMENT: 0x230,
  RELOCATABLE_KERNEL: 0x234,
  XLOADFLAGS: 0x236,
  CMDLINE_SIZE: 0x238,
  PAYLOAD_OFFSET: 0x248,
  PAYLOAD_LENGTH: 0x24c,
  PREF_ADDRESS: 0x258,
  INIT_SIZE: 0x260,
} as const;

/** Bits of LOADFLAGS: the protected-mode code is loaded at 1 MiB, as a bzImage's; the loader gives a heap. */
export const LOADED_HIGH = 1,
  CAN_USE_HEAP = 0x80;
const XLF_KERNEL_64 = 1;
/** "HdrS". */
const HDRS = 0x53726448;
const SECTOR_BYTES = 512,
  DEFAULT_SETUP_SECTS = 4;

export const isLinux = (kernel: Uint8Array): boolean =>
  kernel.length > SETUP.HEADER + 4 && view(kernel).getUint32(SETUP.HEADER, true) === HDRS;

/** What runs in real mode lies in front of the protected-mode code. */
export const setupBytesOf = (kernel: Uint8Array): number =>
  ((kernel[SETUP.SETUP_SECTS] || DEFAULT_SETUP_SECTS) + 1) * SECTOR_BYTES;

/** How head_64.S of 2.6.22 and later sets EFER.LME: mov ecx, C0000080h; rdmsr; bts eax, 8. It is not packed, and lies near the beginning. */
const SETS_LME = [0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0x0f, 0xba, 0xe8, 0x08];
const HEAD_BYTES = 0x2000;
/** What setup.S of earlier ones says on a processor of 32 bits. */
const NEEDS_LONG_MODE = new TextEncoder().encode('Your CPU does not support long mode');

/** Whether the bzImage is a 64-bit kernel: it cannot go on where there is no long mode. */
export function isLongLinux(kernel: Uint8Array): boolean {
  const file = view(kernel);
  return file.getUint16(SETUP.VERSION, true) >= 0x20c
    ? (file.getUint16(SETUP.XLOADFLAGS, true) & XLF_KERNEL_64) !== 0
    : seems64(kernel, setupBytesOf(kernel));
}

/** The same of one from before its header said so (boot protocol 2.12, Linux 3.8). */
function seems64(kernel: Uint8Array, setupBytes: number): boolean {
  return (
    holds(kernel.subarray(setupBytes, setupBytes + HEAD_BYTES), SETS_LME) ||
    holds(kernel.subarray(0, setupBytes), NEEDS_LONG_MODE)
  );
}

function holds(bytes: Uint8Array, wanted: ArrayLike<number>): boolean {
  for (
    let at = bytes.indexOf(wanted[0]);
    at >= 0 && at + wanted.length <= bytes.length;
    at = bytes.indexOf(wanted[0], at + 1)
  ) {
    let i = 1;
    while (i < wanted.length && bytes[at + i] === wanted[i]) i++;
    if (i === wanted.length) return true;
  }
  return false;
}
