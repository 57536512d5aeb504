/** The domains of a host as libvirt has them: defined, running or both, with states, reasons and jobs. */
export { type Domain, domainsOf, NO_UUID } from './domains.ts';
export { type Job, Jobs } from './jobs.ts';
export { startPostcopy } from './postcopy.ts';
export { shutOffBy, statusOf } from './status.ts';
export {
  type JobInfo,
  type JobMemory,
  type JobOperation,
  type PostcopyCounts,
  type Reason,
  REASONS,
  type Status,
} from './words.ts';
