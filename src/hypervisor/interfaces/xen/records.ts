/** What Xen keeps of a domain in machine memory: the XEN block, the port table, the grant table's block, shared_info (layout.ts); and who holds frames by it. */
import { FRAME_SHIFT } from '../../layout/layout.ts';
import { SHARED_INFO_AT, XEN, XEN_INTERFACE, XEN_RECORD_BYTES, XEN_TYPE, XEN_VCPU, XEN_VCPU_WORDS } from './layout.ts';
import type { GuestRecords } from '../../memory/frame-holder.ts';
import { PORT_FRAMES } from './events/frames.ts';
import { GRANT_FRAMES } from './grants/frames.ts';
import { Pod, POD_FRAMES } from './memory/pod.ts';
import { TABLE_FRAMES } from './pv/frames.ts';
import { VcpuInfo } from './shared.ts';

const records = (type: number, ram: GuestRecords['ram']): GuestRecords => ({
  number: XEN_INTERFACE,
  ram,
  holders: [PORT_FRAMES, GRANT_FRAMES, TABLE_FRAMES, POD_FRAMES],
  bytes: () => XEN_RECORD_BYTES,
  place({ words }, offset, vcpus) {
    const block = offset >>> 2,
      shared = offset + SHARED_INFO_AT;
    words[block + XEN.TYPE] = type;
    words[block + XEN.VCPUS] = vcpus;
    // A PV guest is one of 32 bits here; others have the 64-bit layout until they say otherwise.
    words[block + XEN.WIDTH] = type === XEN_TYPE.PV ? 32 : 64;
    words[block + XEN.SHARED_INFO] = shared >>> FRAME_SHIFT;
    for (let id = 0; id < vcpus; id++)
      words[block + XEN.VCPU + id * XEN_VCPU_WORDS + XEN_VCPU.INFO] = shared + id * VcpuInfo.bytes;
  },
  populated({ words }, offset, frames) {
    words[(offset >>> 2) + XEN.CURRENT_FRAMES] = frames;
  },
  populateOnDemand: (machine, record, first, end, frames) => new Pod(machine, record).build(first, end, frames) === 0,
});

/** For `createDomain`. */
export const XEN_HVM = records(XEN_TYPE.HVM, 'pc'),
  XEN_PVH = records(XEN_TYPE.PVH, 'flat'),
  XEN_PV = records(XEN_TYPE.PV, 'typed');

/** The same by the words of definitions, and by XEN_TYPE. */
export const XEN_RECORDS = { hvm: XEN_HVM, pvh: XEN_PVH, pv: XEN_PV } as const;
export const xenRecords = (type: number): GuestRecords =>
  type === XEN_TYPE.HVM ? XEN_HVM : type === XEN_TYPE.PVH ? XEN_PVH : XEN_PV;
