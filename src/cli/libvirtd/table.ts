/** All procedures that are answered: a row of a file of procedures/ makes one. Others are answered by libvirt's own "not supported". */
import type { Table } from './procedure.ts';
import { AGENT } from './procedures/agent.ts';
import { CONNECTION } from './procedures/connection.ts';
import { DEVICES } from './procedures/devices.ts';
import { DOMAINS } from './procedures/domains.ts';
import { GRAPHICS } from './procedures/graphics.ts';
import { LIFE } from './procedures/life.ts';
import { LISTS } from './procedures/lists.ts';
import { MIGRATING } from './procedures/migrating.ts';
import { NETWORKS } from './procedures/networks.ts';
import { NODE } from './procedures/node.ts';
import { QEMU } from './procedures/qemu.ts';
import { RESOURCES } from './procedures/resources.ts';
import { SNAPSHOTS } from './procedures/snapshots.ts';
import { POOLS, VOLUMES } from './procedures/storage.ts';
import { STREAMS } from './procedures/streams.ts';

export const PROCEDURES: Table = {
  ...CONNECTION,
  ...NODE,
  ...DOMAINS,
  ...LIFE,
  ...RESOURCES,
  ...DEVICES,
  ...SNAPSHOTS,
  ...STREAMS,
  ...GRAPHICS,
  ...NETWORKS,
  ...LISTS,
  ...POOLS,
  ...VOLUMES,
  ...QEMU,
  ...AGENT,
  ...MIGRATING,
};
