/** What src/dom0/pool/leases offers to other rooms. */
export { Coordinator, engineOf, type LeaseEngine, type LeaseRecord, type Told } from './coordinator.ts';
export { type Pick, type RandomRun, runAtRandom } from './at-random.ts';
export { namedEngine } from './etcd.ts';
export { type Budget, explore, type Explored } from './explorer.ts';
export { type Effect, type HeldAs, type HeldGuest, Holder, type HolderState } from './holder.ts';
export { type HandShake, LEASE_TIMING, type LeaseAnswer, type LeaseRequest, type LeaseTiming } from './messages.ts';
