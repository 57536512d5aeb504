/** Domains that share this thread: without SharedArrayBuffer, in virtual time, and in tests. They take turns, a slice each. */
import { loadLevel } from '../../../cpu/index.ts';
import { removableKind } from '../../../devices/ide/index.ts';
import type { Clock } from '../../../devices/index.ts';
import type { Compile } from '../../../cpu/architecture/index.ts';
import { assembleDomain } from '../../../hypervisor/interfaces/index.ts';
import { type DomainListener, flashFileOf, GuestLog, PartLoader, Teller } from '../../../hypervisor/domain/index.ts';
import {
  attachDrives,
  type Domain,
  type DomainRecord,
  type DriveImage,
  noMedia,
  type OpenMedium,
  Saver,
  type SliceResult,
} from '../../../hypervisor/index.ts';
import { Slot } from '../../../hypervisor/scheduler/index.ts';
import { diskRecords } from '../../../hypervisor/disks/index.ts';
import { type AskDomain, asking, type Carried, gone, VERBS } from '../../../hypervisor/verbs/index.ts';
import type { History } from '../../../hypervisor/history/index.ts';
import { askedOf, forgetPast, historyOf } from './past.ts';
import { ArrivingHere } from './arriving-here.ts';
import {
  type DomainRunner,
  type DomainStart,
  headOf,
  type Runners,
  type RunnersHost,
  type RunnersMoment,
} from './runner.ts';
import type { Later } from '../../host/index.ts';

export interface TurnsParts {
  /** Calls back as soon as the event loop had its turn. */
  soon(callback: () => void): void;
  later: Later;
  /** Monotonic milliseconds; absent: virtual time, where no one waits for the host's clock. */
  hostMs?: () => number;
  /** Absent: domains have no media. */
  openMedium?: OpenMedium;
  /** How text becomes functions (absent: by `new Function`); `problem` is called with what keeps it from that. */
  compile?: (problem: (sentence: string) => void) => Compile;
  /** Bytes are passed on as the guest writes them, and not once a slice. */
  atOnce?: boolean;
  /** After each round. */
  afterRound?(): void;
  /** Nobody runs before `go` is called. */
  held?: boolean;
  /** In virtual time: the rounds' pace, and who notes which round it is. */
  pace?: Pace;
}

/** A host's virtual time, as the rounds see it. */
export interface Pace {
  /** Milliseconds of the wall's clock before the next round. */
  waitMs(): number;
  /** False: time is paused, and there is no round now. */
  begin(): boolean;
  /** `isStill`: nothing happens any more before an input comes. */
  ended(isStill: boolean): void;
  /** How far guests that only wait go on in one round, nanoseconds. */
  roundNs: number;
}

interface Entry {
  domain: Domain;
  /** Its place in the run queue. */
  slot: Slot;
  /** It has something to do, and had no slot at its last turn. */
  waits?: boolean;
  /** Something came in, or it was never asked: it gets a turn though its deadline is not there. */
  poked: boolean;
  /** Deadline on the domain's clock while it has nothing to do; -Infinity: it has. */
  untilNs: number;
  /** In virtual time: its clock's time, and how far the others were, when it was built. */
  startedNs: number;
  othersNs: number;
  /** What it had executed elsewhere, before it came here. */
  startedInstructions: number;
  /** While it is paused: how far the others were when that began. */
  pausedNs?: number | undefined;
  loader: PartLoader;
  teller: Teller;
  /** It came to `stopAtInstruction`, and that was reported. */
  reached: boolean;
  listener: DomainListener;
  /** Its past, while that is kept. */
  history?: History;
}

/** The parts of `makeRunners` for interleaved domains. */
export const inTurns =
  (parts: TurnsParts) =>
  (host: RunnersHost): Turns =>
    new Turns(parts, host);

export class Turns implements Runners {
  readonly elsewhere = false;
  readonly loadLevel = loadLevel;
  private readonly parts: TurnsParts;
  private readonly host: RunnersHost;
  private readonly entries: Entry[] = [];
  private held: boolean;
  private turning = false;
  /** With a pace: how far those that wait may go on in this round. */
  private roundEndNs = Infinity;
  /** The entry whose slice it is now. */
  private running: Entry | undefined;
  private cancelSleep: (() => void) | null = null;

  constructor(parts: TurnsParts, host: RunnersHost) {
    this.parts = parts;
    this.host = host;
    this.held = parts.held ?? false;
  }

  start(what: DomainStart, listener: DomainListener): DomainRunner {
    return new LocalRunner(what, listener, this, this.parts, this.host);
  }

  forget(_record: DomainRecord): void {}

  get farthestNs(): number {
    return this.entries.reduce((most, entry) => Math.max(most, elapsedNs(entry)), this.goneNs);
  }

  /** How far those that are gone had come. */
  private goneNs = 0;

  /** What all domains have executed here, also those that are gone. */
  get instructions(): number {
    return this.entries.reduce((sum, entry) => sum + executedHere(entry), this.goneInstructions);
  }

  private goneInstructions = 0;

  /** Domains in virtual time keep together: none that waits goes on past what others have yet to do, or Domain 0. */
  company(mine: () => Entry | null): NonNullable<Domain['options']['company']> {
    const { host } = this;
    const reachesNs = (entry: Entry): number =>
      entry.domain.ending ? Infinity : elapsedNs(entry) + Math.max(0, entry.domain.clock.idleNs(entry.untilNs));
    return {
      wanted: () => host.domain0Wants(),
      horizonNs: () => {
        const own = mine();
        if (!own) return Infinity;
        const least = this.entries.reduce(
          (so, other) => (other === own ? so : Math.min(so, reachesNs(other))),
          host.domain0WakeNs(),
        );
        // Who waits for a key alone has no time to go to.
        const farthest =
          least === Infinity && mine()?.domain.timers.nextDeadlineNs === Infinity ? Infinity : this.roundEndNs;
        return Math.min(least, farthest) - elapsedNs(own) + own.domain.clock.nowNs();
      },
    };
  }

  /** For judges of a run by the state that it has between two slices. */
  get domains(): Domain[] {
    return this.entries.map(({ domain }) => domain);
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    this.pokeOne(entry);
  }

  /** It runs no more. Once: one that has ended may be destroyed again. */
  remove(entry: Entry): void {
    const index = this.entries.indexOf(entry);
    if (index < 0) return;
    this.goneNs = this.farthestNs;
    this.goneInstructions += executedHere(entry);
    this.entries.splice(index, 1);
    this.release(entry);
  }

  /** Of moments that are kept: their domains may run again. */
  private readonly kept = new Set<readonly Entry[]>();

  private release(entry: Entry): void {
    if (![...this.kept].some(entries => entries.includes(entry))) entry.domain.processor.release();
  }

  moment(): RunnersMoment | undefined {
    const entries = [...this.entries],
      { goneNs, goneInstructions, kept, host } = this;
    if (entries.some(({ history }) => history)) return undefined;
    kept.add(entries);
    // A guest may see that translations are forgotten: a run that goes on from here finds that, too.
    for (const { domain } of entries) domain.processor.flushTlb();
    return {
      from: entries.flatMap(entry => [entry, entry.domain.processor.exit, entry.domain.processor.controls]),
      outside: [this, ...entries.map(({ domain }) => domain.processor)],
      put: put => {
        let invalid: readonly number[] = [];
        const inner = (): void => void (invalid = put());
        entries.reduceRight(
          (then, { domain }) =>
            () =>
              domain.screen.replace(then),
          inner,
        )();
        const now = this.entries.splice(0, Infinity, ...entries);
        Object.assign(this, { goneNs, goneInstructions });
        for (const entry of now) if (!entries.includes(entry)) this.release(entry);
        for (const entry of entries) {
          const { processor } = entry.domain;
          // What was written where it had been while it was gone nobody has reported it.
          if (now.includes(entry)) for (const mfn of invalid) processor.invalidate(mfn);
          else for (let mfn = 0; mfn < host.machine.frames; mfn++) processor.invalidate(mfn);
          processor.reload();
          processor.flushTlb();
        }
        this.poke();
      },
      forget: () => {
        kept.delete(entries);
        for (const entry of entries) if (!this.entries.includes(entry)) this.release(entry);
      },
    };
  }

  poke(): void {
    for (const entry of this.entries) entry.poked = true;
    // A device of the host may say so in the middle of a slice: what it says is not left until the slice's end.
    this.running?.domain.state.stop();
    this.turnSoon();
  }

  pokeOne(entry: Entry): void {
    entry.poked = true;
    this.turnSoon();
  }

  hold(): void {
    this.held = true;
    for (const { domain } of this.entries) domain.state.stop();
  }

  go(): void {
    this.held = false;
    this.poke();
  }

  private turnSoon(): void {
    this.cancelSleep?.();
    this.cancelSleep = null;
    if (this.turning || this.held) return;
    this.turning = true;
    const waitMs = this.parts.pace?.waitMs() ?? 0;
    if (waitMs > 0) this.parts.later(waitMs, () => this.round());
    else this.parts.soon(() => this.round());
  }

  private round(): void {
    this.turning = false;
    const { host, parts } = this;
    const { pace } = parts;
    // Nobody meets one that is in its past.
    if (this.entries.some(({ history }) => history?.isInPast)) return;
    if (pace && (this.held || !pace.begin())) return;
    if (pace) this.roundEndNs = this.farthestNs + pace.roundNs;
    let sleepMs = Infinity;
    for (const entry of [...this.entries]) {
      if (this.held) break;
      sleepMs = Math.min(sleepMs, this.turn(entry));
    }
    // Domain 0 may be about to wake somebody.
    if (host.serve()) this.poke();
    // Who left a slot after its turn was over has it now, and its doorbell wakes nobody on this thread.
    if (this.entries.some(({ waits, slot }) => waits && slot.isHeld)) this.turnSoon();
    parts.afterRound?.();
    pace?.ended(sleepMs === Infinity && !this.turning);
    if (this.held || this.turning || sleepMs === Infinity) return;
    if (sleepMs === 0) this.turnSoon();
    else if (parts.hostMs) this.cancelSleep = parts.later(sleepMs, () => this.turnSoon());
    else {
      host.idled(sleepMs);
      this.poke();
    }
  }

  private slice(entry: Entry): SliceResult {
    this.running = entry;
    const result = (entry.history ?? entry.domain).runSlice();
    this.running = undefined;
    return result;
  }

  /** A slice, in which Domain 0 may have its turns, if it wants one and has a slot; milliseconds until it wants the next. */
  private turn(entry: Entry): number {
    const { domain, slot } = entry;
    const { company } = domain.options;
    const waitMs = (): number => Math.max(0, domain.clock.idleNs(entry.untilNs) / 1e6);
    const beforeNs = domain.clock.nowNs();
    if (domain.instructions >= domain.stopAtInstruction) return Infinity;
    // A domain with nothing to do needs no slot.
    if (!entry.poked && waitMs() > 0) {
      if (!company) return waitMs();
      if (sleepsOn(entry)) return company.wanted() || domain.clock.nowNs() > beforeNs ? 0 : waitMs();
    }
    entry.waits = !domain.paused && !slot.enter();
    if (entry.waits) return slot.patienceMs;
    entry.poked = false;
    let result = this.slice(entry);
    while (result.state === 'running' && result.callsDomain0) {
      entry.teller.tell(result);
      if (this.host.serve()) this.poke();
      if (this.held || !this.entries.includes(entry)) break;
      result = this.slice(entry);
    }
    slot.leave(result);
    // Before that its board was another.
    if (domain.platform.hotplug?.emptied.length) forgetPast(entry);
    entry.teller.tell(result);
    entry.teller.stop(() => setPaused(entry, true, this));
    if (domain.instructions >= domain.stopAtInstruction && !entry.reached) {
      entry.reached = true;
      slot.leave({ state: 'ended' });
      entry.listener.reached?.();
    }
    entry.loader.look(domain);
    const parkedUntilNs = result.state !== 'parked' ? Infinity : company ? result.untilNs : slot.wakeNs(result);
    entry.untilNs = result.state === 'running' ? -Infinity : parkedUntilNs;
    if (company && result.state === 'parked' && (domain.clock.nowNs() > beforeNs || company.wanted())) return 0;
    return waitMs();
  }
}

/** In virtual time: how far it is, in time since it was built, from where the others were then. */
const elapsedNs = ({ domain, othersNs, startedNs }: Entry): number => othersNs + domain.clock.nowNs() - startedNs;

const executedHere = ({ domain, startedInstructions }: Entry): number => domain.instructions - startedInstructions;

/** In virtual time: one that waits goes as far as the others let it; false: to its deadline, or it is not known that it waits alone. */
function sleepsOn({ domain, history }: Entry): boolean {
  // Its past is made of slices.
  if (history || domain.paused || domain.slices.stuck || domain.ending) return false;
  if (!domain.options.company?.wanted()) domain.slices.idle();
  return domain.clock.idleNs(domain.timers.nextDeadlineNs) > 0;
}

/** For how long others went on meanwhile is no time of its own: it has nothing to make up for. */
function setPaused(entry: Entry, paused: boolean, turns: Turns): void {
  const { domain, slot, pausedNs } = entry;
  if (paused) {
    domain.pause();
    entry.pausedNs ??= turns.farthestNs;
  } else {
    domain.unpause();
    if (pausedNs !== undefined) entry.othersNs += turns.farthestNs - pausedNs;
    entry.pausedNs = undefined;
  }
  slot.setPaused(paused);
}

/** The domain of an entry, as verbs have it. */
function carried(entry: Entry, { name, program, definition }: DomainStart, turns: Turns, parts: TurnsParts): Carried {
  const { domain, listener } = entry,
    saver = new Saver(domain, { name, program, definition });
  return {
    domain,
    setPaused: paused => setPaused(entry, paused, turns),
    open: (medium, place, readOnly, kind: DriveImage['kind'] = removableKind(place)) => {
      const drive = { place, kind, readOnly, medium };
      return attachDrives([drive], parts.openMedium ?? noMedia, listener.problem)[0]?.disk ?? null;
    },
    state: () => saver.save(),
    // Its past has the log of written frames: then all is copied at the end.
    copyAhead: (how, wish) => (entry.history ? { pieces: [], isLast: true } : saver.copyAhead(how, wish)),
    forgetState: () => saver.forget(),
    diskRecords: () => [...diskRecords(domain.options.ide ?? [])],
    ...(parts.hostMs ? {} : { history: () => historyOf(entry), keptHistory: () => entry.history }),
    leave: () => {
      entry.history?.end();
      turns.remove(entry);
    },
  };
}

/** `then`: called after each verb. */
const asked = (on: Carried, entry: Entry, then: () => void): AskDomain =>
  asking((name, given) => {
    const answer = askedOf(entry, on, name, given);
    then();
    if (answer instanceof Promise) void answer.then(then, then);
    return answer;
  });

/** What a domain has its turns with. */
interface Begun extends Pick<Entry, 'slot' | 'listener'> {
  turns: Turns;
  parts: TurnsParts;
  log: GuestLog;
  flush(): void;
}

class LocalRunner implements DomainRunner {
  readonly started: Promise<string>;
  readonly ask: AskDomain;
  private entry: Entry | null = null;
  /** Where its saved state comes. */
  private readonly arriving: ArrivingHere | undefined;
  private bytes: number[] = [];
  private readonly put = (byte: number): void => void this.bytes.push(byte);

  constructor(
    what: DomainStart,
    listener: DomainListener,
    turns: Turns,
    parts: TurnsParts,
    { machine, queue }: RunnersHost,
  ) {
    const slot = new Slot(queue, what.record.index);
    const flush = (): void => {
      if (this.bytes.length === 0) return;
      const bytes = Uint8Array.from(this.bytes);
      this.bytes = [];
      listener.serial(bytes);
    };
    const log = new GuestLog(what.record.id, lines => listener.xenConsole?.(lines));
    const {
      record,
      drives,
      ide = drives && attachDrives(drives, parts.openMedium ?? noMedia, listener.problem, what.diskChanges),
      diskChanges: _changes,
      saved,
      withXenConsole,
      withDebug,
      stopAtInstruction,
      name: _name,
      program: _program,
      definition: _definition,
      ...options
    } = what;
    const debug = withDebug
      ? (byte: number) => listener.debug?.(Uint8Array.of(byte))
      : withXenConsole
        ? log.put
        : undefined;
    try {
      const domain = assembleDomain(
        {
          ...options,
          machine,
          record,
          ...(parts.hostMs ? { hostMs: parts.hostMs } : { company: turns.company(() => this.entry) }),
          ...(ide ? { ide } : {}),
          ...flashFileOf(what.boot, parts.openMedium ?? noMedia, listener.problem),
          ...(parts.compile ? { compile: parts.compile(listener.problem) } : {}),
          serial: this.once(parts.atOnce ? byte => listener.serial(Uint8Array.of(byte)) : this.put),
          ...(debug ? { debug: this.once(debug) } : {}),
          ...(withXenConsole
            ? {
                xenConsole: log.write,
                xenLog: (line: string) => listener.xenConsole?.(new TextEncoder().encode(`(XEN) ${line}\n`)),
              }
            : {}),
          folder: this.once((...asked: Parameters<NonNullable<DomainListener['folder']>>) =>
            listener.folder?.(...asked),
          ),
          channel: this.once((...told: Parameters<NonNullable<DomainListener['channel']>>) =>
            listener.channel?.(...told),
          ),
          onRestart: this.once((report?: string) => {
            flush();
            listener.restarted(report);
          }),
        },
        saved && (saved.arriving ? headOf(saved.state) : saved.state),
      );
      if (stopAtInstruction !== undefined) domain.stopAtInstruction = stopAtInstruction;
      slot.carry(domain);
      const begin = (): AskDomain => this.begin(domain, what, { turns, parts, slot, log, listener, flush });
      const arriving = saved?.arriving && new ArrivingHere(domain, begin);
      if (saved?.arriving && arriving) saved.arriving.to = arriving.to;
      this.arriving = arriving;
      this.started = arriving?.started ?? Promise.resolve(domain.about);
      this.ask = arriving?.ask ?? begin();
    } catch (error) {
      this.started = Promise.reject(error);
      this.ask = asking(verb => gone(VERBS, verb));
    }
  }

  /** The domain has its turns from now on; how it is asked. */
  private begin(domain: Domain, what: DomainStart, { turns, parts, slot, log, listener, flush }: Begun): AskDomain {
    const entry = (this.entry = {
      domain,
      slot,
      poked: true,
      untilNs: -Infinity,
      startedNs: domain.clock.nowNs(),
      othersNs: turns.farthestNs,
      startedInstructions: domain.instructions,
      loader: new PartLoader(listener.problem),
      teller: new Teller(domain, listener, log, flush),
      reached: false,
      listener,
    });
    const ask = asked(carried(entry, what, turns, parts), entry, () => turns.pokeOne(entry));
    turns.add(entry);
    return ask;
  }

  /** Not again as the guest goes through its past. */
  private once<What extends unknown[]>(tell: (...what: What) => void): (...what: What) => void {
    return (...what) => {
      if (!this.entry?.history?.isReplaying) tell(...what);
    };
  }

  get nowNs(): number {
    return this.entry?.domain.clock.nowNs() ?? 0;
  }

  async destroy(keepsDisks = false): Promise<Uint8Array[] | undefined> {
    this.arriving?.to.refused('It was destroyed before its state had come.');
    return this.ask('destroy', keepsDisks);
  }

  /** The guest's slice ends, and Domain 0 has its turn. */
  modelTime(): { clock: Clock; wakeAt(deadlineNs: number): void } {
    const { domain } = this.entry as Entry;
    const alarm = domain.timers.create('device-model', () => domain.state.stop());
    return { clock: domain.clock, wakeAt: deadlineNs => alarm.set(deadlineNs) };
  }
}
