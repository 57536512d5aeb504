/** What domains there are, and what they do. */
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { type CommandHost, managedOf, runNsOf, domainsOf } from '../../toolstack/index.ts';
import { find, labelled, table, type VirshCommand } from './virsh-command.ts';

async function list(host: CommandHost, options: ReadonlySet<string>): Promise<string> {
  const shown = (await domainsOf(host).list()).filter(
    ({ id }) => options.has('all') || (options.has('inactive') ? id === undefined : id !== undefined),
  );
  if (options.has('name')) return `${shown.map(({ name }) => `${name}\n`).join('')}\n`;
  if (options.has('uuid')) return `${shown.map(domain => `${domain.definition.uuid ?? ''}\n`).join('')}\n`;
  return table([
    ['Id', 'Name', 'State'],
    ...shown.map(domain => [String(domain.id ?? '-'), domain.name, domain.status.state]),
  ]);
}

async function dominfo(host: CommandHost, word: string | undefined): Promise<string> {
  const domain = await find(host, word);
  const { name, id, managed, definition } = domain;
  const member = id ? host.toolstack.members.get(id) : undefined;
  const index = id === 0 ? DOMAIN_0 : member?.record.index;
  const seconds = index === undefined ? undefined : runNsOf(host.toolstack, index) / 1e9;
  const rows: [string, string][] = [
    ['Id', String(id ?? '-')],
    ['Name', name],
    ['UUID', definition.uuid ?? ''],
    ['OS Type', definition.type === 'hvm' ? 'hvm' : definition.type === 'pvh' ? 'xenpvh' : 'linux'],
    ['State', domain.status.state],
    ['CPU(s)', String(definition.vcpus)],
    ...(seconds === undefined ? [] : [['CPU time', `${seconds.toFixed(1)}s`] as [string, string]]),
    ['Max memory', `${(definition.maxMemoryMiB ?? definition.memoryMiB) * 1024} KiB`],
    ['Used memory', `${definition.memoryMiB * 1024} KiB`],
    ['Persistent', managed ? 'yes' : 'no'],
    ['Autostart', managed && (await managedOf(host).isAutomatic(managed)) ? 'enable' : 'disable'],
    ['Managed save', 'no'],
    ['Security model', 'none'],
    ['Security DOI', '0'],
  ];
  return labelled(15, rows);
}

export const STATES: Record<string, VirshCommand> = {
  list: {
    usage: 'list [--all] [--inactive] [--name] [--uuid]',
    about: 'list domains',
    run: (host, _words, options) => list(host, options),
  },
  dominfo: { usage: 'dominfo <domain>', about: 'domain information', run: (host, [word]) => dominfo(host, word) },
  domstate: {
    usage: 'domstate <domain> [--reason]',
    about: 'domain state',
    run: async (host, [word], options) => {
      const { state, reason } = (await find(host, word)).status;
      return `${state}${options.has('reason') ? ` (${reason})` : ''}\n\n`;
    },
  },
  domid: {
    usage: 'domid <domain>',
    about: 'convert a domain name or UUID to domain id',
    run: async (host, [word]) => `${(await find(host, word)).id ?? '-'}\n\n`,
  },
  domname: {
    usage: 'domname <domain>',
    about: 'convert a domain id or UUID to domain name',
    run: async (host, [word]) => `${(await find(host, word)).name}\n\n`,
  },
  domuuid: {
    usage: 'domuuid <domain>',
    about: 'convert a domain name or id to domain UUID',
    run: async (host, [word]) => `${(await find(host, word)).definition.uuid ?? ''}\n\n`,
  },
};
