/** What memory_op does to the frames of a paravirtual domain, which speaks of machine frames. Source: xen/include/public/memory.h, xen/common/memory.c. */
import { XEN } from '../layout.ts';
import { FRAME_SHIFT, type Machine } from '../../../memory/machine.ts';
import type { HypercallContext } from '../hypercalls.ts';
import type { ExchangePages } from '../memory/exchange.ts';
import type { Extent } from '../memory/reservation.ts';
import { M2P_END, M2P_START } from './block.ts';
import { SHARED_INFO } from '../shared.ts';

/** M2P frames that one entry of machphys_mfn_list represents: 2 MiB. */
const FRAMES_A_CHUNK = 512;

/** Where the M2P table lies in a guest's space. */
export const m2pPlace = { start: M2P_START, end: M2P_END } as const;

/**
 * An extent of fresh frames, whose number the guest gets; `pfn`: what it calls the first, where it says so. False: it may not have more, or the host has
 * none. Where the number cannot be written they are the domain's nevertheless, as Xen has it.
 */
export function addFrames(caller: HypercallContext, { order, limit, tell }: Extent, pfn?: number): boolean {
  const { frames } = caller;
  const count = 1 << order;
  if (frames.current + count > frames.most) return false;
  const mfn = allocate(caller, count, limit);
  if (mfn < 0) return false;
  add(caller, mfn, count, pfn);
  return tell(mfn);
}

/**
 * Gives up the reference that came with a frame. It goes with its last use: page tables that still name it keep it, as Xen's guest_remove_page does.
 * False: it is not the domain's, or was given up before.
 */
export function giveUp({ machine, words, xenBlock, record, pv }: HypercallContext, mfn: number): boolean {
  if (words[xenBlock + XEN.SHARED_INFO] === mfn || !machine.takeReference(mfn, record.id)) return false;
  const had = machine.release(mfn);
  pv?.types.drop(mfn);
  return had;
}

/** Fresh frames side by side, the first one's number a multiple of their count; -1: the host has none. */
function allocate({ machine, record }: HypercallContext, frames: number, limit: number): number {
  if (frames === 1 && limit >= machine.frames) return machine.allocate(1, record.id)?.[0] ?? -1;
  return machine.allocateRun(frames, record.id, frames, limit);
}

/** They are the domain's and may be mapped; `pfn`: what the guest calls the first, where it says so. */
function add(
  { machine, record, words, xenBlock, parts, pv }: HypercallContext,
  mfn: number,
  frames: number,
  pfn?: number,
): void {
  const stage = machine.secondStage(record);
  Atomics.add(words, xenBlock + XEN.CURRENT_FRAMES, frames);
  for (let n = 0; n < frames; n++) {
    stage.map(mfn + n, mfn + n);
    // It may have had the frame before, with code in it that its processor knows.
    parts.written(mfn + n);
    if (pfn !== undefined) words[machine.m2p + mfn + n] = pfn + n;
  }
  pv?.types.noteStale();
}

/** What XENMEM_exchange does to the frames of a domain. */
export function pvPages(caller: HypercallContext): ExchangePages {
  const { machine, record, words, xenBlock } = caller;
  return {
    isStealable: mfn =>
      mfn < machine.frames &&
      machine.ownerOf(mfn) === record.id &&
      machine.isAllocated(mfn) &&
      machine.references(mfn) === 1 &&
      !machine.isDeviceFrame(mfn) &&
      words[xenBlock + XEN.SHARED_INFO] !== mfn,
    steal: mfn => void giveUp(caller, mfn),
    allocate: (frames, limit) => allocate(caller, frames, limit),
    add: (mfn, frames, pfn) => add(caller, mfn, frames, pfn),
    release: (mfn, frames) => {
      for (let n = 0; n < frames; n++) machine.release(mfn + n);
    },
  };
}

/** The guest itself says how many frames its list has: the last one's number. */
export function pvHighest({ words, xenBlock }: HypercallContext): number {
  const page = (words[xenBlock + XEN.SHARED_INFO] << FRAME_SHIFT) >>> 0;
  return Math.max(words[(page + SHARED_INFO[32].max_pfn) >>> 2] >>> 0, 1) - 1;
}

/** The first frame of each 2 MiB of the M2P table. */
export function m2pFrames({ m2p, frames }: Machine): number[] {
  return Array.from({ length: Math.ceil(frames / 1024 / FRAMES_A_CHUNK) }, (_, i) => (m2p >>> 10) + i * FRAMES_A_CHUNK);
}
