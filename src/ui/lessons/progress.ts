/** How far somebody is in lessons: kept in this browser, taken along as a file, and never sent anywhere. */

import { words } from './words.ts';

/** A lesson with a seed and a name; `step` of `steps` is open. `code`: it is done. */
export interface KeptLesson {
  id: string;
  title: string;
  seed: string;
  name: string;
  round: number;
  step: number;
  steps: number;
  code?: string;
}

const KEY = 'ringside-progress';
const FORMAT = 'Ringside progress 1';
const MOST_KEPT = 500;

const keyOf = ({ id, seed, name }: KeptLesson): string => JSON.stringify([id, seed, name]);

const isKept = (what: unknown): what is KeptLesson => {
  const { id, title, seed, name, round, step, steps, code } = (what ?? {}) as Record<string, unknown>;
  return (
    [id, title, seed, name].every(each => typeof each === 'string') &&
    [round, step, steps].every(Number.isInteger) &&
    (code === undefined || typeof code === 'string')
  );
};

/** Of a text that `exported` made, or the browser kept. @throws Error with a sentence */
export function readKept(text: string): KeptLesson[] {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    read = undefined;
  }
  const { format, lessons } = (read ?? {}) as Record<string, unknown>;
  if (format !== FORMAT || !Array.isArray(lessons) || !lessons.every(isKept)) throw new Error(words.errors.noProgress);
  return lessons;
}

export const writeKept = (lessons: readonly KeptLesson[]): string =>
  `${JSON.stringify({ format: FORMAT, lessons: lessons.slice(-MOST_KEPT) }, null, 1)}\n`;

/** What is farther of both, of each lesson, seed and name; what was there first is first. */
export function joined(kept: readonly KeptLesson[], more: readonly KeptLesson[]): KeptLesson[] {
  const all = new Map(kept.map(each => [keyOf(each), each]));
  for (const each of more) {
    const old = all.get(keyOf(each));
    if (!old || (!old.code && (each.code !== undefined || each.step > old.step))) all.set(keyOf(each), each);
  }
  return [...all.values()];
}

/** A browser that keeps nothing has none. */
export function allKept(): KeptLesson[] {
  try {
    return readKept(localStorage.getItem(KEY) ?? writeKept([]));
  } catch {
    return [];
  }
}

/** A browser that keeps nothing forgets it. */
export function keep(lessons: readonly KeptLesson[]): void {
  try {
    localStorage.setItem(KEY, writeKept(joined(allKept(), lessons)));
  } catch {
    // There is no other place for it.
  }
}

export function forgetKept(): void {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}
