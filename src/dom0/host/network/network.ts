/** The network of Domain 0: the bridge xenbr0, the cards of guests on it, and the host's own card as its uplink (uplink.ts). */
import { type Clock, TimerQueue } from '../../../devices/index.ts';
import {
  type Beyond,
  type BeyondParts,
  formatAddress,
  type GivenOut,
  NETWORK,
  parseAddress,
  type PeerOptions,
  type Subnet,
} from '../../../devices/net/index.ts';
import { part } from '../../../formats/loading/index.ts';
import type { IoTrace } from '../../../hypervisor/tracing/index.ts';
import type { DomainRecord, Machine } from '../../../hypervisor/memory/index.ts';
import type { HostBus } from '../hardware/host-bus.ts';
import { bridgeAddressOf, cardAddressOf, type HostIdentity, LONE_HOST } from '../identity.ts';
import { Bridge, type BridgePort, type Plug } from './bridge.ts';
import { type AttachedCard, CardPort, CardPorts } from './card-port.ts';
import type { OwnStation } from './own-station.ts';
import type { Rate } from './rate.ts';
import type { Uplink } from './uplink.ts';
import type { VirtualNetwork } from './virtual-network.ts';

/** Domain 0's time, for what it does by itself. */
export interface Dom0Time {
  clock: Clock;
  /** Domain 0 is to have a turn once the clock is there (Infinity: not before something else happens). Replaces what was asked before. */
  wakeAt(deadlineNs: number): void;
}

export const BRIDGE = 'xenbr0';
const UPLINK = 'eth0';
/** Turns of all cards in one turn of Domain 0: what one guest answers another at once is on its way, and guests that never stop do not hold it. */
const ROUNDS = 4;

/** The program of the host's card and of what is on its wire. Hosts that are made once it is loaded have it from their start. */
export const uplink = part(() => import('./uplink.ts'), 'drives the host’s network card');
/** Networks next to the host's own, and Domain 0 as a station of its own. */
const moreNetwork = part(() => import('./more/index.ts'), 'makes networks');

/** A port of the bridge that leads to another host of the pool has this before that one's name (VXLAN). */
const WIRE = 'vx-';

const asFenced = (network: VirtualNetwork) => ({
  bridge: network.bridge,
  fence: (address: number): void => network.fence(address),
});

/** Those that were heard, with their ports' names. */
function stationsOf(bridge: Bridge): { mac: string; port: string }[] {
  const names = new Map(bridge.list().map(({ name, number }) => [number, name]));
  return bridge.stations().flatMap(({ mac, port: number }) => {
    const port = names.get(number);
    return port === undefined ? [] : { mac, port };
  });
}

interface CardWish {
  place?: number | undefined;
  rate?: Rate | undefined;
  options?: { bridge?: string; network?: string } | undefined;
}

export class Network {
  readonly bridge: Bridge;
  readonly timers: TimerQueue;
  /** The host's card's station address. */
  mac: Uint8Array;
  private ownMac: Uint8Array;
  /** 10.0.2.1; the gateway is the station after it. */
  private ownAddress = NETWORK + 1;
  private readonly machine: Machine;
  private readonly time: Dom0Time;
  private readonly hardware: HostBus;
  private readonly cards = new CardPorts();
  private uplink: Uplink | undefined;
  /** Networks next to this one, by their names. */
  private readonly others = new Map<string, VirtualNetwork>();
  private readonly onOwnBridge = new Set<string>();
  /** Plugs of all bridges, and how each is pulled. */
  private readonly gates = new Map<Plug, (() => void)[]>();
  private readonly beyond: ((parts: BeyondParts) => Beyond) | undefined;
  private station: OwnStation | undefined;
  private givenOut: GivenOut;
  private readonly plug: (its: typeof Uplink) => Uplink;
  /** The host's card on the bridge; undefined: another host of the pool has the gateway. */
  private wire: BridgePort | undefined;

  /** `hardware`: where the host's card will be; `peer`: what is given out on its wire. @throws HostError where machine memory has no room for the card */
  constructor(
    machine: Machine,
    time: Dom0Time,
    hardware: HostBus,
    { io, peer = {}, identity = LONE_HOST }: { io?: IoTrace; peer?: PeerOptions; identity?: HostIdentity } = {},
  ) {
    this.mac = cardAddressOf(identity);
    this.ownMac = bridgeAddressOf(identity);
    this.machine = machine;
    this.time = time;
    this.hardware = hardware;
    this.timers = new TimerQueue(time.clock);
    this.bridge = new Bridge(BRIDGE, () => time.clock.nowNs(), io);
    this.givenOut = peer;
    this.beyond = peer.beyond;
    const { timers } = this;
    this.wire = this.plugWire();
    const answered = (): void => time.wakeAt(timers.nextDeadlineNs);
    this.plug = its =>
      new its({
        hardware,
        timers,
        peer: { ...peer, ...this.givenOut, answered, holdersOf: address => this.bridge.holdersOf(address) },
        mac: this.mac,
        input: bytes => this.wire?.input({ bytes }),
      });
    if (uplink.loaded) this.uplink = this.plug(uplink.loaded.Uplink);
  }

  /** The host is another among others: its card has that one's address unless it is plugged already. */
  become(identity: HostIdentity): void {
    if (!this.uplink) this.mac = cardAddressOf(identity);
    this.ownMac = bridgeAddressOf(identity);
    this.station?.readdress(this.ownMac, this.ownAddress);
  }

  /** Domain 0's own address is that station's of the network: no two hosts of a pool have the same. */
  set ownStation(number: number) {
    this.ownAddress = NETWORK + number;
    this.station?.readdress(this.ownMac, this.ownAddress);
  }

  private plugWire(): BridgePort {
    const port = this.bridge.addPort(UPLINK, {
      deliver: ({ bytes }) => {
        if (!this.uplink?.send(bytes)) port.lost();
      },
    });
    return port;
  }

  /** Whether the gateway behind the host's card, with its DHCP, is the one of all that the bridge reaches. */
  set hasGateway(has: boolean) {
    if (has) this.wire ??= this.plugWire();
    else {
      this.wire?.remove();
      this.wire = undefined;
    }
  }

  /**
   * Another host's bridge is behind a port of this one: frames from there go to no other host, since each is joined to each (as VXLAN's in a mesh, RFC 7348).
   * `deliver` takes finished frames; what it has for this host goes to the port's `input`, and `wake` is called then.
   */
  joinHost(name: string, deliver: (bytes: Uint8Array) => boolean): { port: BridgePort; wake(): void } {
    const port = this.bridge.addPort(WIRE + name, {
      isolated: true,
      deliver: ({ bytes }) => {
        if (!deliver(bytes)) port.lost();
      },
    });
    return { port, wake: () => this.time.wakeAt(this.time.clock.nowNs()) };
  }

  /** Stations behind other ports than those, with their ports' names. */
  get ownStations(): { mac: string; port: string }[] {
    return stationsOf(this.bridge).filter(({ port }) => !port.startsWith(WIRE));
  }

  /** Has the host's card plugged and driven. @throws HostError where it cannot be loaded, or machine memory has no room for it */
  async connect(): Promise<void> {
    if (this.uplink) return;
    const { Uplink } = await uplink.load();
    this.uplink ??= this.plug(Uplink);
  }

  /** A network next to this one, with a bridge of its own. `goesOut`: its gateway knows the way further that the host's has. */
  async addNetwork(
    name: string,
    { bridge, subnet, goesOut }: { bridge: string; subnet: Subnet; goesOut: boolean },
  ): Promise<void> {
    const { VirtualNetwork: Made } = await moreNetwork.load();
    const { timers, time, beyond } = this;
    const made = new Made({
      name: bridge,
      subnet,
      timers,
      nowNs: () => time.clock.nowNs(),
      beyond: goesOut ? beyond : undefined,
      answered: () => time.wakeAt(timers.nextDeadlineNs),
    });
    for (const [plug, pulls] of this.gates) pulls.push(made.bridge.plug(plug));
    this.others.set(name, made);
  }

  /** Cards that are on it reach nobody from now on. */
  removeNetwork(name: string): void {
    this.onOwnBridge.delete(name);
    this.others.get(name)?.close();
    this.others.delete(name);
  }

  /** Addresses that are in use, by the bridges where they are. */
  get subnets(): { bridge: string; network: number; mask: number }[] {
    const own = { bridge: BRIDGE, network: NETWORK, mask: 0xffffff00 };
    return [
      own,
      ...[...this.others.values()].map(({ bridge, subnet: { network, mask } }) => ({
        bridge: bridge.name,
        network,
        mask,
      })),
    ];
  }

  /** Names of bridges, and of networks, that cards can be on; the host's own first. */
  get places(): { bridges: string[]; networks: string[] } {
    const others = [...this.others];
    return {
      bridges: [BRIDGE, ...others.map(([, { bridge }]) => bridge.name)],
      networks: [BRIDGE, ...this.onOwnBridge, ...others.map(([name]) => name)],
    };
  }

  /** Starts the networks that start with the host, once. libvirt keeps their definitions, in a room above this one: service/host-with.ts sets this. */
  startDefined: () => Promise<unknown> = async () => {};

  /** A network that is the host's own bridge by another name. */
  addAlias(name: string): void {
    this.onOwnBridge.add(name);
  }

  /** One that was added; undefined: it is not there. */
  networkNamed(name: string): VirtualNetwork | undefined {
    return this.others.get(name);
  }

  /** The bridge for a card: that of the network or of the name that it asks for; the host's own, where there is none such. */
  bridgeFor({ bridge, network }: { bridge?: string | undefined; network?: string | undefined } = {}): Bridge {
    const named = network === undefined ? undefined : this.others.get(network);
    return (named ?? [...this.others.values()].find(other => other.bridge.name === bridge))?.bridge ?? this.bridge;
  }

  /** Domain 0 as a station of its own, from the first time on that somebody asks. @throws HostError as `connect` */
  async own(later: (ms: number, callback: () => void) => () => void): Promise<OwnStation> {
    await this.connect();
    const { OwnStation: Station } = await moreNetwork.load();
    const { bridge, time, ownMac, ownAddress } = this;
    return (this.station ??= new Station(
      bridge,
      { mac: ownMac, address: ownAddress },
      {
        later,
        sent: () => time.wakeAt(time.clock.nowNs()),
      },
    ));
  }

  /** What the gateway gives out by TFTP, and DHCP names, from now on. */
  giveOut(what: GivenOut): void {
    this.givenOut = { files: what.files, bootFile: what.bootFile };
    this.uplink?.giveOut(what);
  }

  /** The IPv4 address that a station has: what it says itself (ARP), else what DHCP gave it. Undefined: neither is known. */
  addressOf(mac: string): { address: string; source: 'arp' | 'lease' } | undefined {
    const others = [...this.others.values()];
    const said = [this, ...others].map(({ bridge }) => bridge.addressOf(mac)).find(address => address !== undefined),
      lease =
        said === undefined
          ? (this.uplink?.leaseOf(mac) ??
            others.flatMap(({ leases }) => leases).find(lease => lease.mac === mac.toLowerCase())?.address)
          : undefined;
    if (said !== undefined) return { address: formatAddress(said), source: 'arp' };
    return lease === undefined ? undefined : { address: formatAddress(lease), source: 'lease' };
  }

  /** What a domain has sent beyond a gateway of this host, and has not arrived there, goes no further. */
  fence(domid: number): void {
    const own = { bridge: this.bridge, fence: (address: number) => this.uplink?.fence(address) };
    for (const { bridge, fence } of [own, ...[...this.others.values()].map(asFenced)])
      for (const { mac, port } of stationsOf(bridge)) {
        const address = port.startsWith(`vif${domid}.`) ? this.addressOf(mac)?.address : undefined;
        if (address !== undefined) fence(parseAddress(address));
      }
  }

  /** Holds frames on all bridges, those of later networks among them, until the result is called. */
  gate(plug: Plug): () => void {
    const pulls = [this, ...this.others.values()].map(({ bridge }) => bridge.plug(plug));
    this.gates.set(plug, pulls);
    return () => {
      this.gates.delete(plug);
      for (const pull of pulls) pull();
    };
  }

  /** A domain's emulated card is on the bridge from now on, as `vifN.0-emu`. A domain without a wire for it: nothing. */
  attachCard(record: DomainRecord, { place = 0, rate, options }: CardWish = {}): void {
    if (place >= record.wires) return;
    const { machine, timers } = this,
      name = `vif${record.id}.${place}-emu`;
    const port = new CardPort(machine, record, { bridge: this.bridgeFor(options), timers, name, place, rate });
    this.cards.add(record.id, place, port);
  }

  /** All of a domain, or one. */
  detachCard(domid: number, place?: number): void {
    this.cards.close(domid, place);
  }

  /** The domain's emulated cards on their bridges. */
  cardsOf(domid: number): readonly AttachedCard[] {
    return this.cards.all.filter(card => card.domid === domid);
  }

  /** There is something to do for `poll`. */
  get pending(): boolean {
    if (this.hardware.pending || this.timers.nextDeadlineNs <= this.timers.clock.nowNs()) return true;
    return this.cards.all.some(({ port }) => port.isDue);
  }

  /** Moves frames, and does what is due. True if it was anything. */
  poll(): boolean {
    let worked = false;
    for (let round = 0; round < ROUNDS && this.pending; round++) {
      worked = true;
      this.timers.run();
      this.hardware.poll();
      for (const { port } of this.cards.all) if (port.isDue) port.poll();
    }
    this.time.wakeAt(this.timers.nextDeadlineNs);
    return worked;
  }
}
