/**
 * Who runs on which slot. Slots are the physical processors that guests may use at once; the run queue lies in machine memory (block.ts), and the unit that
 * gives up a slot chooses the next owner right there, under a lock, and rings its doorbell. Nothing here waits but for the lock, and no timer is
 * needed: the holder of a slot calls `check()` between slices.
 *
 * What others see of it is in view/scheduler.ts.
 *
 * A worker's life: `wake()` when it has something to do, its doorbell until `runs()`, slices with `check()` after each, `block()` when there is nothing to do.
 */
import { dropLock, takeLock } from '../memory/lock.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import {
  BLOCKED,
  FLAG,
  LEFT,
  MAX_PCPUS,
  OFFLINE,
  PCPU,
  PRIORITY,
  RUNNABLE,
  RUNNING,
  type Runstate,
  SCHED,
  UNIT,
  UNIT_WORDS,
  WHY,
} from './block.ts';
import { POLICIES } from './policies.ts';
import { type Policy, SchedulerBlock } from './policy.ts';
import {
  type Affinity,
  DEFAULT_PERIOD_US,
  type Parameters,
  parameterProblem,
  type SchedulerOptions,
  type Shares,
  type SharesOfUnit,
  type UnitOptions,
} from './shares.ts';
import { type Decision, traceAccounting, traceDecision } from './trace.ts';

const ALL_PCPUS = -1;
/** A unit that has something to do for this long computes; below, it may have served a timer tick. */
const COMPUTES_NS = 50e6;
/** Accounting periods that are made up for. */
const MOST_LATE = 10;

export class Scheduler {
  private readonly queue: SchedulerBlock;
  private readonly words: Int32Array;
  private readonly memory: Int32Array;
  /** The queue's time. */
  readonly nowNs: () => number;
  private readonly me: number;
  private readonly machine: Machine;
  /** Index of the lock in machine memory. */
  private readonly lock: number;

  /** `nowNs`: a monotonic clock that all workers share. `me`: the unit of this worker, to name it in the lock. */
  constructor(machine: Machine, nowNs: () => number, me = 0) {
    this.me = me;
    this.machine = machine;
    this.queue = new SchedulerBlock(machine.memory, machine.schedulerOffset);
    this.words = this.queue.words;
    this.memory = machine.words;
    this.lock = (machine.schedulerOffset >>> 2) + SCHED.LOCK;
    this.nowNs = nowNs;
  }

  /** Lays out the run queue; before any unit is added. */
  configure({ pcpus, policy = 'credit', ...given }: SchedulerOptions): void {
    const { words, queue } = this;
    words[SCHED.PCPUS] = Math.min(MAX_PCPUS, Math.max(1, pcpus));
    words[SCHED.POLICY] = Math.max(
      0,
      POLICIES.findIndex(({ name }) => name === policy),
    );
    const { tsliceUs, ratelimitUs } = { ...this.policy.defaults(this.pcpus), ...given };
    words[SCHED.TSLICE_US] = tsliceUs;
    words[SCHED.RATELIMIT_US] = ratelimitUs;
    const now = this.nowNs();
    queue.setTime(SCHED.NEXT_ACCOUNTING, now + this.policy.accountingNs(queue, now));
    for (let pcpu = 0; pcpu < MAX_PCPUS; pcpu++)
      queue.setTime(queue.pcpu(pcpu) + PCPU.NEXT_TICK, now + this.policy.tickNs(queue));
  }

  /** xl sched-credit -s. A tick and an accounting that are on their way come when they would have. @throws RangeError with a sentence; then nothing is changed. */
  setParameters(parameters: Partial<Parameters>): void {
    const { tsliceUs, ratelimitUs } = { ...this.parameters, ...parameters };
    const problem = parameterProblem({ tsliceUs, ratelimitUs });
    if (problem) throw new RangeError(problem);
    this.locked(() => {
      this.words[SCHED.TSLICE_US] = tsliceUs;
      this.words[SCHED.RATELIMIT_US] = ratelimitUs;
    });
  }

  get parameters(): Parameters {
    return { tsliceUs: this.words[SCHED.TSLICE_US], ratelimitUs: this.words[SCHED.RATELIMIT_US] };
  }

  /** How a domain shares the slots; undefined: it has no unit. */
  shares(unit: number): SharesOfUnit | undefined {
    return this.queue.get(unit, UNIT.STATE) === 0 ? undefined : this.queue.shares(unit);
  }

  get policy(): Policy {
    return POLICIES[this.words[SCHED.POLICY]];
  }

  get pcpus(): number {
    return this.queue.pcpus;
  }

  /** Units have numbers below this. */
  private get units(): number {
    return this.words[SCHED.UNITS];
  }

  // ---- units

  /** A domain's unit: blocked until it is woken. */
  add(record: Pick<DomainRecord, 'index' | 'vcpus'>, options: UnitOptions): void {
    const unit = record.index;
    this.locked(now => {
      const { queue, words } = this;
      words.fill(0, queue.unit(unit), queue.unit(unit) + UNIT_WORDS);
      words[SCHED.UNITS] = Math.max(words[SCHED.UNITS], unit + 1);
      queue.setShares(unit, { weight: this.policy.weight, periodUs: DEFAULT_PERIOD_US, ...options });
      queue.set(unit, UNIT.DOORBELL, options.doorbell);
      queue.set(unit, UNIT.VCPUS, record.vcpus);
      this.setAffinity(unit, UNIT.HARD_AFFINITY, options.hardAffinity ?? ALL_PCPUS);
      this.setAffinity(unit, UNIT.SOFT_AFFINITY, options.softAffinity ?? ALL_PCPUS);
      queue.set(unit, UNIT.PCPU, this.emptiest(unit));
      for (let vcpu = 0; vcpu < record.vcpus; vcpu++)
        queue.set(unit, UNIT.LAST_PCPU + vcpu, queue.get(unit, UNIT.PCPU));
      queue.setUnitTime(unit, UNIT.STATE_ENTRY, now);
      queue.set(unit, UNIT.STATE, BLOCKED + 1);
      this.policy.added(queue, unit, now);
    });
  }

  /** `field`: UNIT.HARD_AFFINITY or UNIT.SOFT_AFFINITY. */
  private setAffinity(unit: number, field: number, affinity: Affinity, only?: number): void {
    const { queue } = this;
    for (let vcpu = 0; vcpu < queue.get(unit, UNIT.VCPUS); vcpu++)
      if (only === undefined || vcpu === only)
        queue.set(unit, field + vcpu, typeof affinity === 'number' ? affinity : (affinity[vcpu] ?? ALL_PCPUS));
  }

  /** Slot with the fewest units, of those it may use, and of those it prefers if there are any. */
  private emptiest(unit: number): number {
    const count = new Array<number>(this.pcpus).fill(0);
    for (let other = 0; other < this.units; other++)
      if (this.queue.get(other, UNIT.STATE) !== 0) count[this.queue.get(other, UNIT.PCPU)]++;
    let best = -1;
    for (const soft of [true, false])
      for (let pcpu = 0; pcpu < this.pcpus && (soft || best < 0); pcpu++)
        if (this.allowed(unit, pcpu) && (!soft || this.prefers(unit, pcpu)) && (best < 0 || count[pcpu] < count[best]))
          best = pcpu;
    return Math.max(0, best);
  }

  /** It runs no more. Also for a unit whose worker died, perhaps with the lock. */
  remove(unit: number): void {
    this.locked(now => {
      const { queue } = this;
      if (queue.get(unit, UNIT.STATE) === 0) return;
      const held = queue.get(unit, UNIT.STATE) === RUNNING + 1;
      this.policy.removed(queue, unit);
      queue.set(unit, UNIT.STATE, 0);
      if (held) this.leave(unit, now, LEFT.DESTROYED);
    });
  }

  /** Weight, cap or affinity of a domain (xl sched-credit, xl vcpu-pin); `vcpu`: the affinity of that one alone. */
  adjust(unit: number, shares: Shares, vcpu?: number): void {
    const { hardAffinity, softAffinity } = shares;
    this.locked(now => {
      const { queue } = this;
      const was = queue.get(unit, UNIT.STATE) - 1;
      // What it has run so far counts as it was.
      if (was === RUNNING) this.policy.charge(queue, unit, now);
      queue.setShares(unit, shares);
      if ((shares.cap ?? shares.quotaUs ?? shares.periodUs) !== undefined) this.policy.limited(queue, unit, now);
      if (hardAffinity !== undefined) this.setAffinity(unit, UNIT.HARD_AFFINITY, hardAffinity, vcpu);
      if (softAffinity !== undefined) this.setAffinity(unit, UNIT.SOFT_AFFINITY, softAffinity, vcpu);
      if (!this.allowed(unit, queue.get(unit, UNIT.PCPU))) {
        // It leaves its slot at its next check.
        if (was === RUNNING) return this.ring(unit);
        queue.set(unit, UNIT.PCPU, this.emptiest(unit));
      }
      this.tickle(unit, now);
    });
  }

  // ---- what units say

  /** It has something to do. */
  wake(unit: number): void {
    this.locked(now => {
      const { queue } = this;
      const state = queue.get(unit, UNIT.STATE) - 1;
      if (state === OFFLINE) queue.flag(unit, FLAG.WOKEN, true);
      if (state !== BLOCKED) return;
      queue.setUnitTime(unit, UNIT.AWAKE_SINCE, now);
      this.policy.woken(queue, unit);
      this.enqueue(unit, now);
      this.tickle(unit, now);
    });
  }

  /** Nothing to do until the next `wake()`. */
  block(unit: number): void {
    this.locked(now => {
      const was = this.queue.get(unit, UNIT.STATE) - 1;
      if (was !== RUNNING && was !== RUNNABLE) return;
      this.enter(unit, BLOCKED, now);
      if (was === RUNNING) this.leave(unit, now, LEFT.BLOCKED);
    });
  }

  /** Paused by the toolstack. */
  pause(unit: number): void {
    this.locked(now => {
      const state = this.queue.get(unit, UNIT.STATE) - 1;
      if (state < 0 || state === OFFLINE) return;
      this.queue.flag(unit, FLAG.WOKEN, state !== BLOCKED);
      this.enter(unit, OFFLINE, now);
      if (state === RUNNING) this.leave(unit, now, LEFT.PAUSED);
    });
  }

  unpause(unit: number): void {
    this.locked(now => {
      const { queue } = this;
      if (queue.get(unit, UNIT.STATE) !== OFFLINE + 1) return;
      if (!queue.has(unit, FLAG.WOKEN)) return this.enter(unit, BLOCKED, now);
      queue.flag(unit, FLAG.WOKEN, false);
      this.enqueue(unit, now);
      this.tickle(unit, now);
    });
  }

  /** It lets others of its priority, and one of the next, run before it. */
  yield(unit: number): void {
    this.locked(now => {
      const { queue } = this;
      if (queue.get(unit, UNIT.STATE) !== RUNNING + 1) return;
      queue.flag(unit, FLAG.YIELD, true);
      this.schedule(queue.get(unit, UNIT.PCPU), now);
    });
  }

  /**
   * A vCPU of the one that holds a slot has its turn: from now on the unit goes where that one may. False: not here, so the holder is to end its slice,
   * and `check()` gives the slot up. A look without the lock: who changes an affinity rings, and the next check sees it.
   */
  place(unit: number, vcpu: number): boolean {
    const { queue } = this;
    if (queue.get(unit, UNIT.VCPU) !== vcpu) queue.set(unit, UNIT.VCPU, vcpu);
    const pcpu = queue.get(unit, UNIT.PCPU);
    if (!this.allowed(unit, pcpu)) return false;
    if (queue.get(unit, UNIT.LAST_PCPU + vcpu) !== pcpu) queue.set(unit, UNIT.LAST_PCPU + vcpu, pcpu);
    return true;
  }

  /** Whether it holds a slot. */
  runs(unit: number): boolean {
    return Atomics.load(this.words, this.queue.unit(unit) + UNIT.STATE) === RUNNING + 1;
  }

  /** Called by the holder of a slot between slices: gives the slot to another where that is due. False: it lost it. */
  check(unit: number): boolean {
    return this.locked(now => {
      const { queue, words } = this;
      const running = queue.get(unit, UNIT.STATE) === RUNNING + 1;
      if (!running) return false;
      const pcpu = queue.get(unit, UNIT.PCPU),
        at = queue.pcpu(pcpu);
      this.policy.charge(queue, unit, now);
      const due =
        words[at + PCPU.PREEMPT] !== 0 ||
        queue.has(unit, FLAG.PARKED) ||
        now >= queue.unitTime(unit, UNIT.SLICE_END) ||
        !this.allowed(unit, pcpu);
      const next = due ? -1 : this.first(pcpu);
      if (due || (next >= 0 && this.policy.preempts(queue, next, unit, now, false))) this.schedule(pcpu, now);
      return queue.get(unit, UNIT.STATE) === RUNNING + 1;
    });
  }

  /** For one that waits for a slot: when, at the latest, it should call `check()` though its doorbell was not rung. */
  waitNs(unit: number): number {
    const { queue } = this;
    // A parked unit may be the only one left who could do the accounting that frees it.
    return queue.has(unit, FLAG.PARKED) ? Math.max(0, queue.time(SCHED.NEXT_ACCOUNTING) - this.nowNs()) : 100e6;
  }

  /** No domain computes: none has had something to do for more than some milliseconds on end. A look without the lock. */
  get calm(): boolean {
    const { queue } = this;
    const now = this.nowNs();
    for (let unit = 0; unit < this.units; unit++) {
      const state = queue.get(unit, UNIT.STATE) - 1;
      if ((state === RUNNING || state === RUNNABLE) && now - queue.unitTime(unit, UNIT.AWAKE_SINCE) >= COMPUTES_NS)
        return false;
    }
    return true;
  }

  // ---- the queue

  private allowed(unit: number, pcpu: number): boolean {
    return ((this.affinity(unit, UNIT.HARD_AFFINITY) >>> pcpu) & 1) === 1;
  }

  /** Of the vCPU whose turn it is. */
  private affinity(unit: number, field: number): number {
    return this.queue.get(unit, field + this.queue.get(unit, UNIT.VCPU));
  }

  private enter(unit: number, state: Runstate, now: number): void {
    const { queue } = this;
    const was = queue.get(unit, UNIT.STATE) - 1;
    if (was === RUNNING) this.policy.charge(queue, unit, now);
    const field = UNIT.TIMES + 2 * was;
    queue.setUnitTime(
      unit,
      field,
      queue.unitTime(unit, field) + Math.max(0, now - queue.unitTime(unit, UNIT.STATE_ENTRY)),
    );
    queue.setUnitTime(unit, UNIT.STATE_ENTRY, now);
    this.machine.step?.();
    Atomics.store(this.words, queue.unit(unit) + UNIT.STATE, state + 1);
    this.machine.step?.();
  }

  private enqueue(unit: number, now: number): void {
    this.enter(unit, RUNNABLE, now);
    this.queue.set(unit, UNIT.SEQUENCE, this.words[SCHED.SEQUENCE]++);
  }

  private waits(unit: number): boolean {
    return this.queue.get(unit, UNIT.STATE) === RUNNABLE + 1 && !this.queue.has(unit, FLAG.PARKED);
  }

  /** First in the queue of a slot; -1: none. `soft`: only such as prefer the slot that they are for. */
  private first(pcpu: number, forPcpu = pcpu, soft = false): number {
    const { queue, policy } = this;
    let first = -1;
    for (let unit = 0; unit < this.units; unit++)
      if (
        this.waits(unit) &&
        this.queuesAt(unit, pcpu) &&
        this.allowed(unit, forPcpu) &&
        (!soft || this.prefers(unit, forPcpu)) &&
        (first < 0 || policy.precedes(queue, unit, first))
      )
        first = unit;
    return first;
  }

  /** Whether a slot's queue is where a unit waits. */
  private queuesAt(unit: number, pcpu: number): boolean {
    return this.policy.queue === 'host' || this.queue.get(unit, UNIT.PCPU) === pcpu;
  }

  /** Whether a unit, if it waits now, can have a slot at once, or should have one soon. */
  private tickle(unit: number, now: number): void {
    const { queue, words, policy } = this;
    // Parked, it waits for nothing that a slot could give.
    if (!this.waits(unit)) return;
    const mine = queue.get(unit, UNIT.PCPU);
    const soft = this.affinity(unit, UNIT.SOFT_AFFINITY);
    let idle = -1,
      first = -1;
    for (let i = 0; i < this.pcpus; i++) {
      const pcpu = (mine + i) % this.pcpus;
      if (queue.current(pcpu) >= 0 || !this.allowed(unit, pcpu)) continue;
      if (first < 0) first = pcpu;
      if (idle < 0 || (!((soft >>> idle) & 1) && (soft >>> pcpu) & 1)) idle = pcpu;
    }
    if (idle >= 0) return this.dispatch(idle, unit, now, idle !== first && first >= 0 ? WHY.PREFERRED : WHY.WOKEN);
    // Of the holders that it may preempt it takes the slot of the one that would have to wait longest anyway.
    let victim = -1;
    for (let pcpu = 0; pcpu < this.pcpus; pcpu++) {
      const holder = queue.current(pcpu);
      if (holder < 0 || !this.queuesAt(unit, pcpu) || !this.allowed(unit, pcpu)) continue;
      if (policy.preempts(queue, unit, holder, now, true) && (victim < 0 || policy.precedes(queue, victim, holder)))
        victim = holder;
    }
    if (victim < 0) return;
    words[queue.pcpu(queue.get(victim, UNIT.PCPU)) + PCPU.PREEMPT] = 1;
    this.ring(victim);
  }

  /** The holder of a slot has left it. */
  private leave(unit: number, now: number, why: number): void {
    const pcpu = this.queue.get(unit, UNIT.PCPU);
    this.words[this.queue.pcpu(pcpu) + PCPU.CURRENT] = 0;
    this.machine.step?.();
    this.schedule(pcpu, now, unit, why);
  }

  /** Chooses the next holder of the slot. `before`, `left`: the unit that has just left it, and why. */
  private schedule(pcpu: number, now: number, before = -1, left: number = LEFT.NOBODY): void {
    const { queue, words, policy } = this;
    const at = queue.pcpu(pcpu);
    const holder = queue.current(pcpu);
    words[at + PCPU.PREEMPT] = 0;
    const mayStay = holder >= 0 && !queue.has(holder, FLAG.PARKED) && this.allowed(holder, pcpu);
    const yields = holder >= 0 && queue.has(holder, FLAG.YIELD);
    if (mayStay && !yields) {
      const ratelimitNs = words[SCHED.RATELIMIT_US] * 1e3,
        ran = now - queue.unitTime(holder, UNIT.STARTED);
      if (ran < ratelimitNs) {
        queue.setUnitTime(holder, UNIT.SLICE_END, queue.unitTime(holder, UNIT.STARTED) + ratelimitNs);
        return this.trace({ pcpu, at: now, from: holder, to: holder, why: WHY.RATELIMIT });
      }
    }
    let next = this.first(pcpu);
    if (next >= 0 && mayStay && !yields && !policy.relieves(queue, next, holder)) next = -1;
    let why: number = next < 0 ? WHY.TURN : policy.reasons(queue, next, mayStay ? holder : -1, now).why;
    // A slot whose best has no credit left looks for one with credit in the other queues.
    const best =
      next >= 0 ? queue.get(next, UNIT.PRIORITY) : mayStay ? queue.get(holder, UNIT.PRIORITY) : PRIORITY.IDLE;
    if (best < PRIORITY.UNDER) {
      const better = this.steal(pcpu, best);
      if (better >= 0) {
        next = better;
        why =
          this.affinity(next, UNIT.SOFT_AFFINITY) === ALL_PCPUS || !this.prefers(next, pcpu)
            ? WHY.STOLEN
            : WHY.PREFERRED;
      }
    }
    if (holder >= 0) queue.flag(holder, FLAG.YIELD, false);
    if (next < 0 && mayStay) {
      this.beginSlice(holder, now);
      return this.trace({ pcpu, at: now, from: holder, to: holder, why: WHY.ALONE });
    }
    let leaver = before,
      because = left;
    if (holder >= 0) {
      leaver = holder;
      if (yields) because = LEFT.YIELDED;
      else if (queue.has(holder, FLAG.PARKED)) because = LEFT.PARKED;
      else if (!this.allowed(holder, pcpu)) because = LEFT.AFFINITY;
      else because = policy.reasons(queue, next, holder, now).left;
      this.enqueue(holder, now);
      this.ring(holder);
      words[at + PCPU.CURRENT] = 0;
    }
    if (next >= 0) this.dispatch(pcpu, next, now, why, leaver, because);
    else this.trace({ pcpu, at: now, from: leaver, to: -1, why: WHY.IDLE, left: because });
    if (because === LEFT.AFFINITY) {
      queue.set(leaver, UNIT.PCPU, this.emptiest(leaver));
      this.tickle(leaver, now);
    }
  }

  /** Of the other slots' queues the first unit that is better than `above` and may run here: one that prefers this slot before the others. */
  private steal(pcpu: number, above: number): number {
    for (const soft of [true, false])
      for (let i = 1; i < this.pcpus; i++) {
        const better = this.first((pcpu + i) % this.pcpus, pcpu, soft);
        if (better >= 0 && this.queue.get(better, UNIT.PRIORITY) > above) return better;
      }
    return -1;
  }

  private prefers(unit: number, pcpu: number): boolean {
    return ((this.affinity(unit, UNIT.SOFT_AFFINITY) >>> pcpu) & 1) === 1;
  }

  private dispatch(pcpu: number, unit: number, now: number, why: number, from = -1, left: number = LEFT.NOBODY): void {
    const { queue, words } = this;
    queue.set(unit, UNIT.PCPU, pcpu);
    const waited = now - queue.unitTime(unit, UNIT.STATE_ENTRY);
    this.enter(unit, RUNNING, now);
    queue.setUnitTime(unit, UNIT.CHARGED, now);
    queue.set(unit, UNIT.DISPATCHES, queue.get(unit, UNIT.DISPATCHES) + 1);
    words[queue.pcpu(pcpu) + PCPU.CURRENT] = unit + 1;
    this.machine.step?.();
    queue.setUnitTime(unit, UNIT.STARTED, now);
    this.beginSlice(unit, now);
    this.trace({ pcpu, at: now, from, to: unit, why, waited, left });
    this.ring(unit);
  }

  private beginSlice(unit: number, now: number): void {
    this.queue.setUnitTime(unit, UNIT.SLICE_END, now + this.policy.sliceNs(this.queue, unit));
  }

  /**
   * Ticks and accountings that are due, each at its own time. The first to take the lock after one does it, before anything changes: so a tick meets the
   * unit that held the slot then, as Xen's timer does, also one whose slices all end by halting.
   */
  private catchUp(now: number): void {
    this.accountIfDue(now);
    this.tickUntil(now);
  }

  private tickUntil(until: number): void {
    const { queue, policy } = this,
      tickNs = policy.tickNs(queue);
    for (let pcpu = 0; pcpu < this.pcpus; pcpu++) {
      const at = queue.pcpu(pcpu) + PCPU.NEXT_TICK;
      const next = queue.time(at);
      if (until < next) continue;
      // Several ticks of one holder are as good as the last.
      const last = next + Math.floor((until - next) / tickNs) * tickNs;
      const holder = queue.current(pcpu);
      if (holder >= 0) policy.tick(queue, holder, last);
      queue.setTime(at, last + tickNs);
    }
  }

  private accountIfDue(now: number): void {
    const { queue, policy } = this;
    let due = queue.time(SCHED.NEXT_ACCOUNTING);
    if (now < due) return;
    const parked: number[] = [];
    for (let unit = 0; unit < this.units; unit++)
      if (queue.get(unit, UNIT.STATE) === RUNNABLE + 1 && queue.has(unit, FLAG.PARKED)) parked.push(unit);
    // Periods that nobody saw the end of, since the host had other things to do, count each for itself.
    due = Math.max(due, now - MOST_LATE * policy.accountingNs(queue, due));
    for (; due <= now; due += policy.accountingNs(queue, due)) {
      this.tickUntil(due);
      for (let pcpu = 0; pcpu < this.pcpus; pcpu++)
        if (queue.current(pcpu) >= 0) policy.charge(queue, queue.current(pcpu), due);
      policy.account(queue, due);
      traceAccounting(this.words, queue, this.units, due);
    }
    queue.setTime(SCHED.NEXT_ACCOUNTING, due);
    for (const unit of parked) this.tickle(unit, now);
    // Who is parked, or has run out of credit, finds out at its next check.
    for (let pcpu = 0; pcpu < this.pcpus; pcpu++) {
      const holder = queue.current(pcpu);
      if (holder >= 0 && queue.has(holder, FLAG.PARKED)) this.ring(holder);
    }
  }

  private ring(unit: number): void {
    const doorbell = this.queue.get(unit, UNIT.DOORBELL);
    // A worker that rang for itself looks at its state next anyway.
    if (doorbell < 0 || (unit === this.me && unit !== 0)) return;
    Atomics.add(this.memory, doorbell, 1);
    Atomics.notify(this.memory, doorbell);
  }

  private trace(decision: Decision): void {
    let waiting = 0;
    for (let unit = 0; unit < this.units; unit++) if (this.waits(unit) && this.queuesAt(unit, decision.pcpu)) waiting++;
    traceDecision(this.words, this.queue, decision, waiting);
  }

  // ---- the lock

  private locked<T>(section: (now: number) => T): T {
    const { machine, lock, me } = this;
    // No answers meanwhile: a guest's hypercall may be what asks here.
    if (takeLock(machine, lock, me, () => {})) this.repair(this.nowNs());
    const now = this.nowNs();
    this.catchUp(now);
    const result = section(now);
    dropLock(machine, lock, me);
    return result;
  }

  /**
   * The holder of the lock died in the middle of a decision. Slots and units agree again: a unit that runs has a slot, and a slot names that unit. One that
   * was between a slot and the queue waits in the queue, and each slot without a holder chooses one. Times and credits are off by one decision at most.
   */
  private repair(now: number): void {
    const { queue, words } = this;
    for (let pcpu = 0; pcpu < this.pcpus; pcpu++) {
      const holder = queue.current(pcpu);
      if (holder >= 0 && (queue.get(holder, UNIT.STATE) !== RUNNING + 1 || queue.get(holder, UNIT.PCPU) !== pcpu))
        words[queue.pcpu(pcpu) + PCPU.CURRENT] = 0;
    }
    for (let unit = 0; unit < this.units; unit++) {
      if (queue.get(unit, UNIT.STATE) === RUNNING + 1 && queue.current(queue.get(unit, UNIT.PCPU)) !== unit)
        this.enqueue(unit, now);
      // A worker that was about to be notified is notified.
      if (queue.get(unit, UNIT.STATE) !== 0) this.ring(unit);
    }
    for (let pcpu = 0; pcpu < this.pcpus; pcpu++) if (queue.current(pcpu) < 0) this.schedule(pcpu, now);
  }
}
