/** What a guest's agent is asked. Source: tools/virsh-domain.c and virsh-domain-monitor.c of libvirt 9. */
import * as libvirt from '../index.ts';
import { allNeeded, exclude, find, numeric, saying, table, type VirshCommand, VirshError } from './virsh-command.ts';

/** It may be less than none. */
const WHOLE = /^-?\d{1,15}$/;

/** vshGetTypedParamValue(). */
const valueText = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);

const rowsOf = (width: number, rows: readonly (readonly [string, string])[]): string =>
  `${rows.map(([name, value]) => `${name.padEnd(width)}: ${value}\n`).join('')}\n`;

const INFO_OPTIONS = libvirt.GUEST_INFO.map(({ word }) => word);

export const AGENT: Record<string, VirshCommand> = {
  domfsinfo: {
    usage: 'domfsinfo <domain>',
    about: 'Get information of domain’s mounted filesystems.',
    run: async (host, [word]) => {
      const domain = await find(host, word);
      const all = await saying('Unable to get filesystem information', () => libvirt.guestFileSystems(host, domain));
      if (all.length === 0) return 'No filesystems are mounted in the domain';
      const rows = all.map(({ mountpoint, name, type, targets }) => [mountpoint, name, type, targets.join(',')]);
      return table([['Mountpoint', 'Name', 'Type', 'Target'], ...rows]);
    },
  },
  domfsfreeze: {
    usage: 'domfsfreeze <domain> [<mountpoint>]...',
    about: 'Freeze domain’s mounted filesystems.',
    run: async (host, [word, ...mountpoints]) => {
      const domain = await find(host, word);
      const count = await saying('Unable to freeze filesystems', () =>
        libvirt.freezeFileSystems(host, domain, mountpoints),
      );
      return `Froze ${count} filesystem(s)\n\n`;
    },
  },
  domfsthaw: {
    usage: 'domfsthaw <domain> [<mountpoint>]...',
    about: 'Thaw domain’s mounted filesystems.',
    run: async (host, [word, ...mountpoints]) => {
      const domain = await find(host, word);
      const count = await saying('Unable to thaw filesystems', () =>
        libvirt.thawFileSystems(host, domain, mountpoints),
      );
      return `Thawed ${count} filesystem(s)\n\n`;
    },
  },
  domfstrim: {
    usage: 'domfstrim <domain> [--minimum <minimum>] [--mountpoint <mountpoint>]',
    about: 'Invoke fstrim on domain’s mounted filesystems.',
    run: async (host, [word, minimum = '0', mountpoint]) => {
      const domain = await find(host, word);
      const bytes = numeric(minimum, 'minimum', WHOLE);
      await saying('Unable to invoke fstrim', () => libvirt.trimFileSystems(host, domain, mountpoint, bytes));
      return '\n';
    },
  },
  domtime: {
    usage: 'domtime <domain> [--now] [--pretty] [--sync] [--time <time>]',
    about: 'domain time',
    run: async (host, [word, time], options) => {
      const given = time === undefined ? options : new Set([...options, 'time']);
      exclude(given, 'time', 'now');
      exclude(given, 'time', 'sync');
      exclude(given, 'now', 'sync');
      const domain = await find(host, word);
      if (['time', 'now', 'sync'].some(option => given.has(option))) {
        const seconds =
          time === undefined
            ? given.has('now')
              ? Math.floor(host.clock.epochMs() / 1000)
              : 0
            : numeric(time, 'time', WHOLE);
        const flags = given.has('sync') ? libvirt.TIME_SYNC : 0;
        await libvirt.setGuestTime(host, domain, { seconds, nanoseconds: 0 }, flags);
        return '\n';
      }
      const { seconds } = await libvirt.guestTime(host, domain);
      const text = new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 19);
      return `Time: ${options.has('pretty') ? text : seconds}\n`;
    },
  },
  'set-user-password': {
    usage: 'set-user-password <domain> <user> <password> [--encrypted]',
    about: 'set the user password inside the domain',
    run: async (host, [word, user, password], options) => {
      allNeeded([word, user, password], ['domain', 'user', 'password']);
      const domain = await find(host, word);
      const flags = options.has('encrypted') ? libvirt.PASSWORD_ENCRYPTED : 0;
      await libvirt.setUserPassword(host, domain, { user: user!, password: password! }, flags);
      return `Password set successfully for ${user} in ${word}\n`;
    },
  },
  guestvcpus: {
    usage: 'guestvcpus <domain> [--cpulist <cpulist>] [--enable] [--disable]',
    about: 'query or modify state of vcpu in the guest (via agent)',
    run: async (host, [word, cpus], options) => {
      exclude(options, 'enable', 'disable');
      for (const option of ['enable', 'disable'])
        if (options.has(option) && cpus === undefined)
          throw new VirshError(`error: Option --cpulist is required by option --${option}`);
      if (cpus !== undefined && !options.has('enable') && !options.has('disable'))
        throw new VirshError('error: One of options --enable or --disable is required by option --cpulist');
      const domain = await find(host, word);
      if (cpus === undefined) return rowsOf(15, libvirt.vcpuRows(await libvirt.guestVcpus(host, domain)));
      await libvirt.setGuestVcpus(host, domain, cpus, options.has('enable'));
      return '\n';
    },
  },
  domhostname: {
    usage: 'domhostname <domain> [--source <source>]',
    about: 'print the domain’s hostname',
    run: async (host, [word, source]) => {
      const domain = await find(host, word);
      const { LEASE, AGENT: BY_AGENT } = libvirt.HOSTNAME;
      const flags = { '': 0, lease: LEASE, agent: BY_AGENT }[source ?? ''];
      if (flags === undefined) throw new VirshError(`error: Unknown data source '${source}'`);
      return `${await saying('failed to get hostname', () => libvirt.guestHostname(host, domain, flags))}\n\n`;
    },
  },
  guestinfo: {
    usage: `guestinfo <domain> ${INFO_OPTIONS.map(option => `[--${option}]`).join(' ')}`,
    about: 'query information about the guest (via agent)',
    run: async (host, [word], options) => {
      const types = INFO_OPTIONS.reduce((bits, option, bit) => bits | (options.has(option) ? 1 << bit : 0), 0);
      const facts = await libvirt.guestInfo(host, await find(host, word), types);
      return rowsOf(
        20,
        facts.map(([field, , value]) => [field, valueText(value)]),
      );
    },
  },
  'guest-agent-timeout': {
    usage: 'guest-agent-timeout <domain> [--timeout <timeout>]',
    about: 'Set the guest agent timeout',
    run: async (host, [word, timeout = '-2']) => {
      libvirt.setAgentTimeout(host, await find(host, word), numeric(timeout, 'timeout', WHOLE));
      return '\n';
    },
  },
};
