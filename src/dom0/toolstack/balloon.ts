/** What becomes of xl mem-set: the guest's balloon driver gives pages back, or takes them, at its own pace, and what it has by then is counted. */
import { FRAMES_A_MIB } from '../../hypervisor/layout/index.ts';
import type { Later } from '../host/index.ts';

/** How often the domain's pages are counted, and how long none may move before the driver has done what it does. */
const LOOK_MS = 250,
  QUIET_MS = 10_000;
/** As near as that it may stay: pages that the guest never gives back, as the hole below 1 MiB. Then it is waited for a moment alone. */
const NEAR_FRAMES = 256,
  NEAR_PART = 8,
  SETTLE_MS = 1000;

export interface BalloonParts {
  /** Pages that the domain has (tot_pages). */
  frames(): number;
  /** The guest watches its target: it has a balloon driver, or anything like it. */
  listens(): boolean;
  /** What nothing does where none listens. */
  silence: string;
  nowMs(): number;
  later: Later;
  say(message: string, progress: number): void;
  end(message: string): void;
}

/** What ends it from outside. */
export interface Balloon {
  /** Another target counts now. */
  replaced(): void;
  /** The domain is over. */
  over(): void;
}

/** MiB as people write them: a digit after the point where it says something. */
const mib = (frames: number): string =>
  frames % FRAMES_A_MIB === 0 || frames >= 10 * FRAMES_A_MIB
    ? String(Math.round(frames / FRAMES_A_MIB))
    : (frames / FRAMES_A_MIB).toFixed(1).replace('.0', '');

/** `had`: pages that the domain had when the target was set; what it has other now the hypervisor moved at once, of what is populated on demand. */
export function followBalloon(
  had: number,
  targetMiB: number,
  { frames, listens, silence, nowMs, later, say, end }: BalloonParts,
): Balloon {
  const before = frames(),
    target = targetMiB * FRAMES_A_MIB,
    wanted = Math.abs(target - before),
    near = Math.min(NEAR_FRAMES, Math.floor(wanted / NEAR_PART));
  const did = target < before ? 'gave back' : 'took';
  let last = before,
    movedMs = nowMs(),
    cancel = (): void => {},
    isOver = false;
  // One that goes the other way has moved nothing of what was asked for.
  const moved = (): number => Math.min(wanted, Math.max(0, target < before ? before - last : last - before));
  const part = (): string => `${did} ${mib(moved())} of ${mib(wanted)} MiB`;
  const finish = (message: string): void => {
    if (isOver) return;
    isOver = true;
    cancel();
    end(message);
  };
  const look = (): void => {
    const now = frames(),
      ms = nowMs();
    if (now !== last) movedMs = ms;
    last = now;
    const missing = wanted - moved(),
      quietMs = ms - movedMs;
    if (missing === 0 || (missing <= near && quietMs >= SETTLE_MS))
      return finish(
        `The guest’s balloon driver ${did} ${Math.abs(now - before)} pages: target ${targetMiB} MiB reached.`,
      );
    if (quietMs >= SETTLE_MS && moved() === 0 && !listens())
      return finish(
        `The guest has no balloon driver, and has ${mib(now)} MiB still: ${silence}. A driver that starts later finds the target of ${targetMiB} MiB there.`,
      );
    if (quietMs >= QUIET_MS)
      return finish(
        `The guest ${target < before ? 'kept' : 'has'} ${mib(now)} MiB; ${moved() === 0 ? `none of its drivers ${did} any of the ${mib(wanted)} MiB in ${QUIET_MS / 1000} s` : `its driver ${part()}`}.`,
      );
    say(`The balloon ${part()}; the guest decides how fast.`, moved() / wanted);
    cancel = later(LOOK_MS, look);
  };
  // Targets are whole MiB: who is nearer than one is there.
  if (wanted < NEAR_FRAMES)
    finish(
      before === had
        ? `The guest has ${targetMiB} MiB already.`
        : `Xen ${before < had ? 'took' : 'gave'} ${Math.abs(before - had)} pages of its memory on demand at once: target ${targetMiB} MiB reached.`,
    );
  else look();
  return {
    replaced: () =>
      finish(
        `Another target took its place when the balloon driver ${did === 'took' ? 'had taken' : 'had given back'} ${mib(moved())} of ${mib(wanted)} MiB.`,
      ),
    over: () =>
      finish(
        `The domain ended when its balloon driver ${did === 'took' ? 'had taken' : 'had given back'} ${mib(moved())} of ${mib(wanted)} MiB.`,
      ),
  };
}
