/** Pages of the host: overview, networks, storage. */
export { HostPage } from '../host-page/index.tsx';
export { NetworkPage } from '../network-page.tsx';
export * from '../storage-page.tsx';
