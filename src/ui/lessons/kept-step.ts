/** The step of a lesson at which this tab is: a reader who loads the page again, returns to it or changes the language goes on there. */
import { type Lesson, versionOf } from '../../lessons/index.ts';

/** What of a lesson is somebody's own: all else the page does again. */
export interface KeptStep {
  at: number;
  answers: ReadonlyMap<string, number>;
}

const KEY = 'ringside-step';

/** A lesson with its numbers, in a version: other words alone make no other one. */
const keyOf = (lesson: Lesson): string => JSON.stringify([lesson.id, lesson.seed, versionOf(lesson)]);

/** A browser that keeps nothing begins again. */
export function keepStep(lesson: Lesson, { at, answers }: KeptStep): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ lesson: keyOf(lesson), at, answers: [...answers] }));
  } catch {
    // There is no other place for it.
  }
}

/** Undefined: this tab was at none of this lesson. */
export function keptStep(lesson: Lesson): KeptStep | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Record<string, unknown>,
      { at, answers } = kept;
    if (kept.lesson !== keyOf(lesson) || !Number.isInteger(at) || !lesson.steps[at as number]) return undefined;
    return { at: at as number, answers: new Map(answers as [string, number][]) };
  } catch {
    return undefined;
  }
}

export function forgetStep(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // None was kept.
  }
}

/** The page was loaded again, or somebody came back to it: by no link, whatever round one had named. */
export const isBack = (): boolean =>
  (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming | undefined)?.type !== 'navigate';
