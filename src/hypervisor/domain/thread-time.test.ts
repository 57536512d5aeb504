import { describe, expect, it } from 'vitest';
import { ThreadTime } from './thread-time.ts';

/** A thread on a host: its own time goes on with its work, the host's by what the host gives it. */
function host({ onMs = Infinity, offMs = 0, grainMs = 0.005 } = {}) {
  let ownMs = 1000,
    retired = 0;
  const hostMs = (): number => {
    const ms = ownMs + (onMs === Infinity ? 0 : Math.floor(ownMs / onMs) * offMs);
    return Math.floor(ms / grainMs) * grainMs;
  };
  const thread = new ThreadTime(hostMs);
  /** Slices of 2 ms for this many milliseconds of its own; every `exitEvery` instructions there is an exit. */
  const run = (ms: number, nsPerInstruction: number, exitEvery = Infinity): void => {
    for (const end = ownMs + ms; ownMs < end; ) {
      thread.begin(retired);
      for (const sliceEnd = ownMs + 2; ownMs < sliceEnd; ) {
        const instructions = Math.min(thread.instructionsLeft(retired), exitEvery);
        retired += instructions;
        ownMs += (instructions * nsPerInstruction) / 1e6;
        thread.pass(retired);
      }
      thread.look(retired);
    }
  };
  return { thread, run, hostMs, ownMs: () => ownMs };
}

describe('processor time of a thread', () => {
  it.each([
    ['40 %', 4, 6],
    ['90 %', 9, 1],
    ['10 %', 3, 27],
  ])('is what the host gave it: %s', (_, onMs, offMs) => {
    const { thread, run, hostMs } = host({ onMs, offMs });
    run(200, 6);
    const [fromMs, fromNs, fromStolen] = [hostMs(), thread.ranNs, thread.stolenNs];
    run(2000, 6);
    const wallNs = (hostMs() - fromMs) * 1e6;
    expect((thread.ranNs - fromNs) / wallNs).toBeCloseTo(onMs / (onMs + offMs), 1);
    expect((thread.stolenNs - fromStolen) / wallNs).toBeCloseTo(offMs / (onMs + offMs), 1);
    // Never more than the host's clock went on by.
    expect(thread.ranNs + thread.stolenNs).toBeLessThanOrEqual((hostMs() - 1000) * 1e6);
  });

  it.each([0.005, 0.1, 1])(
    'is all of it where nobody else runs, whatever the guest does, with a clock of %s ms',
    grainMs => {
      const { thread, run, ownMs } = host({ grainMs });
      run(300, 6);
      run(300, 60);
      run(300, 4);
      run(300, 100, 20);
      run(300, 6);
      // Each change of pace may cost a few looks.
      expect(thread.stolenNs / 1e6).toBeLessThan(30);
      if (grainMs < 0.1) expect(thread.ranNs / 1e6).toBeCloseTo(ownMs() - 1000 - thread.stolenNs / 1e6, -1);
    },
  );

  it('a domain that waits for a slot waits, and does not run', () => {
    let ms = 5;
    const thread = new ThreadTime(() => ms);
    thread.setSlot(false);
    ms += 30;
    thread.setSlot(true);
    expect([thread.waitedNs, thread.ranNs + 0, thread.stolenNs + 0]).toEqual([30e6, 0, 0]);
  });
});
