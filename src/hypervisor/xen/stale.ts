/**
 * Machine frames that someone other than their owner has written: the owner's worker drops what its processor has translated from them before it runs
 * the guest again. A ring of frame numbers in the owner's XEN block; many writers, one reader.
 */
import { XEN, XEN_STALE } from '../layout.ts';
import type { Ports } from './ports.ts';

/** Says that a frame of the domain was written. Its worker looks at the latest when it next enters the guest from its loop. */
export function frameWritten(owner: Ports, mfn: number): void {
  const { words, xen } = owner;
  const at = Atomics.add(words, xen + XEN.STALE_WRITTEN, 1);
  Atomics.store(words, xen + XEN.STALE + (at & (XEN_STALE - 1)), mfn + 1);
}

/** Takes what was written since the last call; false: more than the ring holds, so anything may have been. */
export function takeWritten(domain: Ports, written: (mfn: number) => void): boolean {
  const { words, xen } = domain;
  const end = Atomics.load(words, xen + XEN.STALE_WRITTEN);
  let at = words[xen + XEN.STALE_READ];
  if (at === end) return true;
  let complete = ((end - at) | 0) <= XEN_STALE;
  for (; complete && at !== end; at = (at + 1) | 0) {
    const mfn = Atomics.exchange(words, xen + XEN.STALE + (at & (XEN_STALE - 1)), 0) - 1;
    // Counted, but not stored yet.
    if (mfn < 0) complete = false;
    else written(mfn);
  }
  words[xen + XEN.STALE_READ] = end;
  return complete;
}
