/**
 * PAUSE-loop exiting (SDM vol. 3C, 26.1.3, “PAUSE”; 25.6.13): where PAUSE follows PAUSE for too long, the code spins for a lock whose holder may have lost its
 * processor. Times are differences of the TSC, modulo 2^32, as the fields PLE_Gap and PLE_Window are.
 */
import type { Controls } from './architecture/edge.ts';

export class PauseLoop {
  /** None was executed since the last entry into the guest. */
  private isNew = true;
  private last = 0;
  private first = 0;

  /** The guest is entered after it has exited, or another one is. */
  entered(): void {
    this.isNew = true;
  }

  /** A PAUSE at CPL 0, at this TSC (low word): whether it exits. */
  exits(tsc: number, { gap, window }: NonNullable<Controls['pauseLoop']>): boolean {
    const begins = this.isNew || (tsc - this.last) >>> 0 > gap;
    this.last = tsc;
    this.isNew = false;
    if (begins) this.first = tsc;
    return !begins && (tsc - this.first) >>> 0 > window;
  }
}
