/** What decides how the slots are shared: sets priorities, slices and parking; the queue itself is scheduler.ts's. */
import { LEFT, PCPU, PCPU_WORDS, SCHED, SCHED_BYTES, UNIT, UNIT_WORDS, WHY } from './block.ts';
import type { Parameters, Shares, SharesOfUnit } from './shares.ts';

/** What a unit's words hold at most. */
const MOST_WORD = 2 ** 31 - 1;
/** Where the numbers among a unit's shares are. */
const WORDS_OF_SHARES = [
  ['weight', UNIT.WEIGHT],
  ['cap', UNIT.CAP],
  ['quotaUs', UNIT.QUOTA_US],
  ['periodUs', UNIT.PERIOD_US],
] as const;

/** The block as typed arrays; `at` and `time` find a unit's words. */
export class SchedulerBlock {
  readonly words: Int32Array;
  private readonly doubles: Float64Array;

  constructor(memory: SharedArrayBuffer | ArrayBuffer, offset: number) {
    this.words = new Int32Array(memory, offset, SCHED_BYTES / 4);
    this.doubles = new Float64Array(memory, offset, SCHED_BYTES / 8);
  }

  /** Index of a unit's entry in `words`. */
  unit(unit: number): number {
    return SCHED.UNIT + unit * UNIT_WORDS;
  }

  pcpu(pcpu: number): number {
    return SCHED.PCPU + pcpu * PCPU_WORDS;
  }

  get(unit: number, field: number): number {
    return this.words[SCHED.UNIT + unit * UNIT_WORDS + field];
  }

  set(unit: number, field: number, value: number): void {
    this.words[SCHED.UNIT + unit * UNIT_WORDS + field] = value;
  }

  /** The double at a word of the block. */
  time(word: number): number {
    return this.doubles[word >> 1];
  }

  setTime(word: number, ns: number): void {
    this.doubles[word >> 1] = ns;
  }

  unitTime(unit: number, field: number): number {
    return this.doubles[(SCHED.UNIT + unit * UNIT_WORDS + field) >> 1];
  }

  setUnitTime(unit: number, field: number, ns: number): void {
    this.doubles[(SCHED.UNIT + unit * UNIT_WORDS + field) >> 1] = ns;
  }

  has(unit: number, flag: number): boolean {
    return (this.get(unit, UNIT.FLAGS) & flag) !== 0;
  }

  flag(unit: number, flag: number, on: boolean): void {
    const flags = this.get(unit, UNIT.FLAGS);
    this.set(unit, UNIT.FLAGS, on ? flags | flag : flags & ~flag);
  }

  get pcpus(): number {
    return this.words[SCHED.PCPUS];
  }

  shares(unit: number): SharesOfUnit {
    const ofVcpus = (field: number): number[] =>
      Array.from({ length: this.get(unit, UNIT.VCPUS) }, (_, vcpu) => this.get(unit, field + vcpu));
    return {
      weight: this.get(unit, UNIT.WEIGHT),
      cap: this.get(unit, UNIT.CAP),
      quotaUs: this.get(unit, UNIT.QUOTA_US),
      periodUs: this.get(unit, UNIT.PERIOD_US),
      hardAffinity: ofVcpus(UNIT.HARD_AFFINITY),
      softAffinity: ofVcpus(UNIT.SOFT_AFFINITY),
    };
  }

  /** The numbers among them that are given. */
  setShares(unit: number, shares: Shares): void {
    for (const [name, field] of WORDS_OF_SHARES)
      if (shares[name] !== undefined) this.set(unit, field, Math.min(shares[name], MOST_WORD));
  }

  /** Unit that holds a slot; -1: idle. */
  current(pcpu: number): number {
    return this.words[this.pcpu(pcpu) + PCPU.CURRENT] - 1;
  }
}

/** All functions are called under the scheduler's lock. */
export interface Policy {
  readonly name: string;
  /** Xen's: `sched=` on its command line names it. The others are for hosts without Xen. */
  readonly ofXen: boolean;
  /** What a unit weighs that nobody gave a weight. */
  readonly weight: number;
  /** Each slot has a queue of its own, or one is for all. */
  readonly queue: 'slot' | 'host';
  /** What of the scheduler's parameters nobody has given. */
  defaults(pcpus: number): Parameters;
  /** From a tick to the next, and from an accounting that was at `fromNs` to the next, by the parameters as they are. */
  tickNs(block: SchedulerBlock): number;
  accountingNs(block: SchedulerBlock, fromNs: number): number;
  added(block: SchedulerBlock, unit: number, nowNs: number): void;
  /** Its cap or quota is another. */
  limited(block: SchedulerBlock, unit: number, nowNs: number): void;
  removed(block: SchedulerBlock, unit: number): void;
  /** It was blocked and can run; its place in the queue. */
  woken(block: SchedulerBlock, unit: number): void;
  /** Of two that wait: whether the first has the slot before the other. */
  precedes(block: SchedulerBlock, unit: number, other: number): boolean;
  /** One that waits may have the slot before the slice of the one that runs is over; `woken`: it waits from now on. */
  preempts(block: SchedulerBlock, waiting: number, running: number, nowNs: number, woken: boolean): boolean;
  /** One that waits has the slot where somebody is to be chosen again. */
  relieves(block: SchedulerBlock, waiting: number, running: number): boolean;
  /** WHY one that waits is chosen, and why the one that ran LEFT; -1: nobody could have stayed. */
  reasons(block: SchedulerBlock, chosen: number, running: number, nowNs: number): { why: number; left: number };
  /** How long who gets a slot has it before an equal gets its turn. */
  sliceNs(block: SchedulerBlock, unit: number): number;
  /** It has run since UNIT.CHARGED; sets that to how far it is paid for. */
  charge(block: SchedulerBlock, unit: number, nowNs: number): void;
  /** It runs at a tick of its slot. */
  tick(block: SchedulerBlock, unit: number, nowNs: number): void;
  /** After accountingNs: hands out shares, parks (FLAG.PARKED) who is past its cap, takes back who is not any more. */
  account(block: SchedulerBlock, nowNs: number): void;
}

/** What policies have in common that go by priorities, and by a queue of each slot's own among equals. */
export const byPriority = {
  queue: 'slot',
  precedes(block, unit, other) {
    const better = block.get(unit, UNIT.PRIORITY) - block.get(other, UNIT.PRIORITY);
    return better > 0 || (better === 0 && isEarlier(block, unit, other));
  },
  preempts: (block, waiting, running) => block.get(waiting, UNIT.PRIORITY) > block.get(running, UNIT.PRIORITY),
  // FIFO among equals: the waiter goes before the one that ran.
  relieves: (block, waiting, running) => block.get(waiting, UNIT.PRIORITY) >= block.get(running, UNIT.PRIORITY),
  reasons: (block, chosen, running) =>
    running >= 0 && block.get(chosen, UNIT.PRIORITY) > block.get(running, UNIT.PRIORITY)
      ? { why: WHY.PRIORITY, left: LEFT.PREEMPTED }
      : { why: WHY.TURN, left: LEFT.SLICE },
  sliceNs: block => block.words[SCHED.TSLICE_US] * 1e3,
} satisfies Partial<Policy>;

/** Of two that wait: which has waited longer. */
export const isEarlier = (block: SchedulerBlock, unit: number, other: number): boolean =>
  ((block.get(unit, UNIT.SEQUENCE) - block.get(other, UNIT.SEQUENCE)) | 0) < 0;
