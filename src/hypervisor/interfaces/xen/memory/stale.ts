/**
 * Machine frames that someone other than their owner has written: the owner's worker drops what its processor has translated from them before it runs
 * the guest again. A ring of frame numbers in the owner's XEN block; many writers, one reader.
 */
import { FRAME, FRAME_FLAG } from '../../../layout/layout.ts';
import { XEN, XEN_STALE } from '../layout.ts';
import type { Machine } from '../../../memory/machine.ts';
import { flushDomain } from '../../../memory/flush.ts';
import type { Ports } from '../events/ports.ts';

/**
 * Others may write a frame of the domain's from now on, until `endWrites`: what its processor runs from there is decoded each time. Who calls holds a
 * reference on the frame.
 */
export function countWriter(machine: Machine, mfn: number): void {
  Atomics.add(machine.words, machine.frameEntry(mfn) + FRAME.SHARED, 1);
}

/** Returns when nothing of a frame that `countWriter` was called for is kept as code. Not while a lock is held that the domain's worker may wait for. */
export function awaitNoCode(owner: Ports, mfn: number): void {
  const { machine, words } = owner;
  if (!(Atomics.load(words, machine.frameEntry(mfn) + FRAME.FLAGS) & FRAME_FLAG.CODE)) return;
  frameWritten(owner, mfn);
  flushDomain(machine, owner.record);
}

export function endWrites(machine: Machine, mfn: number): void {
  // While he may write it counts as written (memory/dirty-log.ts); what he wrote last counts still.
  machine.writeLog.note(mfn);
  Atomics.sub(machine.words, machine.frameEntry(mfn) + FRAME.SHARED, 1);
}

/** Before the domain's processor keeps code of a frame: whether others may write there. (It says so first, and they count first: one sees the other.) */
export function isCodeShared(machine: Machine, mfn: number): boolean {
  const { words } = machine;
  const entry = machine.frameEntry(mfn);
  if (!(words[entry + FRAME.FLAGS] & FRAME_FLAG.CODE)) Atomics.or(words, entry + FRAME.FLAGS, FRAME_FLAG.CODE);
  return Atomics.load(words, entry + FRAME.SHARED) > 0;
}

/** The domain's processor keeps nothing of a frame any more. */
export function codeDropped(machine: Machine, mfn: number): void {
  Atomics.and(machine.words, machine.frameEntry(mfn) + FRAME.FLAGS, ~FRAME_FLAG.CODE);
}

/**
 * Says that a frame of the domain was written, where its worker keeps anything of the frame: code, or what its screen shows. It looks at the latest when it
 * next enters the guest from its loop. (Before it keeps code it says so and then reads; who calls has written and then looks here: one sees the other.)
 */
export function frameWritten(owner: Ports, mfn: number): void {
  const { machine, words, xenBlock } = owner;
  machine.writeLog.note(mfn);
  if (!(Atomics.load(words, machine.frameEntry(mfn) + FRAME.FLAGS) & (FRAME_FLAG.CODE | FRAME_FLAG.DEVICE))) return;
  const at = Atomics.add(words, xenBlock + XEN.STALE_WRITTEN, 1);
  Atomics.store(words, xenBlock + XEN.STALE + (at & (XEN_STALE - 1)), mfn + 1);
}

/** Takes what was written since the last call; false: more than the ring holds, so anything may have been. */
export function takeWritten(domain: Ports, written: (mfn: number) => void): boolean {
  const { words, xenBlock } = domain;
  const end = Atomics.load(words, xenBlock + XEN.STALE_WRITTEN);
  let at = words[xenBlock + XEN.STALE_READ];
  if (at === end) return true;
  let complete = ((end - at) | 0) <= XEN_STALE;
  for (; complete && at !== end; at = (at + 1) | 0) {
    const mfn = Atomics.exchange(words, xenBlock + XEN.STALE + (at & (XEN_STALE - 1)), 0) - 1;
    // Counted, but not stored yet.
    if (mfn < 0) complete = false;
    else written(mfn);
  }
  words[xenBlock + XEN.STALE_READ] = end;
  return complete;
}
