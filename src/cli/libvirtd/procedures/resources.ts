/** Procedures of memory, processors, shares and jobs of domains. */
import { array, bytes, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import type { CommandHost, Domain, Uses } from '../../../dom0/toolstack/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, LIST_MAX, type Parameter, parameters, text } from '../types.ts';
import { meant, ofDomain, ofDomainWithFlags } from './domains.ts';

/** REMOTE_VCPUINFO_MAX, REMOTE_CPUMAPS_MAX, REMOTE_CPUMAP_MAX, REMOTE_DOMAIN_JOB_STATS_MAX. */
const MOST_VCPUS = 16_384,
  MOST_MAPS_BYTES = 8_388_608,
  MOST_MAP_BYTES = 2048,
  MOST_JOB_STATS = 64;
const MEMORY = struct({ domain, memoryKiB: unsignedHyper });
const MEMORY_WITH_FLAGS = struct({ domain, memoryKiB: unsignedHyper, flags });
/** REMOTE_DOMAIN_SCHEDULER_PARAMETERS_MAX, REMOTE_CONNECT_GET_ALL_DOMAIN_STATS_MAX; VIR_TYPED_PARAM_STRING_OKAY: clients that know texts say so. */
const MOST_SCHEDULER = 16,
  MOST_STATS = 262_144,
  /** REMOTE_DOMAIN_GET_CPU_STATS_MAX. */
  MOST_CPU_STATS = 2048,
  STRINGS = 1 << 2;
/** virDomainJobInfo. */
const JOB_INFO = struct({
  type: int,
  elapsedMs: unsignedHyper,
  remainingMs: unsignedHyper,
  dataTotal: unsignedHyper,
  dataProcessed: unsignedHyper,
  dataRemaining: unsignedHyper,
  memoryTotal: unsignedHyper,
  memoryProcessed: unsignedHyper,
  memoryRemaining: unsignedHyper,
  fileTotal: unsignedHyper,
  fileProcessed: unsignedHyper,
  fileRemaining: unsignedHyper,
});
/** The first this many. @throws LibvirtError */
function shares(host: CommandHost, of: Domain, count: number, flags = 0): { parameters: Parameter[] } {
  const all = libvirt.sharesOf(host, of, flags);
  return {
    parameters: Object.entries(libvirt.schedulerOf(host).fields)
      .slice(0, Math.max(0, count))
      .map(([field, kind]): Parameter => ({ field, value: { kind, value: all[field]! } })),
  };
}

/** @throws LibvirtError */
function newShares(host: Uses<'toolstack'>, given: readonly Parameter[]): Record<string, number> {
  const { fields } = libvirt.schedulerOf(host);
  return Object.fromEntries(
    given.map(({ field, value: { kind, value } }) => {
      if (!Object.hasOwn(fields, field))
        throw new libvirt.LibvirtError('INVALID_ARG', `parameter '${field}' not supported`, 'domain');
      if (kind !== fields[field])
        throw new libvirt.LibvirtError('INVALID_ARG', `invalid type for parameter '${field}'`, 'domain');
      return [field, value as number];
    }),
  );
}

/** Bits of processors as libvirt's maps have them. */
function mapOf(affinity: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, byte) => (byte < 4 ? (affinity >>> (byte * 8)) & 0xff : 0));
}

const affinityOf = (map: Uint8Array): number =>
  map.slice(0, 4).reduce((bits, byte, i) => (bits | (byte << (i * 8))) >>> 0, 0);

const mapsOf = (pins: readonly number[], length: number): Uint8Array =>
  Uint8Array.from(pins.flatMap(affinity => [...mapOf(affinity, length)]));

/** As many as the caller has room for, which is no more than there can be. @throws LibvirtError */
function room(count: number, length: number): void {
  if (count < 0 || length < 0 || count > MOST_VCPUS || count * length > MOST_MAPS_BYTES || length > MOST_MAP_BYTES)
    throw new libvirt.LibvirtError('INTERNAL_ERROR', 'maxinfo > REMOTE_VCPUINFO_MAX', 'rpc');
}

export const RESOURCES: Table = {
  domain_get_max_memory: procedure({
    arguments: ofDomain,
    result: struct({ memoryKiB: unsignedHyper }),
    run: async ({ host }, given) => ({
      memoryKiB: libvirt.infoOf(host, await meant(host, given.domain)).maxMemoryKiB,
    }),
  }),
  domain_set_max_memory: procedure({
    changes: true,
    arguments: MEMORY,
    run: async ({ host }, given) =>
      libvirt.setMemory(host, await meant(host, given.domain), given.memoryKiB, libvirt.MAXIMUM),
  }),
  domain_set_memory: procedure({
    changes: true,
    arguments: MEMORY,
    run: async ({ host }, given) =>
      libvirt.setMemory(host, await meant(host, given.domain), given.memoryKiB, libvirt.LIVE),
  }),
  domain_set_memory_flags: procedure({
    changes: true,
    arguments: MEMORY_WITH_FLAGS,
    run: async ({ host }, given) =>
      libvirt.setMemory(host, await meant(host, given.domain), given.memoryKiB, given.flags),
  }),
  domain_get_max_vcpus: procedure({
    arguments: ofDomain,
    result: struct({ count: int }),
    run: async ({ host }, given) => ({
      count: await libvirt.vcpuCount(host, await meant(host, given.domain), libvirt.LIVE | libvirt.MAXIMUM),
    }),
  }),
  domain_get_vcpus_flags: procedure({
    changes: given => (given.flags & libvirt.GUEST) !== 0,
    arguments: ofDomainWithFlags,
    result: struct({ count: int }),
    run: async ({ host }, given) => ({
      count: await libvirt.vcpuCount(host, await meant(host, given.domain), given.flags),
    }),
  }),
  domain_set_vcpus_flags: procedure({
    changes: true,
    arguments: struct({ domain, count: unsigned, flags }),
    run: async ({ host }, given) => libvirt.setVcpus(host, await meant(host, given.domain), given.count, given.flags),
  }),
  domain_get_vcpus: procedure({
    arguments: struct({ domain, count: int, mapBytes: int }),
    result: struct({
      vcpus: array(struct({ number: unsigned, state: int, cpuTimeNs: unsignedHyper, cpu: int }), MOST_VCPUS),
      maps: bytes(MOST_MAPS_BYTES),
    }),
    run: async ({ host }, given) => {
      room(given.count, given.mapBytes);
      const vcpus = (await libvirt.vcpusOf(host, await meant(host, given.domain))).slice(0, given.count);
      const pins = vcpus.map(({ affinity }) => affinity);
      return { vcpus, maps: mapsOf(pins, given.mapBytes) };
    },
  }),
  domain_get_vcpu_pin_info: procedure({
    arguments: struct({ domain, count: int, mapBytes: int, flags }),
    result: struct({ maps: bytes(MOST_MAPS_BYTES), count: int }),
    run: async ({ host }, given) => {
      room(given.count, given.mapBytes);
      const pins = (await libvirt.pinsOf(host, await meant(host, given.domain))).slice(0, given.count);
      return { maps: mapsOf(pins, given.mapBytes), count: pins.length };
    },
  }),
  domain_pin_vcpu: procedure({
    changes: true,
    arguments: struct({ domain, vcpu: unsigned, map: bytes(MOST_MAP_BYTES) }),
    run: async ({ host }, given) =>
      libvirt.pinVcpu(host, await meant(host, given.domain), given.vcpu, affinityOf(given.map)),
  }),
  domain_pin_vcpu_flags: procedure({
    changes: true,
    arguments: struct({ domain, vcpu: unsigned, map: bytes(MOST_MAP_BYTES), flags }),
    run: async ({ host }, given) =>
      libvirt.pinVcpu(host, await meant(host, given.domain), given.vcpu, affinityOf(given.map), given.flags),
  }),
  domain_set_vcpus: procedure({
    changes: true,
    arguments: struct({ domain, count: unsigned }),
    run: async ({ host }, given) => libvirt.setVcpus(host, await meant(host, given.domain), given.count, libvirt.LIVE),
  }),
  domain_get_scheduler_type: procedure({
    arguments: ofDomain,
    result: struct({ type: text, count: int }),
    run: async ({ host }, given) => {
      libvirt.sharesOf(host, await meant(host, given.domain));
      const { type, fields } = libvirt.schedulerOf(host);
      return { type, count: Object.keys(fields).length };
    },
  }),
  domain_get_scheduler_parameters: procedure({
    arguments: struct({ domain, count: int }),
    result: struct({ parameters: parameters(MOST_SCHEDULER) }),
    run: async ({ host }, given) => shares(host, await meant(host, given.domain), given.count),
  }),
  domain_get_scheduler_parameters_flags: procedure({
    arguments: struct({ domain, count: int, flags }),
    result: struct({ parameters: parameters(MOST_SCHEDULER) }),
    run: async ({ host }, given) => shares(host, await meant(host, given.domain), given.count, given.flags & ~STRINGS),
  }),
  domain_set_scheduler_parameters: procedure({
    changes: true,
    arguments: struct({ domain, parameters: parameters(MOST_SCHEDULER) }),
    run: async ({ host }, given) =>
      libvirt.setShares(host, await meant(host, given.domain), newShares(host, given.parameters)),
  }),
  domain_set_scheduler_parameters_flags: procedure({
    changes: true,
    arguments: struct({ domain, parameters: parameters(MOST_SCHEDULER), flags }),
    run: async ({ host }, given) =>
      libvirt.setShares(host, await meant(host, given.domain), newShares(host, given.parameters), given.flags),
  }),
  connect_get_all_domain_stats: procedure({
    arguments: struct({ domains: array(domain, LIST_MAX), groups: unsigned, flags }),
    result: struct({ records: array(struct({ domain, parameters: parameters(MOST_STATS) }), LIST_MAX) }),
    run: async ({ host }, given) => {
      const named = await Promise.all(given.domains.map(each => meant(host, each)));
      const all = await libvirt.statsOf(host, named, given.groups, given.flags);
      return {
        records: all.map(({ domain: of, stats }) => ({
          domain: libvirt.refOf(of),
          parameters: stats.map(
            ([field, kind, value]): Parameter => ({ field, value: { kind, value } as Parameter['value'] }),
          ),
        })),
      };
    },
  }),
  /** `start`: -1: of all processors; `count` of them, 0: how many there are. */
  domain_get_cpu_stats: procedure({
    arguments: struct({ domain, most: unsigned, start: int, count: unsigned, flags }),
    result: struct({ parameters: parameters(MOST_CPU_STATS), count: int }),
    run: async ({ host }, given) => {
      const { most, start, count } = given;
      const all = libvirt.cpuTimes(host, await meant(host, given.domain), start === -1, given.flags & ~STRINGS);
      const fields = 1;
      if (most === 0) return { parameters: [], count: count === 0 ? all.length : fields };
      const wanted = start === -1 ? all : all.slice(Math.max(0, start), Math.max(0, start) + count);
      return {
        parameters: wanted.map((value): Parameter => ({ field: 'cpu_time', value: { kind: 'unsignedHyper', value } })),
        count: fields,
      };
    },
  }),
  domain_get_job_info: procedure({
    arguments: ofDomain,
    result: JOB_INFO,
    run: async ({ host }, given) => {
      const job = libvirt.jobOf(host, await meant(host, given.domain));
      const data = job?.dataBytes,
        memory = job?.memory;
      return {
        type: libvirt.JOB_TYPES.indexOf(job?.type ?? 'None'),
        elapsedMs: job?.elapsedMs ?? 0,
        remainingMs: 0,
        dataTotal: data?.total ?? 0,
        dataProcessed: data?.processed ?? 0,
        dataRemaining: data ? data.total - data.processed : 0,
        memoryTotal: memory?.totalBytes ?? 0,
        memoryProcessed: memory?.processedBytes ?? 0,
        memoryRemaining: memory?.remainingBytes ?? 0,
        fileTotal: 0,
        fileProcessed: 0,
        fileRemaining: 0,
      };
    },
  }),
  domain_get_job_stats: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ type: int, parameters: parameters(MOST_JOB_STATS) }),
    run: async ({ host }, given) => {
      const job = libvirt.jobOf(host, await meant(host, given.domain), given.flags);
      return {
        type: libvirt.JOB_TYPES.indexOf(job?.type ?? 'None'),
        parameters: job ? libvirt.jobParameters(job) : [],
      };
    },
  }),
  domain_abort_job: procedure({
    changes: true,
    arguments: ofDomain,
    run: async ({ host }, given) => libvirt.abortJob(host, await meant(host, given.domain)),
  }),
};
