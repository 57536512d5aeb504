/**
 * A network card of virtio. Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 5.1. On the wire frames are whole, with their checksums; a driver may leave both to
 * the card (offload.ts), and learns which sums were found right.
 */
import type { State, Timer, Timers } from '../bus.ts';
import type { Ethernet } from '../net/ethernet.ts';
import { cardName, isMulticast, MIN_FRAME } from '../net/ethernet.ts';
import type { NicDevice, NicParts } from '../net/models.ts';
import { assignState, copyState, resetState, StateError } from '../state.ts';
import type { Chain } from './chain.ts';
import { DATA_VALID, framesOf, isSumRight, MOST_PACKET } from './offload.ts';
import { BrokenRing, type VirtQueue } from './queue.ts';
import { VirtioPci } from './transport.ts';

const QUEUE_SIZE = 256,
  CONTROL_SIZE = 64;
const RECEIVE = 0,
  TRANSMIT = 1;
/** Features. */
const CSUM = 0,
  GUEST_CSUM = 1,
  MAC = 5,
  HOST_TSO4 = 11,
  HOST_TSO6 = 12,
  HOST_ECN = 13,
  MRG_RXBUF = 15,
  STATUS = 16,
  CTRL_VQ = 17,
  CTRL_RX = 18,
  CTRL_MAC_ADDR = 23;
const FEATURES = [
  ...[CSUM, GUEST_CSUM, MAC, HOST_TSO4, HOST_TSO6, HOST_ECN, MRG_RXBUF, STATUS],
  ...[CTRL_VQ, CTRL_RX, CTRL_MAC_ADDR],
];
const LINK_UP = 1;
const CONFIG_BYTES = 12,
  MAC_BYTES = 6;
/** Before each frame; drivers older than VIRTIO 1 leave the count of buffers out where they do not merge those. */
const HEADER_BYTES = 12,
  SHORT_HEADER_BYTES = 10,
  BUFFERS = 10;
/** Commands: class and number, their data, one byte of an answer. */
const CLASS = { RX: 0, MAC: 1 } as const;
const PROMISCUOUS = 0,
  ALL_MULTICAST = 1;
const MAC_TABLE_SET = 0,
  MAC_ADDR_SET = 1;
const ACK_OK = 0,
  ACK_ERR = 1;
/** How soon a busy wire is tried again. */
const WIRE_BUSY_NS = 100_000;
/**
 * This long the driver is not notified, unless it is a quarter of the ring: a driver that gets an answer meanwhile finds it by itself, and wants to hear of later
 * ones. A sender waits for it only with some hundred KiB on their way (TCP small queues, SO_SNDBUF).
 */
const TELL_NS = 1_000_000,
  MOST_UNTOLD = QUEUE_SIZE / 4;

const initial = (mac: Uint8Array) => ({
  mac: mac.slice(),
  promiscuous: false,
  allMulticast: false,
  /** Frames wait for the wire, or for the next turn; this many of the first packet have gone. */
  hasMore: false,
  gone: 0,
});

export class VirtioNet extends VirtioPci implements NicDevice {
  private readonly own: ReturnType<typeof initial>;
  private readonly burnedIn: Uint8Array;
  private readonly ethernet: Ethernet;
  private readonly timers: Timers;
  private readonly again: Timer;
  private readonly telling: Timer;

  /** Takes `ethernet.receive`. @throws RangeError for an address that no station can have */
  constructor({ timers, irq, mac, ethernet, place }: NicParts) {
    if (mac.length !== MAC_BYTES || mac[0] & 1)
      throw new RangeError('a network card’s address is six bytes, the first of them even');
    super(
      {
        name: cardName('virtio-net', place),
        title: 'virtio network card',
        type: 1,
        device: 0x1000,
        class: 0x020000,
        queues: [QUEUE_SIZE, QUEUE_SIZE, CONTROL_SIZE],
        queueNames: ['rx', 'tx', 'ctrl'],
        features: FEATURES.reduce((bits, bit) => bits | (1 << bit), 0),
        configBytes: CONFIG_BYTES,
      },
      irq,
    );
    this.burnedIn = mac.slice();
    this.own = initial(mac);
    this.ethernet = ethernet;
    this.timers = timers;
    this.again = timers.create(`${this.name} again`, () => this.goOn());
    this.telling = timers.create(`${this.name} tells`, () => this.tellSent(true));
    ethernet.receive = frame => this.receive(frame);
    ethernet.canReceive = () => this.hasRoom;
    ethernet.linkChanged = () => this.configChanged();
  }

  protected override config(): Uint8Array {
    const bytes = new Uint8Array(CONFIG_BYTES);
    bytes.set(this.own.mac);
    bytes[MAC_BYTES] = this.ethernet.isDown ? 0 : LINK_UP;
    bytes[MAC_BYTES + 2] = 1;
    return bytes;
  }

  /** The address is written by older drivers, a byte at a time; later ones have a command for it (5.1.4.1). */
  protected override writeConfig(offset: number, value: number, size: number): void {
    if (this.isModern) return;
    for (let i = 0; i < size && offset + i < MAC_BYTES; i++) this.own.mac[offset + i] = value >>> (8 * i);
  }

  private get headerBytes(): number {
    return this.isModern || this.has(MRG_RXBUF) ? HEADER_BYTES : SHORT_HEADER_BYTES;
  }

  protected notified(queue: VirtQueue): void {
    if (queue.index === RECEIVE) queue.rest();
    else if (queue.index === TRANSMIT) this.transmit(queue);
    else this.obey(queue);
  }

  // ---- to the wire

  private transmit(queue: VirtQueue): void {
    this.own.hasMore = false;
    this.again.cancel();
    for (let left = queue.r.size; ; left--) {
      if (this.ethernet.busy && queue.waiting > 0) {
        this.wait(WIRE_BUSY_NS);
        break;
      }
      // No device writes into the rings here, but what is sent may come back at once.
      if (left === 0) {
        this.wait(0);
        break;
      }
      const chain = queue.take();
      if (!chain) {
        queue.rest();
        break;
      }
      if (!this.send(chain)) {
        // It is the first one when the wire has room again.
        queue.r.taken = (queue.r.taken - 1) & 0xffff;
        this.wait(WIRE_BUSY_NS);
        break;
      }
      queue.give(chain, 0);
    }
    this.tellSent(false);
  }

  private tellSent(isTime: boolean): void {
    const queue = this.queues[TRANSMIT];
    if (isTime || queue.untold >= MOST_UNTOLD) {
      this.telling.cancel();
      if (this.isLive(queue)) this.tell(queue);
    } else if (queue.untold > 0 && this.telling.deadlineNs === Infinity)
      this.telling.set(this.timers.clock.nowNs() + TELL_NS);
  }

  private wait(ns: number): void {
    this.own.hasMore = true;
    this.again.set(this.timers.clock.nowNs() + ns);
  }

  private goOn(): void {
    const queue = this.queues[TRANSMIT];
    this.own.hasMore = false;
    if (this.isLive(queue)) this.guard(() => this.transmit(queue));
  }

  /** A packet's frames; false: the wire was busy before the last one. @throws BrokenRing where there is no frame */
  private send(chain: Chain): boolean {
    const { own } = this,
      { readable } = chain;
    const length = readable.bytes - this.headerBytes;
    if (length < 0) throw new BrokenRing(`${this.name}: ${readable.bytes} bytes are no frame`);
    if (length > MOST_PACKET) return true;
    const header = new DataView(new ArrayBuffer(SHORT_HEADER_BYTES));
    readable.read(0, new Uint8Array(header.buffer));
    const [size, start, at] = [4, 6, 8].map(field => header.getUint16(field, true));
    const packet = new Uint8Array(length);
    readable.read(this.headerBytes, packet);
    const offload = { flags: header.getUint8(0), kind: header.getUint8(1), size, start, at };
    for (const frame of framesOf(packet, offload, own.gone)) {
      if (own.gone > 0 && this.ethernet.busy) return false;
      const padded = frame.length < MIN_FRAME ? new Uint8Array(MIN_FRAME) : frame;
      if (padded !== frame) padded.set(frame);
      this.ethernet.send(padded, chain);
      own.gone++;
    }
    own.gone = 0;
    return true;
  }

  // ---- from the wire

  private get hasRoom(): boolean {
    const queue = this.queues[RECEIVE];
    let has = true;
    // One that is not driven loses what comes.
    if (this.isLive(queue)) this.guard(() => (has = queue.waiting > 0));
    return has;
  }

  private isForUs(frame: Uint8Array): boolean {
    const { mac, promiscuous, allMulticast } = this.own;
    if (promiscuous) return true;
    // A table of groups may let more pass than it names (5.1.6.5.2).
    if (isMulticast(frame)) return allMulticast || this.has(CTRL_RX) || !this.has(CTRL_VQ);
    return mac.every((byte, i) => byte === frame[i]);
  }

  private receive(frame: Uint8Array): void {
    const queue = this.queues[RECEIVE];
    if (!this.isLive(queue) || !this.isForUs(frame)) return;
    this.guard(() => {
      const chains = this.roomFor(queue, this.headerBytes + frame.length);
      if (chains.length === 0) return;
      const bytes = new Uint8Array(this.headerBytes + frame.length);
      bytes.set(frame, this.headerBytes);
      if (this.headerBytes === HEADER_BYTES) bytes[BUFFERS] = chains.length;
      if (this.has(GUEST_CSUM) && isSumRight(frame)) bytes[0] = DATA_VALID;
      let at = 0;
      for (const chain of chains) {
        const count = Math.min(chain.writable.bytes, bytes.length - at);
        chain.writable.write(0, bytes.subarray(at, at + count));
        queue.give(chain, count);
        at += count;
      }
      if (queue.waiting === 0) queue.rest();
      this.tell(queue);
    });
  }

  /** Buffers for this many bytes: one, or several where the driver merges them; none: the frame is lost. @throws BrokenRing */
  private roomFor(queue: VirtQueue, bytes: number): Chain[] {
    const before = queue.r.taken;
    const chains: Chain[] = [];
    for (let room = 0; room < bytes; ) {
      const chain = queue.take();
      if (!chain || chain.writable.bytes === 0 || (chains.length > 0 && !this.has(MRG_RXBUF))) {
        // What was taken is the next frame's.
        queue.r.taken = before;
        if (chain?.writable.bytes === 0) throw new BrokenRing(`${this.name}: a buffer that cannot be written`);
        if (!chain) queue.rest();
        return [];
      }
      chains.push(chain);
      room += chain.writable.bytes;
    }
    return chains;
  }

  // ---- commands

  private obey(queue: VirtQueue): void {
    for (let left = queue.r.size; left > 0; left--) {
      const chain = queue.take();
      if (!chain) break;
      const { readable, writable } = chain;
      if (readable.bytes < 2 || writable.bytes < 1) throw new BrokenRing(`${this.name}: no command`);
      writable.write(0, Uint8Array.of(this.command(readable)));
      queue.give(chain, 1);
    }
    queue.rest();
    this.tell(queue);
  }

  private command(readable: Chain['readable']): number {
    const { own } = this;
    const head = new Uint8Array(2 + MAC_BYTES);
    readable.read(0, head);
    const [kind, number, value] = head;
    if (kind === CLASS.RX && readable.bytes === 3) {
      if (number === PROMISCUOUS) own.promiscuous = value !== 0;
      else if (number === ALL_MULTICAST) own.allMulticast = value !== 0;
      else return ACK_ERR;
      return ACK_OK;
    }
    if (kind !== CLASS.MAC) return ACK_ERR;
    // All groups pass, whatever the table names.
    if (number === MAC_TABLE_SET) return ACK_OK;
    if (number !== MAC_ADDR_SET || readable.bytes !== head.length || head[2] & 1) return ACK_ERR;
    own.mac.set(head.subarray(2));
    return ACK_OK;
  }

  // ---- state

  protected forget(): void {
    resetState(this.own, initial(this.burnedIn));
    this.again.cancel();
    this.telling.cancel();
  }

  protected saveOwn(): State {
    return { ...copyState(this.own), againNs: this.again.deadlineNs, tellNs: this.telling.deadlineNs };
  }

  protected restoreOwn(state: State): void {
    // Older states have no packets of which a part has gone.
    const { gone = 0 } = state;
    if (!Number.isSafeInteger(gone) || (gone as number) < 0)
      throw new StateError(this.name, 'gone', 'is no count of frames');
    assignState(this.name, this.own, { ...state, gone });
    if (this.own.hasMore && typeof state.againNs === 'number') this.again.set(state.againNs);
    // Older states have reported all.
    if (Number.isFinite(state.tellNs)) this.telling.set(state.tellNs as number);
  }
}
