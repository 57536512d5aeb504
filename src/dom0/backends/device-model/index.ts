/** What src/dom0/backends/device-model offers to other rooms. */
export { hostTime } from './host-time.ts';
