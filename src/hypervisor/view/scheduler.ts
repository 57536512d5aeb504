/** The run queue as others see it: the slots' holders, who waits, why it was decided so (../scheduler/block.ts). */
import { MAX_VCPUS, XENHEAP, XENHEAP_MAGIC } from '../layout/layout.ts';
import { periodsOf } from '../scheduler/credit.ts';
import {
  ACCOUNT_WORDS,
  ACCOUNTS,
  BLOCKED,
  FLAG,
  LEFT,
  MAX_PCPUS,
  MAX_UNITS,
  OFFLINE,
  PCPU,
  PCPU_WORDS,
  RUNNABLE,
  RUNNING,
  type Runstate,
  SCHED,
  TRACE,
  TRACE_ENTRIES,
  TRACE_WORDS,
  UNIT,
  UNIT_WORDS,
  WHY,
} from '../scheduler/block.ts';
import { MemoryView, wholeEntries } from './memory-view.ts';

/** Times in each runstate, nanoseconds. */
export interface Runstates {
  /** -1: there is no such unit. */
  state: Runstate | -1;
  running: number;
  runnable: number;
  blocked: number;
  offline: number;
  torn: boolean;
}

/** What can hold a slot: the vCPUs of the domain with this index in the domain table. */
export interface Unit {
  unit: number;
  state: Runstate;
  /** Slot that it holds, or in whose queue it waits. */
  pcpu: number;
  /** PRIORITY, and credit left. */
  priority: number;
  credit: number;
  weight: number;
  /** Per cent of one slot; 0: none. */
  cap: number;
  /** Its cap is used up. */
  parked: boolean;
  /** Of each vCPU: bit n: may run, and should, on slot n. */
  hardAffinity: number[];
  softAffinity: number[];
  /** The slot on which each vCPU runs, or ran last. */
  lastPcpus: number[];
  vcpus: number;
  /** Times it was given a slot. */
  dispatches: number;
  torn: boolean;
}

/** Why a slot has whom it has. */
export interface Decision {
  /** The queue's time, nanoseconds. */
  timeNs: number;
  pcpu: number;
  why: keyof typeof WHY;
  /** Why the one before does not go on. */
  left: keyof typeof LEFT;
  /** Units before and after; -1: idle. */
  from: number;
  to: number;
  /** Of the chosen one. */
  priority: number;
  credit: number;
  /** Units that waited in this slot's queue. */
  waiting: number;
  /** How long the chosen one had waited for a slot. */
  waitedNs: number;
}

/** Credit was handed out. */
export interface Accounting {
  /** The queue's time, nanoseconds. */
  timeNs: number;
  /** What each unit has after it. */
  credits: number[];
}

export type Periods = ReturnType<typeof periodsOf>;

const WHY_NAMES = Object.keys(WHY) as (keyof typeof WHY)[],
  LEFT_NAMES = Object.keys(LEFT) as (keyof typeof LEFT)[];

export class SchedulerView {
  private readonly memory: MemoryView;

  constructor(memory: SharedArrayBuffer | ArrayBuffer) {
    this.memory = new MemoryView(memory);
  }

  /** Index of the block's first word; past the end of what is no machine memory. */
  private get base(): number {
    return this.memory.word(XENHEAP.MAGIC) === XENHEAP_MAGIC
      ? this.memory.unsigned(XENHEAP.SCHEDULER) >>> 2
      : this.memory.words.length;
  }

  /** Slots: physical processors that guests may use at once. */
  get pcpus(): number {
    return Math.min(MAX_PCPUS, Math.max(0, this.memory.word(this.base + SCHED.PCPUS)));
  }

  /** Of Xen's credit scheduler: times from a tick to the next and from an accounting to the next, and what that hands out a slot. */
  get periods(): Periods {
    return periodsOf(this.memory.word(this.base + SCHED.TSLICE_US));
  }

  /** Unit that holds each slot; -1: idle. */
  get slots(): number[] {
    return Array.from(
      { length: this.pcpus },
      (_, pcpu) => this.memory.word(this.base + SCHED.PCPU + pcpu * PCPU_WORDS + PCPU.CURRENT) - 1,
    );
  }

  /** The queue's time when the clock that all workers share shows `sharedMs`; 0: it has not begun. */
  timeNs(sharedMs: number): number {
    const epochMs = this.memory.double(this.base + SCHED.EPOCH_MS);
    return epochMs === 0 ? 0 : (sharedMs - epochMs) * 1e6;
  }

  /** A unit's words as of one moment: a writer sets its state last, and its entry time before. */
  private copy(unit: number): { words: Int32Array; times: Float64Array; torn: boolean } {
    const inRange = unit >= 0 && unit < MAX_UNITS;
    const { words, torn } = this.memory.copy(this.base + SCHED.UNIT + (inRange ? unit : 0) * UNIT_WORDS, UNIT_WORDS);
    if (!inRange || words.length < UNIT_WORDS)
      return { words: new Int32Array(UNIT_WORDS), times: new Float64Array(UNIT_WORDS / 2), torn: true };
    return { words, times: new Float64Array(words.buffer), torn };
  }

  units(): Unit[] {
    const units: Unit[] = [];
    for (let unit = 0; unit < Math.min(MAX_UNITS, this.memory.word(this.base + SCHED.UNITS)); unit++) {
      const { words, torn } = this.copy(unit);
      if (words[UNIT.STATE] <= 0) continue;
      const ofVcpus = (field: number): number[] => [
        ...words.subarray(field, field + Math.min(MAX_VCPUS, Math.max(0, words[UNIT.VCPUS]))),
      ];
      units.push({
        unit,
        state: (words[UNIT.STATE] - 1) as Runstate,
        pcpu: words[UNIT.PCPU],
        priority: words[UNIT.PRIORITY],
        credit: words[UNIT.CREDIT],
        weight: words[UNIT.WEIGHT],
        cap: words[UNIT.CAP],
        parked: (words[UNIT.FLAGS] & FLAG.PARKED) !== 0,
        hardAffinity: ofVcpus(UNIT.HARD_AFFINITY),
        softAffinity: ofVcpus(UNIT.SOFT_AFFINITY),
        lastPcpus: ofVcpus(UNIT.LAST_PCPU),
        vcpus: words[UNIT.VCPUS],
        dispatches: words[UNIT.DISPATCHES] >>> 0,
        torn,
      });
    }
    return units;
  }

  /** `nowNs`: the queue's time, up to which the state under way counts (default: it does not count). */
  runstates(unit: number, nowNs = 0): Runstates {
    const { words, times, torn } = this.copy(unit);
    const state = words[UNIT.STATE] - 1;
    const ns = [RUNNING, RUNNABLE, BLOCKED, OFFLINE].map(s => times[UNIT.TIMES / 2 + s]);
    if (state >= RUNNING && state <= OFFLINE) ns[state] += Math.max(0, nowNs - times[UNIT.STATE_ENTRY / 2]);
    return {
      state: (state >= RUNNING && state <= OFFLINE ? state : -1) as Runstate | -1,
      running: ns[RUNNING],
      runnable: ns[RUNNABLE],
      blocked: ns[BLOCKED],
      offline: ns[OFFLINE],
      torn,
    };
  }

  /** The last accountings, oldest first; those that were overwritten meanwhile are left out. */
  accountings(): Accounting[] {
    return this.ring(SCHED.ACCOUNTED, SCHED.ACCOUNT, ACCOUNTS, ACCOUNT_WORDS, (words, timeNs) => ({
      timeNs,
      credits: [...words.subarray(2)],
    }));
  }

  /** The last decisions, oldest first; those that were overwritten meanwhile are left out. */
  decisions(): Decision[] {
    return this.ring(SCHED.TRACED, SCHED.TRACE, TRACE_ENTRIES, TRACE_WORDS, (words, timeNs, times) => ({
      timeNs,
      pcpu: words[TRACE.PCPU],
      why: WHY_NAMES[words[TRACE.REASON]],
      left: LEFT_NAMES[words[TRACE.LEFT]],
      from: words[TRACE.FROM] - 1,
      to: words[TRACE.TO] - 1,
      priority: words[TRACE.PRIORITY],
      credit: words[TRACE.CREDIT],
      waiting: words[TRACE.WAITING],
      waitedNs: times[TRACE.WAITED / 2],
    }));
  }

  /** Entries of a ring of the block that begin with their time, oldest first. `written`: where the number of those that were written is. */
  private ring<T>(
    written: number,
    from: number,
    entries: number,
    entryWords: number,
    read: (words: Int32Array, timeNs: number, times: Float64Array) => T,
  ): T[] {
    const { memory, base } = this;
    const count = memory.word(base + written);
    const ring = memory.words.slice(base + from, base + from + entries * entryWords);
    if (ring.length < entries * entryWords) return [];
    const oldest = count >>> 0 > entries ? (count - entries) | 0 : 0;
    const { first } = wholeEntries(oldest, count, memory.word(base + written), entries);
    return Array.from({ length: (count - first) >>> 0 }, (_, i) => {
      const words = ring.subarray((((first + i) >>> 0) % entries) * entryWords).subarray(0, entryWords),
        times = new Float64Array(ring.buffer, words.byteOffset, entryWords / 2);
      return read(words, times[0], times);
    });
  }
}
