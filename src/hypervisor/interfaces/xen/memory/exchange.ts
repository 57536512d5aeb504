/**
 * XENMEM_exchange: a domain gives frames back and gets as many others, in larger or smaller extents or at lower addresses.
 * Source: struct xen_memory_exchange in xen/include/public/memory.h; the order of the checks is that of memory_exchange() in xen/common/memory.c.
 */
import { EFAULT, EINVAL, ENOMEM, EOPNOTSUPP, EPERM, XENMEM } from '../abi.ts';
import type { HypercallContext } from '../hypercalls.ts';
import { type GuestStruct, pfn, readValue, typeAt, writeValue } from '../struct.ts';
import {
  addressBits,
  domainNamed,
  extentLimit,
  FRAMES_A_TURN,
  type MemoryReservation,
  MOST_ORDER,
} from './reservation.ts';

/** What the pages of a paravirtual domain can be made to do. */
export interface ExchangePages {
  /** Whether a frame is the domain's and nothing but its own: no mapping, no grant, no page table uses it. */
  isStealable(mfn: number): boolean;
  steal(mfn: number): void;
  /** `frames` new frames side by side below `limit`; -1: there are none. */
  allocate(frames: number, limit: number): number;
  /** They are the domain's from now on; `pfn`: what it calls the first. */
  add(mfn: number, frames: number, pfn: number): void;
  release(mfn: number, frames: number): void;
}

type Side = GuestStruct<typeof MemoryReservation>;

/** `pages`: of a paravirtual domain; a translated one has no machine frames to give. How far it came is in nr_exchanged, also where it fails. */
export function exchangeExtents(
  caller: HypercallContext,
  args: { in: Side; out: Side; nr_exchanged: number },
  pages?: ExchangePages,
): number {
  const { in: from, out: to } = args;
  if (Math.max(from.extent_order, to.extent_order) > MOST_ORDER) return -EPERM;
  if (
    args.nr_exchanged > from.nr_extents ||
    from.domid !== to.domid ||
    from.nr_extents * 2 ** from.extent_order !== to.nr_extents * 2 ** to.extent_order
  )
    return -EINVAL;
  const refused = domainNamed(caller, from.domid);
  if (refused) return refused;
  const bits = addressBits(caller, to.mem_flags);
  // A chunk: as many extents of either side as make one of the larger order.
  const order = Math.max(from.extent_order, to.extent_order),
    inputs = 1 << (order - from.extent_order),
    outputs = 1 << (order - to.extent_order),
    chunks = Math.floor(from.nr_extents / inputs);
  for (let chunk = Math.floor(args.nr_exchanged / inputs), first = chunk; chunk < chunks; chunk++) {
    args.nr_exchanged = chunk * inputs;
    if ((chunk - first) << order >= FRAMES_A_TURN) return caller.continueWith(0, XENMEM.EXCHANGE);
    const result = exchangeChunk(caller, from, to, { chunk, inputs, outputs, limit: extentLimit(caller, bits) }, pages);
    if (result !== 0) return result;
  }
  args.nr_exchanged = from.nr_extents;
  return 0;
}

interface Chunk {
  chunk: number;
  inputs: number;
  outputs: number;
  limit: number;
}

/** All of a chunk or nothing of it, but for an output list that cannot be read or written: then the frames are the domain's, and it does not learn their numbers. */
function exchangeChunk(
  caller: HypercallContext,
  from: Side,
  to: Side,
  { chunk, inputs, outputs, limit }: Chunk,
  pages?: ExchangePages,
): number {
  const { access } = caller,
    frame = typeAt(pfn, caller.width);
  const stolen = new Set<number>();
  for (let i = 0; i < inputs; i++) {
    const given = readValue(access, frame, from.extent_start + (chunk * inputs + i) * frame.bytes);
    if (given === undefined) return -EFAULT;
    for (let n = 0; n < 1 << from.extent_order; n++) {
      if (!pages) return caller.frames.machineFrame(given + n) < 0 ? -EINVAL : -EOPNOTSUPP;
      if (stolen.has(given + n) || !pages.isStealable(given + n)) return -EINVAL;
      stolen.add(given + n);
    }
  }
  if (!pages) return 0;
  const frames = 1 << to.extent_order;
  const taken: number[] = [];
  for (let i = 0; i < outputs; i++) {
    const mfn = pages.allocate(frames, limit);
    if (mfn < 0) {
      for (const each of taken) pages.release(each, frames);
      return -ENOMEM;
    }
    taken.push(mfn);
  }
  for (const mfn of stolen) pages.steal(mfn);
  let result = 0;
  taken.forEach((mfn, i) => {
    const at = to.extent_start + (chunk * outputs + i) * frame.bytes;
    const known = readValue(access, frame, at);
    pages.add(mfn, frames, known ?? -1);
    if (known === undefined || !writeValue(access, frame, at, mfn)) result = -EFAULT;
  });
  return result;
}
