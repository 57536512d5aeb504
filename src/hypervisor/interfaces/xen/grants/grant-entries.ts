/**
 * Where a grant table is: the frames that it lies in, and in them an entry, its status and its users; what belongs to the whole table.
 * Source: xen/include/public/grant_table.h; errors and statuses are the ABI's.
 */
import {
  ACTIVE_PER_FRAME,
  ACTIVE_WORDS,
  ENTRIES_V1,
  ENTRIES_V2,
  GRANT,
  GRANT_ACTIVE as ACTIVE,
  GRANTS_AT,
  STATUS_PER_FRAME,
} from '../layout.ts';
import { DOMID_XEN, FRAME_SHIFT } from '../../../memory/machine.ts';
import { dropLock, Journal, takeLock } from '../../../memory/lock.ts';
import { EBUSY, EINVAL, ENOMEM, ENOSYS, GNTST, GTF } from '../abi.ts';
import type { Ports } from '../events/ports.ts';
import { dropWritable, takeWritable } from '../memory/writable.ts';
import { GrantEntryV1, GrantEntryV2 } from '../shared.ts';

/** Entries that the toolstack fills and that outlive a change of version: 0 the console's ring, 1 the store's. */
const RESERVED_ENTRIES = 8;
/** Words of an entry's fields. */
const V1 = { frame: GrantEntryV1.offsets.frame >>> 2, words: GrantEntryV1.bytes >>> 2 };
export const V2 = {
  frame: GrantEntryV2.offsets.frame >>> 2,
  page_off: GrantEntryV2.offsets.page_off >>> 2,
  trans_domid: GrantEntryV2.offsets.trans_domid >>> 2,
  gref: GrantEntryV2.offsets.gref >>> 2,
  words: GrantEntryV2.bytes >>> 2,
};
/** Of a frame of the table that nobody has mapped: its owner's, and ours. */
const OWN_REFERENCES = 2;

export abstract class GrantEntries {
  readonly ports: Ports;
  protected readonly words: Int32Array;
  protected readonly block: number;
  protected readonly journal: Journal;

  constructor(ports: Ports) {
    this.ports = ports;
    this.words = ports.words;
    this.block = (ports.record.guestOffset + GRANTS_AT) >>> 2;
    this.journal = new Journal(ports.machine, this.block + GRANT.JOURNAL, (mfn, writer) =>
      writer ? this.endWrites(mfn) : ports.machine.dropReference(mfn),
    );
    if (this.get(GRANT.VERSION) === 0) {
      this.set(GRANT.VERSION, 1);
      this.set(GRANT.MAX_VERSION, 2);
      this.set(GRANT.MAX_FRAMES, GRANT.FRAMES_LIMIT);
    }
  }

  /** The holder of the lock died: what it changed is undone. */
  protected abstract repair(): void;
  /** One writer of a frame less. */
  protected abstract endWrites(mfn: number): void;

  protected get(field: number): number {
    return this.words[this.block + field];
  }

  protected set(field: number, value: number): void {
    this.words[this.block + field] = value;
  }

  /** In a section. */
  protected change(field: number, value: number): void {
    this.journal.set(this.block + field, value);
  }

  protected get domid(): number {
    return this.ports.record.id;
  }

  get version(): number {
    return this.get(GRANT.VERSION);
  }

  /** Frames of entries that the table has, and may have. */
  get frames(): number {
    return this.get(GRANT.FRAMES);
  }

  get maxFrames(): number {
    return this.get(GRANT.MAX_FRAMES);
  }

  get statusFrames(): number {
    return this.get(GRANT.STATUS_FRAMES);
  }

  get entries(): number {
    return this.frames * (this.version === 2 ? ENTRIES_V2 : ENTRIES_V1);
  }

  /** Limits that a definition asks for (max_grant_frames, max_grant_version). */
  limit(maxFrames: number, maxVersion: number): void {
    this.set(GRANT.MAX_FRAMES, Math.min(maxFrames, GRANT.FRAMES_LIMIT));
    this.set(GRANT.MAX_VERSION, maxVersion);
  }

  /** Runs `section` alone on this table; `after`: what cannot be undone, once it is done. Both as lock.ts says. */
  locked<T>(section: () => T, after?: (result: T) => void): T {
    const { machine } = this.ports;
    const at = this.block + GRANT.LOCK;
    if (takeLock(machine, at)) this.repair();
    const result = section();
    this.journal.commit();
    after?.(result);
    this.set(GRANT.ENTRY, 0);
    dropLock(machine, at);
    return result;
  }

  // ---- frames of the table

  /** Grows to `frames` frames. False: past the limit, or no memory; then nothing has changed. */
  grow(frames: number): boolean {
    if (frames > this.maxFrames) return false;
    // A section a frame: a journal holds so much.
    while (this.frames < frames) if (!this.locked(() => this.frames >= frames || this.addFrame())) return false;
    return this.locked(() => this.version !== 2 || this.growStatus());
  }

  private addFrame(): boolean {
    const { machine } = this.ports;
    const active = machine.allocate(2, DOMID_XEN);
    const shared = active && this.allocateShared();
    if (!active || shared === null) {
      if (active) for (const mfn of active) machine.release(mfn);
      return false;
    }
    const { frames } = this;
    this.change(GRANT.ACTIVE + 2 * frames, active[0]);
    this.change(GRANT.ACTIVE + 2 * frames + 1, active[1]);
    this.change(GRANT.SHARED + frames, shared);
    this.change(GRANT.FRAMES, frames + 1);
    return true;
  }

  /** A frame of the domain's that it cannot lose: a second reference is ours. */
  private allocateShared(): number | null {
    const { machine } = this.ports;
    const frame = machine.allocate(1, this.domid);
    if (!frame) return null;
    takeWritable(machine, this.ports.record, frame[0]);
    machine.setXenFrame(frame[0]);
    return frame[0];
  }

  private growStatus(): boolean {
    const wanted = Math.ceil((this.frames * ENTRIES_V2) / STATUS_PER_FRAME);
    while (this.statusFrames < wanted) {
      const mfn = this.allocateShared();
      if (mfn === null) return false;
      this.change(GRANT.STATUS + this.statusFrames, mfn);
      this.change(GRANT.STATUS_FRAMES, this.statusFrames + 1);
    }
    return true;
  }

  sharedFrame(index: number): number {
    return this.get(GRANT.SHARED + index);
  }

  statusFrame(index: number): number {
    return this.get(GRANT.STATUS + index);
  }

  /** XENMEM_add_to_physmap, space 1: the machine frame of a table frame, for which the table grows where it may; -EINVAL. */
  frameAt(index: number, status: boolean): number {
    if (status) {
      if (this.version !== 2) return -EINVAL;
      if (index >= this.statusFrames) this.grow(Math.ceil(((index + 1) * STATUS_PER_FRAME) / ENTRIES_V2));
      return index < this.statusFrames ? this.statusFrame(index) : -EINVAL;
    }
    if (index >= this.frames && !this.grow(index + 1)) return -EINVAL;
    return this.sharedFrame(index);
  }

  // ---- entries. Word 0 of an entry: flags, and the domain that may use it in bits 16-31.

  /** Word of an entry that holds its frame. */
  protected get frameWord(): number {
    return this.version === 2 ? V2.frame : V1.frame;
  }

  /** Index in machine memory of an entry. */
  entryAt(ref: number): number {
    return this.version === 2
      ? (this.sharedFrame(ref >>> 8) << (FRAME_SHIFT - 2)) + (ref & (ENTRIES_V2 - 1)) * V2.words
      : (this.sharedFrame(ref >>> 9) << (FRAME_SHIFT - 2)) + (ref & (ENTRIES_V1 - 1)) * V1.words;
  }

  /** Word that holds a status of version 2, and where in it. */
  private statusAt(ref: number): [word: number, shift: number] {
    const half = (this.statusFrame(Math.floor(ref / STATUS_PER_FRAME)) << (FRAME_SHIFT - 1)) + (ref % STATUS_PER_FRAME);
    return [half >>> 1, (half & 1) * 16];
  }

  protected activeAt(ref: number): number {
    return (
      (this.get(GRANT.ACTIVE + Math.floor(ref / ACTIVE_PER_FRAME)) << (FRAME_SHIFT - 2)) +
      (ref % ACTIVE_PER_FRAME) * ACTIVE_WORDS
    );
  }

  /** Grants a frame to a domain, as the toolstack does for the rings of console and store. */
  grant(ref: number, domid: number, frame: number): void {
    const at = this.entryAt(ref);
    this.words[at + this.frameWord] = frame;
    Atomics.store(this.words, at, GTF.PERMIT_ACCESS | (domid << 16));
  }

  protected setFlags(ref: number, flags: number): void {
    if (this.version === 1) Atomics.or(this.words, this.entryAt(ref), flags);
    else {
      const [at, shift] = this.statusAt(ref);
      Atomics.or(this.words, at, flags << shift);
    }
  }

  protected clearFlags(ref: number, flags: number): void {
    if (this.version === 1) Atomics.and(this.words, this.entryAt(ref), ~flags);
    else {
      const [at, shift] = this.statusAt(ref);
      Atomics.and(this.words, at, ~(flags << shift));
    }
  }

  protected isPinned(ref: number): boolean {
    return this.words[this.activeAt(ref) + ACTIVE.PINS] !== 0;
  }

  /** Gives frames of the table back that the domain could see. */
  protected give(count: number, first: number): void {
    const { machine } = this.ports;
    const frames = Array.from({ length: this.get(count) }, (_, i) => this.get(first + i));
    this.set(count, 0);
    for (const mfn of frames) {
      machine.release(mfn);
      dropWritable(machine, this.ports.record, mfn);
    }
  }

  // ---- the whole table

  /** GNTTABOP_set_version: 0 or an errno. All entries but the reserved ones are lost. */
  setVersion(version: number): number {
    if (version !== 1 && version !== 2) return -EINVAL;
    if (version > this.get(GRANT.MAX_VERSION)) return -ENOSYS;
    return this.locked(() => {
      if (version === this.version) return 0;
      for (let ref = RESERVED_ENTRIES; ref < this.entries; ref++) if (this.isPinned(ref)) return -EBUSY;
      // Somebody still has a status frame mapped: it cannot go.
      for (let i = 0; i < this.statusFrames; i++)
        if (this.ports.machine.references(this.statusFrame(i)) > OWN_REFERENCES) return -EBUSY;
      // Capacity halves with version 2; what was in use above is not: it was just looked at.
      const kept = Array.from({ length: this.frames === 0 ? 0 : RESERVED_ENTRIES }, (_, ref) => this.reserved(ref));
      for (let i = 0; i < this.frames; i++) this.ports.machine.scrub(this.sharedFrame(i));
      this.change(GRANT.VERSION, version);
      // Its entries may be in use by nobody now, but for the reserved ones: a worker that dies here leaves nothing that counts.
      if (version === 1) this.give(GRANT.STATUS_FRAMES, GRANT.STATUS);
      else if (!this.growStatus()) {
        this.change(GRANT.VERSION, 1);
        return -ENOMEM;
      }
      kept.forEach(({ flags, domid, frame }, ref) => {
        if ((flags & GTF.TYPE) !== GTF.PERMIT_ACCESS || flags & GTF.SUB_PAGE) return;
        this.grant(ref, domid, frame);
        Atomics.or(this.words, this.entryAt(ref), flags & GTF.READONLY);
        this.setFlags(ref, flags & (GTF.READING | GTF.WRITING));
      });
      return 0;
    });
  }

  private reserved(ref: number): { flags: number; domid: number; frame: number } {
    const at = this.entryAt(ref);
    let flags = this.words[at] & 0xffff;
    if (this.version === 2) {
      const [word, shift] = this.statusAt(ref);
      flags |= (this.words[word] >>> shift) & (GTF.READING | GTF.WRITING);
    }
    return { flags, domid: this.words[at] >>> 16, frame: this.words[at + this.frameWord] };
  }

  /** GNTTABOP_swap_grant_ref: a status. */
  swap(a: number, b: number): number {
    return this.locked(() => {
      if (a >= this.entries || b >= this.entries) return GNTST.BAD_GNTREF;
      if (this.isPinned(a) || this.isPinned(b)) return GNTST.GENERAL_ERROR;
      const words = this.version === 2 ? 4 : 2;
      const first = this.entryAt(a),
        second = this.entryAt(b);
      for (let i = 0; i < words; i++) {
        const kept = this.words[first + i];
        this.words[first + i] = this.words[second + i];
        this.words[second + i] = kept;
      }
      return GNTST.OKAY;
    });
  }
}
