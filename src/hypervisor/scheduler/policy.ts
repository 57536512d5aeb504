/** What decides how the slots are shared: sets priorities, slices and parking; the queue itself is scheduler.ts's. */
import { PCPU, PCPU_WORDS, SCHED, SCHED_BYTES, UNIT, UNIT_WORDS } from './block.ts';

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

  /** Unit that holds a slot; -1: idle. */
  current(pcpu: number): number {
    return this.words[this.pcpu(pcpu) + PCPU.CURRENT] - 1;
  }
}

/** All functions are called under the scheduler's lock. */
export interface Policy {
  /** As after `sched=` on Xen's command line. */
  readonly name: string;
  /** From a tick to the next, and from an accounting to the next, by the parameters as they are. */
  tickNs(block: SchedulerBlock): number;
  accountingNs(block: SchedulerBlock): number;
  added(block: SchedulerBlock, unit: number): void;
  removed(block: SchedulerBlock, unit: number): void;
  /** It was blocked and can run; its priority for the queue. */
  woken(block: SchedulerBlock, unit: number): void;
  /** It has run since UNIT.CHARGED; sets that to how far it is paid for. */
  charge(block: SchedulerBlock, unit: number, nowNs: number): void;
  /** It runs at a tick of its slot. */
  tick(block: SchedulerBlock, unit: number, nowNs: number): void;
  /** Once in accountingNs: hands out shares, parks (FLAG.PARKED) who is past its cap, takes back who is not any more. */
  account(block: SchedulerBlock): void;
}
