/** What domains there are. */
import type { DomainInfo } from '../wire.ts';
import type { CommandHost, Uses } from '../command-host.ts';
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { writeJson, writeSxp } from '../../definitions/config/index.ts';
import { domainsOf, NO_UUID } from '../domains/index.ts';
import { runNsOf } from '../run-time.ts';
import { clockOf } from '../time-words.ts';
import { command, Refusal } from './command.ts';
import { POOL } from './pools.ts';
import { onlineOf } from './processors.ts';
import { atLeast, atMost, findDomain, readWords, WrongUse } from './words.ts';
import { xenViewOf } from '../../../hypervisor/interfaces/xen/view/index.ts';

/** `r-----`: running, blocked, paused, shut down, why, dying; print_domain_state() in tools/xl/xl_info.c. */
function letters({ state, ended }: Pick<DomainInfo, 'state' | 'ended'>, reason?: string): string {
  const at = (letter: string, is: boolean): string => (is ? letter : '-');
  const over = ended !== undefined || state === 's' || state === 'c';
  return `${at('r', state === 'r')}${at('b', state === 'b')}${at('p', state === 'p')}${at('s', over)}${reason ?? at('c', state === 'c')}${at('d', state === 'd')}`;
}

/** Why it shut down, by SHUTDOWN code: poweroff, reboot, suspend, crash, watchdog, soft reset. */
const REASONS = '-rscwS',
  SHUTDOWN_CRASH = 3;

/** A line of a list; domain 0 is Domain 0. */
interface Row {
  /** Absent: it is defined, and does not run. */
  id?: number;
  name: string;
  memoryMiB: number;
  vcpus: number;
  /** `r-----`. */
  state: string;
  seconds: number;
  uuid: string;
  /** SHUTDOWN code; undefined: it has not shut down. */
  reason?: number;
}

function rowsOf(host: CommandHost, only?: number): Row[] {
  const { toolstack } = host;
  const seconds = (index: number): number => runNsOf(toolstack, index) / 1e9;
  const domain0 = {
    id: 0,
    name: 'Domain-0',
    memoryMiB: Math.round(toolstack.services.hardware.frames / 256),
    vcpus: 1,
    state: 'r-----',
    seconds: seconds(DOMAIN_0),
    uuid: NO_UUID,
  };
  const guests = host.domains.all().map((info): Row => {
    const member = toolstack.members.get(info.id);
    const view = member?.ending && xenViewOf(toolstack.view.at(member.record.index));
    // One whose worker died while it was suspended had reported another reason before.
    const reason = view && member.ending?.workerDied ? SHUTDOWN_CRASH : view?.shutdown;
    return {
      id: info.id,
      name: info.name,
      memoryMiB: info.memoryMiB,
      // One that has stopped has none online, and had as many as that.
      vcpus:
        (member &&
          info.ended === undefined &&
          onlineOf(host, { id: info.id, name: info.name, index: member.record.index })) ||
        info.vcpus,
      state: letters(info, reason === undefined ? undefined : REASONS[reason]),
      seconds: member ? seconds(member.record.index) : 0,
      uuid: member?.uuid ?? NO_UUID,
      ...(reason === undefined || reason < 0 ? {} : { reason }),
    };
  });
  return [domain0, ...guests].filter(({ id }) => only === undefined || id === only);
}

const number = (value: number | undefined, columns: number): string => String(value ?? '').padStart(columns);

/** main_list() in tools/xl/xl_info.c. */
function formatXl(
  rows: Row[],
  {
    verbose,
    context,
    claim,
    cpupool,
    numa,
  }: { verbose?: boolean; context?: boolean; claim?: boolean; cpupool?: boolean; numa?: boolean },
): string {
  const details = verbose
    ? '   UUID                            Reason-Code\tSecurity Label'
    : context
      ? '   Security Label'
      : '';
  const head = `Name${' '.repeat(36)}    ID   Mem VCPUs\tState\tTime(s)${details}${claim ? '  Claimed' : ''}${cpupool ? '         Cpupool' : ''}${numa ? ' NODE Affinity' : ''}\n`;
  const lines = rows.map(({ id, name, memoryMiB, vcpus, state, seconds, uuid, reason }) => {
    const label = verbose || context ? ` ${'-'.padStart(16)}` : '';
    // There is one pool and one node.
    const more = `${verbose ? ` ${uuid} ${(reason?.toString(16) ?? '-').padStart(8)}` : ''}${claim ? ` ${number(0, 5)}` : ''}${label}${cpupool ? POOL.padStart(16) : ''}${numa ? ' all' : ''}`;
    return `${name.padEnd(40)} ${number(id, 5)} ${number(memoryMiB, 5)} ${number(vcpus, 5)}     ${state}  ${seconds.toFixed(1).padStart(8)}${more}\n`;
  });
  return head + lines.join('');
}

/** xm_brief_list() in tools/python/xen/xm/main.py: managed domains that do not run have neither number nor state. */
function formatXm(rows: Row[]): string {
  const lines = rows.map(
    ({ id, name, memoryMiB, vcpus, state, seconds }) =>
      `${name.padEnd(40)} ${number(id, 5)} ${number(memoryMiB, 5)} ${number(vcpus, 5)} ${state.padStart(10)} ${seconds.toFixed(1).padStart(8)}\n`,
  );
  return `Name${' '.repeat(36)}    ID   Mem VCPUs      State   Time(s)\n${lines.join('')}`;
}

export const list = command({
  summary: 'List information about all/some domains',
  usage: '[options] [Domain]',
  options: [
    ['-l, --long', 'Output all VM details'],
    ['-v, --verbose', 'Prints out UUIDs and security context'],
    ['-Z, --context', 'Prints out security context'],
    ['-c, --cpupool', 'Prints the cpupool the domain is in'],
    ['-n, --numa', 'Prints out NUMA node affinity'],
  ],
  run: async (host: Uses<'domains'>): Promise<DomainInfo[]> => host.domains.all(),
  xl: async ({ host, words, program }) => {
    const { options, rest } = readWords(words, {
      flags: 'lvZcn',
      long: { long: 'l', verbose: 'v', context: 'Z', cpupool: 'c', numa: 'n' },
    });
    atMost(rest, 1);
    const managed = program === 'xm' ? await domainsOf(host).halted() : [];
    const asked = rest[0] === undefined ? undefined : managed.find(({ name }) => name === rest[0]);
    const rows = asked ? [] : rowsOf(host, rest[0] === undefined ? undefined : findDomain(host, rest[0]));
    const defined = rest[0] === undefined ? managed : asked ? [asked] : [];
    if (options.has('l')) {
      const definitions = [
        ...rows.map(({ id }) => ({ domid: id!, definition: domainsOf(host).definition(id!) })),
        ...defined.map(({ definition }) => ({ definition })),
      ];
      return program === 'xm'
        ? definitions.map(({ definition, ...where }) => writeSxp(definition, where)).join('')
        : writeJson(definitions);
    }
    if (program !== 'xm')
      return formatXl(rows, {
        verbose: options.has('v'),
        context: options.has('Z'),
        cpupool: options.has('c'),
        numa: options.has('n'),
      });
    const halted = defined.map(
      ({ name, definition }): Row => ({
        name,
        memoryMiB: definition.memoryMiB,
        vcpus: definition.vcpus,
        state: '',
        seconds: 0,
        uuid: definition.uuid ?? NO_UUID,
      }),
    );
    return formatXm([...rows, ...halted]);
  },
});

export const claims = command({
  summary: 'List outstanding claim information about all domains',
  usage: '',
  /** A domain has its memory as soon as it is built: nothing is claimed that it does not have. */
  run: async (host: CommandHost): Promise<Row[]> => rowsOf(host),
  xl: async ({ words }, run) => (readWords(words), formatXl(await run(), { claim: true })),
});

export const sharing = command({
  summary: 'Get information about page sharing',
  usage: '[Domain]',
  /** No page is two domains' here. */
  run: async (host: CommandHost, id?: number): Promise<Row[]> => rowsOf(host, id),
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atMost(rest, 1);
    const rows = await run(rest[0] === undefined ? undefined : findDomain(host, rest[0]));
    return `Name${' '.repeat(36)}    ID   Mem Shared\n${rows.map(({ id, name, memoryMiB }) => `${name.padEnd(40)} ${number(id, 5)} ${number(memoryMiB, 5)}  ${number(0, 5)}\n`).join('')}`;
  },
});

export const vmList = command({
  summary: 'List guest domains, excluding dom0, stubdoms, etc.',
  usage: '',
  run: async (host: Uses<'toolstack'>): Promise<{ uuid: string; id: number; name: string }[]> =>
    [...host.toolstack.members.values()].map(({ uuid, record, name }) => ({ uuid, id: record.id, name })),
  xl: async ({ words }, run) => (
    readWords(words),
    `UUID                                  ID    name\n${(await run()).map(({ uuid, id, name }) => `${uuid}  ${id}    ${name.padEnd(30)}\n`).join('')}`
  ),
});

/** `1 day,  2:03:04`: print_uptime() in tools/xl/xl_misc.c. */
function formatUptime(seconds: number, short: boolean): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const two = (value: number): string => String(value).padStart(2, '0');
  const before = days > 1 ? ` ${days} days, ` : days === 1 ? ` ${days} day, ` : '';
  return `${before}${String(hours).padStart(2)}:${two(minutes)}${short ? '' : `:${two(seconds % 60)}`}`;
}

export const uptime = command({
  summary: 'Print uptime for all/some domains',
  usage: '[-s] [Domain]',
  options: [['-s', 'Print short output.']],
  /** Whole seconds since each was built, and since the host began (domain 0). */
  run: async (host: Uses<'clock' | 'toolstack'>): Promise<{ id: number; name: string; seconds: number }[]> => {
    const since = (epochMs: number): number => Math.max(0, Math.floor((host.clock.epochMs() - epochMs) / 1000));
    return [
      { id: 0, name: 'Domain-0', seconds: since(host.clock.startedEpochMs) },
      ...[...host.toolstack.members.values()].map(({ record, name, builtEpochMs }) => ({
        id: record.id,
        name,
        seconds: since(builtEpochMs),
      })),
    ];
  },
  xl: async ({ host, words }, run) => {
    const { options, rest } = readWords(words, { flags: 's' });
    const asked = rest.map(word => findDomain(host, word));
    const all = (await run()).filter(({ id }) => asked.length === 0 || asked.includes(id));
    if (options.has('s')) {
      const now = clockOf(host.clock.epochMs());
      return all
        .map(({ id, name, seconds }) => ` ${now} up ${formatUptime(seconds, true)},  ${name} (${id})\n`)
        .join('');
    }
    return `${'Name'.padEnd(33)} ${'ID'.padStart(4)} Uptime\n${all.map(({ id, name, seconds }) => `${name.padEnd(33)} ${number(id, 4)} ${formatUptime(seconds, false)}\n`).join('')}`;
  },
});

export const domid = command({
  summary: 'Convert a domain name to domain id',
  usage: '<DomainName>',
  run: async (host: Uses<'domains'>, name: string): Promise<number> => {
    const found = host.domains.all().find(each => each.name === name);
    if (name !== 'Domain-0' && !found)
      throw new Refusal(`Can't get domid of domain name '${name}', maybe this domain does not exist.`);
    return found?.id ?? 0;
  },
  xl: async ({ words }, run) => {
    const { rest } = readWords(words);
    atLeast('domid', rest, 1);
    return `${await run(rest[0])}\n`;
  },
});

export const domname = command({
  summary: 'Convert a domain id to domain name',
  usage: '<DomainId>',
  run: async (host: Uses<'domains'>, id: number): Promise<string> => {
    const found = host.domains.all().find(each => each.id === id);
    if (id !== 0 && !found)
      throw new Refusal(`Can't get domain name of domain id '${id}', maybe this domain does not exist.`);
    return found?.name ?? 'Domain-0';
  },
  xl: async ({ words }, run) => {
    const { rest } = readWords(words);
    atLeast('domname', rest, 1);
    if (!/^\d+$/.test(rest[0])) throw new WrongUse('Invalid domain id.');
    return `${await run(Number(rest[0]))}\n`;
  },
});
