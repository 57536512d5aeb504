/**
 * A guest's paravirtual network cards: their nodes in the store, their back ends on the bridge, and what is kept of them in a saved state.
 * Source: tools/libs/light/libxl_nic.c for the nodes.
 */
import { SavedStateError } from '../../hypervisor/index.ts';
import { Vif, vifNodes } from '../backends/vif/vif.ts';
import { type BackendParts, backendPath, type DeviceId, frontendPath, XenbusBackend } from '../backends/xenbus.ts';
import { parseMac } from '../config/vif.ts';
import type { PortCounts } from '../network/bridge.ts';
import type { Network } from '../network/network.ts';
import type { Rate } from '../network/rate.ts';
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
export function cardsOf({ vif, nic, mac, rate }: { vif?: true; nic?: string; mac?: string; rate?: Rate }): { cards?: readonly GuestCard[] } {
  return vif && mac ? { cards: [{ mac, rate, emulated: nic !== undefined }] } : {};
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
    throw new SavedStateError('The record of the toolstack does not say what network cards the guest had. Save the guest anew.');
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
    row(String(devid), '0', mac, String(devid).padStart(6), String(state).padStart(5), String(port).padStart(6), String(txRef).padStart(5), String(rxRef).padEnd(11), path),
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
  private readonly attached: Attached[];

  /** Writes what the guest finds in the store, and puts its cards on the bridge. It does not run yet. */
  constructor(parts: BackendParts, { bridge, timers }: Network, domid: number, cards: readonly GuestCard[], saved: readonly SavedCard[] = []) {
    this.parts = parts;
    this.attached = cards.map(({ mac, rate, emulated }, devid) => {
      const id = { kind: 'vif', domid, devid };
      writeDevicePaths(parts.client, id, vifNodes({ domid, devid, mac, bridge: bridge.name, rate, emulated }));
      const vif = new Vif({ bridge, timers, name: `vif${domid}.${devid}`, rate });
      return { id, mac, vif, rings: saved.find(card => card.devid === devid)?.rings };
    });
  }

  /** The back ends begin: all that the guest had of its own is in the store. */
  start(): void {
    for (const each of this.attached) {
      each.backend = new XenbusBackend(this.parts, each.id, each.vif, each.rings);
      each.rings = undefined;
    }
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
        devid: id.devid, mac, path, state: number(path, 'state'), port: number(front, 'event-channel'), txRef: number(front, 'tx-ring-ref'), rxRef: number(front, 'rx-ring-ref'),
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
