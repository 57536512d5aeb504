/** Networks and bridges that a domain's cards are to be on. Sources: virNetworkLookupByName() and networkAllocatePort() of libvirt 9.0, virNetDevGetMTU(). */
import { missingPlace, placesAsked } from '../definitions/index.ts';
import type { Definition } from '../definitions/config/index.ts';
import type { CommandHost } from '../toolstack/index.ts';
import { LibvirtError } from './errors.ts';
import { listNetworks } from './networks.ts';

/** @throws LibvirtError where one is not there */
export async function refuseNowhere(host: CommandHost, definition: Pick<Definition, 'cards'>): Promise<void> {
  const known = await listNetworks(host, 0);
  const { places } = host.toolstack.services.network;
  for (const place of placesAsked(definition)) {
    // That of the package is the host's own bridge until somebody starts or changes it.
    if (known.some(({ of, isActive, isShipped }) => of.name === place.network && !isActive && !isShipped))
      throw new LibvirtError('OPERATION_INVALID', `network '${place.network}' is not active`, 'network');
    const missing = missingPlace(place, places);
    if (missing?.network !== undefined)
      throw new LibvirtError('NO_NETWORK', `no network with matching name '${missing.network}'`, 'network');
    if (missing)
      throw new LibvirtError('SYSTEM_ERROR', `Cannot get interface MTU on '${missing.bridge}': No such device`);
  }
}
