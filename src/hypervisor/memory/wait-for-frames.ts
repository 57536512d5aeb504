/** What the worker of a domain does where it uses a frame that is away (away-frames.ts). Loaded with what reads a state that comes. */
import { HostError, type Machine } from './machine.ts';

/** Between two looks: who is waited for may be called dead, and who waits may be asked to forget something (flush.ts). */
const LOOK_MS = 1;

/** In the worker of a domain that is not here yet: what is away comes once it runs. @throws HostError */
export const notBeforeItRuns: Machine['bring'] = (_record, gfn) => {
  throw new HostError(
    `Guest frame 0x${gfn.toString(16)} is needed before the guest can go on, and was left on the other host. Migrate it without --postcopy.`,
  );
};

/** In the worker of a domain. `ask`: the other host is asked for it; `waits`: called now and then. */
export function waitForFrames(
  machine: Machine,
  ask: (domid: number, gfn: number) => void,
  waits: () => void = () => {},
): void {
  machine.bring = (record, gfn) => {
    const stage = machine.secondStage(record);
    if (stage.isAway(gfn)) ask(record.id, gfn);
    for (let entry = stage.entry(gfn); stage.isAway(gfn) && machine.isAlive(record); entry = stage.entry(gfn)) {
      machine.relax();
      waits();
      Atomics.wait(stage.words, gfn, entry, LOOK_MS);
    }
  };
}
