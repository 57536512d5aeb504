/** The version that a Linux kernel gives itself (boot.rst, kernel_version). */
import { view } from '../elf/index.ts';
import { SETUP } from './header.ts';

/** "Linux 6.1.0-50-686" from the header's version string; other programs that use the protocol give their own name there. */
export function kernelVersion(kernel: Uint8Array): string {
  const pointer = view(kernel).getUint16(SETUP.KERNEL_VERSION, true);
  if (pointer === 0 || pointer + 0x200 >= kernel.length) return 'Linux';
  let version = '';
  for (let i = pointer + 0x200; i < kernel.length && kernel[i] > 32 && kernel[i] < 127 && version.length < 64; i++)
    version += String.fromCharCode(kernel[i]);
  return /^\d/.test(version) ? `Linux ${version}` : version;
}
