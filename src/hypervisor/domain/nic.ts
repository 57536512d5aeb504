/** A domain's network card, and its wire to Domain 0. */
import type { NicAttachment, NicModel, Timers } from '../../devices/index.ts';
import { parseMac } from '../../devices/net/index.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import type { IoTrace } from '../tracing/io-trace.ts';
import { CardWire } from './card-wire.ts';
import { DEFAULT_MAC } from './default-mac.ts';

export interface WiredCard extends NicAttachment {
  ethernet: CardWire;
}

/** A domain's card, with its station address as six bytes in hexadecimal with colons, and its wire to Domain 0's bridge; `io` follows its frames. @throws Error: it is no address */
export function wired(
  machine: Machine,
  record: DomainRecord,
  timers: Timers,
  { nic = 'pcnet', mac = DEFAULT_MAC }: { nic?: NicModel; mac?: string },
  io?: IoTrace,
  ethernet = new CardWire(machine, record, timers),
): WiredCard {
  const address = parseMac(mac);
  if (!address)
    throw new Error(`A card's station address is six bytes in hexadecimal with colons, and ‘${mac}’ is not.`);
  ethernet.io = io;
  return { model: nic, mac: address, ethernet };
}
