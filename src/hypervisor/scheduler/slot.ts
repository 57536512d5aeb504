/** A domain's way to a slot and out of it, for whoever runs its slices: a worker of its own, or a thread that several domains share. */
import type { SliceResult } from '../domain.ts';
import type { Scheduler } from './scheduler.ts';

export class Slot {
  private readonly scheduler: Scheduler;
  readonly unit: number;

  /** It has a slot now, or none although it has something to do. */
  onChange: (held: boolean) => void;

  constructor(scheduler: Scheduler, unit: number, onChange: (held: boolean) => void = () => {}) {
    this.scheduler = scheduler;
    this.unit = unit;
    this.onChange = onChange;
  }

  /** Before a slice: there is something to do. False: it must wait for its turn; its doorbell rings then. */
  enter(): boolean {
    const { scheduler, unit } = this;
    if (!scheduler.runs(unit)) scheduler.wake(unit);
    const held = scheduler.runs(unit) || scheduler.check(unit);
    this.onChange(held);
    return held;
  }

  /** After a slice. */
  leave({ state }: Pick<SliceResult, 'state'>): void {
    const { scheduler, unit } = this;
    if (state === 'running') scheduler.check(unit);
    else if (state !== 'paused') scheduler.block(unit);
  }

  setPaused(paused: boolean): void {
    if (paused) this.scheduler.pause(this.unit);
    else this.scheduler.unpause(this.unit);
  }

  /** When a domain that parked must look again, nanoseconds on its clock: late timers disturb nobody while no domain computes. */
  wakeNs({ untilNs, latestNs }: { untilNs: number; latestNs: number }): number {
    return latestNs > untilNs && this.scheduler.calm ? latestNs : untilNs;
  }

  /** While it waits for its turn: look again after so many milliseconds at the latest. */
  get patienceMs(): number {
    return this.scheduler.waitNs(this.unit) / 1e6;
  }
}
