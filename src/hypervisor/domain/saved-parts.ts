/** What of a domain is in a saved state beyond RAM and the processor's words, as plain data. */
import type { State } from '../../devices/index.ts';
import { COUNTERS } from '../layout/layout.ts';
import { type ExitControls, USUAL_EXIT_CONTROLS } from '../view/exit-controls.ts';
import { EXIT_COUNTERS, OLD_EXIT_COUNTERS } from '../view/exit-reasons.ts';
import type { Domain } from './domain.ts';
import { SavedStateError } from './saved-state-error.ts';

/** Call between slices. @throws SavedStateError where a device model elsewhere has not answered yet */
export function saveParts({ remote, vcpus, platform, clock, slices, exits, counters }: Domain): State {
  if (remote?.settle() === false)
    throw new SavedStateError('The guest waits for its device model in Domain 0. Save it again.');
  const { runNs, idleNs } = slices.time;
  return {
    vcpus: vcpus.save(),
    platform: platform.save(),
    nowNs: clock.nowNs(),
    retiredBefore: clock.retiredBefore,
    runNs,
    idleNs,
    exitsTotal: exits.total,
    exitControls: exits.choice.chosen,
    exits: counters.slice(COUNTERS.EXITS, COUNTERS.EXITS + EXIT_COUNTERS),
  };
}

/**
 * RAM and the processor's words are in place. States of earlier versions have no choice of exits, or know fewer controls. @throws what devices throw for states that do not fit them.
 */
export function restoreParts({ vcpus, platform, clock, slices, exits, counters }: Domain, parts: State): void {
  vcpus.restore(parts.vcpus as State);
  clock.retiredBefore = parts.retiredBefore as number;
  clock.set(parts.nowNs as number);
  platform.restore(parts.platform as State);
  slices.time.restore(parts.runNs as number, parts.idleNs as number);
  exits.total = parts.exitsTotal as number;
  if (parts.exitControls)
    exits.choice.choose({ ...USUAL_EXIT_CONTROLS, ...(parts.exitControls as Partial<ExitControls>) });
  const counts = parts.exits as Int32Array;
  counters.set(counts.length === OLD_EXIT_COUNTERS ? counts.subarray(0, -1) : counts, COUNTERS.EXITS);
}
