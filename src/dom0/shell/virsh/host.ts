/** The host, its network, its pools of storage. */
import type { CommandHost } from '../../toolstack/index.ts';
import { nodeInfo } from '../../toolstack/libvirt/index.ts';
import { COMMAND, labelled, table, type VirshCommand, VirshError } from './virsh-command.ts';

export const BRIDGE = 'xenbr0';
/** Where volumes and images are. */
const POOLS: Record<string, { folder: string; names(host: CommandHost): Promise<string[]> }> = {
  images: {
    folder: '/var/lib/xen/images',
    names: async host => (await host.parts.files?.readdir('/var/lib/xen/images').catch(() => [])) ?? [],
  },
  vg0: { folder: '/dev/vg0', names: async host => ((await host.openDevices())?.volumes ?? []).map(({ name }) => name) },
};

export const HOST: Record<string, VirshCommand> = {
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
