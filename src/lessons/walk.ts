/** A lesson gone through with nobody there: what everybody with its seed measures. */
import type { Exact } from './code.ts';
import type { Lesson } from './form.ts';
import { LessonRun, type LessonHost } from './run.ts';

/** Exact numbers of a lesson, on a host of its own. @throws Error with a sentence where a check does not hold */
export async function exactNumbers(lesson: Lesson, host: LessonHost): Promise<Exact> {
  const run = new LessonRun(lesson, host);
  // What is said changes hints alone.
  const answers = new Map(
    lesson.steps.flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'ask' ? [[part.name, 1] as const] : []))),
  );
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
    return run.exact;
  } finally {
    await run.end();
  }
}
