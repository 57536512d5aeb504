/** States of a domain at moments of its run: memory, disks and devices, each by what changed since the one before. They are thinned out as they age. */
import type { IdeAttachment } from '../../devices/ide/index.ts';
import type { OverlayDisk } from '../disks/overlay-disk.ts';
import type { AddressPoint } from '../domain/break-points.ts';
import type { Domain } from '../domain/domain.ts';
import { SavedStateError } from '../domain/saved-state-error.ts';
import { type Moment, momentOf } from '../domain/slice-again.ts';
import { FRAME_BYTES } from '../layout/layout.ts';
import { WrittenFrames } from '../memory/written-frames.ts';
import { Areas } from './areas.ts';
import { PIECE_WORDS, pieceOf, putPiece } from './pieces.ts';
import { putRest, type Rest, takeRest } from './rest.ts';
import { type Piece, Versions } from './versions.ts';

export interface Checkpoint {
  /** Its number: later ones have higher ones. */
  id: number;
  moment: Moment;
  /** The slice that came next, and how many of the events before that had been. */
  slice: number;
  events: number;
  rest: Rest;
}

/** Of those older than this all may go but for one in each eighth of their age. */
const DENSE_NS = 10e9,
  OF_AGE = 8;

export class Checkpoints {
  private readonly domain: Domain;
  private readonly room: number;
  private readonly list: Checkpoint[] = [];
  private readonly written: WrittenFrames;
  /** By machine frame. */
  private readonly ram = new Versions();
  private readonly areas: Areas;
  private readonly disks = new Map<OverlayDisk, Versions>();
  private lastId = 0;
  /** Memory is as at this checkpoint, but for what is noted as written since. */
  private base = 0;
  /** What the first one took. */
  private firstBytes = 0;

  /** @throws SavedStateError */
  constructor(domain: Domain, room: number) {
    this.domain = domain;
    this.room = room;
    const { machine, record, ide = [], flashFile } = domain.options;
    for (const drive of ide) this.follow(drive);
    if (flashFile)
      throw new SavedStateError('The firmware of this guest writes its variables to a file, which does not go back.');
    this.areas = new Areas(domain);
    this.written = new WrittenFrames(machine, record);
  }

  /** @throws SavedStateError */
  private follow({ disk }: IdeAttachment): void {
    if (!disk) return;
    const overlay = disk as OverlayDisk;
    if (!('takeWritten' in disk) || !overlay.keepsWrites)
      throw new SavedStateError(
        'A drive of this guest is written where it lies, and would not go back with it. Start the guest without rw.',
      );
    if (!this.disks.has(overlay)) this.disks.set(overlay, new Versions());
  }

  get first(): Checkpoint {
    return this.list[0]!;
  }

  get last(): Checkpoint {
    return this.list.at(-1)!;
  }

  get bytes(): number {
    return [this.ram, this.areas.versions, ...this.disks.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** One more, of now. The domain's translations are forgotten. */
  keep(slice: number, events: number): void {
    const { domain, list } = this,
      before = list.at(-1),
      id = ++this.lastId;
    for (const mfn of before ? this.written.take() : this.allFrames()) this.ram.put(id, mfn, this.frame(mfn));
    domain.processor.flushTlb();
    const rest = takeRest(domain, before?.rest);
    this.areas.take(id, before?.id ?? 0);
    for (const drive of domain.options.ide ?? []) this.follow(drive);
    for (const [disk, versions] of this.disks)
      for (const block of disk.takeWritten()) versions.put(id, block, disk.block(block)?.slice());
    list.push({ id, moment: momentOf(domain), slice, events, rest });
    this.base = id;
    if (list.length === 1) this.firstBytes = this.bytes;
  }

  /** Frames of RAM, and what lies in them that is not all zero. */
  private *allFrames(): Generator<number> {
    const { machine, record } = this.domain.options;
    for (let mfn = 0; mfn < machine.frames; mfn++) if (machine.ownerOf(mfn) === record.id && this.frame(mfn)) yield mfn;
  }

  /** Undefined: zeros. */
  private frame(mfn: number): Piece {
    const words = pieceOf(this.domain.options.machine.words, mfn * PIECE_WORDS, undefined);
    return words && new Uint8Array(words.buffer);
  }

  /** Makes room: of two that lie close for their age the older one goes, and then the oldest. */
  thin(): void {
    const { list, room } = this;
    const nowNs = this.last.moment.ns;
    for (let i = 1; i < list.length - 1; i++) {
      const [before, { moment }, next] = [list[i - 1]!, list[i]!, list[i + 1]!],
        ageNs = nowNs - moment.ns;
      if (ageNs < DENSE_NS || next.moment.ns - before.moment.ns > ageNs / OF_AGE) continue;
      this.forget(i--);
    }
    while (this.bytes - this.firstBytes > room && list.length > 2) this.forgetFirst();
  }

  private forget(index: number): void {
    const [{ id }, next] = [this.list[index]!, this.list[index + 1]!];
    for (const versions of this.all()) versions.forget(id, next.id);
    this.list.splice(index, 1);
  }

  private forgetFirst(): void {
    this.list.shift();
    for (const versions of this.all()) versions.forgetBefore(this.first.id);
  }

  private *all(): Generator<Versions> {
    yield this.ram;
    yield this.areas.versions;
    yield* this.disks.values();
  }

  /** The last one before a place; the first one where there is none. */
  before(target: Partial<Moment>): Checkpoint {
    const isBefore = ({ moment }: Checkpoint): boolean =>
      (Object.keys(target) as (keyof Moment)[]).every(what => moment[what] < target[what]!);
    return this.list.findLast(isBefore) ?? this.first;
  }

  /** Those before a moment, the last one first, each with the one behind it. */
  *pairsBefore({ instructions }: Moment): Generator<[checkpoint: Checkpoint, next: Checkpoint]> {
    for (let i = this.list.length - 2; i >= 0; i--)
      if (this.list[i]!.moment.instructions < instructions) yield [this.list[i]!, this.list[i + 1]!];
  }

  /** Whether between two a write to one of these can have been, by the memory that lies there now; where not all of them are of writes, it can. */
  mayBeWritten(points: readonly AddressPoint[], { id }: Checkpoint, next: Checkpoint): boolean {
    const { processor, options } = this.domain,
      stage = options.machine.secondStage(options.record);
    const written = this.ram.between(id, next.id);
    return points.some(({ kind, linear, bytes }) =>
      [linear, linear + bytes - 1].some(at => {
        const address = kind === 'write' ? processor.translate(at) : -1,
          mfn = address < 0 ? -1 : stage.mfn(Math.floor(address / FRAME_BYTES));
        return mfn < 0 || written.has(mfn);
      }),
    );
  }

  /** The domain is as it was then. */
  restore({ id, rest }: Checkpoint): void {
    const { domain, ram, areas, disks } = this,
      { processor } = domain;
    const frames = ram.between(this.base, id);
    for (const mfn of this.written.take()) frames.add(mfn);
    for (const mfn of frames) {
      this.putFrame(mfn, ram.at(id, mfn));
      processor.invalidate(mfn);
    }
    for (const [disk, versions] of disks) {
      const blocks = versions.between(this.base, id);
      for (const block of disk.takeWritten()) blocks.add(block);
      for (const block of blocks) disk.putBlock(block, versions.at(id, block));
    }
    this.base = id;
    domain.screen.replace(() => {
      areas.put(id);
      putRest(domain, rest, () => areas.put(id));
    });
  }

  private putFrame(mfn: number, piece: Piece): void {
    putPiece(this.domain.options.machine.words, mfn * PIECE_WORDS, piece && new Int32Array(piece.buffer));
  }

  /** The run has come, from the one before, to where one was made before this slice: memory is as it was then. */
  passed(slice: number, events: number): void {
    const checkpoint = this.list.find(each => each.slice === slice && each.events === events);
    if (!checkpoint || checkpoint.id <= this.base) return;
    this.written.take();
    for (const disk of this.disks.keys()) disk.takeWritten();
    this.base = checkpoint.id;
  }

  /** The run goes on from a place after which all are gone. */
  forgetAfter(slice: number, events: number): void {
    const { list } = this;
    while (this.last.slice > slice || (this.last.slice === slice && this.last.events > events)) list.pop();
    for (const versions of this.all()) versions.forgetAfter(this.last.id);
  }

  end(): void {
    this.written.end();
  }
}
