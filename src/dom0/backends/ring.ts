/**
 * The back end's end of a shared ring: requests in, responses out, over one granted page or several in a row.
 * Source: xen/include/public/io/ring.h (struct __name##_sring and the RING_* macros).
 *
 *   byte 0 req_prod, 4 req_event, 8 rsp_prod, 12 rsp_event, 64 the slots; all indices run on modulo 2^32, the slot is the index modulo the slots there are.
 *
 * The page is the guest's word. Each request is copied out once and judged in the copy; an index that cannot be is a RingError, after which nothing of the
 * ring may be believed. (What the front end may not write, rsp_prod and req_event, is only ever written here and never read back.)
 *
 * How a back end uses it, in the handler of its event channel:
 *
 *   do {
 *     while (ring.take(request)) serve(request);       // serve() calls ring.respond(response), at once or later, in any order
 *     if (ring.push()) connection.notify();            // once for all of them
 *   } while (ring.finalCheck());                       // asks for an event with the next request, and sees one that came meanwhile
 *
 * A guest that goes on asking while it is served would never let that loop end, so a back end counts what it takes and, after some rings full, leaves
 * it with `connection.again()`: its handler is called again when others had their turn.
 */
import type { Mapping } from './access.ts';

const PAGE_WORDS = 1024,
  HEADER_WORDS = 16;
const REQ_PROD = 0,
  REQ_EVENT = 1,
  RSP_PROD = 2,
  RSP_EVENT = 3;

/** The front end has broken the ring's rules; the message is a clause about it. */
export class RingError extends Error {}

/** Private indices of a ring. */
export interface SavedRing {
  reqCons: number;
  rspProd: number;
}

/** __RING_SIZE: slots of a ring of this many pages, the largest power of two that fits. */
export function ringSlots(pages: number, slotBytes: number): number {
  return 2 ** Math.floor(Math.log2(Math.floor((pages * PAGE_WORDS - HEADER_WORDS) / (slotBytes / 4))));
}

/** A ring as its back end sees it: all indices of one moment, and a copy of the slots. */
export interface RingLook {
  slots: number;
  /** Words of a slot. */
  slotWords: number;
  reqProd: number;
  reqEvent: number;
  rspProd: number;
  rspEvent: number;
  /** The back end's own: requests taken, responses written. */
  reqCons: number;
  rspProdPvt: number;
  words: Int32Array;
}

export class BackRing {
  readonly slots: number;
  private readonly pages: readonly Pick<Mapping, 'words'>[];
  private readonly indices: Int32Array;
  private readonly slotWords: number;
  /** Private indices: requests taken, responses written, responses shown. */
  private reqCons: number;
  private rspProd: number;
  private pushed: number;

  /**
   * Attaches to a ring that the front end has made (BACK_RING_ATTACH): behind its last response, or where `save` says. `slotBytes`, a multiple of 4: the
   * larger one of request and response. @throws RingError
   */
  constructor(pages: readonly Pick<Mapping, 'words'>[], slotBytes: number, saved?: SavedRing) {
    this.pages = pages;
    this.indices = pages[0].words;
    this.slotWords = slotBytes / 4;
    this.slots = ringSlots(pages.length, slotBytes);
    const shown = Atomics.load(this.indices, RSP_PROD);
    this.reqCons = saved?.reqCons ?? shown;
    this.rspProd = this.pushed = saved?.rspProd ?? shown;
    if (this.unanswered < 0 || this.unanswered > this.slots)
      throw new RingError(`its ring of ${this.slots} slots has ${this.unanswered} requests under way`);
    this.check();
  }

  /** For a back end that goes on with this ring elsewhere. What it has taken and not answered it must know itself. */
  save(): SavedRing {
    this.push();
    return { reqCons: this.reqCons, rspProd: this.rspProd };
  }

  /** For people: nothing changes. */
  look(): RingLook {
    const { slots, slotWords, indices, reqCons, rspProd } = this;
    const words = new Int32Array(slots * slotWords),
      slot = new Int32Array(slotWords);
    for (let i = 0; i < slots; i++) {
      this.copy(i, slot, false);
      words.set(slot, i * slotWords);
    }
    const [reqProd, reqEvent, shownRspProd, rspEvent] = [REQ_PROD, REQ_EVENT, RSP_PROD, RSP_EVENT].map(
      at => Atomics.load(indices, at) >>> 0,
    );
    return {
      slots,
      slotWords,
      reqProd,
      reqEvent,
      rspProd: shownRspProd,
      rspEvent,
      reqCons: reqCons >>> 0,
      rspProdPvt: rspProd >>> 0,
      words,
    };
  }

  /** How far the front end has moved req_prod. */
  get reqProd(): number {
    return Atomics.load(this.indices, REQ_PROD) >>> 0;
  }

  /** Slot of the request that was taken last. */
  get lastSlot(): number {
    return (this.reqCons - 1) & (this.slots - 1);
  }

  /** The last ones that were taken were not, after all: none of them was answered. */
  giveBack(requests: number): void {
    this.reqCons = (this.reqCons - requests) | 0;
  }

  /** Requests that were taken and not answered. */
  get unanswered(): number {
    return (this.reqCons - this.rspProd) | 0;
  }

  /** Requests that wait to be taken. @throws RingError where the front end claims more than there is room for */
  check(): number {
    const waiting = (Atomics.load(this.indices, REQ_PROD) - this.reqCons) >>> 0;
    const room = this.slots - this.unanswered;
    if (waiting > room) throw new RingError(`its ring has room for ${room} more requests, and it claims ${waiting}`);
    return waiting;
  }

  /** Copies the next request into `into` (at most a slot's words); false: there is none. @throws RingError */
  take(into: Int32Array): boolean {
    if (this.check() === 0) return false;
    this.copy(this.reqCons, into, false);
    this.reqCons = (this.reqCons + 1) | 0;
    return true;
  }

  /** Writes a response (at most a slot's words) behind the last one; the front end sees it with `push`. */
  respond(response: Int32Array): void {
    if (this.unanswered === 0) throw new Error('a response to no request');
    this.copy(this.rspProd, response, true);
    this.rspProd = (this.rspProd + 1) | 0;
  }

  /** RING_PUSH_RESPONSES_AND_CHECK_NOTIFY: shows what was written. True: the front end waits for an event. */
  push(): boolean {
    const { indices, rspProd, pushed } = this;
    if (rspProd === pushed) return false;
    Atomics.store(indices, RSP_PROD, rspProd);
    this.pushed = rspProd;
    return (rspProd - Atomics.load(indices, RSP_EVENT)) >>> 0 < (rspProd - pushed) >>> 0;
  }

  /** RING_FINAL_CHECK_FOR_REQUESTS: true: there are requests. False: the next one comes with an event. @throws RingError */
  finalCheck(): boolean {
    if (this.check() > 0) return true;
    Atomics.store(this.indices, REQ_EVENT, (this.reqCons + 1) | 0);
    return this.check() > 0;
  }

  /**
   * Whether this many requests wait, where one thing needs several. False: the next request comes with an event; then this is to be asked again.
   * @throws RingError
   */
  awaits(count: number): boolean {
    let waiting = this.check();
    while (waiting < count) {
      Atomics.store(this.indices, REQ_EVENT, (this.reqCons + waiting + 1) | 0);
      const before = waiting;
      waiting = this.check();
      if (waiting === before) return false;
    }
    return true;
  }

  private copy(index: number, words: Int32Array, into: boolean): void {
    let at = HEADER_WORDS + (index & (this.slots - 1)) * this.slotWords;
    for (let i = 0; i < words.length && i < this.slotWords; i++, at++) {
      const page = this.pages[at >>> 10].words;
      if (into) page[at & (PAGE_WORDS - 1)] = words[i];
      else words[i] = page[at & (PAGE_WORDS - 1)];
    }
  }
}
