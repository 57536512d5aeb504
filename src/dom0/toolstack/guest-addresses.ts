/** Which IPv4 addresses a guest's cards have, as far as the host's network knows. */
import type { CommandHost } from './command-host.ts';

export interface CardAddress {
  /** `vifN.0`, as the bridge calls the port. */
  port: string;
  mac: string;
  address: string;
  /** The guest said so itself (ARP), or DHCP gave it to the card (lease). */
  source: 'arp' | 'lease';
}

/** Those of a domain that is there; none once it has stopped. */
export function addressesOf({ toolstack }: CommandHost, id: number): CardAddress[] {
  const member = toolstack.members.get(id);
  if (!member || member.ending) return [];
  const { mac, nic } = member.blueprint.definition;
  const attached = toolstack.services.list(id, 'cards');
  const emulated = nic && mac && !attached.some(card => card.mac === mac) ? [{ mac, port: `vif${id}.0-emu` }] : [];
  return [...emulated, ...attached.map(card => ({ mac: card.mac, port: `vif${id}.${card.devid}` }))].flatMap(card => {
    const known = toolstack.services.network.addressOf(card.mac);
    return known ? [{ ...card, ...known }] : [];
  });
}
