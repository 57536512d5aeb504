/** Networks and bridges that a domain's cards are to be on. Sources: virNetworkLookupByName() and networkAllocatePort() of libvirt 9.0, virNetDevGetMTU(). */
import type { Definition } from '../../definitions/config/index.ts';
import { BRIDGE } from '../../host/network/index.ts';
import type { CommandHost } from '../command-host.ts';
import { LibvirtError } from './errors.ts';
import { networkByName } from './networks.ts';

/** libvirt comes with it, and definitions name it everywhere: without one of that name its cards are on the host's bridge. */
const SHIPPED = { network: 'default', bridge: 'virbr0' };

/** @throws LibvirtError where one is not there */
export async function refuseNowhere(
  host: CommandHost,
  { cardOptions, moreCards = [] }: Pick<Definition, 'cardOptions' | 'moreCards'>,
): Promise<void> {
  for (const { network, bridge } of [{ cardOptions }, ...moreCards].map(card => card.cardOptions ?? {})) {
    if (network !== undefined) await refuseNetwork(host, network);
    else if (bridge !== undefined && bridge !== BRIDGE && bridge !== SHIPPED.bridge) refuseBridge(host, bridge);
  }
}

async function refuseNetwork(host: CommandHost, name: string): Promise<void> {
  const found = await networkByName(host, name).catch((error: Error) => {
    if (name === SHIPPED.network) return undefined;
    throw error;
  });
  if (found && !found.isActive)
    throw new LibvirtError('OPERATION_INVALID', `network '${name}' is not active`, 'network');
}

function refuseBridge({ toolstack: { services } }: CommandHost, bridge: string): void {
  const { network } = services;
  if (network.bridgeFor({ bridge }) === network.bridgeFor())
    throw new LibvirtError('SYSTEM_ERROR', `Cannot get interface MTU on '${bridge}': No such device`);
}
