/** What src/hypervisor/scheduler offers to other rooms. */
export { MAX_PCPUS } from './block.ts';
export { POLICIES } from './policies.ts';
export { queueClock } from './queue-clock.ts';
export { Scheduler } from './scheduler.ts';
export {
  type Affinity,
  CGROUP,
  parameterProblem,
  type SchedulerOptions,
  type Shares,
  sharesOf,
  sharesProblem,
  type UnitOptions,
} from './shares.ts';
export { Slot } from './slot.ts';
