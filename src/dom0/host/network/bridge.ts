/**
 * A learning bridge, as Linux's: it remembers behind which port a station is, sends a frame there alone, and floods what is for many or for nobody known.
 * Sources: IEEE 802.1D-2004, 7.7-7.9 (forwarding, filtering database, ageing); 7.12.6 (addresses that no bridge forwards); Linux's net/bridge.
 */
import { ETHERTYPE_ARP, get16, get32, HEADER_BYTES, MAX_FRAME } from '../../../devices/net/index.ts';
import { IO_HOP, type IoTrace } from '../../../hypervisor/tracing/index.ts';
import { finish, type Frame, numberOf } from './frame.ts';

/** ARP for IPv4 on Ethernet (RFC 826): its first eight bytes but the operation, its length, and where the sender's two addresses are. */
const ARP = { kind: 0x0001, protocol: 0x0800, sizes: 0x0604, bytes: 28, mac: 8, address: 14 };
/** Ageing time by default (802.1D, table 7-5). */
const AGEING_NS = 300e9;
/** Stations that one port may have in the table: who makes addresses up pushes out his own alone. */
const MOST_STATIONS = 256;
/** Frames that wait while others are delivered; more are lost. */
const MOST_WAITING = 1024;

/** What is behind a port. */
export interface PortEnd {
  /** Takes a frame, to keep. It may call `input` of any port; what comes of that is delivered after it has returned. */
  deliver(frame: Frame): void;
  /** It takes frames with work left to do (checksums, segments); else they come finished. */
  readonly offloads?: boolean;
  /** What comes from such a port goes to no other such one (Linux's BR_ISOLATED). */
  readonly isolated?: boolean;
  /** Whether it wants frames for this group of stations (default: for all). */
  wants?(group: Uint8Array): boolean;
  /** Of a domain's: whether somebody watches that. */
  watched?(): boolean;
}

/** Counts of a port, as seen from the bridge: received from what is behind it, transmitted to it. */
export interface PortCounts {
  rxPackets: number;
  rxBytes: number;
  rxDropped: number;
  txPackets: number;
  txBytes: number;
  txDropped: number;
}

/** A row of `brctl showmacs`. */
export interface Station {
  port: number;
  mac: string;
  isLocal: boolean;
  /** Since it was heard last. */
  ageNs: number;
}

export interface BridgePort {
  /** From 1 on. */
  readonly number: number;
  readonly name: string;
  readonly counts: Readonly<PortCounts>;
  /** A frame from behind the port. */
  input(frame: Frame): void;
  /** The same of one that a plug held. */
  admit(frame: Frame): void;
  /** What is behind it could not take a frame. */
  lost(frames?: number): void;
  /** Takes the port out of the bridge. */
  remove(): void;
}

/** Holds what comes in by a port (true), to admit it later, as Linux's net/sched/sch_plug.c does. */
export type Plug = (frame: Frame, port: BridgePort) => boolean;

/** Sees every frame that passes a port, or all that come into the bridge. */
export type Tap = (frame: Frame, port: BridgePort, direction: 'in' | 'out') => void;

class Port implements BridgePort {
  readonly counts: PortCounts = { rxPackets: 0, rxBytes: 0, rxDropped: 0, txPackets: 0, txBytes: 0, txDropped: 0 };
  /** Stations heard behind it, oldest first. */
  readonly stations = new Set<number>();
  readonly number: number;
  readonly name: string;
  readonly end: PortEnd;
  private readonly bridge: Bridge;

  constructor(bridge: Bridge, number: number, name: string, end: PortEnd) {
    this.bridge = bridge;
    this.number = number;
    this.name = name;
    this.end = end;
  }

  input(frame: Frame): void {
    if (!this.bridge.holds(this, frame)) this.admit(frame);
  }

  admit(frame: Frame): void {
    this.bridge.input(this, frame);
  }

  lost(frames = 1): void {
    this.counts.txDropped += frames;
  }

  remove(): void {
    this.bridge.remove(this);
  }
}

/** A station's address as a number: six bytes fit exactly. */
const key = (bytes: Uint8Array, at: number): number =>
  (bytes[at] * 256 + bytes[at + 1]) * 2 ** 32 +
  (((bytes[at + 2] << 24) | (bytes[at + 3] << 16) | (bytes[at + 4] << 8) | bytes[at + 5]) >>> 0);
const macOf = (station: number): string =>
  station
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
/** 01:80:c2:00:00:00 to 0f: for bridges themselves. */
const LINK_LOCAL = 0x0180c2000000;

const areIsolated = (one: Port, two: Port): boolean => one.end.isolated === true && two.end.isolated === true;

export class Bridge {
  readonly name: string;
  private readonly nowNs: () => number;
  private readonly ports: Port[] = [];
  private readonly table = new Map<number, { port: Port; heardNs: number; address?: number }>();
  private readonly taps = new Set<Tap>();
  private readonly plugs = new Set<Plug>();
  private readonly waiting: { from: Port; frame: Frame }[] = [];
  private forwarding = false;
  /** Follows frames; absent: nobody does. */
  private readonly io: IoTrace | undefined;
  /** How long a station that says nothing stays in the table, nanoseconds (`brctl setageing`). */
  ageingNs = AGEING_NS;

  constructor(name: string, nowNs: () => number, io?: IoTrace) {
    this.io = io;
    this.name = name;
    this.nowNs = nowNs;
  }

  /** `isLocal`: the bridge's own interface, which is none of those that it joins, and has number 0. */
  addPort(name: string, end: PortEnd, isLocal = false): BridgePort {
    let number = isLocal ? 0 : 1;
    while (this.ports.some(port => port.number === number)) number++;
    const port = new Port(this, number, name, end);
    this.ports.push(port);
    return port;
  }

  remove(port: Port): void {
    const at = this.ports.indexOf(port);
    if (at < 0) return;
    this.ports.splice(at, 1);
    for (const station of port.stations) this.table.delete(station);
    port.stations.clear();
  }

  /** In the order in which they came; the bridge's own interface is none of them. */
  list(): readonly BridgePort[] {
    return this.ports.filter(({ number }) => number > 0);
  }

  /** Watches until the result is called. */
  tap(tap: Tap): () => void {
    this.taps.add(tap);
    return () => this.taps.delete(tap);
  }

  /** Holds frames until the result is called. */
  plug(plug: Plug): () => void {
    this.plugs.add(plug);
    return () => this.plugs.delete(plug);
  }

  holds(port: Port, frame: Frame): boolean {
    for (const plug of this.plugs) if (plug(frame, port)) return true;
    return false;
  }

  /** What `brctl showmacs` shows: stations that were heard and are not too old, by their addresses. */
  stations(): Station[] {
    const now = this.nowNs();
    return [...this.table]
      .filter(([, { heardNs }]) => now - heardNs <= this.ageingNs)
      .sort(([a], [b]) => a - b)
      .map(([station, { port, heardNs }]) => ({
        port: port.number,
        mac: macOf(station),
        isLocal: port.number === 0,
        ageNs: now - heardNs,
      }));
  }

  /** The IPv4 address that a station has said to be its own, however long ago; undefined: it has said nothing. */
  addressOf(mac: string): number | undefined {
    return this.table.get(Number.parseInt(mac.replaceAll(':', ''), 16))?.address;
  }

  /** Stations that have said lately that an IPv4 address is theirs. */
  holdersOf(address: number): string[] {
    const now = this.nowNs();
    return [...this.table]
      .filter(([, entry]) => entry.address === address && now - entry.heardNs <= this.ageingNs)
      .map(([station]) => macOf(station));
  }

  input(from: Port, frame: Frame): void {
    const { bytes } = frame;
    // Runts, giants, senders that are no station: no frames.
    const isGiant = bytes.length > MAX_FRAME && frame.segmentBytes === undefined;
    if (
      !this.ports.includes(from) ||
      bytes.length < HEADER_BYTES ||
      isGiant ||
      bytes[6] & 1 ||
      key(bytes, 6) === 0 ||
      this.waiting.length >= MOST_WAITING
    ) {
      from.counts.rxDropped++;
      return;
    }
    from.counts.rxPackets++;
    from.counts.rxBytes += bytes.length;
    this.waiting.push({
      from,
      frame: this.io?.on && this.isFollowed(from, frame) ? this.follow(this.io, from, frame) : frame,
    });
    if (this.forwarding) return;
    this.forwarding = true;
    try {
      for (let next = this.waiting.shift(); next; next = this.waiting.shift()) this.forward(next.from, next.frame);
    } finally {
      this.forwarding = false;
    }
  }

  /** What nobody has sent or gets who is watched would push the others' records out of the trace. */
  private isFollowed({ end }: Port, { number, bytes }: Frame): boolean {
    if (number || end.watched?.()) return true;
    const to = key(bytes, 0);
    return (bytes[0] & 1) !== 0 ? !end.watched : (this.lookUp(to)?.end.watched?.() ?? !end.watched);
  }

  private follow(io: IoTrace, from: Port, frame: Frame): Frame {
    const number = frame.number || io.begin();
    io.hop(number, IO_HOP.PORT_IN, 0, from.number, frame.bytes.length);
    return frame.number ? frame : { ...frame, number };
  }

  private forward(from: Port, frame: Frame): void {
    const { bytes } = frame;
    for (const tap of this.taps) tap(frame, from, 'in');
    this.learn(from, key(bytes, 6));
    if (get16(bytes, 12) === ETHERTYPE_ARP) this.hear(bytes);
    const to = key(bytes, 0);
    if (to >= LINK_LOCAL && to <= LINK_LOCAL + 15) return;
    const isGroup = (bytes[0] & 1) !== 0;
    const known = isGroup ? undefined : this.lookUp(to);
    if (known) {
      if (known !== from && !areIsolated(known, from)) this.output(known, frame);
      return;
    }
    // A port may go while others get their copy.
    for (const port of [...this.ports])
      if (port !== from && !areIsolated(port, from) && (!isGroup || port.end.wants?.(bytes.subarray(0, 6)) !== false))
        this.output(port, frame);
  }

  private lookUp(station: number): Port | undefined {
    const entry = this.table.get(station);
    return entry && this.nowNs() - entry.heardNs <= this.ageingNs ? entry.port : undefined;
  }

  private learn(port: Port, station: number): void {
    if (!this.ports.includes(port)) return;
    const before = this.table.get(station);
    const heardNs = this.nowNs();
    if (before?.port === port) {
      before.heardNs = heardNs;
      return;
    }
    before?.port.stations.delete(station);
    if (port.stations.size >= MOST_STATIONS) {
      const [oldest] = port.stations;
      port.stations.delete(oldest);
      this.table.delete(oldest);
    }
    port.stations.add(station);
    this.table.set(station, { port, heardNs });
  }

  /** An ARP request or reply carries its sender's own address. A probe says none (RFC 5227). */
  private hear(bytes: Uint8Array): void {
    const at = HEADER_BYTES;
    if (
      bytes.length < at + ARP.bytes ||
      get16(bytes, at) !== ARP.kind ||
      get16(bytes, at + 2) !== ARP.protocol ||
      get16(bytes, at + 4) !== ARP.sizes
    )
      return;
    const sender = key(bytes, at + ARP.mac),
      address = get32(bytes, at + ARP.address),
      entry = this.table.get(sender);
    if (entry && address !== 0 && sender === key(bytes, 6)) entry.address = address;
  }

  private output(port: Port, frame: Frame): void {
    const { counts, end } = port;
    const needsWork = frame.blankChecksum === true || frame.segmentBytes !== undefined;
    const frames =
      needsWork && !end.offloads ? finish(frame).map((bytes): Frame => ({ bytes, ...numberOf(frame) })) : [frame];
    if (frames.length === 0) counts.txDropped++;
    for (const each of frames) {
      counts.txPackets++;
      counts.txBytes += each.bytes.length;
      if (each.number !== undefined) this.io?.hop(each.number, IO_HOP.PORT_OUT, 0, port.number, each.bytes.length);
      for (const tap of this.taps) tap(each, port, 'out');
      end.deliver(each);
    }
  }
}

/** The table as `brctl showmacs` prints it: ages in seconds. */
export function formatStations(stations: readonly Station[]): string {
  const rows = stations.map(
    ({ port, mac, isLocal, ageNs }) =>
      `${String(port).padStart(3)}\t${mac}\t${isLocal ? 'yes' : 'no'}\t\t${(ageNs / 1e9).toFixed(2).padStart(7)}`,
  );
  return ['port no\tmac addr\t\tis local?\tageing timer', ...rows].map(row => `${row}\n`).join('');
}
