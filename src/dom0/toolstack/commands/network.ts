/** What guests have of the network. */
import type { HostCore } from '../../host.ts';
import { type CardInfo, formatNetworkList } from '../cards.ts';
import { command } from './command.ts';
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
