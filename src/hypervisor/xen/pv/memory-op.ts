/** memory_op of paravirtual domains, which speak of machine frames. Source: xen/include/public/memory.h; 32-bit layouts. */
import { P2M_RWX } from '../../../cpu/edge.ts';
import { XEN } from '../../memory/layout.ts';
import { FRAME_SHIFT } from '../../memory/machine.ts';
import { EFAULT, EINVAL, ENOSYS, MEMORY_OP_BITS, SHARED_INFO, XENMEM } from '../abi.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';
import { type ExchangePages, memoryExchange } from '../memory/exchange.ts';
import { commonMemoryOp } from '../memory/memory-op.ts';
import { domainNamed, readReservation } from '../memory/reservation.ts';
import { M2P_END, M2P_START } from './block.ts';
import type { PvDomain } from './pv-domain.ts';

const LIST_BYTES = 12,
  MAPPING_BYTES = 12;
/** Frames of one go; a longer list goes on after others had their turn. */
const FRAMES_A_TURN = 4096;
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
      case XENMEM.MAXIMUM_GPFN:
        return start === 0 ? maximumPfn(xen, arg) : -EINVAL;
      case XENMEM.EXCHANGE:
        return start === 0 ? memoryExchange(xen, op, arg, pagesOf(xen, pv)) : -EINVAL;
      default:
        return commonMemoryOp(xen, op, arg, start) ?? -ENOSYS;
    }
  };

/** How many extents were done. */
function reservation(xen: XenGuest, pv: PvDomain, op: number, arg: number, start: number): number {
  const asked = readReservation(xen, arg, start);
  if (!asked || (asked.onDemand && op === XENMEM.POPULATE_PHYSMAP)) return start;
  const { list, extents, order, limit } = asked;
  const frames = 1 << order;
  for (let i = start; i < extents; i++) {
    if ((i - start) << order >= FRAMES_A_TURN) return xen.continueWith(0, op | (i << MEMORY_OP_BITS));
    const at = (list + i * 4) >>> 0;
    const given = xen.access.readWord(at);
    // Increasing writes machine frames to a list that may hold anything, or is not there at all.
    if (given === undefined && op !== XENMEM.INCREASE_RESERVATION) return i;
    if (op === XENMEM.DECREASE_RESERVATION) {
      for (let n = 0; n < frames; n++) if (!give(xen, pv, (given ?? 0) + n)) return i;
      continue;
    }
    if (xen.frames.current + frames > xen.frames.most) return i;
    const mfn = allocate(xen, frames, limit);
    if (mfn < 0) return i;
    add(xen, pv, mfn, frames, op === XENMEM.POPULATE_PHYSMAP ? given : undefined);
    // They are the domain's, also where it could not be told; as Xen has it.
    if (list !== 0 && !xen.access.writeWord(at, mfn)) return i;
  }
  return extents;
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

/** Fresh frames side by side, the first one's number a multiple of their count; -1: the host has none. */
function allocate({ machine, record }: XenGuest, frames: number, limit: number): number {
  if (frames === 1 && limit >= machine.frames) return machine.allocate(1, record.id)?.[0] ?? -1;
  return machine.allocateRun(frames, record.id, frames, limit);
}

/** They are the domain's and may be mapped; `pfn`: what the guest calls the first, where it says so. */
function add(xen: XenGuest, pv: PvDomain, mfn: number, frames: number, pfn?: number): void {
  const { machine, record, words } = xen;
  const p2m = machine.p2m(record);
  Atomics.add(words, xen.xen + XEN.CURRENT_FRAMES, frames);
  for (let n = 0; n < frames; n++) {
    p2m[mfn + n] = ((mfn + n) << FRAME_SHIFT) | P2M_RWX;
    // It may have had the frame before, with code in it that its processor knows.
    xen.parts.written(mfn + n);
    if (pfn !== undefined) words[machine.m2p + mfn + n] = pfn + n;
  }
  pv.types.noteStale();
}

/** What XENMEM_exchange does to the frames of a domain. */
function pagesOf(xen: XenGuest, pv: PvDomain): ExchangePages {
  const { machine, record, words } = xen;
  return {
    isStealable: mfn =>
      mfn < machine.frames && machine.ownerOf(mfn) === record.id && machine.isAllocated(mfn) && machine.references(mfn) === 1 && !machine.isDeviceFrame(mfn) &&
      words[xen.xen + XEN.SHARED_INFO] !== mfn,
    steal: mfn => void give(xen, pv, mfn),
    allocate: (frames, limit) => allocate(xen, frames, limit),
    add: (mfn, frames, pfn) => add(xen, pv, mfn, frames, pfn),
    release: (mfn, frames) => {
      for (let n = 0; n < frames; n++) machine.release(mfn + n);
    },
  };
}

/** maximum_gpfn: the guest itself says how many frames its list has. */
function maximumPfn(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, 2);
  if (!view) return -EFAULT;
  const page = (xen.words[xen.xen + XEN.SHARED_INFO] << FRAME_SHIFT) >>> 0;
  return domainNamed(xen, view.getUint16(0, true)) || Math.max(xen.words[(page + SHARED_INFO[32].MAX_PFN) >>> 2] >>> 0, 1) - 1;
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
