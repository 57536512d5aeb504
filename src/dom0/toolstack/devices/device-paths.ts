/**
 * What the toolstack writes into the store for a device that a guest's front end and Domain 0's back end share.
 * Source: tools/libs/light/libxl_device.c, libxl__device_generic_add.
 */
import { backendPath, type DeviceId, frontendPath, type Nodes, XENBUS_STATE } from '../../backends/index.ts';
import type { Permission, StoreClient } from '../../backends/xenstore/index.ts';

/** Both directories with what all devices have, and `nodes` of this one. The back end starts afterwards. */
export function writeDevicePaths(client: StoreClient, id: DeviceId, nodes: { frontend: Nodes; backend: Nodes }): void {
  const { kind, domid, devid } = id;
  const front = frontendPath(id),
    back = backendPath(id),
    libxl = `/libxl/${domid}/device/${kind}/${devid}`;
  const guests: Permission[] = [
      { letter: 'n', domid },
      { letter: 'r', domid: 0 },
    ],
    ours: Permission[] = [
      { letter: 'n', domid: 0 },
      { letter: 'r', domid },
    ],
    secret: Permission[] = [{ letter: 'n', domid: 0 }];
  const backend: Nodes = {
    frontend: front,
    'frontend-id': domid,
    online: 1,
    state: XENBUS_STATE.INITIALISING,
    ...nodes.backend,
  };
  client.transaction(view => {
    const put = (base: string, permissions: Permission[], values: Nodes): void => {
      view.write(base, '', permissions);
      for (const [name, value] of Object.entries(values)) view.write(`${base}/${name}`, String(value), permissions);
    };
    put(front, guests, { backend: back, 'backend-id': 0, state: XENBUS_STATE.INITIALISING, ...nodes.frontend });
    put(back, ours, backend);
    put(libxl, secret, { frontend: front, backend: back });
  });
}

/** A device is gone. */
export function removeDevicePaths(client: StoreClient, id: DeviceId): void {
  const { kind, domid, devid } = id;
  for (const path of [frontendPath(id), backendPath(id), `/libxl/${domid}/device/${kind}/${devid}`]) client.rm(path);
}
