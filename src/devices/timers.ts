/** Deadlines of a machine's devices. Nothing polls: the code that runs the processor asks for `nextDeadlineNs` and calls `run()` when it has come. */
import type { Clock, Timer, Timers } from './bus.ts';

class QueueTimer implements Timer {
  deadlineNs = Infinity;
  slackNs = 0;
  readonly name: string;
  readonly callback: () => void;
  private readonly changed: () => void;
  private readonly removed: (timer: QueueTimer) => void;

  constructor(name: string, callback: () => void, changed: () => void, removed: (timer: QueueTimer) => void) {
    this.name = name;
    this.callback = callback;
    this.changed = changed;
    this.removed = removed;
  }

  set(deadlineNs: number, slackNs = 0): void {
    this.deadlineNs = deadlineNs;
    this.slackNs = slackNs;
    this.changed();
  }

  cancel(): void {
    this.set(Infinity);
  }

  remove(): void {
    this.cancel();
    this.removed(this);
  }
}

/** A machine has about a dozen timers: a scan beats a heap. */
export class TimerQueue implements Timers {
  readonly clock: Clock;
  private readonly timers: QueueTimer[] = [];
  private next = Infinity;
  private latest = Infinity;
  private stale = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  create(name: string, callback: () => void): Timer {
    const changed = (): void => {
      this.stale = true;
    };
    const removed = (gone: QueueTimer): void => {
      const at = this.timers.indexOf(gone);
      if (at >= 0) this.timers.splice(at, 1);
    };
    const timer = new QueueTimer(name, callback, changed, removed);
    this.timers.push(timer);
    return timer;
  }

  /** Earliest deadline, nanoseconds on the machine's clock; Infinity: none. */
  get nextDeadlineNs(): number {
    if (this.stale) this.look();
    return this.next;
  }

  /** When a machine that has nothing to do must be awake: the earliest deadline with its slack. */
  get latestNs(): number {
    if (this.stale) this.look();
    return this.latest;
  }

  private look(): void {
    this.stale = false;
    this.next = this.latest = Infinity;
    for (const { deadlineNs, slackNs } of this.timers) {
      if (deadlineNs < this.next) this.next = deadlineNs;
      if (deadlineNs + slackNs < this.latest) this.latest = deadlineNs + slackNs;
    }
  }

  /**
   * Fires everything that is due, in deadline order (equal ones in order of creation). A callback's new deadline fires in this call only
   * if it too lay before the time of the call, so a timer that always lies in the near future cannot hold the caller.
   */
  run(): void {
    const now = this.clock.nowNs();
    while (this.nextDeadlineNs <= now) {
      const due = this.timers.find(timer => timer.deadlineNs === this.next);
      if (!due) return;
      due.cancel();
      due.callback();
    }
  }

  /** What each is set to, to be set so again here; others are not set then. */
  save(): ReadonlyMap<Timer, readonly [deadlineNs: number, slackNs: number]> {
    return new Map(this.timers.map(timer => [timer, [timer.deadlineNs, timer.slackNs]]));
  }

  restore(saved: ReturnType<TimerQueue['save']>): void {
    for (const timer of this.timers) {
      const [deadlineNs, slackNs] = saved.get(timer) ?? [Infinity, 0];
      timer.set(deadlineNs, slackNs);
    }
  }

  /** How many timers there are, set or not. */
  get size(): number {
    return this.timers.length;
  }

  /** Deadlines by name, for a debugger. */
  peek(): { [name: string]: number } {
    return Object.fromEntries(
      this.timers.filter(timer => timer.deadlineNs !== Infinity).map(timer => [timer.name, timer.deadlineNs]),
    );
  }
}

const NS_PER_SECOND = 1e9;

/** Whole cycles of a clock of `hz` that have passed at `ns`; exact for any time a page can live (no product exceeds 2^53 for hz below 9 MHz). */
export function cyclesAt(ns: number, hz: number): number {
  const seconds = Math.floor(ns / NS_PER_SECOND);
  return seconds * hz + Math.floor(((ns - seconds * NS_PER_SECOND) * hz) / NS_PER_SECOND);
}

/** Earliest whole nanosecond at which `cyclesAt` gives `cycles` or more. */
export function nsOfCycle(cycles: number, hz: number): number {
  if (cycles === Infinity) return Infinity;
  const seconds = Math.floor(cycles / hz);
  return seconds * NS_PER_SECOND + Math.ceil(((cycles - seconds * hz) * NS_PER_SECOND) / hz);
}
