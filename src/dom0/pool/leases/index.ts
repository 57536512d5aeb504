/** What src/dom0/pool/leases offers to other rooms. */
export { Coordinator, type CoordinatorState, engineOf, type LeaseEngine } from './coordinator.ts';
export { namedEngine } from './etcd.ts';
export { type Effect, type HeldGuest, Holder, type HolderState } from './holder.ts';
export { type HandShake, LEASE_TIMING, type LeaseAnswer, type LeaseRequest, type LeaseTiming } from './messages.ts';
