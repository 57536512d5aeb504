/** Bridges and networks that a definition's cards are to be on: a domain with one that the host does not have does not start. Source: vif-bridge of Xen 4.17. */
import type { Definition } from './config/definition.ts';
import type { Finding } from './verdicts.ts';
import { cannotAddCards, fromScript } from './libxl-words.ts';
import { shortened } from './config/xlcfg.ts';

/** What the host has, by names: its own first. */
export interface Places {
  bridges: readonly string[];
  networks: readonly string[];
}
export type Place = NonNullable<Finding['place']>;

/** libvirt comes with them, and definitions name them everywhere: where the host has none of that name they are its own bridge. */
const SHIPPED: Place = { network: 'default', bridge: 'virbr0' };
/** Of a host on which no other was made. */
export const OWN_PLACES: Places = { bridges: ['xenbr0'], networks: ['xenbr0'] };

/** What a definition's cards ask for; a card that names no bridge and no network is on the host's own. */
export const placesAsked = ({ cards }: Pick<Definition, 'cards'>): Place[] =>
  cards.flatMap(({ options }) => (options?.bridge === undefined && options?.network === undefined ? [] : [options]));

/** What is missing of the place of a card; undefined: nothing. Of a network and a bridge the network counts. */
export function missingPlace({ bridge, network }: Place, { bridges, networks }: Places): Place | undefined {
  if (network !== undefined) return network === SHIPPED.network || networks.includes(network) ? undefined : { network };
  return bridge === undefined || bridge === '' || bridge === SHIPPED.bridge || bridges.includes(bridge)
    ? undefined
    : { bridge };
}

/** The sentence with which vif-bridge, or libvirt, refuses it. */
export const noPlace = ({ bridge, network }: Place): string =>
  network === undefined
    ? `Could not find bridge device ${shortened(bridge!)}`
    : `Network not found: no network with matching name '${shortened(network)}'`;

/** Another verdict on each card's bridge or network, as the host has it or not. What is refused is an error from then on. */
export function judgePlaces(findings: readonly Finding[], places: Places): Finding[] {
  const refused: Finding[] = [];
  for (const finding of findings) {
    const { place } = finding;
    if (!place || finding.verdict !== 'approximated') continue;
    const missing = missingPlace(place, places);
    const { key, write, of } =
      place.network === undefined
        ? { key: 'bridge', write: places.bridges[0], of: place.bridge! }
        : { key: 'network', write: SHIPPED.network!, of: place.network };
    if (missing) {
      const had = (place.network === undefined ? places.bridges : places.networks).join(', ');
      Object.assign(finding, {
        verdict: 'error',
        short: `no such ${key}; this host has ${places.bridges[0]}`.slice(0, 48),
        text: `${noPlace(missing)}. This host has ${had}: write ${key}=${write}${key === 'network' ? '' : ', or make the bridge first (virsh net-create)'}.`,
        remedy: { write, of },
        refusesStart: true,
        libxl: cannotAddCards(fromScript(noPlace(missing))),
      });
      refused.push(finding);
    } else if (of !== SHIPPED[key as keyof Place])
      Object.assign(finding, {
        verdict: 'used',
        short: `on the ${key} ${of}`.slice(0, 48),
        text: `The card is on the ${key} ${of}.`,
      });
  }
  return refused;
}
