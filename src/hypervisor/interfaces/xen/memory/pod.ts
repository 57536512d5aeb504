/**
 * Populate on demand: guest frames of an HVM or PVH domain that get memory when they are first used. A domain that may have more memory (maxmem) than it
 * gets now (memory) sees all of it from the start; what it uses before its balloon driver has given the difference back comes out of a cache of frames.
 * When the cache is empty, frames that hold zeroes are taken back. Source: docs/man/xl.cfg.5.pod.in (maxmem), xen/arch/x86/mm/p2m-pod.c for the rules.
 *
 * Everything lies in machine memory: any worker may make a guest frame's memory appear, so that a grant or a back end finds it.
 */
import { P2M_RWX } from '../../../../cpu/architecture/index.ts';
import { FRAME, FRAMES_AT_ONCE, FRAME_BYTES, FRAME_FLAG, INVALID_M2P } from '../../../layout/layout.ts';
import { XEN } from '../layout.ts';
import { bringFrame } from '../../../memory/away-frames.ts';
import type { FrameHolder } from '../../../memory/frame-holder.ts';
import { dropLock, takeLock } from '../../../memory/lock.ts';
import { type DomainRecord, FRAME_SHIFT, type Machine } from '../../../memory/machine.ts';
import { ramGfn } from '../../../layout/ram-layout.ts';
import { mfnOf, type SecondStage } from '../../../memory/second-stage.ts';
import { ENOMEM } from '../abi.ts';
import { flushDomain, forgetBeforeGuest, isInGuest } from '../../../memory/flush.ts';

/** Frames that one sweep looks for. */
const SWEEP_WANTED = 128;
/** How often someone else's worker asks the domain's for a sweep. */
const MOST_TRIES = 64;
/** Words of a frame. */
const WORDS_A_FRAME = FRAME_BYTES / 4;

/** XENMEM_get_pod_target. */
export interface PodTarget {
  /** Frames that the domain owns, those of its cache among them. */
  totPages: number;
  podCachePages: number;
  /** Guest frames without memory yet. */
  podEntries: number;
}

export class Pod {
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private readonly words: Int32Array;
  private readonly xen: number;
  private readonly stage: SecondStage;
  /** Drops the domain's translations. Absent: this is not its worker. */
  private readonly forget: (() => void) | undefined;

  constructor(machine: Machine, record: DomainRecord, forget?: () => void) {
    this.machine = machine;
    this.record = record;
    this.forget = forget;
    this.words = machine.words;
    this.xen = record.guestOffset >>> 2;
    this.stage = machine.secondStage(record);
  }

  private get(field: number): number {
    return this.words[this.xen + field];
  }

  private add(field: number, change: number): void {
    Atomics.add(this.words, this.xen + field, change);
  }

  /** Guest frames without memory, and frames of the cache. */
  get entries(): number {
    return this.get(XEN.POD_ENTRIES);
  }

  get count(): number {
    return this.get(XEN.POD_COUNT);
  }

  /** Runs `section` while no other worker changes cache or entries. A domain that waits here for another that waits for it answers its flush. */
  private locked<T>(section: () => T): T {
    const at = this.xen + XEN.POD_LOCK;
    if (takeLock(this.machine, at)) this.repair();
    const result = section();
    dropLock(this.machine, at);
    return result;
  }

  /**
   * The holder of the lock died (the domain's own worker, or that of a domain that uses its grants): entries are counted, and the cache is what the domain
   * owns and nobody sees or holds. (A frame that the guest has hidden from itself joins it: nobody can tell the two apart any more.)
   */
  private repair(): void {
    const { machine, words, record } = this;
    const seen = new Set<number>();
    let entries = 0;
    for (const [, entry] of this.stage.entries()) {
      if (mfnOf(entry) < 0) entries++;
      else seen.add(mfnOf(entry));
    }
    for (const field of [XEN.POD_FIRST, XEN.POD_COUNT]) words[this.xen + field] = 0;
    words[this.xen + XEN.POD_ENTRIES] = entries;
    for (let mfn = 0; mfn < machine.frames && this.count < entries; mfn++) {
      if (machine.ownerOf(mfn) !== record.id || seen.has(mfn) || !this.isPlain(mfn) || machine.references(mfn) !== 1)
        continue;
      machine.scrub(mfn);
      this.push(mfn);
    }
  }

  /** Memory of the domain's, which it has not given up: no ROM, no frame buffer, no grant table. */
  private isPlain(mfn: number): boolean {
    return (
      (this.words[this.machine.frameEntry(mfn) + FRAME.FLAGS] &
        (FRAME_FLAG.ALLOCATED | FRAME_FLAG.DEVICE | FRAME_FLAG.XEN)) ===
      FRAME_FLAG.ALLOCATED
    );
  }

  isOnDemand(gfn: number): boolean {
    return this.stage.isOnDemand(gfn);
  }

  // ---- the cache: a list of zeroed frames of the domain's that lie nowhere

  private push(mfn: number): void {
    this.words[this.machine.frameEntry(mfn) + FRAME.SHARED] = this.get(XEN.POD_FIRST);
    this.words[this.xen + XEN.POD_FIRST] = mfn + 1;
    this.add(XEN.POD_COUNT, 1);
  }

  /** -1: it is empty. */
  private pop(): number {
    const mfn = this.get(XEN.POD_FIRST) - 1;
    if (mfn < 0) return -1;
    const next = this.machine.frameEntry(mfn) + FRAME.SHARED;
    this.words[this.xen + XEN.POD_FIRST] = this.words[next];
    this.words[next] = 0;
    this.add(XEN.POD_COUNT, -1);
    return mfn;
  }

  /** Frames of the host's fill the cache up to `target`, or go back from it. -ENOMEM: the host has too few, and none was taken. */
  private setCount(target: number): number {
    const { machine } = this;
    const missing = target - this.count;
    if (missing > 0) {
      const taken = machine.allocate(missing, this.record.id);
      if (!taken) return -ENOMEM;
      for (const mfn of taken) this.push(mfn);
      this.add(XEN.CURRENT_FRAMES, missing);
    }
    while (this.count > target) {
      machine.release(this.pop());
      this.add(XEN.CURRENT_FRAMES, -1);
    }
    return 0;
  }

  /** What the toolstack asks for when it builds the domain: frames of RAM `first` to `end` without memory, and this many frames for them. 0 or -ENOMEM. */
  build(first: number, end: number, frames: number): number {
    return this.locked(() => {
      if (this.setCount(Math.min(frames, end - first)) !== 0) return -ENOMEM;
      for (let n = first; n < end; n++) this.stage.defer(ramGfn(this.record, n));
      this.add(XEN.POD_ENTRIES, end - first);
      return 0;
    });
  }

  // ---- use

  /** A guest frame is used: what is on another host comes, and it gets memory. True: it has some, now or already; false: there is none left, and the domain cannot go on. */
  demand(gfn: number): boolean {
    bringFrame(this.machine, this.record, this.stage, gfn);
    for (let tries = 0; this.isOnDemand(gfn); tries++) {
      const swept = this.locked(() => this.populate(gfn));
      if (swept) continue;
      if (swept === false || tries === MOST_TRIES) return false;
      Atomics.store(this.words, this.xen + XEN.POD_WANTED, 1);
      flushDomain(this.machine, this.record);
    }
    return this.stage.entry(gfn) !== 0;
  }

  /** With the lock held. False: there is no memory left; undefined: only the domain's own worker can look for some, as its guest runs. */
  private populate(gfn: number): boolean | undefined {
    if (!this.isOnDemand(gfn)) return true;
    if (this.count === 0) {
      if (!this.isStill) return undefined;
      this.sweep();
    }
    const mfn = this.pop();
    if (mfn < 0) return false;
    this.add(XEN.POD_ENTRIES, -1);
    this.words[this.machine.m2p + mfn] = gfn;
    this.stage.map(gfn, mfn);
    return true;
  }

  /** The guest does not run, and does not begin to while the lock is held. */
  private get isStill(): boolean {
    return this.forget !== undefined || !isInGuest(this.machine, this.record);
  }

  /** The domain's worker is about to run its guest: nobody is taking memory from it now, and who waits for some gets it. */
  beforeGuest(): void {
    // To take the lock is to wait for its holder, and to repair what a dead holder had begun.
    if (Atomics.load(this.words, this.xen + XEN.POD_LOCK) !== 0) this.locked(() => {});
    if (Atomics.load(this.words, this.xen + XEN.POD_WANTED) === 0) return;
    this.locked(() => {
      if (this.count === 0) this.sweep();
      Atomics.store(this.words, this.xen + XEN.POD_WANTED, 0);
    });
  }

  /** What Xen prints when that is so. */
  outOfMemory(current: number): string {
    return `p2m_pod_demand_populate: Dom${this.record.id} out of PoD memory! (tot=${this.get(XEN.CURRENT_FRAMES)} ents=${this.entries} dom${current})`;
  }

  /** The guest gives an entry back that never got memory. False: it is none. */
  dropEntry(gfn: number): boolean {
    return this.locked(() => {
      if (!this.isOnDemand(gfn)) return false;
      this.stage.unmap(gfn);
      this.add(XEN.POD_ENTRIES, -1);
      // No more frames are kept than entries wait for.
      if (this.count > this.entries) this.setCount(this.entries);
      return true;
    });
  }

  /**
   * The guest has given back a frame that no guest reaches any more: while entries wait for memory that is not there, the cache keeps it.
   * False: it goes to the host.
   */
  keep(mfn: number): boolean {
    const { machine } = this;
    if (this.entries <= this.count || machine.references(mfn) !== 1 || !this.isPlain(mfn)) return false;
    return this.locked(() => {
      if (this.entries <= this.count) return false;
      machine.scrub(mfn);
      this.push(mfn);
      return true;
    });
  }

  /** The domain runs no more, and all its frames go: the list of its cache ends before they do. */
  forgetAll(): void {
    for (const field of [XEN.POD_FIRST, XEN.POD_COUNT, XEN.POD_ENTRIES, XEN.POD_LOCK]) this.words[this.xen + field] = 0;
  }

  // ---- the toolstack's target

  get target(): PodTarget {
    return { totPages: this.get(XEN.CURRENT_FRAMES), podCachePages: this.count, podEntries: this.entries };
  }

  /** How often zeroes were looked for. */
  get sweeps(): number {
    return this.get(XEN.POD_SWEEPS);
  }

  /**
   * XENMEM_set_pod_target: the domain shall have `target` frames in all. 0 or -ENOMEM. Nothing happens where no entry waits, or the domain has that much
   * already: then its balloon driver is what changes it.
   */
  setTarget(target: number): number {
    return this.locked(() => {
      const total = this.get(XEN.CURRENT_FRAMES);
      if (this.entries === 0 || !this.machine.isAlive(this.record) || target < total) return 0;
      return this.setCount(Math.min(target - (total - this.count), this.entries));
    });
  }

  // ---- reclaiming

  /** Takes memory back that holds zeroes, from the top of the guest's memory down and round, until enough was found. The guest does not run. */
  private sweep(): void {
    const { ramFrames } = this.record;
    if (this.get(XEN.POD_HELD) !== 0) return;
    let n = this.get(XEN.POD_SWEEP),
      found = 0;
    this.add(XEN.POD_SWEEPS, 1);
    for (let looked = 0; looked < ramFrames && found < SWEEP_WANTED; looked++) {
      if (--n < FRAMES_AT_ONCE || n >= ramFrames) n = ramFrames - 1;
      if (this.take(ramGfn(this.record, n))) found++;
    }
    this.words[this.xen + XEN.POD_SWEEP] = n;
    this.add(XEN.POD_SWEPT, found);
    if (found === 0) return;
    // Nothing runs that could use a stale translation: the next entry into the guest drops them first.
    if (this.forget) this.forget();
    else forgetBeforeGuest(this.machine, this.record);
  }

  /** Takes a guest frame's memory, where that is RAM of the domain's own that nobody else holds and that holds zeroes. */
  private take(gfn: number): boolean {
    const { machine, words } = this;
    const entry = this.stage.entry(gfn),
      mfn = entry >>> FRAME_SHIFT;
    if ((entry & P2M_RWX) !== P2M_RWX || machine.ownerOf(mfn) !== this.record.id || words[machine.m2p + mfn] !== gfn)
      return false;
    if (!this.isPlain(mfn) || !this.isZero(mfn)) return false;
    // A worker that maps the frame takes a reference and then reads the entry again: one of us sees the other.
    this.stage.defer(gfn);
    if (machine.references(mfn) !== 1) {
      this.stage.put(gfn, entry);
      return false;
    }
    words[machine.m2p + mfn] = INVALID_M2P;
    this.push(mfn);
    this.add(XEN.POD_ENTRIES, 1);
    return true;
  }

  private isZero(mfn: number): boolean {
    const first = mfn * WORDS_A_FRAME;
    for (let i = 0; i < WORDS_A_FRAME; i++) if (this.words[first + i] !== 0) return false;
    return true;
  }
}

/** Frames of the cache are the domain's own, and no reference but its owner's is on them. */
export const POD_FRAMES: FrameHolder = {
  release(machine, record) {
    new Pod(machine, record).forgetAll();
  },
};
