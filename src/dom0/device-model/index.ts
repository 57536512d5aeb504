/** What src/dom0/device-model offers to other rooms. */
export { hostTime } from './host-time.ts';
