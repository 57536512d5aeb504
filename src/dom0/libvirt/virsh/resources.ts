/** Memory, processors and shares of domains, and what is counted of them. Source: tools/virsh-domain.c and virsh-domain-monitor.c of libvirt 9. */
import { formatCpus, parseCpus } from '../../definitions/config/index.ts';
import type { CommandHost, Domain } from '../../toolstack/index.ts';
import {
  blockInfo,
  blockStats,
  CONFIG,
  cpuTimes,
  GUEST,
  interfaceStats,
  LibvirtError,
  LIVE,
  MAXIMUM,
  memoryStats,
  pinsOf,
  pinVcpu,
  schedulerOf,
  setMemory,
  setMemoryStatsPeriod,
  setShares,
  setVcpus,
  sharesOf,
  statsOf,
  VCPU,
  vcpuCount,
  vcpusOf,
} from '../index.ts';
import {
  capacityText,
  exclude,
  find,
  flagsOf,
  impact,
  labelled,
  numeric,
  needed,
  saying,
  scaled,
  table,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

const STATES: Readonly<Record<number, string>> = {
  [VCPU.OFFLINE]: 'offline',
  [VCPU.RUNNING]: 'running',
  [VCPU.BLOCKED]: 'blocked',
};
const NS = 1e9;

const affinityText = (affinity: number, pcpus: number): string =>
  Array.from({ length: pcpus }, (_, cpu) => ((affinity >>> cpu) & 1 ? 'y' : '-')).join('');

async function vcpuinfo(host: CommandHost, domain: Domain): Promise<string> {
  const { pcpus } = host.queue;
  const row = (label: string, value: string | number): string => `${label.padEnd(15)} ${value}\n`;
  const blocks =
    domain.id === undefined
      ? (await pinsOf(host, domain)).map(
          (affinity, vcpu) =>
            row('VCPU:', vcpu) +
            row('CPU:', 'N/A') +
            row('State:', 'N/A') +
            row('CPU time', 'N/A') +
            row('CPU Affinity:', affinityText(affinity, pcpus)),
        )
      : (await vcpusOf(host, domain)).map(
          ({ number, cpu, state, cpuTimeNs, affinity }) =>
            row('VCPU:', number) +
            row('CPU:', cpu) +
            row('State:', STATES[state]!) +
            (cpuTimeNs > 0 ? row('CPU time:', `${(cpuTimeNs / NS).toFixed(1)}s`) : '') +
            row('CPU Affinity:', affinityText(affinity, pcpus)),
        );
  return `${blocks.join('\n')}\n`;
}

/** Of one kind as options name it, or of all. @throws VirshError */
async function vcpucount(host: CommandHost, word: string | undefined, given: ReadonlySet<string>): Promise<string> {
  const options = new Set(given);
  // Before there were such flags --current was what --active is.
  if (!options.has('maximum') && !options.has('active')) options.delete('current');
  exclude(options, 'live', 'config');
  exclude(options, 'current', 'live');
  exclude(options, 'current', 'config');
  exclude(options, 'active', 'maximum');
  exclude(options, 'guest', 'config');
  const domain = await find(host, word);
  if (given.size > 0) {
    const kind = (options.has('maximum') ? MAXIMUM : 0) | (options.has('guest') ? GUEST : 0);
    const count = await vcpuCount(host, domain, impact(options) | kind).catch((error: Error) => {
      // virsh takes such an error for one of an older daemon, and has nobody else to ask.
      const isOld = options.has('guest') && error instanceof LibvirtError && error.class === 'INVALID_FLAGS';
      throw isOld
        ? new VirshError(`error: Failed to retrieve vCPU count from the guest\nerror: ${error.message}`)
        : error;
    });
    return `${count}\n\n`;
  }
  const rows = await Promise.all(
    (
      [
        ['maximum', 'config', MAXIMUM | CONFIG],
        ['maximum', 'live', MAXIMUM | LIVE],
        ['current', 'config', CONFIG],
        ['current', 'live', LIVE],
      ] as const
    ).map(async ([what, when, flags]) => {
      const count = await vcpuCount(host, domain, flags).catch(() => undefined);
      return count === undefined ? '' : `${what.padEnd(12)} ${when.padEnd(12)} ${String(count).padStart(3)}\n`;
    }),
  );
  return `${rows.join('')}\n`;
}

/** virDomainStatsTypes, and virConnectGetAllDomainStatsFlags, by their options. */
const STATS: Readonly<Record<string, number>> = Object.fromEntries(
  'state cpu-total balloon vcpu interface block perf iothread memory dirtyrate vm'
    .split(' ')
    .map((option, bit) => [option, 1 << bit]),
);
const LISTED_STATS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'active inactive persistent transient running paused shutoff other'
      .split(' ')
      .map((option, bit) => [`list-${option}`, 1 << bit]),
  ),
  nowait: 1 << 29,
  backing: 1 << 30,
  enforce: 1 << 31,
};

/** Of one disk, or of all. @throws VirshError */
async function domblkinfo(
  host: CommandHost,
  word: string | undefined,
  device: string | undefined,
  options: ReadonlySet<string>,
): Promise<string> {
  const domain = await find(host, word);
  const sizes = async (target: string): Promise<[string, string, string]> => {
    const { capacityBytes, allocationBytes, physicalBytes } = await blockInfo(host, domain, target);
    const text = (bytes: number): string => (options.has('human') ? capacityText(bytes, 3) : String(bytes));
    return [text(capacityBytes), text(allocationBytes), text(physicalBytes)];
  };
  if (options.has('all')) {
    const rows = await Promise.all(
      domain.definition.disks.map(async ({ vdev, target }) => [
        vdev,
        ...(target === '' ? ['-', '-', '-'] : await sizes(vdev)),
      ]),
    );
    return table([['Target', 'Capacity', 'Allocation', 'Physical'], ...rows]);
  }
  const [capacity, allocation, physical] = await sizes(needed(device, 'device'));
  return labelled(15, [
    ['Capacity', capacity],
    ['Allocation', allocation],
    ['Physical', physical],
  ]);
}

export const RESOURCES: Record<string, VirshCommand> = {
  setmem: {
    usage: 'setmem <domain> <size> [--config] [--live] [--current]',
    about: 'change memory allocation',
    run: async (host, [word, size], options) => {
      const domain = await find(host, word);
      const kib = scaled(needed(size, 'size'), 1024) / 1024;
      await setMemory(host, domain, kib, impact(options, LIVE));
      return '\n';
    },
  },
  setmaxmem: {
    usage: 'setmaxmem <domain> <size> [--config] [--live] [--current]',
    about: 'change maximum memory limit',
    run: async (host, [word, size], options) => {
      const domain = await find(host, word);
      const kib = scaled(needed(size, 'size'), 1024) / 1024;
      await saying('Unable to change MaxMemorySize', () => setMemory(host, domain, kib, impact(options) | MAXIMUM));
      return '\n';
    },
  },
  setvcpus: {
    usage: 'setvcpus <domain> <count> [--maximum] [--config] [--live] [--current] [--guest]',
    about: 'change number of virtual CPUs',
    run: async (host, [word, count], options) => {
      exclude(options, 'guest', 'config');
      const domain = await find(host, word);
      const vcpus = numeric(needed(count, 'count'), 'count', /^\d+$/);
      const flags = options.has('maximum') ? impact(options) | MAXIMUM : impact(options, LIVE);
      await setVcpus(host, domain, vcpus, flags | (options.has('guest') ? GUEST : 0));
      return '\n';
    },
  },
  vcpuinfo: {
    usage: 'vcpuinfo <domain>',
    about: 'detailed domain vcpu information',
    run: async (host, [word]) => vcpuinfo(host, await find(host, word)),
  },
  vcpucount: {
    usage: 'vcpucount <domain> [--maximum] [--active] [--live] [--config] [--current] [--guest]',
    about: 'domain vcpu counts',
    run: (host, [word], options) => vcpucount(host, word, options),
  },
  vcpupin: {
    usage: 'vcpupin <domain> [<vcpu>] [<cpulist>] [--config] [--live] [--current]',
    about: 'control or query domain vcpu affinity',
    run: async (host, [word, vcpu, list], options) => {
      const domain = await find(host, word);
      const all = 2 ** host.queue.pcpus - 1;
      if (list === undefined) {
        const pins = await pinsOf(host, domain);
        const rows = pins
          .map((affinity, number) => [String(number), formatCpus(affinity)])
          .filter(([number]) => vcpu === undefined || number === vcpu);
        return table([['VCPU', 'CPU Affinity'], ...rows]);
      }
      const bits = list === 'r' ? all : parseCpus(list);
      if (typeof bits !== 'number') throw new VirshError(`error: vcpupin: invalid cpulist '${list}'.`);
      await pinVcpu(host, domain, Number(vcpu), bits, impact(options));
      return '\n';
    },
  },
  schedinfo: {
    usage: 'schedinfo <domain> [--weight=<weight>] [--cap=<cap>] [--current] [--config] [--live] [[--set] <set>]...',
    about: 'show/set scheduler parameters',
    run: async (host, [word, weight, cap, ...set]) => {
      const domain = await find(host, word);
      const row = (label: string, value: string | number): string => `${label.padEnd(15)}: ${value}\n`;
      const head = row('Scheduler', domain.id === undefined ? 'Unknown' : schedulerOf(host).type);
      const refuse = (message: string): never => {
        throw new VirshError(`error: ${message}`, head);
      };
      try {
        const given = [...set.flatMap(each => each.split(/[\s,]+/)), weight && `weight=${weight}`, cap && `cap=${cap}`];
        const before = sharesOf(host, domain);
        const wanted = given.flatMap((each): [string, number][] => {
          if (!each) return [];
          const [, name = each, value] = /^([^=]+)=(-?\d+)$/.exec(each) ?? [];
          return value !== undefined && Object.hasOwn(before, name)
            ? [[name, Number(value)]]
            : refuse(`invalid scheduler option: ${name}`);
        });
        if (wanted.length > 0) await setShares(host, domain, Object.fromEntries(wanted));
        const rows = Object.entries(sharesOf(host, domain)).map(([name, value]) => row(name, value));
        return `${head}${rows.join('')}\n`;
      } catch (error) {
        return error instanceof VirshError ? Promise.reject(error) : refuse((error as Error).message);
      }
    },
  },
  dommemstat: {
    usage: 'dommemstat <domain> [--period <seconds>] [--config] [--live] [--current]',
    about: 'get memory statistics for a domain',
    run: async (host, [word, period], options) => {
      const domain = await find(host, word);
      if (period !== undefined) {
        const seconds = numeric(period, 'period', /^\d{1,9}$/);
        await saying('Unable to change balloon collection period.', () =>
          setMemoryStatsPeriod(host, domain, seconds, impact(options)),
        );
        return '\n';
      }
      const stats = await saying(`Failed to get memory statistics for domain ${word}`, () => memoryStats(host, domain));
      return `${stats.map(({ word: name, value }) => `${name} ${value}\n`).join('')}\n`;
    },
  },
  domblkinfo: {
    usage: 'domblkinfo <domain> [<device>] [--human] [--all]',
    about: 'domain block device size information',
    run: (host, [word, device], options) => domblkinfo(host, word, device, options),
  },
  domblkstat: {
    usage: 'domblkstat <domain> [<device>] [--human]',
    about: 'get device block stats for a domain',
    run: async (host, [word, device = ''], options) => {
      const domain = await find(host, word);
      const stats = blockStats(host, domain, device);
      const isHuman = options.has('human');
      const of = isHuman || device === '' ? '' : `${device} `;
      const row = (name: string, human: string, value: number): string =>
        `${of}${isHuman ? ` ${human.padEnd(31)}` : name} ${value}\n`;
      return [
        isHuman ? `Device: ${device}\n` : '',
        row('rd_req', 'number of read operations:', stats.readRequests),
        row('rd_bytes', 'number of bytes read:', stats.readBytes),
        row('wr_req', 'number of write operations:', stats.writeRequests),
        row('wr_bytes', 'number of bytes written:', stats.writtenBytes),
        '\n',
      ].join('');
    },
  },
  domifstat: {
    usage: 'domifstat <domain> <interface>',
    about: 'get network interface stats for a domain',
    run: async (host, [word, device]) => {
      const domain = await find(host, word);
      const name = needed(device, 'interface');
      const stats = await saying(`Failed to get interface stats ${word} ${name}`, () =>
        interfaceStats(host, domain, name),
      );
      const rows: [string, number][] = [
        ['rx_bytes', stats.rxBytes],
        ['rx_packets', stats.rxPackets],
        ['rx_drop', stats.rxDropped],
        ['tx_bytes', stats.txBytes],
        ['tx_packets', stats.txPackets],
        ['tx_drop', stats.txDropped],
      ];
      return `${rows.map(([field, value]) => `${name} ${field} ${value}\n`).join('')}\n`;
    },
  },
  'cpu-stats': {
    usage: 'cpu-stats <domain> [--total] [--start <number>] [--count <number>]',
    about: 'show domain cpu statistics',
    run: async (host, [word, start, count], options) => {
      const domain = await find(host, word);
      const [from, most] = [
        [start, 'start', 'start CPU'],
        [count, 'count', 'number of CPUs to show'],
      ].map(([text, option, what]) => {
        const value = text === undefined ? undefined : numeric(text, option!, /^-?\d{1,9}$/);
        if (value !== undefined && value < 0) throw new VirshError(`error: Invalid value for ${what}`);
        return value;
      });
      const times = (isTotal: boolean): Promise<number[]> =>
        saying(`Failed to retrieve CPU statistics for domain '${word}'`, () => cpuTimes(host, domain, isTotal));
      const text = (head: string, ns: number): string =>
        `${head}:\n\t${'cpu_time'.padEnd(12)} ${String(Math.floor(ns / 1e9)).padStart(9)}.${String(ns % 1e9).padStart(9, '0')} seconds\n`;
      const [total, each] = [options.has('total'), start !== undefined || count !== undefined];
      const isEach = each || !total,
        isTotal = total || !each;
      const all = isEach ? await times(false) : [];
      if (from !== undefined && from >= all.length)
        throw new VirshError(`error: Start CPU ${from} is out of range (min: 0, max: ${all.length - 1})`);
      const shown = all.slice(from, most === undefined ? undefined : (from ?? 0) + most);
      return `${shown.map((ns, i) => text(`CPU${(from ?? 0) + i}`, ns)).join('')}${isTotal ? text('Total', (await times(true))[0]!) : ''}\n`;
    },
  },
  domstats: {
    usage: `domstats ${[...Object.keys(STATS), ...Object.keys(LISTED_STATS)].map(option => `[--${option}]`).join(' ')} [--raw] [<domain>]...`,
    about: 'get statistics about one or multiple domains',
    run: async (host, words, options) => {
      const named = await Promise.all(words.map(word => find(host, word)));
      const all = await statsOf(host, named, flagsOf(options, STATS), flagsOf(options, LISTED_STATS));
      return `${all
        .map(
          ({ domain, stats }) =>
            `Domain: '${domain.name}'\n${stats.map(([field, _kind, value]) => `  ${field}=${value}\n`).join('')}`,
        )
        .join('\n')}\n`;
    },
  },
};
