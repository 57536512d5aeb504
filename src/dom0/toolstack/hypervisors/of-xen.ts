/** A host with Xen: its own system is Domain 0. */
import type { Hypervisor } from './hypervisor.ts';

export const ofXen: Hypervisor = {
  kind: 'xen',
  hasDomain0: true,
  libxlSays: lines => lines,
  // libxl__device_nic_setdefault() in tools/libs/light/libxl_nic.c: the fourth byte is below 0x80.
  stations: { prefix: '00:16:3e', drawn: 0x7fffff },
};
