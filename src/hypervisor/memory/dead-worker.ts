/**
 * What others do when a domain's worker has died, by an exception or by force: locks that it held are taken from it and what it had half done there is
 * undone, and events that it had begun to signal are signalled again. What can still be known of it: report.ts, postMortem. The domain itself runs no more; it is
 * destroyed like any other, but its frames' references, of which some may have been its worker's alone, are counted again.
 */
import { DOMAIN, FRAME, FRAME_COUNT_MASK, FRAME_FLAG } from '../layout/layout.ts';
import { holders, holdersOf } from './frame-holder.ts';
import type { DomainRecord, Machine } from './machine.ts';
import { leaveGuest } from './flush.ts';

/** Says so, and repairs what it has left. The run queue has its own way (Scheduler.remove). */
export function workerDied(machine: Machine, record: DomainRecord): void {
  const entry = machine.domainEntry(record);
  if (machine.words[entry + DOMAIN.ID] !== record.id + 1) return;
  Atomics.store(machine.words, entry + DOMAIN.WORKER, -(record.id + 1));
  leaveGuest(machine, record);
  machine.repair();
  for (const { holder, domains } of holders(machine)) holder.repair?.(machine, record, domains);
}

/** While references are counted again, none may be the last. */
const MANY = 0x8000;

/** Keeps a dead domain's frames until `recountFrames`, however many references are dropped. */
export function keepFrames(machine: Machine, record: DomainRecord): void {
  for (let mfn = 0; mfn < machine.frames; mfn++)
    if (machine.ownerOf(mfn) === record.id) Atomics.add(machine.words, machine.frameEntry(mfn) + FRAME.COUNT, MANY);
}

/**
 * Once nothing of a dead domain's own refers to its frames: they have their owner's reference, those that others' holders count, and those that Domain 0's
 * programs hold (`held`: by machine frame), and no others.
 */
export function recountFrames(machine: Machine, record: DomainRecord, held: ReadonlyMap<number, number>): void {
  const { words } = machine;
  const references = new Map(held);
  const add = (mfn: number, count: number): void => void references.set(mfn, (references.get(mfn) ?? 0) + count);
  const store = (): void => {
    for (let mfn = 0; mfn < machine.frames; mfn++) {
      if (machine.ownerOf(mfn) !== record.id) continue;
      const entry = machine.frameEntry(mfn);
      const allocated = words[entry + FRAME.FLAGS] & FRAME_FLAG.ALLOCATED;
      const count = (references.get(mfn) ?? 0) + (allocated ? 1 : 0);
      Atomics.store(words, entry + FRAME.COUNT, (words[entry + FRAME.COUNT] & ~FRAME_COUNT_MASK) | Math.max(1, count));
      if (count === 0) machine.dropReference(mfn);
    }
  };
  // One inside the other: nobody drops a reference that was counted before all are stored.
  const counting = holdersOf(machine, record).reduceRight<() => void>(
    (then, holder) => (holder.count ? () => holder.count!(machine, record, add, then) : then),
    store,
  );
  counting();
}

/** Frames of the hypervisor's that a domain's worker had taken and nothing names. Once all that is named has been given back. */
export function releaseTakenBy(machine: Machine, index: number): void {
  for (let mfn = 0; mfn < machine.frames; mfn++) if (machine.takerOf(mfn) === index) machine.release(mfn);
}
