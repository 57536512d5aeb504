/** A domain's network card, and the network in process behind it. */
import { NetworkPeer, type NicAttachment, type Timers } from '../../devices/index.ts';

/** Station address of a card for which none is given, as in states saved before cards had addresses of their own. */
export const DEFAULT_MAC = '00:16:3e:00:00:01';

/** A domain's card, with its station address as six bytes in hexadecimal with colons. */
export function wired(timers: Timers, mac = DEFAULT_MAC): NicAttachment {
  return { mac: Uint8Array.from(mac.split(':'), byte => parseInt(byte, 16)), ethernet: new NetworkPeer(timers) };
}
