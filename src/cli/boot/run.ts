/**
 * Runs domains in this process, in turns: a slice of each, and between them a turn for standard input and for what Domain 0 does. In virtual time the
 * host's clock is not looked at but for --timeout, so that a run depends on its inputs only.
 */
import { performance } from 'node:perf_hooks';
import type { Domain, Ending } from '../../hypervisor/index.ts';
import type { Slot } from '../../hypervisor/scheduler/slot.ts';

export type RunEnd =
  | { kind: 'ended'; ending: Ending }
  | { kind: 'stopped' }
  | { kind: 'timeout' }
  /** Halted with interrupts off, or waiting for input when there is none to come. */
  | { kind: 'stuck'; sentence: string };

/** One that runs. */
export interface Member {
  domain: Domain;
  /** Its way to a slot; absent: it always has one. */
  slot?: Slot | undefined;
  /** When it wants its next turn, on its clock (-Infinity: at once), unless something comes in before. */
  untilNs?: number;
  /** How it ended, once it did. */
  end?: RunEnd;
  /** Starts it again in place of ending (a new `domain`); false: no. */
  again?(ending: Ending): boolean;
}

export interface RunnerParts {
  timeoutSeconds: number;
  /** After each slice: output goes out. */
  flush(): void;
  /** Domain 0's turn, after each round; true: it did something, so that a domain that sleeps may have to wake. */
  serve?(): boolean;
  /** Milliseconds until Domain 0 wants a turn. */
  wakeMs?(): number;
  /** Nobody could run for so long; virtual time must move on by itself. */
  idled?(ms: number): void;
}

const IDLE_STUCK = 'The guest waits for an interrupt that cannot come: no timer runs and the input has ended.';

export class Runner {
  readonly members: Member[];
  private readonly parts: RunnerParts;
  private wake: (() => void) | null = null;
  private stopAsked = false;
  /** No more input will come. */
  inputEnded = false;
  /** Called after each slice of the first domain; gives the guest time (ns) at which it wants to be called again. */
  afterSlice: () => number = () => Infinity;

  constructor(members: Member[], parts: RunnerParts) {
    this.members = members;
    this.parts = parts;
  }

  /** Ends the run after the instruction under way. */
  stop(): void {
    this.stopAsked = true;
    for (const { domain } of this.members) domain.stopSlice();
    this.poke();
  }

  /** Something came in: a sleeping run looks again. */
  poke(): void {
    this.allDue();
    this.wake?.();
  }

  /** Runs until every member has its end. */
  async run(): Promise<void> {
    const deadlineMs = performance.now() + this.parts.timeoutSeconds * 1000;
    for (;;) {
      let sleepMs = Infinity;
      for (const member of this.members) {
        if (member.end) continue;
        sleepMs = Math.min(sleepMs, this.turn(member, member === this.members[0]));
        // The slot is for others.
        if (member.end) member.slot?.leave({ state: 'ended' });
      }
      // Domain 0 may be about to wake somebody.
      if (this.parts.serve?.()) {
        sleepMs = 0;
        this.allDue();
      }
      sleepMs = Math.min(sleepMs, this.parts.wakeMs?.() ?? Infinity);
      this.parts.flush();
      const living = this.members.filter(member => !member.end);
      if (living.length === 0) return;
      const leftMs = deadlineMs - performance.now();
      if (this.stopAsked) return this.endAll(living, { kind: 'stopped' });
      if (leftMs <= 0) return this.endAll(living, { kind: 'timeout' });
      if (sleepMs === Infinity && this.inputEnded) return this.endAll(living, { kind: 'stuck', sentence: IDLE_STUCK });
      if (sleepMs > 0) {
        await this.sleep(Math.min(leftMs, sleepMs));
        if (sleepMs !== Infinity) this.parts.idled?.(sleepMs);
      } else await new Promise(resolve => setImmediate(resolve));
    }
  }

  private allDue(): void {
    for (const member of this.members) member.untilNs = -Infinity;
  }

  private endAll(members: Member[], end: RunEnd): void {
    for (const member of members) member.end = end;
  }

  /** One slice; milliseconds until the domain wants the next. */
  private turn(member: Member, first: boolean): number {
    const { domain, slot } = member;
    const { company } = domain.options;
    const beforeNs = domain.clock.nowNs();
    if (slot) {
      // In virtual time it goes as far as the others let it.
      const waitMs = company ? 0 : domain.clock.idleNs(member.untilNs ?? -Infinity) / 1e6;
      if (waitMs > 0) return waitMs;
      if (!slot.enter()) return slot.patienceMs;
    }
    const result = domain.runSlice();
    slot?.leave(result);
    member.untilNs = -Infinity;
    const againNs = first ? this.afterSlice() : Infinity;
    if (this.stopAsked) return 0;
    if (result.state === 'ended') {
      this.parts.serve?.();
      if (!member.again?.(result.ending)) member.end = { kind: 'ended', ending: result.ending };
      return 0;
    }
    if (domain.instructions >= domain.stopAtInstruction) member.end = { kind: 'stopped' };
    else if (domain.stuck) member.end = { kind: 'stuck', sentence: 'The guest halted with interrupts off: nothing but a reset can wake it.' };
    else if (result.state === 'parked') {
      member.untilNs = Math.min(company ? result.untilNs : slot ? slot.wakeNs(result) : result.latestNs, againNs);
      if (company && (domain.clock.nowNs() > beforeNs || company.wanted())) return 0;
      return Math.max(0, domain.clock.idleNs(member.untilNs) / 1e6);
    }
    return 0;
  }

  private sleep(ms: number): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1));
      this.wake = done;
    });
  }
}
