/** The host, its network, its pools of storage. */
import {
  activePool,
  listNetworks,
  listPools,
  nodeInfo,
  poolByName,
  uriOf,
  volumesOf,
} from '../../toolstack/libvirt/index.ts';
import { COMMAND, labelled, saying, table, type VirshCommand, VirshError } from './virsh-command.ts';

/** VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE. */
const ACTIVE = 1 << 1;

export const HOST: Record<string, VirshCommand> = {
  'net-list': {
    usage: 'net-list [--all]',
    about: 'list networks',
    run: async () =>
      table([
        ['Name', 'State', 'Autostart', 'Persistent'],
        ...listNetworks(0).map(({ name }) => [name, 'active', 'yes', 'yes']),
      ]),
  },
  'pool-list': {
    usage: 'pool-list [--all]',
    about: 'list pools',
    run: async (host, _words, options) =>
      table([
        ['Name', 'State', 'Autostart'],
        ...(await listPools(host, options.has('all') ? 0 : ACTIVE)).map(({ of, isActive, isAutomatic }) => [
          of.name,
          isActive ? 'active' : 'inactive',
          isAutomatic ? 'yes' : 'no',
        ]),
      ]),
  },
  'vol-list': {
    usage: 'vol-list <pool>',
    about: 'list vols',
    run: async (host, [name]) => {
      if (name === undefined) throw new VirshError(`error: command '${COMMAND}' requires <pool> option`);
      const pool = await saying(`failed to get pool '${name}'`, () => poolByName(host, name));
      return table([
        ['Name', 'Path'],
        ...(await volumesOf(host, activePool(pool))).map(({ name: volume, path }) => [volume, path]),
      ]);
    },
  },
  nodeinfo: {
    usage: 'nodeinfo',
    about: 'node information',
    run: async host => {
      const info = await nodeInfo(host);
      const rows: [string, string | number][] = [
        ['CPU model', info.model],
        ['CPU(s)', info.cpus],
        ['CPU frequency', `${info.mhz} MHz`],
        ['CPU socket(s)', info.sockets],
        ['Core(s) per socket', info.cores],
        ['Thread(s) per core', info.threads],
        ['NUMA cell(s)', info.nodes],
        ['Memory size', `${info.memoryKiB} KiB`],
      ];
      return labelled(20, rows);
    },
  },
  hostname: {
    usage: 'hostname',
    about: 'print the hypervisor hostname',
    run: async host => `${host.toolstack.identity.name}\n\n`,
  },
  uri: { usage: 'uri', about: 'print the hypervisor canonical URI', run: async host => `${uriOf(host)}\n\n` },
};
