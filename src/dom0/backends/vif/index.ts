/** What src/dom0/backends/vif offers to other rooms. */
export { Vif } from './vif.ts';
