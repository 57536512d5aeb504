import { describe, expect, it } from 'vitest';
import { type Phase, type RunEvent, RunState } from './run-state.ts';

/** From each state by each event: to the state of the event's column, or one that is named. `=`: it stays. `-`: it must not happen. */
const EVENTS = 'enter leave stop call sleep wake reset crash end done start over resume'.split(' ') as RunEvent[];
const EXPECTED: Record<Phase, string> = {
  ready: 'running = = = to-sleep to-wake to-reset to-restart to-end - = - -',
  running: '- ready leaving calling to-sleep to-wake to-reset to-restart to-end - = - -',
  leaving: '- ready = calling to-sleep to-wake to-reset to-restart to-end - = - -',
  calling: '- ready = = to-sleep to-wake to-reset to-restart to-end - = - -',
  'to-sleep': '= = = = = to-wake to-reset to-restart to-end ready ready - -',
  'to-wake': '= = = = to-sleep = to-reset to-restart to-end ready ready - -',
  'to-reset': '= = = = = = = to-restart to-end ready ready ended -',
  'to-restart': '= = = = = = = = to-end - ready - -',
  'to-end': '= = = = = = = = = - ready ended -',
  ended: '- = = = = = = = = - ready - ready',
};

const after = (phase: Phase, event: RunEvent): string => {
  const state = new RunState();
  state.phase = phase;
  try {
    return state.take(event) ? state.phase : '=';
  } catch {
    // What is refused changes nothing.
    expect(state.phase).toBe(phase);
    return '-';
  }
};
const run = (...events: RunEvent[]): Phase => {
  const state = new RunState();
  for (const event of events) state.take(event);
  return state.phase;
};

describe('a domain', () => {
  it.each(Object.entries(EXPECTED) as [Phase, string][])(
    'that is %s does what its row says, and nothing else',
    (phase, row) => {
      expect(EVENTS.map(event => after(phase, event)).join(' ')).toBe(row);
    },
  );

  it('says which transition must not happen', () => {
    const state = new RunState();
    state.take('enter');
    expect(() => state.take('enter')).toThrow(
      'A domain in the state running cannot enter. This is a defect of Ringside.',
    );
  });

  it('runs on after a slice that something ended, and after one in which it called Domain 0', () => {
    expect(run('enter', 'stop', 'leave', 'enter')).toBe('running');
    expect(run('enter', 'call', 'stop')).toBe('calling');
    expect(run('stop', 'enter')).toBe('running');
  });

  it('does the strongest of what it is asked, in whichever order it is asked', () => {
    const requests: RunEvent[] = ['sleep', 'reset', 'crash', 'end'];
    for (const [i, weak] of requests.entries())
      for (const strong of requests.slice(i))
        expect([run('enter', weak, strong), run('enter', strong, weak)], `${weak} and ${strong}`).toEqual(
          Array(2).fill(run(strong)),
        );
    // Of these two it is the last one: each is where the other led to.
    expect([run('sleep', 'wake'), run('wake', 'sleep')]).toEqual(['to-wake', 'to-sleep']);
  });

  it('keeps what was asked between two slices, or as it was started again, for the next slice', () => {
    expect(run('reset', 'enter')).toBe('to-reset');
    expect(run('enter', 'reset', 'start', 'end', 'leave', 'enter')).toBe('to-end');
  });

  it('runs no more once it has ended, until it is started again or its suspend was cancelled', () => {
    expect(run('enter', 'end', 'over', 'leave', 'reset', 'stop')).toBe('ended');
    expect(() => run('end', 'over', 'enter')).toThrow('ended cannot enter');
    expect(run('end', 'over', 'start', 'enter')).toBe('running');
    expect(run('end', 'over', 'resume', 'enter')).toBe('running');
  });
});
