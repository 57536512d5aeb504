/**
 * A guest's paravirtual network cards: their nodes in the store, their back ends on the bridge, and what is kept of them in a saved state.
 * Source: tools/libs/light/libxl_nic.c for the nodes.
 */
import { SavedStateError } from '../../../hypervisor/index.ts';
import type { Vif } from '../../backends/vif/index.ts';
import { backend, type BackendParts, loadBackends } from '../../backends/index.ts';
import { parseMac } from '../../../devices/net/index.ts';
import type { Card, CardOptions, Definition } from '../../definitions/config/index.ts';
import type { Network, PortCounts, Rate } from '../../host/network/index.ts';
import type { PluggableKind } from './device-kind.ts';
import { writeDevicePaths } from './device-paths.ts';
import { type DeviceInfo, type SharedDevice, SharedDevices } from './shared-devices.ts';

/** A card for the PV drivers of a guest. */
export interface GuestCard {
  /** Station address: six bytes in hexadecimal with colons. */
  mac: string;
  rate?: Rate | undefined;
  /** Where it asks to be. */
  on?: CardOptions | undefined;
  /** It is next to an emulated card with the same address, which the guest unplugs. */
  emulated: boolean;
}

/** Those of a definition's cards that are for PV drivers, once they have their addresses. */
const cardsOf = ({ cards }: Definition): readonly GuestCard[] =>
  cards.flatMap(({ model, pv, mac, rate, options: on }) =>
    pv && mac ? [{ mac, rate, on, emulated: model !== undefined }] : [],
  );

/** A card in a saved state. */
interface SavedCard {
  devid: number;
  mac: string;
  /** Of a guest that was saved unasked: where its rings were. */
  rings?: unknown;
}

/** @throws SavedStateError where the state says something else than `Cards.save` writes */
export function savedCards(saved: unknown): readonly SavedCard[] {
  const cards = saved ?? [];
  if (!Array.isArray(cards) || !cards.every(card => Number.isInteger(card?.devid) && parseMac(String(card.mac))))
    throw new SavedStateError(
      'The record of the toolstack does not say what network cards the guest had. Save the guest again.',
    );
  return cards;
}

export interface CardInfo extends DeviceInfo {
  mac: string;
  /** Of the front end; -1: it has none. */
  txRef: number;
  rxRef: number;
  /** As seen from the bridge: what the guest sent is received. */
  counts: Readonly<PortCounts>;
}

export class Cards extends SharedDevices<GuestCard, Vif, CardInfo> {
  private readonly network: Network;

  /** Writes what the guest finds in the store, and puts its cards on the bridge. It does not run yet. */
  constructor(
    parts: BackendParts,
    network: Network,
    domid: number,
    cards: readonly GuestCard[],
    saved: readonly SavedCard[] = [],
  ) {
    super(parts, domid);
    this.network = network;
    cards.forEach((card, devid) => {
      const rings = saved.find(each => each.devid === devid)?.rings;
      this.attached.push({ ...this.make(card, devid), rings });
    });
  }

  private make(given: GuestCard, devid: number): SharedDevice<GuestCard, Vif> {
    const { parts, domid } = this;
    const { timers } = this.network;
    const { mac, rate, on, emulated } = given;
    const bridge = this.network.bridgeFor(on);
    const id = { kind: 'vif', domid, devid };
    const { Vif, vifNodes } = backend('vif');
    const follows = this.follower(devid);
    writeDevicePaths(parts.client, id, vifNodes({ domid, devid, mac, bridge: bridge.name, rate, emulated }));
    return { id, given, driver: new Vif({ bridge, timers, name: `vif${domid}.${devid}`, rate, follows }) };
  }

  /** A card for a guest that runs: its number. */
  add(card: GuestCard): number {
    let devid = 0;
    while (this.attached.some(({ id }) => id.devid === devid)) devid++;
    this.plug(this.make(card, devid));
    return devid;
  }

  /** By its number, or its station address; undefined: the guest has no such card. */
  find(device: string): SharedDevice<GuestCard, Vif> | undefined {
    return this.attached.find(({ id, given: { mac } }) =>
      device.includes(':') ? mac === device.toLowerCase() : String(id.devid) === device,
    );
  }

  protected override ended(vif: Vif): void {
    vif.remove();
  }

  protected info(
    { given: { mac }, driver }: SharedDevice<GuestCard, Vif>,
    common: DeviceInfo,
    node: (name: string) => number,
  ): CardInfo {
    return { ...common, mac, txRef: node('tx-ring-ref'), rxRef: node('rx-ring-ref'), counts: driver.port.counts };
  }

  save(unasked: boolean): SavedCard[] | undefined {
    if (this.attached.length === 0) return undefined;
    return this.attached.map(each => {
      const rings = this.savedRings(each, unasked);
      return { devid: each.id.devid, mac: each.given.mac, ...(rings === undefined ? {} : { rings }) };
    });
  }
}

export const CARDS: PluggableKind<GuestCard, Cards> = {
  load: () => loadBackends(['vif']),
  planned: ({ definition }) => {
    const cards = cardsOf(definition);
    return cards.length > 0 ? cards : undefined;
  },
  attach: ({ backends, network, record }, given, saved) =>
    new Cards(backends, network, record.id, given ?? [], savedCards(saved)),
  restored: (definition, saved) => withCards(definition, savedCards(saved)),
  hotplug: {
    noun: 'card',
    called: (_card, asked) => asked,
    stays: ({ emulated }) =>
      emulated ? 'It accompanies an emulated card, which stays as long as the guest.' : undefined,
  },
};

/** With the cards that a saved guest had for PV drivers, whatever its text says. */
function withCards(definition: Definition, saved: readonly SavedCard[]): Definition {
  const asked = (mac: string): Card => definition.cards.find(card => card.mac === mac) ?? { mac };
  const emulated = definition.cards.filter(({ model, mac }) => model && !saved.some(card => card.mac === mac));
  return {
    ...definition,
    cards: [
      ...emulated.map(({ pv: _pv, ...card }) => card),
      ...saved.map(({ mac }): Card => ({ ...asked(mac), pv: true })),
    ],
  };
}
