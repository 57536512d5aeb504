/** The host's networks: the one bridge that all cards are at. Source: libvirt's documentation, "Network XML format". */
import { BRIDGE } from '../../host/network/index.ts';
import { uuidOfName } from '../uuid.ts';
import { LibvirtError } from './errors.ts';
import { LISTED, LISTED_GROUPS, matches } from './flags.ts';

export interface Network {
  name: string;
  uuid: string;
  bridge: string;
}

const NETWORKS: readonly Network[] = [{ name: BRIDGE, uuid: uuidOfName(`network ${BRIDGE}`), bridge: BRIDGE }];

/** By virConnectListAllNetworksFlags. */
export const listNetworks = (flags: number): readonly Network[] =>
  matches(LISTED.ACTIVE | LISTED.PERSISTENT | LISTED.AUTOSTART, flags, LISTED_GROUPS) ? NETWORKS : [];

export function networkByName(name: string): Network {
  const found = NETWORKS.find(network => network.name === name);
  if (!found) throw new LibvirtError('NO_NETWORK', `no network with matching name '${name}'`, 'network');
  return found;
}

export function networkByUuid(uuid: string): Network {
  const found = NETWORKS.find(network => network.uuid === uuid);
  if (!found) throw new LibvirtError('NO_NETWORK', `no network with matching uuid '${uuid}'`, 'network');
  return found;
}

/** The host's bridge, which is there before libvirt is. */
export const networkXml = ({ name, uuid, bridge }: Network): string =>
  `<network>\n  <name>${name}</name>\n  <uuid>${uuid}</uuid>\n  <forward mode='bridge'/>\n  <bridge name='${bridge}'/>\n</network>\n`;
