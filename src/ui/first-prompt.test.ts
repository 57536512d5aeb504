import { expect, it, vi } from 'vitest';

vi.mock('./host.ts', () => ({ info: { peek: () => undefined }, tasks: { peek: () => [] } }));
vi.mock('./sessions.ts', () => ({ sessions: { peek: () => new Map() } }));
const { promptWatch } = await import('./first-prompt.ts');

const QUIET = { isAwaited: false, said: 0 };

it('nobody waits for a prompt where no guest is started for four seconds', () => {
  const isThere = promptWatch();
  expect(isThere({ nowMs: 1000, ...QUIET })).toBe(false);
  expect(isThere({ nowMs: 4900, ...QUIET })).toBe(false);
  expect(isThere({ nowMs: 5000, ...QUIET })).toBe(true);
});

it('a guest that is started is waited for as long as it takes to say something and fall silent', () => {
  const isThere = promptWatch();
  expect(isThere({ nowMs: 0, ...QUIET })).toBe(false);
  for (let nowMs = 3900; nowMs <= 12_000; nowMs += 100)
    expect(isThere({ nowMs, isAwaited: true, said: 0 })).toBe(false);
  // Five seconds of words.
  for (let nowMs = 12_000; nowMs <= 17_000; nowMs += 100)
    expect(isThere({ nowMs, isAwaited: false, said: nowMs })).toBe(false);
  expect(isThere({ nowMs: 18_900, isAwaited: false, said: 17_000 })).toBe(false);
  expect(isThere({ nowMs: 19_000, isAwaited: false, said: 17_000 })).toBe(true);
});

it('one that goes on and on, or is never heard, holds nothing up for longer than twenty seconds', () => {
  const talks = promptWatch(),
    is = promptWatch();
  for (let nowMs = 0; nowMs < 20_000; nowMs += 100) {
    expect(talks({ nowMs, isAwaited: false, said: 1 + nowMs })).toBe(false);
    expect(is({ nowMs, isAwaited: true, said: 0 })).toBe(false);
  }
  expect(talks({ nowMs: 20_000, isAwaited: false, said: 20_001 })).toBe(true);
  expect(is({ nowMs: 20_000, isAwaited: true, said: 0 })).toBe(true);
});
