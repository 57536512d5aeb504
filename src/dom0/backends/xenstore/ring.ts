/**
 * The store's end of a domain's store page: requests in, replies and events out, piece by piece where the ring is too small.
 * Source: xen/include/public/io/xs_wire.h (struct xenstore_domain_interface), xen/docs/misc/xenstore-ring.txt.
 *
 * Everything in the page is the guest's word: indices are checked each time, and a page that makes no sense ends this connection and nothing else.
 */
import { STORE_PAGE as PAGE } from '../../../hypervisor/interfaces/xen/index.ts';
import { encodeMessage, HEADER_BYTES, MAX_PAYLOAD_BYTES, type Message } from './protocol.ts';

export { STORE_PAGE as PAGE } from '../../../hypervisor/interfaces/xen/index.ts';
export const { RING_BYTES } = PAGE;
const { REPLIES } = PAGE;
/** Bits of FEATURES: a guest may ask for a fresh connection; ERROR says why one ended. */
const FEATURE_RECONNECTION = 1,
  FEATURE_ERROR = 2;
/** The steady state of CONNECTION. */
export const CONNECTED = 0;
const ERROR_NONE = 0,
  ERROR_RING_INDEX = 2,
  ERROR_PROTOCOL = 3;
/** Requests are taken while fewer messages than this wait for room (quota "outstanding" of xenstored). */
const MOST_WAITING = 20;
/** Bytes of events that wait for a guest that does not take them; more are lost (quota "memory" of xenstored). */
const MOST_EVENT_BYTES = 2 << 20;

export interface Page {
  bytes: Uint8Array;
  words: Int32Array;
}

export interface SavedRing {
  /** Of a request that has not come whole. */
  request: Uint8Array;
  /** Answers and events that found no room. */
  waiting: { bytes: Uint8Array; event?: string }[];
  broken: boolean;
}

export class StoreRing {
  private readonly page: Page;
  private readonly onRequest: (message: Message) => void;
  /** The guest asked to begin again: its watches and transactions go. */
  private readonly onReset: () => void;
  private readonly request = new Uint8Array(HEADER_BYTES + MAX_PAYLOAD_BYTES);
  private requestBytes = 0;
  private waiting: { bytes: Uint8Array; event?: string }[] = [];
  /** Bytes of waiting[0] that are in the ring. */
  private sent = 0;
  /** Events that wait: the same one again says nothing new. */
  private readonly events = new Set<string>();
  private eventBytes = 0;
  private broken = false;

  constructor(page: Page, onRequest: (message: Message) => void, onReset: () => void) {
    this.page = page;
    this.onRequest = onRequest;
    this.onReset = onReset;
    Atomics.store(page.words, PAGE.FEATURES, FEATURE_RECONNECTION | FEATURE_ERROR);
    Atomics.store(page.words, PAGE.ERROR, ERROR_NONE);
    Atomics.store(page.words, PAGE.CONNECTION, CONNECTED);
  }

  /** Queues an answer; `poll` puts it into the ring. */
  send(message: Message): void {
    this.waiting.push({ bytes: encodeMessage(message) });
  }

  /** Queues an event of a watch, unless the same one waits already. One that is too long for a message, or that the guest lets wait with too many others, is lost. */
  sendEvent(message: Message): void {
    const size = HEADER_BYTES + message.payload.length;
    if (message.payload.length > MAX_PAYLOAD_BYTES || this.eventBytes + size > MOST_EVENT_BYTES) return;
    const bytes = encodeMessage(message);
    const event = String.fromCharCode(...bytes);
    if (this.events.has(event)) return;
    this.events.add(event);
    this.eventBytes += size;
    this.waiting.push({ bytes, event });
  }

  /** From now on no event represents one that comes later: a watch was set or removed. */
  separateEvents(): void {
    this.events.clear();
  }

  /** Moves what can be moved, both ways. True: an index changed, so the guest is to be notified. */
  poll(): boolean {
    const { words } = this.page;
    let moved = false;
    if (Atomics.load(words, PAGE.CONNECTION) !== CONNECTED) {
      this.reset();
      moved = true;
    }
    for (;;) {
      if (this.broken) return moved;
      if (this.push()) moved = true;
      if (this.waiting.length >= MOST_WAITING || !this.pull()) return moved;
      moved = true;
    }
  }

  /** What of messages is neither in the page nor with the store, for a saved state. */
  save(): SavedRing {
    return {
      request: this.request.slice(0, this.requestBytes),
      waiting: this.waiting.map(({ bytes, event }, i) => ({
        bytes: i === 0 ? bytes.slice(this.sent) : bytes,
        ...(event === undefined ? {} : { event }),
      })),
      broken: this.broken,
    };
  }

  restore({ request, waiting, broken }: SavedRing): void {
    this.request.set(request);
    this.requestBytes = request.length;
    this.waiting = waiting.map(message => ({ ...message }));
    this.eventBytes = waiting.reduce((sum, { bytes, event }) => sum + (event === undefined ? 0 : bytes.length), 0);
    this.broken = broken;
  }

  private reset(): void {
    const { words } = this.page;
    this.onReset();
    this.waiting = [];
    this.events.clear();
    this.sent = this.requestBytes = this.eventBytes = 0;
    this.broken = false;
    for (const index of [PAGE.REQ_CONS, PAGE.REQ_PROD, PAGE.RSP_CONS, PAGE.RSP_PROD]) Atomics.store(words, index, 0);
    Atomics.store(words, PAGE.ERROR, ERROR_NONE);
    Atomics.store(words, PAGE.CONNECTION, CONNECTED);
  }

  private end(error: number): void {
    this.broken = true;
    this.waiting = [];
    this.eventBytes = 0;
    this.events.clear();
    this.onReset();
    Atomics.store(this.page.words, PAGE.ERROR, error);
  }

  /** Takes bytes of one request, and hands it on when it is complete. False: nothing there. */
  private pull(): boolean {
    const { words, bytes } = this.page;
    const consumed = Atomics.load(words, PAGE.REQ_CONS);
    const available = (Atomics.load(words, PAGE.REQ_PROD) - consumed) >>> 0;
    if (available > RING_BYTES) return (this.end(ERROR_RING_INDEX), false);
    if (available === 0) return false;
    const wanted = this.requestBytes < HEADER_BYTES ? HEADER_BYTES : HEADER_BYTES + this.payloadBytes;
    const count = Math.min(available, wanted - this.requestBytes);
    for (let i = 0; i < count; i++) this.request[this.requestBytes + i] = bytes[(consumed + i) & (RING_BYTES - 1)];
    this.requestBytes += count;
    Atomics.store(words, PAGE.REQ_CONS, (consumed + count) | 0);
    if (this.requestBytes >= HEADER_BYTES) {
      if (this.payloadBytes > MAX_PAYLOAD_BYTES) return (this.end(ERROR_PROTOCOL), false);
      if (this.requestBytes === HEADER_BYTES + this.payloadBytes) this.deliver();
    }
    return true;
  }

  private get payloadBytes(): number {
    return new DataView(this.request.buffer).getUint32(12, true);
  }

  private deliver(): void {
    const view = new DataView(this.request.buffer);
    const payload = this.request.slice(HEADER_BYTES, this.requestBytes);
    this.requestBytes = 0;
    this.onRequest({
      type: view.getUint32(0, true),
      requestId: view.getUint32(4, true),
      transaction: view.getUint32(8, true),
      payload,
    });
  }

  /** Puts waiting bytes into the ring; true: some. */
  private push(): boolean {
    const { words, bytes } = this.page;
    if (this.waiting.length === 0) return false;
    let produced = Atomics.load(words, PAGE.RSP_PROD);
    const used = (produced - Atomics.load(words, PAGE.RSP_CONS)) >>> 0;
    if (used > RING_BYTES) return (this.end(ERROR_RING_INDEX), false);
    let room = RING_BYTES - used;
    if (room === 0) return false;
    while (room > 0 && this.waiting.length > 0) {
      const { bytes: message, event } = this.waiting[0];
      if (this.sent === 0 && event !== undefined) this.events.delete(event);
      const count = Math.min(room, message.length - this.sent);
      for (let i = 0; i < count; i++) bytes[REPLIES + ((produced + i) & (RING_BYTES - 1))] = message[this.sent + i];
      this.sent += count;
      produced = (produced + count) | 0;
      room -= count;
      if (this.sent === message.length) {
        if (event !== undefined) this.eventBytes -= message.length;
        this.waiting.shift();
        this.sent = 0;
      }
    }
    Atomics.store(words, PAGE.RSP_PROD, produced);
    return true;
  }
}
