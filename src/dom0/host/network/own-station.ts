/**
 * Domain 0 itself as a station on its bridge: it resolves addresses, sends echo requests, and answers those that guests send it. Its interface is the bridge's
 * own, as Linux's xenbr0 is. Sources: RFC 826 (ARP), RFC 791 (IP), RFC 792 (ICMP).
 */
import {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  arpFrame,
  ETHERTYPE_ARP,
  ETHERTYPE_IP,
  GATEWAY,
  get16,
  get32,
  HEADER_BYTES,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_UNREACHABLE,
  icmpFrame,
  parseIp,
  type Path,
  PROTOCOL_ICMP,
} from '../../../devices/net/index.ts';
import type { Bridge, BridgePort } from './bridge.ts';

const NETWORK_MASK = 0xffffff00,
  LOOPBACK = 127;
const NO_STATION = new Uint8Array(6);
const IP_TTL = 8;
/** How often an address is asked for, and how long each answer is waited for (Linux: mcast_solicit, retrans_time_ms). */
const ARP_TRIES = 3,
  ARP_WAIT_MS = 1000;

/** What came of an echo request. */
export interface Echo {
  /** Who answered: another than was asked where it cannot be reached. */
  from: number;
  ttl: number;
  /** Of the ICMP message. */
  bytes: number;
  /** Code of destination unreachable (RFC 792); absent: it was answered. */
  unreachable?: number;
}

export class OwnStation {
  private readonly port: BridgePort;
  private mac: Uint8Array;
  private address: number;
  private readonly stations = new Map<number, Uint8Array>();
  private readonly asked = new Map<number, () => void>();
  /** By identifier and sequence number. */
  private readonly waiting = new Map<number, (echo: Echo) => void>();
  private readonly later: (ms: number, callback: () => void) => () => void;
  private readonly sent: () => void;

  /** `sent`: Domain 0 is to have a turn, since frames are on their way. */
  constructor(
    bridge: Bridge,
    { mac, address }: { mac: Uint8Array; address: number },
    { later, sent }: { later: (ms: number, callback: () => void) => () => void; sent: () => void },
  ) {
    this.mac = mac;
    this.address = address;
    this.later = later;
    this.sent = sent;
    this.port = bridge.addPort(bridge.name, { deliver: ({ bytes }) => this.take(bytes) }, true);
  }

  /** From now on. */
  readdress(mac: Uint8Array, address: number): void {
    this.mac = mac;
    this.address = address;
  }

  /** Sends an echo request; `undefined`: nobody has answered before `over` was called. */
  async echo(
    to: number,
    id: number,
    sequence: number,
    data: Uint8Array,
    over: Promise<void>,
  ): Promise<Echo | undefined> {
    const bytes = 8 + data.length;
    if (to >>> 24 === LOOPBACK || to === this.address) return { from: to, ttl: 64, bytes };
    const hop = ((to ^ this.address) & NETWORK_MASK) === 0 ? to : GATEWAY;
    const mac = await this.resolve(hop);
    // Host unreachable, as one's own system says it.
    if (!mac) return { from: this.address, ttl: 64, bytes, unreachable: 1 };
    const key = id * 0x10000 + sequence;
    const answer = new Promise<Echo>(resolve => this.waiting.set(key, resolve));
    this.send(icmpFrame(this.pathTo(mac, to), ICMP_ECHO, 0, key, data));
    try {
      return await Promise.race([answer, over.then(() => undefined)]);
    } finally {
      this.waiting.delete(key);
    }
  }

  private pathTo(toMac: Uint8Array, to: number): Path {
    return { fromMac: this.mac, from: this.address, toMac, to };
  }

  private send(bytes: Uint8Array): void {
    this.port.input({ bytes });
    this.sent();
  }

  private async resolve(address: number): Promise<Uint8Array | undefined> {
    for (let tries = 0; tries < ARP_TRIES && !this.stations.has(address); tries++) {
      await new Promise<void>(resolve => {
        const cancel = this.later(ARP_WAIT_MS, resolve);
        this.asked.set(address, () => {
          cancel();
          resolve();
        });
        this.send(arpFrame(ARP_REQUEST, this.pathTo(NO_STATION, address)));
      });
    }
    this.asked.delete(address);
    return this.stations.get(address);
  }

  /** A frame from the bridge. What is malformed, or is for others, is dropped. */
  private take(frame: Uint8Array): void {
    const type = get16(frame, 12);
    if (type === ETHERTYPE_ARP) this.takeArp(frame);
    else if (type === ETHERTYPE_IP && this.mac.every((byte, i) => frame[i] === byte)) this.takeIp(frame);
  }

  private takeArp(frame: Uint8Array): void {
    const request = frame.subarray(HEADER_BYTES);
    if (request.length < ARP_BYTES || get32(request, 0) !== 0x00010800 || get16(request, 4) !== 0x0604) return;
    if (get32(request, 24) !== this.address) return;
    const mac = request.slice(8, 14),
      address = get32(request, 14);
    if (address !== 0) this.stations.set(address, mac);
    if (get16(request, 6) === ARP_REQUEST) this.send(arpFrame(ARP_REPLY, this.pathTo(mac, address)));
    this.asked.get(address)?.();
  }

  private takeIp(frame: Uint8Array): void {
    const packet = parseIp(frame);
    if (!packet || packet.destination !== this.address || packet.protocol !== PROTOCOL_ICMP) return;
    const { payload, source } = packet;
    if (payload.length < 8) return;
    const [type, code] = payload;
    const key = get32(payload, 4);
    const reply = { from: source, ttl: frame[HEADER_BYTES + IP_TTL], bytes: payload.length };
    if (type === ICMP_ECHO && code === 0)
      this.send(icmpFrame(this.pathTo(frame.slice(6, 12), source), ICMP_ECHO_REPLY, 0, key, payload.subarray(8)));
    else if (type === ICMP_ECHO_REPLY) this.waiting.get(key)?.(reply);
    // It quotes the IP header and eight bytes of what it is about.
    else if (type === ICMP_UNREACHABLE && payload.length >= 8 + 28)
      this.waiting.get(get32(payload, 8 + 24))?.({ ...reply, unreachable: code });
  }
}
