/** Jobs of domains by their numbers. Source: virDomainJobType and virDomainJobOperation of include/libvirt/libvirt-domain.h. */
import { FRAME_BYTES } from '../../hypervisor/memory/index.ts';
import type { Uses } from '../toolstack/index.ts';
import type { Domain, JobInfo, JobOperation } from '../toolstack/domains/index.ts';
import { activeId } from './domains.ts';
import { failing } from './errors.ts';
import type { EventParameter } from './events/kinds.ts';
import { checkFlags } from './flags.ts';
import { functionOf } from './hypervisors/index.ts';

export const JOB_TYPES: readonly JobInfo['type'][] = [
  'None',
  'Bounded',
  'Unbounded',
  'Completed',
  'Failed',
  'Cancelled',
];

/** Of what jobs count as pages. */
export { FRAME_BYTES as PAGE_BYTES };

/** virDomainJobOperation. */
export const JOB_OPERATIONS: Readonly<Record<JobOperation, number>> = {
  Save: 2,
  Restore: 3,
  'Incoming migration': 4,
  'Outgoing migration': 5,
  Snapshot: 6,
  'Snapshot revert': 7,
  Dump: 8,
};

/** VIR_DOMAIN_JOB_* of libvirt-domain.h, of one that is under way or has ended. */
export function jobParameters({ operation, elapsedMs, dataBytes, memory }: JobInfo): EventParameter[] {
  const numbers: [string, number | undefined][] = [
    ['time_elapsed', elapsedMs],
    ['downtime', memory?.downtimeMs],
    ['data_total', dataBytes?.total],
    ['data_processed', dataBytes?.processed],
    ['data_remaining', dataBytes && dataBytes.total - dataBytes.processed],
    ['memory_total', memory?.totalBytes],
    ['memory_processed', memory?.processedBytes],
    ['memory_remaining', memory?.remainingBytes],
    ['memory_bps', memory?.bytesPerSecond],
    ['memory_dirty_rate', memory?.dirtyFramesPerSecond],
    ['memory_page_size', memory && FRAME_BYTES],
    ['memory_iteration', memory?.iteration],
  ];
  return [
    { field: 'operation', value: { kind: 'int', value: JOB_OPERATIONS[operation] } },
    ...numbers.flatMap(([field, value]): EventParameter[] =>
      value === undefined ? [] : [{ field, value: { kind: 'unsignedHyper', value } }],
    ),
  ];
}

/** VIR_DOMAIN_JOB_STATS_COMPLETED and _KEEP_COMPLETED. */
export const JOB_COMPLETED = 1 << 0;
const KEEP = 1 << 1;

/** The job under way, or the last one that ended; undefined: there is none. @throws LibvirtError */
export function jobOf(host: Uses<'toolstack'>, domain: Domain, flags = 0): JobInfo | undefined {
  checkFlags(flags, JOB_COMPLETED | KEEP, functionOf(host, 'DomainGetJobStats'));
  if ((flags & JOB_COMPLETED) !== 0) return host.toolstack.jobs.completed(domain.name);
  activeId(domain);
  return domain.job;
}

/** @throws LibvirtError */
export async function abortJob(host: Uses<'toolstack'>, domain: Domain): Promise<void> {
  activeId(domain);
  await failing(() => host.toolstack.jobs.abort(domain.name));
}
