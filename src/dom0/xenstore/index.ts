/** What src/dom0/xenstore offers to other rooms. */
export { StoreError } from './store.ts';
