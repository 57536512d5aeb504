/** Addresses of the stations of the built-in network. */
import { put32 } from './packets.ts';

export const NETWORK = 0x0a000200,
  GATEWAY = NETWORK + 2,
  NAME_SERVER = NETWORK + 3;
export const DOMAIN = 'ringside';
/** What the network's own name server knows of it, in lower case. */
export const STATION_NAMES: ReadonlyMap<string, number> = new Map([
  [`gateway.${DOMAIN}`, GATEWAY],
  [`dns.${DOMAIN}`, NAME_SERVER],
  [`tftp.${DOMAIN}`, GATEWAY],
]);

/** A locally administered station address that names an IP address of ours. */
export const stationOf = (address: number): Uint8Array => {
  const mac = Uint8Array.of(0x52, 0x55, 0, 0, 0, 0);
  put32(mac, 2, address);
  return mac;
};

/** Whether a station address is one of the network's own: a card with it would never be answered. */
export const ofNetwork = (mac: Uint8Array): boolean =>
  [GATEWAY, NAME_SERVER].some(address => stationOf(address).every((byte, i) => byte === mac[i]));
