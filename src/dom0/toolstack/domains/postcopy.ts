/** A migration under way becomes post-copy: qemuDomainMigrateStartPostCopy() in src/qemu/qemu_driver.c of libvirt 9. */
import type { Jobs } from './jobs.ts';

/** @throws Error with libvirt's sentence */
export function startPostcopy(jobs: Pick<Jobs, 'find'>, domain: string): void {
  const job = jobs.find(domain);
  const invalid = (why: string): Error => new Error(`Requested operation is not valid: ${why}`);
  if (job?.operation !== 'Outgoing migration')
    throw invalid('post-copy can only be started while outgoing migration is in progress');
  if (!job.beginPostcopy)
    throw invalid('switching to post-copy requires migration to be started with VIR_MIGRATE_POSTCOPY flag');
  if (!job.isPostcopy) job.beginPostcopy();
}
