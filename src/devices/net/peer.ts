/**
 * The other end of the wire, in process: a small network with a gateway that answers ARP, DHCP, DNS, TFTP and ICMP echo, and knows no way further
 * but what it is handed (`Beyond`).
 * Sources: RFC 826, 2131, 1035, 1350, 792; see packets.ts, dhcp.ts, dns.ts, tftp.ts.
 * It represents remote machines: frames that are malformed or not for it are dropped, and its answers come from a timer, when the sender has returned.
 */
import type { Timer, Timers } from '../bus.ts';
import {
  answerDhcp,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  LEASE_SECONDS,
  type DhcpNetwork,
  type DhcpRequest,
  parseDhcp,
} from './dhcp.ts';
import { answerDns, DNS_PORT, nameAsked } from './dns.ts';
import { type Ethernet, HEADER_BYTES } from './ethernet.ts';
import {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  arpFrame,
  checksum,
  ETHERTYPE_ARP,
  ETHERTYPE_IP,
  EVERY_STATION,
  formatMac,
  get16,
  get32,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  icmpFrame,
  type IpPacket,
  parseAddress,
  parseIp,
  parseUdp,
  type Path,
  PROTOCOL_ICMP,
  PROTOCOL_UDP,
  type UdpDatagram,
  udpFrame,
  unreachableFrame,
} from './packets.ts';
import { broadcastOf, isWithin, OWN_SUBNET, type Subnet, type SubnetHost } from './subnet.ts';
import { TFTP_PORT, type TftpFiles, type TftpReply, TftpServer } from './tftp.ts';

const EVERYBODY = 0xffffffff;

const NET_UNREACHABLE = 0,
  PROTOCOL_UNREACHABLE = 2,
  PORT_UNREACHABLE = 3;

/** Frames a delivery. */
const BURST = 8;
/** Frames on the way; more are lost, as in a switch. */
const MAX_QUEUED = 128;

const NO_STATION = new Uint8Array(6);

/** What a way further is made with. */
export interface BeyondParts {
  timers: Timers;
  /** An address is one of this network's. */
  holds(address: number): boolean;
  /** This network's, which may be one address. */
  gateway: number;
  nameServer: number;
  /** The packet that `frame` makes goes to the station that has `to`, as from `from`; it may be lost on its way, as where nobody says that he has the address. */
  send(from: number, to: number, frame: (path: Path) => Uint8Array): void;
  /** Something was sent, or a timer set, that was not while a packet was taken. */
  woken(): void;
}

/** A way further, behind the gateway. */
export interface Beyond {
  /**
   * A packet of a station's to an address elsewhere, or to a port of one of ours where nothing listens; with UDP's header and data, which are right.
   * False: it does not go there, and the gateway says so.
   */
  take(packet: IpPacket, udp: UdpDatagram | null): boolean;
  /** What the station with this address has sent and has not arrived goes no further. */
  fence?(address: number): void;
  /** The network is gone. */
  close?(): void;
}

/** What a guest may boot. */
export interface GivenOut {
  /** Files that TFTP gives out, by path without a slash in front. */
  files?: TftpFiles | undefined;
  /** What DHCP offers to boot. */
  bootFile?: string | undefined;
}

/** What DHCP has given to a station, for how long. */
export interface Lease {
  /** `xx:xx:…`. */
  mac: string;
  address: number;
  /** As it calls itself, or as the network does. */
  name?: string;
  /** By the timers' clock. */
  untilNs: number;
}

export interface PeerOptions extends GivenOut {
  /** Absent: the host's own network. */
  subnet?: Subnet;
  /** Names and addresses (dotted) that DNS knows besides gateway.ringside, dns.ringside and tftp.ringside. */
  names?: { [name: string]: string };
  /** Stations (`xx:xx:…`) that say that an address is theirs: DHCP gives it to no other (RFC 2131, 3.1). */
  holdersOf?: (address: number) => readonly string[];
  /** What lies behind the gateway; absent: nothing. */
  beyond?: (parts: BeyondParts) => Beyond;
  /** Called when an answer waits that was not made while a frame was taken. */
  answered?: () => void;
}

export class NetworkPeer implements Ethernet {
  receive?: (frame: Uint8Array) => void;
  private readonly timers: Timers;
  private readonly delivery: Timer;
  private readonly retries: Timer;
  private readonly queue: Uint8Array[] = [];
  private subnet!: Subnet;
  private readonly stations: ReadonlyMap<number, Uint8Array>;
  /** What DNS knows whatever the subnet is. */
  private readonly ownNames = new Map<string, number>();
  private names!: ReadonlyMap<string, number>;
  private network!: DhcpNetwork;
  private tftp!: TftpServer;
  private readonly answered: () => void;
  private readonly holdersOf: (address: number) => readonly string[];
  /** Leases by hardware address, in the order in which they were asked for last. */
  private readonly leases = new Map<string, number>();
  /** Those that were acknowledged, by the client's station address (`xx:xx:…`). */
  private readonly acknowledged = new Map<string, { address: number; name?: string; untilNs: number }>();
  /** Where a TFTP client is to be found. */
  private readonly clients = new Map<string, { path: Path; port: number }>();
  private readonly beyond: Beyond | undefined;
  /** Station addresses by addresses of the network, as they were heard last. */
  private readonly neighbours = new Map<number, Uint8Array>();
  /** By address, what goes there once somebody says that it is his: of several the last. */
  private readonly unresolved = new Map<number, (toMac: Uint8Array) => void>();

  /** Throws RangeError for a name whose address is not one. */
  constructor(timers: Timers, options: PeerOptions = {}) {
    const subnet = options.subnet ?? OWN_SUBNET;
    this.stations = new Map([subnet.gateway, subnet.nameServer].map(address => [address, subnet.stationOf(address)]));
    this.timers = timers;
    this.delivery = timers.create('network delivery', () => this.deliver());
    this.retries = timers.create('network retries', () => this.retry());
    for (const [name, text] of Object.entries(options.names ?? {})) {
      const address = parseAddress(text);
      if (Number.isNaN(address)) throw new RangeError(`the address of ${name} is not one: ${text}`);
      this.ownNames.set(name.toLowerCase(), address);
    }
    this.change(subnet);
    this.answered = options.answered ?? (() => {});
    this.holdersOf = options.holdersOf ?? (() => []);
    this.giveOut(options);
    this.beyond = options.beyond?.({
      timers,
      holds: address => isWithin(this.subnet, address),
      gateway: subnet.gateway,
      nameServer: subnet.nameServer,
      send: (from, to, frame) => this.sendTo(from, to, frame),
      woken: this.answered,
    });
  }

  /** The address that DHCP has given to a station; undefined: none, or it was given to another since. */
  leaseOf(mac: string): number | undefined {
    return this.acknowledged.get(mac.toLowerCase())?.address;
  }

  /** Those that clients have, by their addresses. */
  get leaseList(): Lease[] {
    const now = this.timers.clock.nowNs();
    return [...this.acknowledged]
      .map(([mac, lease]): Lease => ({ mac, ...lease }))
      .filter(({ untilNs }) => untilNs > now)
      .sort((one, other) => one.address - other.address);
  }

  /** DHCP gives out other addresses, and DNS knows other names, from now on; the gateway stays. */
  change(subnet: Subnet): void {
    this.subnet = subnet;
    this.names = new Map([...subnet.names, ...this.ownNames]);
  }

  /** What the station with this address has sent beyond and has not arrived goes no further. */
  fence(address: number): void {
    this.beyond?.fence?.(address);
  }

  /** It answers nobody from now on. */
  close(): void {
    for (const timer of [this.delivery, this.retries]) timer.remove();
    this.beyond?.close?.();
  }

  /** From now on; transfers of what was given out before end. */
  giveOut({ files = new Map(), bootFile }: GivenOut): void {
    const { gateway, nameServer, mask, domain } = this.subnet;
    this.network = {
      server: gateway,
      mask,
      router: gateway,
      dns: nameServer,
      domain,
      ...(bootFile === undefined ? {} : { bootFile }),
    };
    this.tftp = new TftpServer(files);
  }

  /** A frame from the card. Answers are queued. */
  send(frame: Uint8Array): void {
    if (frame.length < HEADER_BYTES || (frame[6] & 1) !== 0 || !this.isForUs(frame)) return;
    const type = get16(frame, 12);
    if (type === ETHERTYPE_ARP) this.arp(frame);
    else if (type === ETHERTYPE_IP) this.ip(frame);
  }

  private isForUs(frame: Uint8Array): boolean {
    const same = (mac: Uint8Array): boolean => mac.every((byte, i) => byte === frame[i]);
    return same(EVERY_STATION) || [...this.stations.values()].some(same);
  }

  // ---- the way back

  private reply(frame: Uint8Array): void {
    if (this.queue.length >= MAX_QUEUED) return;
    this.queue.push(frame);
    if (this.queue.length === 1) this.delivery.set(this.timers.clock.nowNs());
  }

  private deliver(): void {
    for (const frame of this.queue.splice(0, BURST)) this.receive?.(frame);
    if (this.queue.length > 0) this.delivery.set(this.timers.clock.nowNs());
  }

  // ---- protocols

  private arp(frame: Uint8Array): void {
    const request = frame.subarray(HEADER_BYTES);
    // Ethernet, IP, their address lengths.
    if (request.length < ARP_BYTES || get32(request, 0) !== 0x00010800 || get16(request, 4) !== 0x0604) return;
    this.hear(get32(request, 14), request.slice(8, 14));
    if (get16(request, 6) !== ARP_REQUEST) return;
    const mac = this.stations.get(get32(request, 24));
    if (!mac) return;
    this.reply(
      arpFrame(ARP_REPLY, {
        fromMac: mac,
        from: get32(request, 24),
        toMac: request.subarray(8, 14),
        to: get32(request, 14),
      }),
    );
  }

  /** A station of the network says what its address is. */
  private hear(address: number, mac: Uint8Array): void {
    if (!isWithin(this.subnet, address) || this.stations.has(address)) return;
    this.neighbours.set(address, mac);
    this.unresolved.get(address)?.(mac);
    this.unresolved.delete(address);
  }

  private sendTo(from: number, to: number, frame: (path: Path) => Uint8Array): void {
    const { gateway } = this.subnet;
    const fromMac = this.stations.get(from) ?? this.gatewayMac;
    const go = (toMac: Uint8Array): void => this.reply(frame({ fromMac, from, toMac, to }));
    const mac = this.neighbours.get(to);
    if (mac) return go(mac);
    this.unresolved.set(to, go);
    this.reply(arpFrame(ARP_REQUEST, { fromMac: this.gatewayMac, from: gateway, toMac: NO_STATION, to }));
  }

  private get gatewayMac(): Uint8Array {
    return this.stations.get(this.subnet.gateway)!;
  }

  private ip(frame: Uint8Array): void {
    const packet = parseIp(frame);
    if (!packet) return;
    const clientMac = frame.slice(6, 12);
    const udp = packet.protocol === PROTOCOL_UDP ? parseUdp(packet) : null;
    if (packet.protocol === PROTOCOL_UDP && !udp) return;
    if (udp?.destinationPort === DHCP_SERVER_PORT && this.isOurs(packet.destination)) return this.dhcp(udp.data);
    // Nobody may be answered whose address is none, or everybody's.
    if (
      packet.source === 0 ||
      packet.source === EVERYBODY ||
      packet.source === broadcastOf(this.subnet) ||
      this.stations.has(packet.source)
    )
      return;
    this.hear(packet.source, clientMac);
    const ours = this.stations.get(packet.destination);
    const from = ours ? packet.destination : this.subnet.gateway;
    const path: Path = { fromMac: ours ?? this.gatewayMac, from, toMac: clientMac, to: packet.source };
    if (ours) this.local(packet, udp, path);
    else if (!this.isOurs(packet.destination) && packet.destination >>> 28 < 14 && !this.goesOn(packet, udp))
      this.unreachable(packet, path, NET_UNREACHABLE);
  }

  /** Only what comes from the network itself, since answers go there. */
  private goesOn(packet: IpPacket, udp: UdpDatagram | null): boolean {
    return this.neighbours.has(packet.source) && (this.beyond?.take(packet, udp) ?? false);
  }

  /** One of our addresses, or the whole network's. */
  private isOurs(address: number): boolean {
    return this.stations.has(address) || address === EVERYBODY || address === broadcastOf(this.subnet);
  }

  private local(packet: IpPacket, udp: UdpDatagram | null, path: Path): void {
    if (packet.protocol === PROTOCOL_ICMP) return this.echo(packet, path);
    if (!this.isServed(udp, path) && this.goesOn(packet, udp)) return;
    if (!udp) this.unreachable(packet, path, PROTOCOL_UNREACHABLE);
    else if (udp.destinationPort === DNS_PORT) {
      const answer = answerDns(udp.data, this.names);
      if (answer) this.reply(udpFrame(path, DNS_PORT, udp.sourcePort, answer));
    } else if (udp.destinationPort === TFTP_PORT || udp.destinationPort >= 49152) this.file(udp, path);
    else this.unreachable(packet, path, PORT_UNREACHABLE);
  }

  /** Here alone, whatever lies beyond: files, and names of this network. */
  private isServed(udp: UdpDatagram | null, { to }: Path): boolean {
    if (!udp) return false;
    const { sourcePort, destinationPort, data } = udp;
    if (destinationPort !== DNS_PORT)
      return destinationPort === TFTP_PORT || this.tftp.serves(`${to}:${sourcePort}`, destinationPort);
    const name = nameAsked(data),
      { domain } = this.subnet;
    return name === undefined || this.names.has(name) || name === domain || name.endsWith(`.${domain}`);
  }

  private echo({ payload }: IpPacket, path: Path): void {
    if (payload.length < 8 || payload[0] !== ICMP_ECHO || payload[1] !== 0 || checksum(payload) !== 0) return;
    this.reply(icmpFrame(path, ICMP_ECHO_REPLY, 0, get32(payload, 4), payload.subarray(8)));
  }

  /** Never about an ICMP message: errors about errors have no end. */
  private unreachable(packet: IpPacket, path: Path, code: number): void {
    if (packet.protocol === PROTOCOL_ICMP && packet.payload[0] !== ICMP_ECHO) return;
    this.reply(unreachableFrame(path, code, packet));
  }

  private dhcp(data: Uint8Array): void {
    const request = parseDhcp(data);
    if (!request || request.hardware[0] & 1) return;
    const key = request.hardware.join();
    const known = this.leases.get(key);
    const lease = this.leaseFor(request, known);
    if (lease === undefined) return;
    const [oldest] = this.leases;
    const answer = answerDhcp(request, lease, this.network);
    if (!answer) return;
    if (known !== undefined) this.leases.delete(key);
    else if (this.leases.size >= this.mostLeases) this.leases.delete(oldest[0]);
    this.leases.set(key, lease);
    if (answer.isGiven) {
      // The previous holder of the address has lost it.
      for (const [mac, { address }] of this.acknowledged) if (address === lease) this.acknowledged.delete(mac);
      const mac = formatMac(request.hardware);
      const name = this.hostOf(mac)?.name ?? request.name;
      this.acknowledged.set(mac, {
        address: lease,
        ...(name === undefined ? {} : { name }),
        untilNs: this.timers.clock.nowNs() + LEASE_SECONDS * 1e9,
      });
    }
    const everybody = answer.nak || (request.broadcast && request.clientAddress === 0);
    const path: Path = {
      fromMac: this.gatewayMac,
      from: this.subnet.gateway,
      toMac: everybody ? EVERY_STATION : request.hardware,
      to: everybody ? EVERYBODY : request.clientAddress || lease,
    };
    this.reply(udpFrame(path, DHCP_SERVER_PORT, DHCP_CLIENT_PORT, answer.message));
  }

  private hostOf(mac: string): SubnetHost | undefined {
    return this.subnet.hosts.find(host => host.mac === mac);
  }

  /** As many stations as may have one. */
  private get mostLeases(): number {
    const { range, hosts } = this.subnet;
    return (range ? range.last - range.first + 1 : 0) + hosts.length;
  }

  /**
   * What the network has for it alone; its own as long as nobody else has it; one that it has already, of a network that was joined to this one; else the first
   * that nobody has. Undefined: there is none for it.
   */
  private leaseFor({ hardware, requested, clientAddress }: DhcpRequest, known: number | undefined): number | undefined {
    const mac = formatMac(hardware);
    const { range, hosts } = this.subnet;
    const own = this.hostOf(mac)?.address;
    if (own !== undefined) return own;
    if (!range) return undefined;
    const given = new Set([...this.leases.values(), ...hosts.map(({ address }) => address)]);
    const isTaken = (address: number): boolean => this.holdersOf(address).some(holder => holder !== mac);
    const isInRange = (address: number): boolean => address >= range.first && address <= range.last;
    if (known !== undefined && isInRange(known) && !isTaken(known)) return known;
    const has = requested || clientAddress;
    if (isInRange(has) && !given.has(has) && !isTaken(has) && this.holdersOf(has).includes(mac)) return has;
    for (let address = range.first; address <= range.last; address++)
      if (!given.has(address) && !isTaken(address)) return address;
    return known ?? [...this.leases.values()][0];
  }

  private file(udp: UdpDatagram, path: Path): void {
    const client = `${path.to}:${udp.sourcePort}`;
    const answer = this.tftp.message(client, udp.destinationPort, udp.data, () => this.timers.clock.nowNs());
    if (!answer) return void this.retries.set(this.tftp.nextDeadlineNs);
    if (this.clients.size > MAX_QUEUED) this.clients.clear();
    this.clients.set(client, { path, port: udp.sourcePort });
    const send = (reply: TftpReply): void => {
      this.answerFile(reply);
      this.retries.set(this.tftp.nextDeadlineNs);
    };
    if (!(answer instanceof Promise)) return send(answer);
    void answer.then(reply => {
      send(reply);
      this.answered();
    });
  }

  private answerFile({ client, port, message }: TftpReply): void {
    const known = this.clients.get(client);
    if (known) this.reply(udpFrame(known.path, port, known.port, message));
  }

  private retry(): void {
    for (const answer of this.tftp.retry(this.timers.clock.nowNs())) this.answerFile(answer);
    this.retries.set(this.tftp.nextDeadlineNs);
  }
}
