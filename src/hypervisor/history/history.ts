/**
 * *Idea.* In virtual time a domain's run is determined by its state and by its inputs: verbs of people and Domain 0, frames for its network card, and
 * the ends of its slices. So its past need not be recorded instruction by instruction. It is enough to log the inputs (run-log.ts) and to store the
 * state now and then, as a checkpoint, with only the memory and disk blocks written since the previous one. To go to any instruction, exit or time,
 * restore the nearest earlier checkpoint and run from there with the same inputs at the same places. Output that the guest repeats then was already
 * shown: `isReplaying` tells consumers to ignore it.
 *
 * Invariants: each checkpoint flushes the translations (memory/written-frames.ts), which a guest can see in the accessed bits of its page tables; so
 * a replay flushes them at the same places, even where the checkpoint itself was discarded. Only the domain goes back: while it is in its past, its
 * runner lets no other domain run that could interact with it.
 */
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { AddressPoint } from '../domain/break-points.ts';
import type { Domain } from '../domain/domain.ts';
import type { SliceResult } from '../domain/slice.ts';
import { type Moment, momentOf } from '../domain/slice-again.ts';
import { SavedStateError } from '../domain/saved-state-error.ts';
import { Checkpoints, type Checkpoint } from './checkpoints.ts';
import { type AnyInstruction, type Hit, LastHit } from './last-hit.ts';
import { type Event, RunLog } from './run-log.ts';
import { WiresPast } from './wire-past.ts';

export interface HistoryOptions {
  /** Does a verb again (verbs/index.ts); `disc`: what it put into a drive. */
  doVerb(name: string, given: readonly unknown[], disc: BlockDevice | null | undefined): void;
  /** The guest goes on from a moment of its past: so much of its time is lost. */
  goesOn?(lostNs: number): void;
  /** Instructions from one checkpoint to the next. */
  every?: number;
  /** Memory for checkpoints beyond the first one, bytes. */
  room?: number;
}

/** So that who goes back by less than ten seconds waits for half a second at most where the guest computes: so much is gone through in a tenth of that. */
const EVERY = 10_000_000;
/** Looked at before the next look for a hit: a twentieth of a second or so. */
const AT_ONCE = 500_000;
const ROOM = 256 * 2 ** 20;

/** Where to go: to the first moment at which all of these are reached. */
export type Target = Partial<Moment>;

/** `keep`: nothing but that it is kept from now on. `goOn`: what came after is forgotten, and the guest may run from here. */
export type PastWish =
  | { goTo: Target }
  | { back: Target }
  | { backTo: readonly AddressPoint[] }
  | 'present'
  | 'goOn'
  | 'keep';

/** What a debugger asks for besides: forward to the first of these, or an instruction of one vCPU on, or back. */
export type DebugWish = { forthTo: readonly AddressPoint[] } | { stepOf: number; isBack: boolean };

/** Where it is now, how far back it can go, and where its present is. */
export interface PastNow {
  at: Moment;
  oldest: Moment;
  newest: Moment;
  isInPast: boolean;
  /** Memory that its past takes, about, bytes. */
  bytes: number;
  /** Of `backTo`: what it was; absent: none was, and it has not moved. */
  hit?: Hit;
}

export class History {
  private readonly domain: Domain;
  private readonly options: HistoryOptions;
  private readonly log = new RunLog();
  private readonly checkpoints: Checkpoints;
  private readonly wires: WiresPast;
  /** In the past: the slice that comes next or is under way, whether it has begun, and how many events before it were done. Undefined: in the present. */
  private place: { slice: number; begun: boolean; events: number } | undefined;
  private replaying = false;
  /** A probe looks on: where the processor stops within its run it does so elsewhere, and that counts as an exit. */
  private isWatched = false;
  private inSlice = false;
  /** What was asked in the middle of a slice. */
  private waiting: (() => void)[] = [];

  /** Begins to keep it. Between two slices. @throws SavedStateError where it cannot be kept: a sentence */
  constructor(domain: Domain, options: HistoryOptions) {
    this.domain = domain;
    this.options = options;
    if (!domain.clock.virtual)
      throw new SavedStateError('Only a run in virtual time can go back: another follows the clock on the wall.');
    if (domain.remote || domain.options.driveQueue)
      throw new SavedStateError('Devices of this guest are in Domain 0, which does not go back with it.');
    this.wires = new WiresPast(domain.options.machine, domain.options.record);
    this.checkpoints = new Checkpoints(domain, options.room ?? ROOM);
    // A probe looks for the last write of an address, and finds the run as it was.
    domain.processor.evenly = true;
    this.keep();
  }

  // ---- the present

  /** As the domain's; what it needs to be gone through again is noted. */
  runSlice(): SliceResult {
    const { domain, log, wires } = this;
    if (this.place) return { state: 'paused' };
    for (const what of wires.traffic()) log.came({ kind: 'wire', ...what });
    this.inSlice = true;
    const result = domain.runSlice();
    this.inSlice = false;
    if (result.state === 'paused') return result;
    this.wires.are('seen');
    log.add(momentOf(domain), domain.slices.left);
    if (domain.instructions - this.checkpoints.last.moment.instructions >= (this.options.every ?? EVERY)) {
      this.keep();
      this.checkpoints.thin();
      log.forgetBefore(this.checkpoints.first.slice);
    }
    for (const todo of this.waiting.splice(0)) todo();
    return result;
  }

  /** A verb that changes the guest is asked: `act` does it, now or once the slice under way has ended, and says what it put into a drive. */
  asked(name: string, given: readonly unknown[], act: () => BlockDevice | null | undefined): void {
    // It is paused, and what came after would be lost.
    if (this.place) return;
    const todo = (): void => {
      const event: Event = { kind: 'verb', name, given };
      this.log.came(event);
      const disc = act();
      if (disc !== undefined) event.disc = disc;
    };
    if (this.inSlice) this.waiting.push(todo);
    else todo();
  }

  /** A checkpoint, here. */
  private keep(): void {
    const { log } = this;
    log.came({ kind: 'flush' });
    this.checkpoints.keep(log.length, log.eventsBefore(log.length).length);
  }

  /** Nothing is kept any more. */
  end(): void {
    this.domain.processor.evenly = false;
    this.checkpoints.end();
  }

  // ---- where it can go

  /** The guest is not run by its present, but goes through its past: what it says was said. */
  get isReplaying(): boolean {
    return this.replaying;
  }

  get isInPast(): boolean {
    return this.place !== undefined;
  }

  get now(): Moment {
    return momentOf(this.domain);
  }

  get oldest(): Moment {
    return this.checkpoints.first.moment;
  }

  /** Of the present. */
  get newest(): Moment {
    return this.place ? this.checkpoints.last.moment : momentOf(this.domain);
  }

  /** Memory that it takes, about. */
  get bytes(): number {
    return this.checkpoints.bytes;
  }

  get standing(): PastNow {
    const { now: at, oldest, newest, isInPast, bytes } = this;
    return { at, oldest, newest, isInPast, bytes };
  }

  // ---- ways

  /** @throws SavedStateError where the guest has ended */
  follow(wish: PastWish | DebugWish): PastNow {
    let hit: Hit | undefined;
    if (wish === 'present') this.toPresent();
    else if (wish === 'goOn') this.goOn();
    else if (wish === 'keep') hit = undefined;
    else if ('back' in wish) this.back(wish.back);
    else if ('backTo' in wish) hit = this.backTo(wish.backTo);
    else if ('forthTo' in wish) hit = this.forthTo(wish.forthTo);
    else if ('stepOf' in wish) hit = wish.isBack ? this.backTo({ of: wish.stepOf }) : this.forthTo({ of: wish.stepOf });
    else this.goTo(wish.goTo);
    return { ...this.standing, ...(hit ? { hit } : {}) };
  }

  /** Goes there, as far as the run is known. @throws SavedStateError where the guest has ended */
  goTo(target: Target): Moment {
    if (this.domain.ending) throw new SavedStateError('The guest has ended: there is nothing of it to go back from.');
    if (!this.place) this.leave();
    if (isThere(this.newest, target) && isBefore(this.newest, target)) return this.toPresent();
    this.wires.are('show');
    const from = this.checkpoints.before(target),
      { now } = this;
    // Who is between the checkpoint and the place goes on from here.
    if (!(isBefore(from.moment, now) && isBefore(now, target))) this.restore(from);
    for (const [what, value] of Object.entries(target)) this.replay({ [what]: value });
    if (this.hasCaughtUp) this.present();
    else this.wires.are('hide');
    return this.now;
  }

  private get hasCaughtUp(): boolean {
    return this.place?.slice === this.log.length && !this.place.begun;
  }

  /** The present is kept, and is the past from now on. Nothing goes for it, so that a caller that has read how far back it can go may go there. */
  private leave(): void {
    const { log, checkpoints } = this,
      slice = log.length,
      isKept = checkpoints.last.slice === slice && checkpoints.last.events === log.eventsBefore(slice).length;
    if (!isKept) this.keep();
    this.place = { slice, begun: false, events: log.eventsBefore(slice).length };
  }

  /** Back to where it was when it went into its past. */
  toPresent(): Moment {
    if (!this.place) return this.now;
    this.wires.are('show');
    this.restore(this.checkpoints.last);
    this.present();
    return this.now;
  }

  /** Back by this many instructions, exits or nanoseconds. */
  back(by: Target): Moment {
    const { now } = this;
    const target = Object.fromEntries(
      Object.entries(by).map(([what, count]) => [what, now[what as keyof Moment] - count]),
    ) as Target;
    return this.goTo(target);
  }

  /**
   * Back to the last moment before this one at which one of these would have stopped the guest, before the instruction that did it; undefined: none was, as far
   * as its past is kept, and it stays. What devices write is no instruction's. For gdb: reverse-continue, with its breakpoints.
   */
  backTo(points: readonly AddressPoint[] | AnyInstruction): Hit | undefined {
    if (!this.place) this.leave();
    const { domain, checkpoints } = this,
      from = this.now;
    const hits = new LastHit(points, domain);
    for (const [checkpoint, next] of checkpoints.pairsBefore(from)) {
      if (!('of' in points) && !checkpoints.mayBeWritten(points, checkpoint, next)) continue;
      this.wires.are('show');
      this.restore(checkpoint);
      this.watchedBy(hits, Math.min(from.instructions, next.moment.instructions));
      this.wires.are('hide');
      if (!hits.hit) continue;
      this.goTo({ instructions: hits.hit.instructions });
      return hits.hit;
    }
    this.goTo({ ns: from.ns });
    return undefined;
  }

  private watchedBy(hits: LastHit, instructions: number): void {
    this.domain.stops.lookOn(hits);
    this.isWatched = true;
    try {
      this.replay({ instructions });
    } finally {
      this.isWatched = false;
      this.domain.stops.lookOn(null);
    }
  }

  /**
   * Forward in its past to the first moment at which one of these would stop the guest: before an instruction, behind what touches bytes, behind one instruction
   * of a vCPU. Undefined: none does before the present, where it is then.
   */
  forthTo(points: readonly AddressPoint[] | AnyInstruction): Hit | undefined {
    if (!this.place) return undefined;
    const from = this.now.instructions,
      end = this.newest.instructions,
      hits = new LastHit(points, this.domain, from);
    this.wires.are('show');
    for (let to = from; to < end && !hits.hit; ) {
      to = Math.min(end, to + AT_ONCE);
      this.watchedBy(hits, to);
    }
    this.wires.are('hide');
    const { hit } = hits;
    if (!hit) this.toPresent();
    else this.goTo({ instructions: hit.instructions + ('of' in points || hit.point.kind !== 'execute' ? 1 : 0) });
    return hit;
  }

  /** What came after this moment is forgotten, and the guest goes on from here. */
  goOn(): void {
    const { place, log, domain, newest } = this;
    if (!place) return;
    this.options.goesOn?.(newest.ns - this.now.ns);
    log.forgetFrom(place.slice, place.events);
    this.checkpoints.forgetAfter(place.slice, place.events);
    if (place.begun) log.add(momentOf(domain), true);
    this.wires.are('settle');
    this.place = undefined;
  }

  private present(): void {
    this.place = undefined;
    this.wires.are('seen');
  }

  private restore(checkpoint: Checkpoint): void {
    this.checkpoints.restore(checkpoint);
    this.place = { slice: checkpoint.slice, begun: false, events: checkpoint.events };
  }

  /** From where it is to the first moment at which the target, one of its kinds, is reached. */
  private replay(target: Target): void {
    const { domain, log } = this,
      place = this.place!;
    this.replaying = true;
    const { instructions = Infinity, ns = Infinity, exits = Infinity } = target;
    const reached = (): Moment => this.comparable(momentOf(domain));
    while (!isThere(reached(), target) && place.slice < log.length) {
      const { left, ...slice } = log.slice(place.slice),
        end = this.comparable(slice.end);
      if (!place.begun) this.doEvents();
      const before = reached();
      if (exits <= end.exits) domain.stops.step(domain.exits.total - exits);
      domain.slices.runAgain({ begun: place.begun, end, left, until: { instructions, ns } });
      domain.stops.step(0);
      place.begun = !isAt(reached(), end);
      if (place.begun && isAt(reached(), before) && !isThere(before, target))
        throw new Error(
          `The run did not repeat itself: it is at instruction ${before.instructions}, ${before.ns} ns, exit ${before.exits}, and its slice ended at ${end.instructions}, ${end.ns} ns, exit ${end.exits}. This is a defect of Ringside.`,
        );
      if (!place.begun) {
        place.slice++;
        place.events = 0;
      }
    }
    if (place.slice === log.length) this.doEvents();
    this.replaying = false;
  }

  private comparable(moment: Moment): Moment {
    return this.isWatched ? { ...moment, exits: 0 } : moment;
  }

  /** What came before the slice that comes next. */
  private doEvents(): void {
    const { place, log, domain, options } = this,
      events = log.eventsBefore(place!.slice);
    for (; place!.events < events.length; place!.events++) {
      const event = events[place!.events]!;
      if (event.kind === 'wire') this.wires.again(event);
      else if (event.kind === 'verb')
        options.doVerb(event.name, event.given, event.disc as BlockDevice | null | undefined);
      else {
        domain.processor.flushTlb();
        this.checkpoints.passed(place!.slice, place!.events + 1);
      }
    }
  }
}

const isAt = (one: Moment, other: Moment): boolean =>
  one.instructions === other.instructions && one.ns === other.ns && one.exits === other.exits;

/** At a moment all that is asked for has been reached. */
const isThere = (now: Moment, target: Target): boolean =>
  (Object.keys(target) as (keyof Moment)[]).every(what => now[what] >= target[what]!);

/** A moment lies before what is asked for, or there. */
const isBefore = (moment: Moment, target: Target): boolean =>
  (Object.keys(target) as (keyof Moment)[]).every(what => moment[what] <= target[what]!);
