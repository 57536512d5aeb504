/**
 * *Idea.* NAT without privileges: instead of forwarding a guest's TCP segments, the gateway terminates the connection and opens one of its own with
 * the machine's sockets. So it needs one end of TCP, in full: states, windows, retransmission, out-of-order segments. An `Endpoint` has no socket and
 * no timer of its own: segments go in by `take`, bytes by `write`, time by `expire` at `deadlineNs`; what it has to say goes to its
 * `EndpointUser`. Source: RFC 9293; 3.10.7 for what a segment does, 3.8.6 for windows. It offers no options but its MSS, keeps segments that arrive
 * out of order, and acknowledges every segment at once.
 */
import { Pace } from './pace.ts';
import { ACK, distance, FIN, lengthOf, plus, PSH, RST, type Segment, SYN } from './segment.ts';
import { SendQueue } from './send-queue.ts';

/** Longest data of a segment on Ethernet, where the other end says nothing (RFC 9293, 3.7.1), and the least that is taken at its word (Linux: TCP_MIN_SND_MSS). */
const MSS = 1460,
  DEFAULT_MSS = 536,
  LEAST_MSS = 48;
/** Received and not taken on. */
const RECEIVE_BYTES = 65535;
/** Given and not acknowledged: no more is asked for. */
export const SEND_BYTES = 65536;
/** Segments that wait for what comes before them. */
const MOST_HELD = 64;
/** Of the same, before the connection is given up: with the times doubled, some three minutes (RFC 9293, 3.8.3). */
const MOST_TRIES = 8;
/** 2 MSL, as Linux has it (TCP_TIMEWAIT_LEN). */
const TIME_WAIT_NS = 60e9;

export type TcpState =
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSE-WAIT'
  | 'CLOSING'
  | 'LAST-ACK'
  | 'TIME-WAIT'
  | 'CLOSED';

/** What each event makes of a state; others stay as they are. */
const FIN_SENT: Partial<Record<TcpState, TcpState>> = { ESTABLISHED: 'FIN-WAIT-1', 'CLOSE-WAIT': 'LAST-ACK' };
const FIN_ACKNOWLEDGED: Partial<Record<TcpState, TcpState>> = {
  'FIN-WAIT-1': 'FIN-WAIT-2',
  CLOSING: 'TIME-WAIT',
  'LAST-ACK': 'CLOSED',
};
const FIN_RECEIVED: Partial<Record<TcpState, TcpState>> = {
  ESTABLISHED: 'CLOSE-WAIT',
  'FIN-WAIT-1': 'CLOSING',
  'FIN-WAIT-2': 'TIME-WAIT',
};

/** Without ports, which the sender knows. */
export type Outgoing = Omit<Segment, 'sourcePort' | 'destinationPort'>;

export interface EndpointUser {
  nowNs(): number;
  send(segment: Outgoing): void;
  established(): void;
  /** The bytes that come next. */
  received(bytes: Uint8Array): void;
  /** Bytes that were received and have not gone on. */
  readonly waitingBytes: number;
  /** No more will be received. */
  ended(): void;
  /** Less than half of what may wait to be sent does. */
  hasRoom(): void;
  /** The connection is no more: both ends are through with it, the other has reset it or is silent, or it was aborted here. */
  closed(): void;
}

export class Endpoint {
  state: TcpState;
  /** When `expire` is due. */
  deadlineNs = Infinity;
  private readonly user: EndpointUser;
  private pace: Pace;
  private mss = DEFAULT_MSS;
  private readonly queue = new SendQueue();
  /** `end` was called: behind the queue is a FIN. */
  private ending = false;
  // What was sent: up to `una` it is acknowledged, at `next` it goes on, and it has been as far as `max`. The queue begins at `queueAt`.
  private una: number;
  private next: number;
  private max: number;
  private queueAt: number;
  private tries = 0;
  /** What the other end takes, who said so, and the most that it ever did. */
  private window = 0;
  private windowBy = { sequence: 0, acknowledgement: 0 };
  private largestWindow = 0;
  /** The next that is received, and the end of the window that was offered. */
  private receiveNext = 0;
  private edge = 0;
  private readonly held: Segment[] = [];

  /** Answers a SYN; without one, sends one. `initial`: the first sequence number. */
  constructor(user: EndpointUser, initial: number, syn?: Segment) {
    this.user = user;
    this.una = this.next = initial;
    this.max = this.queueAt = plus(initial, 1);
    this.state = syn ? 'SYN-RECEIVED' : 'SYN-SENT';
    this.pace = new Pace(this.mss);
    if (syn) this.synchronize(syn);
    this.sendSyn();
  }

  get takesMore(): boolean {
    return this.queue.bytes < SEND_BYTES;
  }

  /** The number of the next byte that is received. */
  get expected(): number {
    return this.receiveNext;
  }

  /** Bytes to send, which are the endpoint's from then on. */
  write(bytes: Uint8Array): void {
    if (this.ending || this.isClosed) return;
    this.queue.push(bytes);
    this.output();
  }

  /** Nothing more will be written. */
  end(): void {
    this.ending = true;
    this.output();
  }

  abort(): void {
    if (this.isClosed) return;
    if (this.state !== 'TIME-WAIT' && this.state !== 'SYN-SENT') this.send(this.max, RST | ACK);
    this.finish();
  }

  /** What was received has gone on: tells the other end, where that lets it send. */
  drained(): void {
    if (this.isClosed || this.state === 'SYN-SENT') return;
    const offered = distance(this.edge, this.receiveNext);
    if (this.offer() > offered) this.acknowledge();
  }

  private finish(): void {
    if (this.isClosed) return;
    this.state = 'CLOSED';
    this.deadlineNs = Infinity;
    this.queue.clear();
    this.held.length = 0;
    this.user.closed();
  }

  // ---- out

  private send(sequence: number, flags: number, data: Uint8Array = new Uint8Array(), mss?: number): void {
    const window = this.state === 'SYN-SENT' ? RECEIVE_BYTES : this.offer();
    const acknowledgement = flags & ACK ? this.receiveNext : 0;
    this.user.send({ sequence, acknowledgement, flags, window, mss, data });
  }

  private acknowledge(): void {
    this.send(this.next, ACK);
  }

  private sendSyn(): void {
    const { state, una } = this;
    this.next = this.max;
    this.send(una, state === 'SYN-SENT' ? SYN : SYN | ACK, undefined, MSS);
    this.deadlineNs = this.user.nowNs() + this.pace.rtoNs;
  }

  /** The window, whose end never goes back, and goes on by steps that are worth a segment (RFC 9293, 3.8.6.2.2). */
  private offer(): number {
    const free = Math.max(0, RECEIVE_BYTES - this.user.waitingBytes);
    if (free - distance(this.edge, this.receiveNext) >= MSS) this.edge = plus(this.receiveNext, free);
    return distance(this.edge, this.receiveNext);
  }

  private get isClosed(): boolean {
    return this.state === 'CLOSED';
  }

  private get isSynchronized(): boolean {
    return this.state !== 'SYN-SENT' && this.state !== 'SYN-RECEIVED' && !this.isClosed;
  }

  /** The other end has not sent its FIN. */
  private get isReceiving(): boolean {
    return FIN_RECEIVED[this.state] !== undefined;
  }

  /** Bytes that are still to be sent from `next` on, with the FIN as one. */
  private get left(): number {
    return this.queue.bytes + (this.ending ? 1 : 0) - distance(this.next, this.queueAt);
  }

  /** Sends what both windows allow; `atLeast` bytes in any case. */
  private output(atLeast = 0): void {
    if (!this.isSynchronized) return;
    for (let forced = atLeast; ; forced = 0) {
      const { left, mss } = this;
      const usable = Math.min(this.window, this.pace.congestion) - distance(this.next, this.una);
      const count = Math.min(left, Math.max(forced, Math.floor(usable)), mss);
      if (count <= 0) break;
      // Silly windows are not filled (RFC 9293, 3.8.6.2.1).
      if (forced === 0 && count < left && count < mss && 2 * count < this.largestWindow) break;
      this.transmit(count);
    }
    if (this.deadlineNs === Infinity && (this.max !== this.una || this.left > 0)) this.restartTimer();
  }

  private transmit(count: number): void {
    const { next, queue } = this;
    const at = distance(next, this.queueAt),
      data = queue.copy(at, Math.min(count, queue.bytes - at)),
      isLast = at + data.length === queue.bytes,
      fin = count > data.length ? FIN : 0;
    this.next = plus(next, count);
    if (fin) this.state = FIN_SENT[this.state] ?? this.state;
    if (next === this.max) this.pace.sent(this.next, this.user.nowNs());
    else this.pace.sentAgain();
    if (distance(this.next, this.max) > 0) this.max = this.next;
    this.send(next, ACK | fin | (isLast && data.length > 0 ? PSH : 0), data);
  }

  /** The first that is not acknowledged, again. */
  private sendAgain(): void {
    const { next } = this;
    this.next = this.una;
    this.transmit(Math.min(this.left, this.mss));
    this.next = distance(next, this.next) > 0 ? next : this.next;
  }

  private restartTimer(): void {
    this.deadlineNs = this.user.nowNs() + this.pace.rtoNs;
  }

  /** Time is over, for an acknowledgement, a window or the connection. */
  expire(): void {
    this.deadlineNs = Infinity;
    if (this.state === 'TIME-WAIT') return this.finish();
    if (++this.tries > MOST_TRIES) return this.abort();
    if (!this.isSynchronized) {
      this.pace.backOff();
      return this.sendSyn();
    }
    // Where the window is closed this asks whether it still is (3.8.6.1).
    if (this.window === 0 || this.max === this.una) this.pace.backOff();
    else this.pace.timedOut(distance(this.max, this.una));
    this.next = this.una;
    this.output(1);
    if (this.window === 0) this.next = this.una;
  }

  // ---- in

  take(segment: Segment): void {
    if (this.isClosed) return;
    if (this.state === 'SYN-SENT') return this.takeInSynSent(segment);
    const { flags } = segment;
    if (!this.isAcceptable(segment)) {
      if (this.state === 'TIME-WAIT' && flags & FIN) this.deadlineNs = this.user.nowNs() + TIME_WAIT_NS;
      if (!(flags & RST)) this.acknowledge();
      return;
    }
    if (flags & RST) {
      // Another may be a guess (RFC 5961, 3.2).
      if (segment.sequence === this.receiveNext) this.finish();
      else this.acknowledge();
      return;
    }
    if (flags & SYN) return this.acknowledge();
    if (!(flags & ACK) || !this.takeAcknowledgement(segment)) return;
    if (lengthOf(segment) > 0) this.takeData(segment);
    this.output();
  }

  private takeInSynSent(segment: Segment): void {
    const { flags, acknowledgement } = segment;
    if (flags & ACK && acknowledgement !== this.max) {
      if (!(flags & RST)) this.user.send({ ...EMPTY, sequence: acknowledgement, flags: RST });
      return;
    }
    if (flags & RST) {
      if (flags & ACK) this.finish();
      return;
    }
    // A SYN alone, at the same time as ours: no guest knows a port to send it to.
    if ((flags & (SYN | ACK)) !== (SYN | ACK)) return;
    this.synchronize(segment);
    this.establish(segment);
    this.acknowledge();
    this.output();
  }

  /** The other end's SYN. */
  private synchronize({ sequence, mss = DEFAULT_MSS }: Segment): void {
    this.receiveNext = this.edge = plus(sequence, 1);
    this.mss = Math.min(MSS, Math.max(LEAST_MSS, mss));
    this.pace = new Pace(this.mss);
  }

  private establish(segment: Segment): void {
    this.state = 'ESTABLISHED';
    this.una = this.max;
    this.tries = 0;
    this.deadlineNs = Infinity;
    this.setWindow(segment);
    this.user.established();
  }

  private isAcceptable(segment: Segment): boolean {
    const from = distance(segment.sequence, this.receiveNext),
      window = distance(this.edge, this.receiveNext);
    // Of what does not fit the acknowledgement is taken.
    if (from === 0) return true;
    const last = from + lengthOf(segment) - 1;
    return from > 0 ? from < window : last >= 0 && window > 0;
  }

  /** False: there is nothing else to take from this segment. */
  private takeAcknowledgement(segment: Segment): boolean {
    const { acknowledgement, data, flags, window } = segment,
      { queue } = this;
    const count = distance(acknowledgement, this.una),
      waited = queue.bytes;
    if (this.state === 'SYN-RECEIVED') {
      if (acknowledgement !== this.max) {
        this.user.send({ ...EMPTY, sequence: acknowledgement, flags: RST });
        return false;
      }
      this.establish(segment);
      return !this.isClosed;
    }
    if (distance(acknowledgement, this.max) > 0) {
      this.acknowledge();
      return false;
    }
    if (count > 0) this.advance(count, acknowledgement);
    else if (count === 0 && this.max !== this.una && data.length === 0 && !(flags & FIN)) this.takeDuplicate(window);
    this.takeWindow(segment);
    if (queue.bytes < waited && 2 * queue.bytes < SEND_BYTES && !this.ending) this.user.hasRoom();
    return !this.isClosed;
  }

  private takeDuplicate(window: number): void {
    // Who says that his window is closed is there (3.8.6.1).
    if (window === 0) this.tries = 0;
    else if (window === this.window && this.pace.duplicate(distance(this.next, this.una), this.max)) this.sendAgain();
  }

  private takeWindow(segment: Segment): void {
    const { sequence, acknowledgement } = segment,
      { windowBy } = this;
    const newer = distance(sequence, windowBy.sequence);
    if (newer < 0 || (newer === 0 && distance(acknowledgement, windowBy.acknowledgement) < 0)) return;
    const wasClosed = this.window === 0;
    this.setWindow(segment);
    // What was sent to see whether it is open goes again, with the rest.
    if (wasClosed && this.window > 0 && this.state !== 'TIME-WAIT') this.deadlineNs = Infinity;
  }

  private setWindow({ sequence, acknowledgement, window }: Segment): void {
    this.window = window;
    this.largestWindow = Math.max(this.largestWindow, window);
    this.windowBy = { sequence, acknowledgement };
  }

  private advance(count: number, acknowledgement: number): void {
    const { queue, user } = this;
    this.una = acknowledgement;
    if (distance(this.next, acknowledgement) < 0) this.next = acknowledgement;
    this.tries = 0;
    const dropped = Math.min(distance(acknowledgement, this.queueAt), queue.bytes);
    queue.drop(dropped);
    this.queueAt = plus(this.queueAt, dropped);
    if (this.max === this.una) this.deadlineNs = Infinity;
    else this.restartTimer();
    const isLost = this.pace.acknowledged(count, acknowledgement, user.nowNs());
    if (distance(acknowledgement, this.queueAt) > 0) this.become(FIN_ACKNOWLEDGED[this.state]);
    else if (isLost) this.sendAgain();
  }

  private become(state: TcpState | undefined): void {
    if (state === 'CLOSED') return this.finish();
    if (!state) return;
    this.state = state;
    if (state === 'TIME-WAIT') this.deadlineNs = this.user.nowNs() + TIME_WAIT_NS;
  }

  private takeData(segment: Segment): void {
    if (!this.isReceiving) return this.acknowledge();
    const fitting = this.fit(segment);
    if (distance(fitting.sequence, this.receiveNext) > 0) {
      if (this.held.length < MOST_HELD) this.held.push(fitting);
    } else {
      this.pass(fitting);
      for (let found = this.takeHeld(); found; found = this.takeHeld()) this.pass(found);
    }
    if (!this.isClosed) this.acknowledge();
  }

  /** A segment that was held and is the next now; those that are behind are let go. */
  private takeHeld(): Segment | undefined {
    const at = this.held.findIndex(({ sequence }) => distance(sequence, this.receiveNext) <= 0);
    return at < 0 ? undefined : this.held.splice(at, 1)[0];
  }

  /** Without what is beyond the window, and the FIN with that. */
  private fit(segment: Segment): Segment {
    const room = Math.max(0, distance(this.edge, segment.sequence));
    return segment.data.length <= room
      ? segment
      : { ...segment, flags: segment.flags & ~FIN, data: segment.data.subarray(0, room) };
  }

  /** What is new of a segment that begins here, or earlier. */
  private pass({ sequence, data, flags }: Segment): void {
    const known = distance(this.receiveNext, sequence);
    if (known > data.length || !this.isReceiving) return;
    this.receiveNext = plus(sequence, data.length + (flags & FIN ? 1 : 0));
    if (distance(this.receiveNext, this.edge) > 0) this.edge = this.receiveNext;
    if (known < data.length) this.user.received(data.subarray(known));
    if (!(flags & FIN) || this.isClosed) return;
    this.become(FIN_RECEIVED[this.state]);
    this.user.ended();
  }
}

const EMPTY: Outgoing = { sequence: 0, acknowledgement: 0, flags: 0, window: 0, data: new Uint8Array() };
