/** struct xen_memory_reservation: what the calls that take and give memory have in common. Source: xen/include/public/memory.h, xen/common/memory.c. */
import { DOMID_SELF, EPERM, ESRCH, MEMORY_OP_BITS } from '../abi.ts';
import type { HypercallContext } from '../hypercalls.ts';
import { type GuestStruct, handle, pfn, readValue, struct, typeAt, u16, u32, ulong, writeValue } from '../struct.ts';

export const MemoryReservation = struct({
  extent_start: handle,
  nr_extents: ulong,
  extent_order: u32,
  mem_flags: u32,
  domid: u16,
});

/** Frames of one go; a longer list goes on after others had their turn. */
export const FRAMES_A_TURN = 4096;
/** Order of 2 MiB: the largest that an unprivileged guest may ask for (CONFIG_DOMU_MAX_ORDER). */
export const MOST_ORDER = 9;
/** A count that a continuation could not name: the command has six bits of the caller's word. */
const mostExtents = ({ width }: HypercallContext): number => 2 ** (width - MEMORY_OP_BITS) - 1;
/** mem_flags: width of the addresses that the frames may have; populate on demand. */
const ADDRESS_BITS = 0xff,
  ON_DEMAND = 1 << 16;
const PAGE_SHIFT = 12;

/** The command of an operation that goes on with element `next`. */
export const goingOn = (operation: number, next: number): number => operation + next * 2 ** MEMORY_OP_BITS;

/** A domain that the caller may name: itself. 0 or an errno. */
export function domainNamed({ record, ports }: HypercallContext, domid: number): number {
  if (domid === DOMID_SELF || domid === record.id) return 0;
  return ports.of(domid) ? -EPERM : -ESRCH;
}

/** Bits of a machine address that frames shall have, 0: any. */
export function addressBits({ machine }: HypercallContext, flags: number): number {
  const bits = flags & ADDRESS_BITS;
  return bits !== 0 && 2 ** bits < machine.frames * 2 ** PAGE_SHIFT ? bits : 0;
}

/** Frames below here have this many bits. */
export function extentLimit({ machine }: HypercallContext, bits: number): number {
  return bits === 0 ? machine.frames : 2 ** Math.max(0, bits - PAGE_SHIFT);
}

/** One of the extents that a reservation names. */
export interface Extent {
  /** What the list has for it; undefined: it cannot be read. */
  read(): number | undefined;
  /** Tells a frame's number there, where there is a list; false: it cannot be written. */
  tell(mfn: number): boolean;
  order: number;
  /** Frames lie below. */
  limit: number;
}

/** increase_reservation, decrease_reservation or populate_physmap (`op`): does `one` extent after another, from `start` to the first that fails; how many were done. */
export function eachExtent(
  caller: HypercallContext,
  op: number,
  args: GuestStruct<typeof MemoryReservation>,
  start: number,
  one: (extent: Extent) => boolean,
): number {
  const { extent_start: list, nr_extents: extents, extent_order: order } = args;
  if (extents > mostExtents(caller) || start >= extents || order > MOST_ORDER || domainNamed(caller, args.domid) !== 0)
    return start;
  const bits = addressBits(caller, args.mem_flags);
  if (bits !== 0 && bits <= PAGE_SHIFT) return start;
  const limit = extentLimit(caller, bits);
  const { access } = caller,
    frame = typeAt(pfn, caller.width);
  for (let i = start; i < extents; i++) {
    if ((i - start) << order >= FRAMES_A_TURN) return caller.continueWith(0, goingOn(op, i));
    const at = list + i * frame.bytes;
    const read = (): number | undefined => readValue(access, frame, at),
      tell = (mfn: number): boolean => list === 0 || writeValue(access, frame, at, mfn);
    if (!one({ read, tell, order, limit })) return i;
  }
  return extents;
}

/** Whether it asks for entries that are populated on demand. */
export const wantsOnDemand = ({ mem_flags }: GuestStruct<typeof MemoryReservation>): boolean =>
  (mem_flags & ON_DEMAND) !== 0;
