/**
 * The network of Domain 0: the bridge xenbr0, the cards of guests on it, and the host's own card (an e1000) as its uplink. On that card's wire is the gateway
 * with DHCP, DNS, TFTP and ping (devices/net/peer.ts).
 */
import { TimerQueue } from '../../devices/index.ts';
import type { Clock } from '../../devices/index.ts';
import { E1000 } from '../../devices/net/e1000/index.ts';
import { type GivenOut, NetworkPeer, type PeerOptions } from '../../devices/net/index.ts';
import type { IoTrace } from '../../hypervisor/tracing/index.ts';
import type { DomainRecord, Machine } from '../../hypervisor/memory/index.ts';
import type { HostBus } from '../hardware/host-bus.ts';
import { Bridge } from './bridge.ts';
import { CardPort } from './card-port.ts';
import { E1000_ID, E1000Driver } from './e1000-driver.ts';
import type { Rate } from './rate.ts';

/** Domain 0's time, for what it does by itself. */
export interface Dom0Time {
  clock: Clock;
  /** Domain 0 is to have a turn once the clock is there (Infinity: not before something else happens). Replaces what was asked before. */
  wakeAt(deadlineNs: number): void;
}

export const BRIDGE = 'xenbr0';
const UPLINK = 'eth0';
/** Where the host's card is on its PCI bus, and the address in its EEPROM. */
const CARD_SLOT = 3,
  CARD_MAC = Uint8Array.of(0x00, 0x1b, 0x21, 0x00, 0x00, 0x01);
/** Turns of all cards in one turn of Domain 0: what one guest answers another at once is on its way, and guests that never stop do not hold it. */
const ROUNDS = 4;

export class Network {
  readonly bridge: Bridge;
  readonly timers: TimerQueue;
  /** The host's card's station address, as it says it. */
  readonly mac: Uint8Array;
  private readonly machine: Machine;
  private readonly time: Dom0Time;
  private readonly hardware: HostBus;
  private readonly cards = new Map<number, CardPort>();
  private readonly peer: NetworkPeer;

  /** Plugs the host's card into `hardware` and starts its driver; `peer`: what is given out on its wire. @throws HostError where machine memory has no room for that */
  constructor(machine: Machine, time: Dom0Time, hardware: HostBus, io?: IoTrace, peer?: PeerOptions) {
    this.machine = machine;
    this.time = time;
    this.hardware = hardware;
    this.timers = new TimerQueue(time.clock);
    this.bridge = new Bridge(BRIDGE, () => time.clock.nowNs(), io);
    const { timers } = this;
    this.peer = new NetworkPeer(timers, { ...peer, answered: () => time.wakeAt(timers.nextDeadlineNs) });
    hardware.plug(CARD_SLOT, (irq, dma) => new E1000({ timers, dma, irq, mac: CARD_MAC, ethernet: this.peer }));
    const found = hardware.find(E1000_ID.vendor, E1000_ID.device);
    if (!found) throw new Error('the card that was just plugged is not on the bus');
    const card = new E1000Driver(found, bytes => uplink.input({ bytes }));
    this.mac = card.mac;
    const uplink = this.bridge.addPort(UPLINK, {
      deliver: ({ bytes }) => {
        if (!card.send(bytes)) uplink.lost();
      },
    });
  }

  /** What the gateway gives out by TFTP, and DHCP names, from now on. */
  giveOut(what: GivenOut): void {
    this.peer.giveOut(what);
  }

  /** A domain's emulated card is on the bridge from now on, as `vifN.0-emu`. A domain without one: nothing. */
  attachCard(record: DomainRecord, rate?: Rate): void {
    if (record.wireOffset === 0) return;
    const { bridge, timers } = this;
    this.cards.set(record.id, new CardPort(this.machine, record, { bridge, timers, name: `vif${record.id}.0-emu`, rate }));
  }

  detachCard(domid: number): void {
    this.cards.get(domid)?.close();
    this.cards.delete(domid);
  }

  /** There is something to do for `poll`. */
  get pending(): boolean {
    if (this.hardware.pending || this.timers.nextDeadlineNs <= this.timers.clock.nowNs()) return true;
    for (const card of this.cards.values()) if (card.isDue) return true;
    return false;
  }

  /** Moves frames, and does what is due. True if it was anything. */
  poll(): boolean {
    let worked = false;
    for (let round = 0; round < ROUNDS && this.pending; round++) {
      worked = true;
      this.timers.run();
      this.hardware.poll();
      for (const card of this.cards.values()) if (card.isDue) card.poll();
    }
    this.time.wakeAt(this.timers.nextDeadlineNs);
    return worked;
  }
}
