/** The run queue's time. */
import type { Machine } from '../memory/machine.ts';
import { SCHED } from './block.ts';

/** Nanoseconds since the queue was laid out. `sharedMs`: the same clock in all workers (performance.timeOrigin + performance.now()). */
export function queueClock(machine: Machine, sharedMs: () => number): () => number {
  const epoch = new Float64Array(machine.memory, machine.schedulerOffset + SCHED.EPOCH_MS * 4, 1);
  if (epoch[0] === 0) epoch[0] = sharedMs();
  return () => (sharedMs() - epoch[0]) * 1e6;
}
