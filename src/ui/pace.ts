/**
 * How fast the guests go on in real time. Slowed down, they are paused, and each is let on this many VM exits a second (xl step -e). Virtual time has a pace of its
 * own.
 */
import { effect, signal } from '@preact/signals';
import { command, domains, host, living } from './host.ts';
import { inTheMaking, isUnderWay, keepPress } from './presses.ts';

/** VM exits a second of each guest that the slider offers. */
export const SPEEDS: readonly number[] = [1, 4, 20, 100, 500, Infinity];
/** Asked this often at most: of more exits a second several are let on at a time. */
const MOST_A_SECOND = 20;

/** What is chosen, whether the guests are paused or not. */
export const exitsPerSecond = signal(Infinity);
/** Who goes on slowly. */
const slowed = signal<ReadonlySet<number>>(new Set());

/** Domains that have been seen to run. */
const met = new Set<number>();

export const isSlow = (): boolean => slowed.value.size > 0;

function toAll(what: 'pause' | 'unpause'): void {
  for (const name of inTheMaking.peek().keys()) keepPress(name, what);
  for (const domain of living.peek()) {
    if (!isUnderWay(domain.id) && (domain.state === 'p') === (what === 'pause')) continue;
    void command(what, domain);
  }
}

/** All guests go on, as fast as is chosen. */
export function runAll(): void {
  const isFull = exitsPerSecond.peek() === Infinity;
  slowed.value = new Set(isFull ? [] : living.peek().map(({ id }) => id));
  toAll(isFull ? 'unpause' : 'pause');
}

/** All guests are paused. */
export function pauseAll(): void {
  slowed.value = new Set();
  toAll('pause');
}

/** Guests that are paused stay paused. */
export function choosePace(speed: number): void {
  const goesOn = slowed.peek().size > 0 || living.peek().some(({ state }) => state !== 'p');
  exitsPerSecond.value = speed;
  if (goesOn) runAll();
}

// Who is started meanwhile goes on as slowly; who was let on alone does not.
effect(() => {
  const runs = domains.value.filter(({ state }) => 'rb'.includes(state)),
    fresh = runs.filter(({ id }) => !met.has(id)),
    ids = slowed.peek();
  // Another host counts its domains again.
  if (domains.value.length === 0) met.clear();
  for (const { id } of runs) met.add(id);
  if (ids.size === 0 || fresh.length === 0) return;
  slowed.value = new Set([...ids, ...fresh.map(({ id }) => id)]);
  for (const domain of fresh) void command('pause', domain);
});

effect(() => {
  const rate = exitsPerSecond.value,
    ids = slowed.value;
  if (ids.size === 0 || rate === Infinity) return;
  const everyMs = 1000 / Math.min(rate, MOST_A_SECOND),
    exits = Math.max(1, Math.round((rate * everyMs) / 1000));
  const timer = setInterval(() => {
    // Somebody may have let one run, or ended it, meanwhile.
    for (const { id, state } of living.peek())
      if (state === 'p' && ids.has(id)) host.step(id, exits, 'exits').catch(() => {});
  }, everyMs);
  return () => clearInterval(timer);
});
