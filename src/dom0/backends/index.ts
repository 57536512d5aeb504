/** What src/dom0/backends offers to other rooms. */
export { backend, type BackendKind, loadBackends } from './programs.ts';
export type { RingLook } from './ring.ts';
export {
  type BackendParts,
  backendPath,
  type Connection,
  type DeviceId,
  type Driver,
  type Follower,
  frontendPath,
  type Nodes,
  XENBUS_STATE,
  XenbusBackend,
} from './xenbus.ts';
