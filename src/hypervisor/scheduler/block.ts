/**
 * The run queue in machine memory: a block of fixed layout that every worker reads and changes under one lock (scheduler.ts).
 * Words are 32-bit indices from the block's start; times are doubles (nanoseconds on the host's clock), so their words are even.
 */

import { MAX_VCPUS } from '../layout/layout.ts';

/** Decisions that are kept: a second of them where some guests ask their disks and the network. The viewer four times a second misses none. */
export const TRACE_ENTRIES = 1024,
  TRACE_WORDS = 12;

export const MAX_PCPUS = 32;
/** A slot's entry, from SCHED.PCPU + pcpu * PCPU_WORDS. */
export const PCPU_WORDS = 8;
export const MAX_UNITS = 64;
/**
 * A unit's entry, from SCHED.UNIT + unit * UNIT_WORDS. The unit is what can hold a slot: the vCPUs of a domain, which take turns in its worker
 * (as with Xen's sched_unit of several vCPUs). Its number is the domain’s index in the domain table; 0 is Domain 0.
 */
export const UNIT_WORDS = 72;

/** Header. */
export const SCHED = {
  /** 0: free; else the taker's unit + 1. */
  LOCK: 0,
  /** Slots: physical processors that guests may use at once. */
  PCPUS: 1,
  /** Index in POLICIES. */
  POLICY: 2,
  /** Longest run before others of the same priority get their turn, and how long nobody may preempt one that has just begun. */
  TSLICE_US: 3,
  RATELIMIT_US: 4,
  /** Order of the queue: the next place at its end. */
  SEQUENCE: 5,
  /** Credit: sum that the active units had after the last accounting. */
  BALANCE: 6,
  /** Decisions traced, free-running; the last TRACE_ENTRIES of them are at TRACE. */
  TRACED: 7,
  /** Doubles: next accounting. */
  NEXT_ACCOUNTING: 8,
  /** Double: milliseconds on the clock that all workers share when the queue's time was 0. */
  EPOCH_MS: 10,
  /** Largest unit there was, + 1. */
  UNITS: 12,
  /** Accountings, free-running; the last ACCOUNTS of them are at ACCOUNT. */
  ACCOUNTED: 13,
  /** Fair, a double: the least virtual runtime of those that have something to do; it never falls. */
  MIN_VRUNTIME: 14,
  PCPU: 16,
  UNIT: 16 + MAX_PCPUS * PCPU_WORDS,
  TRACE: 16 + MAX_PCPUS * PCPU_WORDS + MAX_UNITS * UNIT_WORDS,
  ACCOUNT: 16 + MAX_PCPUS * PCPU_WORDS + MAX_UNITS * UNIT_WORDS + TRACE_ENTRIES * TRACE_WORDS,
} as const;

export const PCPU = {
  /** Unit that holds the slot + 1; 0: idle. */
  CURRENT: 0,
  /** 1: someone better waits; the holder looks at its next check. */
  PREEMPT: 1,
  /** Double: next tick. */
  NEXT_TICK: 2,
} as const;

export const UNIT = {
  /** 0: none; else runstate + 1 (RUNSTATE). */
  STATE: 0,
  /** Slot that it holds, or in whose queue it waits. */
  PCPU: 1,
  /** PRIORITY. */
  PRIORITY: 2,
  CREDIT: 3,
  WEIGHT: 4,
  /** Per cent of one slot; 0: none. */
  CAP: 5,
  /** The vCPU whose turn it is: its affinity is the unit's. */
  VCPU: 6,
  /** Bits of FLAG. */
  FLAGS: 8,
  /** Place in the queue: among equal priorities the smallest is first. */
  SEQUENCE: 9,
  /** Word of machine memory that is changed and notified when it gets a slot or loses it. */
  DOORBELL: 10,
  /** vCPUs that share it. */
  VCPUS: 11,
  /** Times it was given a slot. */
  DISPATCHES: 12,
  /** Doubles: entry into the state; time in each of the four; until when it was charged; beginning of its run; end of its slice. */
  STATE_ENTRY: 16,
  TIMES: 18,
  CHARGED: 26,
  STARTED: 28,
  SLICE_END: 30,
  /** Double: when it last had something to do after it had nothing. */
  AWAKE_SINCE: 32,
  /** Of each vCPU: bits of the slots it may use, and of those it should; the slot on which it runs, or ran last. */
  HARD_AFFINITY: 34,
  SOFT_AFFINITY: 34 + MAX_VCPUS,
  LAST_PCPU: 34 + 2 * MAX_VCPUS,
  /** Fair: time on a slot that it may use in each period, microseconds (0: as much as there is), and that period. */
  QUOTA_US: 34 + 3 * MAX_VCPUS,
  PERIOD_US: 35 + 3 * MAX_VCPUS,
  /** Fair, doubles: what it has run, the slower the more it weighs; what is left of its quota, below 0 what it owes; when the period ends. */
  VRUNTIME: 36 + 3 * MAX_VCPUS,
  RUNTIME_LEFT: 38 + 3 * MAX_VCPUS,
  PERIOD_END: 40 + 3 * MAX_VCPUS,
} as const;
export const FLAG = {
  /** Credit: it ran lately, and gets its share at the next accounting. */
  ACTIVE: 1,
  /** Its cap, or its quota, is used up. */
  PARKED: 2,
  /** It gave up its turn. */
  YIELD: 4,
  /** Something woke it while it was paused: it is runnable when that ends. */
  WOKEN: 8,
} as const;

/** Runstates (xen/include/public/vcpu.h). */
export const RUNNING = 0,
  RUNNABLE = 1,
  BLOCKED = 2,
  OFFLINE = 3;
export type Runstate = typeof RUNNING | typeof RUNNABLE | typeof BLOCKED | typeof OFFLINE;

/** Priorities of Xen's credit scheduler; without a unit a slot has IDLE. */
export const PRIORITY = { BOOST: 0, UNDER: -1, OVER: -2, IDLE: -64 } as const;

/** A traced decision, from SCHED.TRACE + (n % TRACE_ENTRIES) * TRACE_WORDS. */
export const TRACE = {
  /** Double. */
  TIME: 0,
  PCPU: 2,
  /** WHY. */
  REASON: 3,
  /** Units + 1 before and after; 0: idle. */
  FROM: 4,
  TO: 5,
  /** Of the chosen one. */
  PRIORITY: 6,
  CREDIT: 7,
  /** Units that waited in this slot's queue. */
  WAITING: 8,
  /** LEFT: why the one before does not go on. */
  LEFT: 9,
  /** Double: how long the chosen one had waited for a slot, nanoseconds. */
  WAITED: 10,
} as const;
/** Why a slot has whom it has. */
export const WHY = {
  /** Nobody could use the slot. */
  IDLE: 0,
  /** Nobody else waited. */
  ALONE: 1,
  /** Best priority in the queue. */
  PRIORITY: 2,
  /** First in the queue of equals. */
  TURN: 3,
  /** Woken onto an idle slot. */
  WOKEN: 4,
  /** From another slot's queue: it is better than what waited here. */
  STOLEN: 5,
  /** It began too short a time ago to be preempted. */
  RATELIMIT: 6,
  /** Woken onto an idle slot, or taken from another's queue, since its soft affinity names this slot. */
  PREFERRED: 7,
  /** Fair: its virtual runtime is the least. */
  LEAST: 8,
} as const;
/** Why a slot lost whom it had. */
export const LEFT = {
  /** It had nobody, or keeps whom it has. */
  NOBODY: 0,
  BLOCKED: 1,
  PAUSED: 2,
  DESTROYED: 3,
  /** Its time slice was over, or it has used up its credit, and an equal waited. */
  SLICE: 4,
  /** By someone of better priority. */
  PREEMPTED: 5,
  YIELDED: 6,
  /** Its cap, or its quota, is used up. */
  PARKED: 7,
  /** Its hard affinity no longer names this slot. */
  AFFINITY: 8,
} as const;

/** An accounting, from SCHED.ACCOUNT + (n % ACCOUNTS) * ACCOUNT_WORDS: a double, its time; then the credit that each unit has after it. */
export const ACCOUNTS = 11,
  ACCOUNT_WORDS = 2 + MAX_UNITS;

export const SCHED_BYTES = (SCHED.ACCOUNT + ACCOUNTS * ACCOUNT_WORDS) * 4;
