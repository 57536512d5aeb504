/** How a forward is written: as QEMU's hostfwd, `tcp:2222-:22` or in full `tcp:127.0.0.1:2222-10.0.2.15:22`. Source: QEMU's manual, -netdev user. */
import { LOOPBACK } from '../../nbd/index.ts';
import { FIRST_LEASE, formatAddress, NETWORK, parseAddress } from '../../../../devices/net/index.ts';

const NETWORK_MASK = 0xffffff00;

/** A port of the computer's own, on its loopback (0: any), and the guest's that it leads to. */
export interface Forward {
  protocol: 'tcp' | 'udp';
  port: number;
  /** As a number; where none is said, that of the first guest that asks for one. */
  guest: number;
  guestPort: number;
}

/** To a guest on the host's own network. @throws RangeError with a sentence */
export function readForward(text: string): Forward {
  const forward = readForwardToAny(text);
  if (!((forward.guest & NETWORK_MASK) >>> 0 === NETWORK))
    throw new RangeError(
      `"${text}": ${formatAddress(forward.guest)} is no address of the network's, ${formatAddress(NETWORK)}/24. Leave it out for ${formatAddress(FIRST_LEASE)}.`,
    );
  return forward;
}

/** To a guest on whichever network of the host has its address. @throws RangeError with a sentence */
export function readForwardToAny(text: string): Forward {
  const parts = /^(?:hostfwd=)?(?:(tcp|udp):)?(?:([\d.]*):)?(\d+)-([\d.]*):(\d+)$/.exec(text);
  if (!parts) throw new RangeError(`"${text}" is no forward. Write tcp:PORT-:PORT OF THE GUEST, as in tcp:2222-:22.`);
  const [, protocol = 'tcp', host = '', port, guestHost, guestPort] = parts;
  if (host !== '' && host !== LOOPBACK)
    throw new RangeError(
      `"${text}": ports are opened on ${LOOPBACK} alone, and not on ${host}. Leave the address out.`,
    );
  const guest = guestHost === '' ? FIRST_LEASE : parseAddress(guestHost!);
  if (Number.isNaN(guest)) throw new RangeError(`"${text}": ${guestHost} is no IPv4 address.`);
  return {
    protocol: protocol as Forward['protocol'],
    port: portOf(text, port!, 0),
    guest,
    guestPort: portOf(text, guestPort!, 1),
  };
}

function portOf(text: string, digits: string, least: number): number {
  const port = Number(digits);
  if (port < least || port > 0xffff)
    throw new RangeError(`"${text}": ${digits} is no port: those go from ${least} to 65535.`);
  return port;
}
