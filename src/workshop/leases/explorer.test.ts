import { describe, expect, it } from 'vitest';
import { type Budget, explore } from './explorer.ts';

const NOTHING: Budget = {
  hosts: 2,
  moves: 0,
  cancels: 0,
  declines: 0,
  losses: 0,
  crashes: 0,
  sleeps: 0,
  takeOvers: 0,
  anews: 0,
  copies: 0,
  ticks: 0,
};

// Larger worlds: npm run -s explore:leases.
describe('leases', () => {
  it.each([
    ['a move that is given up, or given back', { moves: 1, cancels: 1, declines: 1 }],
    ['a move, and a message that is lost', { moves: 1, cancels: 1, losses: 1 }],
    ['a move, and a host that ends', { moves: 1, cancels: 1, crashes: 1 }],
    ['a copy that is kept elsewhere, and a host that ends', { anews: 1, copies: 1, crashes: 1, ticks: 1 }],
    [
      'a copy that counts no more, and a host that ends after it went on with it',
      { anews: 2, copies: 1, crashes: 1, ticks: 2 },
    ],
    ['a move to the host that keeps a copy, and ends', { moves: 1, anews: 2, copies: 1, crashes: 1 }],
    ['a copy that counts no more, and a host that sleeps', { anews: 2, copies: 1, sleeps: 1, ticks: 1 }],
    ['a host that sleeps, and another that starts the guest', { sleeps: 1, takeOvers: 1, ticks: 2 }],
  ])('have one host run the guest, whatever comes of %s', (_name, budget) => {
    const { problem, worlds } = explore({ ...NOTHING, ...budget });
    expect(problem).toBeUndefined();
    expect(worlds).toBeGreaterThan(50);
  });

  it('that ran out before their holder stops would be told, with what led to it', () => {
    const timing = { renewMs: 1, fenceMs: 2, takeOverMs: 1 };
    const { problem } = explore({ ...NOTHING, takeOvers: 1, ticks: 1 }, { timing });
    expect(problem?.sentence).toBe('hosts 0 and 1 run the guest');
    expect(problem?.steps).toContain('time passes');
  });
});
