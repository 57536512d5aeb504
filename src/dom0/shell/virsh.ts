/**
 * libvirt's spelling of the toolstack: `virsh` with the commands that a VM Server's administrators use most, over managed domains and those that run.
 * Source: tools/virsh-domain.c, virsh-domain-monitor.c and virsh-host.c of libvirt 9 for columns and sentences.
 */
import {
  type Definition,
  formatFinding,
  isError,
  judgeDefinition,
  notCarried,
  otherKeys,
  others,
  parseXlConfig,
  prepareToRead,
  writeSxp,
  writeXlConfig,
  writeXml,
} from '../definitions/config/index.ts';
import { addressesOf, type CommandHost, createFrom, definitionOf, managedOf, runNsOf } from '../toolstack/index.ts';
import type { ManagedDomain } from '../toolstack/managed/index.ts';
import { currentOf, type SnapshotRecord } from '../toolstack/snapshots/index.ts';
import { TSC_HZ } from '../../hypervisor/domain/index.ts';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { ideName } from '../definitions/index.ts';
import { COMMANDS, runXl } from '../toolstack/commands/index.ts';
import { callOf } from './xl.ts';
import { editManaged } from './edit.ts';
import { failed, type Program, type Ran, succeeded, type Surroundings } from './program.ts';

/** A domain by libvirt's eyes: defined, running, or both. */
interface Domain {
  name: string;
  id?: number;
  managed?: ManagedDomain;
}

type Run = (host: CommandHost, words: string[], options: ReadonlySet<string>, around: Surroundings) => Promise<string>;

interface VirshCommand {
  usage: string;
  about: string;
  run: Run;
}

/** Two sentences, as virsh says them: what failed, and why. */
class VirshError extends Error {
  override name = 'VirshError';
}

/** `COMMAND` becomes the command's name. */
const COMMAND = '<command>';
const NO_DOMAIN = `error: command '${COMMAND}' requires <domain> option`;

async function domains(host: CommandHost): Promise<Domain[]> {
  const managed = (await host.managed?.list()) ?? [];
  const running = host.all().map(({ id, name }): Domain => {
    const same = managed.find(each => each.name === name);
    return { name, id, ...(same ? { managed: same } : {}) };
  });
  const halted = managed
    .filter(({ name }) => !running.some(domain => domain.name === name))
    .map((each): Domain => ({ name: each.name, managed: each }));
  return [{ name: 'Domain-0', id: 0 }, ...running, ...halted];
}

const definitionFor = (host: CommandHost, { id, managed }: Domain): Definition =>
  id === undefined ? managed!.definition : definitionOf(host, id);
const uuidFor = (host: CommandHost, domain: Domain): string => definitionFor(host, domain).uuid ?? '';

async function find(host: CommandHost, word: string | undefined): Promise<Domain> {
  if (word === undefined) throw new VirshError(NO_DOMAIN);
  const all = await domains(host);
  const found =
    all.find(({ id }) => String(id) === word) ??
    all.find(({ name }) => name === word) ??
    all.find(domain => uuidFor(host, domain) === word.toLowerCase());
  if (!found)
    throw new VirshError(
      `error: failed to get domain '${word}'\nerror: Domain not found: no domain with matching name '${word}'`,
    );
  return found;
}

/** A domain that need not be there any more: its snapshots are. */
function domainWord(word: string | undefined): string {
  if (word === undefined) throw new VirshError(NO_DOMAIN);
  return word;
}

function stateOf(host: CommandHost, { id }: Domain): string {
  if (id === undefined) return 'shut off';
  if (id === 0) return 'running';
  const info = host.all().find(domain => domain.id === id);
  if (info?.state === 'p') return 'paused';
  if (info?.state === 'c') return 'crashed';
  if (info?.state === 'd') return 'in shutdown';
  return info?.ended === undefined ? (info?.state === 'b' ? 'idle' : 'running') : 'shut off';
}

/** vshTablePrint: columns as wide as their longest cell, three spaces between them, a line of dashes below the head. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    ` ${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('   ')}\n`;
  const dashes = '-'.repeat(widths.reduce((sum, width) => sum + width + 3, 0));
  return `${line(rows[0]!)}${dashes}\n${rows.slice(1).map(line).join('')}\n`;
}

/** A command with one domain, of which virsh says what was done, or what failed. */
const onDomain =
  (
    verb: string,
    done: string,
    act: (host: CommandHost, domain: Domain, options: ReadonlySet<string>) => Promise<unknown>,
    runs = true,
  ): Run =>
  async (host, [word], options) => {
    const domain = await find(host, word);
    const { name, id } = domain;
    try {
      if (runs && id === undefined) throw new Error('Requested operation is not valid: domain is not running');
      if (id === 0) throw new Error('Requested operation is not valid: this is the host’s own domain');
      await act(host, domain, options);
    } catch (error) {
      throw new VirshError(`error: Failed to ${verb} domain '${name}'\nerror: ${(error as Error).message}`);
    }
    return `Domain '${name}' ${done}\n\n`;
  };

function managedFor({ managed }: Domain): ManagedDomain {
  if (!managed)
    throw new Error(
      'Requested operation is not valid: cannot act on a transient domain: it was created, and not defined',
    );
  return managed;
}

/** A definition's file, and the path of it in messages. */
async function definitionIn(words: string[], { readFile }: Surroundings): Promise<{ path: string; text: string }> {
  const path = words.find(word => !word.startsWith('--'));
  if (path === undefined) throw new VirshError(`error: command '${COMMAND}' requires <file> option`);
  const bytes = await readFile(path).catch((error: Error) => {
    throw new VirshError(`error: Failed to open file '${path}': ${error.message.replace(`${path}: `, '')}`);
  });
  return { path, text: new TextDecoder().decode(bytes) };
}

async function list(host: CommandHost, options: ReadonlySet<string>): Promise<string> {
  const shown = (await domains(host)).filter(
    ({ id }) => options.has('all') || (options.has('inactive') ? id === undefined : id !== undefined),
  );
  if (options.has('name')) return `${shown.map(({ name }) => `${name}\n`).join('')}\n`;
  if (options.has('uuid')) return `${shown.map(domain => `${uuidFor(host, domain)}\n`).join('')}\n`;
  return table([
    ['Id', 'Name', 'State'],
    ...shown.map(domain => [String(domain.id ?? '-'), domain.name, stateOf(host, domain)]),
  ]);
}

async function dominfo(host: CommandHost, word: string | undefined): Promise<string> {
  const domain = await find(host, word);
  const { name, id, managed } = domain;
  const definition = definitionFor(host, domain);
  const member = id ? host.toolstack.members.get(id) : undefined;
  const index = id === 0 ? DOMAIN_0 : member?.record.index;
  const seconds = index === undefined ? undefined : runNsOf(host.toolstack, index) / 1e9;
  const rows: [string, string][] = [
    ['Id', String(id ?? '-')],
    ['Name', name],
    ['UUID', definition.uuid ?? ''],
    ['OS Type', definition.type === 'hvm' ? 'hvm' : definition.type === 'pvh' ? 'xenpvh' : 'linux'],
    ['State', stateOf(host, domain)],
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
  return `${rows.map(([label, value]) => `${`${label}:`.padEnd(15)} ${value}\n`).join('')}\n`;
}

async function dumpxml(host: CommandHost, [word]: string[], options: ReadonlySet<string>): Promise<string> {
  const domain = await find(host, word);
  const inactive = options.has('inactive') && domain.managed;
  return `${writeXml(inactive ? inactive.definition : definitionFor(host, domain), inactive || domain.id === undefined ? {} : { domid: domain.id })}\n`;
}

/** Formats of domxml-to-native and domxml-from-native. */
const FORMATS = ['xen-xl', 'xen-xm', 'xen-sxpr'];

/** A definition in another language, or all that is wrong with it. `fromXml`: it is in libvirt's, and goes to a format; else the other way. */
async function converted(words: string[], around: Surroundings, fromXml: boolean): Promise<string> {
  const [format = '', ...rest] = words;
  if (!FORMATS.includes(format)) throw new VirshError(`error: unsupported config type ${format}`);
  const { path, text } = await definitionIn(rest, around);
  await prepareToRead(text);
  const refuse = (told: string[]): never => {
    throw new VirshError(told.map(each => `error: ${each}`).join('\n'));
  };
  const first = /[^\s\uFEFF]/.exec(text)?.[0];
  const [wanted, what] = fromXml
    ? ['<', 'domain XML of libvirt']
    : format === 'xen-sxpr'
      ? ['(', 'definition as xend exported it']
      : [undefined, 'configuration file of xl or xm'];
  if (wanted ? first !== wanted : first === '<' || first === '(')
    refuse([`${path}:1:1: This is no ${what}. Take another file, or another format.`]);
  // xl's grammar is narrower than xm's, which was Python's.
  const problems = !fromXml && format === 'xen-xl' ? parseXlConfig(text).problems : [];
  if (problems.length > 0)
    refuse(problems.map(({ line, column, text: sentence }) => `${path}:${line}:${column}: ${sentence}`));
  const judged = judgeDefinition(path, text);
  const wrong = judged.findings.filter(isError);
  if (wrong.length > 0) refuse(wrong.map(formatFinding));
  if (!fromXml) {
    const { settings, definition } = judged;
    const localtime = settings.get('localtime');
    const xml = writeXml(definition, { isLocal: localtime?.kind === 'number' && localtime.text === '1' });
    const lines = (await notCarried(judged, xml)).map(line => `  ${line.replaceAll('--', '- -')}\n`);
    return (lines.length > 0 ? `<!-- not carried over:\n${lines.join('')}-->\n` : '') + xml;
  }
  const lost = judged.findings
    .filter(({ verdict, key }) => verdict === 'ignored' && !judged.settings.has(key.split('.')[0]))
    .map(finding => `${finding.key}: ${formatFinding(finding)}`);
  const note = (lines: readonly string[]): string => lines.map(line => `# not carried over: ${line}\n`).join('');
  if (format === 'xen-sxpr') {
    const sxp = writeSxp(judged.definition, { others: others(judged) });
    // Behind the definition, which begins with its bracket.
    return sxp + note([...lost, ...(await notCarried(judged, sxp))]);
  }
  const xl = writeXlConfig(judged.definition) + otherKeys(judged);
  // xm has other words for what is started.
  const native =
    format === 'xen-xl'
      ? xl
      : xl
          .replace(/^type = "(.*)"$/m, (_, type: string) => `builder = "${type === 'pv' ? 'linux' : type}"`)
          .replace(/^cmdline = /m, 'extra = ');
  return note([...lost, ...(await notCarried(judged, native))]) + native;
}

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

/** Of the network of the host's guests. */
const PREFIX = 24;
const BRIDGE = 'xenbr0';
/** Where volumes and images are. */
const POOLS: Record<string, { folder: string; names(host: CommandHost): Promise<string[]> }> = {
  images: {
    folder: '/var/lib/xen/images',
    names: async host => (await host.parts.files?.readdir('/var/lib/xen/images').catch(() => [])) ?? [],
  },
  vg0: { folder: '/dev/vg0', names: async host => ((await host.openDevices())?.volumes ?? []).map(({ name }) => name) },
};

const TABLE: Record<string, VirshCommand> = {
  list: {
    usage: 'list [--all] [--inactive] [--name] [--uuid]',
    about: 'list domains',
    run: (host, _words, options) => list(host, options),
  },
  dominfo: { usage: 'dominfo <domain>', about: 'domain information', run: (host, [word]) => dominfo(host, word) },
  domstate: {
    usage: 'domstate <domain>',
    about: 'domain state',
    run: async (host, [word]) => `${stateOf(host, await find(host, word))}\n\n`,
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
    run: async (host, [word]) => `${uuidFor(host, await find(host, word))}\n\n`,
  },
  dumpxml: { usage: 'dumpxml <domain> [--inactive]', about: 'domain information in XML', run: dumpxml },
  define: {
    usage: 'define <file>',
    about: 'define a domain from an XML file',
    run: async (host, words, _options, around) => {
      const { path, text } = await definitionIn(words, around);
      const { name } = await COMMANDS.new.run(host, path, text).catch((error: Error) => {
        throw new VirshError(`error: Failed to define domain from ${path}\nerror: ${error.message}`);
      });
      return `Domain '${name}' defined from ${path}\n\n`;
    },
  },
  edit: {
    usage: 'edit <domain>',
    about: 'edit configuration for a domain',
    run: async () => {
      throw new VirshError('error: edit needs the terminal: give it a line of its own, without pipes.');
    },
  },
  undefine: {
    usage: 'undefine <domain> [--remove-all-storage]',
    about: 'undefine a domain',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      try {
        // As libvirt does: a domain that runs goes on, and is transient then.
        const managed = managedFor(domain);
        if (domain.id === undefined) await COMMANDS.delete.run(host, domain.name, options.has('remove-all-storage'));
        else await managedOf(host).remove(managed);
      } catch (error) {
        throw new VirshError(`error: Failed to undefine domain '${domain.name}'\nerror: ${(error as Error).message}`);
      }
      return `Domain '${domain.name}' has been undefined\n\n`;
    },
  },
  start: {
    usage: 'start <domain> [--paused]',
    about: 'start a (previously defined) inactive domain',
    run: async (host, [word], options) => {
      const { name, id } = await find(host, word);
      if (id !== undefined) throw new VirshError('error: Domain is already active');
      await COMMANDS.start.run(host, name, options.has('paused')).catch((error: Error) => {
        throw new VirshError(`error: Failed to start domain '${name}'\nerror: ${error.message}`);
      });
      return `Domain '${name}' started\n\n`;
    },
  },
  create: {
    usage: 'create <file> [--paused]',
    about: 'create a domain from an XML file',
    run: async (host, words, options, around) => {
      const { path } = await definitionIn(words, around);
      const read = async (name: string): Promise<Blob> => new Blob([(await around.readFile(name)) as BlobPart]);
      const { name } = await createFrom({ host, read }, path, { paused: options.has('paused') }).catch(
        (error: Error) => {
          throw new VirshError(`error: Failed to create domain from ${path}\nerror: ${error.message}`);
        },
      );
      return `Domain '${name}' created from ${path}\n\n`;
    },
  },
  shutdown: {
    usage: 'shutdown <domain>',
    about: 'gracefully shutdown a domain',
    run: onDomain('shutdown', 'is being shutdown', (host, { id }) => COMMANDS.shutdown.run(host, id!)),
  },
  reboot: {
    usage: 'reboot <domain>',
    about: 'reboot a domain',
    run: onDomain('reboot', 'is being rebooted', (host, { id }) => COMMANDS.reboot.run(host, id!)),
  },
  destroy: {
    usage: 'destroy <domain>',
    about: 'destroy (stop) a domain',
    run: onDomain('destroy', 'destroyed', (host, { id }) => COMMANDS.destroy.run(host, id!)),
  },
  suspend: {
    usage: 'suspend <domain>',
    about: 'suspend a domain',
    run: onDomain('suspend', 'suspended', (host, { id }) => COMMANDS.pause.run(host, id!)),
  },
  resume: {
    usage: 'resume <domain>',
    about: 'resume a domain',
    run: onDomain('resume', 'resumed', (host, { id }) => COMMANDS.unpause.run(host, id!)),
  },
  'change-media': {
    usage: 'change-media <domain> <path> [<source>] [--eject] [--insert] [--update]',
    about: 'Change media of CD or floppy drive',
    run: async (host, [word, vdev, source], options, around) => {
      const action = options.has('eject') ? 'eject' : options.has('insert') ? 'insert' : 'update';
      const { name, id } = await find(host, word);
      try {
        if (vdev === undefined || (action !== 'eject' && source === undefined))
          throw new Error(`command 'change-media' requires <${vdev === undefined ? 'path' : 'source'}> option`);
        if (!id) throw new Error(`Requested operation is not valid: domain ${name} is not running`);
        const isEmpty = !host
          .member(id)
          .blueprint.drives?.some(drive => (drive.vdev ?? ideName(drive.place)) === vdev && drive.medium);
        if (action === 'eject' && isEmpty) throw new Error(`The disk device '${vdev}' doesn't have media`);
        if (action === 'insert' && !isEmpty) throw new Error(`The disk device '${vdev}' already has media`);
        const call = callOf(host, ['cd-insert', word!, vdev, source ?? ''], around);
        await runXl(COMMANDS, action === 'eject' ? { ...call, words: ['cd-eject', word!, vdev] } : call);
      } catch (error) {
        throw new VirshError(`error: Failed to complete action ${action} on media\nerror: ${(error as Error).message}`);
      }
      return `Successfully ${action === 'update' ? 'updated' : `${action}ed`} media.\n`;
    },
  },
  autostart: {
    usage: 'autostart <domain> [--disable]',
    about: 'autostart a domain',
    run: async (host, [word], options) => {
      const domain = await find(host, word);
      const on = !options.has('disable');
      await Promise.resolve()
        .then(() => managedOf(host).setAutomatic(managedFor(domain), on))
        .catch((error: Error) => {
          throw new VirshError(
            `error: Failed to ${on ? '' : 'un'}mark domain '${domain.name}' as autostarted\nerror: ${error.message}`,
          );
        });
      return `Domain '${domain.name}' ${on ? '' : 'un'}marked as autostarted\n\n`;
    },
  },
  'domxml-to-native': {
    usage: 'domxml-to-native <format> <file>',
    about: 'convert domain XML to native config',
    run: (_host, words, _options, around) => converted(words, around, true),
  },
  'domxml-from-native': {
    usage: 'domxml-from-native <format> <file>',
    about: 'convert native config to domain XML',
    run: (_host, words, _options, around) => converted(words, around, false),
  },
  'snapshot-create-as': {
    usage: 'snapshot-create-as <domain> [<name>] [<description>]',
    about: 'create a snapshot from a set of args',
    run: async (host, [word, name, description]) =>
      `Domain snapshot ${(await COMMANDS.snapshot.run(host, (await find(host, word)).name, name, description)).name} created\n`,
  },
  'snapshot-list': {
    usage: 'snapshot-list <domain> [--parent] [--tree]',
    about: 'list snapshots for a domain',
    run: async (host, [domain], options) => {
      const records = await COMMANDS['snapshot-list'].run(host, domainWord(domain));
      if (options.has('tree')) return treeOf(records);
      const parent = options.has('parent');
      const rows = records.map(record => [
        record.name,
        `${new Date(record.createdMs).toISOString().slice(0, 19).replace('T', ' ')} +0000`,
        record.state ? 'running' : 'shutoff',
        ...(parent ? [record.parent ?? ''] : []),
      ]);
      return table([['Name', 'Creation Time', 'State', ...(parent ? ['Parent'] : [])], ...rows]);
    },
  },
  'snapshot-current': {
    usage: 'snapshot-current <domain> [--name]',
    about: 'the snapshot that a domain is at',
    run: async (host, [domain]) => {
      const name = domainWord(domain),
        here = currentOf(await COMMANDS['snapshot-list'].run(host, name));
      if (!here) throw new VirshError(`error: domain '${name}' has no current snapshot`);
      return `${here.name}\n\n`;
    },
  },
  'snapshot-revert': {
    usage: 'snapshot-revert <domain> <name>',
    about: 'revert a domain to a snapshot',
    run: async (host, [domain, name = '']) => {
      await COMMANDS.revert.run(host, domainWord(domain), name);
      return `Domain snapshot ${name} reverted\n`;
    },
  },
  'snapshot-delete': {
    usage: 'snapshot-delete <domain> <name>',
    about: 'delete a domain snapshot',
    run: async (host, [domain, name = '']) => {
      await COMMANDS['snapshot-delete'].run(host, domainWord(domain), name);
      return `Domain snapshot ${name} deleted\n`;
    },
  },
  desc: {
    usage: 'desc <domain> [<new-desc>] [--live] [--config]',
    about: 'show or set domain’s description',
    run: async (host, [word, text]) => {
      const domain = await find(host, word);
      if (text === undefined)
        return `${definitionFor(host, domain).description ?? `No description for domain: ${domain.name}`}\n`;
      if (domain.id === 0)
        throw new VirshError('error: Requested operation is not valid: this is the host’s own domain');
      await host.setDescription(domain.name, text);
      return 'Domain description updated successfully';
    },
  },
  domrename: {
    usage: 'domrename <domain> <new-name>',
    about: 'rename a domain',
    run: async (host, [word, name]) => {
      const domain = await find(host, word);
      if (name === undefined) throw new VirshError(`error: command '${COMMAND}' requires <new-name> option`);
      if (domain.id !== undefined)
        throw new VirshError('error: Requested operation is not valid: cannot rename active domain');
      await COMMANDS.rename.run(host, domain.name, name);
      return 'Domain successfully renamed\n\n';
    },
  },
  domifaddr: {
    usage: 'domifaddr <domain>',
    about: 'Get network interfaces’ addresses for a running domain',
    run: async (host, [word]) => {
      const { id } = await find(host, word);
      if (id === undefined)
        throw new VirshError(
          'error: Failed to query for interfaces addresses\nerror: Requested operation is not valid: domain is not running',
        );
      const rows = addressesOf(host, id).map(
        ({ port, mac, address }) =>
          ` ${port.padEnd(10)} ${mac.padEnd(17)}    ${'ipv4'.padEnd(12)} ${address}/${PREFIX}\n`,
      );
      return ` ${'Name'.padEnd(10)} ${'MAC address'.padEnd(20)} ${'Protocol'.padEnd(8)}     Address\n${'-'.repeat(79)}\n${rows.join('')}\n`;
    },
  },
  domblklist: {
    usage: 'domblklist <domain>',
    about: 'list all domain blocks',
    run: async (host, [word]) => {
      const { disks } = definitionFor(host, await find(host, word));
      return table([['Target', 'Source'], ...disks.map(({ vdev, target }) => [vdev, target || '-'])]);
    },
  },
  domiflist: {
    usage: 'domiflist <domain>',
    about: 'list all domain virtual interfaces',
    run: async (host, [word]) => {
      const domain = await find(host, word);
      const { nic, vif, mac, moreCards = [] } = definitionFor(host, domain);
      const cards =
        nic || vif
          ? [{ mac, model: nic ?? 'netfront' }, ...moreCards.map(card => ({ mac: card.mac, model: 'netfront' }))]
          : [];
      const rows = cards.map((card, i) => [
        domain.id === undefined ? '-' : `vif${domain.id}.${i}`,
        'bridge',
        BRIDGE,
        card.model,
        card.mac ?? '-',
      ]);
      return table([['Interface', 'Type', 'Source', 'Model', 'MAC'], ...rows]);
    },
  },
  'net-list': {
    usage: 'net-list [--all]',
    about: 'list networks',
    run: async () =>
      table([
        ['Name', 'State', 'Autostart', 'Persistent'],
        [BRIDGE, 'active', 'yes', 'yes'],
      ]),
  },
  'pool-list': {
    usage: 'pool-list [--all]',
    about: 'list pools',
    run: async () =>
      table([['Name', 'State', 'Autostart'], ...Object.keys(POOLS).map(name => [name, 'active', 'yes'])]),
  },
  'vol-list': {
    usage: 'vol-list <pool>',
    about: 'list vols',
    run: async (host, [pool]) => {
      if (pool === undefined) throw new VirshError(`error: command '${COMMAND}' requires <pool> option`);
      if (!Object.hasOwn(POOLS, pool))
        throw new VirshError(
          `error: failed to get pool '${pool}'\nerror: Storage pool not found: no storage pool with matching name '${pool}'`,
        );
      const names = await POOLS[pool].names(host);
      return table([['Name', 'Path'], ...names.sort().map(name => [name, `${POOLS[pool].folder}/${name}`])]);
    },
  },
  nodeinfo: {
    usage: 'nodeinfo',
    about: 'node information',
    run: async host => {
      const { pcpus, memoryMiB } = await host.summary();
      const rows: [string, string | number][] = [
        ['CPU model', 'i686'],
        ['CPU(s)', pcpus],
        ['CPU frequency', `${Math.round(TSC_HZ / 1e6)} MHz`],
        ['CPU socket(s)', 1],
        ['Core(s) per socket', pcpus],
        ['Thread(s) per core', 1],
        ['NUMA cell(s)', 1],
        ['Memory size', `${memoryMiB * 1024} KiB`],
      ];
      return `${rows.map(([label, value]) => `${`${label}:`.padEnd(20)} ${value}\n`).join('')}\n`;
    },
  },
  hostname: { usage: 'hostname', about: 'print the hypervisor hostname', run: async () => 'ringside\n\n' },
  uri: { usage: 'uri', about: 'print the hypervisor canonical URI', run: async () => 'xen:///system\n\n' },
};

export function virshProgram(host: CommandHost): Program {
  return {
    name: 'virsh',
    summary: "the same in libvirt's spelling: virsh help",
    run: async (words, around): Promise<Ran> => {
      const [name = 'help', ...rest] = words;
      if (name === 'help')
        return succeeded(
          `${Object.values(TABLE)
            .map(({ usage, about }) => `    ${usage.split(' ')[0]!.padEnd(30)} ${about}\n`)
            .join('')}\n`,
        );
      if (!Object.hasOwn(TABLE, name)) return failed(`error: unknown command: '${name}'`);
      const { usage, run } = TABLE[name]!;
      if (rest.includes('--help')) return succeeded(`  SYNOPSIS\n    ${usage}\n`);
      const known = new Set([...usage.matchAll(/--([a-z-]+)/g)].map(([, option]) => option!));
      const options = new Set(rest.filter(word => word.startsWith('--')).map(word => word.slice(2)));
      const unknown = [...options].find(option => !known.has(option));
      if (unknown !== undefined) return failed(`error: command '${name}' doesn't support option --${unknown}`);
      const most = usage.split(' ').filter(word => /^\[?</.test(word)).length;
      const unexpected = rest.filter(word => !word.startsWith('--'))[most];
      if (unexpected !== undefined) return failed(`error: unexpected data '${unexpected}'`);
      try {
        return succeeded(
          await run(
            host,
            rest.filter(word => !word.startsWith('--')),
            options,
            around,
          ),
        );
      } catch (error) {
        return failed(
          error instanceof VirshError ? error.message.replace(COMMAND, name) : `error: ${(error as Error).message}`,
        );
      }
    },
    own: ([command, ...words]) => {
      const [word] = words.filter(each => !each.startsWith('-'));
      if (command !== 'edit' || word === undefined || words.includes('--help')) return undefined;
      return async terminal => {
        const say = (text: string, status: number): number => (
          terminal.write(`${text.replace(/\n/g, '\r\n')}\r\n`), status
        );
        try {
          const domain = managedFor(await find(host, word));
          return say(
            `Domain '${domain.name}' XML configuration ${(await editManaged(host, domain, terminal)) ? 'edited' : 'not changed'}.`,
            0,
          );
        } catch (error) {
          return say(error instanceof VirshError ? error.message : `error: ${(error as Error).message}`, 1);
        }
      };
    },
    complete: async words => {
      if (words.length === 1) return Object.keys(TABLE);
      return TABLE[words[0]!]?.usage.includes('<domain>') ? (await domains(host)).map(({ name }) => name) : [];
    },
  };
}
