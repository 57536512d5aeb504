/**
 * The host's own card (an e1000) with Domain 0's driver of it. On its wire is the gateway with DHCP, DNS, TFTP and ping (devices/net/peer.ts). It is loaded
 * with the first guest that has a card, or when somebody looks (network.ts).
 */
import type { Timers } from '../../../devices/index.ts';
import { E1000 } from '../../../devices/net/e1000/index.ts';
import { type GivenOut, NetworkPeer, type PeerOptions } from '../../../devices/net/index.ts';
import type { HostBus } from '../hardware/host-bus.ts';
import { E1000_ID, E1000Driver } from './e1000-driver.ts';

/** Where the host's card is on its PCI bus. */
const CARD_SLOT = 3;

export interface UplinkParts {
  hardware: HostBus;
  timers: Timers;
  /** What is given out on the wire. */
  peer: PeerOptions;
  /** Station address in the card's EEPROM. */
  mac: Uint8Array;
  /** A frame from the wire. */
  input(bytes: Uint8Array): void;
}

export class Uplink {
  private readonly peer: NetworkPeer;
  private readonly card: E1000Driver;

  /** Plugs the card into the host's bus and starts its driver. @throws HostError where machine memory has no room for that */
  constructor({ hardware, timers, peer, mac, input }: UplinkParts) {
    this.peer = new NetworkPeer(timers, peer);
    hardware.plug(CARD_SLOT, irq => new E1000({ timers, irq, mac, ethernet: this.peer }));
    const found = hardware.find(E1000_ID.vendor, E1000_ID.device);
    if (!found) throw new Error('the card that was just plugged is not on the bus');
    this.card = new E1000Driver(found, input);
  }

  /** False: the card has no room. */
  send(bytes: Uint8Array): boolean {
    return this.card.send(bytes);
  }

  /** The address that DHCP on the wire has given to a station. */
  leaseOf(mac: string): number | undefined {
    return this.peer.leaseOf(mac);
  }

  /** What a station has sent beyond the gateway and has not arrived goes no further. */
  fence(address: number): void {
    this.peer.fence(address);
  }

  giveOut(what: GivenOut): void {
    this.peer.giveOut(what);
  }
}
