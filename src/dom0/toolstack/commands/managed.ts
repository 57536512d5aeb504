/**
 * Domains that are defined, whether they run or not: xm new, start, delete; xl has no such commands.
 * Source: tools/python/xen/xm/new.py and main.py, XendDomain.py (domain_new, domain_start, domain_delete) of Xen 4.1.
 */
import { domainsOf } from '../domains/index.ts';
import type { DomainInfo } from '../wire.ts';
import { withOptions } from '../../definitions/index.ts';
import { prepareToRead } from '../../definitions/config/index.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import type { ManagedDomain, ManagedDomains } from '../managed/index.ts';
import { deleteSnapshot, recordsOf } from '../snapshots/index.ts';
import { devicesOverlap, isDevice, isTransfer } from '../../host/storage/index.ts';
import { command, Refusal } from './command.ts';
import { createFrom } from './life-usage.ts';
import { atLeast, readWords } from './words.ts';
import { xmVariables } from './xm-variables.ts';

/** @throws Refusal where the host has no files */
export function managedOf(host: Uses<'managed'>): ManagedDomains {
  if (!host.managed) throw new Refusal('This Domain 0 cannot store files, so it cannot keep definitions.');
  return host.managed;
}

/** @throws Refusal in xend's words */
export async function findManaged(host: Uses<'managed'>, word: string): Promise<ManagedDomain> {
  const found = await managedOf(host).find(word);
  if (!found) throw new Refusal(`Error: Domain '${word}' does not exist.`);
  return found;
}

export const define = command({
  summary: 'Adds a domain to Xend domain management',
  usage: '<ConfigFile> [vars]',
  modifies: true,
  only: 'xm',
  /** Keeps a definition under /etc/xen/vm; `path`: where it comes from. */
  run: (host: Uses<'managed' | 'tasks' | 'toolstack'>, path: string, text: string): Promise<ManagedDomain> =>
    host.tasks.run(commandOf('new', undefined, { file: path }), async task => {
      const domain = await managedOf(host).define(path, text, uuid => host.toolstack.ownerOf(uuid)?.name);
      task.message = `${domain.name} is kept as ${domain.path}.`;
      return domain;
    }),
  xl: async ({ words, read }, run) => {
    const { rest } = readWords(words, { flags: 'q', long: { quiet: 'q' } });
    atLeast('new', rest, 1);
    const [path, ...given] = rest;
    const settings = xmVariables(given.filter(word => word.includes('=')));
    const text = await (await read(path)).text();
    await prepareToRead(text);
    await run(path, settings.length > 0 ? withOptions(path, text, `${settings.join('\n')}\n`).text : text);
    return `Using config file "${path}".\n`;
  },
});

export const start = command({
  summary: 'Start a Xend managed domain',
  usage: '[-p] <DomainName>',
  options: [['-p, --paused', 'Do not unpause domain after starting it']],
  modifies: true,
  only: 'xm',
  run: async (host: CommandHost, name: string, paused: boolean = false): Promise<DomainInfo> => {
    const domain = await findManaged(host, name);
    if (domainsOf(host).running(domain.name)) throw new Refusal('Error: Domain is already running');
    return createFrom({ host, read: path => host.files.readFile(path) }, domain.path, { paused });
  },
  xl: async ({ words }, run) => {
    const { options, rest } = readWords(words, { flags: 'pc', long: { paused: 'p' } });
    atLeast('start', rest, 1);
    await run(rest[0], options.has('p'));
    return '';
  },
});

export const remove = command({
  summary: 'Remove a domain from Xend domain management',
  usage: '[--storage] [--snapshots] <DomainName>',
  options: [
    ['--storage', 'Remove the files and volumes of its writable disks, too, unless another definition names them'],
    ['--snapshots', 'Delete its snapshots, too'],
  ],
  modifies: true,
  only: 'xm',
  /** What was removed of its storage, and why the rest was not. */
  run: async (
    host: CommandHost,
    name: string,
    storage: boolean = false,
    snapshots: boolean = false,
  ): Promise<string[]> => {
    const domain = await findManaged(host, name);
    if (domainsOf(host).running(domain.name)) throw new Refusal('Error: Domain is not halted.');
    const kept = await recordsOf(host).list(domain.name),
      number = kept.length === 1 ? '1 snapshot' : `${kept.length} snapshots`;
    // As libvirt refuses to undefine such a domain without VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA (qemuDomainUndefineFlags()).
    if (kept.length > 0 && !snapshots)
      throw new Refusal(
        `Error: Domain '${domain.name}' has ${number}: ${kept.map(each => each.name).join(', ')}. They would stay behind, with their volumes. xm delete --snapshots ${domain.name} deletes them, too.`,
      );
    return host.tasks.run(commandOf('delete', domain.name, { storage, snapshots: kept.length > 0 }), async task => {
      for (const each of kept.toReversed()) await deleteSnapshot(host, domain.name, each.name);
      await managedOf(host).remove(domain);
      const said = storage ? await removeStorage(host, domain) : [];
      const first = `${domain.name} is no longer managed${kept.length > 0 ? `, and ${number} of it ${kept.length === 1 ? 'is' : 'are'} deleted` : ''}`;
      task.message = [`${first}${storage ? '.' : '; its disks stay.'}`, ...said].join('\n');
      return said;
    });
  },
  xl: async ({ words }, run) => {
    const { options, rest } = readWords(words, { flags: 'sn', long: { storage: 's', snapshots: 'n' } });
    atLeast('delete', rest, 1);
    const said = await run(rest[0], options.has('s'), options.has('n'));
    return said.map(line => `${line}\n`).join('');
  },
});

async function removeStorage(host: CommandHost, { name, definition }: ManagedDomain): Promise<string[]> {
  const said: string[] = [];
  for (const { target, readOnly } of definition.disks) {
    if (readOnly || target === '') continue;
    const user = await userOf(host, name, target);
    if (user !== undefined) said.push(`${target} stays: ${user}.`);
    else if (host.disk.isDevice(target) && !host.files.allowed?.has(target))
      said.push(
        await removeVolume(host, target, name).then(
          () => `${target} is removed.`,
          (error: Error) => `${target} stays: ${error.message}`,
        ),
      );
    else if (target.startsWith('/dev/')) said.push(`${target} stays: it is no file. lvremove removes a volume.`);
    else
      said.push(
        await host.files.removeFile(target).then(
          () => `${target} is removed.`,
          (error: Error) => `${target} stays: ${error.message}`,
        ),
      );
  }
  return said;
}

/** The user of a disk next to the domain called `domain`, however that names it; undefined: nobody. */
async function userOf(host: CommandHost, domain: string, target: string): Promise<string | undefined> {
  const storage = await host.disk.openDevices();
  const isSame = async (other: string, of: string): Promise<boolean> => {
    const [one, two] = [
      [target, domain],
      [other, of],
    ].map(([path, who]) => (isTransfer(path) ? (storage?.transferOf(who) ?? path) : path));
    return isDevice(one) || isDevice(two)
      ? devicesOverlap(one, two)
      : (await host.files.realPath(one)) === (await host.files.realPath(two));
  };
  const defined = (await managedOf(host).list()).filter(other => other.name !== domain);
  const running = [...host.toolstack.members.values()]
    .filter(({ name, ending }) => name !== domain && !ending)
    .map(({ name, blueprint }) => ({ name, definition: blueprint.definition }));
  for (const { name, definition } of [...defined, ...running])
    for (const disk of definition.disks)
      if (disk.target !== '' && (await isSame(disk.target, name))) return `${name} has it, too`;
  for (const { name, header } of storage?.overlayHeaders ?? [])
    if (await isSame(header.path, domain)) return `/dev/vg0/${name} is an overlay of it`;
  return undefined;
}

async function removeVolume(host: Uses<'disk'>, target: string, domain: string): Promise<void> {
  const storage = await host.disk.openDevices();
  const path = isTransfer(target) ? storage?.transferOf(domain) : target;
  if (path !== undefined) storage?.removeDevice(path);
}

export const log = command({
  summary: 'Print Xend log',
  usage: '',
  only: 'xm',
  /** What was done on this host, and how it ended; of earlier ones, too, where Domain 0 has files. */
  run: async (host: Uses<'readLog'>): Promise<string> => host.readLog(),
  xl: async ({ words }, run) => (readWords(words), run()),
});
