/** A guest with TCP and UDP of its own on the built-in network, and a network outside, for tests. */
import {
  ARP_REPLY,
  ARP_REQUEST,
  arpFrame,
  ETHERTYPE_ARP,
  GATEWAY,
  get16,
  get32,
  type IpPacket,
  NAME_SERVER,
  NetworkPeer,
  parseIp,
  type Path,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  udpFrame,
} from '../../../../devices/net/index.ts';
import { concat } from '../../../../formats/bytes/index.ts';
import { parseUdp } from '../../../../devices/net/packets.ts';
import { stationOf } from '../../../../devices/net/stations.ts';
import { TestTimers } from '../../../../devices/testing.ts';
import type { SocketAddress } from '../../nbd/index.ts';
import { Endpoint, type EndpointUser, type Outgoing } from './endpoint.ts';
import { natTo } from './nat.ts';
import type { Datagrams, OpenForward, Outside, Refusal, Stream } from './outside.ts';
import { ACK, parseTcp, resetFor, RST, type Segment, SYN, tcpFrame } from './segment.ts';

export const ME = GATEWAY + 13,
  MY_MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);

export const bytesOf = (count: number, seed = 1): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8) * seed + seed) & 0xff);

export const joined = (parts: readonly Uint8Array[]): Uint8Array => concat(...parts);

/** Where bytes differ from what they should be; -1: nowhere. */
export function difference(parts: readonly Uint8Array[], wanted: readonly Uint8Array[]): number {
  const [a, b] = [joined(parts), joined(wanted)];
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 && a.length !== b.length ? Math.min(a.length, b.length) : at;
}

/** The computer's end of a connection, with the server behind it. */
export class FakeStream implements Stream {
  waitingBytes = 0;
  readonly got: Uint8Array[] = [];
  /** What the NAT did. */
  ended = false;
  wasReset = false;
  /** It takes bytes and does not pass them on. */
  stuck = false;
  private readonly coming: Uint8Array<ArrayBuffer>[] = [];
  private paused = true;
  private comingEnds = false;
  private hasEnded = false;
  private tell: (bytes: Uint8Array<ArrayBuffer>) => void = () => {};
  private tellClosed: (why?: string) => void = () => {};
  private tellEnded = (): void => {};
  private tellDrained = (): void => {};

  send(bytes: Uint8Array): void {
    this.got.push(bytes.slice());
    if (this.stuck) this.waitingBytes += bytes.length;
  }
  onDrained(listener: () => void): void {
    this.tellDrained = listener;
  }
  onEnded(listener: () => void): void {
    this.tellEnded = listener;
  }
  listen(bytes: (bytes: Uint8Array<ArrayBuffer>) => void, closed: (why?: string) => void): void {
    this.tell = bytes;
    this.tellClosed = closed;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
    this.flow();
  }
  end(): void {
    this.ended = true;
    if (this.hasEnded) this.tellClosed();
  }
  reset(): void {
    this.wasReset = true;
  }
  close(): void {}
  hasUnsent(): boolean {
    return this.waitingBytes > 0;
  }

  private flow(): void {
    while (!this.paused && this.coming.length > 0) this.tell(this.coming.shift()!);
    if (this.paused || !this.comingEnds || this.hasEnded) return;
    this.hasEnded = true;
    this.tellEnded();
    if (this.ended) this.tellClosed();
  }

  /** The server sends. */
  serve(bytes: Uint8Array): void {
    this.coming.push(new Uint8Array(bytes));
    this.flow();
  }
  serveEnd(): void {
    this.comingEnds = true;
    this.flow();
  }
  fail(why: string): void {
    this.tellClosed(why);
  }
  /** The server reads all that has come. */
  drain(): void {
    this.stuck = false;
    this.waitingBytes = 0;
    this.tellDrained();
  }
  /** What the server has sent and the NAT has not taken. */
  get untaken(): number {
    return this.coming.reduce((sum, { length }) => sum + length, 0);
  }
}

export class FakeDatagrams implements Datagrams {
  readonly sent: { bytes: Uint8Array; to: SocketAddress }[] = [];
  closed = false;
  receive: (bytes: Uint8Array, from: SocketAddress) => void = () => {};
  send(bytes: Uint8Array, to: SocketAddress): void {
    this.sent.push({ bytes: bytes.slice(), to });
  }
  onReceived(listener: (bytes: Uint8Array, from: SocketAddress) => void): void {
    this.receive = listener;
  }
  close(): void {
    this.closed = true;
  }
}

export class FakeOutside implements Outside {
  /** What becomes of connections; absent: they stand. */
  answer: (to: SocketAddress) => Refusal | undefined | Promise<Refusal | undefined> = () => undefined;
  readonly asked: SocketAddress[] = [];
  readonly streams: FakeStream[] = [];
  readonly ports: FakeDatagrams[] = [];
  server: SocketAddress | undefined = { host: '192.0.2.53', port: 53 };
  readonly own = new Set(['192.0.2.10']);
  readonly forwards: OpenForward[];
  random = 0xfffffff0;

  constructor(forwards: OpenForward[] = []) {
    this.forwards = forwards;
  }
  async connect(to: SocketAddress): Promise<Stream | Refusal> {
    this.asked.push(to);
    const refusal = await this.answer(to);
    if (refusal) return refusal;
    const stream = new FakeStream();
    this.streams.push(stream);
    return stream;
  }
  datagrams(): Datagrams {
    const datagrams = new FakeDatagrams();
    this.ports.push(datagrams);
    return datagrams;
  }
  nameServer = (): SocketAddress | undefined => this.server;
  isOwn = (host: string): boolean => this.own.has(host);
  random32 = (): number => this.random;
}

/** A connection of the guest's own. */
export class GuestConnection implements EndpointUser {
  readonly endpoint: Endpoint;
  readonly got: Uint8Array[] = [];
  waitingBytes = 0;
  isEstablished = false;
  hasEnded = false;
  isClosed = false;
  /** What is still to be written. */
  private toWrite: Uint8Array[] = [];
  private toEnd = false;

  readonly nowNs: EndpointUser['nowNs'];
  readonly send: EndpointUser['send'];

  constructor(nowNs: EndpointUser['nowNs'], send: EndpointUser['send'], initial: number, syn?: Segment) {
    this.nowNs = nowNs;
    this.send = send;
    this.endpoint = new Endpoint(this, initial, syn);
  }
  established(): void {
    this.isEstablished = true;
  }
  received(bytes: Uint8Array): void {
    this.got.push(bytes.slice());
  }
  ended(): void {
    this.hasEnded = true;
  }
  hasRoom(): void {
    this.flow();
  }
  closed(): void {
    this.isClosed = true;
  }
  write(...parts: Uint8Array[]): void {
    this.toWrite.push(...parts);
    this.flow();
  }
  end(): void {
    this.toEnd = true;
    this.flow();
  }
  private flow(): void {
    while (this.toWrite.length > 0 && this.endpoint.takesMore) this.endpoint.write(this.toWrite.shift()!);
    if (this.toEnd && this.toWrite.length === 0) this.endpoint.end();
  }
}

/** How frames travel between guest and gateway: each is lost, or comes after this long. */
export type Journey = () => 'lost' | number;

export class Net<Out extends Outside = FakeOutside> {
  readonly timers = new TestTimers();
  readonly outside: Out;
  readonly nat: ReturnType<ReturnType<typeof natTo>>;
  readonly peer: NetworkPeer;
  /** All frames that reached the guest. */
  readonly frames: Uint8Array[] = [];
  readonly connections = new Map<string, GuestConnection>();
  /** Ports that the guest listens on. */
  readonly listens = new Set<number>();
  /** It answers nothing but ARP. */
  silent = false;
  journey: Journey;
  private readonly timer;

  constructor(outside: Out = new FakeOutside() as Outside as Out, journey: Journey = () => 0, way = natTo(outside)) {
    this.outside = outside;
    this.journey = journey;
    let nat: Net['nat'] | undefined;
    this.peer = new NetworkPeer(this.timers, {
      beyond: parts => (nat = way(parts)),
    });
    this.nat = nat!;
    this.peer.receive = frame => this.travel(() => this.take(frame));
    this.timer = this.timers.create('guest', () => {
      for (const { endpoint } of this.connections.values())
        if (endpoint.deadlineNs <= this.timers.clock.nowNs()) endpoint.expire();
      this.schedule();
    });
  }

  private schedule(): void {
    this.timer.set(Math.min(Infinity, ...[...this.connections.values()].map(({ endpoint }) => endpoint.deadlineNs)));
  }

  private travel(arrive: () => void): void {
    const ns = this.journey();
    if (ns === 'lost') return;
    if (ns === 0) return arrive();
    const timer = this.timers.create('frame', () => {
      timer.remove();
      arrive();
    });
    timer.set(this.timers.clock.nowNs() + ns);
  }

  /** Time passes, and what promises hold happens. */
  async pass(ms: number, steps = 1): Promise<void> {
    for (let i = 0; i < steps; i++) {
      for (let tick = 0; tick < 5; tick++) await Promise.resolve();
      this.timers.advanceMs(ms / steps);
    }
    for (let tick = 0; tick < 5; tick++) await Promise.resolve();
    this.timers.advanceMs(0);
  }

  pathTo = (to: number): Path => ({
    fromMac: MY_MAC,
    from: ME,
    toMac: stationOf(to === NAME_SERVER ? NAME_SERVER : GATEWAY),
    to,
  });

  send(frame: Uint8Array): void {
    this.travel(() => this.peer.send(frame));
  }

  segment(to: number, segment: Partial<Segment>): void {
    this.send(
      tcpFrame(this.pathTo(to), {
        sourcePort: 1000,
        destinationPort: 80,
        sequence: 0,
        acknowledgement: 0,
        flags: 0,
        window: 65535,
        data: new Uint8Array(),
        ...segment,
      }),
    );
  }

  udp(to: number, sourcePort: number, port: number, data: Uint8Array): void {
    this.send(udpFrame(this.pathTo(to), sourcePort, port, data));
  }

  connect(to: number, port: number, sourcePort = 1000, initial = 5000): GuestConnection {
    const connection = new GuestConnection(
      () => this.timers.clock.nowNs(),
      segment => {
        this.segment(to, { ...segment, sourcePort, destinationPort: port });
        queueMicrotask(() => this.schedule());
      },
      initial,
    );
    this.connections.set(`${sourcePort} ${to}:${port}`, connection);
    this.schedule();
    return connection;
  }

  private take(frame: Uint8Array): void {
    this.frames.push(frame);
    if (get16(frame, 12) === ETHERTYPE_ARP) return this.takeArp(frame.subarray(14));
    const packet = parseIp(frame);
    const segment = packet?.protocol === PROTOCOL_TCP ? parseTcp(packet) : null;
    if (!packet || !segment || this.silent) return;
    const key = `${segment.destinationPort} ${packet.source}:${segment.sourcePort}`;
    let connection = this.connections.get(key);
    const send = (answer: Outgoing): void =>
      this.segment(packet.source, {
        ...answer,
        sourcePort: segment.destinationPort,
        destinationPort: segment.sourcePort,
      });
    if (connection) connection.endpoint.take(segment);
    else if (this.listens.has(segment.destinationPort) && (segment.flags & (SYN | ACK)) === SYN) {
      connection = new GuestConnection(() => this.timers.clock.nowNs(), send, 77, segment);
      this.connections.set(key, connection);
    } else if (!(segment.flags & RST)) {
      const reset = resetFor(segment);
      if (reset) send(reset);
    }
    this.schedule();
  }

  private takeArp(arp: Uint8Array): void {
    if (get16(arp, 6) === ARP_REQUEST && get32(arp, 24) === ME)
      this.send(arpFrame(ARP_REPLY, { fromMac: MY_MAC, from: ME, toMac: arp.slice(8, 14), to: get32(arp, 14) }));
  }

  /** What reached the guest, read. */
  get packets(): IpPacket[] {
    return this.frames.map(parseIp).filter(packet => packet !== null);
  }
  get segments(): Segment[] {
    return this.packets
      .filter(({ protocol }) => protocol === PROTOCOL_TCP)
      .map(parseTcp)
      .filter(segment => segment !== null);
  }
  get datagrams() {
    return this.packets
      .filter(({ protocol }) => protocol === PROTOCOL_UDP)
      .map(packet => ({ from: packet.source, ...parseUdp(packet)! }));
  }
  get errors(): number[][] {
    return this.packets
      .filter(({ protocol }) => protocol === PROTOCOL_ICMP)
      .map(({ payload }) => [...payload.subarray(0, 2)]);
  }
}
