/** A host whose domains only use time, in virtual time: what the policies are judged by. */
import { Machine } from '../memory/machine.ts';
import { type Runstates, SchedulerView, type Unit } from '../view/scheduler.ts';
import { Scheduler } from './scheduler.ts';
import type { SchedulerOptions, UnitOptions } from './shares.ts';

export const MS = 1e6;
/** Between looks at the doorbell, and length of a slice: as a worker does it. */
export const STEP_NS = 0.25 * MS,
  SLICE_NS = 2 * MS;

/** Runs for this long, then sleeps for this long; Infinity: never stops. `silent`: its slices end by halting, so it never asks whether it may stay. */
export interface Habit {
  workNs: number;
  sleepNs: number;
  silent?: boolean;
}
export const HOG: Habit = { workNs: Infinity, sleepNs: 0 };

export class Host {
  nowNs = 0;
  readonly scheduler: Scheduler;
  readonly view: SchedulerView;
  private readonly words: Int32Array;
  private readonly domains: {
    slot: number;
    habit: Habit;
    left: number;
    wakeAt: number;
    sliceEnd: number;
    bell: number;
    askedAt: number;
  }[] = [];
  /** From wake to slot, by unit. */
  readonly latencies = new Map<number, number[]>();

  constructor(options: SchedulerOptions) {
    const machine = Machine.create(new SharedArrayBuffer(2 ** 20));
    this.words = machine.words;
    this.scheduler = new Scheduler(machine, () => this.nowNs);
    this.view = new SchedulerView(machine.memory);
    this.scheduler.configure(options);
  }

  add(habit: Habit, options: Omit<UnitOptions, 'doorbell'> = {}): number {
    const slot = this.domains.length + 1;
    this.scheduler.add({ index: slot, vcpus: 1 }, { doorbell: 1000 + slot, ...options });
    this.scheduler.wake(slot);
    this.domains.push({ slot, habit, left: habit.workNs, wakeAt: Infinity, sliceEnd: 0, bell: 0, askedAt: 0 });
    this.latencies.set(slot, []);
    return slot;
  }

  run(ns: number): void {
    const { scheduler } = this;
    for (const end = this.nowNs + ns; this.nowNs < end; this.nowNs += STEP_NS) {
      for (const domain of this.domains) {
        const { slot } = domain;
        if (domain.wakeAt <= this.nowNs) {
          domain.wakeAt = Infinity;
          domain.askedAt = this.nowNs;
          scheduler.wake(slot);
        }
        if (!scheduler.runs(slot)) {
          // Parked ones look by themselves.
          if (scheduler.waitNs(slot) === 0) scheduler.check(slot);
          continue;
        }
        if (domain.askedAt >= 0) {
          this.latencies.get(slot)?.push(this.nowNs - domain.askedAt);
          domain.askedAt = -1;
        }
        domain.left -= STEP_NS;
        const bell = this.words[1000 + slot];
        if (domain.left <= 0) {
          domain.left = domain.habit.workNs;
          domain.wakeAt = this.nowNs + domain.habit.sleepNs;
          scheduler.block(slot);
        } else if (!domain.habit.silent && (bell !== domain.bell || this.nowNs >= domain.sliceEnd)) {
          domain.sliceEnd = this.nowNs + SLICE_NS;
          scheduler.check(slot);
        }
        domain.bell = bell;
      }
    }
  }

  runstates(slot: number): Runstates {
    return this.view.runstates(slot, this.nowNs);
  }

  unit(slot: number): Unit {
    const found = this.view.units().find(({ unit }) => unit === slot);
    if (!found) throw new Error(`There is no unit ${slot}.`);
    return found;
  }

  share(slot: number): number {
    return this.runstates(slot).running / this.nowNs;
  }

  median(slot: number): number {
    const all = [...(this.latencies.get(slot) ?? [])].sort((a, b) => a - b);
    return all[all.length >> 1];
  }
}
