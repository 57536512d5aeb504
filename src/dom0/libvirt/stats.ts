/** All that is counted of domains in one answer. Source: virDomainStatsTypes and the names of fields in src/libvirt-domain.c of libvirt 9. */
import type { CommandHost, Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { runningCards } from './cards.ts';
import { blockInfo, blockStats, interfaceStats } from './devices.ts';
import { infoOf, listDomains, stateOf } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { vcpuCount, vcpusOf } from './resources.ts';

/** A field, and of which type its value is. */
export type Stat = readonly [
  field: string,
  kind: 'int' | 'unsigned' | 'unsignedHyper' | 'text',
  value: number | string,
];

/** virDomainStatsTypes. */
const GROUP = { STATE: 1 << 0, CPU_TOTAL: 1 << 1, BALLOON: 1 << 2, VCPU: 1 << 3, INTERFACE: 1 << 4, BLOCK: 1 << 5 };
/** virConnectGetAllDomainStatsFlags: the first bits are those of lists. */
const LISTED = 0xff,
  ENFORCE = (1 << 31) >>> 0;

/** Of these domains, or, where none is named, of those that `flags` name. `groups`: 0: all. @throws LibvirtError */
export async function statsOf(
  host: CommandHost,
  named: readonly Domain[],
  groups: number,
  flags = 0,
): Promise<{ domain: Domain; stats: Stat[] }[]> {
  const known = Object.values(GROUP).reduce((all, group) => all | group, 0);
  if ((flags & ENFORCE) !== 0 && (groups & ~known) !== 0)
    throw new LibvirtError(
      'ARGUMENT_UNSUPPORTED',
      `Stats types bits 0x${(groups & ~known).toString(16)} are not supported by this daemon`,
    );
  const domains = named.length > 0 ? named : await listDomains(host, flags & LISTED);
  const wanted = groups === 0 ? known : groups;
  return Promise.all(domains.map(async domain => ({ domain, stats: await ofOne(host, domain, wanted) })));
}

async function ofOne(host: CommandHost, domain: Domain, groups: number): Promise<Stat[]> {
  const has = (group: number): boolean => (groups & group) !== 0;
  const info = infoOf(host, domain);
  const { state, reason } = stateOf(domain);
  const isActive = domain.id !== undefined;
  return [
    ...(has(GROUP.STATE)
      ? ([
          ['state.state', 'int', state],
          ['state.reason', 'int', reason],
        ] as const)
      : []),
    ...(has(GROUP.CPU_TOTAL) && isActive ? ([['cpu.time', 'unsignedHyper', info.cpuTimeNs]] as const) : []),
    ...(has(GROUP.BALLOON)
      ? ([
          ['balloon.current', 'unsignedHyper', info.memoryKiB],
          ['balloon.maximum', 'unsignedHyper', info.maxMemoryKiB],
        ] as const)
      : []),
    ...(has(GROUP.VCPU) ? await vcpus(host, domain) : []),
    ...(has(GROUP.INTERFACE) && isActive ? interfaces(host, domain) : []),
    ...(has(GROUP.BLOCK) ? await blocks(host, domain) : []),
  ];
}

async function vcpus(host: CommandHost, domain: Domain): Promise<Stat[]> {
  const all = domain.id === undefined ? [] : await vcpusOf(host, domain);
  const [current, maximum] = [
    domain.id === 0 ? all.length : await vcpuCount(host, domain),
    domain.definition.maxVcpus ?? domain.definition.vcpus,
  ];
  return [
    ['vcpu.current', 'unsigned', current],
    ['vcpu.maximum', 'unsigned', maximum],
    ...all.flatMap(({ number, state, cpuTimeNs }): Stat[] => [
      [`vcpu.${number}.state`, 'int', state],
      [`vcpu.${number}.time`, 'unsignedHyper', cpuTimeNs],
    ]),
  ];
}

function interfaces(host: CommandHost, domain: Domain): Stat[] {
  const cards = runningCards(host, domain);
  return [
    ['net.count', 'unsigned', cards.length],
    ...cards.flatMap(({ name }, i): Stat[] => {
      const stats = interfaceStats(host, domain, name);
      const row = (field: string, value: number): Stat => [`net.${i}.${field}`, 'unsignedHyper', value];
      return [
        [`net.${i}.name`, 'text', name],
        row('rx.bytes', stats.rxBytes),
        row('rx.pkts', stats.rxPackets),
        row('rx.drop', stats.rxDropped),
        row('tx.bytes', stats.txBytes),
        row('tx.pkts', stats.txPackets),
        row('tx.drop', stats.txDropped),
      ];
    }),
  ];
}

async function blocks(host: Uses<'disk' | 'domains' | 'files' | 'toolstack'>, domain: Domain): Promise<Stat[]> {
  const { disks } = domain.definition;
  const each = await Promise.all(
    disks.map(async ({ vdev, target }, i): Promise<Stat[]> => {
      const row = (field: string, value: number): Stat => [`block.${i}.${field}`, 'unsignedHyper', value];
      const stats = domain.id === undefined ? undefined : blockStats(host, domain, vdev);
      const info = target === '' ? undefined : await blockInfo(host, domain, vdev).catch(() => undefined);
      return [
        [`block.${i}.name`, 'text', vdev],
        ...(target === '' ? [] : [[`block.${i}.path`, 'text', target] as const]),
        ...(stats
          ? [
              row('rd.reqs', stats.readRequests),
              row('rd.bytes', stats.readBytes),
              row('wr.reqs', stats.writeRequests),
              row('wr.bytes', stats.writtenBytes),
            ]
          : []),
        ...(info
          ? [
              row('allocation', info.allocationBytes),
              row('capacity', info.capacityBytes),
              row('physical', info.physicalBytes),
            ]
          : []),
      ];
    }),
  );
  return [['block.count', 'unsigned', disks.length], ...each.flat()];
}
