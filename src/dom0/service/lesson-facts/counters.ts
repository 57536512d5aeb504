/** What the hypervisor counts of a domain: exits by reason, hypercalls by number, and what it ran. `run_us`: microseconds of its own time. */
import { exitsByName } from '../../../hypervisor/view/index.ts';
import { hypercallName } from '../../../hypervisor/interfaces/xen/index.ts';
import type { Family } from './told.ts';

const US = 1e3;

export const counters: Family = ({ domain }, { counts }) => {
  const { retired, exits, ioreqs, portBytes, apicReads, runNs, byReason, hypercalls } = domain.counters();
  Object.assign(counts, {
    retired,
    exits,
    ioreqs,
    port_bytes: portBytes,
    apic_reads: apicReads,
    run_us: runNs / US,
    hypercalls: hypercalls.reduce((sum, count) => sum + count, 0),
  });
  for (const [name, count] of Object.entries(exitsByName(byReason))) counts[`exit.${name}`] = count;
  hypercalls.forEach((count, number) => {
    if (count > 0) counts[`hypercall.${hypercallName(number)}`] = count;
  });
};
