/** What src/hypervisor/interfaces/kvm offers to other rooms. */
export { isKvm, KVM_RECORDS } from './records.ts';
