/** A domain's network card, and its wire to Domain 0. */
import type { BoardCard, NicAttachment, Timers } from '../../devices/index.ts';
import { parseMac } from '../../devices/net/index.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import type { IoTrace } from '../tracing/io-trace.ts';
import { CardWire } from './card-wire.ts';
import { DEFAULT_MAC } from './default-mac.ts';

export interface WiredCard extends NicAttachment {
  place: number;
  ethernet: CardWire;
}

/** A domain's card, with its station address as six bytes in hexadecimal with colons, and its wire to Domain 0's bridge; `io` follows its frames. @throws Error: it is no address */
export function wired(
  machine: Machine,
  record: DomainRecord,
  timers: Timers,
  { place, model, mac = DEFAULT_MAC }: BoardCard,
  io?: IoTrace,
  ethernet = new CardWire(machine, record, timers, place),
): WiredCard {
  const address = parseMac(mac);
  if (!address)
    throw new Error(`A card's station address is six bytes in hexadecimal with colons, and ‘${mac}’ is not.`);
  ethernet.io = io;
  return { place, model, mac: address, ethernet };
}
