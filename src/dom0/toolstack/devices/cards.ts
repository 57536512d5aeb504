/**
 * A guest's paravirtual network cards: their nodes in the store, their back ends on the bridge, and what is kept of them in a saved state.
 * Source: tools/libs/light/libxl_nic.c for the nodes.
 */
import { SavedStateError } from '../../../hypervisor/index.ts';
import type { Vif } from '../../backends/vif/index.ts';
import {
  backend,
  type BackendParts,
  backendPath,
  type DeviceId,
  frontendPath,
  XenbusBackend,
} from '../../backends/index.ts';
import { type Definition, parseMac } from '../../definitions/config/index.ts';
import type { Network, PortCounts, Rate } from '../../host/network/index.ts';
import { removeDevicePaths, writeDevicePaths } from './device-paths.ts';

/** A card for the PV drivers of a guest. */
export interface GuestCard {
  /** Station address: six bytes in hexadecimal with colons. */
  mac: string;
  rate?: Rate | undefined;
  /** It stands beside an emulated card with the same address, which the guest unplugs. */
  emulated: boolean;
}

/** The cards of a definition. */
export function cardsOf({
  vif,
  nic,
  mac,
  rate,
  moreCards = [],
}: Pick<Definition, 'vif' | 'nic' | 'mac' | 'rate' | 'moreCards'>): { cards?: readonly GuestCard[] } {
  const first = vif && mac ? [{ mac, rate, emulated: nic !== undefined }] : [];
  const others = moreCards.flatMap(card => (card.mac ? [{ mac: card.mac, rate: card.rate, emulated: false }] : []));
  return first.length + others.length > 0 ? { cards: [...first, ...others] } : {};
}

/** A card in a saved state. */
interface SavedCard {
  devid: number;
  mac: string;
  /** Of a guest that was saved unasked: where its rings were. */
  rings?: unknown;
}

/** @throws SavedStateError where the state says something else than `Cards.save` writes */
export function savedCards(state: { cards?: unknown } | undefined): readonly SavedCard[] {
  const cards = state?.cards ?? [];
  if (!Array.isArray(cards) || !cards.every(card => Number.isInteger(card?.devid) && parseMac(String(card.mac))))
    throw new SavedStateError(
      'The record of the toolstack does not say what network cards the guest had. Save the guest anew.',
    );
  return cards;
}

export interface CardInfo {
  devid: number;
  mac: string;
  /** XENBUS_STATE of the back end, and where that is in the store. */
  state: number;
  path: string;
  /** Of the front end; -1: it has none. */
  port: number;
  txRef: number;
  rxRef: number;
  /** As seen from the bridge: what the guest sent is received. */
  counts: Readonly<PortCounts>;
}

/** Source: main_networklist() in tools/xl/xl_nic.c. */
export function formatNetworkList(cards: readonly CardInfo[]): string {
  const row = (...[idx, be, mac, handle, state, port, tx, rx, path]: string[]): string =>
    `${idx.padEnd(3)} ${be.padEnd(2)} ${mac.padEnd(17)} ${handle} ${state} ${port} ${tx}/${rx} ${path.padEnd(30)}\n`;
  const head = row('Idx', 'BE', 'Mac Addr.', 'handle', 'state', 'evt-ch', '  tx-', 'rx-ring-ref', 'BE-path');
  const rows = cards.map(({ devid, mac, state, port, txRef, rxRef, path }) =>
    row(
      String(devid),
      '0',
      mac,
      String(devid).padStart(6),
      String(state).padStart(5),
      String(port).padStart(6),
      String(txRef).padStart(5),
      String(rxRef).padEnd(11),
      path,
    ),
  );
  return [head, ...rows].join('');
}

interface Attached {
  id: DeviceId;
  mac: string;
  vif: Vif;
  backend?: XenbusBackend;
  rings: unknown;
}

export class Cards {
  private readonly parts: BackendParts;
  private readonly network: Network;
  private readonly domid: number;
  private readonly attached: Attached[];

  /** Writes what the guest finds in the store, and puts its cards on the bridge. It does not run yet. */
  constructor(
    parts: BackendParts,
    network: Network,
    domid: number,
    cards: readonly GuestCard[],
    saved: readonly SavedCard[] = [],
  ) {
    this.parts = parts;
    this.network = network;
    this.domid = domid;
    this.attached = cards.map((card, devid) => this.plug(card, devid, saved.find(each => each.devid === devid)?.rings));
  }

  private plug({ mac, rate, emulated }: GuestCard, devid: number, rings?: unknown): Attached {
    const { parts, domid } = this;
    const { bridge, timers } = this.network;
    const id = { kind: 'vif', domid, devid };
    const { Vif, vifNodes } = backend('vif');
    const guest = parts.recordOf?.(domid);
    const follows = parts.io && guest ? { io: parts.io, guest, devid } : undefined;
    writeDevicePaths(parts.client, id, vifNodes({ domid, devid, mac, bridge: bridge.name, rate, emulated }));
    return { id, mac, vif: new Vif({ bridge, timers, name: `vif${domid}.${devid}`, rate, follows }), rings };
  }

  /** A card for a guest that runs: its front end finds it in the store. Its number. */
  add(card: GuestCard): number {
    let devid = 0;
    while (this.attached.some(({ id }) => id.devid === devid)) devid++;
    const added = this.plug(card, devid);
    added.backend = new XenbusBackend(this.parts, added.id, added.vif);
    this.attached.push(added);
    return devid;
  }

  /** By its number, or its station address; undefined: the guest has no such card. */
  find(device: string): { id: DeviceId; mac: string; backend?: XenbusBackend } | undefined {
    return this.attached.find(({ id, mac }) =>
      device.includes(':') ? mac === device.toLowerCase() : String(id.devid) === device,
    );
  }

  /** Takes a card away, whatever its front end does. */
  drop({ devid }: DeviceId): void {
    const at = this.attached.findIndex(({ id }) => id.devid === devid);
    const [gone] = at < 0 ? [] : this.attached.splice(at, 1);
    gone?.backend?.close();
    gone?.vif.remove();
    if (gone) removeDevicePaths(this.parts.client, gone.id);
  }

  /** The back ends begin: all that the guest had of its own is in the store. */
  start(): void {
    for (const each of this.attached) {
      each.backend = new XenbusBackend(this.parts, each.id, each.vif, each.rings);
      each.rings = undefined;
    }
  }

  /** Each with its back end, for those who look. */
  get all(): readonly { id: DeviceId; vif: Vif }[] {
    return this.attached;
  }

  get size(): number {
    return this.attached.length;
  }

  /** As `xl network-list` has them, with what went through each. */
  list(): CardInfo[] {
    const { client } = this.parts;
    return this.attached.map(({ id, mac, vif }) => {
      const number = (path: string, name: string): number => Number(client.read(`${path}/${name}`) ?? -1);
      const front = frontendPath(id),
        path = backendPath(id);
      return {
        devid: id.devid,
        mac,
        path,
        state: number(path, 'state'),
        port: number(front, 'event-channel'),
        txRef: number(front, 'tx-ring-ref'),
        rxRef: number(front, 'rx-ring-ref'),
        counts: vif.port.counts,
      };
    });
  }

  /** `unasked`: the guest knows nothing of it, and goes on with the rings that it has. */
  save(unasked: boolean): SavedCard[] {
    return this.attached.map(({ id: { devid }, mac, backend }) => {
      const rings = unasked ? backend?.save() : undefined;
      return { devid, mac, ...(rings === undefined ? {} : { rings }) };
    });
  }

  close(): void {
    for (const { id, vif, backend } of this.attached.splice(0)) {
      backend?.close();
      vif.remove();
      removeDevicePaths(this.parts.client, id);
    }
  }
}
