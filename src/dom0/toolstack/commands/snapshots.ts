/** Snapshots and clones of domains, with their disks. xl has no such commands: the words are those of virsh and virt-clone, the refusals xl's kind. */
import { domainsOf } from '../domains/index.ts';
import type { DomainInfo } from '../wire.ts';
import type { NamedFile } from '../../definitions/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { timeOf } from '../time-words.ts';
import type { ManagedDomain } from '../managed/index.ts';
import {
  cloneDomain,
  deleteSnapshot,
  domainName,
  pathsOf,
  recordsOf,
  revertTo,
  type SnapshotRecord,
  takeSnapshot,
} from '../snapshots/index.ts';
import { type Call, command } from './command.ts';
import { describeBuilt } from './life.ts';
import { atLeast, readWords } from './words.ts';

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export const snapshot = command({
  summary: 'Save the state of a domain, with its disks, to come back to',
  usage: '<Domain> [<Snapshot> [<Description>]]',
  modifies: true,
  /** A domain that runs goes on; of one that does not its disks are kept alone. Without a name it gets the first free number. */
  run: (
    host: CommandHost,
    domain: string,
    name?: string,
    description?: string,
    disksOnly?: boolean,
    leftOut?: readonly string[],
  ): Promise<SnapshotRecord> =>
    host.tasks.run(commandOf('snapshot', domain, { name, description }), async (task, concerns) => {
      const running = domainsOf(host).running(domain);
      if (running) concerns(running.record.id);
      const taken = new Set((await recordsOf(host).list(domain)).map(each => each.name));
      let number = 1;
      while (taken.has(String(number))) number++;
      const record = await takeSnapshot(host, domain, name ?? String(number), description, disksOnly, leftOut);
      const { disks, state } = record;
      const ofDisks = `${disks.length} ${disks.length === 1 ? 'disk' : 'disks'}`;
      task.message = state
        ? `${mib(state.bytes)} hold its memory, processors and devices${disks.length > 0 ? `, in addition to ${ofDisks}` : ''}; the guest keeps running.`
        : record.disksOnly
          ? `${ofDisks} of it are kept as they were; the guest keeps running.`
          : `It does not run: ${ofDisks} of it are kept.`;
      return record;
    }),
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('snapshot', rest, 1);
    const domain = await domainName(host, rest[0]);
    return `Snapshot ${(await run(domain, rest[1], rest[2])).name} of ${domain} created\n`;
  },
});

export const snapshotList = command({
  summary: 'List the snapshots of a domain',
  usage: '<Domain>',
  run: (host: Uses<'files'>, domain: string): Promise<SnapshotRecord[]> => recordsOf(host).list(domain),
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('snapshot-list', rest, 1);
    const line = (...[name, time, state, disks]: string[]): string =>
      `${name.padEnd(24)} ${time.padEnd(20)} ${state.padEnd(10)} ${disks}`.trimEnd();
    const rows = (await run(await domainName(host, rest[0]))).map(({ name, createdMs, state, disks }) =>
      line(name, timeOf(createdMs), state ? mib(state.bytes) : '-', disks.map(({ device }) => device).join(' ') || '-'),
    );
    return [line('Name', 'Time', 'State', 'Disks'), ...rows].map(row => `${row}\n`).join('');
  },
});

export const revert = command({
  summary: 'Take a domain back to a snapshot, with its disks',
  usage: '<Domain> <Snapshot> [FILE...]',
  options: [['FILE', 'what was in its drives, where that is not at its path any more']],
  modifies: true,
  /** What the domain is now is gone; undefined: it did not run then. `images`: files for its drives that are not at their paths. */
  run: (
    host: CommandHost,
    domain: string,
    name: string,
    images: NamedFile[] = [],
    isPaused?: boolean,
  ): Promise<DomainInfo | undefined> =>
    host.tasks.run(commandOf('revert', domain, { snapshot: name }), async (task, concerns) => {
      const info = await revertTo(host, domain, name, images, concerns, isPaused);
      task.message = info
        ? describeBuilt(host.domains.member(info.id))
        : 'Its disks are as they were; it did not run then.';
      return info;
    }),
  xl: async (call, run) => {
    const { rest } = readWords(call.words);
    atLeast('revert', rest, 2);
    const [word, name, ...paths] = rest;
    const domain = await domainName(call.host, word);
    const given = await Promise.all(paths.map(async path => ({ name: path, data: await call.read(path) })));
    await run(domain, name, [...(await namedBeside(call, domain, name)), ...given]);
    return '';
  },
});

/** Files of its drives as they are named from where the words are written. */
async function namedBeside({ host, read }: Call, domain: string, name: string): Promise<NamedFile[]> {
  const paths = await pathsOf(host, await recordsOf(host).read(domain, name));
  const files = await Promise.all(
    paths.map(path =>
      read(path).then(
        data => [{ name: path, data }],
        () => [],
      ),
    ),
  );
  return files.flat();
}

export const snapshotDelete = command({
  summary: 'Delete a snapshot of a domain',
  usage: '<Domain> <Snapshot>',
  modifies: true,
  run: (host: CommandHost, domain: string, name: string): Promise<void> =>
    host.tasks.run(commandOf('snapshot-delete', domain, { snapshot: name }), () => deleteSnapshot(host, domain, name)),
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('snapshot-delete', rest, 2);
    await run(await domainName(host, rest[0]), rest[1]);
    return '';
  },
});

export const clone = command({
  summary: 'Make a managed domain like another one, with disks of its own',
  usage: '<Domain> <NewName>',
  modifies: true,
  /** `absolute`: from a path of the definition to one of Domain 0's files (paths begin at the root). */
  run: (
    host: CommandHost,
    domain: string,
    name: string,
    absolute: (path: string) => string = path => (path.startsWith('/') ? path : `/${path}`),
  ): Promise<ManagedDomain> =>
    host.tasks.run(commandOf('clone', domain, { to: name }), async task => {
      const made = await cloneDomain(host, domain, name, absolute);
      task.message = `${name} is kept as ${made.path}: xm start ${name}.`;
      return made;
    }),
  xl: async ({ host, words, absolute }, run) => {
    const { rest } = readWords(words);
    atLeast('clone', rest, 2);
    const { path } = await run(await domainName(host, rest[0]), rest[1], absolute);
    return `${rest[1]} is defined in ${path}\n`;
  },
});
