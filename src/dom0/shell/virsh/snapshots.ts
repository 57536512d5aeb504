/** Snapshots of domains. */
import { timeOf } from '../../toolstack/index.ts';
import {
  currentSnapshot,
  deleteSnapshot,
  listSnapshots,
  revertToSnapshot,
  CREATE_SNAPSHOT,
  snapshotState,
  takeNamedSnapshot,
} from '../../toolstack/libvirt/index.ts';
import type { SnapshotRecord } from '../../toolstack/snapshots/index.ts';
import { find, table, type VirshCommand, VirshError } from './virsh-command.ts';

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
    usage: 'snapshot-list <domain> [--parent] [--tree]',
    about: 'list snapshots for a domain',
    run: async (host, [domain], options) => {
      const records = await listSnapshots(host, await find(host, domain), 0);
      if (options.has('tree')) return treeOf(records);
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
    about: 'the snapshot that a domain is at',
    run: async (host, [domain]) => {
      const here = await currentSnapshot(host, await find(host, domain));
      if (!here) throw new VirshError(`error: domain '${domain}' has no current snapshot`);
      return `${here.name}\n\n`;
    },
  },
  'snapshot-revert': {
    usage: 'snapshot-revert <domain> <name>',
    about: 'revert a domain to a snapshot',
    run: async (host, [domain, name = '']) => {
      await revertToSnapshot(host, await find(host, domain), name);
      return `Domain snapshot ${name} reverted\n`;
    },
  },
  'snapshot-delete': {
    usage: 'snapshot-delete <domain> <name>',
    about: 'delete a domain snapshot',
    run: async (host, [domain, name = '']) => {
      await deleteSnapshot(host, await find(host, domain), name);
      return `Domain snapshot ${name} deleted\n`;
    },
  },
};
