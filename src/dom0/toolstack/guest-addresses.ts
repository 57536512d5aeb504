/** A guest's cards on the host's bridge, and which IPv4 addresses they have, as far as the host's network knows. */
import { emulatedCards } from '../definitions/config/index.ts';
import type { CommandHost, Guest } from './command-host.ts';

export interface BridgedCard {
  /** As the bridge calls the port. */
  port: string;
  mac: string;
}

export interface CardAddress extends BridgedCard {
  address: string;
  /** The guest said so itself (ARP), or DHCP gave it to the card (lease). */
  source: 'arp' | 'lease';
}

/** One that is emulated, and those of PV drivers, of which the first may have its station address. */
export function bridgedCards(
  { toolstack }: Pick<CommandHost, 'toolstack'>,
  { record: { id }, blueprint: { definition } }: Guest,
): { emulated: BridgedCard[]; attached: BridgedCard[] } {
  return {
    emulated: emulatedCards(definition).flatMap(({ place, mac }) =>
      mac ? [{ mac, port: `vif${id}.${place}-emu` }] : [],
    ),
    attached: toolstack.services.list(id, 'cards').map(card => ({ mac: card.mac, port: `vif${id}.${card.devid}` })),
  };
}

/** Those of a domain that is there; none once it has stopped. */
export function addressesOf(host: CommandHost, id: number): CardAddress[] {
  const { toolstack } = host,
    member = toolstack.members.get(id);
  if (!member || member.ending) return [];
  const { emulated, attached } = bridgedCards(host, member);
  const alone = emulated.filter(({ mac }) => !attached.some(card => card.mac === mac));
  return [...alone, ...attached].flatMap(card => {
    const known = toolstack.services.network.addressOf(card.mac);
    return known ? [{ ...card, ...known }] : [];
  });
}
