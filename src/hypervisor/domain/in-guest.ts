/**
 * A domain's thread while its guest runs, or code of ours that uses the guest's memory: who takes a frame away meanwhile waits until the processor has forgotten
 * it (memory/flush.ts).
 */
import type { Processor } from '../../cpu/architecture/index.ts';
import { answerFlush, enterGuest, leaveGuest } from '../memory/flush.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';

/** Of a domain. */
interface Running {
  readonly options: { machine: Machine; record: DomainRecord };
  readonly guest: { enter(): void; forget(): void };
  readonly processor: Processor;
}

/** Runs `slice` so. */
export function whileInGuest<T>({ options, guest, processor }: Running, slice: () => T): T {
  const { machine, record } = options;
  // While this thread waits for another it does what that may wait for.
  machine.relax = () =>
    answerFlush(machine, record, () => {
      guest.forget();
      processor.flushTlb();
    });
  enterGuest(machine, record);
  guest.enter();
  // Behind that: who was taking memory a moment ago has said so by now.
  machine.relax();
  try {
    return slice();
  } finally {
    leaveGuest(machine, record);
    machine.relax = () => {};
  }
}
