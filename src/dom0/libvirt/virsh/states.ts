/** What domains there are, and what they do. */
import type { CommandHost, Domain, Uses } from '../../toolstack/index.ts';
import {
  hasManagedSave,
  infoOf,
  isAutomatic,
  LIST,
  listDomains,
  METADATA,
  metadataOf,
  osTypeOf,
  uuidOfDomain,
} from '../index.ts';
import { exclude, find, flagsOf, labelled, noMetadata, table, type VirshCommand } from './virsh-command.ts';

/** What virsh list shows, by the flags that choose it (cmdList() of tools/virsh-domain-monitor.c). */
const CHOICES: Readonly<Record<string, number>> = {
  persistent: LIST.PERSISTENT,
  transient: LIST.TRANSIENT,
  autostart: LIST.AUTOSTART,
  'no-autostart': LIST.NO_AUTOSTART,
  'with-managed-save': LIST.MANAGEDSAVE,
  'without-managed-save': LIST.NO_MANAGEDSAVE,
  'state-running': LIST.RUNNING,
  'state-paused': LIST.PAUSED,
  'state-shutoff': LIST.SHUTOFF,
  'state-other': LIST.OTHER,
};

async function list(host: CommandHost, options: ReadonlySet<string>): Promise<string> {
  const chosen = flagsOf(options, CHOICES);
  const which = options.has('all')
    ? LIST.ACTIVE | LIST.INACTIVE
    : options.has('inactive')
      ? LIST.INACTIVE
      : chosen & (LIST.PAUSED | LIST.SHUTOFF | LIST.RUNNING | LIST.OTHER)
        ? 0
        : LIST.ACTIVE;
  // Those that run by their numbers, then the others by their names (virshDomainSorter()).
  const shown = (await listDomains(host, which | chosen)).sort((a, b) =>
    a.id === undefined && b.id === undefined
      ? a.name.toLowerCase().localeCompare(b.name.toLowerCase(), 'en')
      : (a.id ?? Infinity) - (b.id ?? Infinity),
  );
  exclude(options, 'table', 'name');
  exclude(options, 'table', 'id');
  if (options.has('id')) return `${shown.map(({ id }) => `${id ?? ''}\n`).join('')}\n`;
  if (options.has('name')) return `${shown.map(({ name }) => `${name}\n`).join('')}\n`;
  if (options.has('uuid')) return `${shown.map(domain => `${uuidOfDomain(domain)}\n`).join('')}\n`;
  const saved = options.has('managed-save')
    ? new Set((await listDomains(host, LIST.MANAGEDSAVE)).map(({ name }) => name))
    : new Set();
  const titles = options.has('title') ? await Promise.all(shown.map(domain => titleOf(host, domain))) : undefined;
  return table([
    ['Id', 'Name', 'State', ...(titles ? ['Title'] : [])],
    ...shown.map((domain, i) => [
      String(domain.id ?? '-'),
      domain.name,
      domain.id === undefined && saved.has(domain.name) ? 'saved' : domain.status.state,
      ...(titles ? [titles[i]!] : []),
    ]),
  ]);
}

const titleOf = async (host: Uses<'consoles' | 'toolstack'>, domain: Domain): Promise<string> =>
  (await metadataOf(host, domain, { type: METADATA.TITLE }, 0).catch(noMetadata)) ?? '';

async function dominfo(host: CommandHost, word: string | undefined): Promise<string> {
  const domain = await find(host, word);
  const { name, id, managed, definition } = domain;
  const info = infoOf(host, domain);
  const rows: [string, string][] = [
    ['Id', String(id ?? '-')],
    ['Name', name],
    ['UUID', uuidOfDomain(domain)],
    ['OS Type', osTypeOf(definition)],
    ['State', domain.status.state],
    ['CPU(s)', String(info.vcpus)],
    ...(info.cpuTimeNs === 0 ? [] : [['CPU time', `${(info.cpuTimeNs / 1e9).toFixed(1)}s`] as [string, string]]),
    ['Max memory', `${info.maxMemoryKiB} KiB`],
    ['Used memory', `${info.memoryKiB} KiB`],
    ['Persistent', managed ? 'yes' : 'no'],
    ['Autostart', (await isAutomatic(host, domain)) ? 'enable' : 'disable'],
    ['Managed save', (await hasManagedSave(host, domain)) ? 'yes' : 'no'],
    ['Security model', 'none'],
    ['Security DOI', '0'],
  ];
  return labelled(15, rows);
}

export const STATES: Record<string, VirshCommand> = {
  list: {
    usage:
      'list [--all] [--inactive] [--name] [--uuid] [--id] [--table] [--title] [--managed-save] [--persistent] [--transient] [--autostart] [--no-autostart] [--with-managed-save] [--without-managed-save] [--state-running] [--state-paused] [--state-shutoff] [--state-other]',
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
    run: async (host, [word]) => `${uuidOfDomain(await find(host, word))}\n\n`,
  },
};
