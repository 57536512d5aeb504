/** KVM keeps nothing of a domain in machine memory but what the guest has named: what it is to be told of lies in the guest's own. */
import type { GuestRecords } from '../../memory/frame-holder.ts';
import { KVM_INTERFACE } from './abi.ts';

/** For `createDomain`. */
export const KVM_RECORDS: GuestRecords = {
  number: KVM_INTERFACE,
  ram: 'pc',
  holders: [],
  bytes: () => 0,
  place() {},
  populated() {},
  populateOnDemand: () => false,
};

export const isKvm = ({ interface: number }: { interface: number }): boolean => number === KVM_INTERFACE;
