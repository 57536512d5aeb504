/**
 * XENMEM_exchange: a domain gives frames back and gets as many others, in larger or smaller extents or at lower addresses.
 * Source: struct xen_memory_exchange in xen/include/public/memory.h; the order of the checks is that of memory_exchange() in xen/common/memory.c.
 */
import { EFAULT, EINVAL, ENOMEM, EOPNOTSUPP, EPERM } from '../abi.ts';
import type { XenGuest } from '../guest.ts';
import { addressBits, domainNamed, extentLimit, MOST_ORDER } from './reservation.ts';

const EXCHANGE_BYTES = 44,
  OUT = 20,
  NR_EXCHANGED = 40;
/** Frames of one go; the rest follows after others had their turn. */
const FRAMES_A_TURN = 4096;

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

interface Side {
  list: number;
  extents: number;
  order: number;
  flags: number;
  domid: number;
}

function side(view: DataView, at: number): Side {
  return {
    list: view.getUint32(at, true),
    extents: view.getUint32(at + 4, true),
    order: view.getUint32(at + 8, true),
    flags: view.getUint32(at + 12, true),
    domid: view.getUint16(at + 16, true),
  };
}

/** `pages`: of a paravirtual domain; a translated one has no machine frames to give. How far it came is in nr_exchanged, also where it fails. */
export function memoryExchange(xen: XenGuest, op: number, arg: number, pages?: ExchangePages): number {
  const view = xen.access.view(arg, EXCHANGE_BYTES);
  if (!view) return -EFAULT;
  const from = side(view, 0),
    to = side(view, OUT);
  let exchanged = view.getUint32(NR_EXCHANGED, true);
  const done = (result: number): number => {
    view.setUint32(NR_EXCHANGED, exchanged, true);
    return xen.access.put(arg, view, NR_EXCHANGED) ? result : -EFAULT;
  };
  if (Math.max(from.order, to.order) > MOST_ORDER) return done(-EPERM);
  if (exchanged > from.extents || from.domid !== to.domid || from.extents * 2 ** from.order !== to.extents * 2 ** to.order) return done(-EINVAL);
  const refused = domainNamed(xen, from.domid);
  if (refused) return done(refused);
  const bits = addressBits(xen, to.flags);
  // A chunk: as many extents of either side as make one of the larger order.
  const order = Math.max(from.order, to.order),
    inputs = 1 << (order - from.order),
    outputs = 1 << (order - to.order),
    chunks = Math.floor(from.extents / inputs);
  for (let chunk = Math.floor(exchanged / inputs), first = chunk; chunk < chunks; chunk++) {
    if ((chunk - first) << order >= FRAMES_A_TURN) {
      exchanged = chunk * inputs;
      const written = done(0);
      return written || xen.continueWith(0, op);
    }
    exchanged = chunk * inputs;
    const result = exchangeChunk(xen, from, to, { chunk, inputs, outputs, limit: extentLimit(xen, bits) }, pages);
    if (result !== 0) return done(result);
  }
  exchanged = from.extents;
  return done(0);
}

interface Chunk {
  chunk: number;
  inputs: number;
  outputs: number;
  limit: number;
}

/** All of a chunk or nothing of it, but for an output list that cannot be read or written: then the frames are the domain's, and it was not told. */
function exchangeChunk(xen: XenGuest, from: Side, to: Side, { chunk, inputs, outputs, limit }: Chunk, pages?: ExchangePages): number {
  const stolen = new Set<number>();
  for (let i = 0; i < inputs; i++) {
    const given = xen.access.readWord((from.list + (chunk * inputs + i) * 4) >>> 0);
    if (given === undefined) return -EFAULT;
    for (let n = 0; n < 1 << from.order; n++) {
      if (!pages) return xen.frames.machineFrame(given + n) < 0 ? -EINVAL : -EOPNOTSUPP;
      if (stolen.has(given + n) || !pages.isStealable(given + n)) return -EINVAL;
      stolen.add(given + n);
    }
  }
  if (!pages) return 0;
  const frames = 1 << to.order;
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
    const at = (to.list + (chunk * outputs + i) * 4) >>> 0;
    const pfn = xen.access.readWord(at);
    pages.add(mfn, frames, pfn ?? -1);
    if (pfn === undefined || !xen.access.writeWord(at, mfn)) result = -EFAULT;
  });
  return result;
}
