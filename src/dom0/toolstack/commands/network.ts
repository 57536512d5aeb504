/** What guests have of the network, and what the bridge knows. */
import type { HostCore } from '../../host.ts';
import type { Station } from '../../network/bridge.ts';
import { formatStations } from '../../network/bridge.ts';
import { type CardInfo, formatNetworkList } from '../cards.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

export const networkList = command({
  summary: 'List virtual network interfaces for a domain',
  usage: '<Domain(s)>',
  run: async (host: HostCore, id: number): Promise<CardInfo[]> => host.toolstack.services.cards(id),
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    atLeast('network-list', rest, 1);
    const cards = await Promise.all(rest.map(word => run(findDomain(host, word))));
    return formatNetworkList(cards.flat());
  },
});

/** What `brctl showmacs xenbr0` shows; xl has no such command. */
export const showmacs = command({
  summary: 'Show the stations that the bridge has learned',
  usage: '[bridge]',
  run: async (host: HostCore): Promise<Station[]> => host.toolstack.services.network.bridge.stations(),
  xl: async ({ host, words }, run) => {
    const { rest } = readWords(words);
    const { name } = host.toolstack.services.network.bridge;
    if (rest[0] !== undefined && rest[0] !== name) throw new Refusal(`bridge ${rest[0]} does not exist!`);
    return formatStations(await run());
  },
});
