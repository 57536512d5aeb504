/** What a domain that is there does, and why, by what the toolstack knows of it. */
import type { Ending } from '../../../hypervisor/index.ts';
import type { Member } from '../running-domain.ts';
import type { JobInfo, Reason, Status } from './words.ts';

/** Why a domain that has come to such an end is shut off. */
export const shutOffBy = ({ kind, report, workerDied }: Ending): Reason<'shut off'> =>
  kind === 'crash' || workerDied || report !== undefined ? 'crashed' : 'shutdown';

/** Why a domain is paused while a job has it do so. */
const FOR_JOB: Readonly<Record<JobInfo['operation'], Reason<'paused'>>> = {
  Save: 'saving',
  Dump: 'dumping',
  Snapshot: 'creating snapshot',
  'Snapshot revert': 'from snapshot',
  Restore: 'starting up',
  'Outgoing migration': 'migrating',
  'Incoming migration': 'migrating',
};

/** `letter`: its state as xl has it. */
export function statusOf(member: Member, letter: string, job: JobInfo | undefined): Status {
  const { ending, early, holds, paused, why } = member;
  if (letter === 'd') return { state: 'in shutdown', reason: 'unknown' };
  if (ending?.kind === 'crash') return { state: 'crashed', reason: 'panicked' };
  if (ending) return { state: 'shut off', reason: shutOffBy(ending) };
  if (early && holds > 0) return { state: 'paused', reason: 'starting up' };
  if (holds > 0 && job) return { state: 'paused', reason: FOR_JOB[job.operation] };
  if (paused) return { state: 'paused', reason: why.paused };
  // One that waits runs, too: of Xen's and of KVM's no driver has VIR_DOMAIN_BLOCKED (libxlDomainGetState() of src/libxl/libxl_driver.c).
  return { state: 'running', reason: why.running };
}
