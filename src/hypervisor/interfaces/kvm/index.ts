/** What src/hypervisor/interfaces/kvm offers to other rooms. */
export { type BalloonView, balloonOf, framesWord } from './view.ts';
export { isKvm, KVM_RECORDS } from './records.ts';
