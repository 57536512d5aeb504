/** The balancer of a pool, on the host that is its coordinator: it gets reports of loads and moves, and is asked from time to time what is to be done. */
import type { Decision } from './decisions.ts';
import { plan } from './plan.ts';
import type { HostSample, PoolView } from './samples.ts';
import { DEFAULTS, type Mode, type Settings } from './settings.ts';
import { Watch } from './watch.ts';

export class Balancer {
  private settings: Settings;
  private readonly watch: Watch;
  private relieving: ReadonlySet<string> = new Set();

  constructor(settings: Partial<Settings> = {}) {
    this.settings = { ...DEFAULTS, ...settings };
    this.watch = new Watch(this.settings);
  }

  /** What it goes by from now on; it forgets nothing. */
  set(mode: Mode, automatic: boolean): void {
    this.settings = { ...this.settings, mode, automatic };
  }

  /** A host tells how it is, every two seconds or so. */
  take(sample: HostSample): void {
    this.watch.take(sample);
  }

  /** A move has begun, at anyone's request: its two hosts are left alone until they have reported how they are after it. */
  begun(guest: string, from: string, to: string): void {
    this.watch.begun(guest, from, to);
  }

  /** It has ended, well or not. The guest rests. */
  ended(guest: string, nowMs: number): void {
    this.watch.ended(guest, nowMs);
  }

  view(nowMs: number): PoolView {
    return this.watch.view(nowMs);
  }

  /** To be asked every `recentMs`. `begun` reports moves that are made. */
  decide(nowMs: number): Decision[] {
    const { decisions, relieving } = plan(this.view(nowMs), this.settings, this.relieving);
    this.relieving = relieving;
    return decisions;
  }
}
