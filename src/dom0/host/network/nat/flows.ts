/**
 * UDP through the NAT: each port of a guest's has one of the computer's own, whomever it writes to (RFC 4787, REQ-1), and gets what those write to it whose
 * addresses it has written to (REQ-8).
 */
import { type IpPacket, type UdpDatagram, udpFrame } from '../../../../devices/net/index.ts';
import { LOOPBACK, type SocketAddress } from '../../nbd/index.ts';
import { type NatParts, PROHIBITED } from './connections.ts';
import type { Datagrams } from './outside.ts';
import { translate } from './translation.ts';

/** Ports of guests, and whom each may hear: of more, those that were used least lately are forgotten. */
const MOST_FLOWS = 256,
  MOST_HEARD = 64;
/** A port that nobody writes from is kept this long (RFC 4787, REQ-5). */
const IDLE_NS = 120e9;
/** Of a datagram that is one packet on Ethernet. */
const MOST_BYTES = 1500 - 20 - 8;

interface Flow {
  datagrams: Datagrams;
  /** Addresses that may answer, each with the one that the guest knows it by. */
  heard: Map<string, number>;
  usedNs: number;
  /** It is a forward: it stays, and connections from this computer are let through. */
  isForward: boolean;
}

export class Flows {
  private readonly parts: NatParts;
  /** By the guest's address and port; the one that was used last at the end. */
  private readonly flows = new Map<string, Flow>();

  constructor(parts: NatParts) {
    this.parts = parts;
    for (const forward of parts.forwards)
      if ('datagrams' in forward) this.add(forward.address, forward.port, forward.datagrams, true);
  }

  /** False: nothing is there. */
  take(packet: IpPacket, { sourcePort, destinationPort, data }: UdpDatagram): boolean {
    const { outside, nowNs, stations } = this.parts;
    const isAnswer =
      packet.destination === stations.gateway && this.flows.get(`${packet.source}:${sourcePort}`)?.isForward;
    const translated = isAnswer
      ? { to: { host: LOOPBACK, port: destinationPort } }
      : translate(outside, stations, packet.destination, destinationPort);
    if (translated === 'nothing') return false;
    if (translated === 'prohibited') {
      this.parts.unreachable(packet, PROHIBITED);
      return true;
    }
    const key = `${packet.source}:${sourcePort}`;
    const flow = this.flows.get(key) ?? this.add(packet.source, sourcePort, outside.datagrams(), false);
    this.flows.delete(key);
    this.flows.set(key, flow);
    flow.usedNs = nowNs();
    flow.heard.delete(translated.to.host);
    if (flow.heard.size >= MOST_HEARD) flow.heard.delete(flow.heard.keys().next().value!);
    flow.heard.set(translated.to.host, packet.destination);
    flow.datagrams.send(data, translated.to);
    return true;
  }

  private add(guest: number, port: number, datagrams: Datagrams, isForward: boolean): Flow {
    const { parts, flows } = this;
    if (!isForward && flows.size >= MOST_FLOWS) this.forgetOldest();
    const flow: Flow = { datagrams, heard: new Map(), usedNs: parts.nowNs(), isForward };
    if (isForward) flow.heard.set(LOOPBACK, parts.stations.gateway);
    flows.set(`${guest}:${port}`, flow);
    datagrams.onReceived((bytes, from) => {
      this.receive(flow, { guest, port }, bytes, from);
      parts.woken();
    });
    if (!isForward) parts.dueAt(flow.usedNs + IDLE_NS);
    return flow;
  }

  private receive(
    flow: Flow,
    { guest, port }: { guest: number; port: number },
    bytes: Uint8Array,
    from: SocketAddress,
  ): void {
    const known = flow.heard.get(from.host);
    if (known === undefined || bytes.length > MOST_BYTES) return;
    this.parts.send(known, guest, path => udpFrame(path, from.port, port, bytes));
  }

  private forgetOldest(): void {
    for (const [key, flow] of this.flows) if (!flow.isForward) return this.forget(key, flow);
  }

  private forget(key: string, flow: Flow): void {
    this.flows.delete(key);
    // The port of a forward is open for as long as the host is there.
    if (flow.isForward) flow.datagrams.onReceived(() => {});
    else flow.datagrams.close();
  }

  /** Forgets what nobody uses; the result says when to come again. */
  expire(nowNs: number): number {
    let next = Infinity;
    for (const [key, flow] of [...this.flows]) {
      if (flow.isForward) continue;
      if (flow.usedNs + IDLE_NS <= nowNs) this.forget(key, flow);
      else next = Math.min(next, flow.usedNs + IDLE_NS);
    }
    return next;
  }

  /** The network is gone. */
  close(): void {
    for (const [key, flow] of [...this.flows]) this.forget(key, flow);
  }

  get size(): number {
    return this.flows.size;
  }
}
