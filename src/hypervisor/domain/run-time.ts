/** How long a domain ran and how long it idled: in virtual time by its own clock, in host time by what its thread really got (thread-time.ts). */
import { ThreadTime } from './thread-time.ts';

export class RunTime {
  /** Absent in virtual time. */
  readonly thread: ThreadTime | undefined;
  idleNs = 0;
  private virtualNs = 0;

  constructor(hostMs: (() => number) | undefined) {
    if (hostMs) this.thread = new ThreadTime(hostMs);
  }

  /** In virtual time: a slice ran this long. */
  ran(ns: number): void {
    this.virtualNs += ns;
  }

  get runNs(): number {
    return this.thread ? this.thread.ranNs : this.virtualNs;
  }

  restore(runNs: number, idleNs: number): void {
    if (this.thread) this.thread.ranNs = runNs;
    else this.virtualNs = runNs;
    this.idleNs = idleNs;
  }
}
