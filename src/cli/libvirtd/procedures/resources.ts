/** Procedures of memory, processors, shares and jobs of domains. */
import { array, bytes, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/toolstack/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, type Parameter, parameters } from '../types.ts';
import { meant, ofDomain, ofDomainWithFlags } from './domains.ts';

/** REMOTE_VCPUINFO_MAX, REMOTE_CPUMAPS_MAX, REMOTE_CPUMAP_MAX, REMOTE_DOMAIN_JOB_STATS_MAX. */
const MOST_VCPUS = 16_384,
  MOST_MAPS_BYTES = 8_388_608,
  MOST_MAP_BYTES = 2048,
  MOST_JOB_STATS = 64;
const MEMORY = struct({ domain, memoryKiB: unsignedHyper });
const MEMORY_WITH_FLAGS = struct({ domain, memoryKiB: unsignedHyper, flags });
/** Shorthands of the older procedures: of what runs, and of the most that it may have. */
const LIVE = 1,
  MAXIMUM = 4;

/** Bits of processors as libvirt's maps have them. */
function mapOf(affinity: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, byte) => (byte < 4 ? (affinity >>> (byte * 8)) & 0xff : 0));
}

const affinityOf = (map: Uint8Array): number =>
  map.slice(0, 4).reduce((bits, byte, i) => (bits | (byte << (i * 8))) >>> 0, 0);

const mapsOf = (vcpus: readonly libvirt.Vcpu[], length: number): Uint8Array =>
  Uint8Array.from(vcpus.flatMap(({ affinity }) => [...mapOf(affinity, length)]));

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
    run: async ({ host }, given) => libvirt.setMemory(host, await meant(host, given.domain), given.memoryKiB, MAXIMUM),
  }),
  domain_set_memory: procedure({
    changes: true,
    arguments: MEMORY,
    run: async ({ host }, given) => libvirt.setMemory(host, await meant(host, given.domain), given.memoryKiB, LIVE),
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
      count: await libvirt.vcpuCount(host, await meant(host, given.domain), LIVE | MAXIMUM),
    }),
  }),
  domain_get_vcpus_flags: procedure({
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
      return { vcpus, maps: mapsOf(vcpus, given.mapBytes) };
    },
  }),
  domain_get_vcpu_pin_info: procedure({
    arguments: struct({ domain, count: int, mapBytes: int, flags }),
    result: struct({ maps: bytes(MOST_MAPS_BYTES), count: int }),
    run: async ({ host }, given) => {
      room(given.count, given.mapBytes);
      const vcpus = (await libvirt.vcpusOf(host, await meant(host, given.domain))).slice(0, given.count);
      return { maps: mapsOf(vcpus, given.mapBytes), count: vcpus.length };
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
  domain_get_job_stats: procedure({
    arguments: ofDomainWithFlags,
    result: struct({ type: int, parameters: parameters(MOST_JOB_STATS) }),
    run: async ({ host }, given) => {
      const job = libvirt.jobOf(host, await meant(host, given.domain), given.flags);
      return { type: libvirt.JOB_TYPES.indexOf(job?.type ?? 'None'), parameters: jobParameters(job) };
    },
  }),
  domain_abort_job: procedure({
    changes: true,
    arguments: ofDomain,
    run: async ({ host }, given) => libvirt.abortJob(host, await meant(host, given.domain)),
  }),
};

/** VIR_DOMAIN_JOB_* of libvirt-domain.h. */
function jobParameters(job: ReturnType<typeof libvirt.jobOf>): Parameter[] {
  if (!job) return [];
  const { operation, elapsedMs, dataBytes, memory } = job;
  const numbers: [string, number | undefined][] = [
    ['time_elapsed', elapsedMs],
    ['downtime', memory?.downtimeMs],
    ['data_total', dataBytes?.total],
    ['data_processed', dataBytes?.processed],
    ['data_remaining', dataBytes && dataBytes.total - dataBytes.processed],
    ['memory_total', memory?.totalBytes],
    ['memory_processed', memory?.processedBytes],
    ['memory_remaining', memory?.remainingBytes],
    ['memory_bps', memory?.bytesPerSecond],
    ['memory_dirty_rate', memory?.dirtyFramesPerSecond],
    ['memory_page_size', memory && libvirt.PAGE_BYTES],
    ['memory_iteration', memory?.iteration],
  ];
  return [
    { field: 'operation', value: { kind: 'int', value: libvirt.JOB_OPERATIONS[operation] } },
    ...numbers.flatMap(([field, value]): Parameter[] =>
      value === undefined ? [] : [{ field, value: { kind: 'unsignedHyper', value } }],
    ),
  ];
}
