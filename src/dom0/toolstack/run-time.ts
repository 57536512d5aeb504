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
