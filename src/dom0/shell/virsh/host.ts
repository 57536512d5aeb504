/** The host, its network, its pools of storage. */
import { listNetworks, listPools, nodeInfo, poolByName, volumesOf } from '../../toolstack/libvirt/index.ts';
import { COMMAND, labelled, saying, table, type VirshCommand, VirshError } from './virsh-command.ts';

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
    run: async () =>
      table([['Name', 'State', 'Autostart'], ...listPools(0).map(({ name }) => [name, 'active', 'yes'])]),
  },
  'vol-list': {
    usage: 'vol-list <pool>',
    about: 'list vols',
    run: async (host, [name]) => {
      if (name === undefined) throw new VirshError(`error: command '${COMMAND}' requires <pool> option`);
      const pool = await saying(`failed to get pool '${name}'`, () => poolByName(name));
      return table([
        ['Name', 'Path'],
        ...(await volumesOf(host, pool)).map(({ name: volume, path }) => [volume, path]),
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
  uri: { usage: 'uri', about: 'print the hypervisor canonical URI', run: async () => 'xen:///system\n\n' },
};
