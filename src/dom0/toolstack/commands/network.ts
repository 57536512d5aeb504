/** What guests have of the network. */
import type { CommandHost } from '../command-host.ts';
import { commandOf } from '../hypervisors/command/command-value.ts';
import { formatNetworkList } from '../devices/lists.ts';
import { cardOf, parseVif } from '../../definitions/config/index.ts';
import { kindOfMember } from '../kinds/index.ts';
import { deviceDetach } from './device-detach.ts';
import { deviceList } from './device-list.ts';
import { fromScript, missingPlace, noPlace } from '../../definitions/index.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

export const networkList = deviceList(
  'cards',
  'network-list',
  'List virtual network interfaces for a domain',
  formatNetworkList,
);

/** Settings of a card by their keys, for the task log. */
const settingsOf = (spec: string): Record<string, string> =>
  Object.fromEntries(
    spec
      .split(',')
      .map(each => each.trim())
      .filter(Boolean)
      .map(each => [each.split('=')[0], each.slice(each.indexOf('=') + 1)]),
  );

export const networkAttach = command({
  summary: 'Create a new virtual network device',
  usage: '<Domain> [type=<type>] [mac=<mac>] [bridge=<bridge>] [rate=<rate>]',
  modifies: true,
  /** A card for its PV drivers, as vif of xl.cfg writes it: its number and its station address. */
  run: (host: CommandHost, id: number, spec: string = ''): Promise<{ devid: number; mac: string }> => {
    const member = host.domains.living(id);
    return host.tasks.run(
      commandOf('network-attach', member.name, { card: settingsOf(spec) }),
      async task => {
        const parsed = parseVif(spec, true);
        const { model, others, remarks } = parsed;
        const wrong = remarks.filter(({ verdict }) => verdict === 'error');
        if (wrong.length > 0)
          throw new Refusal(`${wrong.map(({ text }) => text).join('\n')}\nlibxl_device_nic_add failed.`);
        const missing = missingPlace(others ?? {}, host.toolstack.services.network.places);
        if (missing) throw new Refusal(`${fromScript(noPlace(missing))}\nlibxl_device_nic_add failed.`);
        try {
          await host.toolstack.services.network.connect();
          const { attachCard, arrived } = (await kindOfMember(member).running()).plugging;
          const card = await attachCard(host.toolstack, member, { ...cardOf(parsed), ...(model ? { model } : {}) });
          task.message = `Card ${card.devid}, ${card.mac}, ${arrived}`;
          return card;
        } catch (error) {
          throw new Refusal(`${(error as Error).message}\nlibxl_device_nic_add failed.`);
        }
      },
      id,
    );
  },
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('network-attach', rest, 1);
    const [domain, ...parts] = rest;
    const id = findDomain(host, domain);
    if (id === 0) throw new Refusal('Domain 0 has its card from the host.');
    await run(id, parts.join(','));
    return '';
  },
});

export const networkDetach = deviceDetach('cards', 'network-detach', {
  summary: "Destroy a domain's virtual network device",
  usage: '[option] <Domain> <DevId|mac>',
  option: '--force',
  unknown: device => `Unknown device ${device}.`,
  failed: 'libxl_device_nic_del failed.',
});
