/**
 * What Domain 0 keeps of a guest that is saved at a moment of which it knows nothing: its part of the store, its watches, what is on its way through the
 * rings. (Of one that has suspended itself nothing is kept: it registers again what it wants.) Domain ids are others in the new domain.
 */
import type { State } from '../../devices/index.ts';
import { SavedStateError } from '../../hypervisor/index.ts';
import type { PvConsole } from '../backends/console/index.ts';
import {
  isValidPath,
  ofDomain,
  type Permission,
  QUOTA,
  type SavedConnection,
  type StoreClient,
  type Xenstored,
} from '../backends/xenstore/index.ts';

interface SavedNode {
  /** Below the domain's own path. */
  path: string;
  value: string;
  permissions: Permission[];
}

interface SavedDomain {
  domid: number;
  nodes: SavedNode[];
  connection: SavedConnection;
  /** Typed at the console, and not in its ring yet. */
  typed: Uint8Array;
}

const home = (domid: number): string => `/local/domain/${domid}`;

export function saveForToolstack(xenstored: Xenstored, console: PvConsole, domid: number): State {
  const client = xenstored.client();
  const nodes: SavedNode[] = [];
  const walk = (path: string): void => {
    for (const name of client.directory(`${home(domid)}${path}`)) {
      const below = `${path}/${name}`,
        whole = `${home(domid)}${below}`;
      nodes.push({
        path: below.slice(1),
        value: client.read(whole) ?? '',
        permissions: client.permissions(whole).map(permission => ({ ...permission })),
      });
      walk(below);
    }
  };
  walk('');
  const saved: SavedDomain = {
    domid,
    nodes,
    connection: xenstored.saveConnection(domid),
    typed: console.typed,
  };
  return { ...saved };
}

/** @throws SavedStateError where the data are not what `saveForToolstack` gave. */
function checked(state: State): SavedDomain {
  const { domid, nodes, connection, typed } = state as Partial<SavedDomain>;
  const isPermission = ({ letter, domid: id }: Permission): boolean =>
    ['n', 'r', 'w', 'b'].includes(letter) && Number.isInteger(id);
  const isNode = (node: SavedNode): boolean =>
    typeof node?.path === 'string' &&
    isValidPath(`/${node.path}`) &&
    typeof node.value === 'string' &&
    Array.isArray(node.permissions) &&
    node.permissions.length > 0 &&
    node.permissions.every(isPermission);
  const isMessage = ({ bytes, event }: { bytes: unknown; event?: unknown }): boolean =>
    bytes instanceof Uint8Array && (event === undefined || typeof event === 'string');
  const watches = connection?.watches,
    ring = connection?.ring;
  const good =
    Number.isInteger(domid) &&
    Array.isArray(nodes) &&
    nodes.every(isNode) &&
    Array.isArray(watches) &&
    watches.length <= QUOTA.watches &&
    [connection?.formerId, connection?.lastTransaction].every(each => each === undefined || Number.isInteger(each)) &&
    watches.every(
      watch =>
        typeof watch?.path === 'string' && typeof watch.token === 'string' && typeof watch.relative === 'boolean',
    ) &&
    ring?.request instanceof Uint8Array &&
    ring.request.length <= MOST_REQUEST_BYTES &&
    Array.isArray(ring.waiting) &&
    ring.waiting.every(isMessage) &&
    typed instanceof Uint8Array;
  if (!good)
    throw new SavedStateError(
      'Record RINGSIDE_TOOLSTACK does not say what the guest had in the store. Save the guest again.',
    );
  return state as unknown as SavedDomain;
}

/** Header and payload of a message (xs_wire.h). */
const MOST_REQUEST_BYTES = 16 + 4096;

/** Nodes, before the domain is introduced: its own ones, and those that the toolstack has not written for the new domain. */
export function restoreNodes(client: StoreClient, state: State, domid: number): void {
  const { domid: before, nodes } = checked(state);
  for (const { path, value, permissions } of nodes) {
    const [owner, ...others] = permissions;
    if (owner.domid !== before && (owner.domid !== 0 || client.read(`${home(domid)}/${path}`) !== undefined)) continue;
    // Domains that had the other ids are others now.
    const kept = [owner, ...others.filter(({ domid: id }) => id === 0 || id === before)];
    client.write(
      `${home(domid)}/${path}`,
      value,
      kept.map(({ letter, domid: id }) => ({ letter, domid: id === before ? domid : id })),
    );
  }
}

/** Once its store is attached. */
export function restoreConnections(xenstored: Xenstored, state: State, domid: number): void {
  const { domid: before, connection } = checked(state);
  const watches = connection.watches.map(watch => ({ ...watch, path: ofDomain(watch.path, before, domid) }));
  xenstored.restoreConnection(domid, { ...connection, watches, formerId: connection.formerId ?? before });
}
