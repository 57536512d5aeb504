/** A lesson gone through with nobody there: what everybody with its seed measures. */
import type { Exact } from './code.ts';
import type { Lesson } from './form.ts';
import { LessonRun, type LessonHost } from './run.ts';

/** Numbers by the names of their rows, and those that count for the code. */
export interface Walked {
  values: ReadonlyMap<string, number>;
  exact: Exact;
}

/** Answers that change hints alone, for rows that name one. */
export const anyAnswers = ({ steps }: Lesson): ReadonlyMap<string, number> =>
  new Map(steps.flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'ask' ? [[part.name, 1] as const] : []))));

/** Goes through a lesson on a host of its own, or one whose guests it leaves alone. @throws Error with a sentence where a check does not hold */
export async function walkThrough(lesson: Lesson, host: LessonHost): Promise<Walked> {
  const run = new LessonRun(lesson, host),
    answers = anyAnswers(lesson);
  await run.start();
  try {
    for (const [i, step] of lesson.steps.entries()) {
      if (step.kind === 'do') await run.act(step);
      if (step.kind !== 'measure') continue;
      const failed = (await run.measure(i, answers)).judged.find(({ holds }) => !holds);
      if (failed)
        throw new Error(
          `“${lesson.title}” does not hold with the seed ${lesson.seed || '–'}: ${failed.check.fails} (${failed.check.holds})`,
        );
    }
    return { values: run.values, exact: run.exact };
  } finally {
    await run.end();
  }
}
