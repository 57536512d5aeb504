/**
 * A station says where it is now, so that bridges send there what is for it: a reverse ARP request for its own address (RFC 903), as QEMU sends for a guest's
 * cards after a migration (announce_self_create() in net/announce.c). Nobody need answer.
 */
import { HEADER_BYTES, put16 } from '../../../devices/net/index.ts';
import type { BridgePort } from './bridge.ts';

const ETHERTYPE_RARP = 0x8035,
  REVERSE_REQUEST = 3,
  ETHERNET = 1,
  IPV4 = 0x0800,
  ADDRESS_BYTES = 6,
  LEAST_FRAME = 60;

/** `mac`: six bytes in hexadecimal with colons. */
export function announcement(mac: string): Uint8Array {
  const station = Uint8Array.from(mac.split(':'), byte => parseInt(byte, 16));
  const frame = new Uint8Array(LEAST_FRAME);
  frame.fill(0xff, 0, ADDRESS_BYTES);
  frame.set(station, ADDRESS_BYTES);
  put16(frame, 2 * ADDRESS_BYTES, ETHERTYPE_RARP);
  [ETHERNET, IPV4, (ADDRESS_BYTES << 8) | 4, REVERSE_REQUEST].forEach((word, i) =>
    put16(frame, HEADER_BYTES + 2 * i, word),
  );
  // Sender and target, each with an IPv4 address of zeroes.
  frame.set(station, HEADER_BYTES + 8);
  frame.set(station, HEADER_BYTES + 18);
  return frame;
}

/** From behind a port of the bridge. */
export const announce = (port: BridgePort, mac: string): void => port.input({ bytes: announcement(mac) });
