/**
 * What a guest's addresses mean outside, and which of them it may reach. As with QEMU's user network 10.0.2.2 is the computer itself, by its loopback, and
 * 10.0.2.3 whom the computer asks for names. Other addresses of the computer's are refused, as are those that no router passes on.
 */
import { type BeyondParts, formatAddress, NETWORK } from '../../../../devices/net/index.ts';
import { LOOPBACK, type SocketAddress } from '../../nbd/index.ts';
import type { Outside } from './outside.ts';

const NAME_PORT = 53;

/** Nor what is no way out, an address of the guests' network. Sources: RFC 1122 3.2.1.3 (this network, loopback), RFC 3927 2.6.2 (link-local), RFC 1112 (groups), RFC 919 and 1112 (class E, everybody). */
const isPassedOn = (address: number): boolean => {
  const first = address >>> 24;
  const isHere = address >>> 8 === NETWORK >>> 8;
  return first !== 0 && first !== 127 && first < 224 && address >>> 16 !== 0xa9fe && !isHere;
};

export type Translated =
  | { to: SocketAddress }
  /** It may not go there; or nothing is there. */
  | 'prohibited'
  | 'nothing';

/** `stations`: who answers on the guest's network. One that is both answers for names alone. */
export function translate(
  outside: Outside,
  stations: Pick<BeyondParts, 'gateway' | 'nameServer'>,
  address: number,
  port: number,
): Translated {
  if (address === stations.nameServer) {
    const to = port === NAME_PORT ? outside.nameServer() : undefined;
    return to ? { to } : 'nothing';
  }
  if (address === stations.gateway) return { to: { host: LOOPBACK, port } };
  const host = formatAddress(address);
  return isPassedOn(address) && !outside.isOwn(host) ? { to: { host, port } } : 'prohibited';
}
