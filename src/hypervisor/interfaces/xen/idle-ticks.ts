/**
 * Whether a vCPU does nothing but tick. A kernel without tickless idle (Debian's 686 kernels: CONFIG_HZ_PERIODIC, 250 Hz) sets its one-shot timer again and
 * again a few milliseconds ahead; twenty such guests at their shells would take a whole core of ours. Xen promises VIRQ_TIMER at the time or later (its
 * `timer_slop` puts timers together, too), and such kernels make up for the ticks that they missed: while nobody computes, an idle vCPU gets many in one.
 * The longer it has idled, the later: what it waits for comes late by at most a thirty-second part of the wait.
 */
import { DOUBLE_ZERO } from '../../../cpu/architecture/index.ts';

/** Deadlines of a tick are no further ahead: 250 Hz, a little late. */
const LONGEST_TICK_NS = 4.1e6;
/** What a vCPU that only ticks retires: for each tick (Debian's takes 4800, or 10000 for many in one), and in each window for kernel threads. */
const TICK_INSTRUCTIONS = 10_000,
  OTHER_INSTRUCTIONS = 400_000;
const WINDOW_NS = 1e9;
/** How late a tick may be: a part of the time since the vCPU last did something, up to the most. */
const PART = 1 / 32,
  MOST_NS = 500e6;

/** Of the deadlines of a window this many may be further ahead: Linux puts its next tick off where one took too long. */
const MOST_FAR = 4,
  FAR_PART = 1 / 4;

export class IdleTicks {
  /** Since when it has only ticked; start of the window under way, then what it has seen: instructions before it, deadlines, those further ahead. */
  private idleSinceNs = DOUBLE_ZERO;
  private windowNs = -1.5;
  private retiredAtStart = DOUBLE_ZERO;
  private ticks = 0;
  private far = 0;

  /** The vCPU sets its one-shot timer: how late it may be. `retired`: instructions of the domain so far. */
  slackNs(nowNs: number, deadlineNs: number, retired: number): number {
    this.ticks++;
    const isFar = deadlineNs - nowNs > LONGEST_TICK_NS;
    if (isFar) this.far++;
    const works =
      this.windowNs < 0 ||
      retired - this.retiredAtStart > this.ticks * TICK_INSTRUCTIONS + OTHER_INSTRUCTIONS ||
      this.far > MOST_FAR + this.ticks * FAR_PART;
    if (works) this.idleSinceNs = nowNs;
    if (works || nowNs - this.windowNs >= WINDOW_NS) {
      this.windowNs = nowNs;
      this.retiredAtStart = retired;
      this.ticks = this.far = 0;
    }
    const idleNs = nowNs - this.idleSinceNs;
    return isFar || idleNs < WINDOW_NS ? 0 : Math.min(MOST_NS, idleNs * PART);
  }
}
