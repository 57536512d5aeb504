/** Procedures of the host's machine. */
import { array, bytes, fixed, int, struct, unsigned, unsignedHyper } from '../../../formats/xdr/index.ts';
import { capabilities, domainCapabilities, nodeInfo, nodeMemory, sysinfo } from '../../../dom0/libvirt/index.ts';
import { MAX_VCPUS } from '../../../hypervisor/layout/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { flags, maybeText, text } from '../types.ts';

const KIB = 2 ** 10,
  MIB = 2 ** 20;
/** REMOTE_NODE_MAX_CELLS, REMOTE_CPUMAP_MAX. */
const MOST_CELLS = 1024,
  /** REMOTE_NODE_MEMORY_STATS_MAX. */
  MOST_STATS = 1024,
  MOST_MAP_BYTES = 2048;
/** Of virNodeInfo's name of a processor; each of its characters is a word of XDR. */
const MODEL_CHARS = 32,
  /** VIR_SECURITY_MODEL_BUFLEN. */
  SECURITY_CHARS = 257;

const charsOf = (word: string): number[] => Array.from(word, char => char.charCodeAt(0));

export const NODE: Table = {
  node_get_info: procedure({
    result: struct({
      model: fixed(int, MODEL_CHARS),
      memoryKiB: unsignedHyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
    run: async ({ host }) => {
      const { model, ...rest } = await nodeInfo(host);
      return { ...rest, model: charsOf(model.padEnd(MODEL_CHARS, '\0')) };
    },
  }),
  node_get_free_memory: procedure({
    result: struct({ freeBytes: unsignedHyper }),
    run: async ({ host }) => ({ freeBytes: (await host.summary()).freeMiB * MIB }),
  }),
  node_get_cells_free_memory: procedure({
    arguments: struct({ first: int, most: int }),
    result: struct({ cellsKiB: array(unsignedHyper, MOST_CELLS) }),
    run: async ({ host }, { first, most }) => ({
      cellsKiB: first === 0 && most > 0 ? [(await host.summary()).freeMiB * KIB] : [],
    }),
  }),
  /** All are there, and run. */
  node_get_cpu_map: procedure({
    arguments: struct({ needMap: int, needOnline: int, flags }),
    result: struct({ map: bytes(MOST_MAP_BYTES), online: unsigned, count: int }),
    run: async ({ host }) => {
      const { pcpus } = host.queue;
      const map = Uint8Array.from({ length: Math.ceil(pcpus / 8) }, (_, i) => (1 << Math.min(8, pcpus - 8 * i)) - 1);
      return { map, online: pcpus, count: pcpus };
    },
  }),
  node_get_memory_stats: procedure({
    arguments: struct({ count: int, cell: int, flags }),
    result: struct({ stats: array(struct({ field: text, value: unsignedHyper }), MOST_STATS), count: int }),
    run: async ({ host }, { count, cell, flags: wanted }) => {
      const all = await nodeMemory(host, cell, wanted);
      return { stats: all.slice(0, count).map(([field, value]) => ({ field, value })), count: all.length };
    },
  }),
  connect_get_sysinfo: procedure({
    arguments: struct({ flags }),
    result: struct({ xml: text }),
    run: ({ host }) => sysinfo(host),
  }),
  connect_get_max_vcpus: procedure({
    arguments: struct({ type: maybeText }),
    result: struct({ vcpus: int }),
    run: () => ({ vcpus: MAX_VCPUS }),
  }),
  /** None: guests are apart by the hypervisor. */
  node_get_security_model: procedure({
    result: struct({ model: array(int, SECURITY_CHARS), doi: array(int, SECURITY_CHARS) }),
    run: () => ({ model: charsOf('none'), doi: charsOf('0') }),
  }),
  connect_get_capabilities: procedure({
    result: struct({ xml: text }),
    run: async ({ host }) => ({ xml: await capabilities(host) }),
  }),
  connect_get_domain_capabilities: procedure({
    arguments: struct({ emulator: maybeText, arch: maybeText, machine: maybeText, virtType: maybeText, flags }),
    result: struct({ xml: text }),
    run: ({ host }, kind) => ({ xml: domainCapabilities(host, kind) }),
  }),
};
