/**
 * Runs one domain in this process: slices, and between them a turn for standard input. In virtual time the host's clock is not looked at but for
 * --timeout, so that a run depends on its inputs only.
 */
import { performance } from 'node:perf_hooks';
import type { Domain, Ending } from '../../hypervisor/index.ts';

export type RunEnd =
  | { kind: 'ended'; ending: Ending }
  | { kind: 'stopped' }
  | { kind: 'timeout' }
  /** Halted with interrupts off, or waiting for input when there is none to come. */
  | { kind: 'stuck'; sentence: string };

export class Runner {
  readonly domain: Domain;
  private wake: (() => void) | null = null;
  private stopAsked = false;
  /** No more input will come. */
  inputEnded = false;
  private readonly timeoutSeconds: number;
  private readonly flush: () => void;
  /** Called after each slice; gives the guest time (ns) at which it wants to be called again. */
  afterSlice: () => number = () => Infinity;

  constructor(domain: Domain, timeoutSeconds: number, flush: () => void) {
    this.domain = domain;
    this.timeoutSeconds = timeoutSeconds;
    this.flush = flush;
  }

  /** Ends the run after the instruction under way. */
  stop(): void {
    this.stopAsked = true;
    this.domain.stopSlice();
    this.poke();
  }

  /** Something came in: a sleeping run looks again. */
  poke(): void {
    this.wake?.();
  }

  async run(): Promise<RunEnd> {
    const { domain } = this;
    const deadlineMs = performance.now() + this.timeoutSeconds * 1000;
    for (;;) {
      const result = domain.runSlice();
      this.flush();
      const againNs = this.afterSlice();
      if (this.stopAsked) return { kind: 'stopped' };
      if (result.state === 'ended') return { kind: 'ended', ending: result.ending };
      if (domain.instructions >= domain.stopAtInstruction) return { kind: 'stopped' };
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) return { kind: 'timeout' };
      if (domain.stuck) return { kind: 'stuck', sentence: 'The guest halted with interrupts off: nothing but a reset can wake it.' };
      if (result.state === 'parked') {
        if (result.untilNs === Infinity && againNs === Infinity && this.inputEnded)
          return { kind: 'stuck', sentence: 'The guest waits for an interrupt that cannot come: no timer runs and the input has ended.' };
        await this.sleep(Math.min(leftMs, (Math.min(result.untilNs, againNs) - domain.clock.nowNs()) / 1e6));
      } else await new Promise(resolve => setImmediate(resolve));
    }
  }

  private sleep(ms: number): Promise<void> {
    if (ms <= 0) return new Promise(resolve => setImmediate(resolve));
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1));
      this.wake = done;
    });
  }
}
