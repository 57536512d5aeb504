/**
 * Whether the rounds of a guest that moves become shorter: how fast it writes, and how fast that reaches the other host. With auto-converge its processor gets less
 * and less until they do: cpu-throttle of QEMU (migration_trigger_throttle() and mig_throttle_guest_down() in migration/ram.c), here the scheduler's cap.
 */
import type { CommandHost } from '../../toolstack/index.ts';

/** Of what was sent, so much is written meanwhile, in this many rounds: then it is slowed down (QEMU's throttle-trigger-threshold; dirty_rate_high_cnt). */
const THRESHOLD = 0.5,
  TIMES = 2;
/** Percent that are taken from it first, and more each time, up to the last (cpu-throttle-initial, -increment, max-cpu-throttle). */
const FIRST = 20,
  MORE = 10,
  MOST = 99;
/** With auto-converge there may be this many rounds: each step takes two. */
export const MOST_THROTTLED_ROUNDS = 2 + TIMES * (1 + Math.ceil((MOST - FIRST) / MORE));

export interface ConvergenceParts {
  queue: Pick<CommandHost['queue'], 'shares' | 'adjust'>;
  /** The domain's unit, and its processors. */
  index: number;
  vcpus: number;
  /** It may be slowed down. */
  throttles: boolean;
}

export class Convergence {
  private readonly parts: ConvergenceParts;
  private readonly capBefore: number;
  private throttle = 0;
  private high = 0;
  /** Of the round under way, and of the one before. */
  private sentFrames = 0;
  private framesBefore = 0;
  private startMs = 0;
  /** Of the last round; undefined: there was none to tell by. */
  dirtiedPerSecond: number | undefined;
  private isShorter = true;

  constructor(parts: ConvergenceParts) {
    this.parts = parts;
    this.capBefore = parts.queue.shares(parts.index)?.cap ?? 0;
  }

  /** A round begins with this many frames, which were written during the one before. */
  begins(frames: number, nowMs: number): void {
    if (this.startMs > 0) {
      this.dirtiedPerSecond = (1000 * frames) / Math.max(1, nowMs - this.startMs);
      this.isShorter = frames <= THRESHOLD * this.sentFrames;
      if (this.isShorter) this.high = 0;
      else if (++this.high >= TIMES) this.slowDown();
    }
    this.framesBefore = this.sentFrames;
    this.sentFrames = frames;
    this.startMs = nowMs;
  }

  private slowDown(): void {
    const { queue, index, vcpus, throttles } = this.parts;
    if (!throttles) return;
    this.high = 0;
    this.throttle = this.throttle === 0 ? FIRST : Math.min(MOST, this.throttle + MORE);
    const cap = Math.max(1, Math.round(vcpus * (100 - this.throttle)));
    queue.adjust(index, { cap: this.capBefore === 0 ? cap : Math.min(cap, this.capBefore) });
  }

  /** As fast as before: it moves no more. */
  release(): void {
    if (this.throttle > 0) this.parts.queue.adjust(this.parts.index, { cap: this.capBefore });
    this.throttle = 0;
  }

  /** What was taken from it, for a message; undefined: nothing. */
  get taken(): number | undefined {
    return this.throttle === 0 ? undefined : this.throttle;
  }

  /** Its last rounds did not become shorter: a sentence. `name`, `to`: guest and host. */
  problem(name: string, to: string): string | undefined {
    if (this.isShorter || this.dirtiedPerSecond === undefined) return undefined;
    const rounds = `While ${this.framesBefore} pages went to ${to}, ${name} wrote ${this.sentFrames} (${Math.round(this.dirtiedPerSecond)} pages/s)`;
    return `${rounds}: its rounds do not become shorter, and it is paused for the rest. ${this.parts.throttles ? 'It was slowed down as far as it goes.' : `Slow it down (xl sched-credit -d ${name} -c 20), or migrate it with --auto-converge.`}`;
  }
}
