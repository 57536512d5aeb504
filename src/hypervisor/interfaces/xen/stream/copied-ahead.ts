/**
 * Memory of a domain that is copied while its guest runs, so that only what it has written since is copied while it is paused. The rounds are those of
 * libxc's live migration (send_memory_live() in tools/libs/guest/xg_sr_save.c): all of it, then what was written meanwhile. A page may come several times in a
 * stream: the last one is what counts.
 */
import { P2M_RWX } from '../../../../cpu/architecture/index.ts';
import type { Domain } from '../../../domain/domain.ts';
import type { Precopy, PrecopyRound } from '../../../domain/saved-part.ts';
import { countOf, DirtyLog, framesIn } from '../../../memory/dirty-log.ts';
import { mfnOf, type SecondStage } from '../../../memory/second-stage.ts';
import { xenOf } from '../of-domain.ts';
import { FRAME_SHIFT } from '../../../layout/layout.ts';
import { isRamGfn, ramRanges } from '../../../layout/ram-layout.ts';
import { ownWrites } from '../own-writes.ts';
import { PAGE, PAGES_PER_RECORD } from './format.ts';
import { ramFramesOf } from './memory.ts';
import { SentPages } from './page-delta.ts';
import { type Page, pageOf } from './pages.ts';

/** SPP_TARGET_DIRTY_COUNT and SPP_MAX_ITERATIONS of xg_sr_save.c. */
const FEW = 50,
  MOST_ROUNDS = 5;

/** Of memory, for people who look where a guest writes. */
const PARTS = 64;

/** Of a checkpoint so few are copied while the guest is paused: some milliseconds. */
const FEW_SINCE = 1024;

/** A guest can be without memory from this frame on. */
const FIRST_AWAY = 0x200;

/** Guest frames that are looked at together: 16 MiB. */
const CHUNK_SHIFT = 12;

export class CopiedAhead {
  protected readonly domain: Domain;
  private readonly precopy: Precopy;
  private readonly pagesAStep: number;
  private readonly mostRounds: number;
  private readonly log: DirtyLog;
  /** The log knows only what this shows. */
  private readonly stage: SecondStage;
  /** By the second stage's index, which is a guest frame: the entry behind which the contents were given out as they are, but for what the log says; 0: none. */
  readonly copied: Int32Array;
  /** Of each this many guest frames, whether any was. Most of what a guest could reach is empty. */
  private readonly anyCopied: Uint8Array;
  /** Of the round under way: guest frames that are still to be copied, and what lies behind them. */
  private todo: [gfn: number, mfn: number][];
  private iteration = 0;
  /** Frames of the round under way; it is the last one. */
  private dirty: number;
  private copiedInRound = 0;
  private written: number[] | undefined;
  private isLast = false;
  /** What was written once is written again, and then comes as a delta. Of a file every copy is kept: none of these. */
  private readonly sent: SentPages | undefined;

  /** `pagesAStep`: at most PAGES_PER_RECORD; `first`: its memory by guest frames. A guest that knows its machine frames has another one (pv-copied-ahead.ts). */
  constructor(
    domain: Domain,
    precopy: Precopy = 'save',
    pagesAStep = PAGES_PER_RECORD,
    mostRounds = MOST_ROUNDS,
    first: Iterable<[gfn: number, mfn: number]> = ramFramesOf(domain),
  ) {
    this.domain = domain;
    this.precopy = precopy;
    this.pagesAStep = pagesAStep;
    this.mostRounds = mostRounds;
    if (precopy === 'migrate') this.sent = new SentPages();
    const { machine, record } = domain.options;
    const isXen = xenOf(domain) !== undefined;
    this.log = new DirtyLog({
      machine,
      record,
      flush: () => domain.processor.flushTlb(),
      ...(isXen ? { ownWrites: () => ownWrites(machine, record) } : {}),
    });
    this.stage = machine.secondStage(record);
    this.copied = new Int32Array(this.stage.frames);
    this.anyCopied = new Uint8Array((this.stage.frames >>> CHUNK_SHIFT) + 1);
    this.todo = [...first].filter(([, mfn]) => mfn >= 0);
    this.dirty = this.todo.length;
  }

  /** The next checkpoint: what was written since the last one. */
  again(): void {
    this.takeWritten();
    const todo = this.changedFrames();
    this.todo = todo.length < FEW_SINCE ? [] : todo;
    this.isLast = this.todo.length === 0;
    this.iteration = this.copiedInRound = 0;
    this.written = undefined;
    this.dirty = this.todo.length;
  }

  /** Nothing more is copied while it runs. */
  stop(): void {
    this.isLast = true;
    this.todo = [];
  }

  /** And what the guest can do without for a moment stays where it is. */
  leave(): void {
    this.leaves = true;
    this.stop();
  }
  private leaves = false;
  /** This many frames may go while it is paused (threshold_size of QEMU's migration/migration.c); undefined: libxc's rule. */
  few: number | undefined;

  /** What is left is copied at the end. */
  get isDone(): boolean {
    return this.isLast && this.todo.length === 0;
  }

  /** What was copied counts for the next state, too. */
  get isKept(): boolean {
    return this.precopy === 'checkpoint';
  }

  /** All of memory was copied once. */
  get isFirstOver(): boolean {
    return this.iteration > 0 || this.todo.length === 0;
  }

  /** The round under way, or the last one. */
  get round(): PrecopyRound {
    const { iteration, dirty, copiedInRound: copied, written } = this;
    const left = copied < dirty ? dirty - copied : countOf(this.log.peek());
    return { iteration, dirty, copied, left, ...(written ? { written } : {}) };
  }

  /** Some pages, between two slices, to be copied before the next one. */
  step(): Page[] {
    const pages: Page[] = [];
    if (this.todo.length === 0 && !this.isLast) this.nextRound();
    for (const [gfn, mfn] of this.todo.splice(0, this.pagesAStep)) {
      this.copiedInRound++;
      const page = this.copy(gfn, mfn);
      if (page) pages.push(page);
    }
    return pages;
  }

  /** Undefined: it was sent as it is; or it was given back since, and is perhaps another's: deferred to the end. */
  protected copy(gfn: number, mfn: number): Page | undefined {
    const entry = this.stage.entry(gfn);
    if (mfnOf(entry) !== mfn) return undefined;
    this.note(gfn, entry);
    return this.toSend(pageOf(this.domain.options.machine, gfn, mfn));
  }

  private note(gfn: number, entry: number): void {
    this.copied[gfn] = entry;
    this.anyCopied[gfn >>> CHUNK_SHIFT] = 1;
  }

  /** Undefined: it was sent as it is. Few of the pages of the first round come again. */
  protected toSend(page: Page): Page | undefined {
    const { sent } = this;
    if (!sent || this.iteration === 0) return page;
    const { pfn, type, bytes } = page;
    if (!bytes || type !== PAGE.NORMAL) {
      sent.forget(pfn);
      return page;
    }
    const next = sent.next(pfn, bytes);
    return next && ('delta' in next ? { pfn, type, delta: next.delta } : { pfn, type, bytes: next.whole });
  }

  private nextRound(): void {
    if (this.iteration + 1 >= this.mostRounds) {
      this.isLast = true;
      return;
    }
    const before = this.dirty;
    this.takeWritten();
    const todo = this.changedFrames();
    const isWorthIt = this.precopy === 'migrate' || (todo.length >= FEW && todo.length < before / 2);
    const isTolerable = this.few !== undefined && todo.length <= this.few;
    this.isLast = !isWorthIt || isTolerable || (this.few === undefined && todo.length < FEW);
    if (!isWorthIt || isTolerable || todo.length === 0) return;
    this.iteration++;
    this.dirty = todo.length;
    this.copiedInRound = 0;
    this.todo = todo;
    this.written = this.partsOf(todo);
  }

  /** What part of each part of memory these frames are. */
  private partsOf(frames: readonly [gfn: number, mfn: number][]): number[] {
    const end = ramRanges(this.domain.options.record).at(-1)![1];
    const counts = new Array<number>(PARTS).fill(0);
    for (const [gfn] of frames) if (gfn < end) counts[Math.floor((gfn * PARTS) / end)]!++;
    return counts.map(count => (count * PARTS) / end);
  }

  /** RAM that is not shown there now is left to the end. */
  protected changedFrames(): [number, number][] {
    return [...ramFramesOf(this.domain, this.copied)].filter(([gfn, mfn]) => this.isShown(gfn, mfn));
  }

  private isShown(gfn: number, mfn: number): boolean {
    return mfn >= 0 && this.stage.mfn(gfn) === mfn;
  }

  /** What was written is not as it was copied. */
  protected takeWritten(isLast = false): void {
    for (const gfn of framesIn(isLast ? this.log.last() : this.log.clean())) this.copied[gfn] = 0;
  }

  /** Walks as `rest` will, again: what has run takes less of the time when the domain is paused. */
  rehearse(): void {
    this.log.peek();
    this.changedFrames();
    this.gone();
  }

  /** While the domain is paused: the pages that are not as they were copied, to the end of its memory. Once. */
  *rest(): Generator<Page> {
    this.takeWritten(!this.isKept);
    const { copied, stage, isKept } = this,
      { machine } = this.domain.options;
    const needed = this.leaves ? this.needed() : undefined;
    for (const [gfn, behind] of ramFramesOf(this.domain, copied)) {
      this.note(gfn, isKept && this.isShown(gfn, behind) ? stage.entry(gfn) : 0);
      if (this.leaves && needed && this.mayStay(gfn, behind) && !needed.has(behind)) {
        yield { pfn: gfn, type: PAGE.NORMAL, away: true };
        continue;
      }
      const page = this.toSend(pageOf(machine, gfn, behind));
      if (page) yield page;
    }
    for (const gfn of this.gone()) {
      copied[gfn] = 0;
      yield { pfn: gfn, type: PAGE.INVALID };
    }
  }

  /** Machine frames that the hypervisor itself writes, which it does as soon as the guest is there. */
  private needed(): Set<number> {
    const { machine, record } = this.domain.options;
    return new Set(xenOf(this.domain) ? ownWrites(machine, record) : []);
  }

  /** Plain RAM that nobody but the guest uses. What is below 2 MiB has firmware, windows and the A20 gate before it. */
  private mayStay(gfn: number, mfn: number): boolean {
    const { machine, record } = this.domain.options;
    return (
      mfn >= 0 &&
      gfn >= FIRST_AWAY &&
      isRamGfn(record, gfn) &&
      this.stage.entry(gfn) === ((mfn << FRAME_SHIFT) | P2M_RWX) &&
      machine.references(mfn) === 1
    );
  }

  /** Copied, and no memory of the guest's any more. */
  private gone(): number[] {
    const { copied, anyCopied } = this,
      { words } = this.stage;
    const gone: number[] = [];
    for (let chunk = 0; chunk < anyCopied.length; chunk++) {
      if (anyCopied[chunk] === 0) continue;
      const end = Math.min(copied.length, (chunk + 1) << CHUNK_SHIFT);
      for (let gfn = chunk << CHUNK_SHIFT; gfn < end; gfn++)
        if (copied[gfn] !== 0 && copied[gfn] !== words[gfn]) gone.push(gfn);
    }
    return gone;
  }

  /** Nothing is kept any more. */
  end(): void {
    this.log.end();
  }
}
