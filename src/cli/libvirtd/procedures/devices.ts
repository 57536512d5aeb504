/** Procedures of domains' devices, and what went through them. */
import { array, bytes, hyper, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { domain, flags, type Parameter, parameters, text } from '../types.ts';
import { meant } from './domains.ts';

const XML = struct({ domain, xml: text });
const XML_WITH_FLAGS = struct({ domain, xml: text, flags });
/** What nobody counts. */
const UNKNOWN = -1;
/** REMOTE_DOMAIN_BLOCK_STATS_PARAMETERS_MAX, REMOTE_DOMAIN_MEMORY_STATS_MAX. */
const MOST_BLOCK_STATS = 16,
  MOST_MEMORY_STATS = 1024;

export const DEVICES: Table = {
  domain_attach_device: procedure({
    changes: true,
    arguments: XML,
    run: async ({ host }, given) => libvirt.attachDevice(host, await meant(host, given.domain), given.xml),
  }),
  domain_attach_device_flags: procedure({
    changes: true,
    arguments: XML_WITH_FLAGS,
    run: async ({ host }, given) => libvirt.attachDevice(host, await meant(host, given.domain), given.xml, given.flags),
  }),
  domain_detach_device: procedure({
    changes: true,
    arguments: XML,
    run: async ({ host }, given) => libvirt.detachDevice(host, await meant(host, given.domain), given.xml),
  }),
  domain_detach_device_flags: procedure({
    changes: true,
    arguments: XML_WITH_FLAGS,
    run: async ({ host }, given) => libvirt.detachDevice(host, await meant(host, given.domain), given.xml, given.flags),
  }),
  domain_update_device_flags: procedure({
    changes: true,
    arguments: XML_WITH_FLAGS,
    run: async ({ host }, given) => libvirt.updateDevice(host, await meant(host, given.domain), given.xml, given.flags),
  }),
  domain_block_stats: procedure({
    arguments: struct({ domain, path: text }),
    result: struct({
      readRequests: hyper,
      readBytes: hyper,
      writeRequests: hyper,
      writtenBytes: hyper,
      errors: hyper,
    }),
    run: async ({ host }, given) => ({
      ...libvirt.blockStats(host, await meant(host, given.domain), given.path),
      errors: UNKNOWN,
    }),
  }),
  domain_block_stats_flags: procedure({
    arguments: struct({ domain, path: text, count: int, flags }),
    result: struct({ parameters: parameters(MOST_BLOCK_STATS), count: int }),
    run: async ({ host }, given) => {
      const stats = libvirt.blockStats(host, await meant(host, given.domain), given.path);
      const rows: readonly (readonly [string, number])[] = [
        ['rd_bytes', stats.readBytes],
        ['rd_operations', stats.readRequests],
        ['wr_bytes', stats.writtenBytes],
        ['wr_operations', stats.writeRequests],
      ];
      // A client with room for none asks how many there are.
      return {
        parameters: rows
          .slice(0, Math.max(0, given.count))
          .map(([field, value]): Parameter => ({ field, value: { kind: 'hyper', value } })),
        count: given.count <= 0 ? rows.length : 0,
      };
    },
  }),
  domain_interface_stats: procedure({
    arguments: struct({ domain, device: text }),
    result: struct({
      rxBytes: hyper,
      rxPackets: hyper,
      rxErrors: hyper,
      rxDropped: hyper,
      txBytes: hyper,
      txPackets: hyper,
      txErrors: hyper,
      txDropped: hyper,
    }),
    run: async ({ host }, given) => ({
      ...libvirt.interfaceStats(host, await meant(host, given.domain), given.device),
      rxErrors: UNKNOWN,
      txErrors: UNKNOWN,
    }),
  }),
  domain_memory_stats: procedure({
    arguments: struct({ domain, most: int, flags }),
    result: struct({ stats: array(struct({ tag: int, value: unsignedHyper }), MOST_MEMORY_STATS) }),
    run: async ({ host }, given) => {
      const stats = libvirt.memoryStats(host, await meant(host, given.domain));
      return { stats: stats.map(({ tag, value }) => ({ tag, value })).slice(0, given.most) };
    },
  }),
  domain_set_memory_stats_period: procedure({
    changes: true,
    arguments: struct({ domain, period: int, flags }),
    run: async ({ host }, given) =>
      libvirt.setMemoryStatsPeriod(host, await meant(host, given.domain), given.period, given.flags),
  }),
  domain_block_peek: procedure({
    changes: true,
    arguments: struct({ domain, path: text, at: unsignedHyper, bytes: unsigned, flags }),
    result: struct({ buffer: bytes(libvirt.MOST_PEEKED) }),
    run: async ({ host }, given) => ({
      buffer: await libvirt.blockPeek(host, await meant(host, given.domain), given.path, given, given.flags),
    }),
  }),
  domain_block_resize: procedure({
    changes: true,
    arguments: struct({ domain, path: text, size: unsignedHyper, flags }),
    run: async ({ host }, given) =>
      libvirt.blockResize(host, await meant(host, given.domain), given.path, given.size, given.flags),
  }),
  domain_get_block_info: procedure({
    arguments: struct({ domain, path: text, flags }),
    result: struct({ allocationBytes: unsignedHyper, capacityBytes: unsignedHyper, physicalBytes: unsignedHyper }),
    run: async ({ host }, given) => libvirt.blockInfo(host, await meant(host, given.domain), given.path),
  }),
};
