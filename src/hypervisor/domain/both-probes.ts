/** Two who look on at one processor. */
import type { Probe } from '../../cpu/architecture/index.ts';

/** Both look on; null: nobody does. */
export function bothOf(first: Probe | undefined, second: Probe | undefined): Probe | null {
  if (!first || !second) return first ?? second ?? null;
  return {
    before: linear => [first.before?.(linear), second.before?.(linear)].includes(true),
    retired: linear => {
      first.retired?.(linear);
      second.retired?.(linear);
    },
    memory: (linear, size, isWrite, value) => {
      first.memory?.(linear, size, isWrite, value);
      second.memory?.(linear, size, isWrite, value);
    },
  };
}
