/** What the scheduler leaves in machine memory of its decisions and accountings, for those who look on (view/scheduler.ts). */
import { ACCOUNT_WORDS, ACCOUNTS, LEFT, PRIORITY, SCHED, TRACE, TRACE_ENTRIES, TRACE_WORDS, UNIT } from './block.ts';
import type { SchedulerBlock } from './policy.ts';

/** The next holder of a slot; units below 0: none. */
export interface Decision {
  pcpu: number;
  /** The queue's time. */
  at: number;
  from: number;
  to: number;
  /** WHY the slot is its now, and why the one before LEFT it. */
  why: number;
  left?: number;
  /** How long it had waited, in nanoseconds. */
  waited?: number;
}

/** `waiting`: units that wait for the slot. */
export function traceDecision(
  words: Int32Array,
  queue: SchedulerBlock,
  { pcpu, at, from, to, why, left = LEFT.NOBODY, waited = 0 }: Decision,
  waiting: number,
): void {
  const entry = SCHED.TRACE + ((words[SCHED.TRACED] >>> 0) % TRACE_ENTRIES) * TRACE_WORDS;
  queue.setTime(entry + TRACE.TIME, at);
  words[entry + TRACE.PCPU] = pcpu;
  words[entry + TRACE.REASON] = why;
  words[entry + TRACE.FROM] = from + 1;
  words[entry + TRACE.TO] = to + 1;
  words[entry + TRACE.PRIORITY] = to < 0 ? PRIORITY.IDLE : queue.get(to, UNIT.PRIORITY);
  words[entry + TRACE.CREDIT] = to < 0 ? 0 : queue.get(to, UNIT.CREDIT);
  words[entry + TRACE.WAITING] = waiting;
  words[entry + TRACE.LEFT] = left;
  queue.setTime(entry + TRACE.WAITED, waited);
  Atomics.add(words, SCHED.TRACED, 1);
}

/** Credits after an accounting, at the queue's time. */
export function traceAccounting(words: Int32Array, queue: SchedulerBlock, units: number, at: number): void {
  const base = SCHED.ACCOUNT + ((words[SCHED.ACCOUNTED] >>> 0) % ACCOUNTS) * ACCOUNT_WORDS;
  queue.setTime(base, at);
  for (let unit = 0; unit < units; unit++) words[base + 2 + unit] = queue.get(unit, UNIT.CREDIT);
  Atomics.add(words, SCHED.ACCOUNTED, 1);
}
