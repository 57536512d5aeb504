/** What src/dom0/backends/xenstore offers to other rooms. */
export type { StoreClient, StoreView } from './client.ts';
export { MAX_PAYLOAD_BYTES } from './protocol.ts';
export { isValidPath, ofDomain, type Permission, QUOTA, StoreError, type StoreLook } from './store.ts';
export { type SavedConnection, Xenstored } from './xenstored.ts';
