/** Bridges and networks of a guest that comes from elsewhere: from a saved state, a snapshot or another host. */
import { missingPlace, noPlace, placesAsked } from '../definitions/index.ts';
import type { Uses } from './command-host.ts';
import { withDevices } from './drives-now.ts';
import type { Blueprint } from './running-domain.ts';

/** On a host without the bridge or network of one of its cards it would be on another: with guests from which it was to be kept apart. @throws Error with a sentence */
export async function refuseOtherPlaces(host: Uses<'toolstack'>, blueprint: Blueprint): Promise<void> {
  const asked = placesAsked((await withDevices(blueprint)).definition);
  if (asked.length === 0) return;
  const { network } = host.toolstack.services;
  await network.startDefined();
  const { places } = network;
  const missing = asked.map(place => missingPlace(place, places)).find(place => place !== undefined);
  if (!missing) return;
  const had =
    missing.network === undefined ? `bridges ${places.bridges.join(', ')}` : `networks ${places.networks.join(', ')}`;
  throw new Error(
    `${noPlace(missing)}. This host has the ${had}: make the one that is missing first (virsh net-create).`,
  );
}
