/** memory_op: what all kinds of guests have in common, and HVM and PVH domains. Source: xen/include/public/memory.h, xen/common/memory.c; 32-bit layouts. */
import { XEN, XENHEAP } from '../../memory/layout.ts';
import {
  DOMID_SELF,
  EACCES,
  EFAULT,
  EILSEQ,
  EINVAL,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  MEMORY_OP_BITS,
  XENMAPIDX_GRANT_TABLE_STATUS,
  XENMAPSPACE,
  XENMEM,
} from '../abi.ts';
import { memoryExchange } from './exchange.ts';
import { GrantTable } from '../grants/grants.ts';
import type { XenGuest } from '../guest.ts';
import type { Hypercall } from '../hypercalls.ts';
import { xenMemoryMap } from './memory-map.ts';
import { domainNamed, readReservation } from './reservation.ts';

const RESERVATION_BYTES = 20,
  ADD_TO_PHYSMAP_BYTES = 16,
  REMOVE_FROM_PHYSMAP_BYTES = 8,
  BATCH_BYTES = 20,
  E820_BYTES = 20;
/** Frames of one go; a longer list goes on after others had their turn. */
const FRAMES_A_TURN = 4096;
const MAX_GFN = 0xfffff;

/** Operations that are made in one go: the command says nothing about where to go on. */
const IN_ONE_GO: ReadonlySet<number> = new Set([
  XENMEM.MAXIMUM_RAM_PAGE, XENMEM.CURRENT_RESERVATION, XENMEM.MAXIMUM_RESERVATION, XENMEM.MAXIMUM_GPFN, XENMEM.EXCHANGE, XENMEM.REMOVE_FROM_PHYSMAP,
  XENMEM.CLAIM_PAGES, XENMEM.GET_VNUMAINFO,
]);

/** Operations that mean the same to every kind of guest; undefined: not one of them. */
export function commonMemoryOp(xen: XenGuest, op: number, arg: number, start: number): number | undefined {
  if (start !== 0 && IN_ONE_GO.has(op)) return -EINVAL;
  switch (op) {
    case XENMEM.MAXIMUM_RAM_PAGE:
      return xen.words[XENHEAP.FRAMES];
    case XENMEM.CURRENT_RESERVATION:
    case XENMEM.MAXIMUM_RESERVATION: {
      const view = xen.access.view(arg, 2);
      if (!view) return -EFAULT;
      return domainNamed(xen, view.getUint16(0, true)) || (op === XENMEM.CURRENT_RESERVATION ? xen.frames.current : xen.frames.most);
    }
    case XENMEM.ADD_TO_PHYSMAP:
      return addOne(xen, arg, start);
    case XENMEM.ADD_TO_PHYSMAP_BATCH:
      return addBatch(xen, arg, start);
    case XENMEM.REMOVE_FROM_PHYSMAP:
      return removeOne(xen, arg);
    case XENMEM.GET_VNUMAINFO:
      return -EOPNOTSUPP;
    case XENMEM.CLAIM_PAGES:
      return claimPages(xen, arg);
    case XENMEM.MACHINE_MEMORY_MAP:
    case XENMEM.SET_MEMORY_MAP:
    case XENMEM.SET_POD_TARGET:
    case XENMEM.GET_POD_TARGET:
    case XENMEM.MACHPHYS_COMPAT_MFN_LIST:
    case XENMEM.ACQUIRE_RESOURCE:
      return -EPERM;
    default:
      return undefined;
  }
}

/** The toolstack's: a guest learns what is wrong with its arguments, then that it may not. */
function claimPages(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, RESERVATION_BYTES);
  if (!view) return -EFAULT;
  if (view.getUint32(0, true) !== 0 || view.getUint32(8, true) !== 0 || view.getUint32(12, true) !== 0) return -EINVAL;
  return xen.machine.find(view.getUint16(16, true)) ? -EPERM : -EINVAL;
}

export const memoryOp: Hypercall = (xen, args) => {
  const [command, arg] = args;
  const start = command >>> MEMORY_OP_BITS;
  const op = command & ((1 << MEMORY_OP_BITS) - 1);
  switch (op) {
    case XENMEM.INCREASE_RESERVATION:
    case XENMEM.DECREASE_RESERVATION:
    case XENMEM.POPULATE_PHYSMAP:
      return reservation(xen, op, arg, start);
    case XENMEM.EXCHANGE:
      return start === 0 ? memoryExchange(xen, op, arg) : -EINVAL;
    case XENMEM.MAXIMUM_GPFN: {
      if (start !== 0) return -EINVAL;
      const view = xen.access.view(arg, 2);
      return view ? domainNamed(xen, view.getUint16(0, true)) || xen.frames.highest : -EFAULT;
    }
    case XENMEM.MEMORY_MAP:
      return memoryMap(xen, arg);
    case XENMEM.MACHINE_MEMORY_MAP:
    case XENMEM.MACHPHYS_MAPPING:
      return -ENOSYS;
    default:
      return commonMemoryOp(xen, op, arg, start) ?? -ENOSYS;
  }
};

/** increase_reservation, decrease_reservation and populate_physmap: how many extents were done. */
function reservation(xen: XenGuest, op: number, arg: number, start: number): number {
  const asked = readReservation(xen, arg, start);
  // Nobody has entries populated on demand in its own memory: that is the toolstack's.
  if (!asked || (asked.onDemand && op === XENMEM.POPULATE_PHYSMAP)) return start;
  const { list, extents, order } = asked;
  for (let i = start; i < extents; i++) {
    if ((i - start) << order >= FRAMES_A_TURN) return xen.continueWith(0, op | (i << MEMORY_OP_BITS));
    if (op === XENMEM.INCREASE_RESERVATION) {
      // Frames that lie nowhere: a translated domain is not told their numbers.
      if (!xen.frames.own(1 << order)) return i;
      continue;
    }
    const gfn = xen.access.readWord((list + i * 4) >>> 0);
    if (gfn === undefined || gfn + (1 << order) - 1 > MAX_GFN) return i;
    if (!(op === XENMEM.POPULATE_PHYSMAP ? populate(xen, gfn, order) : remove(xen, gfn, order))) return i;
  }
  return extents;
}

/** All of an extent or nothing of it. */
function populate({ frames }: XenGuest, gfn: number, order: number): boolean {
  for (let n = 0; n < 1 << order; n++) {
    if (frames.populate(gfn + n)) continue;
    while (--n >= 0) frames.remove(gfn + n);
    return false;
  }
  return true;
}

/** As far as there is something to give. */
function remove({ frames }: XenGuest, gfn: number, order: number): boolean {
  for (let n = 0; n < 1 << order; n++) if (!frames.remove(gfn + n)) return false;
  return true;
}

// ---- the physmap: what is seen at a guest frame

function addOne(xen: XenGuest, arg: number, start: number): number {
  const view = xen.access.view(arg, ADD_TO_PHYSMAP_BYTES);
  if (!view) return -EFAULT;
  const [space, index, gfn] = [4, 8, 12].map(at => view.getUint32(at, true));
  if (space === XENMAPSPACE.GMFN_FOREIGN) return -ENOSYS;
  const refused = mayPlace(xen, view.getUint16(0, true), space);
  if (refused) return refused;
  if (space !== XENMAPSPACE.GMFN_RANGE) return addToPhysmap(xen, space, index, gfn);
  const size = view.getUint16(2, true);
  if (size < start) return -EILSEQ;
  for (let i = start; i < size; i++) {
    if (i - start >= FRAMES_A_TURN) return xen.continueWith(0, XENMEM.ADD_TO_PHYSMAP | (i << MEMORY_OP_BITS));
    const result = addToPhysmap(xen, XENMAPSPACE.GMFN, index + i, gfn + i);
    if (result !== 0) return result;
  }
  return 0;
}

/** Whether the caller may change a domain's physmap, and has one. 0 or an errno. */
function mayPlace(xen: XenGuest, domid: number, space: number): number {
  if (domid !== DOMID_SELF && domid !== xen.record.id && !xen.machine.find(domid)) return -ESRCH;
  if (!xen.isHvm || space === XENMAPSPACE.DEV_MMIO) return -EACCES;
  return domainNamed(xen, domid);
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
    default:
      return -EINVAL;
  }
}

function addBatch(xen: XenGuest, arg: number, start: number): number {
  const view = xen.access.view(arg, BATCH_BYTES);
  if (!view) return -EFAULT;
  const space = view.getUint16(2, true),
    size = view.getUint16(4, true),
    more = view.getUint16(6, true);
  if (space === XENMAPSPACE.GMFN_RANGE) return -EOPNOTSUPP;
  const refused = mayPlace(xen, view.getUint16(0, true), space);
  if (refused) return refused;
  if (size < start) return -EILSEQ;
  const [indexes, gfns, errors] = [view.getUint32(8, true), view.getUint32(12, true), view.getUint32(16, true)];
  for (let i = start; i < size; i++) {
    if (i - start >= FRAMES_A_TURN) return xen.continueWith(0, XENMEM.ADD_TO_PHYSMAP_BATCH | (i << MEMORY_OP_BITS));
    const index = xen.access.readWord((indexes + i * 4) >>> 0),
      gfn = xen.access.readWord((gfns + i * 4) >>> 0);
    if (index === undefined || gfn === undefined) return -EFAULT;
    const result = space === XENMAPSPACE.GMFN_FOREIGN ? refuseForeign(xen, more) : addToPhysmap(xen, space, index, gfn);
    if (!xen.access.writeWord((errors + i * 4) >>> 0, result)) return -EFAULT;
  }
  return 0;
}

/** Frames of another domain, by its number: that takes a privileged one. */
function refuseForeign(xen: XenGuest, domid: number): number {
  if (domid === DOMID_SELF || domid === xen.record.id) return -EINVAL;
  return xen.machine.find(domid) ? -EPERM : -ESRCH;
}

/** The page is not seen there any more; whose it is does not change. */
function removeOne(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, REMOVE_FROM_PHYSMAP_BYTES);
  if (!view) return -EFAULT;
  const refused = mayPlace(xen, view.getUint16(0, true), XENMAPSPACE.GMFN);
  return refused || (xen.frames.hide(view.getUint32(4, true)) ? 0 : -ENOENT);
}

/** The map that the guest was started with, 20 bytes an entry; as much as there is room for. */
function memoryMap(xen: XenGuest, arg: number): number {
  const view = xen.access.view(arg, 8);
  if (!view) return -EFAULT;
  const map = xenMemoryMap(xen.type, xen.parts.memoryMiB).slice(0, view.getUint32(0, true));
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
