/** TCP through the NAT: a guest's connection ends here, and its bytes go on by one of the computer's own, and the other way round. */
import type { BeyondParts, IpPacket, Path } from '../../../../devices/net/index.ts';
import { Endpoint, type EndpointUser } from './endpoint.ts';
import type { OpenForward, Outside, Refusal, Stream } from './outside.ts';
import { distance, parseTcp, resetFor, RST, type Segment, SYN, ACK, tcpFrame } from './segment.ts';
import { translate } from './translation.ts';

/** At a time. */
const MOST_CONNECTIONS = 512;
/** A connection of which the guest says nothing for this long may give its place to another (RFC 5382, REQ-5): guests vanish without a word. */
const IDLE_NS = 7440e9;
/** Of the gateway's, for connections to guests (RFC 6335, 6). */
const FIRST_PORT = 49152,
  PORTS = 16384;

export interface NatParts {
  outside: Outside;
  /** Those that lead to this network. */
  forwards: readonly OpenForward[];
  /** Of the guests' network: for them clients of forwards come from the gateway. */
  stations: Pick<BeyondParts, 'gateway' | 'nameServer'>;
  nowNs(): number;
  send(from: number, to: number, frame: (path: Path) => Uint8Array): void;
  /** ICMP destination unreachable about a packet. */
  unreachable(packet: IpPacket, code: number): void;
  /** Something was done that was not while a packet was taken. */
  woken(): void;
  /** Something is to be done then. */
  dueAt(deadlineNs: number): void;
}

/** ICMP's codes (RFC 792, RFC 1812 5.2.7.1). */
const HOST_UNREACHABLE = 1;
export const PROHIBITED = 13;

/** Both ends as the guest has them. */
interface Pair {
  guest: number;
  guestPort: number;
  far: number;
  farPort: number;
}

const keyOf = ({ guest, guestPort, far, farPort }: Pair): string => `${guest}:${guestPort} ${far}:${farPort}`;

export class Connections {
  private readonly parts: NatParts;
  /** By `keyOf`; a guest's SYN: the computer's own connection is not open yet. */
  private readonly open = new Map<string, Connection | Segment>();
  private lastPort = 0;

  constructor(parts: NatParts) {
    this.parts = parts;
    for (const forward of parts.forwards)
      if ('onStream' in forward)
        forward.onStream(stream => {
          this.accept(stream, forward.address, forward.port);
          parts.woken();
        });
  }

  /** A segment of a guest's. What is malformed is dropped. */
  take(packet: IpPacket): void {
    const segment = parseTcp(packet);
    if (!segment) return;
    const pair = {
      guest: packet.source,
      guestPort: segment.sourcePort,
      far: packet.destination,
      farPort: segment.destinationPort,
    };
    const known = this.open.get(keyOf(pair));
    if (known instanceof Connection) {
      if (!known.isReplacedBy(segment)) {
        known.heardNs = this.parts.nowNs();
        known.endpoint.take(segment);
        return this.schedule(known);
      }
    } else if (known) {
      // It has asked already, or changes its mind.
      if (segment.flags & RST) this.open.delete(keyOf(pair));
      return;
    }
    if ((segment.flags & (SYN | ACK | RST)) === SYN) this.begin(pair, segment, packet);
    else this.reset(pair, segment);
  }

  private begin(pair: Pair, syn: Segment, packet: IpPacket): void {
    const { parts, open } = this;
    const { outside, stations } = parts;
    const translated = translate(outside, stations, pair.far, pair.farPort);
    if (translated === 'nothing') return this.reset(pair, syn);
    if (translated === 'prohibited') return parts.unreachable(packet, PROHIBITED);
    // It asks again later.
    if (!this.makeRoom()) return;
    const key = keyOf(pair);
    open.set(key, syn);
    void outside.connect(translated.to).then(stream => {
      this.connected(pair, syn, packet, stream);
      parts.woken();
    });
  }

  private connected(pair: Pair, syn: Segment, packet: IpPacket, stream: Stream | Refusal): void {
    const key = keyOf(pair);
    const isWanted = this.open.get(key) === syn;
    if (isWanted) this.open.delete(key);
    if (typeof stream === 'object') {
      if (isWanted) this.add(pair, stream, syn);
      else stream.reset();
    } else if (isWanted) {
      if (stream === 'refused') this.reset(pair, syn);
      else this.parts.unreachable(packet, HOST_UNREACHABLE);
    }
  }

  /** Somebody comes to a port of the computer's: he comes to the guest's from the gateway. */
  private accept(stream: Stream, guest: number, guestPort: number): void {
    const pair = { guest, guestPort, far: this.parts.stations.gateway, farPort: 0 };
    if (!this.makeRoom()) return stream.reset();
    do pair.farPort = FIRST_PORT + (this.lastPort++ % PORTS);
    while (this.open.has(keyOf(pair)));
    this.add(pair, stream);
  }

  private add(pair: Pair, stream: Stream, syn?: Segment): void {
    const { parts, open } = this;
    const key = keyOf(pair);
    const connection: Connection = new Connection(
      {
        nowNs: parts.nowNs,
        send: segment => this.send(pair, { ...segment, sourcePort: pair.farPort, destinationPort: pair.guestPort }),
        closed: () => {
          if (open.get(key) === connection) open.delete(key);
        },
        changed: () => {
          this.schedule(connection);
          parts.woken();
        },
      },
      stream,
      parts.outside.random32(),
      syn,
    );
    if (connection.endpoint.state !== 'CLOSED') open.set(key, connection);
    this.schedule(connection);
  }

  /** False: as many are open as may be. One that only waits for late segments gives its place, or else one that is idle. */
  private makeRoom(): boolean {
    const { open, parts } = this;
    if (open.size < MOST_CONNECTIONS) return true;
    const all = [...open.values()].filter(each => each instanceof Connection),
      idleSinceNs = parts.nowNs() - IDLE_NS;
    const found =
      all.find(({ endpoint }) => endpoint.state === 'TIME-WAIT') ?? all.find(({ heardNs }) => heardNs <= idleSinceNs);
    found?.endpoint.abort();
    return found !== undefined;
  }

  private reset(pair: Pair, segment: Segment): void {
    const reset = resetFor(segment);
    if (reset) this.send(pair, reset);
  }

  private send({ far, guest }: Pair, segment: Segment): void {
    this.parts.send(far, guest, path => tcpFrame(path, segment));
  }

  private schedule({ endpoint }: Connection): void {
    if (endpoint.deadlineNs !== Infinity) this.parts.dueAt(endpoint.deadlineNs);
  }

  /** Does what is due; the result says when to come again. */
  expire(nowNs: number): number {
    let next = Infinity;
    for (const connection of [...this.open.values()]) {
      if (!(connection instanceof Connection)) continue;
      const { endpoint } = connection;
      if (endpoint.deadlineNs <= nowNs) endpoint.expire();
      next = Math.min(next, endpoint.deadlineNs);
    }
    return next;
  }

  /** What a station has sent and has not arrived goes no further: connections that have some are reset at both ends. */
  fence(guest: number): void {
    for (const [key, connection] of [...this.open]) {
      if (!key.startsWith(`${guest}:`)) continue;
      if (!(connection instanceof Connection)) this.open.delete(key);
      else if (connection.hasUnsent) connection.endpoint.abort();
    }
  }

  /** The network is gone: so are both ends. */
  close(): void {
    for (const connection of this.open.values()) if (connection instanceof Connection) connection.endpoint.abort();
    this.open.clear();
    for (const forward of this.parts.forwards) if ('onStream' in forward) forward.onStream(stream => stream.reset());
  }

  get size(): number {
    return this.open.size;
  }
}

/** One: what comes at either end goes to the other, as fast as that takes it. */
class Connection implements EndpointUser {
  readonly endpoint: Endpoint;
  /** When the guest last said something. */
  heardNs: number;
  readonly nowNs: EndpointUser['nowNs'];
  readonly send: EndpointUser['send'];
  private readonly stream: Stream;
  private readonly whenClosed: () => void;
  /** The guest has sent its last, and the other end has. */
  private hasEnded = false;
  private streamEnded = false;

  constructor(
    {
      nowNs,
      send,
      closed,
      changed,
    }: Pick<EndpointUser, 'nowNs' | 'send' | 'closed'> & {
      /** Something came from outside. */
      changed(): void;
    },
    stream: Stream,
    initial: number,
    syn?: Segment,
  ) {
    this.heardNs = nowNs();
    this.nowNs = nowNs;
    this.send = send;
    this.whenClosed = closed;
    this.stream = stream;
    const endpoint = new Endpoint(this, initial, syn);
    this.endpoint = endpoint;
    stream.onDrained(() => {
      endpoint.drained();
      changed();
    });
    stream.onEnded(() => {
      this.streamEnded = true;
      endpoint.end();
      changed();
    });
    stream.listen(
      bytes => {
        endpoint.write(bytes);
        if (!endpoint.takesMore) stream.pause();
        changed();
      },
      why => {
        // One that is through with both ends has nothing to say.
        if (why !== undefined || !this.hasEnded) endpoint.abort();
        changed();
      },
    );
  }

  /** A SYN for a connection that only waits for late segments begins another (RFC 9293, 3.10.7.4, TIME-WAIT). */
  isReplacedBy({ flags, sequence }: Segment): boolean {
    const { endpoint } = this;
    if (endpoint.state !== 'TIME-WAIT' || (flags & (SYN | ACK | RST)) !== SYN) return false;
    if (distance(sequence, endpoint.expected) < 0) return false;
    endpoint.abort();
    return true;
  }

  get waitingBytes(): number {
    return this.stream.waitingBytes;
  }

  get hasUnsent(): boolean {
    return this.stream.hasUnsent();
  }

  established(): void {
    this.stream.resume();
  }

  received(bytes: Uint8Array): void {
    this.stream.send(bytes);
  }

  ended(): void {
    this.hasEnded = true;
    this.stream.end();
  }

  hasRoom(): void {
    this.stream.resume();
  }

  closed(): void {
    if (!this.hasEnded || !this.streamEnded) this.stream.reset();
    this.whenClosed();
  }
}
