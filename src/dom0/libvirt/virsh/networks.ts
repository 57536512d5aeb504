/** Networks. Source: tools/virsh-network.c of libvirt 9. */
import type { CommandHost } from '../../toolstack/index.ts';
import * as libvirt from '../index.ts';
import { keptCommands } from './kept.ts';
import {
  definitionIn,
  impact,
  labelled,
  needsTerminal,
  saying,
  table,
  type VirshCommand,
  VirshError,
} from './virsh-command.ts';

export const {
  find: networkOf,
  deed,
  autostart,
} = keptCommands({
  what: 'network',
  byName: libvirt.networkByName,
  byUuid: libvirt.networkByUuid,
  setAutostart: libvirt.setNetworkAutostart,
  called: (_word, { of }) => of.name,
});

const made = (
  name: string,
  about: string,
  { failure, done }: { failure: string; done: string },
  make: (host: CommandHost, xml: string) => Promise<libvirt.NetworkEntry>,
): VirshCommand => ({
  usage: `${name} <file>`,
  about,
  run: async (host, words, _options, around) => {
    const { path, text } = await definitionIn(words, around);
    const { of } = await saying(`${failure} ${path}`, () => make(host, text));
    return `Network ${of.name} ${done} ${path}\n\n`;
  },
});

const yesOrNo = (is: boolean): string => (is ? 'yes' : 'no');
const COMMANDS: Readonly<Record<string, number>> = {
  add: libvirt.UPDATE.ADD_LAST,
  'add-last': libvirt.UPDATE.ADD_LAST,
  'add-first': libvirt.UPDATE.ADD_FIRST,
  delete: libvirt.UPDATE.DELETE,
  modify: libvirt.UPDATE.MODIFY,
};
const SECTIONS: Readonly<Record<string, number>> = {
  'ip-dhcp-host': libvirt.SECTION.IP_DHCP_HOST,
  'ip-dhcp-range': libvirt.SECTION.IP_DHCP_RANGE,
};

/** Local time, as strftime's %Y-%m-%d %H:%M:%S has it. */
const moment = (seconds: number): string => {
  const date = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
};

export const NETWORKS: Record<string, VirshCommand> = {
  'net-list': {
    usage: 'net-list [--inactive] [--all] [--name]',
    about: 'list networks',
    run: async (host, _words, options) => {
      const { ACTIVE, INACTIVE } = libvirt.LISTED;
      const wanted = options.has('all') ? 0 : options.has('inactive') ? INACTIVE : ACTIVE;
      const found = (await libvirt.listNetworks(host, wanted)).sort(({ of: a }, { of: b }) =>
        a.name < b.name ? -1 : 1,
      );
      if (options.has('name')) return `${found.map(({ of }) => `${of.name}\n`).join('')}\n`;
      return table([
        ['Name', 'State', 'Autostart', 'Persistent'],
        ...found.map(({ of, isActive, isAutomatic, isPersistent }) => [
          of.name,
          isActive ? 'active' : 'inactive',
          yesOrNo(isAutomatic),
          yesOrNo(isPersistent),
        ]),
      ]);
    },
  },
  'net-info': {
    usage: 'net-info <network>',
    about: 'network information',
    run: async (host, [word]) => {
      const { of, isActive, isPersistent, isAutomatic } = await networkOf(host, word);
      return labelled(15, [
        ['Name', of.name],
        ['UUID', of.uuid],
        ['Active', yesOrNo(isActive)],
        ['Persistent', yesOrNo(isPersistent)],
        ['Autostart', yesOrNo(isAutomatic)],
        ['Bridge', of.bridge],
      ]);
    },
  },
  'net-dumpxml': {
    usage: 'net-dumpxml <network>',
    about: 'network information in XML',
    run: async (host, [word]) => `${libvirt.networkXml((await networkOf(host, word)).of)}\n`,
  },
  'net-edit': {
    usage: 'net-edit <network>',
    about: 'edit XML configuration for a network',
    run: async (host, [word]) => {
      await networkOf(host, word);
      throw needsTerminal('virsh net-edit');
    },
  },
  'net-name': {
    usage: 'net-name <network>',
    about: 'convert a network UUID to network name',
    run: async (host, [word]) => `${(await networkOf(host, word)).of.name}\n\n`,
  },
  'net-uuid': {
    usage: 'net-uuid <network>',
    about: 'convert a network name to network UUID',
    run: async (host, [word]) => `${(await networkOf(host, word)).of.uuid}\n\n`,
  },
  'net-define': made(
    'net-define',
    'define an inactive persistent virtual network or modify an existing persistent one from an XML file',
    { failure: 'Failed to define network from', done: 'defined from' },
    libvirt.defineNetwork,
  ),
  'net-create': made(
    'net-create',
    'create a network from an XML file',
    { failure: 'Failed to create network from', done: 'created from' },
    libvirt.createNetwork,
  ),
  'net-start': deed(
    'net-start',
    'start a (previously defined) inactive network',
    { verb: 'start', done: 'started' },
    libvirt.startNetwork,
  ),
  'net-destroy': deed(
    'net-destroy',
    'destroy (stop) a network',
    { verb: 'destroy', done: 'destroyed' },
    libvirt.stopNetwork,
  ),
  'net-undefine': deed(
    'net-undefine',
    'undefine a persistent network',
    { verb: 'undefine', done: 'has been undefined' },
    libvirt.undefineNetwork,
  ),
  'net-autostart': autostart('net-autostart'),
  'net-update': {
    usage: 'net-update <network> <command> <section> <xml> [--config] [--live] [--current]',
    about: "update parts of an existing network's configuration",
    run: async (host, [word, command = '', section = '', given = ''], options, around) => {
      const network = await networkOf(host, word);
      const [deedNumber, sectionNumber] = [COMMANDS[command], SECTIONS[section]];
      if (deedNumber === undefined) throw new VirshError(`error: unrecognized command name '${command}'`);
      if (sectionNumber === undefined) throw new VirshError(`error: unrecognized section name '${section}'`);
      const xml = given.trimStart().startsWith('<') ? given : (await definitionIn([given], around)).text;
      const flags = impact(options);
      await saying(`Failed to update network ${network.of.name}`, () =>
        libvirt.updateNetwork(host, network, { command: deedNumber, section: sectionNumber, xml, flags }),
      );
      const { LIVE, CONFIG } = libvirt;
      const what =
        flags === (LIVE | CONFIG)
          ? 'persistent config and live state'
          : flags === CONFIG || (flags === 0 && !network.isActive)
            ? 'persistent config'
            : 'live state';
      return `Updated network ${network.of.name} ${what}\n`;
    },
  },
  'net-dhcp-leases': {
    usage: 'net-dhcp-leases <network> [<mac>]',
    about: 'print lease info for a given network',
    run: async (host, [word, mac]) => {
      const network = await networkOf(host, word);
      const leases = await saying(`Failed to get leases info for ${network.of.name}`, async () =>
        libvirt.networkLeases(host, network, mac),
      );
      return table([
        ['Expiry Time', 'MAC address', 'Protocol', 'IP address', 'Hostname', 'Client ID or DUID'],
        ...leases.map(({ expiry, mac: station, address, prefix, name }) => [
          moment(expiry),
          station,
          'ipv4',
          `${address}/${prefix}`,
          name ?? '-',
          '-',
        ]),
      ]);
    },
  },
};
