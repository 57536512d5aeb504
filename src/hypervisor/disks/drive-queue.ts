/**
 * Emulated drives whose media another worker has open: a queue of requests in the domain's records (layout.ts, DRIVE_QUEUE), with a doorbell each way. The drive
 * does not wait: it is busy as a drive of a PC is while its disk turns, its processor goes on, and the answer is taken between two instructions.
 *
 * The other end is the storage worker for what lies on the host's disk, as far as there is one, and Domain 0 for the rest: each place has one of them.
 *
 * Data lie in the slot of their request while that is under way. So guest memory is touched by the domain's own worker alone, and a request that outlives what
 * asked for it (a reset drive, a page that the guest gave away, a worker that died) harms nobody.
 */
import { BlockDevice, type BlockRequest, type Done, gather, lengthOf, scatter } from '../../formats/blocks/index.ts';
import { DRIVE_PLACES, DRIVE_QUEUE, DRIVE_QUEUE_SLOT_BYTES, DRIVE_QUEUE_SLOTS, MAILBOX } from '../layout/layout.ts';
import { DOMAIN_0, type DomainRecord, type Machine } from '../memory/machine.ts';
import type { IoTrace } from '../tracing/io-trace.ts';
import { ringDoorbell, ringStorage } from '../worker/doorbell.ts';
import { Patience } from '../worker/patience.ts';
import { type Asked, askedNow, QueueClient, QueueServer, type QueueShape, type Taken } from './block-queue.ts';
import type { DiskChange } from './overlay-disk.ts';

const SHAPE: QueueShape = { slots: DRIVE_QUEUE_SLOTS, pieces: 0, hops: 16, sentenceBytes: 256 };
/** A guest that looks at a busy drive is kept this long: first by looks at the answer, some 10 µs, then asleep. */
const LOOKS = 2000,
  SETTLE_MS = 1;
/** Requests that wait for a slot: drives that are reset again and again ask for new ones while the old ones are under way. */
const MOST_WAITING = 32;

const refused = (): Error => new Error('The drive cannot have that.');

/** A medium that is open at the other end of the queue, as its drive knows it. */
export interface QueuedMedium {
  sectorBytes: number;
  bytes: number;
  readOnly: boolean;
  /** What people call it. */
  label: string;
}

/** The words of a domain that was made with a queue. */
function wordsOf({ words }: Machine, { drivesOffset }: DomainRecord): Int32Array {
  if (drivesOffset === 0) throw new Error('The domain has no queue for its drives.');
  return words.subarray(drivesOffset >>> 2, (drivesOffset + DRIVE_QUEUE.DATA) >>> 2);
}

function dataOf({ bytes }: Machine, { drivesOffset }: DomainRecord, slot: number, length: number): Uint8Array {
  const at = drivesOffset + DRIVE_QUEUE.DATA + slot * DRIVE_QUEUE_SLOT_BYTES;
  return bytes.subarray(at, at + length);
}

const has = (words: Int32Array, word: number, place: number): boolean =>
  ((Atomics.load(words, word) >>> place) & 1) === 1;

/** The drives' end, in the domain's worker. */
export class DriveQueue {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private readonly words: Int32Array;
  private readonly queue: QueueClient;
  private readonly waiting: Asked[] = [];
  private readonly patience = new Patience();

  constructor(machine: Machine, record: DomainRecord) {
    this.machine = machine;
    this.record = record;
    this.words = wordsOf(machine, record);
    this.queue = new QueueClient(this.words, SHAPE);
  }

  /** The medium of the drive at a place (IdeAttachment). */
  disk(place: number, medium: QueuedMedium): BlockDevice {
    return new QueuedDisk(this, place, medium);
  }

  /** Asks, as soon as there is a slot; `pieces` are filled, or read, when the call or a later `poll` comes to it. */
  ask(asked: Asked): void {
    const { waiting } = this;
    const length = lengthOf(asked.request);
    if (length > DRIVE_QUEUE_SLOT_BYTES && asked.request.op !== 'discard')
      throw new RangeError(`${length} bytes are no request of a drive.`);
    if (waiting.length === MOST_WAITING) return asked.done(refused());
    waiting.push(asked);
    this.pump();
  }

  /** The drive at a place is gone, and another may come there: nothing that waits for a slot is for that one's medium. */
  abandon(place: number): void {
    const { waiting } = this;
    const others = waiting.filter(({ device }) => device !== place),
      gone = waiting.filter(({ device }) => device === place);
    waiting.splice(0, Infinity, ...others);
    for (const { done } of gone) done(refused());
  }

  private data(slot: number, request: BlockRequest): Uint8Array {
    return dataOf(this.machine, this.record, slot, lengthOf(request));
  }

  private pump(): void {
    const { waiting, queue, words, machine } = this;
    let ringsDomain0 = false,
      ringsStorage = false;
    for (let slot = queue.free; slot >= 0 && waiting.length > 0; slot = queue.free) {
      const asked = waiting.shift() as Asked;
      const { request, device } = asked;
      if (request.op === 'write') gather(request.pieces, this.data(slot, request));
      queue.put(slot, asked);
      if (has(words, DRIVE_QUEUE.AT_STORAGE, device)) ringsStorage = true;
      else ringsDomain0 = true;
    }
    if (ringsStorage) {
      Atomics.add(words, DRIVE_QUEUE.RINGS, 1);
      ringStorage(machine);
    }
    if (ringsDomain0) {
      Atomics.add(words, DRIVE_QUEUE.RINGS, 1);
      ringDoorbell(machine, machine.domain(DOMAIN_0));
    }
  }

  /** Takes answers. Call between instructions, after each ring of the domain's doorbell. */
  poll(): void {
    if (!this.queue.pending) return;
    this.queue.poll((slot, { request }) => {
      if (request.op === 'read') scatter(this.data(slot, request), request.pieces);
    });
    this.pump();
  }

  /**
   * A guest looks whether its drive is ready, and would look again at once: its worker waits for the answer instead. Each look is an exit, and takes a processor from
   * the server that has to answer. Where that takes long it is tried less and less often.
   */
  settle(): void {
    if (this.isBusy) this.patience.pays(() => this.waitForAnswer());
  }

  private waitForAnswer(): boolean {
    const { machine, record, queue } = this;
    const doorbell = (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL;
    const seen = Atomics.load(machine.words, doorbell);
    for (let i = 0; i < LOOKS; i++) if (queue.pending) break;
    if (!queue.pending) Atomics.wait(machine.words, doorbell, seen, SETTLE_MS);
    if (!queue.pending) return false;
    this.poll();
    return true;
  }

  /** Drives wait for answers. */
  get isBusy(): boolean {
    return this.queue.isBusy;
  }

  /** See `DriveServer.attach`. */
  fingerprint(place: number): number {
    return Atomics.load(this.words, DRIVE_QUEUE.FINGERPRINTS + place) >>> 0;
  }
}

/** A medium at the other end. What the guest changes of it is kept, and saved, there. */
class QueuedDisk extends BlockDevice {
  bytes: number;
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
    this.queue.ask(askedNow(this.drive, request, done));
  }

  /** The other end has made it so. */
  override resize(bytes: number): void {
    this.bytes = bytes;
  }

  override settle(): void {
    this.queue.settle();
  }

  override abandon(): void {
    this.queue.abandon(this.drive);
  }

  // Saved states: the other end saves what the guest has changed.

  fingerprint(): number {
    return this.queue.fingerprint(this.drive);
  }

  *changes(): Generator<DiskChange> {}

  change(): void {}
}

/** The other end, where the media are open: in Domain 0, or in the storage worker. */
export class DriveServer extends QueueServer {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private readonly disks: (BlockDevice | undefined)[] = new Array(DRIVE_PLACES).fill(undefined);
  private readonly isStorage: boolean;

  /** `io` follows requests in Domain 0; 'storage': this is the storage worker's end. */
  constructor(machine: Machine, record: DomainRecord, io?: IoTrace | 'storage') {
    super(wordsOf(machine, record), SHAPE, io === 'storage' ? undefined : io);
    this.machine = machine;
    this.record = record;
    this.isStorage = io === 'storage';
  }

  private mark(word: number, place: number, isSo: boolean): void {
    if (isSo) Atomics.or(this.words, word, 1 << place);
    else Atomics.and(this.words, word, ~(1 << place));
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
    Atomics.store(this.words, DRIVE_QUEUE.FINGERPRINTS + place, fingerprint | 0);
  }

  /** In the storage worker: the medium of a place. */
  serve(place: number, disk: BlockDevice | undefined): void {
    this.disks[place] = disk;
  }

  /** PV drivers have used the medium of a place: its emulated drive does not write to it any more (Domain 0's own media see to that themselves). */
  setClaimed(place: number, isClaimed: boolean): void {
    this.mark(DRIVE_QUEUE.CLAIMED, place, isClaimed);
  }

  protected override isOurs(place: number): boolean {
    return has(this.words, DRIVE_QUEUE.AT_STORAGE, place) === this.isStorage;
  }

  protected start({ slot, device: place, op, at, length }: Taken, done: Done): void {
    const disk = this.disks[place];
    const writes = op === 'write' || op === 'discard';
    if (!disk || !op || (writes && has(this.words, DRIVE_QUEUE.CLAIMED, place))) throw refused();
    if (op === 'flush') return disk.request({ op }, done);
    const unit = disk.sectorBytes;
    if (at % unit !== 0 || length % unit !== 0 || length === 0 || at + length > disk.bytes) throw refused();
    if (op === 'discard' ? !disk.discards : length > DRIVE_QUEUE_SLOT_BYTES) throw refused();
    if (op === 'discard') return disk.request({ op, at, bytes: length }, done);
    disk.request({ op, at, pieces: [dataOf(this.machine, this.record, slot, length)] }, done);
  }

  protected ring(): void {
    Atomics.add(this.words, DRIVE_QUEUE.RINGS, 1);
    ringDoorbell(this.machine, this.record);
  }

  override close(): void {
    super.close();
    this.disks.fill(undefined);
  }
}
