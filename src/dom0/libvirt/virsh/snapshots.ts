/** Snapshots of domains. */
import { type CommandHost, type Domain, timeOf } from '../../toolstack/index.ts';
import {
  createSnapshot,
  currentSnapshot,
  deleteSnapshot,
  listSnapshots,
  revertToSnapshot,
  CREATE_SNAPSHOT,
  DELETE_SNAPSHOT,
  LIST_SNAPSHOTS,
  REVERT_SNAPSHOT,
  snapshotItIsAt,
  snapshotByName,
  snapshotState,
  snapshotXml,
} from '../index.ts';
import type { SnapshotRecord } from '../../toolstack/snapshots/index.ts';
import {
  allNeeded,
  exclude,
  find,
  flagsOf,
  labelled,
  needsTerminal,
  saying,
  table,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

/** strcasecmp(3). */
const compareNames = (one: string, other: string): number => {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  return a < b ? -1 : Number(a > b);
};

/** vshTreePrint(): children below their parents, in the order in which they were taken. */
function treeOf(records: readonly SnapshotRecord[]): string {
  const names = new Set(records.map(({ name }) => name));
  const print = ({ name }: SnapshotRecord, indent: string, isRoot: boolean, isLast: boolean): string => {
    const children = records.filter(({ parent }) => parent === name),
      below = isRoot ? indent : `${indent}${isLast ? ' ' : '|'} `;
    return `${indent}${isRoot ? '' : '+- '}${name}\n${children.length > 0 ? `${below}  |\n` : ''}${children.map((child, i) => print(child, `${below}  `, false, i === children.length - 1)).join('')}${children.length === 0 && isLast ? `${below}\n` : ''}`;
  };
  return records
    .filter(({ parent }) => parent === undefined || !names.has(parent))
    .map(root => print(root, '', true, true))
    .join('');
}

/** virshLookupSnapshot(): the one that is named, or with --current that which the domain is at. @throws VirshError */
export async function snapshotOf(
  host: CommandHost,
  domain: Domain,
  name: string | undefined,
  options: ReadonlySet<string>,
): Promise<SnapshotRecord> {
  const isCurrent = options.has('current');
  if (isCurrent && name !== undefined)
    throw new VirshError('error: --snapshotname and --current are mutually exclusive');
  if (name !== undefined) return snapshotByName(host, domain, name);
  if (!isCurrent) throw new VirshError('error: --snapshotname or --current is required');
  return snapshotItIsAt(host, domain);
}

/** Options that are flags of libvirt's. */
const LISTED = {
    roots: LIST_SNAPSHOTS.ROOTS,
    leaves: LIST_SNAPSHOTS.LEAVES,
    'no-leaves': LIST_SNAPSHOTS.NO_LEAVES,
    inactive: LIST_SNAPSHOTS.INACTIVE,
    active: LIST_SNAPSHOTS.ACTIVE,
    'disk-only': LIST_SNAPSHOTS.DISK_ONLY,
    internal: LIST_SNAPSHOTS.INTERNAL,
    external: LIST_SNAPSHOTS.EXTERNAL,
    topological: LIST_SNAPSHOTS.TOPOLOGICAL,
  },
  REVERTED = { running: REVERT_SNAPSHOT.RUNNING, paused: REVERT_SNAPSHOT.PAUSED, force: REVERT_SNAPSHOT.FORCE },
  DELETED = {
    children: DELETE_SNAPSHOT.CHILDREN,
    'children-only': DELETE_SNAPSHOT.CHILDREN_ONLY,
    metadata: DELETE_SNAPSHOT.METADATA_ONLY,
  };

export const SNAPSHOTS: Record<string, VirshCommand> = {
  'snapshot-list': {
    usage:
      'snapshot-list <domain> [--from <snapshot>] [--parent] [--roots] [--leaves] [--no-leaves] [--inactive] [--active] [--disk-only] [--internal] [--external] [--tree] [--name] [--current] [--descendants] [--topological]',
    about: 'List snapshots for a domain',
    run: async (host, [word, given], options) => {
      exclude(options, 'tree', 'name');
      exclude(options, 'parent', 'roots');
      exclude(options, 'parent', 'tree');
      exclude(options, 'roots', 'tree');
      exclude(given === undefined ? options : new Set([...options, 'from']), 'roots', 'from');
      const domain = await find(host, word);
      const from = options.has('current') ? (await snapshotOf(host, domain, given, options)).name : given;
      if (from !== undefined) await snapshotByName(host, domain, from);
      const below =
        from !== undefined && (options.has('descendants') || options.has('tree')) ? LIST_SNAPSHOTS.ROOTS : 0;
      const found = await listSnapshots(host, domain, flagsOf(options, LISTED) | below, from);
      // virshSnapSorter().
      const records = options.has('topological') ? found : found.sort((a, b) => compareNames(a.name, b.name));
      if (options.has('tree')) return treeOf(records);
      if (options.has('name')) return `${records.map(({ name }) => `${name}\n`).join('')}\n`;
      const parent = options.has('parent');
      const rows = records.map(record => [
        record.name,
        `${timeOf(record.createdMs)} +0000`,
        snapshotState(record),
        ...(parent ? [record.parent ?? ''] : []),
      ]);
      return table([['Name', 'Creation Time', 'State', ...(parent ? ['Parent'] : [])], ...rows]);
    },
  },
  'snapshot-current': {
    usage: 'snapshot-current <domain> [--name] [--snapshotname <snapshotname>]',
    about: 'Get or set the current snapshot',
    run: async (host, [word, name], options) => {
      exclude(name === undefined ? options : new Set([...options, 'snapshotname']), 'name', 'snapshotname');
      const domain = await find(host, word);
      if (name !== undefined) {
        const { REDEFINE, CURRENT } = CREATE_SNAPSHOT;
        const xml = await snapshotXml(domain, await snapshotByName(host, domain, name));
        await createSnapshot(host, domain, xml, REDEFINE | CURRENT);
        return `Snapshot ${name} set as current`;
      }
      const here = await currentSnapshot(host, domain);
      if (!here) throw new VirshError(`error: domain '${word}' has no current snapshot`);
      return options.has('name') ? `${here.name}\n\n` : `${await snapshotXml(domain, here)}\n`;
    },
  },
  'snapshot-info': {
    usage: 'snapshot-info <domain> [--snapshotname <snapshotname>] [--current]',
    about: 'snapshot information',
    run: async (host, [word, name], options) => {
      const domain = await find(host, word);
      const record = await snapshotOf(host, domain, name, options);
      const below = (flags: number): Promise<SnapshotRecord[]> => listSnapshots(host, domain, flags, record.name);
      const isCurrent = (await currentSnapshot(host, domain))?.name === record.name;
      return labelled(15, [
        ['Name', record.name],
        ['Domain', domain.name],
        ['Current', isCurrent ? 'yes' : 'no'],
        ['State', snapshotState(record)],
        ['Location', 'internal'],
        ['Parent', record.parent ?? '-'],
        ['Children', (await below(0)).length],
        ['Descendants', (await below(LIST_SNAPSHOTS.ROOTS)).length],
        ['Metadata', 'yes'],
      ]);
    },
  },
  'snapshot-dumpxml': {
    usage: 'snapshot-dumpxml <domain> <snapshotname>',
    about: 'Dump XML for a domain snapshot',
    run: async (host, [word, name]) => {
      allNeeded([word, name], ['domain', 'snapshotname']);
      const domain = await find(host, word);
      return `${await snapshotXml(domain, await snapshotByName(host, domain, name!))}\n`;
    },
  },
  'snapshot-parent': {
    usage: 'snapshot-parent <domain> [--snapshotname <snapshotname>] [--current]',
    about: 'Get the name of the parent of a snapshot',
    run: async (host, [word, given], options) => {
      const { name, parent } = await snapshotOf(host, await find(host, word), given, options);
      if (parent === undefined) throw new VirshError(`error: snapshot '${name}' has no parent`);
      return `${parent}\n`;
    },
  },
  'snapshot-edit': {
    usage: 'snapshot-edit <domain> [--snapshotname <snapshotname>] [--current]',
    about: 'edit XML for a snapshot',
    run: async (host, [word, name], options) => {
      await snapshotOf(host, await find(host, word), name, options);
      throw needsTerminal('virsh snapshot-edit');
    },
  },
  'snapshot-revert': {
    usage: 'snapshot-revert <domain> [--snapshotname <snapshotname>] [--current] [--running] [--paused] [--force]',
    about: 'Revert a domain to a snapshot',
    run: async (host, [word, given], options) => {
      const domain = await find(host, word);
      const { name } = await snapshotOf(host, domain, given, options);
      const failed = `Failed to revert snapshot ${name}`;
      if (options.has('running') && options.has('paused'))
        throw new VirshError(
          `error: ${failed}\nerror: Flags 'VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING' and 'VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED' are mutually exclusive`,
        );
      await saying(failed, () => revertToSnapshot(host, domain, name, flagsOf(options, REVERTED)));
      return `Domain snapshot ${name} reverted\n`;
    },
  },
  'snapshot-delete': {
    usage:
      'snapshot-delete <domain> [--snapshotname <snapshotname>] [--current] [--children] [--children-only] [--metadata]',
    about: 'Delete a domain snapshot',
    run: async (host, [word, given], options) => {
      const domain = await find(host, word);
      const { name } = await snapshotOf(host, domain, given, options);
      await saying(`Failed to delete snapshot ${name}`, () =>
        deleteSnapshot(host, domain, name, flagsOf(options, DELETED)),
      );
      return `Domain snapshot ${name} ${options.has('children-only') ? 'children ' : ''}deleted\n`;
    },
  },
};
