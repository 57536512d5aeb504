/**
 * Emulated drives whose media another worker has open: a queue of requests in the domain's records (layout.ts, DRIVE_QUEUE), with a doorbell each way. The drive
 * does not wait: it is busy as a drive of a PC is while its disk turns, its processor goes on, and the answer is taken between two instructions.
 *
 * Data lie in the slot of their request while that is under way. So guest memory is touched by the domain's own worker alone, and a request that outlives what
 * asked for it (a reset drive, a page that the guest gave away, a worker that died) harms nobody.
 */
import type { Disk } from '../../devices/ide/index.ts';
import { DRIVE_PLACES, DRIVE_QUEUE, DRIVE_QUEUE_SLOT_BYTES, DRIVE_QUEUE_SLOTS, DRIVE_REQUEST } from '../layout/layout.ts';
import { DOMAIN_0, type DomainRecord, type Machine } from '../memory/machine.ts';
import { carriedRequest, IO_OP, type IoTrace } from '../tracing/io-trace.ts';
import { ringDoorbell } from '../worker/mailbox.ts';
import type { DiskChange } from './overlay-disk.ts';

/** STATE of a slot. */
const FREE = 0,
  ASKED = 1,
  ANSWERED = 2;
/** Requests that wait for a slot: drives that are reset again and again ask for new ones while the old ones are under way. */
const MOST_WAITING = 32;

type Done = (ok: boolean) => void;
type Operation = (typeof IO_OP)[keyof typeof IO_OP];

/** A medium that is open at the other end of the queue, as its drive knows it. */
export interface QueuedMedium {
  sectorBytes: number;
  sectors: number;
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
  operation: Operation;
  sector: number;
  /** Bytes of a transfer, sectors of a discard. */
  length: number;
  pieces: readonly Uint8Array[];
  number: number;
  done: Done;
}

/** The drives' end, in the domain's worker. */
export class DriveQueue extends Queue {
  private readonly asked: (Waiting | undefined)[] = new Array(DRIVE_QUEUE_SLOTS).fill(undefined);
  private readonly waiting: Waiting[] = [];
  private answers = 0;
  private order = 0;

  /** The medium of the drive at a place (IdeAttachment). */
  disk(place: number, medium: QueuedMedium): Disk {
    return new QueuedDisk(this, place, medium);
  }

  /** Asks, as soon as there is a slot; `pieces` are filled, or read, when the call or a later `poll` comes to it. */
  ask(request: Waiting): void {
    const { waiting } = this;
    if (request.length > DRIVE_QUEUE_SLOT_BYTES && request.operation !== IO_OP.DISCARD) throw new RangeError(`${request.length} bytes are no request of a drive.`);
    if (waiting.length === MOST_WAITING) return request.done(false);
    waiting.push(request);
    this.pump();
  }

  private pump(): void {
    const { waiting, asked } = this;
    let rings = false;
    for (let slot = asked.indexOf(undefined); slot >= 0 && waiting.length > 0; slot = asked.indexOf(undefined)) {
      this.put(slot, waiting.shift() as Waiting);
      rings = true;
    }
    if (rings) ringDoorbell(this.machine, this.machine.domain(DOMAIN_0));
  }

  private put(slot: number, request: Waiting): void {
    const { place, operation, sector, length, pieces, number } = request;
    const set = (field: number, value: number): void => this.store(this.slotWord(slot, field), value);
    this.asked[slot] = request;
    if (operation === IO_OP.WRITE) {
      const data = this.data(slot, length);
      let at = 0;
      for (const piece of pieces) {
        data.set(piece, at);
        at += piece.length;
      }
    }
    set(DRIVE_REQUEST.ORDER, ++this.order | 0);
    set(DRIVE_REQUEST.PLACE, place);
    set(DRIVE_REQUEST.OPERATION, operation);
    set(DRIVE_REQUEST.SECTOR, sector | 0);
    set(DRIVE_REQUEST.SECTOR + 1, Math.floor(sector / 2 ** 32));
    set(DRIVE_REQUEST.LENGTH, length | 0);
    set(DRIVE_REQUEST.NUMBER, number);
    set(DRIVE_REQUEST.STATE, ASKED);
    this.count(DRIVE_QUEUE.ASKED);
  }

  /** Takes answers. Call between instructions, after each ring of the domain's doorbell. */
  poll(): void {
    const answers = this.load(DRIVE_QUEUE.ANSWERED);
    if (answers === this.answers) return;
    this.answers = answers;
    for (let slot = 0; slot < DRIVE_QUEUE_SLOTS; slot++) {
      const request = this.asked[slot];
      if (!request || this.state(slot) !== ANSWERED) continue;
      const good = this.load(this.slotWord(slot, DRIVE_REQUEST.GOOD)) === 1;
      if (good && request.operation === IO_OP.READ) {
        const data = this.data(slot, request.length);
        let at = 0;
        for (const piece of request.pieces) {
          piece.set(data.subarray(at, at + piece.length));
          at += piece.length;
        }
      }
      this.store(this.slotWord(slot, DRIVE_REQUEST.STATE), FREE);
      this.asked[slot] = undefined;
      request.done(good);
    }
    this.pump();
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
class QueuedDisk implements Disk {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly label: string;
  private readonly queue: DriveQueue;
  private readonly drive: number;

  constructor(queue: DriveQueue, place: number, { sectorBytes, sectors, readOnly, label }: QueuedMedium) {
    this.queue = queue;
    this.drive = place;
    this.sectorBytes = sectorBytes;
    this.sectors = sectors;
    this.readOnly = readOnly;
    this.label = label;
  }

  read(sector: number, into: Uint8Array[], done: Done): void {
    this.ask(IO_OP.READ, sector, bytesOf(into), into, done);
  }

  write(sector: number, from: Uint8Array[], done: Done): void {
    this.ask(IO_OP.WRITE, sector, bytesOf(from), from, done);
  }

  flush(done: Done): void {
    this.ask(IO_OP.FLUSH, 0, 0, [], done);
  }

  discard(sector: number, sectors: number, done: Done): void {
    this.ask(IO_OP.DISCARD, sector, sectors, [], done);
  }

  private ask(operation: Operation, sector: number, length: number, pieces: readonly Uint8Array[], done: Done): void {
    this.queue.ask({ place: this.drive, operation, sector, length, pieces, number: carriedRequest(), done });
  }

  // Saved states: the other end saves what the guest has changed.

  fingerprint(): number {
    return this.queue.fingerprint(this.drive);
  }

  *changes(): Generator<DiskChange> {}

  change(): void {}
}

const bytesOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

/** The other end, where the media are open. */
export class DriveServer extends Queue {
  private readonly disks: (Disk | undefined)[] = new Array(DRIVE_PLACES).fill(undefined);
  private readonly io: IoTrace | undefined;
  /** Requests that were taken, as ASKED counts, and those of them that are not answered. */
  private taken = 0;
  private underWay = 0;
  /** By slot: its request was taken. */
  private readonly isTaken: boolean[] = new Array(DRIVE_QUEUE_SLOTS).fill(false);
  private polling = false;
  private closed = false;

  /** `io` follows requests here; absent: nobody does. */
  constructor(machine: Machine, record: DomainRecord, io?: IoTrace) {
    super(machine, record);
    this.io = io;
  }

  /** The drive at a place has this medium from now on, or none. `fingerprint`: what a saved state tells the medium by. */
  attach(place: number, disk: Disk | undefined, fingerprint = 0): void {
    this.disks[place] = disk;
    this.store(DRIVE_QUEUE.FINGERPRINTS + place, fingerprint | 0);
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
    const slots = this.isTaken.flatMap((taken, slot) => (!taken && this.state(slot) === ASKED ? [slot] : []));
    const before = this.load(DRIVE_QUEUE.ANSWERED);
    this.polling = true;
    for (const slot of slots.sort((a, b) => (order(a) - order(b)) | 0)) this.carryOut(slot);
    this.polling = false;
    if (this.load(DRIVE_QUEUE.ANSWERED) !== before) ringDoorbell(this.machine, this.record);
  }

  private carryOut(slot: number): void {
    const word = (field: number): number => this.load(this.slotWord(slot, field));
    const number = word(DRIVE_REQUEST.NUMBER);
    let answered = false;
    this.isTaken[slot] = true;
    this.underWay++;
    const done: Done = good => {
      if (answered) return;
      answered = true;
      this.answer(slot, good);
    };
    const request = {
      disk: this.disks[word(DRIVE_REQUEST.PLACE)],
      operation: word(DRIVE_REQUEST.OPERATION),
      sector: (word(DRIVE_REQUEST.SECTOR) >>> 0) + (word(DRIVE_REQUEST.SECTOR + 1) >>> 0) * 2 ** 32,
      length: word(DRIVE_REQUEST.LENGTH) >>> 0,
    };
    const work = (): void => this.start(slot, request, done);
    if (this.io) this.io.within(number, work);
    else work();
  }

  private start(slot: number, { disk, operation, sector, length }: { disk: Disk | undefined; operation: number; sector: number; length: number }, done: Done): void {
    if (!disk) return done(false);
    if (operation === IO_OP.FLUSH) return disk.flush(done);
    const sectors = operation === IO_OP.DISCARD ? length : length / disk.sectorBytes;
    const fits = Number.isInteger(sectors) && sectors > 0 && sector + sectors <= disk.sectors;
    if (!fits || (operation !== IO_OP.DISCARD && length > DRIVE_QUEUE_SLOT_BYTES)) return done(false);
    if (operation === IO_OP.READ) disk.read(sector, [this.data(slot, length)], done);
    else if (operation === IO_OP.WRITE) disk.write(sector, [this.data(slot, length)], done);
    else if (operation === IO_OP.DISCARD && disk.discard) disk.discard(sector, sectors, done);
    else done(false);
  }

  private answer(slot: number, good: boolean): void {
    this.underWay--;
    this.isTaken[slot] = false;
    if (this.closed) return;
    this.store(this.slotWord(slot, DRIVE_REQUEST.GOOD), good ? 1 : 0);
    this.store(this.slotWord(slot, DRIVE_REQUEST.STATE), ANSWERED);
    this.count(DRIVE_QUEUE.ANSWERED);
    if (!this.polling) ringDoorbell(this.machine, this.record);
  }

  /** Nothing is taken any more, and nothing answered. */
  close(): void {
    this.closed = true;
    this.disks.fill(undefined);
  }
}
