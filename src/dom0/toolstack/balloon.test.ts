import { describe, expect, it } from 'vitest';
import { followBalloon } from './balloon.ts';

const MIB = 256;

/** A domain of this many MiB whose driver comes to this many with a clock that is moved by hand. */
function balloon(fromMiB: number, targetMiB: number, hadMiB = fromMiB, listens = true) {
  let ms = 0,
    frames = fromMiB * MIB,
    waiting: { at: number; callback: () => void } | undefined;
  const said: string[] = [],
    ends: string[] = [],
    progress: number[] = [];
  const follow = followBalloon(hadMiB * MIB, targetMiB, {
    frames: () => frames,
    listens: () => listens,
    silence: 'nothing in it watches memory/target in its store',
    nowMs: () => ms,
    later: (after, callback) => {
      waiting = { at: ms + after, callback };
      return () => {
        waiting = undefined;
      };
    },
    say: (message, part) => {
      said.push(message);
      progress.push(part);
    },
    end: message => ends.push(message),
  });
  const pass = (much: number): void => {
    for (const until = ms + much; waiting && waiting.at <= until; ) {
      const { at, callback } = waiting;
      waiting = undefined;
      ms = at;
      callback();
    }
  };
  return {
    follow,
    said,
    ends,
    progress,
    pass,
    has: (mib: number) => {
      frames = mib * MIB;
    },
    isWaiting: () => waiting !== undefined,
  };
}

describe('a guest whose balloon driver', () => {
  it('gives back what is asked for is followed to its target', () => {
    const guest = balloon(128, 96);
    expect(guest.said).toEqual(['The balloon gave back 0 of 32 MiB; the guest decides how fast.']);
    guest.has(115);
    guest.pass(300);
    expect(guest.said.at(-1)).toBe('The balloon gave back 13 of 32 MiB; the guest decides how fast.');
    expect(guest.progress.at(-1)).toBeCloseTo(13 / 32);
    guest.has(96);
    guest.pass(300);
    expect(guest.ends).toEqual(['The guest’s balloon driver gave back 8192 pages: target 96 MiB reached.']);
    expect(guest.isWaiting()).toBe(false);
  });

  it('takes more is followed likewise, and a few pages that never come are waited for a moment', () => {
    const guest = balloon(64, 96);
    guest.has(95.5);
    guest.pass(500);
    expect(guest.said.at(-1)).toBe('The balloon took 32 of 32 MiB; the guest decides how fast.');
    expect(guest.ends).toEqual([]);
    guest.pass(1200);
    expect(guest.ends).toEqual(['The guest’s balloon driver took 8064 pages: target 96 MiB reached.']);
  });

  it('is not there is told as such after a moment: nobody watches the target', () => {
    const guest = balloon(128, 96, 128, false);
    guest.pass(1300);
    expect(guest.ends).toEqual([
      'The guest has no balloon driver, and has 128 MiB still: nothing in it watches memory/target in its store. A driver that starts later finds the target of 96 MiB there.',
    ]);
    expect(guest.isWaiting()).toBe(false);
  });

  it('stops on its way has kept the rest after ten quiet seconds', () => {
    const guest = balloon(128, 112);
    guest.pass(6000);
    guest.has(118);
    guest.pass(9000);
    expect(guest.ends).toEqual([]);
    guest.pass(1500);
    expect(guest.ends).toEqual(['The guest kept 118 MiB; its driver gave back 10 of 16 MiB.']);
  });

  it('is not there gives nothing back', () => {
    const guest = balloon(64, 48);
    guest.pass(10_500);
    expect(guest.ends).toEqual(['The guest kept 64 MiB; none of its drivers gave back any of the 16 MiB in 10 s.']);
  });

  it('has nothing to do is done at once', () => {
    expect(balloon(64, 64).ends).toEqual(['The guest has 64 MiB already.']);
    // The hole below 1 MiB.
    expect(balloon(63.9, 64).ends).toEqual(['The guest has 64 MiB already.']);
    expect(balloon(48, 48, 64).ends).toEqual([
      'Xen took 4096 pages of its memory on demand at once: target 48 MiB reached.',
    ]);
  });

  it.each([
    ['replaced', 'Another target took its place when the balloon driver had given back 8 of 16 MiB.'],
    ['over', 'The domain ended when its balloon driver had given back 8 of 16 MiB.'],
  ] as const)('is %s ends once', (how, message) => {
    const guest = balloon(64, 48);
    guest.has(56);
    guest.pass(300);
    guest.follow[how]();
    guest.follow[how]();
    guest.pass(20_000);
    expect(guest.ends).toEqual([message]);
  });
});
