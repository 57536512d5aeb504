/**
 * Memory of a paravirtual guest that is copied while it runs. It knows its machine frames, and gives guest frame numbers to them as it likes: what was copied is
 * known by both. Its page tables name machine frames, and are copied while it is paused.
 * Source: xg_sr_save.c and xg_sr_save_x86_pv.c in tools/libs/guest of Xen.
 */
import type { Domain } from '../../../domain/domain.ts';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { tableFrames } from '../grants/frames.ts';
import { xenOf } from '../of-domain.ts';
import type { PvImage } from '../pv/saved.ts';
import { CopiedAhead } from './copied-ahead.ts';
import { PAGE, PAGES_PER_RECORD } from './format.ts';
import { type Page, pageOf } from './pages.ts';

/** No page table, nor memory that could be one unseen. */
const isPlain = (type: number): boolean => type === FRAME_TYPE.NONE || type === FRAME_TYPE.WRITABLE;

/** Guest frames with the machine frames behind them that are no page tables now, by the M2P table. */
function* plainFrames(domain: Domain): Generator<[pfn: number, mfn: number]> {
  const { machine, record } = domain.options;
  const { pv, ports } = xenOf(domain)!;
  const notRam = tableFrames({ ports });
  for (let mfn = 0; mfn < machine.frames; mfn++) {
    if (machine.ownerOf(mfn) !== record.id || notRam.has(mfn) || !isPlain(pv!.types.typeOf(mfn))) continue;
    const pfn = machine.words[machine.m2p + mfn]! >>> 0;
    if (pfn < record.ramFrames) yield [pfn, mfn];
  }
}

export class PvCopiedAhead extends CopiedAhead {
  /** By guest frame number: the machine frame that was copied for it last, and one more; 0: none. `copied` has it by machine frame. */
  private readonly copiedFrom: Int32Array;

  constructor(domain: Domain, pagesAStep = PAGES_PER_RECORD, mostRounds?: number) {
    super(domain, 'migrate', pagesAStep, mostRounds, plainFrames(domain));
    this.copiedFrom = new Int32Array(domain.options.record.ramFrames);
  }

  protected override copy(pfn: number, mfn: number): Page | undefined {
    const { machine, record } = this.domain.options;
    const isThere =
      machine.ownerOf(mfn) === record.id &&
      machine.words[machine.m2p + mfn]! >>> 0 === pfn &&
      isPlain(xenOf(this.domain)!.pv!.types.typeOf(mfn));
    if (!isThere) return undefined;
    this.copied[mfn] = pfn + 1;
    this.copiedFrom[pfn] = mfn + 1;
    return this.toSend(pageOf(machine, pfn, mfn));
  }

  private isCopied(pfn: number, mfn: number): boolean {
    return this.copied[mfn] === pfn + 1 && this.copiedFrom[pfn] === mfn + 1;
  }

  protected override changedFrames(): [pfn: number, mfn: number][] {
    return [...plainFrames(this.domain)].filter(([pfn, mfn]) => !this.isCopied(pfn, mfn));
  }

  /** It knows nothing that a rehearsal could warm up: none is made of it. */
  override rehearse(): void {}

  override *rest(image?: PvImage): Generator<Page> {
    this.takeWritten(true);
    for (const page of image!.pages()) {
      const { pfn, mfn, type } = page;
      if (type === PAGE.NORMAL && mfn !== undefined && this.isCopied(pfn, mfn)) continue;
      const toSend = this.toSend(page);
      if (toSend) yield toSend;
    }
  }
}
