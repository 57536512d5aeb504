/** memory_op for HVM and PVH domains. Source: xen/include/public/memory.h; 32-bit layouts. */
import { XEN, XENHEAP } from '../layout.ts';
import {
  DOMID_SELF,
  E2BIG,
  EFAULT,
  EINVAL,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  MEMORY_OP_BITS,
  XENMAPIDX_GRANT_TABLE_STATUS,
  XENMAPSPACE,
  XENMEM,
} from './abi.ts';
import { GrantTable } from './grants.ts';
import type { XenGuest } from './guest.ts';
import type { Hypercall } from './hypercalls.ts';
import { xenMemoryMap } from './memory-map.ts';

const RESERVATION_BYTES = 20,
  ADD_TO_PHYSMAP_BYTES = 16,
  BATCH_BYTES = 20,
  E820_BYTES = 20;
/** Extents of one go; a longer list goes on after others had their turn. */
const EXTENTS_A_TURN = 4096;
/** Order of 2 MiB: the largest that a guest may ask for. */
const MOST_ORDER = 9;
const MAX_GFN = 0xfffff;

/** A domain that the caller may name: itself. 0 or an errno. */
export function self(xen: XenGuest, domid: number): number {
  if (domid === DOMID_SELF || domid === xen.record.id) return 0;
  return xen.ports.of(domid) ? -EPERM : -ESRCH;
}

/** Operations that mean the same to every kind of guest; undefined: not one of them. */
export function commonMemoryOp(xen: XenGuest, op: number, arg: number): number | undefined {
  switch (op) {
    case XENMEM.MAXIMUM_RAM_PAGE:
      return xen.words[XENHEAP.FRAMES];
    case XENMEM.CURRENT_RESERVATION:
    case XENMEM.MAXIMUM_RESERVATION: {
      const view = xen.access.view(arg, 2);
      if (!view) return -EFAULT;
      return self(xen, view.getUint16(0, true)) || (op === XENMEM.CURRENT_RESERVATION ? xen.frames.current : xen.frames.most);
    }
    case XENMEM.GET_VNUMAINFO:
      return -EOPNOTSUPP;
    case XENMEM.MACHINE_MEMORY_MAP:
    case XENMEM.SET_MEMORY_MAP:
    case XENMEM.SET_POD_TARGET:
    case XENMEM.GET_POD_TARGET:
    case XENMEM.CLAIM_PAGES:
    case XENMEM.MACHPHYS_COMPAT_MFN_LIST:
    case XENMEM.ACQUIRE_RESOURCE:
      return -EPERM;
    default:
      return undefined;
  }
}

export const memoryOp: Hypercall = (xen, args) => {
  const [command, arg] = args;
  const start = command >>> MEMORY_OP_BITS;
  const op = command & ((1 << MEMORY_OP_BITS) - 1);
  switch (op) {
    case XENMEM.DECREASE_RESERVATION:
    case XENMEM.POPULATE_PHYSMAP:
      return reservation(xen, op, arg, start);
    case XENMEM.MAXIMUM_GPFN: {
      const view = xen.access.view(arg, 2);
      return view ? self(xen, view.getUint16(0, true)) || xen.frames.highest : -EFAULT;
    }
    case XENMEM.ADD_TO_PHYSMAP: {
      const view = xen.access.view(arg, ADD_TO_PHYSMAP_BYTES);
      if (!view) return -EFAULT;
      const refused = self(xen, view.getUint16(0, true));
      return refused || addToPhysmap(xen, view.getUint32(4, true), view.getUint32(8, true), view.getUint32(12, true));
    }
    case XENMEM.ADD_TO_PHYSMAP_BATCH:
      return addBatch(xen, arg);
    case XENMEM.REMOVE_FROM_PHYSMAP: {
      const view = xen.access.view(arg, 8);
      if (!view) return -EFAULT;
      const refused = self(xen, view.getUint16(0, true));
      if (refused) return refused;
      return xen.frames.remove(view.getUint32(4, true)) ? 0 : -EINVAL;
    }
    case XENMEM.MEMORY_MAP:
      return memoryMap(xen, arg);
    default:
      // increase_reservation, exchange, machphys_*: a translated domain has no machine frames to speak of.
      return commonMemoryOp(xen, op, arg) ?? -ENOSYS;
  }
};

/** decrease_reservation and populate_physmap: how many extents were done. */
function reservation(xen: XenGuest, op: number, arg: number, start: number): number {
  const view = xen.access.view(arg, RESERVATION_BYTES);
  if (!view) return start || -EFAULT;
  const list = view.getUint32(0, true),
    count = view.getUint32(4, true),
    order = view.getUint32(8, true);
  if (start >= count) return start;
  if (self(xen, view.getUint16(16, true)) !== 0 || order > MOST_ORDER) return start;
  const frames = 1 << order;
  for (let i = start; i < count; i++) {
    if (i - start >= Math.max(1, EXTENTS_A_TURN >> order) && xen.mayContinue) return xen.continueWith(0, op | (i << MEMORY_OP_BITS));
    const gfn = xen.access.readWord((list + i * 4) >>> 0);
    if (gfn === undefined || gfn + frames - 1 > MAX_GFN) return i;
    for (let n = 0; n < frames; n++) {
      if (op === XENMEM.POPULATE_PHYSMAP ? xen.frames.populate(gfn + n) : xen.frames.remove(gfn + n)) continue;
      // All of an extent or nothing of it.
      if (op === XENMEM.POPULATE_PHYSMAP) while (--n >= 0) xen.frames.remove(gfn + n);
      return i;
    }
  }
  return count;
}

function addToPhysmap(xen: XenGuest, space: number, index: number, gfn: number): number {
  switch (space) {
    case XENMAPSPACE.SHARED_INFO:
      if (index !== 0) return -EINVAL;
      if (!xen.frames.place(gfn, xen.words[xen.xen + XEN.SHARED_INFO])) return -EINVAL;
      xen.words[xen.xen + XEN.SHARED_INFO_GFN] = gfn + 1;
      return 0;
    case XENMAPSPACE.GRANT_TABLE: {
      const status = (index & XENMAPIDX_GRANT_TABLE_STATUS) !== 0;
      const mfn = new GrantTable(xen.ports).frameAt(index & ~XENMAPIDX_GRANT_TABLE_STATUS, status);
      if (mfn < 0) return mfn;
      return xen.frames.place(gfn, mfn) ? 0 : -EINVAL;
    }
    case XENMAPSPACE.GMFN:
      return xen.frames.move(index, gfn) ? 0 : -EINVAL;
    case XENMAPSPACE.GMFN_FOREIGN:
      return -EPERM;
    default:
      return -ENOSYS;
  }
}

function addBatch(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, BATCH_BYTES);
  if (!view) return -EFAULT;
  const refused = self(xen, view.getUint16(0, true));
  if (refused) return refused;
  const [indexes, gfns, errors] = [view.getUint32(8, true), view.getUint32(12, true), view.getUint32(16, true)];
  for (let i = 0; i < view.getUint16(4, true); i++) {
    const index = xen.access.readWord(indexes + i * 4),
      gfn = xen.access.readWord(gfns + i * 4);
    if (index === undefined || gfn === undefined) return -EFAULT;
    if (!xen.access.writeWord(errors + i * 4, addToPhysmap(xen, view.getUint16(2, true), index, gfn))) return -EFAULT;
  }
  return 0;
}

/** The map that the guest was started with, 20 bytes an entry. */
function memoryMap(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, 8);
  if (!view) return -EFAULT;
  const map = xenMemoryMap(xen.type, xen.parts.memoryMiB);
  if (map.length > view.getUint32(0, true)) return -E2BIG;
  const entries = new DataView(new ArrayBuffer(map.length * E820_BYTES));
  map.forEach(({ base, length, type }, i) => {
    entries.setBigUint64(i * E820_BYTES, BigInt(base), true);
    entries.setBigUint64(i * E820_BYTES + 8, BigInt(length), true);
    entries.setUint32(i * E820_BYTES + 16, type, true);
  });
  if (!xen.access.put(view.getUint32(4, true), entries)) return -EFAULT;
  view.setUint32(0, map.length, true);
  return xen.access.put(arg, view) ? 0 : -EFAULT;
}
