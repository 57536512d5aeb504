/** What src/dom0/backends/xenstore offers to other rooms. */
export type { StoreClient, StoreView } from './client.ts';
export { MAX_PAYLOAD_BYTES } from './protocol.ts';
export { type Permission, StoreError, type StoreLook } from './store.ts';
