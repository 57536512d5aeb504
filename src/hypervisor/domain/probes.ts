/** Several who look on at one processor. */
import type { Probe } from '../../cpu/architecture/index.ts';

/** All of them look on, in this order; null: nobody does. */
export function probeOf(...some: (Probe | null | undefined)[]): Probe | null {
  const probes = some.filter(probe => probe != null);
  if (probes.length < 2) return probes[0] ?? null;
  return {
    before: linear => probes.map(probe => probe.before?.(linear)).includes(true),
    retired: linear => {
      for (const probe of probes) probe.retired?.(linear);
    },
    memory: (linear, size, isWrite, value) => {
      for (const probe of probes) probe.memory?.(linear, size, isWrite, value);
    },
  };
}
