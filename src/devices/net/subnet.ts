/** A network of stations: its addresses, who answers there, and which addresses DHCP gives out. */
import { DOMAIN, GATEWAY, NAME_SERVER, NETWORK, STATION_NAMES, stationOf } from './stations.ts';

/** What DHCP has for one station: an address of its own, and how it is called. */
export interface SubnetHost {
  /** `xx:xx:…`, lower case. */
  mac: string;
  address?: number;
  name?: string;
}

export interface Subnet {
  network: number;
  mask: number;
  gateway: number;
  nameServer: number;
  domain: string;
  /** What its name server knows, in lower case. */
  names: ReadonlyMap<string, number>;
  /** Addresses that DHCP gives to whom it does not know, from `first` to `last`; absent: to nobody. */
  range?: { first: number; last: number };
  hosts: readonly SubnetHost[];
  /** The station address of the gateway or the name server. */
  stationOf(address: number): Uint8Array;
}

/** The first client gets 10.0.2.15, later ones the next that no other is heard to have, up to 10.0.2.254; then the client that asked least lately loses its. */
export const FIRST_LEASE = NETWORK + 15;

/** The host's own. */
export const OWN_SUBNET: Subnet = {
  network: NETWORK,
  mask: 0xffffff00,
  gateway: GATEWAY,
  nameServer: NAME_SERVER,
  domain: DOMAIN,
  names: STATION_NAMES,
  range: { first: FIRST_LEASE, last: NETWORK + 254 },
  hosts: [],
  stationOf,
};

export const broadcastOf = ({ network, mask }: Subnet): number => (network | ~mask) >>> 0;
export const isWithin = ({ network, mask }: Subnet, address: number): boolean => (address & mask) >>> 0 === network;
