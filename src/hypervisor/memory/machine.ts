/**
 * Machine memory: one buffer, its frame table and its domain table. Every worker makes its own `Machine` over the same SharedArrayBuffer;
 * all state is in the buffer (layout.ts), so they agree.
 */
import {
  DOMAIN,
  DOMAIN_WORDS,
  DOMID_XEN,
  FRAME,
  FRAMES_OF_GROUP,
  FRAME_BYTES,
  FRAME_COUNT_MASK,
  FRAME_FLAG,
  FRAME_OWNER_SHIFT,
  FRAME_SHIFT,
  FRAME_TAKER_SHIFT,
  FRAME_WORDS,
  GROUP_SHIFT,
  INVALID_M2P,
  MAX_DOMAINS,
  p2mParts,
  XENHEAP,
  XENHEAP_HEADER_BYTES,
  XENHEAP_MAGIC,
  XENHEAP_VERSION,
} from '../layout/layout.ts';
import { WRITE_LOG_HEAD, WriteLog } from '../../cpu/architecture/index.ts';
import { DomainEntries } from './domain-entries.ts';
import { SecondStage } from './second-stage.ts';
import { dropLock, takeLock } from './lock.ts';
import { SCHED_BYTES } from '../scheduler/block.ts';

export { DOMID_XEN, FRAME_BYTES, FRAME_SHIFT } from '../layout/layout.ts';
/** Memory of a graphics adapter, where a domain has firmware. */
export const VIDEO_BYTES = 16 * 2 ** 20;
/** Largest picture: 1920 x 1200. */
export const MAX_PIXEL_BYTES = 1920 * 1200 * 4;
/** Something that was asked of the host is not available; the message is a sentence for people. */
export class HostError extends Error {
  override name = 'HostError';
}

/** Offsets of one domain's records in machine memory, read from its entry in the domain table. */
export interface DomainRecord {
  id: number;
  /** Index in the domain table. */
  index: number;
  countersOffset: number;
  screenOffset: number;
  vcpuOffset: number;
  /** State words of the vCPU whose turn it is (layout.ts, DOMAIN.LIVE). */
  liveOffset: number;
  mailboxOffset: number;
  p2mOffset: number;
  p2mFrames: number;
  ramFrames: number;
  /** Of these this many lie below the PCI hole, the others from 4 GiB on (layout/ram-layout.ts). */
  lowFrames: number;
  vcpus: number;
  /** Of these its firmware tables show this many as there from the start. */
  onlineVcpus: number;
  traceOffset: number;
  /** Number of the interface that its guest sees of the hypervisor, and what that keeps of it (GuestRecords); 0 and 0: a plain PC. */
  interface: number;
  guestOffset: number;
  /** Rings of its network cards, and of how many there are (layout.ts, WIRE); 0 and 0: it has none. */
  wireOffset: number;
  wires: number;
  /** Requests of its emulated drives (layout.ts, DRIVE_QUEUE); 0: it has no drives whose media are in Domain 0. */
  drivesOffset: number;
  /** The pool of its shadow page tables; 0 frames: it has none. */
  shadowOffset: number;
  shadowFrames: number;
}

/** Domain 0's id, and its entry in the domain table. */
export const DOMAIN_0 = 0;

/** Bytes of as many whole frames as hold `bytes`. */
export const wholeFrames = (bytes: number): number => Math.ceil(bytes / FRAME_BYTES) * FRAME_BYTES;

/** Of the log of written frames: a bit a frame, behind the head. */
const writeLogWords = (frames: number): number => WRITE_LOG_HEAD + Math.ceil(frames / 32);

export class Machine extends DomainEntries {
  readonly bytes: Uint8Array;
  private readonly frameTable: number;
  /** Index of the M2P table in `words`. */
  readonly m2p: number;
  /** Index of the log of written frames in `words`; and the log: a writer of a domain's memory that is not its processor notes it. */
  readonly writeLogAt: number;
  readonly writeLog: WriteLog;
  /** What this thread does while it waits for another: a domain's worker answers what others wait for it to do (memory/flush.ts). */
  relax: () => void = () => {};
  /** What this thread does where it uses a guest frame that is still on another host (memory/away-frames.ts): returns once it has come, or throws FrameAway. */
  bring: (record: DomainRecord, gfn: number) => void = () => {};
  /** Who works here: the index of the domain whose worker it is; 0: Domain 0, or the thread that all share. */
  readonly worker: number;
  /** Called at each step of a locked section: tests throw there. */
  readonly step: (() => void) | undefined;

  /** Over memory that `Machine.create` has laid out, here or in another worker. */
  constructor(memory: SharedArrayBuffer | ArrayBuffer, worker: number = DOMAIN_0, step?: () => void) {
    super(memory);
    this.worker = worker;
    this.step = step;
    this.bytes = new Uint8Array(memory);
    if (this.words[XENHEAP.MAGIC] !== XENHEAP_MAGIC || this.words[XENHEAP.VERSION] !== XENHEAP_VERSION)
      throw new HostError('This is not machine memory of this version of Ringside.');
    this.frameTable = this.words[XENHEAP.FRAME_TABLE] >>> 2;
    this.m2p = this.words[XENHEAP.M2P] >>> 2;
    this.writeLogAt = this.words[XENHEAP.WRITE_LOG] >>> 2;
    this.writeLog = new WriteLog(this.words, this.writeLogAt);
  }

  /** Lays out fresh (all zero) memory; `memory.byteLength` is a multiple of 4096, at most 2 GiB. */
  static create(memory: SharedArrayBuffer | ArrayBuffer): Machine {
    const words = new Int32Array(memory, 0, XENHEAP_HEADER_BYTES / 4);
    const frames = memory.byteLength >>> FRAME_SHIFT;
    const domainTable = XENHEAP_HEADER_BYTES;
    const scheduler = domainTable + wholeFrames(MAX_DOMAINS * DOMAIN_WORDS * 4);
    const frameTable = scheduler + wholeFrames(SCHED_BYTES);
    const m2p = frameTable + wholeFrames(frames * FRAME_WORDS * 4);
    const writeLog = m2p + wholeFrames(frames * 4);
    words[XENHEAP.FRAMES] = frames;
    words[XENHEAP.FRAME_TABLE] = frameTable;
    words[XENHEAP.M2P] = m2p;
    words[XENHEAP.WRITE_LOG] = writeLog;
    words[XENHEAP.SCHEDULER] = scheduler;
    new Int32Array(memory, m2p, wholeFrames(frames * 4) / 4).fill(INVALID_M2P);
    words[XENHEAP.DOMAIN_TABLE] = domainTable;
    words[XENHEAP.VERSION] = XENHEAP_VERSION;
    words[XENHEAP.MAGIC] = XENHEAP_MAGIC;
    const machine = new Machine(memory);
    for (let mfn = 0; mfn < machine.firstFrames; mfn++) machine.claim(mfn, DOMID_XEN);
    machine.repairFrames();
    return machine;
  }

  /** Frames of the hypervisor's that were laid out at first: tables, and the log of written frames behind them. */
  get firstFrames(): number {
    return wholeFrames(4 * (this.writeLogAt + writeLogWords(this.frames))) >>> FRAME_SHIFT;
  }

  /** Byte offset of the run queue. */
  get schedulerOffset(): number {
    return this.words[XENHEAP.SCHEDULER];
  }

  get frames(): number {
    return this.words[XENHEAP.FRAMES];
  }

  /** HVM guests that are made from now on have the forced emulation prefix (hvm_fep on Xen's command line). */
  get hvmFep(): boolean {
    return this.words[XENHEAP.HVM_FEP] !== 0;
  }

  set hvmFep(on: boolean) {
    this.words[XENHEAP.HVM_FEP] = on ? 1 : 0;
  }

  /** Xen uses VT-x: there can be HVM and PVH guests. */
  get hasVt(): boolean {
    return this.words[XENHEAP.NO_VT] === 0;
  }

  set hasVt(on: boolean) {
    this.words[XENHEAP.NO_VT] = on ? 0 : 1;
  }

  get freeFrames(): number {
    return Atomics.load(this.words, XENHEAP.FREE_FRAMES);
  }

  /** Domain id of a frame's owner; -1: free. */
  ownerOf(mfn: number): number {
    return (Atomics.load(this.words, this.frameEntry(mfn) + FRAME.COUNT) >>> FRAME_OWNER_SHIFT) - 1;
  }

  /** Index of a frame's entry in `words`; its words: FRAME. */
  frameEntry(mfn: number): number {
    return this.frameTable + mfn * FRAME_WORDS;
  }

  /** References that a frame has, its owner's among them. */
  references(mfn: number): number {
    return Atomics.load(this.words, this.frameEntry(mfn) + FRAME.COUNT) & FRAME_COUNT_MASK;
  }

  private claim(mfn: number, owner: number): boolean {
    const entry = this.frameEntry(mfn);
    if (Atomics.load(this.words, entry + FRAME.COUNT) !== 0) return false;
    this.step?.();
    Atomics.store(this.words, entry + FRAME.FLAGS, FRAME_FLAG.ALLOCATED | ((this.worker + 1) << FRAME_TAKER_SHIFT));
    this.step?.();
    Atomics.store(this.words, entry + FRAME.COUNT, ((owner + 1) << FRAME_OWNER_SHIFT) | 1);
    this.step?.();
    this.countFree(mfn, -1);
    return true;
  }

  /** With the lock held: a frame is free now (1), or no more (-1). */
  private countFree(mfn: number, change: 1 | -1): void {
    const { words } = this;
    words[XENHEAP.GROUP_FREE + (mfn >>> GROUP_SHIFT)] += change;
    if (change > 0 && mfn < words[XENHEAP.LOWEST_FREE]) words[XENHEAP.LOWEST_FREE] = mfn;
    Atomics.add(words, XENHEAP.FREE_FRAMES, change);
  }

  /** The first frame from `mfn` on that is not in a group without a free one. */
  private pastFull(mfn: number): number {
    while (
      (mfn & (FRAMES_OF_GROUP - 1)) === 0 &&
      mfn < this.frames &&
      this.words[XENHEAP.GROUP_FREE + (mfn >>> GROUP_SHIFT)] === 0
    )
      mfn += FRAMES_OF_GROUP;
    return mfn;
  }

  /** Repairs what a worker that has died was doing to the frame table. */
  repair(): void {
    this.lockedFrames(() => {});
  }

  /** The index of the domain whose worker took a frame for the hypervisor; -1: a domain's own frame, or free. */
  takerOf(mfn: number): number {
    return this.ownerOf(mfn) === DOMID_XEN
      ? (this.words[this.frameEntry(mfn) + FRAME.FLAGS] >>> FRAME_TAKER_SHIFT) - 1
      : -1;
  }

  /** Runs `section` while no other worker takes frames or gives them back. */
  private lockedFrames<T>(section: () => T): T {
    if (takeLock(this, XENHEAP.FRAME_LOCK)) this.repairFrames();
    const result = section();
    dropLock(this, XENHEAP.FRAME_LOCK);
    return result;
  }

  /** The holder of the lock died: frames that were on their way back come back, and what is free is counted. Frames that it had taken are their owner's. */
  private repairFrames(): void {
    const { words } = this;
    words.fill(0, XENHEAP.GROUP_FREE, XENHEAP.GROUP_FREE + Math.ceil(this.frames / FRAMES_OF_GROUP));
    Atomics.store(words, XENHEAP.FREE_FRAMES, 0);
    words[XENHEAP.LOWEST_FREE] = 0;
    for (let mfn = 0; mfn < this.frames; mfn++) {
      const count = words[this.frameEntry(mfn) + FRAME.COUNT];
      if (count !== 0 && (count & FRAME_COUNT_MASK) === 0) this.empty(mfn);
      if (words[this.frameEntry(mfn) + FRAME.COUNT] === 0) this.countFree(mfn, 1);
    }
  }

  /** Makes a frame without references a free one. */
  private empty(mfn: number): void {
    const entry = this.frameEntry(mfn);
    this.step?.();
    this.scrub(mfn);
    Atomics.store(this.words, entry + FRAME.FLAGS, 0);
    Atomics.store(this.words, entry + FRAME.TYPE, 0);
    Atomics.store(this.words, entry + FRAME.SHARED, 0);
    this.words[this.m2p + mfn] = INVALID_M2P;
    this.step?.();
    Atomics.store(this.words, entry + FRAME.COUNT, 0);
    this.step?.();
  }

  /**
   * Takes a reference on a frame of `owner`: while it is held, the frame stays his and is not scrubbed, whatever he does.
   * One compare-and-swap counts and checks the owner. False: it is not his (any more), or has as many references as can be counted.
   */
  takeReference(mfn: number, owner: number): boolean {
    if (!(mfn >= 0 && mfn < this.frames)) return false;
    const at = this.frameEntry(mfn) + FRAME.COUNT;
    for (let seen = Atomics.load(this.words, at); ; ) {
      const count = seen & FRAME_COUNT_MASK;
      if (seen >>> FRAME_OWNER_SHIFT !== owner + 1 || count === 0 || count === FRAME_COUNT_MASK) return false;
      const was = Atomics.compareExchange(this.words, at, seen, seen + 1);
      if (was === seen) return true;
      seen = was;
    }
  }

  /** Drops a reference that `takeReference` gave. With the last one the frame is scrubbed and free: true. */
  dropReference(mfn: number): boolean {
    const dropped = this.dropOne(mfn, 1);
    if (dropped !== undefined) return dropped;
    return this.lockedFrames(() => {
      if (!this.dropOne(mfn, 0)) return false;
      this.empty(mfn);
      this.countFree(mfn, 1);
      return true;
    });
  }

  /** One reference less, unless fewer than `floor` would stay then (undefined). Whether it was the last. */
  private dropOne(mfn: number, floor: number): boolean | undefined {
    const at = this.frameEntry(mfn) + FRAME.COUNT;
    for (let seen = Atomics.load(this.words, at); ; ) {
      const left = (seen & FRAME_COUNT_MASK) - 1;
      if (left < 0) throw new Error(`a reference on frame ${mfn} was dropped that nobody had`);
      if (left < floor) return undefined;
      const was = Atomics.compareExchange(this.words, at, seen, seen - 1);
      if (was === seen) return left === 0;
      seen = was;
    }
  }

  /** Whether the owner still has the reference that came with the frame (`release`). */
  isAllocated(mfn: number): boolean {
    return (Atomics.load(this.words, this.frameEntry(mfn) + FRAME.FLAGS) & FRAME_FLAG.ALLOCATED) !== 0;
  }

  /** A frame of a ROM or a frame buffer: its domain's, and not to be ballooned away. */
  setDeviceFrame(mfn: number): void {
    Atomics.or(this.words, this.frameEntry(mfn) + FRAME.FLAGS, FRAME_FLAG.DEVICE);
  }

  /** A frame that the hypervisor shares with its owner: it does not count as the domain's memory, and is not its to give away. */
  setXenFrame(mfn: number): void {
    Atomics.or(this.words, this.frameEntry(mfn) + FRAME.FLAGS, FRAME_FLAG.XEN);
  }

  isXenFrame(mfn: number): boolean {
    return (this.words[this.frameEntry(mfn) + FRAME.FLAGS] & FRAME_FLAG.XEN) !== 0;
  }

  isDeviceFrame(mfn: number): boolean {
    return (this.words[this.frameEntry(mfn) + FRAME.FLAGS] & FRAME_FLAG.DEVICE) !== 0;
  }

  /**
   * Takes the `count` lowest free frames for `owner`, zeroed; null when there are too few, and then nothing was taken. The lowest: those that were used
   * before come first, and the host's system gives memory only to pages that were once written.
   */
  allocate(count: number, owner: number): Int32Array | null {
    return this.lockedFrames(() => {
      if (this.freeFrames < count) return null;
      const taken = new Int32Array(count);
      let mfn = this.words[XENHEAP.LOWEST_FREE];
      for (let found = 0; found < count; mfn++) {
        mfn = this.pastFull(mfn);
        if (this.claim(mfn, owner)) taken[found++] = mfn;
      }
      this.words[XENHEAP.LOWEST_FREE] = mfn;
      return taken;
    });
  }

  /** Takes `count` zeroed frames that lie side by side, below `limit`, the first at a multiple of `align`; returns it, or -1 when there is no such run. */
  allocateRun(count: number, owner: number, align = 1, limit = this.frames): number {
    return this.lockedFrames(() => {
      for (let start = 0, length = 0, mfn = 0; mfn < Math.min(limit, this.frames); mfn++) {
        const next = this.pastFull(mfn);
        if (next !== mfn) {
          length = 0;
          mfn = next - 1;
          continue;
        }
        if (this.ownerOf(mfn) >= 0) length = 0;
        else if (length > 0) length++;
        else if (mfn % align === 0) {
          start = mfn;
          length = 1;
        }
        if (length < count) continue;
        for (let i = start; i < start + count; i++) this.claim(i, owner);
        return start;
      }
      return -1;
    });
  }

  /** Drops the owner's reference, once: others who hold one keep the frame in his name until theirs is gone. False: he had given it up already. */
  release(mfn: number): boolean {
    if (!(Atomics.and(this.words, this.frameEntry(mfn) + FRAME.FLAGS, ~FRAME_FLAG.ALLOCATED) & FRAME_FLAG.ALLOCATED))
      return false;
    this.dropReference(mfn);
    return true;
  }

  /**
   * Zeroes a frame. One that is all zero is not written: the guest may never have touched it, and then a write would be what makes the host's system give
   * memory for it. (`set` from a page of zeroes: `fill` on shared memory is ten times slower.)
   */
  scrub(mfn: number): void {
    const { words } = this;
    const end = (mfn + 1) * (FRAME_BYTES / 4);
    let at = end - FRAME_BYTES / 4;
    // Eight words a test: a third of the time.
    while (
      at < end &&
      (words[at] |
        words[at + 1] |
        words[at + 2] |
        words[at + 3] |
        words[at + 4] |
        words[at + 5] |
        words[at + 6] |
        words[at + 7]) ===
        0
    )
      at += 8;
    if (at < end) this.bytes.set(ZEROES, mfn * FRAME_BYTES);
  }

  /** Whether the worker of the domain at an index has died. */
  isWorkerDead(index: number): boolean {
    return Atomics.load(this.words, this.domainTable + index * DOMAIN_WORDS + DOMAIN.WORKER) < 0;
  }

  /** Whether the domain of a record is still there and not being destroyed. */
  isAlive(record: DomainRecord): boolean {
    const entry = this.domainTable + record.index * DOMAIN_WORDS;
    return Atomics.load(this.words, entry + DOMAIN.ID) === record.id + 1 && this.words[entry + DOMAIN.DYING] === 0;
  }

  /** The record of a domain, one that is being destroyed only where `dying`; undefined: there is none. */
  find(id: number, dying = false): DomainRecord | undefined {
    for (let index = 0; index < MAX_DOMAINS; index++) {
      const entry = this.domainTable + index * DOMAIN_WORDS;
      if (Atomics.load(this.words, entry + DOMAIN.ID) === id + 1 && (dying || this.words[entry + DOMAIN.DYING] === 0))
        return this.domain(index);
    }
    return undefined;
  }

  /** The record at an index of the domain table. */
  domain(index: number): DomainRecord {
    const entry = this.domainTable + index * DOMAIN_WORDS;
    const word = (field: number): number => this.words[entry + field] >>> 0;
    return {
      id: word(DOMAIN.ID) - 1,
      index,
      countersOffset: word(DOMAIN.COUNTERS),
      screenOffset: word(DOMAIN.SCREEN),
      vcpuOffset: word(DOMAIN.VCPU),
      liveOffset: word(DOMAIN.LIVE),
      mailboxOffset: word(DOMAIN.MAILBOX),
      p2mOffset: word(DOMAIN.P2M),
      p2mFrames: word(DOMAIN.P2M_FRAMES),
      ramFrames: word(DOMAIN.RAM_FRAMES),
      lowFrames: word(DOMAIN.LOW_FRAMES),
      vcpus: word(DOMAIN.VCPUS),
      onlineVcpus: word(DOMAIN.ONLINE_VCPUS),
      traceOffset: word(DOMAIN.TRACE),
      interface: word(DOMAIN.INTERFACE),
      guestOffset: word(DOMAIN.GUEST),
      wireOffset: word(DOMAIN.WIRE),
      wires: word(DOMAIN.WIRES),
      drivesOffset: word(DOMAIN.DRIVES),
      shadowOffset: word(DOMAIN.SHADOW),
      shadowFrames: word(DOMAIN.SHADOW_FRAMES),
    };
  }

  /** The second stage of a domain's memory. */
  secondStage(record: DomainRecord): SecondStage {
    const { p2mOffset, p2mFrames } = record;
    const used = new Uint8Array(this.memory, p2mOffset + wholeFrames(p2mFrames * 4), p2mParts(p2mFrames));
    return new SecondStage(new Int32Array(this.memory, p2mOffset, p2mFrames), used);
  }
}

const ZEROES = new Uint8Array(FRAME_BYTES);
