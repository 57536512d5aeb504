/**
 * The table that the domain builder leaves for the firmware of an HVM guest, at 0x9F800: how many vCPUs, where memory ends.
 * Source: xen/include/public/hvm/hvm_info_table.h; values as tools/libs/guest/xg_dom_x86.c fills them.
 */
import { ramEnd, type RamLayout } from '../../../layout/ram-layout.ts';
import { IOREQ_SERVER_PAGES } from '../abi.ts';

export const HVM_INFO = 0x9f800;
const SIGNATURE = 'HVM INFO',
  LENGTH = 8,
  CHECKSUM = 12,
  APIC_MODE = 13,
  VCPUS = 16,
  LOW_MEMORY_END = 20,
  RESERVED_START = 24,
  HIGH_MEMORY_END = 28,
  VCPUS_ONLINE = 32,
  BYTES = 48;

/** The table's bytes. Where no RAM lies above 4 GiB the end of that is 0. */
export function hvmInfo(vcpus: number, ram: RamLayout, online = vcpus): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < SIGNATURE.length; i++) bytes[i] = SIGNATURE.charCodeAt(i);
  view.setUint32(LENGTH, BYTES, true);
  bytes[APIC_MODE] = 1;
  view.setUint32(VCPUS, vcpus, true);
  view.setUint32(LOW_MEMORY_END, ram.lowFrames, true);
  view.setUint32(RESERVED_START, IOREQ_SERVER_PAGES, true);
  view.setUint32(HIGH_MEMORY_END, ram.ramFrames > ram.lowFrames ? ramEnd(ram) : 0, true);
  for (let vcpu = 0; vcpu < online; vcpu++) bytes[VCPUS_ONLINE + (vcpu >> 3)] |= 1 << (vcpu & 7);
  bytes[CHECKSUM] = -bytes.reduce((sum, byte) => sum + byte, 0);
  return bytes;
}
