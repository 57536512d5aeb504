/** What a move may take, where somebody has said so: bytes a second, and how long the domain may be paused. */
import type { PrecopyWish } from '../../../hypervisor/index.ts';
import { FRAME_BYTES } from '../../../hypervisor/memory/index.ts';
import { BAD_NAME } from '../../definitions/config/index.ts';
import type { Uses } from '../../toolstack/index.ts';
import { bytesPerSecondOf, limitsOf } from '../../toolstack/moves/index.ts';

/** A timer is not asked for less. */
const LEAST_WAIT_MS = 2;
/** Characters of a domain's name. */
const MOST_NAME = 1000;

export class Limits {
  private readonly host: Uses<'clock' | 'toolstack'>;
  private readonly name: string;
  private readonly precopy: PrecopyWish;
  private readonly nowMs: () => number;
  /** What was sent so far would be gone then, at the rate that it may have. */
  private dueMs = 0;

  /** `precopy`: of the domain called so; `nowMs`: monotonic. */
  constructor(host: Uses<'clock' | 'toolstack'>, name: string, precopy: PrecopyWish, nowMs: () => number) {
    this.host = host;
    this.name = name;
    this.precopy = precopy;
    this.nowMs = nowMs;
  }

  /** So much was sent of one that runs; one that is paused has no limit (migration_completion() of QEMU). Resolves when more may go, or at `stopped`. */
  async paced(bytes: number, stopped: Promise<never>): Promise<void> {
    const { stops, leaves } = this.precopy;
    const perSecond = bytesPerSecondOf(this.host.toolstack, this.name);
    if (perSecond === undefined || stops || leaves) return;
    const nowMs = this.nowMs();
    this.dueMs = Math.max(this.dueMs, nowMs) + (1000 * bytes) / perSecond;
    const waitMs = this.dueMs - nowMs;
    if (waitMs < LEAST_WAIT_MS) return;
    await Promise.race([new Promise<void>(resolve => this.host.clock.later(waitMs, resolve)), stopped]);
  }

  /** It goes at this rate: what may be left then. */
  goesAt(bytesPerSecond: number): void {
    const { downtimeMs } = limitsOf(this.host.toolstack, this.name);
    if (downtimeMs === undefined) return;
    this.precopy.fewFrames = Math.floor((downtimeMs * bytesPerSecond) / 1000 / FRAME_BYTES);
  }
}

/** A domain that is to have another name there. @throws Error with a sentence */
export function refuseName({ parts }: Uses<'parts'>, before: string, name: string | undefined): void {
  if (name === undefined) return;
  if (name === '' || name.length > MOST_NAME || BAD_NAME.test(name))
    throw new Error(
      `invalid argument: a domain cannot be called '${name.slice(0, 80)}' (--dname). A name has 1 to ${MOST_NAME} characters, none of them / or a control character.`,
    );
  if (parts.virtual)
    throw new Error(`unsupported configuration: within a host ${before} keeps its name: migrate it without --dname.`);
}
