/**
 * Emulated drives whose media another worker has open: a queue of requests in the domain's records (layout.ts, DRIVE_QUEUE), with a doorbell each way. The drive
 * does not wait: it is busy as a drive of a PC is while its disk turns, its processor goes on, and the answer is taken between two instructions.
 *
 * The other end is the storage worker for what lies on the host's disk, as far as there is one, and Domain 0 for the rest: each place has one of them.
 *
 * Data lie in the slot of their request while that is under way. So guest memory is touched by the domain's own worker alone, and a request that outlives what
 * asked for it (a reset drive, a page that the guest gave away, a worker that died) harms nobody.
 */
import { BlockDevice, type BlockRequest, type Done, lengthOf } from '../../formats/blocks/index.ts';
import {
  DRIVE_PLACES,
  DRIVE_QUEUE,
  DRIVE_QUEUE_SLOT_BYTES,
  DRIVE_QUEUE_SLOTS,
  DRIVE_REQUEST,
  DRIVE_REQUEST_HOPS,
  MAILBOX,
} from '../layout/layout.ts';
import { DOMAIN_0, type DomainRecord, type Machine } from '../memory/machine.ts';
import { carriedRequest, type IoTrace, KeptHops, partOfRequest, passes, within } from '../tracing/io-trace.ts';
import { ringDoorbell, ringStorage } from '../worker/doorbell.ts';
import { Patience } from '../worker/patience.ts';
import type { DiskChange } from './overlay-disk.ts';

/** STATE of a slot. */
const FREE = 0,
  ASKED = 1,
  ANSWERED = 2;
/** A guest that looks at a busy drive is kept so long: first by looks at the answer, some 10 µs, then asleep. */
const LOOKS = 2000,
  SETTLE_MS = 1;
/** Requests that wait for a slot: drives that are reset again and again ask for new ones while the old ones are under way. */
const MOST_WAITING = 32;

/** In the order of IO_OP. */
const OPERATIONS = ['read', 'write', 'flush', 'discard'] as const;

const refused = (): Error => new Error('The drive cannot have that.');

/** A medium that is open at the other end of the queue, as its drive knows it. */
export interface QueuedMedium {
  sectorBytes: number;
  bytes: number;
  readOnly: boolean;
  /** What people call it. */
  label: string;
}

/** What both ends know. */
class Queue {
  protected readonly machine: Machine;
  protected readonly record: DomainRecord;
  protected readonly words: Int32Array;
  private readonly base: number;

  /** The record of a domain that was made with a queue. */
  constructor(machine: Machine, record: DomainRecord) {
    if (record.drivesOffset === 0) throw new Error('The domain has no queue for its drives.');
    this.machine = machine;
    this.record = record;
    this.words = machine.words;
    this.base = record.drivesOffset >>> 2;
  }

  protected load(word: number): number {
    return Atomics.load(this.words, this.base + word);
  }

  protected store(word: number, value: number): void {
    Atomics.store(this.words, this.base + word, value);
  }

  protected count(word: number): void {
    Atomics.add(this.words, this.base + word, 1);
  }

  protected slotWord(slot: number, field: number): number {
    return DRIVE_QUEUE.SLOTS + slot * DRIVE_QUEUE.SLOT_WORDS + field;
  }

  /** The storage worker serves a place, and not Domain 0. */
  protected isAtStorage(place: number): boolean {
    return ((this.load(DRIVE_QUEUE.AT_STORAGE) >>> place) & 1) === 1;
  }

  protected mark(word: number, place: number, isSo: boolean): void {
    if (isSo) Atomics.or(this.words, this.base + word, 1 << place);
    else Atomics.and(this.words, this.base + word, ~(1 << place));
  }

  protected state(slot: number): number {
    return this.load(this.slotWord(slot, DRIVE_REQUEST.STATE));
  }

  protected data(slot: number, bytes: number): Uint8Array {
    const at = this.record.drivesOffset + DRIVE_QUEUE.DATA + slot * DRIVE_QUEUE_SLOT_BYTES;
    return this.machine.bytes.subarray(at, at + bytes);
  }
}

interface Waiting {
  place: number;
  request: BlockRequest;
  number: number;
  done: Done;
  /** Work that belongs to the request, where it is followed. */
  within(work: () => void): void;
}

/** The drives' end, in the domain's worker. */
export class DriveQueue extends Queue {
  private readonly asked: (Waiting | undefined)[] = new Array(DRIVE_QUEUE_SLOTS).fill(undefined);
  private readonly waiting: Waiting[] = [];
  private answers = 0;
  private order = 0;
  private readonly patience = new Patience();

  /** The medium of the drive at a place (IdeAttachment). */
  disk(place: number, medium: QueuedMedium): BlockDevice {
    return new QueuedDisk(this, place, medium);
  }

  /** Asks, as soon as there is a slot; `pieces` are filled, or read, when the call or a later `poll` comes to it. */
  ask(asked: Waiting): void {
    const { waiting } = this;
    const length = lengthOf(asked.request);
    if (length > DRIVE_QUEUE_SLOT_BYTES && asked.request.op !== 'discard')
      throw new RangeError(`${length} bytes are no request of a drive.`);
    if (waiting.length === MOST_WAITING) return asked.done(refused());
    waiting.push(asked);
    this.pump();
  }

  private pump(): void {
    const { waiting, asked } = this;
    let ringsDomain0 = false,
      ringsStorage = false;
    for (let slot = asked.indexOf(undefined); slot >= 0 && waiting.length > 0; slot = asked.indexOf(undefined)) {
      const request = waiting.shift() as Waiting;
      this.put(slot, request);
      if (this.isAtStorage(request.place)) ringsStorage = true;
      else ringsDomain0 = true;
    }
    if (ringsStorage) {
      this.count(DRIVE_QUEUE.RINGS);
      ringStorage(this.machine);
    }
    if (ringsDomain0) {
      this.count(DRIVE_QUEUE.RINGS);
      ringDoorbell(this.machine, this.machine.domain(DOMAIN_0));
    }
  }

  private put(slot: number, asked: Waiting): void {
    const { place, request, number } = asked;
    const set = (field: number, value: number): void => this.store(this.slotWord(slot, field), value);
    this.asked[slot] = asked;
    const length = lengthOf(request),
      at = 'at' in request ? request.at : 0;
    if (request.op === 'write') {
      const data = this.data(slot, length);
      let to = 0;
      for (const piece of request.pieces) {
        data.set(piece, to);
        to += piece.length;
      }
    }
    set(DRIVE_REQUEST.ORDER, ++this.order | 0);
    set(DRIVE_REQUEST.PLACE, place);
    set(DRIVE_REQUEST.OPERATION, OPERATIONS.indexOf(request.op));
    set(DRIVE_REQUEST.AT, at | 0);
    set(DRIVE_REQUEST.AT + 1, Math.floor(at / 2 ** 32));
    set(DRIVE_REQUEST.LENGTH, length | 0);
    set(DRIVE_REQUEST.LENGTH + 1, Math.floor(length / 2 ** 32));
    set(DRIVE_REQUEST.NUMBER, number);
    set(DRIVE_REQUEST.HOPS, 0);
    set(DRIVE_REQUEST.STATE, ASKED);
    this.count(DRIVE_QUEUE.ASKED);
  }

  /** Takes answers. Call between instructions, after each ring of the domain's doorbell. */
  poll(): void {
    const answers = this.load(DRIVE_QUEUE.ANSWERED);
    if (answers === this.answers) return;
    this.answers = answers;
    for (let slot = 0; slot < DRIVE_QUEUE_SLOTS; slot++) {
      const asked = this.asked[slot];
      if (!asked || this.state(slot) !== ANSWERED) continue;
      const { request } = asked;
      const good = this.load(this.slotWord(slot, DRIVE_REQUEST.GOOD)) === 1;
      if (good && request.op === 'read') {
        const data = this.data(slot, lengthOf(request));
        let at = 0;
        for (const piece of request.pieces) {
          piece.set(data.subarray(at, at + piece.length));
          at += piece.length;
        }
      }
      if (asked.number !== 0) asked.within(() => this.passed(slot));
      this.store(this.slotWord(slot, DRIVE_REQUEST.STATE), FREE);
      this.asked[slot] = undefined;
      asked.done(good ? undefined : new Error('The medium did not do it.'));
    }
    this.pump();
  }

  /**
   * A guest looks whether its drive is ready, and would look again at once: its worker waits for the answer instead. Each look is an exit, and takes a processor from
   * whoever has to answer. Where that takes long it is tried less and less often.
   */
  settle(): void {
    if (this.isBusy) this.patience.pays(() => this.waitForAnswer());
  }

  private waitForAnswer(): boolean {
    const { machine, record } = this;
    const doorbell = (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL;
    const seen = Atomics.load(machine.words, doorbell);
    for (let i = 0; i < LOOKS; i++) if (this.isAnswered) break;
    if (!this.isAnswered) Atomics.wait(machine.words, doorbell, seen, SETTLE_MS);
    if (!this.isAnswered) return false;
    this.poll();
    return true;
  }

  private get isAnswered(): boolean {
    return this.load(DRIVE_QUEUE.ANSWERED) !== this.answers;
  }

  /** What a request has passed in the storage worker, which writes no trace of its own. */
  private passed(slot: number): void {
    const count = Math.min(this.load(this.slotWord(slot, DRIVE_REQUEST.HOPS)), DRIVE_REQUEST_HOPS);
    for (let i = 0; i < count; i++) {
      const [hop, a, b] = [0, 1, 2].map(word => this.load(this.slotWord(slot, DRIVE_REQUEST.FIRST_HOP + 3 * i + word)));
      passes(hop, a, b);
    }
  }

  /** Drives wait for answers. */
  get isBusy(): boolean {
    return this.asked.some(request => request !== undefined);
  }

  /** See `DriveServer.attach`. */
  fingerprint(place: number): number {
    return this.load(DRIVE_QUEUE.FINGERPRINTS + place) >>> 0;
  }
}

/** A medium at the other end. What the guest changes of it is kept, and saved, there. */
class QueuedDisk extends BlockDevice {
  readonly bytes: number;
  readonly label: string;
  private readonly queue: DriveQueue;
  private readonly drive: number;

  constructor(queue: DriveQueue, place: number, { bytes, label, ...traits }: QueuedMedium) {
    super(traits);
    this.queue = queue;
    this.drive = place;
    this.bytes = bytes;
    this.label = label;
  }

  request(request: BlockRequest, done: Done): void {
    const number = carriedRequest();
    this.queue.ask({
      place: this.drive,
      request,
      number,
      done,
      within: number === 0 ? work => work() : partOfThis(),
    });
  }

  override settle(): void {
    this.queue.settle();
  }

  // Saved states: the other end saves what the guest has changed.

  fingerprint(): number {
    return this.queue.fingerprint(this.drive);
  }

  *changes(): Generator<DiskChange> {}

  change(): void {}
}

/** For work that comes later, and belongs to what is carried out now. */
function partOfThis(): (work: () => void) => void {
  let next = (): void => {};
  const carry = partOfRequest(() => next());
  return work => {
    next = work;
    carry();
  };
}

/** The other end, where the media are open: in Domain 0, or in the storage worker. */
export class DriveServer extends Queue {
  private readonly disks: (BlockDevice | undefined)[] = new Array(DRIVE_PLACES).fill(undefined);
  private readonly io: IoTrace | undefined;
  private readonly isStorage: boolean;
  /** Requests that were taken, as ASKED counts, and those of them that are not answered. */
  private taken = 0;
  private underWay = 0;
  private answers = 0;
  /** By slot: its request was taken. */
  private readonly isTaken: boolean[] = new Array(DRIVE_QUEUE_SLOTS).fill(false);
  private polling = false;
  private closed = false;

  /** `io` follows requests in Domain 0 (absent: nobody does); 'storage': this is the storage worker's end, and the drive is told what they pass. */
  constructor(machine: Machine, record: DomainRecord, io?: IoTrace | 'storage') {
    super(machine, record);
    this.isStorage = io === 'storage';
    this.io = io === 'storage' ? undefined : io;
  }

  /**
   * Domain 0 says what medium the drive at a place has from now on: one that is open here, none, or one that the storage worker has (`serve` there comes
   * before). `fingerprint`: what a saved state tells the medium by.
   */
  attach(place: number, disk: BlockDevice | 'storage' | undefined, fingerprint = 0): void {
    this.disks[place] = disk === 'storage' ? undefined : disk;
    this.setFingerprint(place, fingerprint);
    this.mark(DRIVE_QUEUE.AT_STORAGE, place, disk === 'storage');
  }

  setFingerprint(place: number, fingerprint: number): void {
    this.store(DRIVE_QUEUE.FINGERPRINTS + place, fingerprint | 0);
  }

  /** In the storage worker: the medium of a place. */
  serve(place: number, disk: BlockDevice | undefined): void {
    this.disks[place] = disk;
  }

  /** PV drivers have used the medium of a place: its emulated drive does not write to it any more (Domain 0's own media see to that themselves). */
  setClaimed(place: number, isClaimed: boolean): void {
    this.mark(DRIVE_QUEUE.CLAIMED, place, isClaimed);
  }

  /** Drives have asked for something that `poll` has not seen. */
  get pending(): boolean {
    return !this.closed && this.load(DRIVE_QUEUE.ASKED) !== this.taken;
  }

  /** Requests are under way: data of them may still be moved from and to the domain's records. */
  get isBusy(): boolean {
    return this.underWay > 0;
  }

  /** Has the media carry out what was asked, in its order. What they answer at once is told with one ring of the domain's doorbell. */
  poll(): void {
    this.taken = this.load(DRIVE_QUEUE.ASKED);
    const order = (slot: number): number => this.load(this.slotWord(slot, DRIVE_REQUEST.ORDER));
    const isOurs = (slot: number): boolean =>
      this.isAtStorage(this.load(this.slotWord(slot, DRIVE_REQUEST.PLACE))) === this.isStorage;
    const slots = this.isTaken.flatMap((taken, slot) =>
      !taken && this.state(slot) === ASKED && isOurs(slot) ? [slot] : [],
    );
    const before = this.answers;
    this.polling = true;
    for (const slot of slots.sort((a, b) => (order(a) - order(b)) | 0)) this.carryOut(slot);
    this.polling = false;
    if (this.answers !== before) this.ring();
  }

  private ring(): void {
    this.count(DRIVE_QUEUE.RINGS);
    ringDoorbell(this.machine, this.record);
  }

  private carryOut(slot: number): void {
    const word = (field: number): number => this.load(this.slotWord(slot, field));
    const number = word(DRIVE_REQUEST.NUMBER);
    let answered = false;
    this.isTaken[slot] = true;
    this.underWay++;
    const passed = new KeptHops();
    const done: Done = error => {
      if (answered) return;
      answered = true;
      if (this.isStorage && number !== 0 && !this.closed) this.tell(slot, passed);
      this.answer(slot, !error);
    };
    const double = (field: number): number => (word(field) >>> 0) + (word(field + 1) >>> 0) * 2 ** 32;
    const request = {
      place: word(DRIVE_REQUEST.PLACE),
      op: OPERATIONS[word(DRIVE_REQUEST.OPERATION)],
      at: double(DRIVE_REQUEST.AT),
      length: double(DRIVE_REQUEST.LENGTH),
    };
    const work = (): void => this.start(slot, request, done);
    if (this.io) this.io.within(number, work);
    else if (this.isStorage) within(passed, number, work);
    else work();
  }

  /** What a request has passed, for the drive's own trace. */
  private tell(slot: number, { words }: KeptHops): void {
    const known = words.slice(0, 3 * DRIVE_REQUEST_HOPS);
    known.forEach((word, i) => this.store(this.slotWord(slot, DRIVE_REQUEST.FIRST_HOP + i), word));
    this.store(this.slotWord(slot, DRIVE_REQUEST.HOPS), known.length / 3);
  }

  private start(
    slot: number,
    { place, op, at, length }: { place: number; op: BlockRequest['op'] | undefined; at: number; length: number },
    done: Done,
  ): void {
    const disk = this.disks[place];
    const isClaimed = ((this.load(DRIVE_QUEUE.CLAIMED) >>> place) & 1) === 1;
    if (!disk || !op || (isClaimed && (op === 'write' || op === 'discard'))) return done(refused());
    if (op === 'flush') return disk.request({ op }, done);
    const unit = disk.sectorBytes;
    if (at % unit !== 0 || length % unit !== 0 || length === 0 || at + length > disk.bytes) return done(refused());
    if (op === 'discard') return disk.discards ? disk.request({ op, at, bytes: length }, done) : done(refused());
    if (length > DRIVE_QUEUE_SLOT_BYTES) return done(refused());
    disk.request({ op, at, pieces: [this.data(slot, length)] }, done);
  }

  private answer(slot: number, good: boolean): void {
    this.underWay--;
    this.isTaken[slot] = false;
    if (this.closed) return;
    this.store(this.slotWord(slot, DRIVE_REQUEST.GOOD), good ? 1 : 0);
    this.store(this.slotWord(slot, DRIVE_REQUEST.STATE), ANSWERED);
    this.count(DRIVE_QUEUE.ANSWERED);
    this.answers++;
    if (!this.polling) this.ring();
  }

  /** Nothing is taken any more, and nothing answered. */
  close(): void {
    this.closed = true;
    this.disks.fill(undefined);
  }
}
