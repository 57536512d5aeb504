/** A domain that is saved, some MiB at a time: at once, or after its memory was copied while it ran. No part of its state is kept here. */
import type { Domain } from '../../../domain/domain.ts';
import type { Precopy, PrecopyWish, SavedPart } from '../../../domain/saved-part.ts';
import { blocksLeft, endTaking, takenRecords } from '../../../disks/saved-disks.ts';
import { xenOf } from '../of-domain.ts';
import { CopiedAhead } from './copied-ahead.ts';
import { PAGES_PER_RECORD } from './format.ts';
import { PvCopiedAhead } from './pv-copied-ahead.ts';
import { type SavedBy, StateWriter } from './writer.ts';

/** Of its drives this many blocks go with one part of its memory: 2 MiB. */
const MOST_BLOCKS = 512;

/** A part of a state has at least this many bytes, but for the last one, and less than a record more. */
const PART_BYTES = 2 ** 22;

export class Saver {
  private readonly domain: Domain;
  private readonly by: SavedBy;
  /** What is under way; absent: nothing. */
  private writer: StateWriter | undefined;
  private ahead: CopiedAhead | undefined;
  /** Of the last state, a checkpoint that was whole. Others' logs take its bits: it is worth nothing once another one begins. */
  private last: CopiedAhead | undefined;
  /** They warm code up, which stays warm; of a guest that moves they are also what the other host tries. */
  private readonly mostRehearsals: number;
  private rehearsals = 0;
  private verify = false;
  private rest: Generator<Uint8Array> | undefined;

  /** `mostRehearsals`: in a worker of its own no code is warm yet. */
  constructor(domain: Domain, by: SavedBy, mostRehearsals = 1) {
    this.domain = domain;
    this.by = by;
    this.mostRehearsals = mostRehearsals;
  }

  private get begun(): StateWriter {
    return (this.writer ??= new StateWriter(this.domain, this.by));
  }

  /** Copies some memory, between two slices; of a paravirtual guest only where it moves: a file has its tables' places before them. After the last part the domain should be paused. @throws SavedStateError */
  copyAhead(precopy: Precopy = 'save', wish: PrecopyWish = {}): SavedPart {
    const { mostRounds, verify = false, leaves = false, stops = false, fewFrames } = wish;
    this.verify = verify;
    const xen = xenOf(this.domain);
    const isPv = xen?.isHvm === false;
    if (isPv && precopy !== 'migrate') return { pieces: [], isLast: true };
    const blocks = precopy === 'migrate' ? this.written() : [];
    if (this.isBehindDisks) return { pieces: [...this.begun.ahead([])], isLast: false, blocks };
    const ahead = (this.ahead ??= this.begin(precopy, mostRounds));
    this.begun.known = ahead.copied;
    ahead.few = fewFrames;
    if (leaves) ahead.leave();
    else if (stops) ahead.stop();
    // Its state names machine frames, which are not known before it has suspended itself.
    const isDue = !isPv && !leaves && !stops && ahead.isFirstOver && this.rehearsals < this.mostRehearsals;
    const rehearsal = isDue ? this.begun.rehearsal(precopy === 'migrate') : undefined;
    if (isDue) {
      ahead.rehearse();
      this.rehearsals++;
    }
    return {
      pieces: [...this.begun.ahead(isDue ? [] : ahead.step())],
      isLast: ahead.isDone,
      ...(blocks.length > 0 ? { blocks } : {}),
      // What is left is counted by a walk over all of memory, which is not wanted of a file or a checkpoint.
      ...(precopy === 'migrate' ? { round: ahead.round } : {}),
      ...(rehearsal ? { rehearsal } : {}),
    };
  }

  /** Some of what the domain has written of its drives here, and has not gone. */
  private written(): Uint8Array[] {
    const { ide = [] } = this.domain.options;
    this.partsOfDisks ??= Math.ceil(blocksLeft(ide) / MOST_BLOCKS);
    this.partsOfDisks--;
    const [record] = takenRecords(ide, MOST_BLOCKS);
    return record ? [record] : [];
  }
  /** Those go before its memory, of which the guest writes meanwhile. What it has written since goes with that: it may write as fast as anything goes. */
  private partsOfDisks: number | undefined;
  private get isBehindDisks(): boolean {
    return (this.partsOfDisks ?? 0) > 0;
  }

  private begin(precopy: Precopy, mostRounds?: number): CopiedAhead {
    const { last } = this;
    this.last = undefined;
    if (precopy === 'migrate') this.rehearsals = 0;
    if (precopy !== 'checkpoint' || !last) {
      last?.end();
      return xenOf(this.domain)?.isHvm === false
        ? new PvCopiedAhead(this.domain, PAGES_PER_RECORD, mostRounds)
        : new CopiedAhead(this.domain, precopy, PAGES_PER_RECORD, mostRounds);
    }
    last.again();
    return last;
  }

  /** It is not saved after all; the next checkpoint has all of its memory. */
  forget(): void {
    this.last?.end();
    this.last = undefined;
    this.ahead?.end();
    this.clear();
  }

  /** All of it was taken: what a checkpoint has copied counts for the next one. */
  private finish(): void {
    if (this.ahead?.isKept) this.last = this.ahead;
    else this.ahead?.end();
    this.clear();
  }

  /** Nothing is under way. */
  private clear(): void {
    endTaking(this.domain.options.ide ?? []);
    this.partsOfDisks = undefined;
    this.ahead = this.rest = this.writer = undefined;
    this.verify = false;
  }

  /** The next part of the rest; the domain does not run before there is nothing left. @throws SavedStateError */
  save(): SavedPart {
    try {
      this.rest ??= this.begun.rest(this.ahead, undefined, this.verify);
      const pieces: Uint8Array[] = [];
      for (let bytes = 0; bytes < PART_BYTES; ) {
        const { value, done } = this.rest.next();
        if (done) {
          this.finish();
          return { pieces, isLast: true };
        }
        pieces.push(value);
        bytes += value.length;
      }
      return { pieces, isLast: false };
    } catch (error) {
      this.forget();
      throw error;
    }
  }
}
