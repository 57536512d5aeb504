/**
 * A station says where it is now, so that bridges send there what is for it: a reverse ARP request for its own address (RFC 903), as QEMU sends for a guest's
 * cards after a migration (announce_self_create() in net/announce.c). Nobody need answer.
 */
import { parseMac, reverseArpFrame } from '../../../devices/net/index.ts';
import type { BridgePort } from './bridge.ts';

/** Its frame. `mac`: six bytes in hexadecimal with colons. */
export const announcementOf = (mac: string): Uint8Array => reverseArpFrame(parseMac(mac)!);

/** From behind a port of the bridge. */
export const announce = (port: BridgePort, mac: string): void => port.input({ bytes: announcementOf(mac) });
