/** A network next to the host's own: a bridge of its own with a gateway, which answers as the host's does, and knows a way further or none. */
import { type Beyond, type BeyondParts, type Lease, NetworkPeer, type Subnet } from '../../../devices/net/index.ts';
import type { Timers } from '../../../devices/index.ts';
import { Bridge, type BridgePort } from './bridge.ts';

export interface VirtualNetworkParts {
  /** Of its bridge. */
  name: string;
  subnet: Subnet;
  timers: Timers;
  nowNs(): number;
  /** What lies behind the gateway; absent: nothing. */
  beyond?: ((parts: BeyondParts) => Beyond) | undefined;
  /** Something is to be done once the timers are due. */
  answered(): void;
}

export class VirtualNetwork {
  readonly bridge: Bridge;
  subnet: Subnet;
  private readonly peer: NetworkPeer;
  private readonly port: BridgePort;

  constructor({ name, subnet, timers, nowNs, beyond, answered }: VirtualNetworkParts) {
    this.subnet = subnet;
    this.bridge = new Bridge(name, nowNs);
    this.peer = new NetworkPeer(timers, {
      subnet,
      answered,
      holdersOf: address => this.bridge.holdersOf(address),
      ...(beyond ? { beyond } : {}),
    });
    this.port = this.bridge.addPort(name, { deliver: ({ bytes }) => this.peer.send(bytes) }, true);
    this.peer.receive = bytes => this.port.input({ bytes });
  }

  /** What DHCP has given out. */
  get leases(): Lease[] {
    return this.peer.leaseList;
  }

  /** DHCP gives out other addresses from now on. */
  change(subnet: Subnet): void {
    this.subnet = subnet;
    this.peer.change(subnet);
  }

  /** What a station has sent beyond the gateway and has not arrived goes no further. */
  fence(address: number): void {
    this.peer.fence(address);
  }

  /** Its gateway is gone from its bridge. */
  close(): void {
    this.port.remove();
    this.peer.close();
  }
}
