/** Who had a processor, from the scheduler's decisions. */
import type { Decision } from '../../hypervisor/view/index.ts';

export interface Run {
  pcpu: number;
  unit: number;
  /** PRIORITY of the credit scheduler, as it was given the processor. */
  priority: number;
  fromNs: number;
  toNs: number;
  /** How long it had waited for it. */
  waitedNs: number;
}

/** From decisions: who had a pCPU from when to when. */
export function runsOf(decisions: readonly Decision[], fromNs: number, nowNs: number): Run[] {
  const runs: Run[] = [];
  const open = new Map<number, Run>();
  for (const { pcpu, to, timeNs, priority, waitedNs } of decisions) {
    const before = open.get(pcpu);
    if (before) before.toNs = timeNs;
    open.delete(pcpu);
    if (to < 0) continue;
    // The same one goes on: its priority may be another.
    const run = { pcpu, unit: to, priority, fromNs: timeNs, toNs: nowNs, waitedNs: before?.unit === to ? 0 : waitedNs };
    runs.push(run);
    open.set(pcpu, run);
  }
  return runs.filter(({ toNs }) => toNs > fromNs).map(run => ({ ...run, fromNs: Math.max(fromNs, run.fromNs) }));
}
