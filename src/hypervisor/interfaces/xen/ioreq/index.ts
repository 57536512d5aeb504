/** What src/hypervisor/interfaces/xen/ioreq offers to other rooms. */
export { IOREQ_TYPE, type Ioreq } from './page.ts';
export { IoreqServer } from './server.ts';
export { SignalSender } from './signals.ts';
