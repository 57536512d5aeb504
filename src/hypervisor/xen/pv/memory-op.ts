/** memory_op of paravirtual domains, which speak of machine frames. Source: xen/include/public/memory.h; 32-bit layouts. */
import { P2M_RWX } from '../../../cpu/edge.ts';
import { XEN } from '../../layout.ts';
import { FRAME_SHIFT } from '../../machine.ts';
import { EFAULT, EINVAL, ENOSYS, MEMORY_OP_BITS, XENMEM } from '../abi.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';
import { commonMemoryOp, self } from '../memory-op.ts';
import { M2P_END, M2P_START } from './block.ts';
import type { PvDomain } from './pv-domain.ts';

const RESERVATION_BYTES = 20,
  EXCHANGE_BYTES = 44,
  LIST_BYTES = 12,
  MAPPING_BYTES = 12;
/** Extents of one go; a longer list goes on after others had their turn. */
const EXTENTS_A_TURN = 4096;
/** M2P frames that one entry of machphys_mfn_list stands for: 2 MiB. */
const FRAMES_A_CHUNK = 512;

export const pvMemoryOp =
  (pv: PvDomain): Hypercall =>
  (xen, [command, arg]) => {
    const start = command >>> MEMORY_OP_BITS;
    const op = command & ((1 << MEMORY_OP_BITS) - 1);
    switch (op) {
      case XENMEM.INCREASE_RESERVATION:
      case XENMEM.DECREASE_RESERVATION:
      case XENMEM.POPULATE_PHYSMAP:
        return reservation(xen, pv, op, arg, start);
      case XENMEM.MACHPHYS_MAPPING: {
        const view = new DataView(new ArrayBuffer(MAPPING_BYTES));
        view.setUint32(0, M2P_START, true);
        view.setUint32(4, M2P_END, true);
        view.setUint32(8, (M2P_END - M2P_START) / 4 - 1, true);
        return xen.access.put(arg, view) ? 0 : -EFAULT;
      }
      case XENMEM.MACHPHYS_MFN_LIST:
        return m2pFrames(xen, arg);
      case XENMEM.EXCHANGE: {
        // Frames here are all alike: none is lower or more contiguous for the asking.
        const view = xen.access.view(arg, EXCHANGE_BYTES);
        return view ? -EINVAL : -EFAULT;
      }
      default:
        return commonMemoryOp(xen, op, arg) ?? -ENOSYS;
    }
  };

/** How many extents were done. Frames come and go one by one: there is no order of more than 0 here. */
function reservation(xen: XenGuest, pv: PvDomain, op: number, arg: number, start: number): number {
  const view = xen.access.view(arg, RESERVATION_BYTES);
  if (!view) return start || -EFAULT;
  const list = view.getUint32(0, true),
    count = view.getUint32(4, true);
  if (start >= count) return start;
  if (self(xen, view.getUint16(16, true)) !== 0 || view.getUint32(8, true) !== 0) return start;
  for (let i = start; i < count; i++) {
    if (i - start >= EXTENTS_A_TURN && xen.mayContinue) return xen.continueWith(0, op | (i << MEMORY_OP_BITS));
    const at = (list + i * 4) >>> 0;
    const given = xen.access.readWord(at);
    // Increasing writes machine frames to a list that may hold anything, or is not there at all.
    if (given === undefined && op !== XENMEM.INCREASE_RESERVATION) return i;
    if (op === XENMEM.DECREASE_RESERVATION) {
      if (!give(xen, pv, given ?? 0)) return i;
      continue;
    }
    const mfn = take(xen, pv, op === XENMEM.POPULATE_PHYSMAP ? (given ?? 0) : undefined);
    if (mfn < 0) return i;
    if (list !== 0 && !xen.access.writeWord(at, mfn)) {
      give(xen, pv, mfn);
      return i;
    }
  }
  return count;
}

/**
 * Gives up the reference that came with a frame. It goes with its last use: page tables that still name it keep it, as Xen's guest_remove_page does.
 * False: it is not the domain's, or was given up before.
 */
function give(xen: XenGuest, pv: PvDomain, mfn: number): boolean {
  const { machine } = xen;
  if (machine.words[xen.xen + XEN.SHARED_INFO] === mfn || !machine.takeReference(mfn, xen.record.id)) return false;
  const had = machine.release(mfn);
  pv.types.drop(mfn);
  return had;
}

/** A fresh frame; `pfn`: what the guest calls it. -1: it may not have more, or the host has none. */
function take(xen: XenGuest, pv: PvDomain, pfn?: number): number {
  const { machine, frames, record, words } = xen;
  if (frames.current >= frames.most) return -1;
  const mfn = machine.allocate(1, record.id)?.[0];
  if (mfn === undefined) return -1;
  Atomics.add(words, xen.xen + XEN.CURRENT_FRAMES, 1);
  machine.p2m(record)[mfn] = (mfn << FRAME_SHIFT) | P2M_RWX;
  if (pfn !== undefined) words[machine.m2p + mfn] = pfn;
  pv.types.noteStale();
  return mfn;
}

/** machphys_mfn_list: the frames that hold the M2P table, one for each 2 MiB of it. */
function m2pFrames(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, LIST_BYTES);
  if (!view) return -EFAULT;
  const first = xen.machine.m2p >>> 10,
    chunks = Math.ceil(xen.machine.frames / 1024 / FRAMES_A_CHUNK);
  const count = Math.min(view.getUint32(0, true), chunks);
  for (let i = 0; i < count; i++) if (!xen.access.writeWord((view.getUint32(4, true) + 4 * i) >>> 0, first + i * FRAMES_A_CHUNK)) return -EFAULT;
  view.setUint32(8, count, true);
  return xen.access.put(arg, view) ? 0 : -EFAULT;
}
