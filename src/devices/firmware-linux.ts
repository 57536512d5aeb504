/**
 * A Linux kernel in fw_cfg, for firmware that starts it by itself.
 * Sources: Linux, Documentation/arch/x86/boot.rst (places in memory); QEMU's fw_cfg items for kernels, as its linuxboot option ROM and qboot read them.
 */
import { CAN_USE_HEAP, isLinux, LOADED_HIGH, SETUP, setupBytesOf } from '../formats/bzimage/index.ts';
import { FW_CFG, type FwCfg } from './fw-cfg.ts';

/** Loader type of QEMU, whose place we take. */
const LOADER_QEMU = 0xb0;
/** Where the parts go (boot.rst, "Memory layout"). */
const REAL_ADDRESS = 0x10000,
  CMDLINE_AT = 0x20000,
  PROTECTED_ADDRESS = 0x100000;
/** RAM below the end of memory that firmware may have for tables. */
const FIRMWARE_BYTES = 0x20000;

export interface LinuxForFirmware {
  /** A bzImage of boot protocol 2.03 or later. */
  kernel: Uint8Array;
  initrd?: Uint8Array;
  cmdline: string;
}

/** Whether the file can be given to firmware so. */
export function isLinuxForFirmware(kernel: Uint8Array): boolean {
  if (kernel.length < SETUP.INITRD_ADDR_MAX + 4 || !isLinux(kernel)) return false;
  const header = new DataView(kernel.buffer, kernel.byteOffset);
  return header.getUint16(SETUP.VERSION, true) >= 0x203 && (kernel[SETUP.LOADFLAGS] & LOADED_HIGH) !== 0;
}

/** Puts kernel, command line and initial RAM disk into fw_cfg, with their places in memory, of which `lowMiB` lie below the PCI hole. The kernel's header says the same. */
export function setLinux(fwCfg: FwCfg, { kernel, initrd, cmdline }: LinuxForFirmware, lowMiB: number): void {
  const setupBytes = setupBytesOf(kernel);
  const setup = kernel.slice(0, setupBytes);
  const header = new DataView(setup.buffer);
  const rest = kernel.subarray(setupBytes);
  setup[SETUP.TYPE_OF_LOADER] = LOADER_QEMU;
  setup[SETUP.LOADFLAGS] |= CAN_USE_HEAP;
  header.setUint16(SETUP.HEAP_END_PTR, CMDLINE_AT - REAL_ADDRESS - 0x200, true);
  header.setUint32(SETUP.CMD_LINE_PTR, CMDLINE_AT, true);
  const text = new TextEncoder().encode(`${cmdline}\0`);
  if (initrd) {
    const most = Math.min(header.getUint32(SETUP.INITRD_ADDR_MAX, true), lowMiB * 2 ** 20 - FIRMWARE_BYTES - 1);
    const address = (most - initrd.length) & ~4095;
    header.setUint32(SETUP.RAMDISK_IMAGE, address, true);
    header.setUint32(SETUP.RAMDISK_SIZE, initrd.length, true);
    put(fwCfg, FW_CFG.INITRD_ADDRESS, address, FW_CFG.INITRD_SIZE, FW_CFG.INITRD_DATA, initrd);
  }
  put(fwCfg, FW_CFG.CMDLINE_ADDRESS, CMDLINE_AT, FW_CFG.CMDLINE_SIZE, FW_CFG.CMDLINE_DATA, text);
  put(fwCfg, FW_CFG.KERNEL_ADDRESS, PROTECTED_ADDRESS, FW_CFG.KERNEL_SIZE, FW_CFG.KERNEL_DATA, rest);
  put(fwCfg, FW_CFG.SETUP_ADDRESS, REAL_ADDRESS, FW_CFG.SETUP_SIZE, FW_CFG.SETUP_DATA, setup);
}

function put(
  fwCfg: FwCfg,
  addressItem: number,
  address: number,
  sizeItem: number,
  dataItem: number,
  data: Uint8Array,
): void {
  fwCfg.setNumber(addressItem, address, 4);
  fwCfg.setNumber(sizeItem, data.length, 4);
  fwCfg.set(dataItem, data);
}
