/**
 * Requests to block devices that another worker has open: slots in shared memory, which one side fills and the other carries out.
 *
 *   words    ASKED and ANSWERED: how many were, free-running; up to FIRST whatever the owner of the queue keeps there; then the slots
 *   a slot   STATE: whose turn it is; ORDER in which it was asked; DEVICE, by a number that both sides know; OPERATION; AT and LENGTH in bytes, low and high
 *            words; NUMBER of the request that is followed (tracing/io-trace.ts); PIECES of memory that hold the data, where the slot names them (address and
 *            bytes of each). With the answer: OUTCOME and the sentence of an error, RESULT, and the places that the request has passed there (KeptHops)
 *
 * The client rings the server afterwards, by whatever doorbell that listens to, and is rung by it; both counts are notified as well.
 *
 * A request stays in its slot until it is answered. So a server that takes the place of one that ended finds what that left, and carries it out again: all
 * of it can be done twice. Where no server takes its place, the client takes the slots back (`giveUp`).
 */
import { type BlockRequest, DeviceFull, type Done, lengthOf } from '../../formats/blocks/index.ts';
import { carriedRequest, type IoTrace, KeptHops, partOfRequest, passes, within } from '../tracing/io-trace.ts';

/** Words of a queue. */
export const QUEUE = { ASKED: 0, ANSWERED: 1, SLOTS: 16 } as const;
const { ASKED, ANSWERED, SLOTS: FIRST } = QUEUE;
/** Words of a slot. */
export const SLOT = {
  STATE: 0,
  ORDER: 1,
  DEVICE: 2,
  OPERATION: 3,
  AT: 4,
  LENGTH: 6,
  NUMBER: 8,
  OUTCOME: 9,
  RESULT: 10,
  PIECES: 11,
  HOPS: 12,
  SENTENCE: 13,
} as const;
const HEAD = 16;
/** STATE. */
const FREE = 0,
  TO_DO = 1,
  DONE = 2;
/** OUTCOME. */
const GOOD = 0,
  BAD = 1,
  FULL = 2;
/** OPERATION; what owners of queues ask for besides has numbers behind these. */
const OPERATIONS = ['read', 'write', 'flush', 'discard'] as const;
export const OWN_OPERATION = OPERATIONS.length;
/** This often the waiter looks whether anybody is left to answer. */
const LOOK_MS = 1000;

/** How many slots a queue has, and of each: pieces of memory that it names, places that it tells of, bytes of a sentence. */
export interface QueueShape {
  slots: number;
  pieces: number;
  hops: number;
  sentenceBytes: number;
}

const slotWords = ({ pieces, hops, sentenceBytes }: QueueShape): number =>
  HEAD + 2 * pieces + 3 * hops + sentenceBytes / 4;
export const queueBytes = (shape: QueueShape): number => 4 * (FIRST + shape.slots * slotWords(shape));

/** What both sides know. */
class Slots {
  protected readonly words: Int32Array;
  protected readonly shape: QueueShape;

  constructor(words: Int32Array, shape: QueueShape) {
    this.words = words;
    this.shape = shape;
  }

  /** Index of a word of a slot. */
  protected at(slot: number, field: number): number {
    return FIRST + slot * slotWords(this.shape) + field;
  }

  protected state(slot: number): number {
    return Atomics.load(this.words, this.at(slot, SLOT.STATE));
  }

  protected setState(slot: number, state: number): void {
    Atomics.store(this.words, this.at(slot, SLOT.STATE), state);
  }

  protected count(word: number): void {
    Atomics.add(this.words, word, 1);
    Atomics.notify(this.words, word);
  }

  protected hops(slot: number): number {
    return this.at(slot, HEAD + 2 * this.shape.pieces);
  }

  protected sentence(slot: number): Uint8Array {
    const { words, shape } = this;
    return new Uint8Array(words.buffer, words.byteOffset + 4 * (this.hops(slot) + 3 * shape.hops), shape.sentenceBytes);
  }
}

/** A request on its way to the other side. */
export interface Asked {
  device: number;
  request: BlockRequest;
  done: Done;
  number: number;
  /** Work that belongs to the request, where it is followed. */
  within(work: () => void): void;
}

/** `device` is to carry out a request that belongs to what is carried out now. */
export function askedNow(device: number, request: BlockRequest, done: Done): Asked {
  const number = carriedRequest();
  return { device, request, done, number, within: number === 0 ? work => work() : partOfThis() };
}

function partOfThis(): (work: () => void) => void {
  let next = (): void => {};
  const carry = partOfRequest(() => next());
  return work => {
    next = work;
    carry();
  };
}

/** The side that asks. */
export class QueueClient extends Slots {
  private readonly asked: (Asked | undefined)[];
  private answers: number;

  constructor(words: Int32Array, shape: QueueShape) {
    super(words, shape);
    this.asked = new Array(shape.slots).fill(undefined);
    this.answers = Atomics.load(words, ANSWERED);
  }

  /** A slot that nobody has; below 0: there is none. */
  get free(): number {
    return this.asked.indexOf(undefined);
  }

  /** Requests are under way. */
  get isBusy(): boolean {
    return this.asked.some(request => request !== undefined);
  }

  /** Something was answered that `poll` has not seen. */
  get pending(): boolean {
    return Atomics.load(this.words, ANSWERED) !== this.answers;
  }

  /** Puts a request into a free slot; `pieces`: of memory that both sides reach, where the slot names it. Ring the other side then. */
  put(slot: number, asked: Asked, pieces: readonly Uint8Array[] = [], operation?: number): void {
    const { words } = this;
    const { request } = asked;
    const set = (field: number, value: number): void => {
      words[this.at(slot, field)] = value | 0;
    };
    const setDouble = (field: number, value: number): void => {
      set(field, value);
      set(field + 1, Math.floor(value / 2 ** 32));
    };
    this.asked[slot] = asked;
    set(SLOT.ORDER, Atomics.load(words, ASKED));
    set(SLOT.DEVICE, asked.device);
    set(SLOT.OPERATION, operation ?? OPERATIONS.indexOf(request.op));
    setDouble(SLOT.AT, 'at' in request ? request.at : 0);
    setDouble(SLOT.LENGTH, lengthOf(request));
    set(SLOT.NUMBER, asked.number);
    set(SLOT.HOPS, 0);
    set(SLOT.PIECES, pieces.length);
    pieces.forEach(({ byteOffset, length }, i) => {
      set(HEAD + 2 * i, byteOffset);
      set(HEAD + 2 * i + 1, length);
    });
    this.setState(slot, TO_DO);
    this.count(ASKED);
  }

  /** Tells of what was answered. `taken` is called before, while the slot's data are there. */
  poll(taken: (slot: number, asked: Asked) => void = () => {}): void {
    this.answers = Atomics.load(this.words, ANSWERED);
    for (let slot = 0; slot < this.asked.length; slot++) {
      const asked = this.asked[slot];
      if (!asked || this.state(slot) !== DONE) continue;
      const error = this.error(slot);
      if (!error) taken(slot, asked);
      const hops = this.hopsOf(slot);
      this.setState(slot, FREE);
      this.asked[slot] = undefined;
      asked.within(() => {
        for (let i = 0; i < hops.length; i += 3) passes(hops[i], hops[i + 1], hops[i + 2]);
        asked.done(error);
      });
    }
  }

  private error(slot: number): Error | undefined {
    const { words } = this;
    const outcome = words[this.at(slot, SLOT.OUTCOME)];
    if (outcome === GOOD) return undefined;
    const said = this.sentence(slot).slice(0, words[this.at(slot, SLOT.SENTENCE)]);
    const sentence = new TextDecoder().decode(said) || 'The device cannot do that.';
    return outcome === FULL ? new DeviceFull(sentence) : new Error(sentence);
  }

  private hopsOf(slot: number): ArrayLike<number> {
    const count = Math.min(this.words[this.at(slot, SLOT.HOPS)], this.shape.hops);
    if (count <= 0) return [];
    const start = this.hops(slot);
    return this.words.slice(start, start + 3 * count);
  }

  /** Of a request that was done: what the server said besides. */
  result(slot: number): number {
    return this.words[this.at(slot, SLOT.RESULT)];
  }

  /** Waits until something is answered. False: nobody will, as `hasEnded` says, which is asked every second; `mostMs`: nor is it waited longer. */
  wait(hasEnded: () => boolean, mostMs: number): boolean {
    for (let waited = 0; !this.pending; ) {
      if (Atomics.wait(this.words, ANSWERED, this.answers, LOOK_MS) === 'timed-out') waited += LOOK_MS;
      if (!this.pending && (waited >= mostMs || hasEnded())) return false;
    }
    return true;
  }

  /** The other side has ended, and nobody takes its place: all that it was asked ends with this error. */
  giveUp(error: Error): void {
    for (const [slot, asked] of this.asked.entries()) {
      this.setState(slot, FREE);
      this.asked[slot] = undefined;
      asked?.within(() => asked.done(error));
    }
  }
}

/** Wakes all clients that wait for answers on a queue's words, to see that none will come. */
export const wakeClient = (words: Int32Array): void => void Atomics.notify(words, ANSWERED);

/** A request as the server reads it; it may be anything that is in the slot. */
export interface Taken {
  slot: number;
  device: number;
  /** Undefined: `operation` is no number of a block request. */
  op: BlockRequest['op'] | undefined;
  operation: number;
  at: number;
  length: number;
}

/** The side that has the devices. */
export abstract class QueueServer extends Slots {
  private readonly io: IoTrace | undefined;
  /** Requests that were seen, as ASKED counts, and those of them that are not answered. */
  private seen = 0;
  private underWay = 0;
  private readonly isTaken: boolean[];
  private isPolling = false;
  private isClosed = false;

  /** `io` follows requests here; absent: the client gets, with the answer, the places that they have passed. */
  constructor(words: Int32Array, shape: QueueShape, io?: IoTrace) {
    super(words, shape);
    this.io = io;
    this.isTaken = new Array(shape.slots).fill(false);
  }

  /** Has a device carry a request out. @throws Error that is its answer */
  protected abstract start(taken: Taken, done: Done): void;
  /** Something was answered: rings the other side. */
  protected abstract ring(): void;

  /** Whether the device is here; where not, another server has it. */
  protected isOurs(_device: number): boolean {
    return true;
  }

  /** Something was asked that `poll` has not seen. */
  get pending(): boolean {
    return !this.isClosed && Atomics.load(this.words, ASKED) !== this.seen;
  }

  /** Requests are under way: their data may still be moved. */
  get isBusy(): boolean {
    return this.underWay > 0;
  }

  /** Nothing that was asked, of whichever server, waits for its answer. */
  get isAnswered(): boolean {
    for (let slot = 0; slot < this.shape.slots; slot++) if (this.state(slot) === TO_DO) return false;
    return true;
  }

  /** Sleeps until something is asked. False: nothing was, for this long. */
  wait(ms: number): boolean {
    return Atomics.wait(this.words, ASKED, this.seen, ms) !== 'timed-out';
  }

  /** Has all that was asked carried out, in its order. What is answered at once rings the client once. */
  poll(): void {
    const { words, isTaken } = this;
    this.seen = Atomics.load(words, ASKED);
    const word = (slot: number, field: number): number => words[this.at(slot, field)];
    const slots: number[] = [];
    for (let slot = 0; slot < this.shape.slots; slot++)
      if (!isTaken[slot] && this.state(slot) === TO_DO && this.isOurs(word(slot, SLOT.DEVICE))) slots.push(slot);
    const before = Atomics.load(words, ANSWERED);
    this.isPolling = true;
    for (const slot of slots.sort((a, b) => (word(a, SLOT.ORDER) - word(b, SLOT.ORDER)) | 0)) this.carryOut(slot);
    this.isPolling = false;
    if (Atomics.load(words, ANSWERED) !== before) this.ring();
  }

  private carryOut(slot: number): void {
    const word = (field: number): number => this.words[this.at(slot, field)];
    const double = (field: number): number => (word(field) >>> 0) + (word(field + 1) >>> 0) * 2 ** 32;
    const number = word(SLOT.NUMBER),
      operation = word(SLOT.OPERATION);
    const taken: Taken = {
      slot,
      device: word(SLOT.DEVICE),
      op: OPERATIONS[operation],
      operation,
      at: double(SLOT.AT),
      length: double(SLOT.LENGTH),
    };
    this.isTaken[slot] = true;
    this.underWay++;
    const passed = number === 0 || this.io ? undefined : new KeptHops();
    let answered = false;
    const done: Done = error => {
      if (answered) return;
      answered = true;
      this.answer(slot, error, passed);
    };
    const work = (): void => {
      try {
        this.start(taken, done);
      } catch (error) {
        done(error as Error);
      }
    };
    if (this.io) this.io.within(number, work);
    else if (passed) within(passed, number, work);
    else work();
  }

  private answer(slot: number, error: Error | undefined, passed: KeptHops | undefined): void {
    const { words, shape } = this;
    this.underWay--;
    this.isTaken[slot] = false;
    if (this.isClosed) return;
    if (passed) {
      const hops = passed.words.slice(0, 3 * shape.hops);
      words.set(hops, this.hops(slot));
      words[this.at(slot, SLOT.HOPS)] = hops.length / 3;
    }
    if (error) {
      const sentence = new TextEncoder().encode(error.message).subarray(0, shape.sentenceBytes);
      this.sentence(slot).set(sentence);
      words[this.at(slot, SLOT.SENTENCE)] = sentence.length;
    }
    words[this.at(slot, SLOT.OUTCOME)] = error instanceof DeviceFull ? FULL : error ? BAD : GOOD;
    this.setState(slot, DONE);
    this.count(ANSWERED);
    if (!this.isPolling) this.ring();
  }

  protected setResult(slot: number, result: number): void {
    this.words[this.at(slot, SLOT.RESULT)] = result;
  }

  /** The data where the slot names them, in `memory`. */
  protected pieces(slot: number, memory: ArrayBufferLike): Uint8Array[] {
    const word = (field: number): number => this.words[this.at(slot, field)] >>> 0;
    return Array.from(
      { length: Math.min(word(SLOT.PIECES), this.shape.pieces) },
      (_, i) => new Uint8Array(memory, word(HEAD + 2 * i), word(HEAD + 2 * i + 1)),
    );
  }

  /** Nothing is taken any more, and nothing answered. */
  close(): void {
    this.isClosed = true;
  }
}
