/** What src/hypervisor/scheduler offers to other rooms. */
export { MAX_PCPUS } from './block.ts';
export {
  type Affinity,
  POLICIES,
  Scheduler,
  type SchedulerOptions,
  type UnitOptions,
  parameterProblem,
  queueClock,
  sharesOf,
  sharesProblem,
} from './scheduler.ts';
export { Slot } from './slot.ts';
