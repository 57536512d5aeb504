import { expect, it } from 'vitest';
import { later, sinceStart, startedAt, took } from './units.ts';

it('tells how long after the first something was, in µs up to a second', () => {
  expect([0, 400, 411_499, 5_981_000, 999_999_400].map(later)).toEqual([
    '0 µs',
    '0 µs',
    '+411 µs',
    '+5\u202f981 µs',
    '+999\u202f999 µs',
  ]);
  expect(later(1_250_000_000)).toBe('+1.250 s');
});

it('tells when a task started, how far it is, and how long it took', () => {
  expect(startedAt(new Date(2026, 0, 2, 3, 4, 5, 67).getTime())).toEqual(['03:04:05', '.067']);
  const task = { id: 1, command: 'xl list', state: 'running', startedMs: 0 } as const;
  expect(
    [task, { ...task, progress: 0.419 }, { ...task, durationMs: 212.4 }, { ...task, durationMs: 12_340 }].map(took),
  ).toEqual(['', '41 %', '0.212 s', '12.3 s']);
  expect([0, 0.44, 999.9, 1250].map(sinceStart)).toEqual(['+0.0 ms', '+0.4 ms', '+999.9 ms', '+1.250 s']);
});
