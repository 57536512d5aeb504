/** Cards of domains that run, as each driver calls them, and what went through them. */
import type { CommandHost } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { isQemu } from './qemu-driver.ts';

/** A guest of QEMU's tap: libvirt counts them all (virNetDevReserveName()); a guest here has one card, and each that starts another number. */
export const tapOf = (domid: number): string => `vnet${domid - 1}`;

/** What the host calls a domain's card. */
export const cardName = (host: CommandHost, domid: number, index: number): string =>
  isQemu(host) ? tapOf(domid) : `vif${domid}.${index}`;

interface Card {
  name: string;
  mac: string | undefined;
  counts: {
    rxBytes: number;
    rxPackets: number;
    txBytes: number;
    txPackets: number;
    txDropped: number;
    rxDropped: number;
  };
}

/** Of one that runs: those of PV drivers, or what a guest of KVM has. */
export function runningCards(host: CommandHost, { id, definition }: Domain): Card[] {
  if (id === undefined || id === 0) return [];
  const { services } = host.toolstack;
  if (!isQemu(host))
    return services
      .list(id, 'cards')
      .map(({ devid, mac, counts }) => ({ name: cardName(host, id, devid), mac, counts }));
  const port = services.network
    .bridgeFor(definition.cards[0]?.options)
    .list()
    .find(({ name }) => name.startsWith(`vif${id}.`));
  return port ? [{ name: tapOf(id), mac: definition.cards[0]?.mac, counts: port.counts }] : [];
}
