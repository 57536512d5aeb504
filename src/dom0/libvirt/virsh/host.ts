/** The host. */
import { driverOf, nodeInfo, nodeMemory, sysinfo } from '../index.ts';
import { isHere, labelled, notSupported, numeric, saying, type VirshCommand, VirshError } from './virsh-command.ts';

export const HOST: Record<string, VirshCommand> = {
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
  version: {
    usage: 'version',
    about: 'show version',
    run: async host => {
      const { name, major, minor, micro } = driverOf(host).hypervisor;
      return `Compiled against library: libvirt 9.0.0\nUsing library: libvirt 9.0.0\nUsing API: ${name} 9.0.0\nRunning hypervisor: ${name} ${major}.${minor}.${micro}\n\n`;
    },
  },
  sysinfo: {
    usage: 'sysinfo',
    about: 'print the hypervisor sysinfo',
    run: host => saying('failed to get sysinfo', () => sysinfo(host)),
  },
  nodecpustats: {
    usage: 'nodecpustats [--cpu <number>] [--percent]',
    about: 'Prints cpu stats of the node.',
    run: async () => notSupported('virNodeGetCPUStats', 'Unable to get number of cpu stats'),
  },
  nodememstats: {
    usage: 'nodememstats [--cell <number>]',
    about: 'Prints memory stats of the node.',
    run: async (host, [cell]) => {
      const of = cell === undefined ? undefined : numeric(cell, 'cell', /^-?\d{1,9}$/);
      const stats = await saying('Unable to get number of memory stats', () => nodeMemory(host, of));
      return `${stats.map(([word, kib]) => `${word.padEnd(7)}: ${String(kib).padStart(20)} KiB\n`).join('')}\n`;
    },
  },
  connect: {
    usage: 'connect [<name>] [--readonly]',
    about: '(re)connect to hypervisor',
    run: async (host, [name]) => {
      if (name !== undefined && !isHere(host, name))
        throw new VirshError(
          `error: Failed to connect to the hypervisor\nerror: no connection driver available for ${name}`,
        );
      return '\n';
    },
  },
  uri: { usage: 'uri', about: 'print the hypervisor canonical URI', run: async host => `${driverOf(host).uri}\n\n` },
};
