/**
 * A disk of virtio. Source: OASIS Virtual I/O Device (VIRTIO) 1.2, 5.2.
 * A driver that cannot ask for a flush finds each write durable when it is done (5.2.6.2).
 */
import type { IrqLine, State, Timer, Timers } from '../bus.ts';
import type { BlockDevice, BlockRequest, Done } from '../../formats/blocks/index.ts';
import { CHUNK_BYTES, inPieces } from '../ide/drive.ts';
import { StateError } from '../state.ts';
import type { Chain } from './chain.ts';
import { BrokenRing, type VirtQueue } from './queue.ts';
import { VirtioPci } from './transport.ts';

const QUEUE_SIZE = 256;
const SECTOR_BYTES = 512;
/** Features. */
const SEG_MAX = 2,
  RO = 5,
  BLK_SIZE = 6,
  FLUSH = 9,
  DISCARD = 13,
  WRITE_ZEROES = 14;
/** Types of requests. */
const TYPE = { IN: 0, OUT: 1, FLUSH: 4, GET_ID: 8, DISCARD: 11, WRITE_ZEROES: 13 } as const;
const OK = 0,
  IOERR = 1,
  UNSUPP = 2;
const HEADER_BYTES = 16,
  STATUS_BYTES = 1,
  ID_BYTES = 20,
  SEGMENT_BYTES = 16;
/** Of the flags of a segment: what is zeroed may become a hole. */
const UNMAP = 1;
const CONFIG_BYTES = 60;
/** Sectors of a segment that is discarded, and of one that is zeroed. */
const MOST_DISCARDED = 2 ** 22,
  MOST_ZEROED = 2 ** 15;
/** The way to media in other workers has as many slots (drive-queue.ts). */
const MOST_UNDER_WAY = 4;

interface Parts {
  timers: Timers;
  irq: IrqLine;
  disk: BlockDevice;
  /** Unique in its machine. */
  name: string;
  /** At most twenty letters. */
  serial: string;
}

export class VirtioBlk extends VirtioPci {
  readonly disk: BlockDevice;
  private readonly serial: string;
  private readonly timers: Timers;
  private readonly again: Timer;
  /** Heads of the chains whose requests are under way. */
  private readonly underWay = new Set<number>();
  /** Those of a saved state, which are begun again once the machine runs. */
  private left: number[] = [];
  /** Chains wait for the next turn. */
  private hasMore = false;
  /** Buffers of requests that are over, for the next ones. */
  private readonly spare: Uint8Array<ArrayBuffer>[] = [];
  /** Counts resets, so that an answer to a request from before is dropped. */
  private generation = 0;
  private takes = false;

  constructor({ timers, irq, disk, name, serial }: Parts) {
    super(
      {
        name,
        title: 'virtio block device',
        type: 2,
        device: 0x1001,
        class: 0x010000,
        queues: [QUEUE_SIZE],
        features:
          (1 << SEG_MAX) |
          (1 << BLK_SIZE) |
          (1 << FLUSH) |
          (disk.readOnly ? 1 << RO : 1 << WRITE_ZEROES) |
          (disk.discards && !disk.readOnly ? 1 << DISCARD : 0),
        configBytes: CONFIG_BYTES,
      },
      irq,
    );
    this.disk = disk;
    this.serial = serial;
    this.timers = timers;
    this.again = timers.create(`${name} again`, () => this.guard(() => this.goOn()));
  }

  private get sectors(): number {
    return Math.floor(this.disk.bytes / SECTOR_BYTES);
  }

  protected override config(): Uint8Array {
    const view = new DataView(new ArrayBuffer(CONFIG_BYTES));
    view.setBigUint64(0, BigInt(this.sectors), true);
    view.setUint32(12, QUEUE_SIZE - 2, true);
    view.setUint32(20, SECTOR_BYTES, true);
    view.setUint16(34, 1, true);
    // Most sectors and segments of a request, and what a segment of the first kind had better begin on.
    [MOST_DISCARDED, 1, 1, MOST_ZEROED, 1].forEach((value, i) => view.setUint32(36 + 4 * i, value, true));
    return new Uint8Array(view.buffer);
  }

  /** The medium has another length (5.2.4). */
  resized(): void {
    this.configChanged();
  }

  protected notified(queue: VirtQueue): void {
    if (this.takes) return;
    this.takes = true;
    try {
      // What is read may land in the ring itself: a turn takes as many as an honest driver can have put there.
      for (let left = queue.r.size; this.underWay.size < MOST_UNDER_WAY; left--) {
        if (left === 0) {
          this.turnOver();
          break;
        }
        const chain = queue.take();
        if (!chain) {
          queue.rest();
          break;
        }
        this.start(queue, chain);
      }
    } finally {
      this.takes = false;
    }
    this.tell(queue);
  }

  private turnOver(): void {
    this.hasMore = true;
    this.again.set(this.timers.clock.nowNs());
  }

  /** @throws BrokenRing where a request has no room for its header or its status, or is under way */
  private start(queue: VirtQueue, chain: Chain): void {
    const { head, readable, writable } = chain;
    if (readable.bytes < HEADER_BYTES || writable.bytes < STATUS_BYTES)
      throw new BrokenRing(`${this.name}: a request of ${readable.bytes} and ${writable.bytes} bytes`);
    if (this.underWay.has(head)) throw new BrokenRing(`${this.name}: descriptor ${head} is in use`);
    const { generation } = this;
    this.underWay.add(head);
    this.carryOut(chain, (status, written = 0) => {
      if (generation !== this.generation || !this.isLive(queue)) return;
      this.underWay.delete(head);
      writable.write(writable.bytes - STATUS_BYTES, Uint8Array.of(status));
      queue.give(chain, written + STATUS_BYTES);
      this.guard(() => this.notified(queue));
    });
  }

  private carryOut(chain: Chain, end: (status: number, written?: number) => void): void {
    const { readable, writable } = chain;
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    readable.read(0, new Uint8Array(header.buffer));
    const sector = header.getUint32(8, true) + header.getUint32(12, true) * 2 ** 32;
    const room = writable.bytes - STATUS_BYTES;
    const ended: Done = error => end(error ? IOERR : OK);
    switch (header.getUint32(0, true)) {
      case TYPE.IN:
        if (!this.isWithin(sector, room)) return end(IOERR);
        return this.transfer('read', chain, sector, room, error => end(error ? IOERR : OK, error ? 0 : room));
      case TYPE.OUT: {
        const length = readable.bytes - HEADER_BYTES;
        if (this.disk.readOnly || !this.isWithin(sector, length)) return end(IOERR);
        return this.transfer('write', chain, sector, length, this.durably(ended));
      }
      case TYPE.FLUSH:
        return this.disk.request({ op: 'flush', by: chain }, ended);
      case TYPE.GET_ID: {
        const id = new Uint8Array(ID_BYTES);
        for (let i = 0; i < this.serial.length; i++) id[i] = this.serial.charCodeAt(i);
        writable.write(0, id.subarray(0, Math.min(room, ID_BYTES)));
        return end(OK, Math.min(room, ID_BYTES));
      }
      case TYPE.DISCARD:
        return this.has(DISCARD) ? this.discard(chain, end) : end(UNSUPP);
      case TYPE.WRITE_ZEROES:
        return this.has(WRITE_ZEROES) ? this.zero(chain, end) : end(UNSUPP);
      default:
        return end(UNSUPP);
    }
  }

  /** What a driver without flushes writes is durable when its completion is reported. */
  private durably(done: Done): Done {
    if (this.has(FLUSH)) return done;
    return error => (error ? done(error) : this.disk.request({ op: 'flush' }, done));
  }

  private isWithin(sector: number, bytes: number): boolean {
    return bytes % SECTOR_BYTES === 0 && sector + bytes / SECTOR_BYTES <= this.sectors;
  }

  private transfer(op: 'read' | 'write', chain: Chain, sector: number, bytes: number, done: Done) {
    const { generation, disk } = this,
      { readable, writable } = chain;
    inPieces(
      bytes,
      CHUNK_BYTES,
      (at, count, next) => {
        const from = sector * SECTOR_BYTES + at;
        const views = !disk.immediate
          ? null
          : op === 'read'
            ? writable.views(at, count, true)
            : readable.views(HEADER_BYTES + at, count, false);
        if (views)
          return disk.request(
            { op, at: from, pieces: views, by: chain },
            error => generation === this.generation && next(error),
          );
        const buffer = this.spare.pop() ?? new Uint8Array(CHUNK_BYTES),
          piece = buffer.subarray(0, count);
        if (op === 'write') readable.read(HEADER_BYTES + at, piece);
        disk.request({ op, at: from, pieces: [piece], by: chain }, error => {
          // After a reset it goes with its buffer.
          if (generation !== this.generation) return;
          if (op === 'read' && !error) writable.write(at, piece);
          this.spare.push(buffer);
          next(error);
        });
      },
      done,
    );
  }

  /** The one segment of a discard or of zeroes; undefined: it is none, or leaves the disk. */
  private segment({ readable }: Chain, most: number): { sector: number; sectors: number; flags: number } | undefined {
    if (readable.bytes !== HEADER_BYTES + SEGMENT_BYTES) return undefined;
    const view = new DataView(new ArrayBuffer(SEGMENT_BYTES));
    readable.read(HEADER_BYTES, new Uint8Array(view.buffer));
    const sector = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32,
      sectors = view.getUint32(8, true);
    if (sectors > most || sector + sectors > this.sectors) return undefined;
    return { sector, sectors, flags: view.getUint32(12, true) };
  }

  private discard(chain: Chain, end: (status: number) => void): void {
    const segment = this.segment(chain, MOST_DISCARDED);
    if (!segment) return end(IOERR);
    if (segment.flags !== 0) return end(UNSUPP);
    const request: BlockRequest = {
      op: 'discard',
      at: segment.sector * SECTOR_BYTES,
      bytes: segment.sectors * SECTOR_BYTES,
      by: chain,
    };
    if (request.bytes === 0) return end(OK);
    this.disk.request(request, error => end(error ? IOERR : OK));
  }

  private zero(chain: Chain, end: (status: number) => void): void {
    const segment = this.segment(chain, MOST_ZEROED);
    if (!segment) return end(IOERR);
    if (segment.flags & ~UNMAP) return end(UNSUPP);
    const { disk, generation } = this;
    inPieces(
      segment.sectors * SECTOR_BYTES,
      CHUNK_BYTES,
      (at, count, next) =>
        disk.request(
          { op: 'write', at: segment.sector * SECTOR_BYTES + at, pieces: [new Uint8Array(count)], by: chain },
          error => generation === this.generation && next(error),
        ),
      this.durably(error => end(error ? IOERR : OK)),
    );
  }

  protected forget(): void {
    this.generation++;
    this.underWay.clear();
    this.left = [];
    this.hasMore = false;
    this.again.cancel();
  }

  // ---- state: what was under way is begun again, once the machine runs

  protected saveOwn(): State {
    return { underWay: [...this.left, ...this.underWay], hasMore: this.hasMore };
  }

  protected restoreOwn({ underWay, hasMore }: State): void {
    if (!Array.isArray(underWay) || !underWay.every(head => Number.isInteger(head)))
      throw new StateError(this.name, 'underWay', 'are no descriptors');
    this.left = [...underWay];
    if (hasMore === true || underWay.length > 0) this.turnOver();
  }

  private goOn(): void {
    const [queue] = this.queues;
    this.hasMore = false;
    if (!this.isLive(queue)) return;
    for (const head of this.left.splice(0)) this.start(queue, queue.chainAt(head));
    this.notified(queue);
  }
}
