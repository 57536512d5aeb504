/**
 * The graphics adapter's memory as frames of the domain: the guest writes its linear frame buffer as fast as RAM.
 * What was written is found as hypervisors do (log-dirty): pages start without write access, the first store to one leaves with an EPT violation
 * that marks the page and opens it until the adapter has looked. A page that is written before every look stays open and counts as written, but for
 * every eighth look: an animation pays few exits, and a picture that is paused is soon left alone.
 */
import { P2M_EXECUTE, P2M_READ, P2M_WRITE } from '../../cpu/architecture/index.ts';
import type { VideoMemory } from '../../devices/vga/index.ts';
import { type DomainRecord, FRAME_BYTES, HostError, type Machine, VIDEO_BYTES } from './machine.ts';
import type { SecondStage } from './second-stage.ts';

const FRAMES = VIDEO_BYTES / FRAME_BYTES;
const CLEAN = P2M_READ | P2M_EXECUTE;
/** Looks in a row that found a page written before it stays open, and looks from one closing to the next. */
const HOT_LOOKS = 4,
  OPEN_LOOKS = 8;

export class VideoFrames implements VideoMemory {
  readonly bytes: Uint8Array;
  /** First machine frame of the memory. */
  readonly first: number;
  private readonly stage: SecondStage;
  private readonly flush: () => void;
  /** First guest frame of the linear frame buffer; -1: nowhere. */
  private base = -1;
  private dirty = new Uint8Array(FRAMES);
  /** Pages that only the adapter has written. */
  private pages = 0;
  private taken = new Uint8Array(FRAMES);
  /** Looks in a row that found each page written. */
  private readonly streak = new Uint32Array(FRAMES);

  /** `flush`: the second stage has changed. @throws HostError */
  constructor(machine: Machine, record: DomainRecord, flush: () => void) {
    this.first = machine.allocateRun(FRAMES, record.id);
    if (this.first < 0)
      throw new HostError(
        "The host has too little memory for the guest's graphics adapter (16 MiB). Destroy another domain.",
      );
    for (let i = 0; i < FRAMES; i++) machine.setDeviceFrame(this.first + i);
    this.bytes = new Uint8Array(machine.memory, this.first * FRAME_BYTES, VIDEO_BYTES);
    this.stage = machine.secondStage(record);
    this.flush = flush;
  }

  moved(base: number): void {
    const gfn = base < 0 ? -1 : base / FRAME_BYTES;
    if (gfn === this.base) return;
    if (this.base >= 0) for (let i = 0; i < FRAMES; i++) this.stage.unmap(this.base + i);
    this.base = -1;
    // A window that a guest puts over RAM or ROM, or past the second stage, is reached through the adapter where nothing else answers.
    if (gfn >= 0 && this.stage.isEmpty(gfn, FRAMES)) {
      for (let i = 0; i < FRAMES; i++) this.stage.map(gfn + i, this.first + i, CLEAN);
      this.base = gfn;
    }
    this.dirty.fill(1);
    this.flush();
  }

  /** The guest stores to a page that is not marked yet: marks and opens it. False: not the frame buffer. */
  wrote(guestPhysical: number): boolean {
    const page = this.base < 0 ? -1 : Math.floor(guestPhysical / FRAME_BYTES) - this.base;
    if (page < 0 || page >= FRAMES) return false;
    this.dirty[page] = 1;
    this.pages = Math.max(this.pages, page + 1);
    this.stage.allow(this.base + page, P2M_WRITE);
    return true;
  }

  /** Somebody else than the guest's processor wrote a frame. */
  frameWritten(mfn: number): void {
    const page = mfn - this.first;
    if (page < 0 || page >= FRAMES) return;
    this.dirty[page] = 1;
    this.pages = Math.max(this.pages, page + 1);
  }

  get reach(): number {
    return this.pages * FRAME_BYTES;
  }

  /** What lies neither in the pages nor in the second stage. */
  save(): { base: number; dirty: Uint8Array; streak: Uint32Array } {
    return { base: this.base, dirty: this.dirty.slice(), streak: this.streak.slice() };
  }

  /** Pages and second stage are as they were. */
  restore({ base, dirty, streak }: ReturnType<VideoFrames['save']>): void {
    this.base = base;
    this.pages = FRAMES;
    this.dirty.set(dirty);
    this.streak.set(streak);
  }

  takeDirtyPages(): Uint8Array {
    const { dirty } = this;
    this.dirty = this.taken.fill(0);
    this.taken = dirty;
    let closed = false;
    if (this.base >= 0) {
      for (let page = 0; page < FRAMES; page++) {
        if (!dirty[page]) {
          this.streak[page] = 0;
          continue;
        }
        if (!(this.stage.rights(this.base + page) & P2M_WRITE)) continue;
        if (++this.streak[page] > HOT_LOOKS && this.streak[page] % OPEN_LOOKS !== 0) {
          this.dirty[page] = 1;
          continue;
        }
        this.stage.deny(this.base + page, P2M_WRITE);
        closed = true;
      }
    }
    if (closed) this.flush();
    return dirty;
  }
}
