/** What src/dom0/host/hardware offers to other rooms. */
export { HostBus, type HostConfigSpace } from './host-bus.ts';
