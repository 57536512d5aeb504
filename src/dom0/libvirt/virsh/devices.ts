/** Devices of domains: drives, disks, cards and their addresses. */
import { isNetworkDisk } from '../../../formats/nbd/index.ts';
import { ideName } from '../../definitions/index.ts';
import { BRIDGE } from '../../host/network/index.ts';
import { COMMANDS, runXl } from '../../toolstack/commands/index.ts';
import { ADDRESS_SOURCE, blockResize, cardName, domainAddresses, IN_BYTES } from '../index.ts';
import { callOf } from '../../toolstack/programs/index.ts';
import { allNeeded, find, saying, scaled, table, type VirshCommand, VirshError } from './virsh-command.ts';

export const DEVICES: Record<string, VirshCommand> = {
  'change-media': {
    usage: 'change-media <domain> <path> [<source>] [--eject] [--insert] [--update]',
    about: 'Change media of CD or floppy drive',
    run: async (host, [word, vdev, source], options, around) => {
      const action = options.has('eject') ? 'eject' : options.has('insert') ? 'insert' : 'update';
      const { name, id } = await find(host, word);
      try {
        if (vdev === undefined || (action !== 'eject' && source === undefined))
          throw new Error(`command 'change-media' requires <${vdev === undefined ? 'path' : 'source'}> option`);
        if (!id) throw new Error(`Requested operation is not valid: domain ${name} is not running`);
        const isEmpty = !host.domains
          .member(id)
          .blueprint.drives?.some(drive => (drive.vdev ?? ideName(drive.place)) === vdev && drive.medium);
        if (action === 'eject' && isEmpty) throw new Error(`The disk device '${vdev}' doesn't have media`);
        if (action === 'insert' && !isEmpty) throw new Error(`The disk device '${vdev}' already has media`);
        const call = callOf(host, ['cd-insert', word!, vdev, source ?? ''], around);
        await runXl(COMMANDS, action === 'eject' ? { ...call, words: ['cd-eject', word!, vdev] } : call);
      } catch (error) {
        throw new VirshError(`error: Failed to complete action ${action} on media\nerror: ${(error as Error).message}`);
      }
      return `Successfully ${action === 'update' ? 'updated' : `${action}ed`} media.\n`;
    },
  },
  domifaddr: {
    usage: 'domifaddr <domain> [--interface <interface>] [--full] [--source <source>]',
    about: 'Get network interfaces’ addresses for a running domain',
    run: async (host, [word, name, source = 'lease'], options) => {
      if (!Object.hasOwn(ADDRESS_SOURCE, source)) throw new VirshError(`error: Unknown data source '${source}'`);
      const domain = await find(host, word);
      const all = await saying('Failed to query for interfaces addresses', () =>
        domainAddresses(host, domain, ADDRESS_SOURCE[source as keyof typeof ADDRESS_SOURCE]),
      );
      const row = (card: string, mac: string, type: string, address: string): string =>
        ` ${card.padEnd(10)} ${mac.padEnd(17)}    ${type.padEnd(12)} ${address}\n`;
      const rows = all
        .filter(card => name === undefined || card.name === name)
        .flatMap(card =>
          card.addresses.length === 0
            ? [row(card.name, card.mac ?? 'N/A', 'N/A', 'N/A')]
            : card.addresses.map(({ type, address, prefix }, i) => {
                const isNamed = options.has('full') || i === 0;
                const [shown, mac] = isNamed ? [card.name, card.mac ?? ''] : ['-', '-'];
                return row(shown, mac, type === 0 ? 'ipv4' : 'ipv6', `${address}/${prefix}`);
              }),
        );
      return ` ${'Name'.padEnd(10)} ${'MAC address'.padEnd(20)} ${'Protocol'.padEnd(8)}     Address\n${'-'.repeat(79)}\n${rows.join('')}\n`;
    },
  },
  blockresize: {
    usage: 'blockresize <domain> <path> <size>',
    about: 'Resize block device of domain.',
    run: async (host, [word, path, size]) => {
      allNeeded([word, path, size], ['domain', 'path', 'size']);
      const bytes = scaled(size!, 1024);
      const domain = await find(host, word);
      await saying(`Failed to resize block device '${path}'`, () => blockResize(host, domain, path!, bytes, IN_BYTES));
      return `Block device '${path}' is resized\n\n`;
    },
  },
  domblklist: {
    usage: 'domblklist <domain> [--details]',
    about: 'list all domain blocks',
    run: async (host, [word], options) => {
      const { disks } = (await find(host, word)).definition;
      const rows = disks.map(({ vdev, target, kind }) => [
        target.startsWith('/dev/') ? 'block' : isNetworkDisk(target) ? 'network' : 'file',
        kind,
        vdev,
        target || '-',
      ]);
      const all = [['Type', 'Device', 'Target', 'Source'], ...rows];
      return table(options.has('details') ? all : all.map(row => row.slice(2)));
    },
  },
  domiflist: {
    usage: 'domiflist <domain>',
    about: 'list all domain virtual interfaces',
    run: async (host, [word]) => {
      const domain = await find(host, word);
      const rows = domain.definition.cards.map(({ model = 'netfront', mac = '-', options = {}, place }, i) => [
        domain.id === undefined ? '-' : cardName(host, domain.id, place ?? i),
        options.network === undefined ? 'bridge' : 'network',
        options.network ?? options.bridge ?? BRIDGE,
        model,
        mac,
      ]);
      return table([['Interface', 'Type', 'Source', 'Model', 'MAC'], ...rows]);
    },
  },
};
