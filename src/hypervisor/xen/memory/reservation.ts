/** struct xen_memory_reservation: what the calls that take and give memory have in common. Source: xen/include/public/memory.h, xen/common/memory.c; 32-bit layout. */
import { DOMID_SELF, EPERM, ESRCH } from '../abi.ts';
import type { XenGuest } from '../guest.ts';

const RESERVATION_BYTES = 20;
/** Order of 2 MiB: the largest that an unprivileged guest may ask for (CONFIG_DOMU_MAX_ORDER). */
export const MOST_ORDER = 9;
/** A count that a continuation could not name: the command has six bits of its word. */
const MOST_EXTENTS = 0x3ffffff;
/** mem_flags: width of the addresses that the frames may have; populate on demand. */
const ADDRESS_BITS = 0xff,
  ON_DEMAND = 1 << 16;
const PAGE_SHIFT = 12;

/** A domain that the caller may name: itself. 0 or an errno. */
export function domainNamed(xen: XenGuest, domid: number): number {
  if (domid === DOMID_SELF || domid === xen.record.id) return 0;
  return xen.ports.of(domid) ? -EPERM : -ESRCH;
}

/** Bits of a machine address that frames shall have, 0: any. */
export function addressBits({ machine }: XenGuest, flags: number): number {
  const bits = flags & ADDRESS_BITS;
  return bits !== 0 && 2 ** bits < machine.frames * 2 ** PAGE_SHIFT ? bits : 0;
}

/** Frames below here have so many bits. */
export function extentLimit({ machine }: XenGuest, bits: number): number {
  return bits === 0 ? machine.frames : 2 ** Math.max(0, bits - PAGE_SHIFT);
}

export interface Reservation {
  list: number;
  extents: number;
  order: number;
  onDemand: boolean;
  /** Frames lie below. */
  limit: number;
}

/** Reads one for increase_reservation, decrease_reservation or populate_physmap; undefined: nothing of it can be done. */
export function readReservation(xen: XenGuest, arg: number, start: number): Reservation | undefined {
  const view = xen.access.view(arg, RESERVATION_BYTES);
  if (!view) return undefined;
  const [list, extents, order, flags] = [0, 4, 8, 12].map(at => view.getUint32(at, true));
  if (extents > MOST_EXTENTS || start >= extents || order > MOST_ORDER || domainNamed(xen, view.getUint16(16, true)) !== 0) return undefined;
  const bits = addressBits(xen, flags);
  if (bits !== 0 && bits <= PAGE_SHIFT) return undefined;
  return { list, extents, order, onDemand: (flags & ON_DEMAND) !== 0, limit: extentLimit(xen, bits) };
}
