/** A domain's way to a slot and out of it, for what runs its slices: a worker of its own, or a thread that several domains share. */
import type { Domain } from '../domain/domain.ts';
import type { SliceResult } from '../domain/slice.ts';
import type { Scheduler } from './scheduler.ts';

/** What a timer's slack has grown to when its domain has idled for a quarter of a minute (xen/idle-ticks.ts). */
const LONG_SLACK_NS = 480e6;

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

  /** Somebody who left has given it a slot, or it has kept its own. */
  get isHeld(): boolean {
    return this.scheduler.runs(this.unit);
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

  /**
   * Domain 0's: `work`, in a slot where there is something to do; true: something was done. It comes here at every ring, so a slot that it got
   * for what is done already is given back here: nobody else would, and nobody could have it.
   */
  serve(pending: boolean, work: () => boolean): boolean {
    if (pending && !this.enter()) return false;
    const done = work();
    this.leave({ state: 'parked' });
    return done;
  }

  /** The domain that the slot is for: it hears of the slot, and asks whether a vCPU may run there. */
  carry(domain: Domain): void {
    this.onChange = held => domain.slices.setSlot(held);
    domain.vcpus.place = vcpu => this.scheduler.place(this.unit, vcpu);
  }

  setPaused(paused: boolean): void {
    if (paused) this.scheduler.pause(this.unit);
    else this.scheduler.unpause(this.unit);
  }

  /**
   * When a domain that parked must look again, nanoseconds on its clock: late timers disturb nobody while no domain computes. One that has idled for long is
   * late in any case: the exact ticks of many such would be what keeps the slots busy.
   */
  wakeNs({ untilNs, latestNs }: { untilNs: number; latestNs: number }): number {
    return latestNs > untilNs && (latestNs - untilNs >= LONG_SLACK_NS || this.scheduler.calm) ? latestNs : untilNs;
  }

  /** While it waits for its turn: look again after this many milliseconds at the latest. */
  get patienceMs(): number {
    return this.scheduler.waitNs(this.unit) / 1e6;
  }
}
