/**
 * A guest's paravirtual network cards: their nodes in the store, their back ends on the bridge, and what is kept of them in a saved state.
 * Source: tools/libs/light/libxl_nic.c for the nodes.
 */
import { SavedStateError } from '../../hypervisor/index.ts';
import { Vif, vifNodes } from '../backends/vif/vif.ts';
import { type BackendParts, type DeviceId, XenbusBackend } from '../backends/xenbus.ts';
import { parseMac } from '../config/vif.ts';
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
