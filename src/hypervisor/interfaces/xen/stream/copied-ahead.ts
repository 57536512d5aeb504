/**
 * Memory of a domain that is copied while its guest runs, so that only what it has written since is copied while it stands still. The rounds are those of
 * libxc's live migration (tools/libs/guest/xg_sr_save.c): all of it, then what was written meanwhile, until that is little, or no less than the time before.
 * A page may come several times in a stream: the last one is what counts.
 */
import type { Domain } from '../../../domain/domain.ts';
import { DirtyLog } from '../../../memory/dirty-log.ts';
import { xenOf } from '../of-domain.ts';
import { ownWrites } from '../own-writes.ts';
import { PAGE, PAGES_PER_RECORD } from './format.ts';
import { ramFramesOf } from './memory.ts';
import { type Page, pageOf } from './pages.ts';

/** Rounds end when fewer frames were written than this, or after so many: the policy of libxc. */
const FEW = 50,
  MOST_ROUNDS = 5;

export class CopiedAhead {
  private readonly domain: Domain;
  private readonly pagesAStep: number;
  private readonly log: DirtyLog;
  /** By guest frame: the machine frame + 1 whose contents were given out as they are, but for what the log says; 0: none. */
  private readonly copied: Int32Array;
  /** Of the round under way: guest frames that are still to be copied, and what lies behind them. */
  private todo: [gfn: number, mfn: number][];
  private round = 0;
  private lastWritten = Infinity;

  /** Of a guest that does not know its machine frames: a paravirtual one's tables change with their place. `pagesAStep`: at most PAGES_PER_RECORD. */
  constructor(domain: Domain, pagesAStep = PAGES_PER_RECORD) {
    this.domain = domain;
    this.pagesAStep = pagesAStep;
    const { machine, record } = domain.options;
    const isXen = xenOf(domain) !== undefined;
    this.log = new DirtyLog({
      machine,
      record,
      flush: () => domain.processor.flushTlb(),
      ...(isXen ? { ownWrites: () => ownWrites(machine, record) } : {}),
    });
    this.copied = new Int32Array(machine.secondStage(record).frames);
    this.todo = [...ramFramesOf(domain)].filter(([, mfn]) => mfn >= 0);
  }

  /** How many frames are left to copy now; 0: what is left is copied at the end. */
  get left(): number {
    return this.todo.length;
  }

  /** Some pages, between two slices, to be copied before the next one. */
  step(): Page[] {
    const { machine } = this.domain.options;
    const pages: Page[] = [];
    for (const [gfn, mfn] of this.todo.splice(0, this.pagesAStep)) {
      // It was given back since, and is perhaps another's.
      if (this.mfnAt(gfn) !== mfn) continue;
      pages.push(pageOf(machine, gfn, mfn));
      this.copied[gfn] = mfn + 1;
    }
    if (this.todo.length === 0) this.nextRound();
    return pages;
  }

  private nextRound(): void {
    if (this.lastWritten < FEW || ++this.round >= MOST_ROUNDS) return;
    const before = this.lastWritten;
    this.takeWritten();
    const todo: [number, number][] = [];
    for (const [gfn, mfn] of ramFramesOf(this.domain))
      if (mfn >= 0 && this.copied[gfn] !== mfn + 1) todo.push([gfn, mfn]);
    this.lastWritten = todo.length;
    if (todo.length >= FEW && todo.length < before / 2) this.todo = todo;
    else this.lastWritten = 0;
  }

  /** What was written is not as it was copied. */
  private takeWritten(): void {
    const written = this.log.clean();
    for (let at = 0; at < written.length; at++)
      for (let bits = written[at]!; bits !== 0; bits &= bits - 1)
        this.copied[8 * at + 31 - Math.clz32(bits & -bits)] = 0;
  }

  /** The machine frame at a guest frame, where the second stage shows the RAM there: the log knows only what it shows. */
  private mfnAt(gfn: number): number {
    const { machine, record } = this.domain.options;
    return machine.secondStage(record).mfn(gfn);
  }

  /** While the domain stands still: the pages that are not as they were copied, to the end of its memory. Once. */
  *rest(): Generator<Page> {
    this.takeWritten();
    this.end();
    const { copied } = this,
      { machine } = this.domain.options;
    for (const [gfn, behind] of ramFramesOf(this.domain)) {
      const isCopied = behind >= 0 && copied[gfn] === behind + 1 && this.mfnAt(gfn) === behind;
      copied[gfn] = 0;
      if (!isCopied) yield pageOf(machine, gfn, behind);
    }
    // Copied, and no memory of the guest's any more.
    for (let gfn = 0; gfn < copied.length; gfn++) if (copied[gfn] !== 0) yield { pfn: gfn, type: PAGE.INVALID };
  }

  /** Nothing is kept any more. */
  end(): void {
    this.log.end();
  }
}
