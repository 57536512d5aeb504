/** What Xen keeps of a domain in machine memory: the XEN block, the port table, the grant table's block, shared_info (layout.ts); and who holds frames by it. */
import {
  DOMAIN,
  FRAME_BYTES,
  FRAME_SHIFT,
  GRANTS_BYTES,
  PORTS_BYTES,
  XEN,
  XEN_BYTES,
  XEN_TYPE,
  XEN_VCPU,
  XEN_VCPU_WORDS,
} from '../../layout/layout.ts';
import type { GuestRecords } from '../../memory/frame-holder.ts';
import { wholeFrames } from '../../memory/machine.ts';
import { PORT_FRAMES } from './events/frames.ts';
import { GRANT_FRAMES } from './grants/frames.ts';
import { Pod, POD_FRAMES } from './memory/pod.ts';
import { TABLE_FRAMES } from './pv/frames.ts';
import { VcpuInfo } from './shared.ts';

/** DOMAIN.INTERFACE. */
const NUMBER = 1;
const BLOCKS = [
  [DOMAIN.XEN, wholeFrames(XEN_BYTES)],
  [DOMAIN.PORTS, wholeFrames(PORTS_BYTES)],
  [DOMAIN.GRANTS, wholeFrames(GRANTS_BYTES)],
] as const;
const SHARED_INFO_BYTES = FRAME_BYTES;

const records = (type: number, ram: GuestRecords['ram']): GuestRecords => ({
  number: NUMBER,
  ram,
  holders: [PORT_FRAMES, GRANT_FRAMES, TABLE_FRAMES, POD_FRAMES],
  bytes: () => BLOCKS.reduce((sum, [, bytes]) => sum + bytes, SHARED_INFO_BYTES),
  place({ words }, entry, offset, vcpus) {
    for (const [field, bytes] of BLOCKS) {
      words[entry + field] = offset;
      offset += bytes;
    }
    const block = words[entry + DOMAIN.XEN] >>> 2;
    words[block + XEN.TYPE] = type;
    words[block + XEN.VCPUS] = vcpus;
    // A PV guest is one of 32 bits here; others have the 64-bit layout until they say otherwise.
    words[block + XEN.WIDTH] = type === XEN_TYPE.PV ? 32 : 64;
    words[block + XEN.SHARED_INFO] = offset >>> FRAME_SHIFT;
    for (let id = 0; id < vcpus; id++)
      words[block + XEN.VCPU + id * XEN_VCPU_WORDS + XEN_VCPU.INFO] = offset + id * VcpuInfo.bytes;
  },
  populated({ words }, entry, frames) {
    words[(words[entry + DOMAIN.XEN] >>> 2) + XEN.CURRENT_FRAMES] = frames;
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
