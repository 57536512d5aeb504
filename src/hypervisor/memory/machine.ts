/**
 * Machine memory: one buffer, its frame table and its domain table. Every worker makes its own `Machine` over the same SharedArrayBuffer;
 * all state is in the buffer (layout.ts), so they agree.
 */
import { STATE_WORDS } from '../../cpu/registers.ts';
import {
  COUNTER_WORDS,
  DOMAIN,
  DOMAIN_TRACE_BYTES,
  DOMAIN_WORDS,
  FRAME,
  FRAME_BYTES,
  FRAME_COUNT_MASK,
  FRAME_FLAG,
  FRAME_OWNER_SHIFT,
  FRAME_SHIFT,
  FRAME_TAKER_SHIFT,
  FRAME_WORDS,
  FRAMES_OF_GROUP,
  GROUP_SHIFT,
  INVALID_M2P,
  GRANTS_BYTES,
  MAILBOX_BYTES,
  MAX_DOMAINS,
  PORTS_BYTES,
  SCREEN_BYTES,
  VCPU_BYTES,
  WIRE_BYTES,
  XENHEAP,
  XENHEAP_HEADER_BYTES,
  XENHEAP_MAGIC,
  XENHEAP_VERSION,
  XEN,
  XEN_BYTES,
  XEN_TYPE,
  XEN_VCPU,
  XEN_VCPUS,
  XEN_VCPU_WORDS,
} from './layout.ts';
import { keepFrames, recountFrames, releaseTakenBy } from './dead-worker.ts';
import { dropLock, takeLock } from './lock.ts';
import { SCHED_BYTES } from '../scheduler/block.ts';
import { VCPU_INFO_BYTES } from '../xen/abi.ts';
import { GrantTable } from '../xen/grants/grants.ts';
import { Pod, POD_FIRST_GFN } from '../xen/memory/pod.ts';
import { Ports } from '../xen/events/ports.ts';
import { relinquishPv } from '../xen/pv/relinquish.ts';

export { FRAME_BYTES, FRAME_SHIFT } from './layout.ts';
/** Memory of a graphics adapter, where a domain has firmware. */
export const VIDEO_BYTES = 16 * 2 ** 20;
/** Largest picture: 1920 x 1200. */
export const MAX_PIXEL_BYTES = 1920 * 1200 * 4;
/** Owner of frames that are the hypervisor's (DOMID_XEN, xen/include/public/xen.h). */
export const DOMID_XEN = 0x7ff2;

/** Something that was asked of the host cannot be had; the message is a sentence for people. */
export class HostError extends Error {
  override name = 'HostError';
}

/** Offsets of one domain's records in machine memory, read from its entry in the domain table. */
export interface DomainRecord {
  id: number;
  /** Index in the domain table. */
  slot: number;
  countersOffset: number;
  screenOffset: number;
  vcpuOffset: number;
  /** State words of the vCPU whose turn it is (layout.ts, DOMAIN.LIVE). */
  liveOffset: number;
  mailboxOffset: number;
  p2mOffset: number;
  p2mFrames: number;
  ramFrames: number;
  vcpus: number;
  /** Of these its firmware tables show so many as there from the start. */
  onlineVcpus: number;
  /** Blocks of Xen's interface; 0: a plain PC has none. */
  traceOffset: number;
  xenOffset: number;
  portsOffset: number;
  grantsOffset: number;
  /** Rings of its network card (layout.ts, WIRE); 0: it has none. */
  wireOffset: number;
}

/** What a domain has beside RAM. */
export interface DomainShape {
  /** Virtual processors (default 1). */
  vcpus?: number;
  /** Those that are there from the start (all). */
  onlineVcpus?: number;
  /** XEN_TYPE (default NONE: a plain PC). */
  xen?: number;
  /** It has an emulated network card. */
  card?: boolean;
  /** HVM and PVH: so much memory for all of its RAM, which is populated on demand (default: all of it, at once). */
  populateMiB?: number;
}

/** Domain 0's id, and its entry in the domain table. */
export const DOMAIN_0 = 0;

const roundUp = (bytes: number): number => Math.ceil(bytes / FRAME_BYTES) * FRAME_BYTES;

export class Machine {
  readonly memory: SharedArrayBuffer | ArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  private readonly frameTable: number;
  private readonly domainTable: number;
  /** Index of the M2P table in `words`. */
  readonly m2p: number;
  /** What this thread does while it waits for another: a domain's worker answers what others wait for it to do (xen/memory/flush.ts). */
  relax: () => void = () => {};
  /** Who works here: the slot of the domain whose worker it is; 0: Domain 0, or the thread that all share. */
  readonly worker: number;
  /** Called at each step of a locked section: tests throw there. */
  readonly step: (() => void) | undefined;

  /** Over memory that `Machine.create` has laid out, here or in another worker. */
  constructor(memory: SharedArrayBuffer | ArrayBuffer, worker: number = DOMAIN_0, step?: () => void) {
    this.worker = worker;
    this.step = step;
    this.memory = memory;
    this.words = new Int32Array(memory);
    this.bytes = new Uint8Array(memory);
    if (this.words[XENHEAP.MAGIC] !== XENHEAP_MAGIC || this.words[XENHEAP.VERSION] !== XENHEAP_VERSION)
      throw new HostError('This is not machine memory of this version of Ringside.');
    this.frameTable = this.words[XENHEAP.FRAME_TABLE] >>> 2;
    this.domainTable = this.words[XENHEAP.DOMAIN_TABLE] >>> 2;
    this.m2p = this.words[XENHEAP.M2P] >>> 2;
  }

  /** Lays out fresh (all zero) memory; `memory.byteLength` is a multiple of 4096, at most 2 GiB. */
  static create(memory: SharedArrayBuffer | ArrayBuffer): Machine {
    const words = new Int32Array(memory, 0, XENHEAP_HEADER_BYTES / 4);
    const frames = memory.byteLength >>> FRAME_SHIFT;
    const domainTable = XENHEAP_HEADER_BYTES;
    const scheduler = domainTable + roundUp(MAX_DOMAINS * DOMAIN_WORDS * 4);
    const frameTable = scheduler + roundUp(SCHED_BYTES);
    const m2p = frameTable + roundUp(frames * FRAME_WORDS * 4);
    const used = (m2p + roundUp(frames * 4)) >>> FRAME_SHIFT;
    words[XENHEAP.FRAMES] = frames;
    words[XENHEAP.FRAME_TABLE] = frameTable;
    words[XENHEAP.M2P] = m2p;
    words[XENHEAP.SCHEDULER] = scheduler;
    new Int32Array(memory, m2p, roundUp(frames * 4) / 4).fill(INVALID_M2P);
    words[XENHEAP.DOMAIN_TABLE] = domainTable;
    words[XENHEAP.VERSION] = XENHEAP_VERSION;
    words[XENHEAP.MAGIC] = XENHEAP_MAGIC;
    const machine = new Machine(memory);
    for (let mfn = 0; mfn < used; mfn++) machine.claim(mfn, DOMID_XEN);
    machine.repairFrames();
    return machine;
  }

  /** Bytes of machine memory that one domain of `memoryMiB` needs, records included, with the hypervisor's own: for a host that runs one guest. */
  static bytesFor(memoryMiB: number, p2mFrames = memoryMiB * 256): number {
    const firmware = p2mFrames > memoryMiB * 256 ? VIDEO_BYTES : 0;
    const guest = memoryMiB * 2 ** 20 + recordBytes(p2mFrames, MOST) + DOMAIN_0_BYTES + firmware + MAX_PIXEL_BYTES;
    const frames = guest / FRAME_BYTES + 64;
    // Rounding of the tables, and a firmware image.
    return roundUp(guest + XENHEAP_HEADER_BYTES + SCHED_BYTES + MAX_DOMAINS * DOMAIN_WORDS * 4 + frames * (FRAME_WORDS + 1) * 4 * 1.01) + 80 * FRAME_BYTES;
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
    while ((mfn & (FRAMES_OF_GROUP - 1)) === 0 && mfn < this.frames && this.words[XENHEAP.GROUP_FREE + (mfn >>> GROUP_SHIFT)] === 0) mfn += FRAMES_OF_GROUP;
    return mfn;
  }

  /** Repairs what a worker that has died was doing to the frame table. */
  repair(): void {
    this.lockedFrames(() => {});
  }

  /** The slot of the domain whose worker took a frame for the hypervisor; -1: a domain's own frame, or free. */
  takerOf(mfn: number): number {
    return this.ownerOf(mfn) === DOMID_XEN ? (this.words[this.frameEntry(mfn) + FRAME.FLAGS] >>> FRAME_TAKER_SHIFT) - 1 : -1;
  }

  /** Runs `section` while no other worker takes frames or gives them back. */
  private lockedFrames<T>(section: () => T): T {
    if (takeLock(this, XENHEAP.FRAME_LOCK)) this.repairFrames();
    const result = section();
    dropLock(this, XENHEAP.FRAME_LOCK);
    return result;
  }

  /** Whoever had the lock died: frames that were on their way back come back, and what is free is counted. Frames that it had taken are their owner's. */
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
    for (const field of [FRAME.FLAGS, FRAME.TYPE, FRAME.SHARED]) Atomics.store(this.words, entry + field, 0);
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
    if (!(Atomics.and(this.words, this.frameEntry(mfn) + FRAME.FLAGS, ~FRAME_FLAG.ALLOCATED) & FRAME_FLAG.ALLOCATED)) return false;
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
    while (at < end && (words[at] | words[at + 1] | words[at + 2] | words[at + 3] | words[at + 4] | words[at + 5] | words[at + 6] | words[at + 7]) === 0) at += 8;
    if (at < end) this.bytes.set(ZEROES, mfn * FRAME_BYTES);
  }

  /**
   * Makes a domain: its records, and `memoryMiB` of RAM at guest-physical 0 with the hole 0xA0000-0xBFFFF (PVH has none); where `populateMiB` is less,
   * what lies past the first MiB is populated on demand.
   * `p2mFrames`: how far guest-physical addresses reach (default: to the end of RAM). What lies in the blocks of Xen's interface: XEN in layout.ts.
   * @throws HostError when memory or the domain table is full; then nothing was made.
   */
  createDomain(memoryMiB: number, p2mFrames = memoryMiB * 256, shape: DomainShape = {}): DomainRecord {
    const ramFrames = memoryMiB * 256,
      populated = Math.min(ramFrames, (shape.populateMiB ?? memoryMiB) * 256),
      onDemand = populated < ramFrames;
    let slot = DOMAIN_0 + 1;
    while (slot < MAX_DOMAINS && this.words[this.domainTable + slot * DOMAIN_WORDS + DOMAIN.ID] !== 0) slot++;
    if (slot === MAX_DOMAINS) throw new HostError(`This host runs at most ${MAX_DOMAINS - 1} domains. Destroy one first.`);
    const recordFrames = recordBytes(p2mFrames, shape) >>> FRAME_SHIFT;
    const tooLittle = (): HostError =>
      new HostError(`The host has ${this.freeFrames >>> 8} MiB free and the guest wants ${populated >>> 8}, and ${Math.ceil(recordFrames / 256)} for what the host keeps of it. Destroy another domain or give this one less.`);
    if (this.freeFrames < recordFrames + populated) throw tooLittle();
    const records = this.allocateRun(recordFrames, DOMID_XEN);
    if (records < 0) throw tooLittle();
    const id = Atomics.add(this.words, XENHEAP.LAST_DOMAIN, 1) + 1;
    const atOnce = onDemand ? POD_FIRST_GFN : ramFrames;
    const ram = this.allocate(atOnce, id);
    if (!ram) {
      for (let i = 0; i < recordFrames; i++) this.release(records + i);
      throw tooLittle();
    }
    const entry = this.placeRecords(slot, records, p2mFrames, shape);
    const { words } = this;
    words[entry + DOMAIN.RAM_FRAMES] = ramFrames;
    const p2m = words[entry + DOMAIN.P2M] >>> 2;
    let hole = 0;
    for (let gfn = 0; gfn < atOnce; gfn++) {
      if (shape.xen === XEN_TYPE.PV) {
        // Its page tables hold machine frame numbers: the second stage only says which are its own.
        words[p2m + ram[gfn]] = (ram[gfn] << FRAME_SHIFT) | 7;
        words[this.m2p + ram[gfn]] = gfn;
      } else if (gfn < 0xa0 || gfn >= 0xc0 || shape.xen === XEN_TYPE.PVH) words[p2m + gfn] = (ram[gfn] << FRAME_SHIFT) | 7;
      // What the hole takes from the RAM is given back, as the 640-KiB PC does not have it either.
      else if (this.release(ram[gfn])) hole++;
    }
    if (shape.xen) words[(words[entry + DOMAIN.XEN] >>> 2) + XEN.CURRENT_FRAMES] = atOnce - hole;
    Atomics.store(words, entry + DOMAIN.ID, id + 1);
    const record = this.domain(slot);
    if (onDemand && new Pod(this, record).build(atOnce, ramFrames, populated - atOnce) !== 0) {
      this.destroyDomain(record);
      throw tooLittle();
    }
    return record;
  }

  /** Domains have ids above `last` from now on. */
  skipIds(last: number): void {
    this.words[XENHEAP.LAST_DOMAIN] = Math.max(last, this.words[XENHEAP.LAST_DOMAIN]);
  }

  /** Domain 0's record, made at the first call: ports and a mailbox, no RAM. @throws HostError */
  domain0(): DomainRecord {
    if (this.words[this.domainTable + DOMAIN_0 * DOMAIN_WORDS + DOMAIN.ID] === 0) {
      const records = this.allocateRun(DOMAIN_0_BYTES >>> FRAME_SHIFT, DOMID_XEN);
      if (records < 0) throw new HostError('The host has too little memory for Domain 0.');
      const entry = this.placeRecords(DOMAIN_0, records, 0, { xen: XEN_TYPE.PV });
      Atomics.store(this.words, entry + DOMAIN.ID, DOMAIN_0 + 1);
    }
    return this.domain(DOMAIN_0);
  }

  /** Lays a domain's records out in the (zeroed) frames from `first`; returns the index of its entry in the domain table. */
  private placeRecords(slot: number, first: number, p2mFrames: number, shape: DomainShape): number {
    const { words } = this;
    const entry = this.domainTable + slot * DOMAIN_WORDS;
    const { vcpus = 1, xen = XEN_TYPE.NONE } = shape;
    let offset = first * FRAME_BYTES;
    words[entry + DOMAIN.RECORDS] = offset;
    words[entry + DOMAIN.RECORD_FRAMES] = recordBytes(p2mFrames, shape) >>> FRAME_SHIFT;
    words[entry + DOMAIN.P2M_FRAMES] = p2mFrames;
    words[entry + DOMAIN.VCPUS] = vcpus;
    words[entry + DOMAIN.ONLINE_VCPUS] = shape.onlineVcpus ?? vcpus;
    const place = (field: number, bytes: number): void => {
      words[entry + field] = offset;
      offset += roundUp(bytes);
    };
    place(DOMAIN.COUNTERS, COUNTER_WORDS * 4);
    place(DOMAIN.VCPU, vcpus * VCPU_BYTES);
    words[entry + DOMAIN.LIVE] = words[entry + DOMAIN.VCPU];
    if (vcpus > 1) place(DOMAIN.LIVE, STATE_WORDS * 4);
    place(DOMAIN.MAILBOX, MAILBOX_BYTES);
    place(DOMAIN.TRACE, DOMAIN_TRACE_BYTES);
    place(DOMAIN.SCREEN, SCREEN_BYTES);
    if (shape.card) place(DOMAIN.WIRE, WIRE_BYTES);
    place(DOMAIN.P2M, p2mFrames * 4);
    if (xen !== XEN_TYPE.NONE) {
      place(DOMAIN.XEN, XEN_BYTES);
      place(DOMAIN.PORTS, PORTS_BYTES);
      place(DOMAIN.GRANTS, GRANTS_BYTES);
      const block = words[entry + DOMAIN.XEN] >>> 2;
      words[block + XEN.TYPE] = xen;
      words[block + XEN.VCPUS] = vcpus;
      // A PV guest is one of 32 bits here; others have the 64-bit layout until they say otherwise.
      words[block + XEN.WIDTH] = xen === XEN_TYPE.PV ? 32 : 64;
      words[block + XEN.SHARED_INFO] = offset >>> FRAME_SHIFT;
      for (let id = 0; id < vcpus; id++) words[block + XEN.VCPU + id * XEN_VCPU_WORDS + XEN_VCPU.INFO] = offset + id * VCPU_INFO_BYTES;
      offset += FRAME_BYTES;
    }
    return entry;
  }

  /** Whether the worker of the domain in a slot has died. */
  isWorkerDead(slot: number): boolean {
    return Atomics.load(this.words, this.domainTable + slot * DOMAIN_WORDS + DOMAIN.WORKER) < 0;
  }

  /** Whether the domain of a record is still there and not being destroyed. */
  isAlive(record: DomainRecord): boolean {
    const entry = this.domainTable + record.slot * DOMAIN_WORDS;
    return Atomics.load(this.words, entry + DOMAIN.ID) === record.id + 1 && this.words[entry + DOMAIN.DYING] === 0;
  }

  /** The record of a domain, one that is being destroyed only where `dying`; undefined: there is none. */
  find(id: number, dying = false): DomainRecord | undefined {
    for (let slot = 0; slot < MAX_DOMAINS; slot++) {
      const entry = this.domainTable + slot * DOMAIN_WORDS;
      if (Atomics.load(this.words, entry + DOMAIN.ID) === id + 1 && (dying || this.words[entry + DOMAIN.DYING] === 0)) return this.domain(slot);
    }
    return undefined;
  }

  /** Index in `words` of a domain's entry in the domain table; its words: DOMAIN. */
  domainEntry(record: Pick<DomainRecord, 'slot'>): number {
    return this.domainTable + record.slot * DOMAIN_WORDS;
  }

  /** The record in a slot of the domain table. */
  domain(slot: number): DomainRecord {
    const entry = this.domainTable + slot * DOMAIN_WORDS;
    const word = (field: number): number => this.words[entry + field] >>> 0;
    return {
      id: word(DOMAIN.ID) - 1,
      slot,
      countersOffset: word(DOMAIN.COUNTERS),
      screenOffset: word(DOMAIN.SCREEN),
      vcpuOffset: word(DOMAIN.VCPU),
      liveOffset: word(DOMAIN.LIVE),
      mailboxOffset: word(DOMAIN.MAILBOX),
      p2mOffset: word(DOMAIN.P2M),
      p2mFrames: word(DOMAIN.P2M_FRAMES),
      ramFrames: word(DOMAIN.RAM_FRAMES),
      vcpus: word(DOMAIN.VCPUS),
      onlineVcpus: word(DOMAIN.ONLINE_VCPUS),
      traceOffset: word(DOMAIN.TRACE),
      xenOffset: word(DOMAIN.XEN),
      portsOffset: word(DOMAIN.PORTS),
      grantsOffset: word(DOMAIN.GRANTS),
      wireOffset: word(DOMAIN.WIRE),
    };
  }

  /** Gives the RAM of a domain that runs no more back; its records stay for whoever looks at what it was. */
  releaseRam(record: DomainRecord): void {
    relinquishPv(this, record);
    const p2m = record.p2mOffset >>> FRAME_SHIFT;
    for (let i = 0; i * (FRAME_BYTES / 4) < record.p2mFrames; i++) this.scrub(p2m + i);
    if (record.xenOffset !== 0) new Pod(this, record).forgetAll();
    // By owner: a ROM lies at two addresses, RAM behind it and a frame buffer may lie at none.
    for (let mfn = 0; mfn < this.frames; mfn++) if (this.ownerOf(mfn) === record.id) this.release(mfn);
  }

  /**
   * Ends a domain that runs no more: RAM, records and its entry in the domain table. False: others still hold references on its frames; then it stays
   * listed, dying, until a later call finds them gone. `held`: references of Domain 0's programs by machine frame, where its worker has died.
   */
  destroyDomain(record: DomainRecord, held: ReadonlyMap<number, number> = new Map()): boolean {
    const entry = this.domainTable + record.slot * DOMAIN_WORDS;
    if (this.words[entry + DOMAIN.ID] !== record.id + 1) return true;
    Atomics.store(this.words, entry + DOMAIN.DYING, 1);
    const dead = this.isWorkerDead(record.slot);
    if (dead) keepFrames(this, record);
    const ports = record.xenOffset === 0 ? undefined : new Ports(this, record);
    ports?.relinquish();
    const grants = ports && new GrantTable(ports);
    grants?.dropMappings();
    this.releaseRam(record);
    if (dead) recountFrames(this, record, held);
    if (grants?.free() === false) return false;
    for (let mfn = 0; mfn < this.frames; mfn++) if (this.ownerOf(mfn) === record.id) return false;
    for (let i = 0; i < this.words[entry + DOMAIN.PIXEL_FRAMES]; i++) this.release(this.words[entry + DOMAIN.PIXELS] + i);
    const first = this.words[entry + DOMAIN.RECORDS] >>> FRAME_SHIFT;
    for (let i = 0; i < this.words[entry + DOMAIN.RECORD_FRAMES]; i++) this.release(first + i);
    releaseTakenBy(this, record.slot);
    for (let i = DOMAIN_WORDS - 1; i >= 0; i--) Atomics.store(this.words, entry + i, 0);
    return true;
  }

  /** A picture's memory of at least `bytes` for the screen block of a domain; returns its byte offset, -1 when there is no room. What was there is lost. */
  pixels(record: DomainRecord, bytes: number): number {
    const { words } = this;
    const entry = this.domainTable + record.slot * DOMAIN_WORDS;
    const frames = Math.ceil(bytes / FRAME_BYTES);
    if (words[entry + DOMAIN.PIXEL_FRAMES] < frames) {
      for (let i = 0; i < words[entry + DOMAIN.PIXEL_FRAMES]; i++) this.release(words[entry + DOMAIN.PIXELS] + i);
      words[entry + DOMAIN.PIXEL_FRAMES] = 0;
      const first = this.allocateRun(frames, DOMID_XEN);
      if (first < 0) return -1;
      words[entry + DOMAIN.PIXELS] = first;
      words[entry + DOMAIN.PIXEL_FRAMES] = frames;
    }
    return words[entry + DOMAIN.PIXELS] * FRAME_BYTES;
  }

  p2m(record: DomainRecord): Int32Array {
    return new Int32Array(this.memory, record.p2mOffset, record.p2mFrames);
  }
}

const ZEROES = new Uint8Array(FRAME_BYTES);

function recordBytes(p2mFrames: number, { vcpus = 1, xen = XEN_TYPE.NONE, card }: DomainShape): number {
  const ofXen = xen === XEN_TYPE.NONE ? 0 : roundUp(XEN_BYTES) + roundUp(PORTS_BYTES) + roundUp(GRANTS_BYTES) + FRAME_BYTES;
  return (
    roundUp(COUNTER_WORDS * 4) + roundUp(vcpus * VCPU_BYTES) + (vcpus > 1 ? roundUp(STATE_WORDS * 4) : 0) + roundUp(MAILBOX_BYTES) + roundUp(DOMAIN_TRACE_BYTES) + roundUp(SCREEN_BYTES) + roundUp(p2mFrames * 4) + (card ? roundUp(WIRE_BYTES) : 0) + ofXen
  );
}

const MOST: DomainShape = { vcpus: XEN_VCPUS, xen: XEN_TYPE.HVM, card: true };
const DOMAIN_0_BYTES = recordBytes(0, { xen: XEN_TYPE.PV });
