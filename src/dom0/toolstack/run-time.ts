/** How long domains have run. */
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import type { Toolstack } from './toolstack.ts';

/**
 * Nanoseconds for which the vCPUs of a domain ran, as cpu_time of struct xen_domctl_getdomaininfo has them. A guest that holds a slot while the machine's own
 * system has given its processor to others does not run (hypervisor/domain/thread-time.ts). Domain 0 runs while it holds its slot.
 */
export function runNsOf({ view, queue }: Pick<Toolstack, 'view' | 'queue'>, index: number): number {
  const counters = index === DOMAIN_0 ? undefined : view.at(index)?.counters();
  return counters ? counters.runNs : view.scheduler.runstates(index, queue.nowNs()).running;
}

/**
 * The same of a guest, to be compared with a later value; undefined: its worker has reported nothing of it yet. A guest that comes from another host or out of a file
 * brings the time that it ran there along: a difference to the 0 from before that would be time that it never ran here.
 */
export function comparableRunNs(toolstack: Pick<Toolstack, 'view' | 'queue'>, index: number): number | undefined {
  const counters = toolstack.view.at(index)?.counters();
  return counters && counters.nowNs === 0 && counters.runNs === 0 ? undefined : runNsOf(toolstack, index);
}
