/**
 * *Idea.* The network back end connects two netif rings on granted pages to a port of the bridge. The two directions differ: a packet that the guest
 * sends is gathered from its pages, as one frame that may still lack checksums or segmentation (the bridge finishes it where the receiver cannot); a
 * packet for the guest is copied into buffers that the guest has offered, and waits, up to a limit, while there are none. The guest's rings are not
 * trusted: impossible indices, grants or sizes close the device. Sources: xen/include/public/io/netif.h; for what is refused, Linux's
 * drivers/net/xen-netback (netback.c, rx.c, xenbus.c).
 */
import type { Timer, Timers } from '../../../devices/index.ts';
import { HEADER_BYTES, MAX_FRAME } from '../../../devices/net/index.ts';
import { FrameAway } from '../../../hypervisor/memory/index.ts';
import { IO_HOP } from '../../../hypervisor/tracing/index.ts';
import {
  type Bridge,
  type BridgePort,
  Credit,
  finish,
  type Frame,
  numberOf,
  type Rate,
} from '../../host/network/index.ts';
import type { GrantedPage } from '../access.ts';
import type { BackRing, RingLook, SavedRing } from '../ring.ts';
import { type Connection, DeviceError, type Driver, type Follower, type Nodes } from '../xenbus.ts';
import {
  EXTRA,
  EXTRA_MORE,
  GSO_TCPV4,
  RSP,
  RX_SLOT_BYTES,
  RXF,
  SLOTS_FATAL,
  SLOTS_MOST,
  TX_SLOT_BYTES,
  TXF,
} from './protocol.ts';

const PAGE_BYTES = 4096;
/** Packets of one front end before others have their turn. */
const TURN = 64;
/** Once this many bytes wait for a front end without buffers, more are lost: pages of half a ring (XENVIF_RX_QUEUE_BYTES of netback's interface.c). */
const WAITING_BYTES = (256 / 2) * PAGE_BYTES;
/** Groups that a front end may ask for (XEN_NETBK_MCAST_MAX). */
const GROUPS_MOST = 64;

export interface VifParts {
  bridge: Bridge;
  timers: Timers;
  /** Of its port on the bridge: `vifDOMID.DEVID`. */
  name: string;
  rate?: Rate | undefined;
  /** Absent: nobody follows its frames. */
  follows?: Follower | undefined;
}

interface SavedVif {
  tx: SavedRing;
  rx: SavedRing;
  groups: string[];
}

/** What a saved state says of rings is anybody's word. @throws DeviceError */
function checked(saved: unknown): SavedVif {
  const { tx, rx, groups } = (saved ?? {}) as Partial<SavedVif>;
  const isRing = (ring: SavedRing | undefined): boolean =>
    Number.isInteger(ring?.reqCons) && Number.isInteger(ring?.rspProd);
  if (
    !isRing(tx) ||
    !isRing(rx) ||
    !Array.isArray(groups) ||
    groups.length > GROUPS_MOST ||
    !groups.every(group => typeof group === 'string')
  )
    throw new DeviceError('what was saved of its rings makes no sense');
  return saved as SavedVif;
}

/** A packet as the front end sent it; without a frame it is information for the back end. */
interface Sent {
  frame: Frame | undefined;
  bytes: number;
}

/** What is connected: rings, and what the front end can take. */
interface Link {
  connection: Connection;
  tx: BackRing;
  rx: BackRing;
  /** Of the front end. */
  port: number;
  tell: () => void;
  /** Packets in several slots, long ones with TCP data to be cut, checksums that nobody has filled in. */
  scatterGather: boolean;
  segments: boolean;
  blankChecksums: boolean;
  /** The front end says which groups it wants. */
  choosesGroups: boolean;
}

export class Vif implements Driver {
  readonly port: BridgePort;
  private readonly follows: VifParts['follows'];
  private readonly credit: Credit | undefined;
  private readonly again: Timer | undefined;
  private link: Link | undefined;
  /** Frames for the front end, and their bytes. */
  private readonly waiting: Frame[] = [];
  private waitingBytes = 0;
  private flushes = false;
  /** A packet that the rate does not let pass yet. */
  private held: Frame | undefined;
  private readonly groups = new Set<string>();
  private readonly request = new Int32Array(TX_SLOT_BYTES / 4);
  private readonly buffer = new Int32Array(RX_SLOT_BYTES / 4);
  private readonly answer = new Int32Array(2);

  constructor({ bridge, timers, name, rate, follows }: VifParts) {
    this.follows = follows;
    this.credit = rate && new Credit(rate, () => timers.clock.nowNs());
    this.again = rate && timers.create(`${name} rate`, () => this.link?.connection.again(() => this.serve()));
    this.port = bridge.addPort(name, {
      offloads: true,
      watched: () => follows?.io.follows(follows.guest) ?? false,
      deliver: frame => this.deliver(frame),
      wants: group => this.wants(group),
    });
  }

  /** Its rings, for people; undefined: it is not connected. */
  look(): { tx: RingLook; rx: RingLook } | undefined {
    return this.link && { tx: this.link.tx.look(), rx: this.link.rx.look() };
  }

  // ---- XenBus

  features(): Nodes {
    return {
      'feature-sg': 1,
      'feature-gso-tcpv4': 1,
      'feature-rx-copy': 1,
      'feature-rx-flip': 0,
      'feature-multicast-control': 1,
      // The port is on the bridge: what the hotplug script would say.
      'hotplug-status': 'connected',
    };
  }

  connect(connection: Connection, saved?: unknown): Nodes {
    const flag = (name: string): boolean => connection.text(name) === '1';
    if (!flag('request-rx-copy'))
      throw new DeviceError(
        'it does not ask to have what it receives copied (request-rx-copy), and pages are not flipped',
      );
    const rings = saved === undefined ? undefined : checked(saved);
    const tx = connection.ring([connection.number('tx-ring-ref')], TX_SLOT_BYTES, rings?.tx),
      rx = connection.ring([connection.number('rx-ring-ref')], RX_SLOT_BYTES, rings?.rx);
    const scatterGather = flag('feature-sg');
    this.groups.clear();
    for (const group of rings?.groups ?? []) this.groups.add(group);
    const port = connection.number('event-channel');
    const tell = connection.bind(port, () => this.serve());
    this.link = {
      connection,
      tx,
      rx,
      port,
      tell,
      scatterGather,
      segments: scatterGather && flag('feature-gso-tcpv4'),
      blankChecksums: !flag('feature-no-csum-offload'),
      choosesGroups: flag('request-multicast-control'),
    };
    return {};
  }

  disconnect(): void {
    this.link = undefined;
    this.stands = false;
    this.held = undefined;
    this.again?.cancel();
    this.port.lost(this.waiting.length);
    this.waiting.length = this.waitingBytes = 0;
  }

  save(): SavedVif | undefined {
    const { link, groups } = this;
    return link && { tx: link.tx.save(), rx: link.rx.save(), groups: [...groups] };
  }

  /** The device is gone: so are its port and its timer. */
  remove(): void {
    this.again?.remove();
    this.port.remove();
  }

  // ---- what the front end sends

  /** Its event channel has rung. */
  private serve(): void {
    const { link } = this;
    if (!link) return;
    let packets = 0;
    do {
      while (packets < TURN && this.send(link)) packets++;
      if (link.tx.push()) link.tell();
    } while (packets < TURN && !this.held && !this.stands && link.tx.finalCheck());
    if (packets >= TURN) link.connection.again(() => this.serve());
    this.give(link);
  }

  /** A page of the guest's is on another host yet, and what is about it waits. */
  private stands = false;

  /** Does what maps pages, having taken requests of a ring. Undefined: one has yet to come, all is as before, and both rings are served once it has. */
  private whenHere<T>({ connection }: Link, ring: BackRing, work: () => T): T | undefined {
    if (this.stands) return undefined;
    const before = ring.unanswered;
    try {
      return work();
    } catch (error) {
      if (!(error instanceof FrameAway)) throw error;
      ring.giveBack(ring.unanswered - before);
      this.stands = true;
      error.whenCome(() => {
        this.stands = false;
        connection.again(() => this.serve());
      });
      return undefined;
    }
  }

  /** Brings one packet to the bridge. False: there is none, or it must wait. */
  private send(link: Link): boolean {
    const sent = this.held
      ? { frame: this.held, bytes: this.held.bytes.length }
      : this.whenHere(link, link.tx, () => this.gather(link));
    if (!sent) return false;
    this.held = undefined;
    const { frame, bytes } = sent;
    if (!frame) return true;
    const againNs = this.credit?.take(bytes) ?? 0;
    if (againNs > 0) {
      this.held = frame;
      this.again?.set(againNs);
      return false;
    }
    this.port.input(frame);
    return true;
  }

  /** Takes a packet's slots, copies its data and answers the slots. Undefined: there is no packet. @throws DeviceError, RingError, HostError */
  private gather(link: Link): Sent | undefined {
    const { connection, tx } = link;
    const { request } = this;
    if (!tx.take(request)) return undefined;
    const number = this.follow(link);
    const slots: { gref: number; offset: number; id: number; size: number }[] = [];
    const take = (): number => {
      slots.push({
        gref: request[0] >>> 0,
        offset: request[1] & 0xffff,
        id: request[2] & 0xffff,
        size: request[2] >>> 16,
      });
      return request[1] >>> 16;
    };
    const next = (): void => {
      if (!tx.take(request)) throw new DeviceError('the slots of a packet are not all in its ring');
    };
    const flags = take();
    const extras = flags & TXF.EXTRA_INFO ? this.extras(next) : { count: 0 };
    for (let more = flags & TXF.MORE_DATA; more; ) {
      next();
      more = take() & TXF.MORE_DATA;
      if (slots.length > SLOTS_FATAL) throw new DeviceError(`a packet of its has more than ${SLOTS_FATAL} slots`);
    }
    const [first, ...others] = slots;
    const bytes = first.size;
    first.size = others.reduce((left, { size }) => left - size, bytes);
    if (first.size < 0) throw new DeviceError('the slots of a packet have more bytes than the packet');
    const outside = slots.find(({ offset, size }) => offset + size > PAGE_BYTES);
    if (outside) throw new DeviceError(`a slot of its has ${outside.size} bytes from byte ${outside.offset} of a page`);
    const isGroup = extras.group !== undefined;
    const isLost = !isGroup && (slots.length > SLOTS_MOST || bytes < HEADER_BYTES);
    let frame: Frame | undefined;
    if (!isLost && !isGroup) {
      const data = new Uint8Array(bytes);
      let at = 0;
      for (const { gref, offset, size } of slots) {
        const page = connection.map(gref, true);
        data.set(page.bytes.subarray(offset, offset + size), at);
        page.unmap();
        at += size;
      }
      frame = {
        bytes: data,
        ...(flags & TXF.CSUM_BLANK ? { blankChecksum: true } : {}),
        ...(extras.segmentBytes === undefined ? {} : { segmentBytes: extras.segmentBytes }),
        ...(number === 0 ? {} : { number }),
      };
    }
    const status = isLost || (isGroup && !this.changeGroups(extras)) ? RSP.ERROR : RSP.OKAY;
    slots.forEach(({ id }, i) => {
      this.respond(tx, id, status);
      for (let extra = 0; i === 0 && extra < extras.count; extra++) this.respond(tx, 0, RSP.NULL);
    });
    return { frame, bytes };
  }

  /** Where somebody watches: the packet's number, with the places that it has passed. */
  private follow({ tx, port }: Link): number {
    const { follows, request } = this;
    if (!follows?.io.follows(follows.guest)) return 0;
    const { io, guest, devid } = follows;
    const number = io.begin();
    io.told(number, guest, port);
    io.hop(number, IO_HOP.FRONT_END, guest.id, request[2] & 0xffff, tx.lastSlot);
    io.hop(number, IO_HOP.CARD_BACK_END, guest.id, devid, 1);
    return number;
  }

  private respond(ring: BackRing, id: number, status: number): void {
    this.answer[0] = id | (status << 16);
    ring.respond(this.answer.subarray(0, 1));
  }

  /** Slots of extra information: how many, and what they say. */
  private extras(next: () => void): { count: number; segmentBytes?: number; group?: string; joins?: boolean } {
    const { request } = this;
    const said: ReturnType<Vif['extras']> = { count: 0 };
    for (let more = 1; more; ) {
      next();
      said.count++;
      const type = request[0] & 0xff;
      more = (request[0] >>> 8) & EXTRA_MORE;
      if (type === EXTRA.GSO) {
        said.segmentBytes = request[0] >>> 16;
        if ((request[1] & 0xff) !== GSO_TCPV4)
          throw new DeviceError(`a packet of its is to be cut as type ${request[1] & 0xff}, which was not offered`);
        if (said.segmentBytes === 0) throw new DeviceError('a packet of its is to be cut into segments of no bytes');
      } else if (type === EXTRA.MCAST_ADD || type === EXTRA.MCAST_DEL) {
        const address = [
          request[0] >>> 16,
          request[0] >>> 24,
          request[1],
          request[1] >>> 8,
          request[1] >>> 16,
          request[1] >>> 24,
        ].map(byte => byte & 0xff);
        said.group = address.join();
        said.joins = type === EXTRA.MCAST_ADD;
      } else if (type !== EXTRA.HASH) throw new DeviceError(`extra information of its has type ${type}`);
      if (said.count > SLOTS_FATAL)
        throw new DeviceError(`a packet of its has more than ${SLOTS_FATAL} slots of extra information`);
    }
    return said;
  }

  // ---- groups

  /** False: it has too many. */
  private changeGroups({ group, joins }: { group?: string; joins?: boolean }): boolean {
    if (group === undefined) return false;
    if (!joins) this.groups.delete(group);
    else if (this.groups.size < GROUPS_MOST) this.groups.add(group);
    else return false;
    return true;
  }

  private wants(group: Uint8Array): boolean {
    return !this.link?.choosesGroups || group.every(byte => byte === 0xff) || this.groups.has(group.join());
  }

  // ---- what it receives

  private deliver(frame: Frame): void {
    const { link } = this;
    if (!link) return this.port.lost();
    const isFit = (frame.segmentBytes === undefined || link.segments) && (!frame.blankChecksum || link.blankChecksums);
    for (const each of isFit ? [frame] : finish(frame).map((bytes): Frame => ({ bytes, ...numberOf(frame) }))) {
      if (this.waitingBytes >= WAITING_BYTES) {
        this.port.lost();
        continue;
      }
      this.waiting.push(each);
      this.waitingBytes += each.bytes.length;
    }
    if (this.flushes) return;
    // Once for all that come in this turn.
    this.flushes = true;
    link.connection.again(() => {
      this.flushes = false;
      if (this.link) this.give(this.link);
    });
  }

  /** Copies what waits into the front end's buffers, as far as there are any. */
  private give(link: Link): void {
    const { waiting } = this;
    let given = 0;
    while (given < waiting.length) {
      const { bytes, segmentBytes } = waiting[given];
      const slots = Math.ceil(bytes.length / PAGE_BYTES);
      if (slots > 1 && !link.scatterGather) this.port.lost();
      else if (!link.rx.awaits(slots + (segmentBytes === undefined ? 0 : 1)) || !this.put(link, waiting[given])) break;
      this.waitingBytes -= bytes.length;
      given++;
    }
    waiting.splice(0, given);
    if (link.rx.push()) link.tell();
  }

  /** The buffers that come next in the ring, one a page of a frame; where it is cut, one behind the first for what says so, which the front end has again. */
  private buffers({ connection, rx }: Link, { bytes, segmentBytes, number }: Frame): Buffer[] {
    const { buffer, follows } = this;
    const buffers: Buffer[] = [];
    try {
      for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
        rx.take(buffer);
        const id = buffer[0] & 0xffff;
        if (number !== undefined) follows?.io.hop(number, IO_HOP.FRONT_END, follows.guest.id, id, rx.lastSlot);
        buffers.push({ id, page: connection.map(buffer[1] >>> 0, false) });
        if (at === 0 && segmentBytes !== undefined) rx.take(buffer);
      }
      return buffers;
    } catch (error) {
      for (const { page } of buffers) page.unmap();
      throw error;
    }
  }

  /** One frame into the buffers that come next in the ring. False: one of them is on another host yet. */
  private put(link: Link, frame: Frame): boolean {
    const { rx } = link,
      { bytes, blankChecksum, segmentBytes, number } = frame;
    const { answer, follows } = this;
    if (number !== undefined) follows?.io.hop(number, IO_HOP.CARD_BACK_END, follows.guest.id, follows.devid, 0);
    const buffers = this.whenHere(link, rx, () => this.buffers(link, frame));
    if (!buffers) return false;
    buffers.forEach(({ id, page }, i) => {
      const part = bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES);
      page.bytes.set(part);
      page.written();
      page.unmap();
      const first = i === 0;
      const flags =
        (first && blankChecksum ? RXF.CSUM_BLANK | RXF.DATA_VALIDATED : 0) |
        (first && segmentBytes !== undefined ? RXF.EXTRA_INFO : 0) |
        (i < buffers.length - 1 ? RXF.MORE_DATA : 0);
      answer[0] = id;
      answer[1] = flags | (part.length << 16);
      rx.respond(answer);
      if (!first || segmentBytes === undefined) return;
      answer[0] = EXTRA.GSO | (segmentBytes << 16);
      answer[1] = GSO_TCPV4;
      rx.respond(answer);
    });
    return true;
  }
}

/** Where a part of a frame goes. */
interface Buffer {
  id: number;
  page: GrantedPage;
}

/** Nodes that libxl writes for a card (libxl__nic: libxl_nic.c, libxl__set_xenstore_nic). */
export function vifNodes({
  domid,
  devid,
  mac,
  bridge,
  rate,
  emulated,
}: {
  domid: number;
  devid: number;
  mac: string;
  bridge: string;
  rate?: Rate | undefined;
  emulated: boolean;
}): { frontend: Nodes; backend: Nodes } {
  return {
    frontend: { handle: devid, mac, mtu: MAX_FRAME - HEADER_BYTES, trusted: 1 },
    backend: {
      script: '/etc/xen/scripts/vif-bridge',
      mac,
      ...(rate ? { rate: `${rate.bytes},${rate.intervalUs}` } : {}),
      bridge,
      handle: devid,
      type: emulated ? 'vif_ioemu' : 'vif',
      vifname: `vif${domid}.${devid}`,
      mtu: MAX_FRAME - HEADER_BYTES,
      'hotplug-status': '',
    },
  };
}
