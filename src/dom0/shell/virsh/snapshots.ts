/** Snapshots of domains. */
import { type CommandHost, type Domain, timeOf } from '../../toolstack/index.ts';
import {
  currentSnapshot,
  deleteSnapshot,
  listSnapshots,
  revertToSnapshot,
  CREATE_SNAPSHOT,
  DELETE_SNAPSHOT,
  LIST_SNAPSHOTS,
  snapshotByName,
  snapshotState,
  snapshotXml,
  takeNamedSnapshot,
} from '../../toolstack/libvirt/index.ts';
import type { SnapshotRecord } from '../../toolstack/snapshots/index.ts';
import {
  allNeeded,
  exclude,
  find,
  labelled,
  needsTerminal,
  saying,
  table,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

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
  const here = await currentSnapshot(host, domain);
  if (!here) throw new VirshError('error: Domain snapshot not found: the domain does not have a current snapshot');
  return here;
}

/** In the order of virDomainSnapshotRevertFlags. */
const REVERT_OPTIONS = ['running', 'paused', 'force'];

/** Of which snapshots a list is: options that are flags of libvirt's. */
const KINDS = ['roots', 'leaves', 'no-leaves', 'inactive', 'active', 'disk-only', 'internal', 'external'] as const;
const flagsOf = (options: ReadonlySet<string>): number =>
  KINDS.filter(kind => options.has(kind)).reduce((flags, kind) => flags | LIST_SNAPSHOTS[kind], 0);

export const SNAPSHOTS: Record<string, VirshCommand> = {
  'snapshot-create-as': {
    usage:
      'snapshot-create-as <domain> [--name <name>] [--description <description>] [--disk-only] [--quiesce] [--atomic] [--live]',
    about: 'create a snapshot from a set of args',
    run: async (host, [word, name, description], options) => {
      const { DISK_ONLY, QUIESCE } = CREATE_SNAPSHOT;
      const flags = (options.has('disk-only') ? DISK_ONLY : 0) | (options.has('quiesce') ? QUIESCE : 0);
      const record = await takeNamedSnapshot(host, await find(host, word), name, description, flags);
      return `Domain snapshot ${record.name} created\n`;
    },
  },
  'snapshot-list': {
    usage:
      'snapshot-list <domain> [--from <snapshot>] [--parent] [--roots] [--leaves] [--no-leaves] [--inactive] [--active] [--disk-only] [--internal] [--external] [--tree] [--name] [--current] [--descendants]',
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
        from !== undefined && (options.has('descendants') || options.has('tree')) ? LIST_SNAPSHOTS.roots : 0;
      const records = await listSnapshots(host, domain, flagsOf(options) | below, from);
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
    usage: 'snapshot-current <domain> [--name]',
    about: 'Get or set the current snapshot',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      const here = await currentSnapshot(host, domain);
      if (!here) throw new VirshError(`error: domain '${word}' has no current snapshot`);
      return options.has('name') ? `${here.name}\n\n` : `${snapshotXml(domain, here)}\n`;
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
        ['Descendants', (await below(LIST_SNAPSHOTS.roots)).length],
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
      return `${snapshotXml(domain, await snapshotByName(host, domain, name!))}\n`;
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
      const flags = REVERT_OPTIONS.reduce((all, option, bit) => all | (options.has(option) ? 1 << bit : 0), 0);
      const failed = `Failed to revert snapshot ${name}`;
      if (options.has('running') && options.has('paused'))
        throw new VirshError(
          `error: ${failed}\nerror: Flags 'VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING' and 'VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED' are mutually exclusive`,
        );
      await saying(failed, () => revertToSnapshot(host, domain, name, flags));
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
      const { CHILDREN, CHILDREN_ONLY, METADATA_ONLY } = DELETE_SNAPSHOT;
      const flags =
        (options.has('children') ? CHILDREN : 0) |
        (options.has('children-only') ? CHILDREN_ONLY : 0) |
        (options.has('metadata') ? METADATA_ONLY : 0);
      await saying(`Failed to delete snapshot ${name}`, () => deleteSnapshot(host, domain, name, flags));
      return `Domain snapshot ${name} ${options.has('children-only') ? 'children ' : ''}deleted\n`;
    },
  },
};
