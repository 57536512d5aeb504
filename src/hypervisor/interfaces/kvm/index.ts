/** What src/hypervisor/interfaces/kvm offers to other rooms. */
export { framesWord } from './layout.ts';
export { type BalloonView, balloonOf } from './view.ts';
export { isKvm, KVM_RECORDS } from './records.ts';
