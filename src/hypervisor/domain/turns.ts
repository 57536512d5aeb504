/**
 * *Idea.* All vCPUs of a domain share one processor and one thread, so they run one after another. A vCPU gets a *turn*: a number of instructions
 * while another vCPU could run. On real hardware vCPUs run at the same time, and guests rely on it: they spin on locks, send interrupts and wait for
 * the answer. So a turn is not simply round robin. A vCPU that spins (spin.ts) or pauses gives up its turn; one with interrupts off, which probably
 * holds a lock, may run a little longer; and a vCPU that was sent a message runs at once, inside the sender's turn, and pays for it with its own next
 * turn.
 *
 * Invariant: a turn is counted in instructions, not in time, so in virtual time every switch happens at the same instruction in every run. Source for
 * lock holders: Uhlig and others, "Towards Scalable Multiprocessor Virtual Machines", 2004, section 4.2.
 */
import { ExitReason, type Processor } from '../../cpu/architecture/index.ts';
import { isInMwait } from '../../cpu/index.ts';
import type { State } from '../../devices/index.ts';
import type { DomainClock } from './clock.ts';
import { LONGEST_LOOP, LONGEST_ROUND, SpinWatch } from './spin.ts';
import { ACTIVE, HALTED, PATIENCE, type Vcpu } from './vcpu.ts';

/**
 * Instructions of one turn while another vCPU could run, at most: long next to what a switch costs (the TLB fills again), short next to a timer tick.
 * A count, so that turns fall on the same instructions in every run of virtual time.
 */
const TURN_INSTRUCTIONS = 50_000;
/** Longest turn, in the domain's time, where that is not counted in instructions. */
const TURN_NS = 1e6;
/** Of a turn that another gave up because it waits for this one: what it waits for (a lock, an answer to a message) is seldom long. */
const YIELDED_TURN_INSTRUCTIONS = 5_000;
/**
 * Instructions beyond its turn that a vCPU has to switch interrupts on: with interrupts off a system holds its locks, for which the others would wait in vain
 * (Uhlig and others, "Towards Scalable Multiprocessor Virtual Machines", 2004, 4.2).
 */
const HELD_INSTRUCTIONS = 2_000;
/** Turns until it is watched again whether a vCPU goes round for nothing, after it did not; twice as many each time, up to this many. Loops that are kept of each vCPU. */
const MOST_PATIENCE = 1_024,
  ROUNDS = 4;
/** What is left to a vCPU that has sent another a message, before that one has the processor: others are to get one, too, and then it begins to wait. */
const AFTER_MESSAGE_INSTRUCTIONS = 200;
/** What a vCPU gets of the turn of one that has sent it a message: an interrupt handler and its answer. */
const CALLED_INSTRUCTIONS = 1_000;
/** While one waits at an MWAIT the others stop this often for a look at its line, which costs some 4 per cent of what these run. */
const MONITOR_LOOK_INSTRUCTIONS = 10_000;

/** Those who take turns. */
interface Taking {
  readonly all: readonly Vcpu[];
  /** The one whose state the processor holds. */
  readonly current: Vcpu;
  canRun(vcpu: Vcpu): boolean;
  makeCurrent(id: number): void;
  /** State words of a vCPU, wherever they are now. */
  registersOf(vcpu: Vcpu): Int32Array;
}

export class Turns {
  /** Instructions of the next turn. */
  private turnInstructions: () => number = () => TURN_INSTRUCTIONS;
  private readonly vcpus: Taking;
  private readonly processor: Processor;
  private readonly spinWatch: SpinWatch;
  /** Whose turn it is. Inside it those run, too, that were sent messages. */
  private owner: Vcpu;
  /** When `processor.retired` gets here, the next one that can run has its turn. */
  private turnEnd = 0;
  /** When the current one went on inside the turn, and when it makes room for another one, at the latest at the turn's end. */
  private stretchStart = 0;
  private stretchEnd = 0;
  private called: Vcpu[] = [];
  private yielded = false;
  /** It was asked to end `run()` where interrupts are on, though none waits. */
  private endsHold = false;

  /** `listen`: the watch for vCPUs that spin is to hear of accesses, as a probe, or no longer. */
  constructor(vcpus: Taking, processor: Processor, listen: (watch: SpinWatch | undefined) => void) {
    this.vcpus = vcpus;
    this.processor = processor;
    this.owner = vcpus.current;
    this.spinWatch = new SpinWatch(processor, on => listen(on ? this.spinWatch : undefined));
  }

  /** On a host with little time for us a turn by count would keep the others from their timer ticks. */
  endByClock(clock: Pick<DomainClock, 'estimateNs' | 'instructionsUntil'>): void {
    const { processor } = this;
    this.turnInstructions = () =>
      Math.min(
        TURN_INSTRUCTIONS,
        clock.instructionsUntil(clock.estimateNs(processor.retired) + TURN_NS, processor.retired),
      );
  }

  /** RESET: the current one begins a turn. */
  reset(): void {
    this.owner = this.vcpus.current;
    this.turnEnd = this.stretchEnd = 0;
    this.called = [];
    this.spinWatch.drop();
  }

  /** Another one has become current. */
  switched(): void {
    this.spinWatch.begin(this.vcpus.current.spin);
  }

  /** A vCPU is down: whatever it was sent. */
  forget(vcpu: Vcpu): void {
    this.called = this.called.filter(other => other !== vcpu);
  }

  /** Gives the processor to the next vCPU that can run, if the current one cannot or had its share; false: none can. */
  schedule(): boolean {
    const { processor } = this,
      { all, current } = this.vcpus;
    const mine = this.vcpus.canRun(current);
    if (this.helps && current.activity === ACTIVE) this.lookForSpin(current);
    if (all.length === 1 || (mine && (processor.retired < this.stretchEnd || this.isHeld))) return mine;
    const { used } = this;
    // Who stops by itself has no use for more: its next turn is whole.
    const ahead = mine ? current.ahead + used : 0;
    if (processor.retired < this.turnEnd + used) {
      const next = this.nextInTurn();
      if (next) {
        current.ahead = ahead;
        this.turnEnd += used;
        this.vcpus.makeCurrent(next.id);
        this.stretchStart = processor.retired;
        this.stretchEnd = next === this.owner ? this.turnEnd : processor.retired + CALLED_INSTRUCTIONS;
        return true;
      }
    }
    // No vCPU waits: the next that can run interrupts it at once. Nothing else may change here, since this depends on where slices are cut.
    if (!this.isContended) {
      this.yielded = false;
      return mine;
    }
    if (mine && this.helps && this.mayGoRound(current)) return true;
    current.ahead = ahead;
    this.called = [];
    let next = this.owner;
    do next = all[(next.id + 1) % all.length];
    while (!this.vcpus.canRun(next));
    this.vcpus.makeCurrent(next.id);
    const turn = this.turnInstructions();
    this.beginTurn(
      Math.max(CALLED_INSTRUCTIONS, (this.yielded ? Math.min(turn, YIELDED_TURN_INSTRUCTIONS) : turn) - next.ahead),
    );
    next.ahead = 0;
    this.yielded = false;
    return true;
  }

  /** A vCPU that spins gives way, with PAUSE and without. PAUSE exiting is switched off to see how it is on a host without such help. */
  private get helps(): boolean {
    return this.processor.controls.pause;
  }

  /** The current one does nothing that leads anywhere: it gives way. */
  private lookForSpin(current: Vcpu): void {
    const spin = (current.spin = this.spinWatch.look());
    if (!spin) return;
    const isRound = spin.length > LONGEST_LOOP;
    if (isRound && !current.rounds.includes(spin)) {
      current.rounds = [spin, ...current.rounds].slice(0, ROUNDS);
      current.patienceBefore = PATIENCE / 2;
    }
    // Who goes round looks for something new, which may take long; who spins waits for what is under way.
    this.yieldTurn(!isRound);
  }

  /**
   * The current one's turn is over, and ends with the registers of the one before: perhaps it goes round for nothing. True: it goes on, since that is to be watched.
   * If it is known to, it looks once in its next turn, and gives way.
   */
  private mayGoRound(current: Vcpu): boolean {
    const { spinWatch, processor } = this;
    if (current !== this.owner || current.activity !== ACTIVE || processor.retired - this.turnEnd >= HELD_INSTRUCTIONS)
      return false;
    current.spin = current.rounds.find(({ state }) => spinWatch.isAt(state));
    if (current.spin) return false;
    const again = current.rest !== undefined && spinWatch.isAt(current.rest);
    current.rest = spinWatch.now();
    if (!again || --current.patience > 0) return false;
    current.patience = current.patienceBefore = Math.min(2 * current.patienceBefore, MOST_PATIENCE);
    spinWatch.watchFromHere(LONGEST_ROUND);
    this.turnEnd = this.stretchEnd = processor.retired + 2 * LONGEST_ROUND;
    return true;
  }

  /** Its share is over, but interrupts are off: it goes on until they are on, if that is soon. */
  private get isHeld(): boolean {
    const { processor, stretchEnd } = this,
      { current } = this.vcpus;
    return (
      current.activity === ACTIVE && !processor.interruptible && processor.retired < stretchEnd + HELD_INSTRUCTIONS
    );
  }

  /** Who goes on inside the turn: one that was sent a message, or its owner. */
  private nextInTurn(): Vcpu | undefined {
    for (let next = this.called.shift(); next; next = this.called.shift()) if (this.vcpus.canRun(next)) return next;
    return this.vcpus.canRun(this.owner) ? this.owner : undefined;
  }

  /** What the current one has run of another's turn since it went on. */
  private get used(): number {
    return this.vcpus.current === this.owner
      ? 0
      : Math.min(this.processor.retired - this.stretchStart, CALLED_INSTRUCTIONS);
  }

  private beginTurn(instructions: number): void {
    this.owner = this.vcpus.current;
    this.turnEnd = this.stretchEnd = this.processor.retired + instructions;
    this.spinWatch.begin(this.vcpus.current.spin);
  }

  /** Another vCPU than the current one could use the processor. */
  private get isContended(): boolean {
    return this.vcpus.all.some(vcpu => vcpu !== this.vcpus.current && this.vcpus.canRun(vcpu));
  }

  /** Instructions until another vCPU is to go on; Infinity while nobody else could use the processor. */
  turnLeft(): number {
    if (this.vcpus.all.length === 1) return Infinity;
    const watched = this.lookAtMonitors();
    const contended = this.isContended;
    if (!contended) this.spinWatch.stopWatching();
    const { controls, retired } = this.processor,
      held = contended && retired >= this.stretchEnd && this.isHeld;
    this.endsHold = held && !controls.interruptWindow;
    controls.interruptWindow ||= held;
    const left = contended
      ? Math.min(
          this.helps ? this.spinWatch.left : Infinity,
          Math.max(1, this.stretchEnd + (held ? HELD_INSTRUCTIONS : 0) - retired),
        )
      : Infinity;
    return watched ? Math.min(left, MONITOR_LOOK_INSTRUCTIONS) : left;
  }

  /** `run()` has ended, as it says, for a look at what the vCPU does, and for nothing that the guest did. */
  isLook(reason: number): boolean {
    return reason === ExitReason.PREEMPTION_TIMER
      ? this.helps && this.spinWatch.isDue
      : reason === ExitReason.INTERRUPT_WINDOW && this.endsHold;
  }

  /** The current one has done more than to compute and to access memory. */
  exited(): void {
    this.spinWatch.interrupt();
  }

  /** A store to a line that another vCPU watches (MWAIT) is a message to it, which nothing tells of but a look. Whether one watches still. */
  private lookAtMonitors(): boolean {
    let watched = false;
    for (const vcpu of this.vcpus.all) {
      if (vcpu === this.vcpus.current || vcpu.activity !== HALTED || !isInMwait(this.vcpus.registersOf(vcpu))) continue;
      if (this.vcpus.canRun(vcpu)) this.call(vcpu.id);
      else watched = true;
    }
    return watched;
  }

  /**
   * The current one waits for another (PAUSE, a yield): for those that it has sent messages, or else its turn is over. `isBrief`: it wants its next turn soon.
   */
  yieldTurn(isBrief = true): void {
    // Nothing holds it, interrupts on or off.
    this.stretchEnd = this.processor.retired - HELD_INSTRUCTIONS;
    if (this.called.length > 0 || this.vcpus.current !== this.owner) return;
    this.turnEnd = this.stretchEnd;
    this.yielded = isBrief;
  }

  /**
   * The current vCPU has sent another one a message (an interrupt, an event): that one goes on soon, inside the turn, whether it was halted or computes,
   * and however the sender waits for its answer. What it runs then is taken from its own next turn, and once that is used up it waits for its turn.
   */
  call(id: number): void {
    const { processor, called } = this,
      { all, current } = this.vcpus;
    const vcpu = all[id];
    if (vcpu === current || called.includes(vcpu) || vcpu.ahead >= TURN_INSTRUCTIONS || !this.vcpus.canRun(vcpu))
      return;
    if (processor.retired >= this.turnEnd + this.used) this.beginTurn(this.turnInstructions());
    called.push(vcpu);
    this.stretchEnd = Math.min(this.stretchEnd, processor.retired + AFTER_MESSAGE_INSTRUCTIONS);
  }

  // ---- saved states

  /** Instructions to an end of a turn; how far it has passed matters as far as a vCPU may be held. */
  private left(end: number): number {
    return Math.max(-HELD_INSTRUCTIONS, end - this.processor.retired);
  }

  save(): State {
    const { processor } = this;
    return {
      owner: this.owner.id,
      turnLeft: this.left(this.turnEnd),
      stretchRun: processor.retired - this.stretchStart,
      stretchLeft: this.left(this.stretchEnd),
      called: this.called.map(({ id }) => id),
      ahead: this.vcpus.all.map(({ ahead }) => ahead),
      yielded: this.yielded,
      spinWatch: this.spinWatch.save(),
    };
  }

  /** The current vCPU is in place. */
  restore(state: State): void {
    this.turnEnd = this.processor.retired + (state.turnLeft as number);
    this.restoreStretch(state);
    this.yielded = state.yielded as boolean;
    this.spinWatch.restore(state.spinWatch as State | undefined);
  }

  /** States of earlier versions have none of this: the current one is in a turn of its own. */
  private restoreStretch({
    current,
    turnLeft,
    owner = current,
    stretchRun = 0,
    stretchLeft = turnLeft,
    called = [],
    ahead = [],
  }: State): void {
    const { processor } = this,
      { all } = this.vcpus;
    this.owner = all[owner as number];
    this.stretchStart = processor.retired - (stretchRun as number);
    this.stretchEnd = processor.retired + (stretchLeft as number);
    this.called = (called as number[]).map(id => all[id]);
    for (const vcpu of all) vcpu.ahead = (ahead as number[])[vcpu.id] ?? 0;
  }
}
