/**
 * *Idea.* The block back end serves a guest's paravirtual disk from a `BlockDevice`. A request on the ring names segments of pages that the guest has
 * granted; the back end maps them and lets the medium read or write them directly, so data is not copied. Many requests are in flight, and each is
 * answered when the medium has finished it, in any order. Source: xen/include/public/io/blkif.h; error codes as in Linux's xen-blkback.
 *
 * The guest is not trusted. What a correct front end can ask for and not get (a sector past the end, a write to a read-only disk, an operation that
 * is not offered) is an error in the response. What only a broken or hostile one asks for (too many segments, impossible parts of pages, pages that
 * it has not granted) closes the device.
 */
import type { BlockDevice, Done } from '../../../formats/blocks/index.ts';
import { FrameAway } from '../../../hypervisor/memory/index.ts';
import { IO_HOP, IO_OP } from '../../../hypervisor/tracing/index.ts';
import type { BackRing, RingLook, SavedRing } from '../ring.ts';
import { type Connection, DeviceError, type Driver, type Follower, type Nodes } from '../xenbus.ts';
import { Grants, type SavedGrant, type UsedPage } from './grants.ts';
import {
  type Layout,
  LAYOUTS,
  MOST_INDIRECT_SEGMENTS,
  MOST_SEGMENTS,
  NATIVE_PROTOCOL,
  OP,
  readRequest,
  readSegment,
  type Request,
  RSP,
  SECTOR_BYTES,
  SECTOR_SHIFT,
  type Segment,
  writeResponse,
} from './protocol.ts';

/** Bits of the node `info` (VDISK_*). */
const INFO = { CDROM: 1, REMOVABLE: 2, READ_ONLY: 4 } as const;
/** Pages of a ring are a power of two: at most 16. */
const MOST_RING_ORDER = 4;
/** Requests served before others have a turn, in rings full. */
const RINGS_AT_ONCE = 2;
const PAGE_SECTORS = 8;

export interface VbdOptions {
  disk: BlockDevice;
  kind: 'disk' | 'cdrom';
  readOnly: boolean;
  /** Absent: nobody follows its requests. */
  follows?: Follower | undefined;
}

/** IO_OP of a request's operation. */
const OPS: Readonly<Record<number, number>> = {
  [OP.READ]: IO_OP.READ,
  [OP.FLUSH_DISKCACHE]: IO_OP.FLUSH,
  [OP.DISCARD]: IO_OP.DISCARD,
};

/** What xentop shows of a disk: requests, and sectors of 512 bytes. `full`: how often the ring had no room for another request (VBD_OO). */
export interface VbdCounts {
  reads: number;
  writes: number;
  flushes: number;
  discards: number;
  readSectors: number;
  writtenSectors: number;
  full: number;
  /** Events sent to the front end, and heard of it. */
  sent: number;
  heard: number;
}

/** Of this many of the last events it is known how far the front end had pushed. */
const MOST_PUSHES = 256;

/** What another back end needs to go on: the ring's indices, and slots that were taken and not answered. */
export interface SavedVbd {
  ring: SavedRing;
  requests: Int32Array[];
  /** Pages that stay mapped; older saved states have none. */
  kept?: SavedGrant[];
}

/** @throws Error where it is not what `Vbd.save` gave */
function checkedSaved(saved: unknown, slotWords: number): SavedVbd {
  const { ring, requests, kept = [] } = (saved ?? {}) as Partial<SavedVbd>;
  const good =
    Number.isInteger(ring?.reqCons) &&
    Number.isInteger(ring?.rspProd) &&
    Array.isArray(requests) &&
    requests.every(words => words instanceof Int32Array && words.length === slotWords) &&
    Array.isArray(kept) &&
    kept.every(each => Number.isInteger(each?.ref) && typeof each.isRecent === 'boolean');
  if (!good || requests?.length !== (((ring?.reqCons ?? 0) - (ring?.rspProd ?? 0)) | 0))
    throw new DeviceError('the saved state does not say where its ring was');
  return saved as SavedVbd;
}

export class Vbd implements Driver {
  readonly counts: VbdCounts = {
    reads: 0,
    writes: 0,
    flushes: 0,
    discards: 0,
    readSectors: 0,
    writtenSectors: 0,
    full: 0,
    sent: 0,
    heard: 0,
  };
  /** req_prod when each of the last events was heard, oldest first. */
  readonly pushes: number[] = [];
  private readonly options: VbdOptions;
  private session: Session | undefined;

  constructor(options: VbdOptions) {
    this.options = { ...options };
  }

  features(): Nodes {
    const { disk } = this.options;
    return {
      'feature-barrier': 1,
      'feature-flush-cache': 1,
      'feature-persistent': 1,
      'feature-max-indirect-segments': MOST_INDIRECT_SEGMENTS,
      'max-ring-page-order': MOST_RING_ORDER,
      ...(disk.discards
        ? { 'feature-discard': 1, 'discard-granularity': SECTOR_BYTES, 'discard-alignment': 0, 'discard-secure': 0 }
        : {}),
    };
  }

  /** What the front end reads when the back end is Connected, and again when the disk has another size. */
  get geometry(): Nodes {
    const { disk, kind } = this.options;
    const info = (kind === 'cdrom' ? INFO.CDROM | INFO.REMOVABLE : 0) | (isReadOnly(this.options) ? INFO.READ_ONLY : 0);
    return { sectors: sectorsOf(disk), info, 'sector-size': SECTOR_BYTES, 'physical-sector-size': disk.sectorBytes };
  }

  /** Another disc lies in the drive: requests that come from now on are about that. */
  change(disk: BlockDevice): void {
    this.options.disk = disk;
  }

  connect(connection: Connection, saved?: unknown): Nodes {
    this.session = new Session(connection, this.options, this.counts, this.pushes, saved);
    this.session.begin();
    return this.geometry;
  }

  disconnect(): void {
    this.session?.close();
    this.session = undefined;
  }

  save(): SavedVbd | undefined {
    return this.session?.save();
  }

  get isBusy(): boolean {
    return this.session?.isBusy ?? false;
  }

  /** Its ring and how its slots are laid out, for people; undefined: it is not connected. */
  look(): { ring: RingLook; layout: Layout } | undefined {
    return this.session?.look();
  }
}

const sectorsOf = ({ bytes }: BlockDevice): number => Math.floor(bytes / SECTOR_BYTES);

/** Media with longer sectors are CDs. */
const isReadOnly = ({ disk, readOnly }: VbdOptions): boolean =>
  readOnly || disk.readOnly || disk.sectorBytes !== SECTOR_BYTES;

/** Grant references of the ring's pages. @throws DeviceError */
function ringRefs(connection: Connection): number[] {
  const order = connection.number('ring-page-order', 0);
  if (order > MOST_RING_ORDER)
    throw new DeviceError(`its ring has 2^${order} pages, and at most 2^${MOST_RING_ORDER} are offered`);
  if (connection.text('ring-ref0') === undefined) return [connection.number('ring-ref')];
  return Array.from({ length: 2 ** order }, (_, i) => connection.number(`ring-ref${i}`));
}

/** A request with the pages that it uses. */
interface Job {
  words: Int32Array;
  request: Request;
  /** Its number where it is followed, else 0. */
  number: number;
  pages: UsedPage[];
  pieces: Uint8Array[];
  /** The medium works on its pages. */
  atMedium: boolean;
}

/** One connection: from Connected until either side closes. */
class Session {
  private readonly connection: Connection;
  private readonly options: VbdOptions;
  private readonly counts: VbdCounts;
  private readonly layout: Layout;
  private readonly ring: BackRing;
  private readonly grants: Grants;
  /** Of the front end. */
  private readonly port: number;
  private readonly tell: () => void;
  private readonly response: Int32Array;
  /** Taken and not answered. */
  private readonly jobs = new Set<Job>();
  /** A barrier: it waits for what was before it, and what comes after waits for it. */
  private barrier: Job | undefined;
  private serving = false;
  /** Slots that an earlier back end had taken. */
  private readonly taken: Int32Array[];
  /** Pages that it kept mapped: a guest sees of each of its grants that it is. */
  private readonly kept: readonly SavedGrant[];
  /** What the medium has answered since Domain 0's last turn. */
  private answers: (() => void)[] = [];

  /** Maps nothing but the ring. @throws DeviceError, RingError, HostError */
  constructor(connection: Connection, options: VbdOptions, counts: VbdCounts, pushes: number[], saved: unknown) {
    this.connection = connection;
    this.options = options;
    this.counts = counts;
    const protocol = connection.text('protocol') ?? NATIVE_PROTOCOL;
    if (!Object.hasOwn(LAYOUTS, protocol))
      throw new DeviceError(`its protocol is none of ${Object.keys(LAYOUTS).join(' and ')}`);
    this.layout = LAYOUTS[protocol];
    this.response = new Int32Array(this.layout.responseWords);
    const before = saved === undefined ? undefined : checkedSaved(saved, this.layout.slotBytes / 4);
    this.ring = connection.ring(ringRefs(connection), this.layout.slotBytes, before?.ring);
    this.grants = new Grants(
      (ref, readOnly) => connection.map(ref, readOnly),
      connection.text('feature-persistent') === '1',
    );
    this.port = connection.number('event-channel');
    this.tell = connection.bind(this.port, () => {
      counts.heard++;
      pushes.push(this.ring.reqProd);
      if (pushes.length > MOST_PUSHES) pushes.shift();
      this.serve();
    });
    this.taken = before?.requests ?? [];
    this.kept = before?.kept ?? [];
  }

  begin(): void {
    this.grants.keep(this.kept);
    this.batch(() => this.taken.forEach(words => this.start(words)));
  }

  look(): { ring: RingLook; layout: Layout } {
    return { ring: this.ring.look(), layout: this.layout };
  }

  get isBusy(): boolean {
    return this.jobs.size > 0;
  }

  save(): SavedVbd {
    const requests = [...this.jobs].map(({ words }) => words.slice());
    return { ring: this.ring.save(), requests, kept: this.grants.save() };
  }

  close(): void {
    for (const job of this.jobs) if (!job.atMedium) this.release(job);
    this.grants.close();
  }

  /** What asked for answers in `work` gets them together. */
  private batch(work: () => void): void {
    this.serving = true;
    try {
      work();
    } finally {
      this.serving = false;
      this.push();
    }
  }

  /** What the medium answers in one turn the front end hears of together. */
  private answerSoon(answer: () => void): void {
    if (this.answers.push(answer) > 1) return;
    this.connection.soon(() => {
      const held = this.barrier !== undefined;
      const answers = this.answers.splice(0);
      this.batch(() => answers.forEach(each => each()));
      // Requests that waited behind a barrier go on.
      if (held && !this.barrier) this.connection.guard(() => this.serve());
    });
  }

  private push(): void {
    if (!this.connection.open || !this.ring.push()) return;
    this.counts.sent++;
    this.tell();
  }

  private serve(): void {
    const { ring, layout } = this;
    const most = ring.slots * RINGS_AT_ONCE;
    let served = 0;
    do {
      this.batch(() => {
        if (ring.check() === ring.slots - ring.unanswered) this.counts.full++;
        while (!this.barrier && served < most) {
          const words = new Int32Array(layout.slotBytes / 4);
          if (!ring.take(words)) break;
          served++;
          this.start(words);
        }
      });
      // The request that ends the barrier serves the rest.
      if (this.barrier) return;
      if (served >= most) return this.connection.again(() => this.serve());
    } while (ring.finalCheck());
  }

  private start(words: Int32Array): void {
    const request = readRequest(words, this.layout);
    const job: Job = { words, request, number: this.follow(request), pages: [], pieces: [], atMedium: false };
    this.jobs.add(job);
    switch (request.op) {
      case OP.READ:
      case OP.WRITE:
        return this.move(job, status => this.finish(job, status));
      case OP.FLUSH_DISKCACHE:
        if (request.list) break;
        // What was answered before is durable; sectors that come with it are written afterwards.
        return this.flush(job, status =>
          status === RSP.OKAY && request.count > 0
            ? this.move(job, moved => this.finish(job, moved))
            : this.finish(job, status),
        );
      case OP.WRITE_BARRIER:
        if (request.list) break;
        this.barrier = job;
        return this.passBarrier();
      case OP.DISCARD:
        if (request.list || !this.options.disk.discards) break;
        return this.discard(job);
      default:
    }
    this.finish(job, RSP.NOT_SUPPORTED);
  }

  /** Where somebody watches: the request's number, with the places that it has passed. */
  private follow(request: Request): number {
    const { follows } = this.options;
    if (!follows?.io.follows(follows.guest)) return 0;
    const { io, guest, devid } = follows;
    const number = io.begin();
    io.told(number, guest, this.port);
    io.hop(number, IO_HOP.FRONT_END, guest.id, request.id[0], this.ring.lastSlot);
    io.hop(number, IO_HOP.DISK_BACK_END, guest.id, devid, OPS[request.op] ?? IO_OP.WRITE);
    return number;
  }

  /** Reads or writes what the segments say. */
  private move(job: Job, done: (status: number) => void): void {
    const { disk } = this.options;
    const { request, pieces } = job;
    const isWrite = request.op !== OP.READ;
    const sectors = this.here(job, () => this.move(job, done));
    if (sectors === undefined) return;
    if (sectors === 0 || request.sector + sectors > sectorsOf(disk) || (isWrite && isReadOnly(this.options)))
      return done(RSP.ERROR);
    const at = request.sector * SECTOR_BYTES;
    const { counts } = this;
    if (job.number !== 0) {
      const io = this.options.follows?.io,
        { domid } = this.connection;
      io?.hop(job.number, IO_HOP.SECTORS, domid, request.sector, sectors);
      io?.data(job.number, domid, pieces);
    }
    if (isWrite) {
      counts.writes++;
      counts.writtenSectors += sectors;
      return this.ask(job, answer => disk.request({ op: 'write', at, pieces }, answer), done);
    }
    counts.reads++;
    counts.readSectors += sectors;
    this.ask(
      job,
      answer => disk.request({ op: 'read', at, pieces }, answer),
      status => {
        for (const { page } of job.pages) page.written();
        done(status);
      },
    );
  }

  /** The same as `gather`; undefined: a page of the guest's is on another host yet, and `again` is called once it has come. @throws DeviceError, HostError */
  private here(job: Job, again: () => void): number | undefined {
    try {
      return this.gather(job);
    } catch (error) {
      if (!(error instanceof FrameAway)) throw error;
      this.release(job);
      job.pieces.length = 0;
      error.whenCome(() => this.connection.again(() => this.batch(again)));
      return undefined;
    }
  }

  /** Maps the pages of a request; sectors in all. @throws DeviceError, HostError */
  private gather(job: Job): number {
    const { request, pages, pieces } = job;
    const segments = request.list ? this.readList(request.list, job) : request.segments;
    if (!request.list && request.count > MOST_SEGMENTS)
      throw new DeviceError(`it asks for ${request.count} segments in a request, and there are ${MOST_SEGMENTS}`);
    let sectors = 0;
    // Pages that lie side by side are one piece to the medium.
    let memory: ArrayBufferLike | undefined,
      start = 0,
      end = 0;
    const put = (): void => {
      if (memory) pieces.push(new Uint8Array(memory, start, end - start));
    };
    for (const { ref, first, last } of segments) {
      if (first > last || last >= PAGE_SECTORS)
        throw new DeviceError(`a segment has the sectors ${first} to ${last} of a page, which has ${PAGE_SECTORS}`);
      const used = this.grants.use(ref, request.op !== OP.READ);
      pages.push(used);
      const { buffer, byteOffset } = used.page.bytes;
      const from = byteOffset + (first << SECTOR_SHIFT);
      if (buffer !== memory || from !== end) {
        put();
        memory = buffer;
        start = from;
      }
      end = byteOffset + ((last + 1) << SECTOR_SHIFT);
      sectors += last - first + 1;
    }
    put();
    return sectors;
  }

  /** The segments of an indirect request, copied out of the guest's pages. */
  private readList({ refs, count }: NonNullable<Request['list']>, job: Job): Segment[] {
    if (count === 0 || count > MOST_INDIRECT_SEGMENTS)
      throw new DeviceError(`it asks for ${count} indirect segments, and ${MOST_INDIRECT_SEGMENTS} are offered`);
    const used = this.grants.use(refs[0], true);
    job.pages.push(used);
    const words = used.page.words.slice(0, 2 * count);
    const segments: Segment[] = [];
    for (let i = 0; i < count; i++) segments.push(readSegment(words, 2 * i));
    return segments;
  }

  private flush(job: Job, done: (status: number) => void): void {
    this.counts.flushes++;
    this.ask(job, answer => this.options.disk.request({ op: 'flush' }, answer), done);
  }

  private discard(job: Job): void {
    const { disk } = this.options;
    const { sector, discard } = job.request;
    if (isReadOnly(this.options) || sector + discard > sectorsOf(disk)) return this.finish(job, RSP.ERROR);
    this.counts.discards++;
    this.ask(
      job,
      answer => disk.request({ op: 'discard', at: sector * SECTOR_BYTES, bytes: discard * SECTOR_BYTES }, answer),
      status => this.finish(job, status),
    );
  }

  /** Once all before it is answered: flushes, writes, flushes, and lets the rest come. */
  private passBarrier(): void {
    const job = this.barrier;
    if (!job || this.jobs.size > 1) return;
    const end = (status: number): void => {
      this.barrier = undefined;
      this.finish(job, status);
      if (!this.serving) this.serve();
    };
    this.flush(job, flushed => {
      if (flushed !== RSP.OKAY || job.request.count === 0) return end(flushed);
      this.move(job, moved => (moved === RSP.OKAY ? this.flush(job, end) : end(moved)));
    });
  }

  /**
   * Asks the medium, which answers at once or later, when Domain 0 may not have its turn. The pages of the request are kept until then though nobody may wait
   * for the answer any more: somebody else could have them otherwise.
   */
  private ask(job: Job, start: (done: Done) => void, done: (status: number) => void): void {
    let returned = false;
    job.atMedium = true;
    const answered: Done = error => {
      const status = error ? RSP.ERROR : RSP.OKAY;
      const answer = (): void => {
        job.atMedium = false;
        if (this.connection.open) this.connection.guard(() => done(status));
        else this.release(job);
      };
      if (returned) this.answerSoon(answer);
      else {
        job.atMedium = false;
        done(status);
      }
    };
    const { follows } = this.options;
    if (job.number === 0 || !follows) start(answered);
    else follows.io.within(job.number, () => start(answered));
    returned = true;
  }

  private release({ pages }: Job): void {
    for (const used of pages) this.grants.release(used);
    pages.length = 0;
  }

  private finish(job: Job, status: number): void {
    this.release(job);
    this.jobs.delete(job);
    if (job.number !== 0) this.options.follows?.io.hop(job.number, IO_HOP.DONE, this.connection.domid, status, 0);
    writeResponse(this.response, job.request, status);
    this.ring.respond(this.response);
    if (this.barrier && this.barrier !== job) this.passBarrier();
    if (!this.serving) this.push();
  }
}
